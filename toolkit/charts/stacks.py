"""What a whole is made of: bars in parts, with lines at what it is to be held against.

Each part has a colour and a number; the numbers stand in the key, and in the bars
wherever there is room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolkit.charts.returns import ROOM_FOR_NUMBER, TERM_INKS
from toolkit.charts.svg import (
    INK,
    LINE,
    QUIET,
    Scale,
    names_room,
    rectangle,
    round_ticks,
    stroke,
    svg_picture,
    svg_text,
    svg_title,
)

Stacks = Mapping[str, Mapping[str, Mapping[str, float]]]
"""For each panel and each of its bars the parts, by name; none is below 0."""
ROW, TALL = 30, 18
"""From bar to bar, and height of a bar, in CSS pixels."""


def stacked_bars(
    panels: Stacks,
    *,
    title: str,
    unit: str,
    lines: Mapping[str, float] | None = None,
    width: int = 760,
) -> str:
    """Draw wholes as bars in parts, in panels below each other.

    Args:
        panels: Each has a scale of its own.
        title: What is drawn.
        unit: Of all numbers.
        lines: What the bars are held against; those beyond a panel's scale are left
            out there.
        width: CSS pixels.
    """
    names = part_names(panels)
    left = names_room(bar for bars in panels.values() for bar in bars)
    parts, y = [svg_title(f"{title} ({unit})"), _key(names)], 66 if any(panels) else 46
    for panel, bars in panels.items():
        most = max(sum(found.values()) for found in bars.values())
        across = Scale(left, width - 66, 0, most)
        parts.append(svg_text(2, y, panel, fill=INK, weight=600))
        parts.append(_grid(across, y + 10, ROW * len(bars)))
        for i, (bar, found) in enumerate(bars.items()):
            top = y + 16 + ROW * i
            parts.append(svg_text(left - 8, top + 13, bar, anchor="end", fill=INK))
            end, told = across.at(sum(found.values())), _number(sum(found.values()))
            covered = (end + 3, end + 11 + 8 * len(told))
            parts.append(_marks(across, top - 6, lines or {}, covered))
            parts.append(_stack(across, top, [found.get(name, 0) for name in names]))
            parts.append(svg_text(end + 7, top + 13, told, fill=INK, weight=600))
        parts.append(_names(across, y + 6, lines or {}))
        y += ROW * len(bars) + 62
    label = f"{title} ({unit}). {'; '.join(stacks_in_words(panels))}"
    return svg_picture(width, y - 28, label, parts)


def part_names(panels: Stacks) -> list[str]:
    """Return the names of all parts, in the order in which they are met."""
    found = (name for bars in panels.values() for bar in bars.values() for name in bar)
    return list(dict.fromkeys(found))


def stacks_in_words(panels: Stacks) -> list[str]:
    """Return one line for each bar of each panel."""
    return [
        f"{panel}{panel and ', '}{bar}: {_number(sum(parts.values()))} = "
        + " + ".join(f"{_number(v)} {name}" for name, v in parts.items() if v)
        for panel, bars in panels.items()
        for bar, parts in bars.items()
    ]


def _grid(across: Scale, top: float, tall: float) -> str:
    """Draw upright lines with their numbers below."""
    ticks = [t for t in round_ticks(0, across.high) if t <= across.high]
    return "".join(
        f'<path d="M{across.at(t):.1f} {top}v{tall}" style="stroke:{LINE}"/>'
        + svg_text(across.at(t), top + tall + 16, f"{t:g}", anchor="middle")
        for t in ticks
    )


def _marks(
    across: Scale, y: float, lines: Mapping[str, float], covered: tuple[float, float]
) -> str:
    """Draw what a bar is held against as dashed lines, but not through its number."""
    places = [across.at(value) for value in lines.values() if value <= across.high]
    free = [x for x in places if not covered[0] < x < covered[1]]
    return "".join(
        stroke(f'path d="M{x:.1f} {y}v{ROW}"', INK, "5 2.5", 1.5) for x in free
    )


def _names(across: Scale, y: float, lines: Mapping[str, float]) -> str:
    """Write the names of dashed lines above them."""
    return "".join(
        svg_text(across.at(value), y, name, anchor="middle", fill=INK, weight=600)
        for name, value in lines.items()
        if value <= across.high
    )


def _stack(across: Scale, y: float, values: Sequence[float]) -> str:
    """Draw a bar with the numbers of its parts."""
    boxes, numbers, end = [], [], 0.0
    for i, value in enumerate(values):
        start, end = across.at(end), end + value
        wide = across.at(end) - start
        if wide > 0:
            boxes.append(_box(i, start, y, wide))
        if wide >= ROOM_FOR_NUMBER:
            numbers.append(_told(i, start + wide / 2, y + 13))
    return "".join([*boxes, *numbers])


def _box(i: int, x: float, y: float, wide: float) -> str:
    """Draw one part; what has no ink left is an empty box."""
    if i < len(TERM_INKS):
        return f'<path fill="{TERM_INKS[i]}" d="{rectangle(x, y, wide, TALL)}"/>'
    inside = rectangle(x + 0.5, y + 0.5, max(wide - 1, 0.1), TALL - 1)
    return f'<path d="{inside}" style="fill:none;stroke:{QUIET}"/>'


def _told(i: int, x: float, y: float) -> str:
    ink = "#fff" if i < len(TERM_INKS) else QUIET
    text = f"{i + 1}"
    return svg_text(x, y, text, anchor="middle", fill=ink, size=10, weight=700)


def _key(names: Sequence[str]) -> str:
    """Write which part has which colour and number, below the title."""
    found, x = [], 2.0
    for i, name in enumerate(names):
        found += [_box(i, x, 26, 16), _told(i, x + 8, 39), svg_text(x + 21, 39, name)]
        x += 24 + names_room([name])
    return "".join(found)


def _number(value: float) -> str:
    """Return a number in three digits, but all of those before the point.

    >>> _number(154.84), _number(3.256)
    ('155', '3.26')
    """
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
