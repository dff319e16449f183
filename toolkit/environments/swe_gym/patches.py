"""Unified diffs, as data sets of repairs hold them: read, counted, applied.

The format is that of `git diff` (https://git-scm.com/docs/diff-format). A hunk is
applied where its lines are found word for word, at its own place or the nearest other
one, as `git apply` does it; nothing is applied with fuzz.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from toolkit.errors import TaskError

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_FILE = re.compile(r'diff --git "?a/(.*?)"? "?b/(.*?)"?$')
_LINE = re.compile(r"[^\n]*\n|[^\n]+")  # splitlines() also ends them at form feeds
_NO_END = "\\ No newline at end of file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hunk:
    """A block of lines and what stands there afterwards, line ends included."""

    line: int
    """Where the block begins before the change, counted from 0."""
    old: tuple[str, ...]
    """Lines before the change."""
    new: tuple[str, ...]
    """Lines after it."""
    changed: int
    """Lines that are added or taken away, without those around them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileChange:
    """What a patch does to one file."""

    old: str
    """Path before the change, `""` for a new file."""
    new: str
    """Path after it, `""` for a file that goes."""
    hunks: tuple[Hunk, ...] = ()
    """The changed places, from top to bottom."""
    binary: bool = False
    """Whether it is no text; then there are no hunks."""

    @property
    def path(self) -> str:
        """The path after the change, or the last one that there was."""
        return self.new or self.old

    def reversed(self) -> FileChange:
        """Return the change that undoes this one."""
        hunks: list[Hunk] = []
        shift = 0
        for hunk in self.hunks:
            line = hunk.line + shift
            hunks.append(replace(hunk, line=line, old=hunk.new, new=hunk.old))
            shift += len(hunk.new) - len(hunk.old)
        return replace(self, old=self.new, new=self.old, hunks=tuple(hunks))


def read_patch(patch: str) -> tuple[FileChange, ...]:
    r"""Return the changes of a patch, one for each file.

    Raises:
        TaskError: If it is no patch in git's format, or a hunk is cut off.

    >>> text = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n"
    >>> change = read_patch(text + "@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = 3\n")[0]
    >>> change.path, change.hunks[0].new
    ('x.py', ('a = 1\n', 'b = 3\n'))
    """
    lines = patch.split("\n")
    starts = [i for i, line in enumerate(lines) if line.startswith("diff --git ")]
    if patch.strip() and not starts:
        raise _damaged("no line of it begins with 'diff --git'")
    ends = [*starts[1:], len(lines)]
    return tuple(_file(lines[a:b]) for a, b in zip(starts, ends, strict=False))


def changed_lines(patch: str) -> int:
    """Return how many lines a patch adds and takes away."""
    return sum(hunk.changed for file in read_patch(patch) for hunk in file.hunks)


def apply_patch(
    patch: str, read: Callable[[str], str], *, undo: bool = False
) -> dict[str, str | None]:
    r"""Return the files after a patch; `None` stands for one that goes.

    Args:
        patch: In git's format.
        read: Gives the text of a file before the patch.
        undo: Apply the patch backwards.

    Raises:
        TaskError: If a place of the patch is not in its file, or a file is binary.

    >>> text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-b = 2\n+b = 3\n"
    >>> apply_patch(text, {"x": "a = 1\nb = 2\n"}.__getitem__)
    {'x': 'a = 1\nb = 3\n'}
    """
    found: dict[str, str | None] = {}
    for change in read_patch(patch):
        file = change.reversed() if undo else change
        if file.binary:
            raise _damaged(f"the file {file.path} is binary")
        if file.old and file.old != file.new:
            found[file.old] = None
        if file.new:
            found[file.new] = _changed(file, read(file.old) if file.old else "")
    return found


def _changed(file: FileChange, text: str) -> str:
    """Return a text with the hunks of a file applied."""
    lines, shift = _LINE.findall(text), 0
    for hunk in file.hunks:
        at = _place(lines, hunk, hunk.line + shift)
        if at is None:
            raise _damaged(
                f"the place near line {hunk.line + 1} of {file.path} is gone"
            )
        lines[at : at + len(hunk.old)] = hunk.new
        shift = at - hunk.line + len(hunk.new) - len(hunk.old)
    return "".join(lines)


def _place(lines: list[str], hunk: Hunk, wanted: int) -> int | None:
    """Return where the old lines of a hunk stand, next to where they should."""
    size = len(hunk.old)
    places = range(len(lines) - size + 1)
    for at in sorted(places, key=lambda at: abs(at - wanted)):
        if tuple(lines[at : at + size]) == hunk.old:
            return at
    return None


def _file(lines: list[str]) -> FileChange:
    """Read the part of a patch that belongs to one file."""
    named = _FILE.match(lines[0])
    if not named:
        raise _damaged(f"{lines[0]!r:.80} names no file")
    old, new = named[1], named[2]
    head = next((i for i, line in enumerate(lines) if _HUNK.match(line)), len(lines))
    for line in lines[1:head]:
        if line.startswith(("new file mode", "--- /dev/null")):
            old = ""
        if line.startswith(("deleted file mode", "+++ /dev/null")):
            new = ""
    binary = any(line.startswith(("GIT binary", "Binary files")) for line in lines)
    return FileChange(old=old, new=new, hunks=_hunks(lines[head:]), binary=binary)


def _hunks(lines: list[str]) -> tuple[Hunk, ...]:
    """Read the hunks of one file."""
    found: list[Hunk] = []
    at = 0
    while at < len(lines):
        head = _HUNK.match(lines[at])
        if not head:
            if lines[at].strip():
                raise _damaged(f"{lines[at]!r:.80} stands between two hunks")
            at += 1
            continue
        hunk, at = _hunk(lines, at + 1, head)
        found.append(hunk)
    return tuple(found)


def _hunk(lines: list[str], at: int, head: re.Match[str]) -> tuple[Hunk, int]:
    """Read the hunk whose first line is at a place; return also where it ends."""
    left, right = int(head[2] or 1), int(head[4] or 1)
    old: list[str] = []
    new: list[str] = []
    changed = 0
    while len(old) < left or len(new) < right or lines[at : at + 1] == [_NO_END]:
        line = lines[at] if at < len(lines) else "end"
        sign, text = line[:1] or " ", line[1:] + "\n"
        if line == _NO_END:
            _cut_end(lines[at - 1][:1], old, new)
        elif sign in " -+":
            old += [text] * (sign != "+")
            new += [text] * (sign != "-")
            changed += sign != " "
        else:
            raise _damaged(f"a hunk is cut off at {line!r:.80}")
        at += 1
    start = max(int(head[1]) - (left > 0), 0)
    return Hunk(line=start, old=tuple(old), new=tuple(new), changed=changed), at


def _cut_end(sign: str, old: list[str], new: list[str]) -> None:
    """Take the line end from the line before, on the side that it stands on."""
    for side, signs in ((old, " -"), (new, " +")):
        if sign in signs and side:
            side[-1] = side[-1][:-1]


def _damaged(why: str) -> TaskError:
    return TaskError(
        "The patch cannot be used.",
        f"{why[0].upper()}{why[1:]}.",
        "Compare it with the output of git diff.",
    )
