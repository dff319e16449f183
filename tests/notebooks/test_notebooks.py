"""What every notebook of the repository must keep to."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.html_checks import Outline
from toolkit import __version__
from toolkit.lessons import masters
from toolkit.lessons.exercises import exercises_of
from toolkit.lessons.guides import EXPECTED, guide
from toolkit.lessons.masters import (
    END_STATE,
    FOLDERS,
    convert,
    exercise_cells,
    facts_of,
    guide_path,
    is_lesson,
    learner_path,
    solution_path,
    stubs,
)

ROOT = Path(__file__).parents[2]
MASTERS = sorted(m for folder in FOLDERS for m in (ROOT / folder).glob("*.py"))
LESSONS = [master for master in MASTERS if is_lesson(master)]
LEARNERS = [learner_path(master) for master in MASTERS]
SOLUTIONS = [solution_path(master) for master in LESSONS]
NOTEBOOKS = [*LEARNERS, *SOLUTIONS]
LONGEST_CELL, LONGEST_LINE, LONGEST_DEFINITION = 25, 88, 15
LARGEST, LARGEST_PICTURE = 300_000, 100_000
TAGS = {END_STATE, EXPECTED, "nbval-check-output", "nbval-ignore-output", "parameters"}
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")


def named(path):
    return str(path.relative_to(ROOT))


every = pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
every_master = pytest.mark.parametrize("master", MASTERS, ids=named)
every_lesson = pytest.mark.parametrize("master", LESSONS, ids=named)


def read(path):
    return nbformat.read(path, as_version=4)


def code(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path):
    return [cell for cell in read(path).cells if cell.cell_type == "markdown"]


# ---- generated files -----------------------------------------------------------------


def test_there_are_notebooks_and_each_has_a_master():
    assert {master.parent for master in MASTERS} == {ROOT / f for f in FOLDERS}
    folders = ("tutorials", "tutorials/solutions", "notebooks")
    assert {n for f in folders for n in (ROOT / f).glob("*.ipynb")} == set(NOTEBOOKS)
    guides = set((ROOT / "tutorials" / "guides").glob("*.md"))
    assert guides == {guide_path(master) for master in LESSONS}


@every_master
def test_a_notebook_says_what_its_master_says(master):
    def content(book):
        return [(c.cell_type, c.id, c.metadata, c.source) for c in book.cells]

    built = read(learner_path(master))
    assert content(built) == content(convert(master)), "run `make lessons`"
    if is_lesson(master):
        built = read(solution_path(master))
        fresh = convert(master, solved=True)
        assert content(built) == content(fresh), "run `make lessons`"


@every_lesson
def test_a_guide_says_what_its_lesson_says(master):
    fresh = guide(master, read(learner_path(master)))
    assert guide_path(master).read_text(encoding="utf-8") == fresh, "run `make lessons`"


@every_lesson
def test_what_is_known_of_a_lesson_is_up_to_date(master):
    known = facts_of(master.stem)
    assert known["stubs"] == stubs(master), "run `make lessons`"
    assert known["smoke"]["seconds"] <= 60


def test_nothing_is_known_of_notebooks_that_are_gone():
    known = masters.json.loads(masters.facts_path().read_text(encoding="utf-8"))
    assert set(known) == {master.stem for master in MASTERS}


# ---- files ---------------------------------------------------------------------------


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
def test_every_image_has_words_and_is_there(path):
    text = "\n".join(cell.source for cell in prose(path))
    for words, target in IMAGE.findall(text):
        assert len(words) > 8, target
        assert "://" in target or (path.parent / target).is_file(), target
    for cell in code(path):
        for output in cell.outputs:
            for tag, facts in Outline(output.get("data", {}).get("text/html", "")).tags:
                assert tag != "img" or facts.get("alt")


# ---- cells ---------------------------------------------------------------------------


@every
def test_cells_and_definitions_are_short(path):
    for cell in code(path):
        lines = cell.source.splitlines()
        assert len(lines) <= LONGEST_CELL, cell.source
        assert max(map(len, lines)) <= LONGEST_LINE, cell.source
        if "%pip" not in cell.source:
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.FunctionDef):
                    length = node.end_lineno - node.lineno + 1
                    assert length <= LONGEST_DEFINITION, node.name


def test_names_are_defined_before_they_are_used():
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821"]
    found = subprocess.run(
        [*command, *map(str, NOTEBOOKS)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr


@every
def test_prose_is_at_least_as_frequent_as_code(path):
    assert len(prose(path)) >= 0.8 * len(code(path))


@every
def test_the_first_screen_tells_what_to_expect(path):
    first = prose(path)[0].source
    assert first.startswith("# ")
    assert first.splitlines()[0].endswith("?")
    assert re.findall(r"(?m)^(\d)\. ", first) == ["1", "2", "3"]
    assert re.search(r"\*\*Budget:\*\* .* It takes \d+ s on two CPU cores", first)
    place = f"/blob/v{__version__}/{named(path)})"
    assert place in first, "the badge must open the released notebook"


@every_lesson
def test_the_first_screen_shows_where_the_lesson_leads(master):
    picture = masters.picture_path(master)
    assert picture.stat().st_size < LARGEST_PICTURE
    first = prose(learner_path(master))[0].source
    assert f"](pictures/{master.stem}.svg)" in first
    assert "You need " in first
    tags = [
        t for cell in code(learner_path(master)) for t in cell.metadata.get("tags", ())
    ]
    assert tags.count(END_STATE) == 1
    assert EXPECTED in tags
    assert set(tags) <= TAGS


@every
def test_the_first_code_cell_sets_up(path):
    setup = code(path)[0].source
    assert len(setup.splitlines()) <= 8
    assert f'%pip install -q "multiturn-rl-toolkit[colab]=={__version__}"' in setup
    assert f'lesson = start("{path.stem}", seed=0)' in setup
    others = "".join(cell.source for cell in code(path)[1:])
    assert "%pip" not in others
    assert "!pip" not in others


def test_all_set_up_alike():
    cells = {code(path)[0].source.replace(path.stem, "NAME") for path in LEARNERS}
    assert len(cells) == 1


@every
def test_headings_are_words(path):
    for cell in prose(path):
        for line in cell.source.splitlines():
            if line.startswith("#"):
                assert line.isascii(), line


# ---- exercises -----------------------------------------------------------------------


@every_lesson
def test_each_exercise_is_asked_checked_and_left_open(master):
    cells = exercise_cells(read(learner_path(master)).cells)
    exercises = exercises_of(master.stem)
    assert list(cells) == list(exercises)
    for name, cell in cells.items():
        assert "# mend" in cell.source, f"{name}: say which line to mend"
        assert cell.source.endswith(
            f'exercise = lesson.exercise("{name}")\n'
            f"exercise.check({exercises[name].call})"
        )
        assert verdict(cell).startswith("Not yet: "), name


@every_lesson
def test_each_exercise_is_solved_in_the_solution(master):
    cells = exercise_cells(read(solution_path(master)).cells)
    assert {name: verdict(cell).partition(":")[0] for name, cell in cells.items()} == (
        dict.fromkeys(exercises_of(master.stem), "Right")
    )


def verdict(cell):
    """Return what the check said when the notebook was built."""
    return cell.outputs[-1].data["text/plain"]
