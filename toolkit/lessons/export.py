"""Writes a lesson for the graders of others: nbgrader and Otter.

`python -m toolkit.lessons.export nbgrader tutorials/src/04_credit.py release.ipynb`
writes an instructor's notebook with answers, from which `nbgrader generate_assignment`
or `otter assign` makes that of the students.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.lessons.exercise import Exercise
from toolkit.lessons.exercises import exercises_of
from toolkit.lessons.masters import binding, convert

MARKS = {
    "nbgrader": ("### BEGIN SOLUTION", "### END SOLUTION"),
    "otter": ("# BEGIN SOLUTION", "# END SOLUTION"),
}
"""What each grader takes out for the students."""


def export(master: Path, grader: str) -> Any:
    """Return a lesson as an instructor's notebook.

    Args:
        master: Of the lesson.
        grader: `nbgrader` or `otter`.
    """
    import nbformat

    notebook = convert(master, solved=True)
    exercises = exercises_of(master.stem)
    cells: list[Any] = []
    for cell in notebook.cells:
        name = cell.metadata.pop("exercise", None)
        if name is None:
            cells.append(cell)
            continue
        answer, check = _parts(cell, exercises[name], MARKS[grader])
        if grader == "nbgrader":
            cells += _for_nbgrader(answer, check, exercises[name])
        else:  # the question begins before the words that introduce it
            cells[-1:] = _for_otter(cells[-1], answer, check, exercises[name])
    if grader == "otter":
        config = nbformat.v4.new_raw_cell(f"# ASSIGNMENT CONFIG\nname: {master.stem}")
        cells.insert(0, config)
    notebook.cells = cells
    return notebook


def _parts(cell: Any, exercise: Exercise, marks: tuple[str, str]) -> tuple[Any, Any]:
    """Return a cell with the marked answer, and one that fails if it is wrong."""
    import nbformat

    begin, end = marks
    solved = binding(cell.source, exercise.name)
    head, *body = solved.splitlines()
    inner = [f"    {begin}", *body, f"    {end}"]
    lines = [head, *inner] if body else [begin, head, end]
    source = cell.source.replace(solved, "\n".join(lines))
    check = (
        f'verdict = lesson.exercise("{exercise.name}").check({exercise.call})\n'
        "assert verdict.passed, verdict"
    )
    return nbformat.v4.new_code_cell(source), nbformat.v4.new_code_cell(check)


def _for_nbgrader(answer: Any, check: Any, exercise: Exercise) -> list[Any]:
    """Add what nbgrader reads."""
    common = {"schema_version": 3, "task": False}
    answer.metadata["nbgrader"] = common | {
        "grade": False,
        "grade_id": exercise.name,
        "locked": False,
        "solution": True,
    }
    check.metadata["nbgrader"] = common | {
        "grade": True,
        "grade_id": f"{exercise.name}-check",
        "locked": True,
        "points": exercise.importance,
        "solution": False,
    }
    return [answer, check]


def _for_otter(words: Any, answer: Any, check: Any, exercise: Exercise) -> list[Any]:
    """Put between raw cells what Otter reads."""
    import nbformat

    raw = nbformat.v4.new_raw_cell
    question = f"# BEGIN QUESTION\nname: {exercise.name}\npoints: {exercise.importance}"
    return [
        *(raw(question), words, raw("# BEGIN SOLUTION"), answer, raw("# END SOLUTION")),
        *(raw("# BEGIN TESTS"), check, raw("# END TESTS"), raw("# END QUESTION")),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Write one notebook."""
    import nbformat

    parser = argparse.ArgumentParser(prog="python -m toolkit.lessons.export")
    parser.add_argument("grader", choices=MARKS)
    parser.add_argument("master", type=Path)
    parser.add_argument("notebook", type=Path, help="where it goes")
    args = parser.parse_args(arguments)
    nbformat.write(export(args.master, args.grader), args.notebook)


if __name__ == "__main__":
    main()
