"""Returns of episodes: as marks on a line, and as bars in parts."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.charts.svg import INK, LINE, Scale, rectangle, shortened, svg_picture
from toolkit.transcript import reward_label

TERM_INKS = ("#2f6fae", "#b0601a", "#7a4fb5", "#1f7a70", "#b03a78", "#6b6f1c")
"""Colours of the first part of a bar, the second and so on; white is readable on them,
and each can be told from light and from dark ground."""
WON, LOST = "var(--gain-edge,#1a7a3a)", "var(--pain-edge,#b3291f)"
TOLD = 6
"""Parts of a bar, at most, that are told in words."""
ROOM_FOR_NUMBER = 11
"""Width in CSS pixels from which on a part shows its number."""

Part = tuple[str, float]
"""Name of what pays, and how much."""


def return_marks(
    won: Sequence[float],
    lost: Sequence[float],
    *,
    low: float,
    high: float,
    width: int = 150,
) -> str:
    """Draw the returns of a game: discs above for wins, crosses below for losses.

    Args:
        won: Returns of won episodes.
        lost: Returns of lost episodes.
        low: Left end of the scale.
        high: Right end of the scale.
        width: CSS pixels.
    """
    across = _across(low, high, width)
    # equal pixels once: hundreds of episodes stay a small picture
    discs = {round(across.at(v)) for v in won}
    crosses = {round(across.at(v)) for v in lost}
    told = "; ".join(
        f"{name} {_range(values)}"
        for name, values in (("won", won), ("lost", lost))
        if values
    )
    parts = [
        _zero(across, low, high, 22),
        f'<path style="stroke:{WON};stroke-width:8;stroke-linecap:round" '
        f'd="{"".join(f"M{x} 6h0" for x in sorted(discs))}"/>',
        f'<path style="stroke:{LOST};stroke-width:1.8" '
        f'd="{"".join(f"M{x - 3} 13l6 6m0-6l-6 6" for x in sorted(crosses))}"/>',
    ]
    return svg_picture(width, 22, f"Returns: {told or 'none'}", parts)


def return_bar(
    parts: Sequence[Part], *, low: float, high: float, width: int = 160
) -> str:
    """Draw a return as a bar with one part for each term, and a line at the sum.

    What is paid lies to the right of 0, what is charged to the left.

    Args:
        parts: In the order of their colours.
        low: Left end of the scale, at most the sum of all that is charged.
        high: Right end of the scale, at least the sum of all that is paid.
        width: CSS pixels.
    """
    across = _across(low, high, width)
    boxes, numbers, ends = [_zero(across, low, high, 18)], [], {True: 0.0, False: 0.0}
    for i, (_, value) in enumerate(parts):
        start, end = ends[value > 0], ends[value > 0] + value
        left, right = sorted((across.at(start), across.at(end)))
        boxes.append(_part(i, left, right - left))
        if right - left >= ROOM_FOR_NUMBER:
            numbers.append(
                f'<text x="{(left + right) / 2:.0f}" y="12.5">{i + 1}</text>'
            )
        ends[value > 0] = end
    total = sum(value for _, value in parts)
    x = across.at(total)
    boxes.append(f'<path d="M{x:.1f} 0V18" style="stroke:{INK};stroke-width:2"/>')
    look = "fill:#fff;font-size:10px;font-weight:700"
    boxes.append(f'<g text-anchor="middle" style="{look}">{"".join(numbers)}</g>')
    label = f"{reward_label(total)}: {_in_words(parts)}"
    return svg_picture(width, 18, label, boxes)


def _across(low: float, high: float, width: int) -> Scale:
    """Return a scale with room for the marks at its ends."""
    return Scale(5, width - 5, low, high if high > low else low + 1)


def _zero(across: Scale, low: float, high: float, tall: int) -> str:
    """Draw a line at 0, if the scale reaches it."""
    if not low <= 0 <= high:
        return ""
    return f'<path d="M{across.at(0):.1f} 0V{tall}" style="stroke:{LINE}"/>'


def _part(i: int, x: float, wide: float) -> str:
    """Draw what one term pays."""
    if wide < 0.1:
        return ""
    ink, place = TERM_INKS[i % len(TERM_INKS)], rectangle(x, 3, wide, 12)
    return f'<path fill="{ink}" d="{place}"/>'


def _in_words(parts: Sequence[Part]) -> str:
    """Tell the largest parts, in their order."""
    sizes = sorted((abs(value) for _, value in parts), reverse=True)
    least = max(sizes[:TOLD][-1], 1e-9) if sizes else 0.0
    some = [(name, value) for name, value in parts if abs(value) >= least]
    told = [f"{shortened(n, 20)} {reward_label(v)}" for n, v in some[:TOLD]]
    return ", ".join(told) or "nothing"


def _range(values: Sequence[float]) -> str:
    low, high = reward_label(min(values)), reward_label(max(values))
    return low if low == high else f"{low} to {high}"
