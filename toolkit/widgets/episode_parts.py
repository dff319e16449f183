"""Parts of an episode as trees, for the widgets that show episodes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from toolkit.episodes.record import Turn
from toolkit.episodes.tokens import token_texts
from toolkit.transcript import reward_label, trouble
from toolkit.widgets.markup import Tree, count, cut, tag

LONG_TEXT, LONG_NAME = 3_000, 200
"""Characters of an observation and of a command that are shown."""
LONG_EDIT, FOLDED = 3_000, 12
"""Characters of a command of several lines that are shown, and lines of code above
which a text of the world is folded."""
MOST_TOKENS = 80
"""Tokens of an action that are shown."""


def words(ids: Sequence[int], tokenizer: Any) -> list[str]:
    """Return the texts of tokens, their numbers if there is no tokenizer."""
    if tokenizer is None:
        return [f"#{i}" for i in ids]
    texts = token_texts(tokenizer, ids)
    return [text.replace("\n", "⏎").strip(" ") or "␣" for text in texts]


def signed(value: float) -> str:
    """Return a number with its sign, as words that show it do.

    >>> signed(0.5), signed(-0.25), signed(-0.001)
    ('+0.50', '−0.25', '0')
    """
    text = f"{value:+.2f}"
    return "0" if text in ("+0.00", "-0.00") else text.replace("-", "−")


def chance(logprob: float) -> str:
    """Return the probability that a log-probability means.

    >>> chance(-0.1), chance(-9), chance(0)
    ('90 %', '<1 %', '100 %')
    """
    share = 100 * math.exp(min(logprob, 0.0))
    return "<1 %" if share < 0.5 else f"{share:.0f} %"


def token(
    text: str, notes: Sequence[str], heat: float, *, kind: str = "", title: str = ""
) -> Tree:
    """Return a token with numbers under it.

    Args:
        text: Of the token.
        notes: The numbers; their signs tell what the colours do.
        heat: From -1, bad, to 1, good; stands for the colour.
        kind: Which colours, if not those of good and bad.
        title: Shown by a pointer that rests on it.
    """
    sign = "zero" if abs(heat) < 0.005 else "plus" if heat > 0 else "minus"
    style = f"--heat:{min(abs(heat), 1):.2f}"
    small = [tag("small", f" {note}") for note in notes]
    named = {"class_": f"token {kind or sign}", "style": style}
    return tag(
        "span", tag("b", text), *small, **named, **({"title": title} if title else {})
    )


def tokens_line(found: Sequence[Tree], label: str) -> Tree:
    """Return tokens beside each other, the first ones of many."""
    more = len(found) - MOST_TOKENS
    rest = [tag("span", f"… {count(more, 'more token')}", class_="quiet")]
    spaced = [part for one in found[:MOST_TOKENS] for part in (one, " ")]
    return tag(
        "p",
        tag("span", f"{label} ", class_="quiet"),
        *spaced,
        *(rest if more > 0 else []),
        class_="tokens",
    )


def said(turn: Turn, k: str, total: float) -> Tree:
    """Return a command with its number, its trouble if any, and what it was paid."""
    spoken = turn.action or turn.completion.strip() or "(nothing)"
    bad, is_edit = trouble(turn), "\n" in spoken
    command = f"> {cut(spoken, LONG_EDIT if is_edit else LONG_NAME)}"
    sign = "gain" if turn.reward > 0 else "pain" if turn.reward < 0 else "plain"
    return tag(
        "p",
        tag("span", k, class_="number"),
        " ",
        tag("kbd", command, class_="code") if is_edit else tag("kbd", command),
        " ",
        tag("span", f"✗ {bad}", class_="mark") if bad else "",
        " " if bad else "",
        tag("strong", reward_label(turn.reward), class_=f"reward {sign}"),
        " " if total else "",
        tag("span", f"{reward_label(total)} so far", class_="quiet") if total else "",
        class_="command",
    )


def is_code(turns: Sequence[Turn]) -> bool:
    """Return whether turns are about code, where blanks and line ends matter."""
    return any("repository" in t.info or "\n" in t.action for t in turns)


def is_long(text: str) -> bool:
    """Return whether a text, if it is of code, has so many lines that it is folded."""
    return text.count("\n") >= FOLDED


def gist(text: str) -> str:
    r"""Return what stands for a text that is folded.

    >>> gist("solution.py\n1 def total():\n2     return 0")
    'solution.py … and 2 lines'
    """
    head, _, rest = text.partition("\n")
    return f"{cut(head, 100)} … and {count(len(rest.splitlines()), 'line')}"


def fold(summary: str, text: Tree, key: str, *, is_shut: bool) -> Tree:
    """Return a text of the world that can be folded.

    Args:
        summary: What stands for it.
        text: What is folded.
        key: Tells it from the others, so that it stays as its reader has left it for
            as long as it is to begin with as it was.
        is_shut: Whether it begins folded.
    """
    return tag(
        "details",
        tag("summary", summary),
        text,
        class_="seen",
        data_key=f"{key}-{is_shut}",
        **({} if is_shut else {"open": ""}),
    )


def problem(title: str, text: str) -> Tree:
    """Return a note on what went wrong."""
    words = tag("span", cut(text, LONG_TEXT), class_="world")
    return tag("p", tag("strong", f"{title}: "), words, class_="problem")
