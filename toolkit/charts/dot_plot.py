"""Arms of an experiment beside each other, each with several runs and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.charts.svg import (
    AFTER,
    BEFORE,
    INK,
    LINE,
    QUIET,
    Scale,
    from_to,
    percent,
    shortened,
    svg_picture,
    svg_text,
    svg_title,
    uprights,
    whisker,
)

PHONE = 500
"""Narrower than this, names stand above their rows instead of beside them."""
LONGEST = 30
"""Names with more letters are cut short in pictures; the words have them whole."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One arm in one exam; all shares are from 0 to 1."""

    name: str
    """What it is called."""
    before: Sequence[float]
    """Share won at the start of each run."""
    after: Sequence[float]
    """Share won after training, one for each run."""
    interval: tuple[float, float] | None = None
    """Of the mean after training."""
    other: tuple[float | None, float | None] = (None, None)
    """Before and after as somebody else found them."""
    note: str = ""
    """What to say about it, such as how many runs are missing."""


def dot_plot(rows: Sequence[Row], *, title: str, other: str, width: int = 760) -> str:
    """Draw for each row the start, every run, their mean and what another one found.

    Args:
        rows: From top to bottom.
        title: What the shares are.
        other: Who the other one is.
        width: CSS pixels.
    """
    phone = width < PHONE
    left = 16 if phone else 40 + round(7.2 * min(LONGEST, _longest(rows)))
    across = Scale(left, width - (20 if phone else 126))
    parts, y = [svg_title(title)], 28.0
    body = []
    for row in rows:
        tall = bool(row.note) or row.other != (None, None)
        middle = y + 26 if not phone else y + (66 if tall else 50)
        body.append(_names(row, width, y + 16 if phone else middle + 3))
        body.append(_marks(across, row, middle))
        y = middle + (30 if tall else 16)
    parts.append(uprights(across, 24, y))
    words = "; ".join(f"{row.name}: {_in_words(row, other)}" for row in rows)
    return svg_picture(width, y + 24, f"{title}. {words}", [*parts, *body])


def dot_plot_key(*, other: str | None, width: int = 760) -> str:
    """Draw what the marks of `dot_plot` mean.

    Args:
        other: Who the other one is; `None` if there is none.
        width: CSS pixels.
    """
    items = [
        (_ring(10, 0), "before training", 140),
        (_run(10, 0), "one run after it", 140),
        (_mean(10, 0) + whisker(0, 20, 0), "mean of the runs, 95 % interval", 246),
    ]
    if other:
        drawn = _diamond(1, 0, "none") + _diamond(17, 0, QUIET) + _joint(6, 12, 0)
        items.append((drawn, f"{other}, before and after", 0))
    parts, x, y = [], 6, 14
    for mark, name, room in items:
        if x + 32 + 6.6 * len(name) > width:
            x, y = 6, y + 24
        parts.append(f'<g transform="translate({x} {y})">{mark}</g>')
        parts.append(svg_text(x + 28, y + 4, name))
        x += room
    told = "Key: " + ", ".join(name for _, name, _ in items)
    return svg_picture(width, y + 14, told, parts)


# ---- words -----------------------------------------------------------------------


def _in_words(row: Row, other: str) -> str:
    told = []
    if row.before:
        told.append(f"before {percent(float(np.mean(row.before)))}")
    if row.after:
        runs = ", ".join(map(percent, row.after))
        told.append(f"after {percent(float(np.mean(row.after)))} (runs {runs})")
    else:
        told.append("after training not measured")
    if row.interval:
        told.append(f"interval {from_to(*row.interval)}")
    if row.note:
        told.append(row.note)
    if row.other != (None, None):
        told.append(f"{other} {_change(*row.other, ' to ')}")
    return ", ".join(told)


def _change(before: float | None, after: float | None, sign: str = " → ") -> str:
    """Return two shares that follow each other.

    >>> _change(0.15, 0.88), _change(None, 0.5)
    ('15 → 88 %', '– → 50 %')
    """
    if before is None and after is None:
        return "–"
    first = "–" if before is None else f"{100 * before:.0f}"
    return f"{first}{sign}{'–' if after is None else percent(after)}"


# ---- parts -----------------------------------------------------------------------


def _longest(rows: Sequence[Row]) -> int:
    return max((max(len(row.name), len(row.note)) for row in rows), default=0)


def _names(row: Row, width: int, y: float) -> str:
    """Write name and note at the left, our numbers and the other ones' at the right."""
    before = float(np.mean(row.before)) if row.before else None
    after = float(np.mean(row.after)) if row.after else None
    ours, end = _change(before, after), width - 2
    parts = [
        svg_text(2, y, shortened(row.name, LONGEST), size=13, fill=INK),
        svg_text(end, y, ours, size=13, weight=600, fill=INK, anchor="end"),
        svg_text(2, y + 17, row.note),
    ]
    if row.other != (None, None):
        parts.append(svg_text(end, y + 17, _change(*row.other), anchor="end"))
    # a rim in the colour of the page keeps letters free of the grid
    rim = "paint-order:stroke;stroke:var(--page,#fff);stroke-width:5px"
    return f'<g style="{rim}">{"".join(parts)}</g>'


def _marks(across: Scale, row: Row, y: float) -> str:
    """Draw the marks of a row: ours on its line, the other one's below it."""
    parts = [
        f'<path d="M{across.at(0):.1f} {y}H{across.at(1):.1f}" style="stroke:{LINE}"/>'
    ]
    if row.before and row.after:
        sides = (row.before, row.after)
        first, last = (across.at(float(np.mean(side))) for side in sides)
        parts.append(
            f'<path d="M{first:.1f} {y}H{last:.1f}" '
            f'style="stroke:{AFTER};stroke-width:4;opacity:.28"/>'
        )
    if row.interval:
        low, high = map(across.at, row.interval)
        parts.append(whisker(low, high, y))
    parts += [_run(x, y - up) for x, up in _stacked([*map(across.at, row.after)])]
    if row.after:
        parts.append(_mean(across.at(float(np.mean(row.after))), y))
    parts += [_ring(across.at(share), y) for share in sorted(set(row.before))]
    before, after = row.other
    if before is not None and after is not None:
        parts.append(_joint(across.at(before), across.at(after), y + 16))
    if before is not None:
        parts.append(_diamond(across.at(before), y + 16, "none"))
    if after is not None:
        parts.append(_diamond(across.at(after), y + 16, QUIET))
    return "".join(parts)


def _stacked(xs: Sequence[float]) -> list[tuple[float, float]]:
    """Return where dots stand above their line: on each other if they would touch."""
    placed: list[tuple[float, float]] = []
    for x in sorted(xs):
        near = [up for other, up in placed if x - other < 7]
        placed.append((x, next(up for up in range(10, 999, 7) if up not in near)))
    return placed


def _ring(x: float, y: float) -> str:
    return (
        f'<circle class="before" cx="{x:.1f}" cy="{y}" r="5" '
        f'style="fill:none;stroke:{BEFORE};stroke-width:2"/>'
    )


def _run(x: float, y: float) -> str:
    return (
        f'<circle class="run" cx="{x:.1f}" cy="{y}" r="3" '
        f'style="fill:{AFTER};opacity:.75"/>'
    )


def _mean(x: float, y: float) -> str:
    return f'<circle class="mean" cx="{x:.1f}" cy="{y}" r="5" style="fill:{AFTER}"/>'


def _diamond(x: float, y: float, fill: str) -> str:
    return (
        f'<path class="other" d="M{x:.1f} {y - 5}l5 5l-5 5l-5 -5z" '
        f'style="fill:{fill};stroke:{QUIET};stroke-width:1.6"/>'
    )


def _joint(low: float, high: float, y: float) -> str:
    return (
        f'<path d="M{low:.1f} {y}H{high:.1f}" '
        f'style="stroke:{QUIET};stroke-width:1.2;stroke-dasharray:2 3"/>'
    )
