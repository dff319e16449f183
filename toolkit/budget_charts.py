"""Charts of lessons on budgets as SVG text: named curves, and before beside after.

Ink and grounds are those of `charts.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.charts import (
    AFTER,
    BEFORE,
    INK,
    LINE,
    Interval,
    percent,
    round_ticks,
    svg_picture,
    svg_text,
)

PENS = (
    (AFTER, ""),
    (BEFORE, "8 4"),
    ("var(--gain-edge,#2a9d52)", "2 3"),
    (INK, "10 3 2 3"),
    ("var(--pain-edge,#d0453a)", "5 2"),
)
"""Colour and dashes of the first curve, the second and so on."""
QUARTERS = (0, 0.25, 0.5, 0.75, 1)
Sides = tuple[str, Interval | None, Interval | None]
"""Name, interval before and interval after; `None` where there is none."""


def curves(
    lines: Mapping[str, Sequence[float]],
    x: Sequence[float],
    *,
    x_title: str,
    title: str,
    width: int = 760,
) -> str:
    """Draw shares as named curves.

    Args:
        lines: Up to five curves by name, each of shares from 0 to 1 `(N,)`.
        x: Where the shares were taken `(N,)`, rising.
        x_title: What that is.
        title: What the shares are.
        width: CSS pixels.
    """
    end = width - 52 - 7.0 * max(map(len, lines))
    across, up = _Scale(46, end, x[0], x[-1]), _Scale(256, 34, 0, 1)
    parts = [svg_text(2, 14, title, size=13, weight=600, fill=INK)]
    parts += _axes(across, up, x_title)
    for (colour, dashes), values in zip(PENS, lines.values(), strict=False):
        points = zip(map(across.at, x), map(up.at, values), strict=True)
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(_stroke(f'<polyline points="{path}"', colour, dashes))
    parts += _names(end + 8, up, lines)
    words = "; ".join(curves_in_words(lines))
    return svg_picture(width, 300, f"{title}, over {x_title}. {words}", parts)


def curves_in_words(lines: Mapping[str, Sequence[float]]) -> list[str]:
    """Return one line for each curve."""
    return [
        f"{name}: from {percent(v[0])} to {percent(v[-1])}, at most {percent(max(v))}"
        for name, v in lines.items()
    ]


def before_after(
    panels: Mapping[str, Sequence[Sides]],
    *,
    sides: tuple[str, str],
    title: str,
    width: int = 760,
) -> str:
    """Draw two shares a row with their intervals, in panels beside each other.

    Args:
        panels: Rows by the name of the panel; all panels have the same rows.
        sides: What the two shares are, such as before and after.
        title: What is drawn.
        width: CSS pixels.
    """
    names = [name for name, _, _ in next(iter(panels.values()))]
    left = 20 + 7 * max(map(len, names))
    wide = (width - left) / len(panels)
    base = 58 + 40 * len(names)
    parts = [svg_text(2, 14, title, size=13, weight=600, fill=INK)]
    parts += _key(sides, width)
    for i, name in enumerate(names):
        parts.append(svg_text(left - 8, 82 + 40 * i, name, anchor="end", fill=INK))
    for j, (panel, rows) in enumerate(panels.items()):
        at = _Scale(left + wide * j + 12, left + wide * (j + 1) - 30, 0, 1)
        parts.append(svg_text(at.start, 40, panel, fill=INK, weight=600))
        ticks = QUARTERS if wide > 220 else QUARTERS[::2]
        parts += [_upright(at, tick, base) for tick in ticks]
        for i, (_, *pair) in enumerate(rows):
            parts += _pair(at, pair, 78 + 40 * i)
    words = "; ".join(sides_in_words(panels, sides))
    return svg_picture(width, base + 26, f"{title}. {words}", parts)


def sides_in_words(
    panels: Mapping[str, Sequence[Sides]], sides: tuple[str, str]
) -> list[str]:
    """Return one line for each row of each panel."""
    return [
        f"{panel}, {name}: {_pair_in_words(pair, sides)}"
        for panel, rows in panels.items()
        for name, *pair in rows
    ]


# ---- parts ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scale:
    """From numbers to CSS pixels."""

    start: float
    end: float
    low: float
    high: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * share


def _axes(across: _Scale, up: _Scale, x_title: str) -> list[str]:
    """Draw the lines and numbers of both axes."""
    found = []
    for tick in QUARTERS:
        y = up.at(tick)
        line = f'<path d="M{across.start} {y:.1f}H{across.end}" style="stroke:{LINE}"/>'
        found.append(line + svg_text(40, y + 4, percent(tick), anchor="end"))
    found += [
        svg_text(across.at(tick), up.start + 17, f"{tick}", anchor="middle")
        for tick in round_ticks(across.low, across.high, 8)
        if across.low <= tick <= across.high
    ]
    middle = (across.start + across.end) / 2
    return [*found, svg_text(middle, up.start + 38, x_title, anchor="middle")]


def _names(x: float, up: _Scale, lines: Mapping[str, Sequence[float]]) -> list[str]:
    """Write each curve's name beside its end, those that collide below each other."""
    found, below = [], up.end - 12.0
    ends = [
        (up.at(values[-1]), name, pen)
        for pen, (name, values) in zip(PENS, lines.items(), strict=False)
    ]
    ends.sort(key=lambda end: end[0])
    for place, (y, name, (colour, dashes)) in enumerate(ends):
        rest = len(ends) - 1 - place  # leave room for those further down
        below = max(min(y, up.start - 15 * rest), below + 15)
        found.append(_stroke(f'<path d="M{x} {below:.1f}h22"', colour, dashes))
        found.append(svg_text(x + 28, below + 4, name, fill=colour, weight=600))
    return found


def _stroke(drawn: str, colour: str, dashes: str) -> str:
    """Close an open tag with the look of a curve."""
    look = f"stroke-width:2.4;stroke-dasharray:{dashes or 'none'}"
    return f'{drawn} style="fill:none;stroke:{colour};{look};stroke-linejoin:round"/>'


def _key(sides: tuple[str, str], width: int) -> list[str]:
    """Say which mark is which, at the right of the title."""
    x = width - 24 - 8 * len(sides[1])
    first = x - 40 - 8 * len(sides[0])
    return [
        _mark(first, 10, 0),
        svg_text(first + 10, 14, sides[0], fill=BEFORE),
        _mark(x, 10, 1),
        svg_text(x + 10, 14, sides[1], fill=AFTER),
    ]


def _upright(scale: _Scale, tick: float, base: float) -> str:
    x = scale.at(tick)
    return f'<path d="M{x:.1f} 48V{base}" style="stroke:{LINE}"/>' + svg_text(
        x, base + 18, percent(tick), anchor="middle"
    )


def _pair(scale: _Scale, pair: Sequence[Interval | None], y: float) -> list[str]:
    """Draw the two marks of a row above each other, each in its interval."""
    found = []
    for side, interval in enumerate(pair):
        if interval:
            value, low, high = map(scale.at, interval)
            at = y - 7 + 14 * side
            colour = (BEFORE, AFTER)[side]
            found.append(
                f'<path d="M{low:.1f} {at}H{high:.1f}M{low:.1f} {at - 4}v8'
                f'M{high:.1f} {at - 4}v8" '
                f'style="fill:none;stroke:{colour};stroke-width:1.8"/>'
            )
            found.append(_mark(value, at, side))
    return found


def _mark(x: float, y: float, side: int) -> str:
    """Draw a square for before and a disc for after."""
    if side:
        return f'<circle cx="{x:.1f}" cy="{y}" r="5" style="fill:{AFTER}"/>'
    place = f'x="{x - 4:.1f}" y="{y - 4}" width="8" height="8"'
    return f'<rect {place} style="fill:{BEFORE}"/>'


def _pair_in_words(pair: Sequence[Interval | None], sides: tuple[str, str]) -> str:
    told = [
        f"{side} {percent(i[0])} ({percent(i[1])} to {percent(i[2])})"
        for side, i in zip(sides, pair, strict=True)
        if i
    ]
    return ", ".join(told)
