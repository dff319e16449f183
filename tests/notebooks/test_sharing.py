import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.sharing import apart, bound, parsed, reads
from tests.notebooks.test_notebooks import LESSONS, code, named
from toolkit.lessons.masters import learner_path, solution_path

ROOT = Path(__file__).parents[2]
MOST_LATER_CELLS = 2  # that read an answer, and so are run for both


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a = 1\nb, (c, *d) = 2, (3, 4)", {*"abcd"}),
        ("import os.path\nfrom sys import argv as words", {"os", "words"}),
        ("def f(x):\n    y = x\n    return y", {"f"}),
        ("a.b[0].c = 1\nd['x'] += 1", {"a", "d"}),
        ("a.append(1)\nprint(b.copy())", {"a"}),
        ("a.b().clear()", {"a"}),
        ("for i in x:\n    j = i", {"i", "j"}),
        ("with x as y:\n    del z", {"y", "z"}),
        ("if (n := 3) > 2:\n    %pip install x\n    m = n", {"n", "m", "get_ipython"}),
    ],
)
def test_what_a_cell_binds_or_changes(source, names):
    assert bound(parsed(source)) == names


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("a = b\nc = a", {"b"}),
        ("c = a\na = b", {"a", "b"}),
        ("a += 1", {"a"}),
        ("a = 1\na += b", {"b"}),
        ("if b:\n    a = 1\nc = a", {"a", "b"}),
        ("def f(x):\n    return x + a", {"x", "a"}),
        ("a.b[c] = d", {*"acd"}),
    ],
)
def test_what_a_cell_reads(source, names):
    assert reads(ast.parse(source)) == names


@pytest.mark.parametrize(
    ("lesson", "solution", "positions"),
    [
        ("x | y | z", "x | y | z", []),
        ("x | y = 1 | z", "x | y = 2 | z", [1]),
        ("x | y = 1 | z | print(y) | z", "x | y = 2 | z | print(y) | z", [1, 2, 3]),
        ("y = 1 | z = y | w = z | v = x", "y = 2 | z = y | w = z | v = x", [0, 1, 2]),
        ("y.a = 1 | print(y)", "y.a = 2 | print(y)", [0, 1]),
        ("y = 1 | z = 1 | y = 0 ; y", "y = 2 | z = 2 | y = 0 ; y", [0, 1]),
    ],
)
def test_cells_that_differ_and_those_that_follow_are_apart(lesson, solution, positions):
    cells = [
        [(cell.replace(" ; ", "\n"), []) for cell in book.split(" | ")]
        for book in (lesson, solution)
    ]
    found = apart(list(zip(*cells, strict=True)))
    assert [at for at, is_apart in enumerate(found) if is_apart] == positions


def test_cells_whose_stored_outputs_differ_are_apart():
    one, two = ("print(x)", [{"text": "1"}]), ("print(x)", [{"text": "2"}])
    assert apart([(one, one), (one, two)]) == [False, True]


@pytest.mark.parametrize("master", LESSONS, ids=named)
def test_little_is_run_twice(master):
    books = [
        [(cell.source, []) for cell in code(find(master))]
        for find in (learner_path, solution_path)
    ]
    pairs = list(zip(*books, strict=True))
    differing = sum(ours != theirs for ours, theirs in pairs)
    assert 0 < differing <= sum(apart(pairs)) <= differing + MOST_LATER_CELLS


# ---- with kernels --------------------------------------------------------------------

COMMON = "print('common', file=open('log', 'a'))"
LATER = "print(answer, file=open('log', 'a'))"


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a lesson and a solution with the given cells."""

    def runs(lesson, solution, *names):
        books = {"lesson.ipynb": lesson, "solutions/lesson.ipynb": solution}
        for name, cells in books.items():
            made = [nbformat.v4.new_code_cell(source) for source in cells]
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            nbformat.write(nbformat.v4.new_notebook(cells=made), path)
        command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
        options = ["--nbval-lax", "--nbval-current-env", "tests/conftest.py"]
        paths = [str(tmp_path / name) for name in names or books]
        said = subprocess.run(
            [*command, *options, *paths],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        ).stdout
        logs = [tmp_path / "log", tmp_path / "solutions" / "log"]
        return said, [log.read_text().split() for log in logs if log.exists()]

    return runs


@pytest.mark.slow
def test_common_cells_run_once_and_each_reads_its_own_answer(run):
    said, logs = run(
        [COMMON, "answer = 'open'", LATER, COMMON],
        [COMMON, "answer = 'solved'", LATER, COMMON],
    )
    assert "6 passed, 2 deselected" in said
    assert logs == [["common", "solved", "open", "common"]]


@pytest.mark.slow
def test_a_solution_that_breaks_is_seen(run):
    said, logs = run([COMMON, "answer = 1", LATER], [COMMON, "1 / 0", LATER])
    assert "ZeroDivisionError" in said
    assert "2 failed, 3 passed" in said
    assert logs == [["common", "1"]]


@pytest.mark.slow
def test_a_solution_alone_runs_from_top_to_bottom(run):
    cells = [COMMON, "answer = 'solved'", LATER]
    said, logs = run([COMMON, "1 / 0", LATER], cells, "solutions/lesson.ipynb")
    assert "3 passed" in said
    assert "deselected" not in said
    assert logs == [["common", "solved"]]
