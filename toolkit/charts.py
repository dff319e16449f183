"""Charts as SVG text: plain functions from numbers to a string.

Each chart names what it shows in `aria-label`, takes its colours from CSS variables
(`--before`, `--after`, `--ink`, `--quiet`, `--line`) with fallbacks, and is drawn for
a `width` in CSS pixels instead of being scaled, so that its letters stay readable.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

Interval = tuple[float, float, float]
"""Share, lower end and upper end, each from 0 to 1."""
Bar = tuple[float, int]
"""Share from 0 to 1, and of how many."""
Bars = tuple[str, Bar | None, Bar | None]
"""Name, bar before and bar after; `None` where there was nothing to count."""

INK, QUIET, LINE = "var(--ink,#1c1d1f)", "var(--quiet,#5b6066)", "var(--line,#d9dce0)"
BEFORE, AFTER = "var(--before,#a14d00)", "var(--after,#0b62a8)"
SIDES = (("before", BEFORE), ("after", AFTER))


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
    frame = _Frame(width, 320, x=_span(steps), y=(0, 1), right=62, top=34)
    each = _each(episodes)
    held = [(name, i) for name, i in (("before", before), ("after", after)) if i]
    curve = smooth(success, weights=episodes)
    parts = [
        frame.grid(round_ticks(0, 1), percent),
        frame.x_axis(f"optimiser steps ({each} each)"),
        *(_band(frame, name, interval) for name, interval in held),
        _band_labels(frame, held),
        frame.dots(steps, success),
        frame.line(steps, curve, INK),
        _key(frame, each),
    ]
    words = [f"Success in training over {len(steps)} steps of {each}"]
    if len(curve):
        words.append(f"smoothed from {percent(curve[0])} to {percent(curve[-1])}")
    words += [
        f"held out {name} training {percent(v)}, interval {percent(a)} to {percent(b)}"
        for name, (v, a, b) in held
    ]
    return svg_picture(width, frame.height, "; ".join(words), parts)


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
    frame = _Frame(width, 190, x=_span(steps), y=(0, ticks[-1]), top=28, right=14)
    show = percent if unit == "%" else _plain
    sign = "" if unit == "%" else f" ({unit})"
    curve = smooth(values)
    ends = f"from {show(curve[0])} to {show(curve[-1])}" if len(curve) else "no data"
    parts = [
        frame.grid(ticks, show),
        frame.x_axis("optimiser steps"),
        svg_text(2, 14, f"{title}{sign}", size=13, weight=600, fill=INK),
        frame.dots(steps, values),
        frame.line(steps, curve, INK),
    ]
    label = f"{title}{sign} over {len(steps)} steps, smoothed {ends}"
    return svg_picture(width, frame.height, label, parts)


def bar_chart(rows: Sequence[Bars], *, title: str, width: int = 720) -> str:
    """Draw shares before and after as pairs of bars with their counts.

    Args:
        rows: One pair of bars each.
        title: What the shares are, for screen readers.
        width: CSS pixels.
    """
    left, right, step = 92, 100, 46
    full = width - left - right
    parts: list[str] = []
    words: list[str] = []
    for i, (name, *bars) in enumerate(rows):
        y = 6 + i * step
        short = name if len(name) <= 12 else f"{name[:11]}…"
        parts.append(svg_text(left - 10, y + 21, short, anchor="end", fill=INK))
        for j, ((side, colour), bar) in enumerate(zip(SIDES, bars, strict=True)):
            parts.append(_bar(left, y + 17 * j, full, side, colour, bar))
            words.append(f"{name} {side} {bar_label(bar)}")
    return svg_picture(
        width, 6 + step * len(rows), f"{title}: {'; '.join(words)}", parts
    )


def interval_bars(
    rows: Sequence[tuple[str, Interval]], *, title: str, width: int = 720
) -> str:
    """Draw shares as bars, each with its interval as a whisker.

    Args:
        rows: Name and interval of each bar.
        title: What the shares are, for screen readers.
        width: CSS pixels.
    """
    left, step = 170, 38
    frame = _Frame(
        width, 40 + step * len(rows), x=(0, 1), y=(0, 1), left=left, right=74
    )
    parts = [_upright(frame, tick) for tick in round_ticks(0, 1)]
    words = []
    for i, (name, (value, low, high)) in enumerate(rows):
        y = 6 + i * step
        wide = frame.at_x(value) - left
        parts += [
            svg_text(left - 10, y + 17, name, anchor="end", fill=INK, size=13),
            f'<rect x="{left}" y="{y}" width="{wide:.1f}" height="24" rx="3" '
            f'style="fill:{AFTER};opacity:.75"/>',
            _whisker(frame.at_x(low), frame.at_x(high), y + 12),
            svg_text(width - 62, y + 17, percent(value), fill=INK, size=14, weight=600),
        ]
        words.append(
            f"{name} {percent(value)}, interval {percent(low)} to {percent(high)}"
        )
    return svg_picture(width, frame.height, f"{title}: {'; '.join(words)}", parts)


def smooth(
    values: Sequence[float], weights: Sequence[float] | None = None
) -> np.ndarray:
    """Average each value with its neighbours.

    The weights of the neighbours fall like a bell whose standard deviation is
    `smoothing(S)` steps; at the ends only the neighbours that exist count.

    >>> [round(float(v), 3) for v in smooth([0, 0, 1, 0, 0])]
    [0.077, 0.257, 0.403, 0.257, 0.077]

    Args:
        values: `(S,)`
        weights: How much each value counts `(S,)`, such as its number of episodes.

    Returns:
        The smoothed values `(S,)`.
    """
    at = np.arange(len(values))
    bell = np.exp(-0.5 * ((at[:, None] - at) / smoothing(len(values))) ** 2)
    bell *= np.ones(len(values)) if weights is None else np.asarray(weights, float)
    smoothed: np.ndarray = bell @ np.asarray(values, float) / bell.sum(axis=1)
    return smoothed


def smoothing(steps: int) -> float:
    """Return the standard deviation, in steps, with which `smooth` averages."""
    return max(1.0, steps / 20)


def percent(share: float) -> str:
    """Return a share in whole percent.

    >>> percent(0.284)
    '28 %'
    """
    return f"{100 * share:.0f} %"


def bar_label(bar: Bar | None) -> str:
    """Return a share and its count.

    >>> bar_label((0.5, 1200)), bar_label(None)
    ('50 % of 1,200', 'never used')
    """
    return f"{percent(bar[0])} of {bar[1]:,}" if bar else "never used"


# ---- axes ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Frame:
    """The rectangle of a plot and its two linear scales."""

    width: int
    height: int
    x: tuple[float, float]
    y: tuple[float, float]
    left: int = 46
    right: int = 14
    top: int = 14
    bottom: int = 44

    def at_x(self, value: float) -> float:
        low, high = self.x
        room = self.width - self.left - self.right
        return self.left + room * (value - low) / (high - low)

    def at_y(self, value: float) -> float:
        low, high = self.y
        room = self.height - self.top - self.bottom
        return self.height - self.bottom - room * (value - low) / (high - low)

    def grid(self, ticks: Iterable[float], show: Callable[[float], str]) -> str:
        end = self.width - self.right
        return "".join(
            f'<path d="M{self.left} {self.at_y(t):.1f}H{end}" '
            f'style="stroke:{LINE}"/>'
            + svg_text(self.left - 6, self.at_y(t) + 4, show(t), anchor="end")
            for t in ticks
        )

    def x_axis(self, title: str) -> str:
        base = self.height - self.bottom
        count = max(2, (self.width - self.left - self.right) // 60)
        whole = sorted({round(t) for t in round_ticks(*self.x, count)})
        marks = [t for t in whole if self.x[0] <= t <= self.x[1]]
        middle = (self.left + self.width - self.right) / 2
        return "".join(
            svg_text(self.at_x(t), base + 17, f"{t}", anchor="middle") for t in marks
        ) + svg_text(middle, self.height - 6, title, anchor="middle")

    def dots(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        return "".join(
            f'<circle cx="{self.at_x(x):.1f}" cy="{self.at_y(y):.1f}" r="2.6" '
            f'style="fill:{QUIET};opacity:.55"/>'
            for x, y in zip(xs, ys, strict=True)
        )

    def line(self, xs: Sequence[float], ys: Iterable[float], colour: str) -> str:
        points = " ".join(
            f"{self.at_x(x):.1f},{self.at_y(y):.1f}"
            for x, y in zip(xs, ys, strict=True)
        )
        return (
            f'<polyline points="{points}" '
            f'style="fill:none;stroke:{colour};stroke-width:2.4;stroke-linejoin:round"/>'
        )


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of the steps, never empty."""
    low, high = (min(values), max(values)) if len(values) else (0, 1)
    return (low, high) if high > low else (low, low + 1)


def round_ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round numbers from at most `low` to at least `high`.

    >>> round_ticks(0, 59), round_ticks(0, 1)
    ([0, 20, 40, 60], [0.0, 0.25, 0.5, 0.75, 1.0])
    """
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    ticks = [round(i * step, 9) for i in range(first, last + 1)]
    return [int(t) for t in ticks] if step >= 1 else ticks


# ---- marks -----------------------------------------------------------------------


def _band(frame: _Frame, name: str, interval: Interval) -> str:
    value, low, high = interval
    colour = dict(SIDES)[name]
    end, y = frame.width - frame.right, frame.at_y(value)
    top, tall = frame.at_y(high), frame.at_y(low) - frame.at_y(high)
    dash = ";stroke-dasharray:7 5" if name == "before" else ""
    return (
        f'<rect x="{frame.left}" y="{top:.1f}" width="{end - frame.left}" '
        f'height="{tall:.1f}" style="fill:{colour};opacity:.13"/>'
        f'<path d="M{frame.left} {y:.1f}H{end}" '
        f'style="stroke:{colour};stroke-width:2{dash}"/>'
    )


def _band_labels(frame: _Frame, held: Sequence[tuple[str, Interval]]) -> str:
    """Name each band right of the plot; the upper label moves up if they collide."""
    x, below, labels = frame.width - frame.right + 6, math.inf, []
    for name, (value, _, _) in sorted(held, key=lambda item: item[1][0]):
        y = below = min(frame.at_y(value), below - 34, frame.at_y(0) - 12)
        colour = dict(SIDES)[name]
        labels.append(svg_text(x, y - 1, name, fill=colour))
        labels.append(
            svg_text(x, y + 14, percent(value), fill=colour, weight=600, size=14)
        )
    return "".join(labels)


def _key(frame: _Frame, each: str) -> str:
    x, y = frame.left, 14
    return (
        f'<circle cx="{x + 4}" cy="{y - 4}" r="2.6" style="fill:{QUIET}"/>'
        + svg_text(x + 13, y, f"one step, {each}")
        + f'<path d="M{x + 164} {y - 4}h18" style="stroke:{INK};stroke-width:2.4"/>'
        + svg_text(x + 188, y, "smoothed")
    )


def _bar(x: int, y: float, full: int, side: str, colour: str, bar: Bar | None) -> str:
    share = bar[0] if bar else 0.0
    fill = colour if side == "after" else "none"  # told apart without colour, too
    return (
        f'<rect x="{x}" y="{y}" width="{full}" height="14" rx="2" '
        f'style="fill:{LINE};opacity:.45"/>'
        f'<rect x="{x + 1}" y="{y + 1}" width="{max(0, full * share - 2):.1f}" '
        f'height="12" rx="1.5" style="fill:{fill};stroke:{colour};stroke-width:2"/>'
        + svg_text(x + full + 8, y + 11.5, bar_label(bar))
    )


def _upright(frame: _Frame, tick: float) -> str:
    """Draw a line of the grid from top to bottom, with its number."""
    x, base = frame.at_x(tick), frame.height - 26
    return f'<path d="M{x:.1f} 0V{base}" style="stroke:{LINE}"/>' + svg_text(
        x, base + 18, percent(tick), anchor="middle"
    )


def _whisker(low: float, high: float, y: float) -> str:
    """Draw an interval as a line with two ends."""
    ends = "".join(f"M{x:.1f} {y - 5}v10" for x in (low, high))
    return (
        f'<path d="M{low:.1f} {y}H{high:.1f}{ends}" '
        f'style="fill:none;stroke:{INK};stroke-width:1.8"/>'
    )


def _each(episodes: Sequence[int]) -> str:
    """Say how many episodes a step has."""
    about = "" if len(set(episodes)) < 2 else "about "
    return f"{about}{round(float(np.mean(episodes))) if len(episodes) else 0} episodes"


def _plain(value: float) -> str:
    return f"{value:.3g}"


def svg_text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    fill: str = QUIET,
    size: int = 12,
    weight: int = 400,
) -> str:
    """Return a line of text; lengths in pixels."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
        f'style="fill:{fill};font-size:{size}px;font-weight:{weight}">'
        f"{html.escape(text)}</text>"
    )


def svg_picture(width: int, height: float, label: str, parts: Iterable[str]) -> str:
    """Return a picture of a size in pixels; `label` tells it to who cannot see it."""
    return (
        f'<svg role="img" aria-label="{html.escape(label)}" '
        f'viewBox="0 0 {width} {height:g}" width="{width}" height="{height:g}" '
        f'style="max-width:100%;height:auto;font-family:system-ui,sans-serif">'
        f"{''.join(parts)}</svg>"
    )
