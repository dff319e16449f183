"""The instructor's guide of a lesson: what its author says, and what is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from toolkit.errors import ConfigError
from toolkit.lessons.exercise import Exercise
from toolkit.lessons.exercises import exercises_of
from toolkit.lessons.masters import GUIDE, budget_line, facts_of, read
from toolkit.lessons.misconceptions import said_by_checks, said_by_diagnosis

HEADINGS = (
    "Plan for 50 minutes",
    "Plan for 90 minutes",
    "What to show live",
    "Common errors",
    "Discussion",
    "Expected numbers",
    "Without a GPU or the internet",
    "Exam questions",
)
"""What every guide says, in this order; its author writes below each of them."""
EXPECTED = "expected"
"""Tag of cells whose output stands in the guide, as text."""


def guide(master: Path, executed: Any) -> str:
    """Return the guide of a lesson as Markdown.

    Args:
        master: Of the lesson, with cells tagged `guide` that have the headings.
        executed: Its notebook with outputs.

    Raises:
        ConfigError: If a heading is missing, unknown or has nothing below it.
    """
    title = executed.cells[0].source.partition("\n")[0].removeprefix("# ")
    notes = _notes(master)
    exercises = list(exercises_of(master.stem).values())
    known = {
        "Common errors": _errors(master.stem),
        "Expected numbers": _outputs(executed.cells),
    }
    parts = [
        f"# Teaching {master.stem}: {title}",
        f"[The lesson](../{master.stem}.ipynb) with its "
        f"[solution](../solutions/{master.stem}.ipynb). It takes "
        f"{budget_line(facts_of(master.stem))}",
        _overview(exercises),
    ]
    for heading in HEADINGS:
        parts += [f"## {heading}", notes[heading], known.get(heading, "")]
    return "\n\n".join(part for part in parts if part) + "\n"


def _notes(master: Path) -> dict[str, str]:
    """Return what the author says under each heading.

    Raises:
        ConfigError: If a heading is missing, unknown or has nothing below it.
    """
    cells = [c for c in read(master).cells if GUIDE in c.metadata.get("tags", ())]
    _, *parts = re.split(r"^## ", "\n\n".join(c.source for c in cells), flags=re.M)
    named = (part.partition("\n") for part in parts)
    notes = {heading: text.strip() for heading, _, text in named}
    wrong = [h for h in (*HEADINGS, *notes) if h not in HEADINGS or not notes.get(h)]
    if wrong:
        raise ConfigError(
            f"{master}: the guide's part {wrong[0]!r} is unknown or empty.",
            f"A guide has the parts {', '.join(HEADINGS)}.",
            'Write it in a Markdown cell with tags=["guide"], as a heading with ##.',
        )
    return notes


def _overview(exercises: list[Exercise]) -> str:
    """Return the exercises as a table."""
    rows = [
        f"| `{e.name}` | {e.difficulty} | {e.importance} | {e.minutes} |"
        for e in exercises
    ]
    head = ["| exercise | difficulty | importance (points) | minutes |"]
    return "\n".join([*head, "|---|---|---|---|", *rows]) if rows else ""


def _errors(lesson: str) -> str:
    """Say what checks and diagnosis recognise, in their own words."""
    parts = []
    for name, messages in said_by_checks(lesson).items():
        said = "\n".join(f"- {message}" for message in messages)
        parts.append(f"The check of `{name}` says to wrong answers:\n\n{said}")
    if alerts := said_by_diagnosis(lesson).items():
        warned = "\n".join(f"- `{rule}`: {why}" for rule, why in alerts)
        parts.append(f"`toolkit diagnose` warns of runs:\n\n{warned}")
    return "\n\n".join(parts)


def _outputs(cells: list[Any]) -> str:
    """Return the outputs of cells tagged `expected`, below their sections."""
    parts, section = [], ""
    for cell in cells:
        if cell.cell_type == "markdown":
            found = re.findall(r"^#{2,3} (.*)$", cell.source, flags=re.M)
            section = found[-1] if found else section
        elif EXPECTED in cell.metadata.get("tags", ()):
            texts = "\n".join(_text(o) for o in cell.outputs).strip()
            parts.append(f"“{section}”, profile `smoke`:\n\n```text\n{texts}\n```")
    return "\n\n".join(parts)


def _text(output: Any) -> str:
    """Return an output in words."""
    return str(output.get("text") or output.get("data", {}).get("text/plain", ""))
