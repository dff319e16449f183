"""What a person who repairs has in front of them: files, changes and test results.

A model reads the same in the answers to its actions; nothing here tells where the
mistake is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from toolkit.environments.swe.actions import as_text
from toolkit.environments.swe.grading import Grade
from toolkit.environments.swe.grammar import Action
from toolkit.environments.swe.runner import TestReport
from toolkit.environments.swe.tools import difference
from toolkit.environments.swe.workspace import Workspace, clean_path
from toolkit.errors import ActionError

EDITS = ("replace", "insert")
"""Tools that change a file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Desk:
    """The files of a repair under way, and what their tests said last."""

    files: tuple[str, ...]
    """Paths of all files."""
    changed: tuple[str, ...] = ()
    """Paths of those that differ from the start."""
    file: str = ""
    """The file that was looked at or edited last, empty before."""
    lines: tuple[str, ...] = ()
    """Of that file, as they are now: all of them, though `view` may have shown some."""
    first: int = 1
    """Number of the line that was looked at or edited last, from 1."""
    diff: tuple[str, ...] = ()
    """Lines of a unified diff of all changes."""
    report: TestReport | None = None
    """The last run of the tests, `None` before."""
    broke: tuple[str, ...] = ()
    """Tests that failed in it though they passed at the start."""
    is_stale: bool = False
    """Whether a file was edited after that run."""
    grade: Grade | None = None
    """What came of `submit`, `None` before."""

    def around(self, first: int, last: int) -> tuple[int, int]:
        """Return a span of lines that stands in the file once.

        Args:
            first: Number of a line, from 1; numbers out of range are moved into it.
            last: Number of the last line.

        Returns:
            Numbers of the first and the last line: the same, or of more lines around.
        """
        count, text = len(self.lines), "\n".join(self.lines)
        first = min(max(first, 1), max(count, 1))
        last = min(max(last, first), count)
        up, down = first, last
        while not _stands_once("\n".join(self.lines[up - 1 : down]), text):
            if up > 1 and (first - up <= down - last or down == count):
                up -= 1
            elif down < count:
                down += 1
            else:
                break
        return up, down

    def replace_form(self, first: int, last: int) -> str:
        """Return an action that replaces the lines `around` some by themselves."""
        up, down = self.around(first, last)
        old = "\n".join(self.lines[up - 1 : down])
        return as_text(Action(tool="replace", file=self.file, old=old, new=old))

    def insert_form(self, line: int) -> str:
        """Return an action that puts an empty line behind a line, to be filled."""
        number = min(max(line, 0), len(self.lines))
        return as_text(Action(tool="insert", file=self.file, line=number))


def desk_of(
    workspace: Workspace,
    actions: Sequence[Action],
    *,
    changed: Sequence[str],
    report: TestReport | None,
    fail_to_pass: Collection[str],
    grade: Grade | None,
) -> Desk:
    """Return what lies in front of a repairer.

    Args:
        workspace: As it is now.
        actions: All that were done so far, oldest first.
        changed: Paths of files that differ from the start.
        report: The last run of the tests.
        fail_to_pass: Tests that failed at the start.
        grade: What came of `submit`.
    """
    file, lines, first = _opened(workspace, actions)
    failed = report.failed if report else frozenset()
    tested = [n for n, action in enumerate(actions) if action.tool == "run_tests"]
    after = actions[tested[-1] :] if tested else ()
    return Desk(
        files=tuple(workspace.files()),
        changed=tuple(changed),
        file=file,
        lines=lines,
        first=first,
        diff=tuple(difference(workspace)),
        report=report,
        broke=tuple(sorted(failed.difference(fail_to_pass))),
        is_stale=any(action.tool in EDITS for action in after),
        grade=grade,
    )


def _opened(
    workspace: Workspace, actions: Sequence[Action]
) -> tuple[str, tuple[str, ...], int]:
    """Return the file that was used last, its lines, and where it was used."""
    for action in reversed(actions):
        if action.tool not in ("view", *EDITS):
            continue
        path = clean_path(action.file)
        try:
            text = workspace.read(path)
        except ActionError:  # code under test may have removed it since
            continue
        lines = text.removesuffix("\n").split("\n") if text else []
        return path, tuple(lines), _place(action, text)
    return "", (), 1


def _place(action: Action, text: str) -> int:
    """Return the number of the line that an action was about."""
    if action.tool == "view":
        return max(action.span[0], 1)
    if action.tool == "insert":
        return action.line + 1
    return text.count("\n", 0, max(text.find(action.new), 0)) + 1


def _stands_once(old: str, text: str) -> bool:
    start = text.find(old)
    return bool(old) and start >= 0 and text.find(old, start + 1) < 0
