"""Shares as bars and marks: before and after, with their counts or their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolkit.charts.svg import (
    AFTER,
    BEFORE,
    INK,
    LINE,
    QUARTERS,
    Interval,
    Scale,
    from_to,
    names_room,
    percent,
    shortened,
    svg_picture,
    svg_text,
    svg_title,
    uprights,
    whisker,
)

Bar = tuple[float, int]
"""Share from 0 to 1, and of how many."""
Bars = tuple[str, Bar | None, Bar | None]
"""Name, bar before and bar after; `None` where there was nothing to count."""
Panels = Mapping[str, Mapping[str, Sequence[Interval | None]]]
"""For each panel and each of its rows the intervals before and after, if known."""
LONGEST = 12
"""Names of bars with more letters are cut short."""


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
    for i, (name, before, after) in enumerate(rows):
        y, short = 6 + i * step, shortened(name, LONGEST)
        parts.append(svg_text(left - 10, y + 21, short, anchor="end", fill=INK))
        # hollow and filled, so that they are told apart without colour, too
        parts.append(_bar(left, y, full, ("none", BEFORE), before))
        parts.append(_bar(left, y + 17, full, (AFTER, AFTER), after))
        words += [
            f"{name} before {bar_label(before)}",
            f"{name} after {bar_label(after)}",
        ]
    label = f"{title}: {'; '.join(words)}"
    return svg_picture(width, 6 + step * len(rows), label, parts)


def bar_label(bar: Bar | None) -> str:
    """Return a share and its count.

    >>> bar_label((0.5, 1200)), bar_label(None)
    ('50 % of 1,200', 'never used')
    """
    return f"{percent(bar[0])} of {bar[1]:,}" if bar else "never used"


def interval_bars(rows: Mapping[str, Interval], *, title: str, width: int = 720) -> str:
    """Draw shares as bars, each with its interval as a whisker.

    Args:
        rows: Interval of each bar by its name.
        title: What the shares are, for screen readers.
        width: CSS pixels.
    """
    left, step = 170, 38
    across, base = Scale(left, width - 74), 14 + step * len(rows)
    parts = [uprights(across, 0, base)]
    words = []
    for i, (name, (value, low, high)) in enumerate(rows.items()):
        y = 6 + i * step
        parts += [
            svg_text(left - 10, y + 17, name, anchor="end", fill=INK, size=13),
            f'<rect x="{left}" y="{y}" width="{across.at(value) - left:.1f}" '
            f'height="24" rx="3" style="fill:{AFTER};opacity:.75"/>',
            whisker(across.at(low), across.at(high), y + 12),
            svg_text(width - 62, y + 17, percent(value), fill=INK, size=14, weight=600),
        ]
        words.append(f"{name} {percent(value)}, interval {from_to(low, high)}")
    return svg_picture(width, base + 26, f"{title}: {'; '.join(words)}", parts)


def before_after(
    panels: Panels,
    *,
    sides: tuple[str, str],
    title: str,
    start: Interval | None = None,
    width: int = 760,
) -> str:
    """Draw two shares a row with their intervals, in panels beside each other.

    Args:
        panels: All have the same rows.
        sides: What the two shares are, such as before and after.
        title: What is drawn.
        start: The share that all rows began with, drawn through them.
        width: CSS pixels.
    """
    names = list(next(iter(panels.values())))
    left = names_room(names)
    wide = (width - left) / len(panels)
    base = 58 + 40 * len(names)
    parts = [svg_title(title), *_key(sides, width)]
    for i, name in enumerate(names):
        parts.append(svg_text(left - 8, 82 + 40 * i, name, anchor="end", fill=INK))
    for j, (panel, rows) in enumerate(panels.items()):
        across = Scale(left + wide * j + 12, left + wide * (j + 1) - 30)
        parts.append(svg_text(across.start, 40, panel, fill=INK, weight=600))
        ticks = QUARTERS if wide > 220 else QUARTERS[::2]
        parts.append(uprights(across, 48, base, ticks))
        parts += _start(across, start, base) if start else []
        for i, pair in enumerate(rows.values()):
            parts += _pair(across, pair, 78 + 40 * i)
    words = "; ".join(sides_in_words(panels, sides, start))
    return svg_picture(width, base + 26, f"{title}. {words}", parts)


def sides_in_words(
    panels: Panels, sides: tuple[str, str], start: Interval | None = None
) -> list[str]:
    """Return one line for the start, if it is known, and for each row of each panel."""
    first = [_pair_in_words([start], ("at the start",))] if start else []
    return first + [
        f"{', '.join(filter(None, (panel, name)))}: {_pair_in_words(pair, sides)}"
        for panel, rows in panels.items()
        for name, pair in rows.items()
    ]


# ---- parts -----------------------------------------------------------------------


def _bar(x: int, y: float, full: int, ink: tuple[str, str], bar: Bar | None) -> str:
    """Draw a bar with its label; `ink` is that of its ground and of its rim."""
    share = bar[0] if bar else 0.0
    return (
        f'<rect x="{x}" y="{y}" width="{full}" height="14" rx="2" '
        f'style="fill:{LINE};opacity:.45"/>'
        f'<rect x="{x + 1}" y="{y + 1}" width="{max(0, full * share - 2):.1f}" '
        f'height="12" rx="1.5" style="fill:{ink[0]};stroke:{ink[1]};stroke-width:2"/>'
        + svg_text(x + full + 8, y + 11.5, bar_label(bar))
    )


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


def _start(across: Scale, start: Interval, base: float) -> list[str]:
    """Draw where all rows began, and its interval as a band behind them."""
    value, low, high = map(across.at, start)
    return [
        f'<path d="M{low:.1f} 48H{high:.1f}V{base}H{low:.1f}z" '
        f'style="fill:{INK};opacity:.1"/>',
        f'<path class="start" d="M{value:.1f} 48V{base}" '
        f'style="fill:none;stroke:{INK};stroke-dasharray:4 3"/>',
        svg_text(value, 40, f"at the start {percent(start[0])}", anchor="middle"),
    ]


def _pair(across: Scale, pair: Sequence[Interval | None], y: float) -> list[str]:
    """Draw the two marks of a row above each other, each in its interval."""
    found = []
    for side, interval in enumerate(pair):
        if interval:
            value, low, high = map(across.at, interval)
            at = y - 7 + 14 * side
            found.append(whisker(low, high, at, (BEFORE, AFTER)[side]))
            found.append(_mark(value, at, side))
    return found


def _mark(x: float, y: float, side: int) -> str:
    """Draw a square for before and a disc for after."""
    if side:
        return f'<circle cx="{x:.1f}" cy="{y}" r="5" style="fill:{AFTER}"/>'
    place = f'x="{x - 4:.1f}" y="{y - 4}" width="8" height="8"'
    return f'<rect {place} style="fill:{BEFORE}"/>'


def _pair_in_words(pair: Sequence[Interval | None], sides: Sequence[str]) -> str:
    told = [
        f"{side} {percent(i[0])} ({from_to(i[1], i[2])})"
        for side, i in zip(sides, pair, strict=True)
        if i
    ]
    return ", ".join(told)
