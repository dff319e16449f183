"""Differences with their intervals: as rows on a line, and as a grid of two kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.charts.svg import (
    INK,
    LINE,
    QUIET,
    Interval,
    Scale,
    names_room,
    round_ticks,
    svg_picture,
    svg_text,
    svg_title,
    whisker,
)

GAIN, PAIN = "var(--gain-edge,#1a7a3a)", "var(--pain-edge,#b3291f)"
Cells = Mapping[str, Mapping[str, Interval | None]]
"""For each row of a grid and each of its columns a difference, if it is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """One row; all differences are of shares, from -1 to 1."""

    name: str
    """What is compared with what."""
    interval: Interval | None
    """Mean difference and the ends of its interval; `None` if it is not known."""
    note: str = ""
    """What to say about it, at the right."""
    other: float | None = None
    """The difference that somebody else found."""


def difference_plot(
    rows: Sequence[Difference], *, title: str, other: str = "", width: int = 760
) -> str:
    """Draw differences on one scale, green above zero, red below, grey across it.

    Args:
        rows: From top to bottom.
        title: What the differences are.
        other: Who the other one is, if there is one; drawn as diamonds.
        width: CSS pixels.
    """
    ticks = round_ticks(*_ends(rows), count=6)
    across = Scale(16, width - 24, ticks[0], ticks[-1])
    base = 34 + 46 * len(rows)
    parts = [svg_title(title), _grid_lines(across, ticks, len(rows))]
    if other:
        parts += [_diamond(width - 18 - 7 * len(other), 10)]
        parts += [svg_text(width - 2, 14, other, anchor="end")]
    for i, row in enumerate(rows):
        parts.append(_row(across, row, 52 + 46 * i, width))
    words = "; ".join(differences_in_words(rows, other))
    return svg_picture(width, base + 24, f"{title}. {words}", parts)


def differences_in_words(rows: Sequence[Difference], other: str = "") -> list[str]:
    """Return one line for each row."""
    return [
        f"{row.name}: {row.note or points(row.interval)}"
        + ("" if row.other is None else f"; {other} {100 * row.other:+.0f}")
        for row in rows
    ]


def points(interval: Interval | None) -> str:
    """Return a difference in percentage points.

    >>> points((0.025, -0.01, 0.06)), points(None)
    ('+2.5 points (-1.0 to +6.0)', 'not known')
    """
    if interval is None:
        return "not known"
    mean, low, high = (100 * value for value in interval)
    return f"{mean:+.1f} points ({low:+.1f} to {high:+.1f})"


def difference_grid(
    cells: Cells,
    *,
    title: str,
    own: Sequence[tuple[str, str]] = (),
    width: int = 760,
) -> str:
    """Draw a table of differences, coloured where the interval leaves zero out.

    Args:
        cells: All rows have the same columns.
        title: What the differences are.
        own: Rows and columns of the cells that are framed.
        width: CSS pixels.
    """
    heads = list(next(iter(cells.values())))
    left = names_room(cells)
    wide = (width - left) / len(heads)
    parts = [svg_title(title)]
    for j, head in enumerate(heads):
        middle = left + wide * (j + 0.5)
        parts.append(svg_text(middle, 42, head, anchor="middle", fill=INK, weight=600))
    for i, (name, row) in enumerate(cells.items()):
        y = 52 + 48 * i
        parts.append(svg_text(left - 8, y + 26, name, anchor="end", fill=INK))
        for j, head in enumerate(heads):
            x = left + wide * j
            parts.append(_cell(x, y, wide, row.get(head), framed=(name, head) in own))
    words = "; ".join(grid_in_words(cells))
    return svg_picture(width, 56 + 48 * len(cells), f"{title}. {words}", parts)


def grid_in_words(cells: Cells) -> list[str]:
    """Return one line for each row of a grid."""
    return [
        f"{name}: "
        + ", ".join(f"{head} {points(found)}" for head, found in row.items())
        for name, row in cells.items()
    ]


# ---- parts -----------------------------------------------------------------------


def _ends(rows: Sequence[Difference]) -> tuple[float, float]:
    """Return the least and the greatest number that is drawn, zero included."""
    drawn = [0.0, *(value for row in rows for value in row.interval or ())]
    drawn += [row.other for row in rows if row.other is not None]
    low, high = min(drawn), max(drawn)
    return (low, high) if high > low else (-0.1, 0.1)


def _grid_lines(across: Scale, ticks: Sequence[float], rows: int) -> str:
    """Draw an upright for each tick, the one of zero in ink, but not through names."""
    parts = []
    for tick in ticks:
        x, label = across.at(tick), f"{100 * tick:+.0f}" if tick else "0"
        lines = "".join(f"M{x:.1f} {51 + 46 * i}v20" for i in range(rows))
        look = f"stroke:{LINE if tick else QUIET};stroke-width:{1 if tick else 1.6}"
        parts.append(f'<path d="{lines}" style="fill:none;{look}"/>')
        parts.append(svg_text(x, 50 + 46 * rows, label, anchor="middle"))
    return "".join(parts)


def _row(across: Scale, row: Difference, y: float, width: int) -> str:
    """Write name and note, and draw the interval below them."""
    parts = [
        svg_text(2, y - 6, row.name, size=13, fill=INK),
        svg_text(width - 2, y - 6, row.note, anchor="end", fill=_ink(row.interval)),
    ]
    if row.interval:
        mean, low, high = map(across.at, row.interval)
        ink = _ink(row.interval)
        parts.append(whisker(low, high, y + 9, ink))
        parts.append(f'<circle cx="{mean:.1f}" cy="{y + 9}" r="5" style="fill:{ink}"/>')
    if row.other is not None:
        parts.append(_diamond(across.at(row.other), y + 9))
    return "".join(parts)


def _ink(interval: Interval | None) -> str:
    """Return green above zero, red below it, grey across it."""
    if interval and not interval[1] <= 0 <= interval[2]:
        return GAIN if interval[0] > 0 else PAIN
    return QUIET


def _diamond(x: float, y: float) -> str:
    return (
        f'<path class="other" d="M{x:.1f} {y - 5}l5 5l-5 5l-5 -5z" '
        f'style="fill:none;stroke:{QUIET};stroke-width:1.6"/>'
    )


def _cell(
    x: float, y: float, wide: float, found: Interval | None, *, framed: bool
) -> str:
    """Draw a box with a difference and its interval."""
    ink, middle = _ink(found), x + wide / 2
    ground = "none" if ink == QUIET else ink
    frame = f"stroke:{INK};stroke-width:2" if framed else f"stroke:{LINE}"
    box = (
        f'<rect x="{x + 2:.1f}" y="{y + 1}" width="{wide - 5:.1f}" height="43" rx="5" '
        f'style="fill:{ground};fill-opacity:.16;{frame}"/>'
    )
    if found is None:
        return box + svg_text(middle, y + 27, "–", anchor="middle")
    mean, low, high = (100 * value for value in found)
    told = svg_text(
        middle, y + 20, f"{mean:+.1f}", anchor="middle", fill=INK, size=14, weight=600
    )
    ends = f"{low:+.1f} to {high:+.1f}"
    return box + told + svg_text(middle, y + 36, ends, anchor="middle", size=11)
