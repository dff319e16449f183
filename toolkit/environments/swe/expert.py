"""The repair that undoes the bug, as actions like those of any player."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import SequenceMatcher

from toolkit.environments.swe.grammar import Action
from toolkit.environments.swe.workspace import Workspace
from toolkit.errors import ActionError

AROUND = 8
"""Lines that are looked at before and behind a place."""


def plan(
    workspace: Workspace,
    published: Mapping[str, str],
    *,
    seen: Collection[str],
    tested: bool,
) -> list[Action] | None:
    """Return actions that repair everything from here.

    Args:
        workspace: As it is now.
        published: The files as they should be.
        seen: Files that were looked at before.
        tested: Whether the tests have run on the files as they are.

    Returns:
        `None` if a file is gone or is no text any more.
    """
    actions: list[Action] = []
    for path, wanted in published.items():
        is_new = workspace.may_make(path)
        try:
            text = "" if is_new else workspace.read(path)
        except ActionError:
            return None
        edits = repairs(path, text, wanted.replace("\r\n", "\n"))
        if is_new:
            edits = edits or [Action(tool="insert", file=path)]
        elif edits and path not in seen:
            actions.append(_look(path, text, edits[0]))
        actions += edits
    if actions or not tested:
        actions.append(Action(tool="run_tests"))
    return [*actions, Action(tool="submit")]


def repairs(path: str, text: str, wanted: str) -> list[Action]:
    r"""Return edits that make one text of another, each of which fits exactly once.

    >>> repairs("a.py", "x = 1\ny = 1\n", "x = 1\ny = 2\n")[0].old
    'y = 1'
    """
    actions = []
    while text != wanted:
        if not text:
            lines = wanted.removesuffix("\n")
            actions.append(Action(tool="insert", file=path, text=lines))
            text = f"{lines}\n"
            continue
        start, old, new = _first_repair(text, wanted)
        actions.append(Action(tool="replace", file=path, old=old, new=new))
        text = text[:start] + new + text[start + len(old) :]
    return actions


def _first_repair(text: str, wanted: str) -> tuple[int, str, str]:
    """Return where the first difference stands, with old and new lines around it."""
    before, after = text.split("\n"), wanted.split("\n")
    i, j, k, m = _first_difference(before, after)
    while True:
        start = sum(len(line) + 1 for line in before[:i])
        old, new = "\n".join(before[i:j]), "\n".join(after[k:m])
        is_only = text.find(old) == start and text.find(old, start + 1) < 0
        # without lines of both, an edit would leave or need an empty line
        if is_only and i < j and new:
            return start, old, new
        above, below = min(i, k) > 0, j < len(before) and m < len(after)
        if not (above or below):
            return 0, text, wanted
        i, k, j, m = i - above, k - above, j + below, m + below


def _first_difference(
    before: Sequence[str], after: Sequence[str]
) -> tuple[int, int, int, int]:
    """Return the first lines that differ: from and to in one text, then the other."""
    most = min(len(before), len(after))
    head = next((n for n in range(most) if before[n] != after[n]), most)
    tail = next((n for n in range(most - head) if before[-1 - n] != after[-1 - n]), 0)
    ends = len(before) - tail, len(after) - tail  # of the few lines to be compared
    middles = before[head : ends[0]], after[head : ends[1]]
    codes = SequenceMatcher(None, *middles, autojunk=False).get_opcodes()
    _, i, j, k, m = next(code for code in codes if code[0] != "equal")
    return head + i, head + j, head + k, head + m


def _look(path: str, text: str, edit: Action) -> Action:
    """Return the view of the lines around an edit."""
    first = text.count("\n", 0, text.index(edit.old)) + 1
    last = first + edit.old.count("\n")
    lines = f"{max(1, first - AROUND)}:{last + AROUND}"
    return Action(tool="view", file=path, lines=lines)
