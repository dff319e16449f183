"""What checks say, and the words they share."""

from __future__ import annotations

from typing import NamedTuple

from toolkit.diagnosis.history import Series, mean, recent, tail


class Finding(NamedTuple):
    """What a check saw."""

    since: int
    """The first step it was seen in."""
    seen: str
    """A sentence with its numbers."""


Seen = Finding | None


def too_many(shares: Series, limit: float, what: str) -> Seen:
    """Say since when a share is too high, if it is so now."""
    level = mean(recent(shares))
    high = tail(shares, lambda share: share >= limit)
    if not high or level < limit:
        return None
    return Finding(high[0][0], f"{percent(level)} {what} since step {high[0][0]}.")


def moved(
    series: Series, what: str, ends: tuple[float, float], unit: str, factor: float
) -> Finding:
    """Say that something went from its start to another level, and since when."""
    start, now = ends
    gone = (
        tail(series, lambda v: v > factor * start)
        if now > start
        else tail(series, lambda v: v < factor * start)
    )
    since = (gone or series[-1:])[0][0]
    unit = f" {unit}" if unit else ""
    seen = f"{what} went from {start:.2g} to {now:.2g}{unit}, since step {since}."
    return Finding(since, seen)


def one_line(text: str, limit: int = 200) -> str:
    """Return a text as one line, cut if it is long."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def percent(share: float) -> str:
    """Return a share in percent.

    >>> percent(0.125)
    '12 %'
    """
    return f"{100 * share:.0f} %"
