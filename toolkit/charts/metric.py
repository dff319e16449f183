"""One quantity of a run over its steps, drawn small enough to be sent every second.

Long runs are thinned, and all points are one path.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from toolkit.charts.smooth import smooth
from toolkit.charts.svg import (
    AFTER,
    BEFORE,
    INK,
    LINE,
    QUIET,
    Interval,
    Scale,
    percent,
    round_ticks,
    stroke,
    svg_picture,
    svg_text,
    svg_title,
    with_namespace,
)
from toolkit.page import escape
from toolkit.statistics import wilson

MOST_POINTS = 500
"""Of a curve that are drawn."""
BAND_POINTS = 40
"""Of the band around a smoothed curve that are drawn."""
TOP, LEFT, RIGHT, FOOT = 34, 40, 10, 20


class Mark(NamedTuple):
    """Something that happened at a step."""

    step: float
    letter: str
    """Stands above the line; one capital."""
    words: str
    """What happened."""
    exam: Interval | None = None
    """Held-out success, if it was measured."""


def metric_chart(
    steps: Sequence[float],
    values: Sequence[float],
    *,
    title: str,
    unit: str,
    last_step: float,
    episodes: float = 0,
    marks: Sequence[Mark] = (),
    width: int = 290,
    height: int = 132,
) -> str:
    """Draw a quantity: raw points faint, the smoothed curve over them.

    Args:
        steps: Rising `(S,)`.
        values: One per step `(S,)`.
        title: What it is.
        unit: Of the values; `%` shows shares as percentages from 0 to 100.
        last_step: Where the axis ends.
        episodes: If above 0, the values are shares of so many episodes each, and a
            band shows where 95 % of such shares lie (Wilson's interval).
        marks: What happened meanwhile.
        width: CSS pixels.
        height: CSS pixels.
    """
    even_steps, curve = smoothed(steps, values)
    across = Scale(LEFT, width - RIGHT, 0, max(last_step, 1))
    base = height - FOOT
    ticks = (0, 0.5, 1) if unit == "%" else _ticks(values)
    up = Scale(base, TOP, ticks[0], ticks[-1])
    show = percent if unit == "%" else plain
    sign = "" if unit in ("", "%") else f" ({unit})"
    parts = [
        _grid(across, up, ticks, show),
        svg_title(title + sign),
        svg_text(width - RIGHT, 14, f"now {show(curve[-1])}", anchor="end", fill=INK),
        _band(across, up, even_steps, curve, episodes) if episodes else "",
        _marks(across, base, marks, with_letters=episodes > 0),
        _points(across, up, steps, values, min(MOST_POINTS, width // 4)),
        _line(across, up, even_steps, curve),
        *(_exam(across, up, mark) for mark in marks if episodes and mark.exam),
    ]
    ends = f"from {show(curve[0])} to {show(curve[-1])}"
    words = f"{title}{sign}, smoothed, over {len(steps)} steps {ends}"
    return with_namespace(svg_picture(width, height, words, parts))


def thin(
    xs: Sequence[float], ys: Sequence[float], most: int
) -> tuple[list[float], list[float]]:
    """Keep the least and the most of each stretch, so that no peak is lost.

    >>> thin(range(8), [0, 5, 1, 1, 1, 1, -3, 0], 4)
    ([0.0, 1.0, 4.0, 6.0], [0.0, 5.0, 1.0, -3.0])

    Args:
        xs: Rising `(N,)`.
        ys: `(N,)`.
        most: So many points are kept at most, two of each stretch.
    """
    x, y = np.asarray(xs, float), np.asarray(ys, float)
    if len(x) > most:
        stretches = np.array_split(np.arange(len(x)), max(1, most // 2))
        ends = [(s[y[s].argmin()], s[y[s].argmax()]) for s in stretches]
        kept = sorted({int(i) for pair in ends for i in pair})
        x, y = x[kept], y[kept]
    return x.tolist(), y.tolist()


def smoothed(
    steps: Sequence[float], values: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Smooth a series; of a long one, the means of even stretches."""
    x, y = np.asarray(steps, float), np.asarray(values, float)
    if len(x) > MOST_POINTS:
        stretches = np.array_split(np.arange(len(x)), MOST_POINTS)
        x = np.array([x[s].mean() for s in stretches])
        y = np.array([y[s].mean() for s in stretches])
    return x.tolist(), smooth(y.tolist()).tolist()


def plain(value: float) -> str:
    """Return a number in three digits, without exponents where it can be.

    >>> plain(1234.5), plain(0.01234), plain(-0.0), plain(2.5e-7)
    ('1234', '0.0123', '0', '2.5e-07')
    """
    if abs(value) >= 1000:
        return f"{value:.0f}" if abs(value) < 1e7 else f"{value:.2g}"
    return f"{value + 0.0:.3g}"  # -0.0 becomes 0.0


# ---- parts -----------------------------------------------------------------------


def _ticks(values: Sequence[float]) -> list[float]:
    low, high = min([0.0, *values]), max([0.0, *values])
    return round_ticks(low, high if high > low else low + 1, 2)


def _grid(across: Scale, up: Scale, ticks: Sequence[float], show: object) -> str:
    assert callable(show)
    lines = "".join(f"M{across.start} {up.at(t):.4g}H{across.end}" for t in ticks)
    levels = "".join(
        f'<text x="{across.start - 5}" y="{up.at(t) + 4:.4g}">{show(t)}</text>'
        for t in ticks
    )
    low, high = across.low, across.high
    count = max(2, int(across.end - across.start) // 60)
    steps = "".join(
        f'<text x="{across.at(t):.4g}" y="{up.start + 15:g}">{t}</text>'
        for t in round_ticks(low, high, count, whole=True)
        if low <= t <= high
    )
    return (
        f'<path d="{lines}" style="stroke:{LINE}"/>'
        f'<g style="fill:{QUIET};font-size:11px"><g text-anchor="end">{levels}</g>'
        f'<g text-anchor="middle">{steps}</g></g>'
    )


def _points(
    across: Scale, up: Scale, xs: Sequence[float], ys: Sequence[float], most: int
) -> str:
    """Draw dots, or a thin line where they would touch."""
    places = _places(across, up, *thin(xs, ys, most))
    if len(places) > (across.end - across.start) / 3:
        path = f'd="M{"L".join(places)}"'
        return f'<path {path} style="fill:none;stroke:{QUIET};opacity:.45"/>'
    dots = "".join(f"M{place}h0" for place in places)
    look = f"stroke:{QUIET};stroke-width:4.5;stroke-linecap:round;opacity:.5"
    return f'<path class="points" d="{dots}" style="{look}"/>'


def _line(across: Scale, up: Scale, xs: Sequence[float], ys: Sequence[float]) -> str:
    places = _places(
        across, up, *_spread(round(across.end - across.start) // 6, xs, ys)
    )
    return stroke(f'path d="M{"L".join(places)}"', INK, width=2.2)


def _band(
    across: Scale, up: Scale, xs: Sequence[float], ys: Sequence[float], episodes: float
) -> str:
    """Draw where the share of one batch lies, 19 times of 20."""
    xs, ys = _spread(BAND_POINTS, xs, ys)
    kept = [min(1.0, max(0.0, y)) for y in ys]
    ends = [wilson(y * episodes, episodes) for y in kept]
    there = _places(across, up, xs, [high for _, high in ends])
    back = _places(across, up, xs[::-1], [low for low, _ in ends[::-1]])
    path = f"M{'L'.join([*there, *back])}z"
    return f'<path class="band" d="{path}" style="fill:{AFTER};opacity:.14"/>'


def _marks(
    across: Scale, base: float, marks: Sequence[Mark], *, with_letters: bool
) -> str:
    if not marks:
        return ""
    letters: dict[float, str] = {}
    for mark in marks:
        x = across.at(mark.step)
        letters[x] = letters.get(x, "") + mark.letter
    path = "".join(f"M{x:.4g} {TOP - 6}V{base}" for x in letters)
    lines = f'<path d="{path}" style="stroke:{BEFORE};stroke-dasharray:3"/>'
    if not with_letters:
        return lines
    texts = "".join(
        f'<text x="{x:.4g}" y="{TOP - 8}">{escape(text)}</text>'
        for x, text in letters.items()
    )
    look = f"fill:{BEFORE};font-size:11px;font-weight:700"
    return f'{lines}<g text-anchor="middle" style="{look}">{texts}</g>'


def _exam(across: Scale, up: Scale, mark: Mark) -> str:
    """Draw held-out success as a diamond on its interval."""
    assert mark.exam is not None
    x, (y, low, high) = across.at(mark.step), map(up.at, mark.exam)
    bar = stroke(f'path d="M{x:.4g} {low:.4g}V{high:.4g}"', BEFORE, width=2)
    diamond = f"M{x:.4g} {y - 6:.4g}l6 6l-6 6l-6 -6z"
    return f'{bar}<path class="exam" d="{diamond}" style="fill:{BEFORE}"/>'


def _spread(
    most: int, xs: Sequence[float], ys: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Return points of a smooth curve, evenly chosen, both ends included."""
    count = min(most, len(xs))
    kept = np.linspace(0, len(xs) - 1, count).round().astype(int).tolist()
    return [xs[i] for i in kept], [ys[i] for i in kept]


def _places(
    across: Scale, up: Scale, xs: Sequence[float], ys: Sequence[float]
) -> list[str]:
    return [
        f"{across.at(x):.4g} {up.at(y):.3g}"
        for x, y in zip(xs, ys, strict=True)
        if math.isfinite(y)
    ]
