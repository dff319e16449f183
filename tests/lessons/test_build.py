import re

import nbformat
import pytest

from toolkit.errors import ToolkitError
from toolkit.lessons.build import WIDGET, build, convert, main, strip

MASTER = """# %% [markdown]
# # A question?
#
# Budget: about 990 s on a slow day.

# %%
import time

print("step 1  1.5 s  0.2 min left")

# %% tags=["parameters"]
class Picture:
    def _repr_mimebundle_(self, **_):
        return {"text/html": "<svg/>", "image/svg+xml": "<svg/>", "text/plain": "words"}

Picture()

# %%
if False:
    # %pip install nothing
    pass
"""


@pytest.fixture(name="master")
def _master(tmp_path):
    path = tmp_path / "01_toy.py"
    path.write_text(MASTER, encoding="utf-8")
    return path


def test_conversion_is_the_same_every_time(master):
    first, second = convert(master), convert(master)
    assert nbformat.writes(first) == nbformat.writes(second)
    nbformat.validate(first)
    kinds = [cell.cell_type for cell in first.cells]
    assert kinds == ["markdown", "code", "code", "code"]
    assert first.cells[2].metadata == {"tags": ["parameters"]}
    assert "\n    %pip install nothing" in first.cells[3].source


@pytest.mark.slow
def test_a_build_keeps_what_does_not_change(master):
    built = nbformat.read(build(master), as_version=4)
    nbformat.validate(built)
    assert built.cells[1].outputs[0].text == "step 1\n"
    data = built.cells[2].outputs[0].data
    assert set(data) == {"image/svg+xml", "text/plain"}
    assert [c.execution_count for c in built.cells[1:]] == [1, 2, 3]
    (budget,) = re.findall(r"Budget: about (\d+) s", built.cells[0].source)
    assert int(budget) in range(10, 200, 10)
    assert f"Budget: about {budget} s" in master.read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_cell_that_fails_stops_the_build(master, capsys):
    master.write_text(MASTER + "\n# %%\n1 / 0\n", encoding="utf-8")
    with pytest.raises(ToolkitError, match="ZeroDivisionError"):
        build(master)
    assert not master.with_suffix(".ipynb").exists()


def test_missing_masters_are_told(tmp_path, capsys):
    assert main([str(tmp_path / "none.py")]) == 1
    assert "none.py" in capsys.readouterr().err


def test_widgets_leave_their_text_only():
    live = {WIDGET: {"model_id": "x"}, "text/plain": "Play()"}
    outputs = [
        nbformat.v4.new_output("display_data", data=live),
        nbformat.v4.new_output(
            "execute_result", data={**live, "text/html": "<p>"}, execution_count=7
        ),
    ]
    cell = nbformat.v4.new_code_cell("x", outputs=outputs, execution_count=7)
    cell.metadata["execution"] = {"iopub.status.busy": "2026"}
    book = nbformat.v4.new_notebook(cells=[cell], metadata={"widgets": {"state": {}}})
    strip(book)
    (kept,) = book.cells[0].outputs
    assert kept.data == {"text/plain": "Play()", "text/html": "<p>"}
    assert kept.execution_count == book.cells[0].execution_count == 1
    assert "widgets" not in book.metadata
    assert "execution" not in book.cells[0].metadata
