"""Grades a learner's notebook: runs it by itself and tries every answer.

Whatever stands in the notebook's own check lines, the answers are tried once more with
the checks of the installed package. The notebook's code runs with your rights: grade
strangers' notebooks in a container.
"""

from __future__ import annotations

import ast
import json
import re
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit import __version__
from toolkit.errors import ConfigError, MissingExtraError
from toolkit.lessons.exercise import Exercise
from toolkit.lessons.exercises import exercise_of, exercises_of
from toolkit.lessons.masters import binding, facts_of

LESSON = re.compile(r"""start\(\s*["'](\d\d_\w+)["']""")
ANSWER_TIMEOUT_S = 60
"""For one check."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Graded:
    """What became of one exercise."""

    name: str
    """Of the exercise."""
    passed: bool
    """Whether the answer is right."""
    attempted: bool
    """Whether it differs from what the lesson had there."""
    message: str
    """What the check said."""
    points: int
    """Its importance if it passed, else 0."""
    of: int
    """Its importance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """What became of a notebook."""

    lesson: str
    """Which lesson it is."""
    toolkit: str
    """Version of the package that graded it."""
    points: int
    """Sum over its exercises."""
    of: int
    """Most that can be had."""
    exercises: tuple[Graded, ...]
    """In the order of the lesson."""
    errors: tuple[str, ...]
    """Cells of the notebook that failed, and how."""

    def to_json(self) -> str:
        """Return it for programs."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)


def grade(notebook: str | Path, *, timeout_s: float = 600) -> Grade:
    """Run a notebook in a process and a folder of its own, and try its answers.

    Args:
        notebook: A lesson that somebody has worked on.
        timeout_s: For all of its cells. What is interrupted then counts as a cell that
            failed; answers that exist are tried nevertheless.

    Raises:
        ConfigError: If it is not a lesson with exercises, or there is no time.
        MissingExtraError: If nbclient is not installed.
    """
    try:
        import nbformat
    except ImportError as error:
        raise MissingExtraError("nbformat", "dev") from error
    if not timeout_s > 0:
        raise ConfigError(
            f"The notebook is given {timeout_s:g} seconds.",
            "Its cells need some time.",
            "Give --timeout a number above zero.",
        )
    try:
        book = nbformat.read(notebook, as_version=4)
        nbformat.validate(book)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
        raise ConfigError(
            f"{notebook} cannot be read as a notebook.",
            f"{type(error).__name__}: {str(error).partition(chr(10))[0]}",
            "Check the path, or save it again in Jupyter.",
        ) from error
    sources = [cell.source for cell in book.cells if cell.cell_type == "code"]
    found = LESSON.search("\n".join(sources))
    exercises = exercises_of(found[1]) if found else {}
    if not found or not exercises:
        raise ConfigError(
            f"{notebook} is no lesson with exercises.",
            'None of its cells says start("NN_name") with the name of one.',
            "Give a lesson of tutorials/ that somebody has worked on.",
        )
    said, errors = _run(book, found[1], list(exercises), timeout_s)
    attempts = _attempted(found[1], sources)
    graded = tuple(_graded(e, said[n], attempts[n]) for n, e in exercises.items())
    return Grade(
        lesson=found[1],
        toolkit=__version__,
        points=sum(g.points for g in graded),
        of=sum(g.of for g in graded),
        exercises=graded,
        errors=errors,
    )


def try_answer(lesson: str, name: str, names: Mapping[str, Any]) -> dict[str, Any]:
    """Try one answer in the notebook that holds it.

    Args:
        lesson: File name of the lesson, without its ending.
        name: Of the exercise.
        names: The notebook's variables.
    """
    exercise = exercise_of(lesson, name)
    missing = [n for n in (name, *exercise.context) if n not in names]
    if missing:
        return {"passed": False, "message": f"there is nothing called {missing[0]}."}
    try:
        verdict = exercise.check(*(names[n] for n in (name, *exercise.context)))
    except Exception as error:  # a notebook may hold anything
        return {"passed": False, "message": f"{type(error).__name__}: {error}"}
    return {"passed": verdict.passed, "message": verdict.message}


def _run(
    book: Any, lesson: str, names: list[str], timeout_s: float
) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """Execute a notebook and the checks; return what they say, and failed cells."""
    try:
        import nbclient
        import nbformat
    except ImportError as error:
        raise MissingExtraError("nbclient", "dev") from error
    own = [nbformat.v4.new_code_cell(_TRY.format(lesson, name)) for name in names]
    deadline = time.monotonic() + timeout_s

    def seconds(cell: Any) -> float:
        left = deadline - time.monotonic()
        return ANSWER_TIMEOUT_S if cell in own else max(left, 1)

    work = nbformat.v4.new_notebook(cells=[*book.cells, *own])
    for cell in work.cells:
        cell["outputs"] = []
    with tempfile.TemporaryDirectory() as folder:
        nbclient.NotebookClient(
            work,
            timeout_func=seconds,
            interrupt_on_timeout=True,
            allow_errors=True,
            store_widget_state=False,
            resources={"metadata": {"path": folder}},
        ).execute()
    late = {"passed": False, "message": "it did not end in time."}
    said = {
        name: next((o.data["application/json"] for o in cell.outputs if "data" in o
                    and "application/json" in o.data), late)
        for name, cell in zip(names, own, strict=True)
    }  # fmt: skip
    errors = tuple(
        f"cell {number}: {output.ename}: {output.evalue}"
        for number, cell in enumerate(book.cells, start=1)
        for output in cell.get("outputs", ())
        if output.output_type == "error"
    )
    return said, errors


_TRY = """
from IPython.display import display
from toolkit.lessons.grade import try_answer
display({{"application/json": try_answer("{}", "{}", globals())}}, raw=True)
"""


def _attempted(lesson: str, sources: list[str]) -> dict[str, bool]:
    """Return which answers differ from the stubs, words in comments aside."""
    stubs: dict[str, str] = facts_of(lesson).get("stubs", {})
    found = dict.fromkeys(exercises_of(lesson), True)
    for name, stub in stubs.items():
        for source in sources:
            try:
                answer = ast.parse(binding(source, name))
            except (SyntaxError, ConfigError):
                continue
            found[name] = ast.dump(answer) != ast.dump(ast.parse(stub))
    return found


def _graded(exercise: Exercise, said: dict[str, Any], attempted: bool) -> Graded:
    points = exercise.importance if said["passed"] else 0
    return Graded(
        name=exercise.name,
        passed=said["passed"],
        attempted=attempted,
        message=said["message"],
        points=points,
        of=exercise.importance,
    )
