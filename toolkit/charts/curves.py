"""Curves: of success in training, of any quantity, in panels, and of several runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.charts.smooth import smooth
from toolkit.charts.svg import (
    AFTER,
    BEFORE,
    INK,
    LINE,
    PENS,
    QUARTERS,
    QUIET,
    Interval,
    Scale,
    from_to,
    names_room,
    percent,
    round_ticks,
    shortened,
    stroke,
    svg_picture,
    svg_text,
    svg_title,
)

Curves = Mapping[str, Sequence[float]]
"""Values `(N,)` by the name of their curve."""
LONGEST_TITLE = 26
"""Titles with more letters are cut short in small pictures; the words have them."""


def learning_curve(
    steps: Sequence[float],
    success: Sequence[float],
    *,
    episodes: Sequence[int],
    before: Interval | None = None,
    after: Interval | None = None,
    width: int = 720,
) -> str:
    """Draw success during training between the held-out success before and after.

    Args:
        steps: Optimiser steps done `(S,)`, rising.
        success: Share of the episodes played at each step that were won `(S,)`.
        episodes: How many these were `(S,)`.
        before: Held-out success before training, a dashed line in its band.
        after: Held-out success after training, a solid line in its band.
        width: CSS pixels.
    """
    plot = _Plot(_along(steps, 46, width - 62), Scale(276, 34))
    each = _each(episodes)
    held = [(name, i) for name, i in (("before", before), ("after", after)) if i]
    curve = smooth(success, weights=episodes)
    parts = [
        plot.levels(QUARTERS, percent),
        plot.x_axis(f"optimiser steps ({each} each)", steps),
        *(_band(plot, name, interval) for name, interval in held),
        _band_labels(plot, held),
        plot.dots(steps, success),
        plot.line(steps, curve, INK),
        _key(plot, each),
    ]
    words = [f"Success in training over {len(steps)} steps of {each}"]
    if len(curve):
        words.append(f"smoothed from {from_to(curve[0], curve[-1])}")
    words += [
        f"held out {name} training {percent(v)}, interval {from_to(*ends)}"
        for name, (v, *ends) in held
    ]
    return svg_picture(width, 320, "; ".join(words), parts)


def line_chart(
    steps: Sequence[float],
    values: Sequence[float],
    *,
    title: str,
    unit: str,
    top: float | None = None,
    width: int = 320,
) -> str:
    """Draw one quantity over the steps, from 0 upwards.

    Args:
        steps: Optimiser steps done `(S,)`, rising.
        values: One per step `(S,)`, not negative.
        title: What it is.
        unit: Of the values; `%` shows shares as percentages.
        top: Upper end of the axis (`None`: what the values need).
        width: CSS pixels.
    """
    ticks = round_ticks(0, top or max([*values, 1e-9]), 3)
    plot = _Plot(_along(steps, 46, width - 14), Scale(146, 28, 0, ticks[-1]))
    show = _shown(unit)
    sign = "" if unit == "%" else f" ({unit})"
    curve = smooth(values)
    ends = f"from {show(curve[0])} to {show(curve[-1])}" if len(curve) else "no data"
    parts = [
        plot.levels(ticks, show),
        plot.x_axis("optimiser steps", steps),
        svg_title(f"{title}{sign}"),
        plot.dots(steps, values),
        plot.line(steps, curve, INK),
    ]
    label = f"{title}{sign} over {len(steps)} steps, smoothed {ends}"
    return svg_picture(width, 190, label, parts)


def curve_panels(
    panels: Mapping[str, Curves],
    *,
    x: Sequence[float],
    x_name: str,
    title: str,
    unit: str = "",
    width: int = 760,
) -> str:
    """Draw named curves in panels that stand beside each other.

    A single panel without a name (`""`) has the names of its curves beside their ends;
    other panels share a key.

    Args:
        panels: Curves by the name of the panel; all have the same curves, five at most.
        x: Where the values are `(N,)`, rising.
        x_name: What `x` is.
        title: What is drawn.
        unit: `%` shows shares from 0 to 100 %; else each panel has its own scale.
        width: CSS pixels.
    """
    names, alone = list(next(iter(panels.values()))), list(panels) == [""]
    top, right = (34, 52 + 7.0 * max(map(len, names))) if alone else (80, 18)
    wide = width / len(panels)
    parts = [svg_title(title), *([] if alone else _names_above(names))]
    for j, (name, curves) in enumerate(panels.items()):
        across = _along(x, wide * j + 46, wide * (j + 1) - right)
        rows = QUARTERS if unit == "%" else _rows(curves)
        plot = _Plot(across, Scale(256, top, rows[0], rows[-1]))
        parts.append(svg_text(across.start, 68, name, fill=INK, weight=600))
        parts += [plot.levels(rows, _shown(unit)), plot.x_axis(x_name, x)]
        for pen, values in zip(PENS, curves.values(), strict=False):
            parts.append(plot.line(x, values, *pen))
        parts += _names_beside(plot, curves) if alone else []
    words = "; ".join(curves_in_words(panels, unit))
    return svg_picture(width, 300, f"{title}, by {x_name}. {words}", parts)


def curves_in_words(panels: Mapping[str, Curves], unit: str = "") -> list[str]:
    """Return one line for each curve of each panel of `curve_panels`."""
    show = _shown(unit)
    return [
        f"{panel}{panel and ', '}{name}: from {show(v[0])} to {show(v[-1])}, "
        f"least {show(min(v))}, most {show(max(v))}"
        for panel, curves in panels.items()
        for name, v in curves.items()
    ]


def run_curves(
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
    plot = _Plot(Scale(46, width - 14, 0, max(steps, 1)), Scale(150, 30))
    left, right, y = plot.across.start, plot.across.end, plot.up.start + 17
    middle = (left + right) / 2
    runs = [_smoothed(curve) for curve in curves if curve]
    common = sorted(set.intersection(*(set(run) for run in runs))) if runs else []
    mean = {s: float(np.mean([run[s] for run in runs])) for s in common}
    parts = [
        svg_title(shortened(title, LONGEST_TITLE)),
        svg_text(right, 14, note, anchor="end"),
        plot.levels((0, 0.5, 1), percent),
        svg_text(left, y, "0", anchor="middle"),
        svg_text(right, y, f"{steps}", anchor="end"),
        svg_text(middle, y, "optimiser steps", anchor="middle"),
        *(plot.line(run, run.values(), QUIET, width=1.1) for run in runs),
        plot.line(mean, mean.values(), AFTER, width=2.6),
    ]
    if not runs:
        parts.append(svg_text(middle, plot.up.at(0.5) - 6, "no curve", anchor="middle"))
    return svg_picture(width, 174, _runs_in_words(title, note, mean), parts)


# ---- axes ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plot:
    """What is drawn between two scales."""

    across: Scale
    up: Scale

    def levels(self, ticks: Iterable[float], show: Callable[[float], str]) -> str:
        left, right = self.across.start, self.across.end
        return "".join(
            f'<path d="M{left:.1f} {self.up.at(t):.1f}H{right:.1f}" '
            f'style="stroke:{LINE}"/>'
            + svg_text(left - 6, self.up.at(t) + 4, show(t), anchor="end")
            for t in ticks
        )

    def x_axis(self, title: str, xs: Sequence[float]) -> str:
        """Write the numbers below, only whole ones if all of `xs` are."""
        left, right, base = self.across.start, self.across.end, self.up.start
        low, high = self.across.low, self.across.high
        is_whole = all(float(x).is_integer() for x in xs)
        ticks = round_ticks(low, high, max(2, int(right - left) // 60), whole=is_whole)
        marks = [t for t in ticks if low <= t <= high]
        return "".join(
            svg_text(self.across.at(t), base + 17, f"{t:g}", anchor="middle")
            for t in marks
        ) + svg_text((left + right) / 2, base + 38, title, anchor="middle")

    def dots(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        return "".join(
            f'<circle cx="{self.across.at(x):.1f}" cy="{self.up.at(y):.1f}" r="2.6" '
            f'style="fill:{QUIET};opacity:.55"/>'
            for x, y in zip(xs, ys, strict=True)
        )

    def line(
        self,
        xs: Iterable[float],
        ys: Iterable[float],
        colour: str,
        dashes: str = "",
        width: float = 2.4,
    ) -> str:
        points = " ".join(
            f"{self.across.at(x):.1f},{self.up.at(y):.1f}"
            for x, y in zip(xs, ys, strict=True)
        )
        return stroke(f'polyline points="{points}"', colour, dashes, width)


def _along(xs: Sequence[float], start: float, end: float) -> Scale:
    """Return a scale for numbers that rise, of which there may be one or none."""
    low, high = (xs[0], xs[-1]) if len(xs) else (0, 1)
    return Scale(start, end, low, high if high > low else low + 1)


def _rows(curves: Curves) -> list[float]:
    values = [v for ys in curves.values() for v in ys]
    return round_ticks(min(values), max(max(values), min(values) + 1e-9))


# ---- marks -----------------------------------------------------------------------

_HELD = {"before": BEFORE, "after": AFTER}


def _band(plot: _Plot, name: str, interval: Interval) -> str:
    y, low, high = map(plot.up.at, interval)
    left, wide = plot.across.start, plot.across.end - plot.across.start
    dashes = "7 5" if name == "before" else ""
    return (
        f'<rect x="{left}" y="{high:.1f}" width="{wide}" height="{low - high:.1f}" '
        f'style="fill:{_HELD[name]};opacity:.13"/>'
    ) + stroke(f'path d="M{left} {y:.1f}h{wide}"', _HELD[name], dashes, 2)


def _band_labels(plot: _Plot, held: Sequence[tuple[str, Interval]]) -> str:
    """Name each band right of the plot; the upper label moves up if they collide."""
    x, below, labels = plot.across.end + 6, math.inf, []
    for name, (value, _, _) in sorted(held, key=lambda item: item[1][0]):
        y = below = min(plot.up.at(value), below - 34, plot.up.start - 12)
        told, colour = percent(value), _HELD[name]
        labels.append(svg_text(x, y - 1, name, fill=colour))
        labels.append(svg_text(x, y + 14, told, fill=colour, weight=600, size=14))
    return "".join(labels)


def _key(plot: _Plot, each: str) -> str:
    x, y = plot.across.start, 14
    return (
        f'<circle cx="{x + 4}" cy="{y - 4}" r="2.6" style="fill:{QUIET}"/>'
        + svg_text(x + 13, y, f"one step, {each}")
        + stroke(f'path d="M{x + 164} {y - 4}h18"', INK)
        + svg_text(x + 188, y, "smoothed")
    )


def _names_above(names: Sequence[str]) -> list[str]:
    """Write the names of curves beside each other, below the title."""
    found, x = [], 4.0
    for name, pen in zip(names, PENS, strict=False):
        found.append(stroke(f'path d="M{x:.0f} 34h30"', *pen))
        found.append(svg_text(x + 38, 38, name, fill=INK))
        x += 44 + names_room([name])
    return found


def _names_beside(plot: _Plot, curves: Curves) -> list[str]:
    """Write each curve's name beside its end, those that collide below each other."""
    found, x, below = [], plot.across.end + 8, plot.up.end - 12
    ends = [
        (plot.up.at(values[-1]), name, pen)
        for pen, (name, values) in zip(PENS, curves.items(), strict=False)
    ]
    ends.sort(key=lambda end: end[0])
    for place, (y, name, pen) in enumerate(ends):
        rest = len(ends) - 1 - place  # leave room for those further down
        below = max(min(y, plot.up.start - 15 * rest), below + 15)
        found.append(stroke(f'path d="M{x} {below:.1f}h22"', *pen))
        found.append(svg_text(x + 28, below + 4, name, fill=pen[0], weight=600))
    return found


def _smoothed(curve: Mapping[int, float]) -> dict[int, float]:
    steps = sorted(curve)
    return dict(zip(steps, map(float, smooth([curve[s] for s in steps])), strict=True))


# ---- words -----------------------------------------------------------------------


def _each(episodes: Sequence[int]) -> str:
    """Say how many episodes a step has."""
    about = "" if len(set(episodes)) < 2 else "about "
    return f"{about}{round(float(np.mean(episodes))) if len(episodes) else 0} episodes"


def _shown(unit: str) -> Callable[[float], str]:
    """Return how numbers of a unit are written."""
    return percent if unit == "%" else _plain


def _plain(value: float) -> str:
    """Return a number in three digits.

    >>> _plain(0.12345), _plain(-0.0)
    ('0.123', '0')
    """
    return f"{value + 0.0:.3g}"  # -0.0 becomes 0.0


def _runs_in_words(title: str, note: str, mean: Mapping[int, float]) -> str:
    named = f"{title}, {note}" if note else title
    if not mean:
        return f"{named}: no training curve"
    first, last = min(mean), max(mean)
    return (
        f"{named}: share of training games won, smoothed mean from "
        f"{from_to(mean[first], mean[last])} at step {last}"
    )
