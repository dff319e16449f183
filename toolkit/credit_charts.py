"""Charts of credit as SVG text: over groups, around the truth, and as curves.

Ink and grounds are those of `charts.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.advantage_strips import (
    Rows,
    hatch_name,
    hatching,
    names_room,
    rectangle,
)
from toolkit.charts import (
    AFTER,
    BEFORE,
    INK,
    LINE,
    percent,
    round_ticks,
    svg_picture,
    svg_text,
)


def group_shares(rows: Rows, *, title: str, width: int = 760) -> str:
    """Draw for each estimator how its advantages divide among groups.

    Args:
        rows: Name and size of each group's advantages; 0 is a silent group.
        title: What is divided.
        width: CSS pixels.
    """
    left, right = names_room([name for name, _ in rows]), 96
    words = [f"{n}: {_shares_in_words(_shares(sizes))}" for n, sizes in rows]
    told = f"{title}. {'; '.join(words)}"
    hatch = hatch_name(told)
    parts = [hatching(hatch), svg_text(2, 14, title, size=13, weight=600, fill=INK)]
    groups = max((len(sizes) for _, sizes in rows), default=1)
    wide = min(72.0, (width - left - right) / groups)
    for i, (name, sizes) in enumerate(rows):
        y, silent = 28 + 30 * i, sum(not size for size in sizes)
        parts.append(svg_text(left - 8, y + 17, name, anchor="end", fill=INK))
        parts.append(f'<g text-anchor="middle" style="fill:{INK};font-size:12px">')
        for j, share in enumerate(_shares(sizes)):
            parts.append(_share(left + wide * j, y, wide - 3, share, hatch))
        parts.append("</g>")
        note = f"{silent} of {len(sizes)} silent"
        parts.append(svg_text(left + wide * len(sizes) + 6, y + 17, note))
    return svg_picture(width, 30 + 30 * len(rows), told, parts)


Estimates = Sequence[tuple[str, Sequence[tuple[str, Sequence[float]]]]]
"""For each panel its name, and for each of its rows a name and what was estimated."""


def estimate_panels(
    panels: Estimates, *, truth: float, title: str, width: int = 760
) -> str:
    """Draw means and standard deviations of estimates beside the truth.

    Args:
        panels: Stand beside each other; all have the same rows.
        truth: What is estimated.
        title: What it is.
        width: CSS pixels.
    """
    left, names = 70.0, [name for name, _ in panels[0][1]]
    ends = [truth] + [
        float(np.mean(v)) + side * float(np.std(v))
        for _, rows in panels
        for _, v in rows
        for side in (-1, 1)
    ]
    low, high = min(ends), max(ends) if max(ends) > min(ends) else min(ends) + 1
    wide = (width - left) / len(panels)
    base = 52 + 32 * len(names)
    parts = [svg_text(2, 14, title, size=13, weight=600, fill=INK)]
    for i, name in enumerate(names):
        parts.append(svg_text(left - 8, 65 + 32 * i, name, anchor="end", fill=INK))
    for j, (name, rows) in enumerate(panels):
        x = left + wide * j
        scale = _Scale(x + 12, wide - 36, low, high)
        parts.append(svg_text(x + 12, 38, name, fill=INK, weight=600))
        parts.append(_truth(scale, truth, base))
        for i, (_, values) in enumerate(rows):
            parts.append(_estimate(scale, values, 61 + 32 * i))
    words = "; ".join(estimates_in_words(panels))
    label = f"{title}, {truth:+.2f} in truth. {words}"
    return svg_picture(width, base + 26, label, parts)


def estimates_in_words(panels: Estimates) -> list[str]:
    """Return one line for each row of each panel."""
    return [
        f"{name}, {row}: {np.mean(v):+.2f} with deviation {np.std(v):.2f}"
        for name, rows in panels
        for row, v in rows
    ]


STROKES = ((INK, ""), (AFTER, "9 4"), (BEFORE, "2 4"))
"""Colour and dashes of the curves in a panel, which are told apart without colour."""


def curve_panels(
    panels: Estimates,
    *,
    x: Sequence[float],
    x_name: str,
    title: str,
    width: int = 760,
) -> str:
    """Draw curves in panels that stand beside each other.

    Args:
        panels: For each panel its name, and for each of its curves a name and values
            `(N,)`. All have the same curves, three at most; each has its own scale.
        x: Where the values are `(N,)`, rising.
        x_name: What `x` is.
        title: What is drawn.
        width: CSS pixels.
    """
    wide = width / len(panels)
    parts = [svg_text(2, 14, title, size=13, weight=600, fill=INK)]
    at = 4.0
    for (name, _), (colour, dash) in zip(panels[0][1], STROKES, strict=False):
        parts.append(_stroke(f"M{at:.0f} 34h30", colour, dash))
        parts.append(svg_text(at + 38, 38, name, fill=INK))
        at += 44 + names_room([name])
    for j, (name, curves) in enumerate(panels):
        parts += _panel(name, curves, x, x_name, wide * j + 44, wide - 62)
    words = "; ".join(curves_in_words(panels))
    return svg_picture(width, 300, f"{title}, by {x_name}. {words}", parts)


def curves_in_words(panels: Estimates) -> list[str]:
    """Return one line for each curve of each panel."""
    return [
        f"{name}, {curve}: from {v[0]:.2f} to {v[-1]:.2f}, "
        f"least {min(v):.2f}, most {max(v):.2f}"
        for name, curves in panels
        for curve, v in curves
    ]


# ---- parts ---------------------------------------------------------------------------


def _shares(sizes: Sequence[float]) -> list[float]:
    total = sum(sizes) or 1.0
    return [size / total for size in sizes]


def _shares_in_words(shares: Sequence[float]) -> str:
    return ", ".join(percent(s) if s else "silent" for s in shares)


def _share(x: float, y: float, wide: float, share: float, hatch: str) -> str:
    if not share:
        place = rectangle(x, y, wide, 26)
        return f'<path fill="url(#{hatch})" d="{place}"/>'
    place, middle = rectangle(x, y, wide, 26), x + wide / 2
    return (
        f'<path style="fill:{AFTER};opacity:{0.15 + 0.55 * share:.2f}" d="{place}"/>'
        f'<text x="{middle:.0f}" y="{y + 17}">{percent(share)}</text>'
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From numbers to CSS pixels."""

    x: float
    room: float
    low: float
    high: float

    def at(self, value: float) -> float:
        return self.x + self.room * (value - self.low) / (self.high - self.low)


def _truth(scale: _Scale, truth: float, base: float) -> str:
    x, zero = scale.at(truth), scale.at(0.0)
    return (
        f'<path d="M{zero:.1f} 46V{base}" style="stroke:{LINE}"/>'
        f'<path d="M{x:.1f} 46V{base}" style="stroke:{AFTER};stroke-width:2"/>'
        + svg_text(x, base + 16, f"truth {truth:+.2f}", anchor="middle", fill=AFTER)
    )


def _estimate(scale: _Scale, values: Sequence[float], y: float) -> str:
    mean, spread = float(np.mean(values)), float(np.std(values))
    low, high = scale.at(mean - spread), scale.at(mean + spread)
    return (
        f'<path d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 5}v10M{high:.1f} {y - 5}'
        f'v10" style="fill:none;stroke:{INK};stroke-width:1.6"/>'
        f'<circle cx="{scale.at(mean):.1f}" cy="{y}" r="4.5" style="fill:{INK}"/>'
    )


def _panel(
    name: str,
    curves: Sequence[tuple[str, Sequence[float]]],
    x: Sequence[float],
    x_name: str,
    left: float,
    wide: float,
) -> list[str]:
    """Return one panel of curves with its axes."""
    values = [v for _, ys in curves for v in ys]
    rows = round_ticks(min(values), max(max(values), min(values) + 1e-9))
    across = [t for t in round_ticks(x[0], x[-1]) if x[0] <= t <= x[-1]]
    up = _Scale(256, -176, rows[0], rows[-1])
    along = _Scale(left, wide, x[0], x[-1])
    parts = [svg_text(left, 68, name, fill=INK, weight=600)]
    for tick in rows:
        y = up.at(tick)
        line = f'<path d="M{left:.1f} {y:.1f}h{wide:.1f}" style="stroke:{LINE}"/>'
        parts += [line, svg_text(left - 6, y + 4, f"{tick:.3g}", anchor="end")]
    for tick in across:
        parts.append(svg_text(along.at(tick), 274, f"{tick:.3g}", anchor="middle"))
    parts.append(svg_text(left + wide / 2, 294, x_name, anchor="middle"))
    for (_, ys), (colour, dash) in zip(curves, STROKES, strict=False):
        points = [
            f"{along.at(a):.1f} {up.at(b):.1f}" for a, b in zip(x, ys, strict=True)
        ]
        parts.append(_stroke("M" + "L".join(points), colour, dash))
    return parts


def _stroke(path: str, colour: str, dash: str) -> str:
    return (
        f'<path d="{path}" style="fill:none;stroke:{colour};stroke-width:2.2;'
        f'stroke-dasharray:{dash or "none"};stroke-linejoin:round"/>'
    )
