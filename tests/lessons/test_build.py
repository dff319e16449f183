import nbformat
import pytest

from toolkit.errors import ToolkitError
from toolkit.lessons import masters
from toolkit.lessons.build import build, main


def read(path):
    return nbformat.read(path, as_version=4)


def change(master, old, new):
    text = master.read_text(encoding="utf-8")
    assert old in text
    master.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.slow
def test_a_build_makes_all_that_belongs_to_a_lesson(master):
    learner = read(build(master))
    solution = read(masters.solution_path(master))
    nbformat.validate(learner)
    verdicts = [book.cells[4].outputs[0].data for book in (learner, solution)]
    assert verdicts[0]["text/plain"].startswith("Not yet: these are the returns")
    assert verdicts[1]["text/plain"].startswith("Right")
    assert learner.cells[5].outputs[0].text == "step 1\n"
    drawing = learner.cells[2].outputs[0].data
    assert set(drawing) == {"image/svg+xml", "text/plain"}
    assert [c.execution_count for c in learner.cells if c.cell_type == "code"] == [
        *range(1, 6)
    ]
    assert masters.picture_path(master).read_text() == "<svg/>\n"
    assert "```text\nwords\n```" in masters.guide_path(master).read_text()

    took = masters.facts_of("04_credit")["smoke"]
    assert 1 < took["seconds"] < 1000
    assert 50 < took["memory_mb"] < 4000
    assert f"{-int(-took['memory_mb'] // 100) / 10:.1f} GB" in learner.cells[0].source

    change(master, "The others' mean.", "Their mean.")
    build(master, execute=False)
    again = read(masters.learner_path(master))
    assert "Their mean." in again.cells[3].source
    assert again.cells[4] == learner.cells[4]
    change(master, "step 1", "step 2")
    with pytest.raises(ToolkitError, match="not only words"):
        build(master, execute=False)


@pytest.mark.slow
def test_a_cell_that_fails_stops_the_build(master):
    change(master, 'print("step', '1 / 0\nprint("step')
    with pytest.raises(ToolkitError, match="ZeroDivisionError"):
        build(master)
    assert not masters.learner_path(master).exists()


def test_missing_masters_are_told(tmp_path, capsys):
    assert main([str(tmp_path / "none.py")]) == 1
    assert "none.py" in capsys.readouterr().err
