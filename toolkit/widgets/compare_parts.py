"""The columns of a comparison as trees: a cell per turn, one for all that is alike."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.episodes.record import Episode, Turn
from toolkit.transcript import ending
from toolkit.widgets.alignment import Kind, Row, answer_to, word_diff
from toolkit.widgets.base import message_size
from toolkit.widgets.episode_parts import (
    LONG_NAME,
    MOST_TOKENS,
    chance,
    fold,
    gist,
    is_code,
    is_long,
    said,
    signed,
    token,
    tokens_line,
    words,
)
from toolkit.widgets.markup import Tree, count, cut, tag

ROW_BYTES, HEAD_BYTES = 34_000, 900
"""Of all rows that are sent, and what the head of a table counts as."""
LONG_ANSWER = 1_000
"""Characters of an answer that are compared and shown."""
FEW = 2
"""Rows alike that are not worth folding away."""
SIGNS = {
    Kind.SAME: "=",
    Kind.COMMAND: "≠",
    Kind.OBSERVATION: "≈",
    Kind.ONLY: "+",
}
"""Stand beside the words, so that a glance is enough."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sides:
    """Episodes lined up."""

    names: Sequence[str]
    """What the episodes are called `(N,)`."""
    episodes: Sequence[Episode]
    """All of one game `(N,)`."""
    rows: Sequence[Row]
    """What stands side by side `(R,)`."""
    differences: Sequence[tuple[int, int]]
    """Start and end of each stretch of rows that differ."""
    tokenizer: Any = None
    """Of the models that played."""
    totals: Sequence[Sequence[float]] = field(init=False)
    """What each episode was paid up to each turn `(N, K)`."""
    is_code: bool = field(init=False)
    """Whether they are about code."""

    def __post_init__(self) -> None:
        paid = [list(itertools.accumulate(e.turn_rewards)) for e in self.episodes]
        object.__setattr__(self, "totals", paid)
        about = any(is_code(episode.turns) for episode in self.episodes)
        object.__setattr__(self, "is_code", about)

    def turns(self, row: Row) -> list[tuple[int, int, Turn]]:
        """Return for those who have a turn in a row: episode, turn number and turn."""
        return [
            (n, k, self.episodes[n].turns[k])
            for n, k in enumerate(row.turns)
            if k is not None
        ]


def window(sides: Sides, at: int) -> range:
    """Return the rows around `at` that fit into a message.

    One row more is looked at on each side in turn, so `at` is in the middle.
    """
    heads = {edge for stretch in sides.differences for edge in stretch}
    left, low, high = ROW_BYTES, at, at
    total = len(sides.rows)
    while low > 0 or high < total:
        k = high if high < total and (high - at <= at - low or low == 0) else low - 1
        left -= message_size(_row(sides, sides.rows[k])) + HEAD_BYTES * (k in heads)
        if left < 0 and high > low:
            break
        low, high = min(low, k), max(high, k + 1)
    return range(low, high)


def sections(sides: Sides, rows: range, at: int) -> list[Tree]:
    """Return the rows as tables, folded where all is the same."""
    parts: list[Tree] = []
    if not sides.rows and sides.episodes:
        return [tag("p", "No turn was played in any of them.", class_="quiet")]
    if rows.start:
        parts.append(tag("p", f"{count(rows.start, 'earlier row')} not shown here."))
    for start, end, is_same in _stretches(sides):
        listed = range(max(start, rows.start), min(end, rows.stop))
        if listed:
            part = _folded if is_same and end - start > FEW else _open
            parts.append(part(sides, range(start, end), listed, at))
    if rest := len(sides.rows) - rows.stop:
        parts.append(tag("p", f"{count(rest, 'later row')} not shown here."))
    if sides.episodes and not sides.differences:
        parts.insert(0, tag("p", "No difference: they did the same, turn by turn."))
    return parts


def column_heads(sides: Sides) -> Tree:
    """Return who played and how it ended, a cell for each episode."""
    heads = [tag("th", name, scope="col") for name in sides.names]
    ends = [tag("td", _end(episode)) for episode in sides.episodes]
    corner = tag("td")
    seen = {e.turns[0].observation.strip() for e in sides.episodes if e.turns}
    parts = [
        tag("caption", "How they ended"),
        tag("thead", tag("tr", corner, *heads)),
        tag("tbody", tag("tr", tag("th", "end", scope="row"), *ends)),
    ]
    table = tag("table", *parts, class_="sides ends")
    if len(seen) != 1:
        return table
    told = "All saw first: "
    (text,) = seen
    words = _read(sides, text, [cut(text, LONG_ANSWER)], "first", told=told)
    first = tag("p", tag("span", told, class_="quiet")) if words[0] == "p" else ""
    return tag("div", table, tag("div", first, words, class_="first"))


def sureness(sides: Sides) -> list[Tree]:
    """Say how much surer each model was than the first, where both said the same."""
    found = [_surer(sides, n) for n in range(1, len(sides.episodes))]
    return [tag("p", words, class_="quiet") for words in found if words]


def _surer(sides: Sides, n: int) -> str:
    changes = []
    for row in sides.rows:
        k, first = row.turns[n], row.turns[0]
        if k is None or first is None:
            continue
        one, other = sides.episodes[0].turns[first], sides.episodes[n].turns[k]
        if _comparable([one, other]):
            pairs = zip(one.logprobs, other.logprobs, strict=True)
            changes += [b - a for a, b in pairs]
    if not changes:
        return ""
    mean = sum(changes) / len(changes)
    word = f"{'surer' if mean > 0 else 'less sure'} than"
    far = f", by {abs(mean):.2f} nats a token on average"
    if abs(mean) < 0.005:
        word, far = "as sure as", ""
    return (
        f"Where both said the same ({count(len(changes), 'token')}), {sides.names[n]} "
        f"was {word} {sides.names[0]}{far}."
    )


# ---- stretches of rows ---------------------------------------------------------------


def _stretches(sides: Sides) -> list[tuple[int, int, bool]]:
    """Return start and end of each stretch, and whether all is the same in it."""
    found, start = [], 0
    for low, high in sides.differences:
        found += [(start, low, True), (low, high, False)]
        start = high
    found.append((start, len(sides.rows), True))
    return [stretch for stretch in found if stretch[0] < stretch[1]]


def _folded(sides: Sides, whole: range, listed: range, at: int) -> Tree:
    """Return what is the same, folded under its number of turns."""
    where = "the first " if whole.start == 0 else ""
    commands = [sides.turns(sides.rows[k])[0][2].action for k in listed]
    some = ", ".join(commands[:6]) + (", …" if len(commands) > 6 else "")
    words = f"{where}{count(len(whole), 'turn')}: the same in all"
    left = len(whole) - len(listed)
    more = [tag("p", f"{count(left, 'row')} of them not shown here.")] if left else []
    return tag(
        "details",
        tag("summary", words, tag("span", f" ({cut(some, 160)})", class_="quiet")),
        *more,
        _table(sides, listed, at, ""),
        class_="same",
        data_key=f"same-{whole.start}",
    )


def _open(sides: Sides, whole: range, listed: range, at: int) -> Tree:
    number = [start for start, _ in sides.differences]
    if whole.start not in number:
        return _table(sides, listed, at, "the same in all")
    n = number.index(whole.start) + 1
    kinds = dict.fromkeys(sides.rows[k].kind.value for k in whole)
    words = "they part here" if n == 1 else ", ".join(kinds)
    caption = f"Difference {n} of {len(number)}: {words}"
    return _table(sides, listed, at, caption)


def _table(sides: Sides, listed: range, at: int, caption: str) -> Tree:
    names = [tag("th", n, scope="col") for n in sides.names]
    corner = tag("th", tag("span", "what differs", class_="quiet"), scope="col")
    rows = [_row(sides, sides.rows[k], is_here=k == at) for k in listed]
    return tag(
        "table",
        tag("caption", caption) if caption else "",
        tag("thead", tag("tr", corner, *names)),
        tag("tbody", *rows),
        class_="sides",
    )


# ---- a row ---------------------------------------------------------------------------


def _row(sides: Sides, row: Row, *, is_here: bool = False) -> Tree:
    head = tag(
        "th",
        tag("span", SIGNS[row.kind], class_="sign"),
        tag("span", f" {row.kind.value}"),
        scope="row",
    )
    make = _shared if row.kind is Kind.SAME else _cells
    cells = make(sides, row, is_here or row.kind is Kind.OBSERVATION)
    name = f"row differs-{row.kind.name.lower()}{' here' if is_here else ''}"
    return tag("tr", head, *cells, class_=name)


def _shared(sides: Sides, row: Row, is_open: bool) -> list[Tree]:
    """Return the one cell of those who did the same."""
    n, k, turn = sides.turns(row)[0]
    numbers = dict.fromkeys(str(k + 1) for _, k, _ in sides.turns(row))
    line = said(turn, f"Turn {' | '.join(numbers)}", sides.totals[n][k])
    text, key = answer_to(sides.episodes[n], k).strip(), f"seen-{n}-{k}"
    words = _read(sides, text, [cut(text, LONG_ANSWER)], key, is_open=is_open)
    return [tag("td", line, _changes(sides, row), words, colspan=len(row.turns))]


def _cells(sides: Sides, row: Row, is_open: bool) -> list[Tree]:
    """Return a cell for each episode, with what only one of them read marked."""
    answers, cells = _answers(sides, row), []
    for n, k in enumerate(row.turns):
        if k is None:
            quiet = tag("span", "nothing here", class_="quiet")
            cells.append(tag("td", quiet, class_="absent"))
            continue
        turn = sides.episodes[n].turns[k]
        line = said(turn, f"Turn {k + 1}", sides.totals[n][k])
        sure = _changes(sides, row) if n + 1 == len(row.turns) else ""
        text, key = answer_to(sides.episodes[n], k).strip(), f"seen-{n}-{k}"
        words = _read(sides, text, answers[n], key, is_open=is_open)
        cells.append(tag("td", line, sure, words))
    return cells


def _read(
    sides: Sides,
    text: str,
    parts: Sequence[Tree],
    key: str,
    *,
    told: str = "",
    is_open: bool = False,
) -> Tree:
    """Return what the world said, folded if it is long and of code.

    Args:
        sides: The comparison.
        text: All of it.
        parts: What is shown of it.
        key: Tells it from the others.
        told: Stands before what stands for it.
        is_open: Whether it begins unfolded.
    """
    words = tag("p", *parts, class_="world code" if sides.is_code else "world")
    if not (sides.is_code and is_long(text)):
        return words
    return fold(told + gist(text), words, key, is_shut=not is_open)


def _answers(sides: Sides, row: Row) -> dict[int, list[Tree]]:
    """Return what the world answered, with what only one of them read marked.

    The first episode of the row is compared with the second, all others with the first.
    """
    here = sides.turns(row)
    texts = {
        n: cut(answer_to(sides.episodes[n], k).strip(), LONG_ANSWER) for n, k, _ in here
    }
    plain: dict[int, list[Tree]] = {n: [text] for n, text in texts.items()}
    first, *others = texts
    for n in others:
        compared = word_diff(texts[first], texts[n])
        if compared is None or texts[n] == texts[first]:
            continue
        ours, theirs = compared
        plain[n] = [t if both else tag("ins", t) for both, t in theirs]
        if n == others[0]:
            plain[first] = [t if both else tag("del", t) for both, t in ours]
    return plain


def _changes(sides: Sides, row: Row) -> Tree:
    """Return how probable the tokens were to each model, if all said the same."""
    turns = [turn for _, _, turn in sides.turns(row)]
    if len(turns) < len(row.turns) or not _comparable(turns):
        return ""
    found = []
    texts = words(turns[0].action_ids[:MOST_TOKENS], sides.tokenizer)
    for text, *logps in zip(texts, *(t.logprobs for t in turns), strict=False):
        change = logps[-1] - logps[0]
        notes = [" → ".join(map(chance, logps)), f"({signed(change)})"]
        found.append(token(text, notes, change / 2))
    found += [""] * (len(turns[0].action_ids) - len(found))
    return tokens_line(found, f"how sure, {' → '.join(sides.names)}:")


def _comparable(turns: Sequence[Turn]) -> bool:
    """Return whether models sampled just the same tokens."""
    first = turns[0]
    return bool(first.action_ids) and all(
        turn.action_ids == first.action_ids
        and len(turn.logprobs) == len(turn.action_ids)
        for turn in turns
    )


def _end(episode: Episode) -> Tree:
    kind = (
        "won" if episode.won else "broken" if episode.stop_reason.is_broken else "lost"
    )
    error = f" {cut(episode.error, LONG_NAME)}" if episode.error else ""
    return tag("span", ending(episode) + error, class_="status", data_over=kind)
