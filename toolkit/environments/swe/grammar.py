"""The tools of a repairer: what each is called, takes and does."""

from __future__ import annotations

import json
from dataclasses import dataclass

OPEN, MIDDLE, CLOSE = "<<<<<<<", "=======", ">>>>>>>"
"""What stands before, between and behind the texts of an edit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """Something that can be done."""

    form: str
    """How it is written."""
    does: str
    """What it does, in a few words."""
    needs: tuple[str, ...] = ()
    """Arguments that must be given; all are texts but `line`."""
    takes: tuple[str, ...] = ()
    """Arguments that may be given."""


TOOLS = {
    "ls": Tool(form="ls [FOLDER]", does="list a folder", takes=("folder",)),
    "view": Tool(
        form="view FILE [FIRST:LAST]",
        does="show a file, or some of its lines",
        needs=("file",),
        takes=("lines",),
    ),
    "search": Tool(
        form='search TEXT, or search "TEXT" FOLDER',
        does="find lines that hold a text",
        needs=("text",),
        takes=("folder",),
    ),
    "replace": Tool(
        form=f"replace FILE\n{OPEN} OLD\nold lines\n{MIDDLE}\nnew lines\n{CLOSE} NEW",
        does="put new text where the old text stands, which must be there exactly once",
        needs=("file", "old", "new"),
    ),
    "insert": Tool(
        form=f"insert FILE LINE\n{OPEN} NEW\nnew lines\n{CLOSE} NEW",
        does="put lines behind a line; 0 is the top of the file",
        needs=("file", "line", "text"),
    ),
    "run_tests": Tool(
        form="run_tests [PATTERN]",
        does="run all tests, or those with PATTERN in their name",
        takes=("pattern",),
    ),
    "diff": Tool(form="diff", does="show what you have changed"),
    "submit": Tool(form="submit", does="hand in your repair and end"),
}
"""The tools by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One thing to do; what its tool does not take is empty."""

    tool: str
    """A key of `TOOLS`."""
    file: str = ""
    """Path of a file, as it was written."""
    folder: str = ""
    """Path of a folder, as it was written."""
    lines: str = ""
    """`FIRST:LAST`, either of which may be missing."""
    line: int = 0
    """Number of a line."""
    text: str = ""
    """What is searched or inserted."""
    old: str = ""
    """What is replaced."""
    new: str = ""
    """What comes in its place."""
    pattern: str = ""
    """Part of the names of tests."""

    @property
    def span(self) -> tuple[int, int | None]:
        """First and last of the `lines`, counted from 1; `None` for the end."""
        first, _, last = self.lines.partition(":")
        return int(first or 1), int(last) if last else None


def grammar(form: str) -> str:
    """Explain all tools in a few lines.

    Args:
        form: `text` or `json`.
    """
    if form == "json":
        return "\n".join(f"{example(k)}  ({t.does})" for k, t in TOOLS.items())
    heads = (tool.form.partition("\n") for tool in TOOLS.values())
    return "\n".join(
        f"{head}  ({tool.does}){newline}{block}"
        for tool, (head, newline, block) in zip(TOOLS.values(), heads, strict=True)
    )


def example(name: str) -> str:
    """Return a tool call with all its arguments.

    >>> example("ls")
    '{"tool": "ls", "folder": "FOLDER"}'
    """
    samples = {"line": 12, "lines": "10:30", "old": "old lines", "new": "new lines"}
    arguments = (*TOOLS[name].needs, *TOOLS[name].takes)
    return json.dumps(
        {"tool": name} | {a: samples.get(a, a.upper()) for a in arguments}
    )
