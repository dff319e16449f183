"""What the tools that look and edit answer; tests and grading are elsewhere."""

from __future__ import annotations

import difflib
import re

from toolkit.environments.swe.grammar import Action
from toolkit.environments.swe.workspace import Workspace
from toolkit.errors import ActionError

LONGEST_LINE = 400
"""Characters of a line that is shown."""
_MOST_COMPARED = 3_000
"""Lines of a file of which a difference is worked out."""
_MOST_PLACES = 5
_WORDS = re.compile(r"\w+|\S")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")
_NUMBERED = re.compile(r"\s*\d+\|")


def use(workspace: Workspace, action: Action, max_chars: int) -> str:
    """Do what a player asked for and return what is shown of it.

    Args:
        workspace: Where.
        action: Of any tool but `run_tests` and `submit`.
        max_chars: Most characters of what is shown, the last notice left out.

    Raises:
        ActionError: If it cannot be done; nothing is changed then.
    """
    match action.tool:
        case "ls":
            names = workspace.listing(action.folder)
            return shortened(names or ["The folder is empty."], max_chars)
        case "view":
            return _view(workspace, action, max_chars)
        case "search":
            return _search(workspace, action, max_chars)
        case "replace":
            return _replace(workspace, action)
        case "insert":
            return _insert(workspace, action)
    lines = difference(workspace)
    return shortened(lines or ["You have changed nothing."], max_chars)


def fitting(lines: list[str], max_chars: int) -> int:
    """Return how many of the first lines are no longer than this together."""
    for kept, line in enumerate(lines):
        max_chars -= len(line) + 1
        if max_chars < 0:
            return kept
    return len(lines)


def shortened(lines: list[str], max_chars: int, more: str = "") -> str:
    r"""Return as many whole lines as may be shown, and how many were left out.

    Args:
        lines: Of a text.
        max_chars: Most characters of the lines that are shown.
        more: What is said behind the count of those left out.

    >>> shortened(["one", "two", "three"], 9)
    'one\ntwo\n[1 more line left out]'
    """
    kept = fitting(lines, max_chars)
    left = len(lines) - kept
    if not left:
        return "\n".join(lines)
    notice = f"[{left:,} more line{'s' * (left > 1)} left out{more}]"
    return "\n".join([*lines[:kept], notice])


def shown(line: str) -> str:
    r"""Return a line as it may be shown: not too long, and nothing that controls.

    >>> shown("a\x1b[31m")
    'a�[31m'
    """
    if len(line) <= LONGEST_LINE and line.isprintable():
        return line
    cut = line[:LONGEST_LINE]
    text = _CONTROL.sub("�", cut)
    left = len(line) - len(cut)
    return f"{text} [{left:,} more characters left out]" if left else text


def difference(workspace: Workspace) -> list[str]:
    """Return the lines of a unified diff of all changes."""
    lines: list[str] = []
    for path, (before, after) in workspace.changed().items():
        old, new = _lines(before), _lines(after)
        if old is None or new is None or max(len(old), len(new)) > _MOST_COMPARED:
            lines.append(f"{path} has changed; it is no text, or too long to be shown.")
            continue
        names = (
            "/dev/null" if before is None else f"a/{path}",
            "/dev/null" if after is None else f"b/{path}",
        )
        found = difflib.unified_diff(old, new, *names, lineterm="")
        lines += map(shown, found)
    return lines


def _lines(data: bytes | None) -> list[str] | None:
    """Return the lines of a text, `None` if it is none."""
    if data is None:
        return []
    try:
        return None if b"\0" in data else data.decode().split("\n")
    except UnicodeDecodeError:
        return None


def _view(workspace: Workspace, action: Action, max_chars: int) -> str:
    """Show lines with their numbers."""
    lines = _split(workspace.read(action.file))
    if not lines:
        return f"{action.file} is empty."
    first, last = action.span
    first, last = max(first, 1), min(last or len(lines), len(lines))
    if first > last:
        raise ActionError(
            f"There are no lines {action.lines} in {action.file}.",
            f"It has {len(lines)}.",
        )
    width = len(str(last))
    rows = [f"{n:{width}}|{shown(lines[n - 1])}" for n in range(first, last + 1)]
    head = f"{action.file}, lines {first} to {last} of {len(lines)}"
    go_on = f"view {action.file} {first + fitting(rows, max_chars)}:{last}"
    return f"{head}\n{shortened(rows, max_chars, f'; go on with {go_on}')}"


def _split(text: str) -> list[str]:
    r"""Return the lines of a text; a `\n` at its end begins none."""
    return text.removesuffix("\n").split("\n") if text else []


def _search(workspace: Workspace, action: Action, max_chars: int) -> str:
    """Show the lines that hold a text."""
    rows = []
    for path in _places(workspace, action.folder):
        try:
            text = workspace.read(path)
        except ActionError:
            continue  # binary files hold no lines
        if action.text in text:
            numbered = enumerate(text.split("\n"), 1)
            rows += [f"{path}:{n}|{shown(x)}" for n, x in numbered if action.text in x]
    return shortened(rows, max_chars) if rows else f"No line holds {action.text!r:.80}."


def _places(workspace: Workspace, folder: str) -> list[str]:
    """Return the files in a folder, or the one file."""
    try:
        return workspace.files(folder)
    except ActionError:
        workspace.read_bytes(folder)
        return [folder]


def _replace(workspace: Workspace, action: Action) -> str:
    """Replace a text that is there exactly once."""
    text, old = workspace.read(action.file), action.old
    start = text.find(old)
    if start < 0 or text.find(old, start + 1) >= 0:
        raise _not_once(action, text)
    if action.new == old:
        raise ActionError("Old and new text are the same.", "Nothing would change.")
    end = start + len(old)
    whole_lines = text[start - 1 : start] in ("", "\n") and text[end : end + 1] == "\n"
    if not action.new and whole_lines:
        end += 1  # or an empty line would stay behind
    workspace.write(action.file, text[:start] + action.new + text[end:])
    line = text.count("\n", 0, start) + 1
    return f"Replaced in {action.file}, at line {line}."


def _insert(workspace: Workspace, action: Action) -> str:
    """Put lines behind a line, or into a new file."""
    is_new = action.line == 0 and workspace.may_make(action.file)
    lines = [] if is_new else _split(workspace.read(action.file))
    if action.line > len(lines):
        raise ActionError(
            f"There is no line {action.line} in {action.file}.",
            f"It has {len(lines)}.",
        )
    lines[action.line : action.line] = action.text.split("\n")
    is_empty = is_new and not action.text
    workspace.write(action.file, "" if is_empty else "\n".join(lines) + "\n")
    if is_new:
        return f"Made {action.file}."
    count = action.text.count("\n") + 1
    return f"Inserted {count} line{'s' * (count > 1)} behind line {action.line}."


def _not_once(action: Action, text: str) -> ActionError:
    """Say where a text stands that should stand once, or what is nearest to it."""
    numbers: list[str] = []
    start = -1
    while (
        len(numbers) < _MOST_PLACES and (start := text.find(action.old, start + 1)) >= 0
    ):
        numbers.append(str(text.count("\n", 0, start) + 1))
    if numbers:
        return ActionError(
            f"The old text stands in {action.file} more than once.",
            f"It begins at lines {', '.join(numbers)}"
            f"{' and more' * (len(numbers) == _MOST_PLACES)}.",
            "Give more of the lines around the place you mean.",
        )
    if all(map(_NUMBERED.match, action.old.split("\n"))):
        return ActionError(
            f"The old text is not in {action.file}.",
            "The number and the bar in front of a line are not part of it.",
            "Leave them out, in the new text too.",
        )
    return ActionError(
        f"The old text is not in {action.file}.",
        "It must match letter by letter, blanks too. " + _nearest(action.old, text),
        f"Look at the file with view {action.file}.",
    )


def _nearest(old: str, text: str) -> str:
    """Show the lines around the one most like the longest line of a text."""
    wanted = max(old.split("\n"), key=len)
    words, lines = set(_WORDS.findall(wanted)), _split(text)
    if not words:
        return "It is blank."

    def likeness(number: int) -> tuple[float, float]:
        others = set(_WORDS.findall(lines[number]))
        both = len(words & others)
        return both / len(words), both / (len(words | others))

    best = max(range(len(lines)), key=likeness, default=None)
    if best is None or likeness(best)[0] < 0.5:
        return "No line is like it."
    around = range(max(best - 1, 0), min(best + 2, len(lines)))
    rows = "\n".join(f"{n + 1}|{shown(lines[n])}" for n in around)
    return f"The nearest lines are:\n{rows}"
