"""What every notebook of the repository must keep to."""

import re
from pathlib import Path

import nbformat
import pytest

from toolkit import __version__
from toolkit.lessons.build import FOLDERS, convert

ROOT = Path(__file__).parents[2]
MASTERS = sorted(m for folder in FOLDERS for m in (ROOT / folder).glob("*.py"))
NOTEBOOKS = sorted(n for folder in FOLDERS for n in (ROOT / folder).glob("*.ipynb"))
LONGEST_CELL, LONGEST_LINE, LARGEST = 25, 88, 300_000

every = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def read(path):
    return nbformat.read(path, as_version=4)


def code(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path):
    return [cell for cell in read(path).cells if cell.cell_type == "markdown"]


def test_there_are_notebooks_and_each_master_has_one():
    assert {master.parent.name for master in MASTERS} == {f.name for f in FOLDERS}
    assert [m.with_suffix(".ipynb") for m in MASTERS] == NOTEBOOKS


@pytest.mark.parametrize("master", MASTERS, ids=lambda path: path.name)
def test_a_notebook_says_what_its_master_says(master):
    def content(book):
        return [(c.cell_type, c.id, c.metadata, c.source) for c in book.cells]

    built = read(master.with_suffix(".ipynb"))
    assert content(built) == content(convert(master)), "run `make tutorials`"


@every
def test_the_file_is_valid_and_small(path):
    nbformat.validate(read(path))
    assert path.stat().st_size < LARGEST


@every
def test_nothing_volatile_is_stored(path):
    book = read(path)
    assert "widgets" not in book.metadata
    numbers = [cell.execution_count for cell in code(path)]
    assert numbers == list(range(1, len(numbers) + 1))
    stored = path.read_text(encoding="utf-8")
    assert "widget-view" not in stored
    assert not re.search(r" object at 0x[0-9a-f]+", stored)
    assert str(ROOT) not in stored


@every
def test_outputs_are_there_and_tell_of_no_trouble(path):
    outputs = [output for cell in code(path) for output in cell.outputs]
    assert outputs
    assert not [o for o in outputs if o.output_type == "error"]
    assert not [o for o in outputs if o.get("name") == "stderr"]


@every
def test_cells_are_short(path):
    for cell in code(path):
        lines = cell.source.splitlines()
        assert len(lines) <= LONGEST_CELL, cell.source
        assert max(map(len, lines)) <= LONGEST_LINE, cell.source


@every
def test_prose_is_at_least_as_frequent_as_code(path):
    assert len(prose(path)) >= 0.8 * len(code(path))


@every
def test_the_first_screen_tells_what_to_expect(path):
    first = prose(path)[0].source
    assert first.startswith("# ")
    assert first.splitlines()[0].endswith("?")
    assert re.findall(r"(?m)^(\d)\. ", first) == ["1", "2", "3"]
    assert re.search(r"Budget: about \d+ s", first)
    place = f"/blob/v{__version__}/{path.parent.name}/{path.name})"
    assert place in first, "the badge must open the released notebook"


@every
def test_the_first_code_cell_sets_up(path):
    setup = code(path)[0].source
    assert f'%pip install -q "multiturn-rl-toolkit[colab]=={__version__}"' in setup
    assert f'lesson = start("{path.stem}", seed=0)' in setup
    assert "%pip" not in "".join(cell.source for cell in code(path)[1:])


@every
def test_headings_are_words(path):
    for cell in prose(path):
        for line in cell.source.splitlines():
            if line.startswith("#"):
                assert line.isascii(), line
