"""The actions of a repairer: one strict grammar, as text or as a JSON tool call.

A reply is one action, as it stands or inside of one block of three backticks with
thoughts around it. Under `replace FILE` and `insert FILE LINE` the new lines follow,
between the marks of `grammar`. Everything can be said in JSON as well, which may come
as models of Hermes and OpenAI write it:

    {"tool": "view", "file": "src/shapes.py", "lines": "10:30"}

`grammar.TOOLS` tells all forms; `parse` reads them, `as_text` and `as_json` write them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from toolkit.environments.commands import CommandRules
from toolkit.environments.swe.grammar import (
    CLOSE,
    MIDDLE,
    OPEN,
    TOOLS,
    Action,
    example,
)
from toolkit.errors import ActionError

LONGEST = 20_000
"""Characters of a reply; of a longer one the end counts."""
_THOUGHTS = "</think>"
_FENCE = re.compile(r"^[ \t]*```.*$", re.MULTILINE)
_CALL = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
_WORD = re.compile(r'[ \t]*(?:"([^"\n]*)"|(\S+))')
_LINES = re.compile(r"(\d{1,9})?:(\d{1,9})?")
_NUMBER = re.compile(r"\d{1,9}")
_MAY_BE_EMPTY = {("replace", "new"), ("insert", "text")}


class ReplyRules(CommandRules):
    """Lets a whole reply through: code has many lines, backslashes and any script."""

    many_lines: ClassVar[bool] = True

    def is_complete(self, action: str) -> bool:
        r"""Return whether an edit is closed; all other actions have one line.

        >>> ReplyRules().is_complete("insert a.py 0")
        False
        >>> ReplyRules().is_complete("insert a.py 0\n<<<<<<< NEW\nx = 1\n>>>>>>> NEW")
        True
        """
        head, *block = action.split("\n")
        tool = TOOLS.get(head.partition(" ")[0])
        if tool is None or "\n" not in tool.form:
            return True
        is_open = not block or _is_mark(block[0], OPEN)
        return not is_open or any(_is_mark(line, CLOSE) for line in block)

    def clean(self, action: str) -> str:
        r"""Return the end of a reply without thoughts, control characters and NUL.

        >>> ReplyRules().clean("<think>Hm.</think>view a.py\r\n\0")
        'view a.py'
        """
        text = action.rpartition(_THOUGHTS)[2][-LONGEST:]
        text = text.encode("utf-8", "ignore").decode()  # no lone surrogates
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        kept = (c for c in text if c in "\n\t\f" or not _is_control(c))
        return "".join(kept).strip()


def parse(reply: str) -> Action:
    """Read the action of a cleaned reply.

    Args:
        reply: What `ReplyRules.clean` returned.

    Raises:
        ActionError: If it is none; the message shows the right form.

    >>> parse("view a.py 3:9").span
    (3, 9)
    >>> parse('{"name": "search", "arguments": {"text": "def f"}}').text
    'def f'
    """
    text = _without_wrapping(reply)
    if text.startswith(("{", "[")):
        return _from_json(text)
    return _from_text(text)


def as_text(action: Action) -> str:
    """Write an action so that `parse` reads the same one.

    Edits that hold the marks of a block, and names with quotes, become JSON.
    """
    written = _written(action)
    try:
        return (
            written if parse(ReplyRules().clean(written)) == action else as_json(action)
        )
    except ActionError:
        return as_json(action)


def as_json(action: Action) -> str:
    """Write an action as a tool call on one line.

    >>> as_json(Action(tool="view", file="a.py"))
    '{"tool": "view", "file": "a.py"}'
    """
    tool = TOOLS[action.tool]
    given = {name: getattr(action, name) for name in (*tool.needs, *tool.takes)}
    kept = {k: v for k, v in given.items() if v or k in tool.needs}
    call = {"tool": action.tool, **kept}
    readable = json.dumps(call, ensure_ascii=False)
    is_kept = ReplyRules().clean(readable) == readable
    return readable if is_kept else json.dumps(call)


def _is_control(character: str) -> bool:
    return character < " " or "\x7f" <= character <= "\x9f"


def _without_wrapping(reply: str) -> str:
    """Return the action inside of thoughts, backticks or tags."""
    first = re.match(r"\w*", reply)
    if reply.startswith("{") or (first and first[0] in TOOLS):
        return reply
    calls = [call.strip() for call in _CALL.findall(reply)]
    fences = list(_FENCE.finditer(reply))
    if len(calls) > 1 or len(fences) > 2:
        raise ActionError(
            "Your reply holds several blocks.",
            "There is one action a turn.",
            "Send one action, alone or in one block of three backticks.",
        )
    if len(fences) == 2 and not calls:
        calls = [reply[fences[0].end() : fences[1].start()].strip()]
    return calls[0] if calls else reply


def _from_text(text: str) -> Action:
    """Read the free-text form."""
    head, _, block = text.partition("\n")
    name, _, rest = head.partition(" ")
    if name not in TOOLS:
        raise _unknown(name)
    rest = rest.strip()
    if name in ("replace", "insert"):
        return _edit(name, rest, block)
    if block.strip():
        raise _wrong(name, "There is more than one line.")
    if name == "search":
        return _search(rest)
    return _simple(name, rest)


def _simple(name: str, rest: str) -> Action:
    """Read a tool whose arguments are words."""
    tool = TOOLS[name]
    if name == "run_tests":
        return Action(tool=name, pattern=rest)
    names = (*tool.needs, *tool.takes)
    words: list[str] = []
    left = rest
    while left and len(words) < len(names):
        word, left = _word(left)
        words.append(word)
    if left:
        raise _wrong(name, f"{left!r:.60} is too much.")
    return _built(name, dict(zip(names, words, strict=False)))


def _search(rest: str) -> Action:
    """Read what is searched: the rest of the line, or a quoted text and a folder."""
    quoted = re.fullmatch(r'"(.+)"(?:[ \t]+(\S+))?', rest)
    if not quoted:
        return _built("search", {"text": rest})
    return _built("search", {"text": quoted[1], "folder": quoted[2] or ""})


def _edit(name: str, rest: str, block: str) -> Action:
    """Read a tool with a block under it."""
    given: dict[str, Any] = {}
    given["file"], rest = _word(rest)
    lines = block.split("\n")
    opens, middles, closes = (
        [i for i, line in enumerate(lines) if _is_mark(line, mark)]
        for mark in (OPEN, MIDDLE, CLOSE)
    )
    if opens != [0] or closes != [len(lines) - 1] or len(lines) < 2:
        why = f"Below its first line, {OPEN} must open the text and {CLOSE} end it."
        raise _wrong(name, why)
    if name == "insert":
        number, rest = _word(rest)
        given |= {"line": number, "text": "\n".join(lines[1:-1])}
    else:
        if len(middles) != 1:
            why = (
                f"Exactly one line {MIDDLE} must part old from new, not {len(middles)}."
            )
            raise _wrong(name, why)
        given["old"] = "\n".join(lines[1 : middles[0]])
        given["new"] = "\n".join(lines[middles[0] + 1 : -1])
    if rest:
        raise _wrong(name, f"{rest!r:.60} is too much.")
    return _built(name, given)


def _is_mark(line: str, mark: str) -> bool:
    """Return whether a line is a mark, with a word behind the outer two."""
    line = line.rstrip()
    return line == mark or (mark != MIDDLE and line.startswith(mark + " "))


def _word(rest: str) -> tuple[str, str]:
    """Return the first word or quoted text, and what comes behind it."""
    found = _WORD.match(rest)
    if not found:
        return "", ""
    return found[1] if found[2] is None else found[2], rest[found.end() :].strip()


def _from_json(text: str) -> Action:
    """Read a tool call, bare or as models of Hermes and OpenAI write it."""
    call = _object(text)
    if isinstance(call.get("function"), dict):
        call = call["function"]
    name = call.get("tool", call.get("name"))
    if not isinstance(name, str) or name not in TOOLS:
        raise _unknown(name if isinstance(name, str) else "")
    given = {k: v for k, v in call.items() if k not in ("tool", "name", "type", "id")}
    if "arguments" in given:
        inner = given.pop("arguments")
        given |= _object(inner) if isinstance(inner, str) else _mapping(inner)
    return _built(name, given)


def _object(text: str) -> dict[str, Any]:
    """Read one JSON object."""
    try:
        return _mapping(json.loads(text, strict=False))
    except (ValueError, RecursionError) as error:
        raise ActionError(
            "Your tool call is no JSON.",
            f"{' '.join(str(error).split()):.100}.",
            f"Write it like {example('view')}.",
        ) from error


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ActionError(
            "Your tool call is no JSON object.",
            "One action a turn, as an object with the name of the tool.",
            f"Write it like {example('view')}.",
        )
    return value


def _built(name: str, given: Mapping[str, Any]) -> Action:
    """Check the arguments of a tool and return the action."""
    tool = TOOLS[name]
    for argument in given:
        if argument not in (*tool.needs, *tool.takes):
            raise _wrong(name, f"It takes no {argument!r:.40}.")
    for argument in tool.needs:
        empty_is_fine = (name, argument) in _MAY_BE_EMPTY
        if argument not in given or (given[argument] == "" and not empty_is_fine):
            raise _wrong(name, f"{argument.upper()} is missing.")
    found: dict[str, Any] = {k: _value(name, k, v) for k, v in given.items()}
    return Action(tool=name, **found)


def _value(name: str, argument: str, value: Any) -> str | int:
    """Check one argument."""
    if argument == "line":
        return _number(name, value)
    if not isinstance(value, str):
        raise _wrong(name, f"{argument} must be a text.")
    text = value.encode("utf-8", "ignore").decode().replace("\0", "")
    if argument == "lines" and text and not _LINES.fullmatch(text):
        raise _wrong(name, f"{text!r:.40} is no range of lines.")
    return text


def _number(name: str, value: Any) -> int:
    text = str(value) if isinstance(value, (int, str)) else ""
    if isinstance(value, bool) or not _NUMBER.fullmatch(text):
        raise _wrong(name, f"{value!r:.40} is no number of a line.")
    return int(text)


def _written(action: Action) -> str:
    """Write an action as free text."""
    match action:
        case Action(tool="replace"):
            block = f"{OPEN} OLD\n{action.old}\n{MIDDLE}\n"
            block += f"{action.new}\n" if action.new else ""
            return f"replace {_name(action.file)}\n{block}{CLOSE} NEW"
        case Action(tool="insert"):
            head = f"insert {_name(action.file)} {action.line}"
            return f"{head}\n{OPEN} NEW\n{action.text}\n{CLOSE} NEW"
        case Action(tool="search", folder=str(folder)) if folder:
            return f'search "{action.text}" {folder}'
    words = (action.text, action.pattern, action.lines)
    names = (_name(path) for path in (action.file, action.folder) if path)
    return " ".join([action.tool, *names, *filter(None, words)])


def _name(path: str) -> str:
    """Return a path, in quotes if it holds blanks."""
    return f'"{path}"' if re.search(r"\s", path) else path


def _unknown(name: str) -> ActionError:
    return ActionError(
        f"There is no tool {name!r:.40}." if name else "Your reply names no tool.",
        f"The tools are {', '.join(TOOLS)}.",
        "One action a turn: it stands alone, or in one block of three backticks.",
    )


def _wrong(name: str, why: str) -> ActionError:
    return ActionError(
        f"That is not how {name} is written.",
        why,
        f"Write it so:\n{TOOLS[name].form}\nor so: {example(name)}",
    )
