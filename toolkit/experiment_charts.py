"""Charts of experiments as SVG text: arms beside each other, each with several runs.

Ink and grounds are those of `charts.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.charts import (
    AFTER,
    BEFORE,
    INK,
    LINE,
    QUIET,
    percent,
    smooth,
    svg_picture,
    svg_text,
)

PHONE = 500
"""Narrower than this, names stand above their rows instead of beside them."""
LONGEST, LONGEST_TITLE = 30, 26
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
    scale = _Scale(left, width - left - (20 if phone else 126))
    parts, y = [svg_text(2, 14, title, size=14, weight=600, fill=INK)], 28.0
    body = []
    for row in rows:
        tall = bool(row.note) or row.other != (None, None)
        middle = y + 26 if not phone else y + (66 if tall else 50)
        body.append(_names(row, width, y + 16 if phone else middle + 3))
        body.append(_marks(scale, row, middle))
        y = middle + (30 if tall else 16)
    parts.append(_grid(scale, 24, y, [0, 0.25, 0.5, 0.75, 1]))
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
        (_mean(10, 0) + _whisker(0, 20, 0), "mean of the runs, 95 % interval", 246),
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


def curve_panel(
    curves: Sequence[Mapping[int, float]],
    *,
    title: str,
    note: str = "",
    steps: int,
    width: int = 290,
) -> str:
    """Draw a share over the steps: each run thin and their mean thick, all smoothed.

    Args:
        curves: For each run its shares by step; the mean is that of the steps they
            have in common.
        title: Whose they are.
        note: What to say about them.
        steps: Where the axis ends.
        width: CSS pixels.
    """
    across, base = _Scale(46, width - 46 - 14), 150.0
    up = _Scale(base, 30 - base)
    runs = [_smoothed(curve) for curve in curves if curve]
    common = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    mean = {s: float(np.mean([run[s] for run in runs])) for s in common}
    parts = [
        svg_text(2, 14, _short(title, LONGEST_TITLE), size=13, weight=600, fill=INK),
        svg_text(width - 14, 14, note, anchor="end"),
        *(_level(across, up, share) for share in (0, 0.5, 1)),
        svg_text(across.at(0), base + 17, "0", anchor="middle"),
        svg_text(across.at(1), base + 17, f"{steps}", anchor="end"),
        svg_text(across.at(0.5), base + 17, "optimiser steps", anchor="middle"),
    ]
    last = max(steps, 1)
    parts += [_path(across, up, run, last, QUIET, 1.1) for run in runs]
    parts.append(_path(across, up, mean, last, AFTER, 2.6))
    if not runs:
        parts.append(
            svg_text(across.at(0.5), up.at(0.5) - 6, "no curve", anchor="middle")
        )
    return svg_picture(width, base + 24, _curves_in_words(title, note, mean), parts)


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
        told.append(
            f"interval {percent(row.interval[0])} to {percent(row.interval[1])}"
        )
    if row.note:
        told.append(row.note)
    if row.other != (None, None):
        told.append(f"{other} {_change(*row.other, ' to ')}")
    return ", ".join(told)


def _curves_in_words(title: str, note: str, mean: Mapping[int, float]) -> str:
    named = f"{title}, {note}" if note else title
    if not mean:
        return f"{named}: no training curve"
    first, last = min(mean), max(mean)
    return (
        f"{named}: share of training games won, smoothed mean from "
        f"{percent(mean[first])} to {percent(mean[last])} at step {last}"
    )


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


@dataclass(frozen=True, slots=True)
class _Scale:
    """From shares to CSS pixels."""

    start: float
    room: float

    def at(self, share: float) -> float:
        return self.start + self.room * share


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _longest(rows: Sequence[Row]) -> int:
    return max((max(len(row.name), len(row.note)) for row in rows), default=0)


def _names(row: Row, width: int, y: float) -> str:
    """Write name and note at the left, our numbers and the other ones' at the right."""
    before = float(np.mean(row.before)) if row.before else None
    after = float(np.mean(row.after)) if row.after else None
    ours, end = _change(before, after), width - 2
    parts = [
        svg_text(2, y, _short(row.name, LONGEST), size=13, fill=INK),
        svg_text(end, y, ours, size=13, weight=600, fill=INK, anchor="end"),
        svg_text(2, y + 17, row.note),
    ]
    if row.other != (None, None):
        parts.append(svg_text(end, y + 17, _change(*row.other), anchor="end"))
    # a rim in the colour of the page keeps letters free of the grid
    rim = "paint-order:stroke;stroke:var(--page,#fff);stroke-width:5px"
    return f'<g style="{rim}">{"".join(parts)}</g>'


def _marks(scale: _Scale, row: Row, y: float) -> str:
    """Draw the marks of a row: ours on its line, the other one's below it."""
    parts = [
        f'<path d="M{scale.at(0):.1f} {y}H{scale.at(1):.1f}" style="stroke:{LINE}"/>'
    ]
    if row.before and row.after:
        sides = (row.before, row.after)
        first, last = (scale.at(float(np.mean(side))) for side in sides)
        parts.append(
            f'<path d="M{first:.1f} {y}H{last:.1f}" '
            f'style="stroke:{AFTER};stroke-width:4;opacity:.28"/>'
        )
    if row.interval:
        low, high = map(scale.at, row.interval)
        parts.append(_whisker(low, high, y))
    parts += [_run(x, y - up) for x, up in _stacked([*map(scale.at, row.after)])]
    if row.after:
        parts.append(_mean(scale.at(float(np.mean(row.after))), y))
    parts += [_ring(scale.at(share), y) for share in sorted(set(row.before))]
    before, after = row.other
    if before is not None and after is not None:
        parts.append(_joint(scale.at(before), scale.at(after), y + 16))
    if before is not None:
        parts.append(_diamond(scale.at(before), y + 16, "none"))
    if after is not None:
        parts.append(_diamond(scale.at(after), y + 16, QUIET))
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


def _whisker(low: float, high: float, y: float) -> str:
    return (
        f'<path class="interval" d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 5}v10'
        f'M{high:.1f} {y - 5}v10" style="fill:none;stroke:{INK};stroke-width:1.5"/>'
    )


def _grid(scale: _Scale, top: float, base: float, shares: Sequence[float]) -> str:
    return "".join(
        f'<path d="M{scale.at(s):.1f} {top}V{base}" style="stroke:{LINE}"/>'
        + svg_text(scale.at(s), base + 17, percent(s), anchor="middle")
        for s in shares
    )


def _level(across: _Scale, up: _Scale, share: float) -> str:
    y, left, right = up.at(share), across.at(0), across.at(1)
    line = f'<path d="M{left:.1f} {y:.1f}H{right:.1f}" style="stroke:{LINE}"/>'
    return line + svg_text(left - 6, y + 4, percent(share), anchor="end")


def _smoothed(curve: Mapping[int, float]) -> dict[int, float]:
    steps = sorted(curve)
    return dict(zip(steps, map(float, smooth([curve[s] for s in steps])), strict=True))


def _path(
    across: _Scale,
    up: _Scale,
    curve: Mapping[int, float],
    steps: int,
    colour: str,
    wide: float,
) -> str:
    points = " ".join(
        f"{across.at(s / steps):.1f},{up.at(share):.1f}" for s, share in curve.items()
    )
    return (
        f'<polyline points="{points}" style="fill:none;stroke:{colour};'
        f'stroke-width:{wide};stroke-linejoin:round;stroke-linecap:round"/>'
    )
