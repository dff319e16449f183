"""What all charts are made of: ink, words, scales and lines as SVG text."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolkit.page import escape

Interval = tuple[float, float, float]
"""Share, lower end and upper end, each from 0 to 1."""

INK, QUIET, LINE = "var(--ink,#1c1d1f)", "var(--quiet,#5b6066)", "var(--line,#d9dce0)"
BEFORE, AFTER = "var(--before,#a14d00)", "var(--after,#0b62a8)"
PENS = (
    (AFTER, "none"),
    (BEFORE, "8 4"),
    ("var(--gain-edge,#2a9d52)", "2 3"),
    (INK, "10 3 2 3"),
    ("var(--pain-edge,#d0453a)", "5 2"),
)
"""Colour and dashes of the first named curve, the second and so on."""
QUARTERS = (0, 0.25, 0.5, 0.75, 1)


# ---- words -----------------------------------------------------------------------


def percent(share: float) -> str:
    """Return a share in whole percent.

    >>> percent(0.284)
    '28 %'
    """
    return f"{100 * share:.0f} %"


def from_to(low: float, high: float) -> str:
    """Return two shares in words.

    >>> from_to(0.1, 0.25)
    '10 % to 25 %'
    """
    return f"{percent(low)} to {percent(high)}"


def shortened(name: str, longest: int) -> str:
    """Return a name with at most `longest` letters.

    >>> shortened("unlock", 6), shortened("unlock", 5)
    ('unlock', 'unlo…')
    """
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def names_room(names: Iterable[str]) -> float:
    """Return the room that names of rows need, in CSS pixels."""
    return round(14 + 7.4 * max(map(len, names), default=0))


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
        f"{escape(text)}</text>"
    )


def svg_title(text: str) -> str:
    """Return the line that stands above a picture."""
    return svg_text(2, 14, text, size=13, weight=600, fill=INK)


def svg_picture(width: int, height: float, label: str, parts: Iterable[str]) -> str:
    """Return a picture of a size in pixels; `label` tells it to who cannot see it."""
    return (
        f'<svg role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {width} {height:g}" width="{width}" height="{height:g}" '
        f'style="max-width:100%;height:auto;font-family:system-ui,sans-serif">'
        f"{''.join(parts)}</svg>"
    )


def with_namespace(picture: str) -> str:
    """Return a picture for those that read it as XML, such as a file or a script."""
    return picture.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


# ---- scales ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scale:
    """From numbers between `low` and `high` to CSS pixels."""

    start: float
    end: float
    low: float = 0.0
    high: float = 1.0

    def at(self, value: float) -> float:
        """Return the pixel of a number."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + (self.end - self.start) * share


def round_ticks(
    low: float, high: float, count: int = 4, *, whole: bool = False
) -> list[float]:
    """Return round numbers from at most `low` to at least `high`, evenly spaced.

    Args:
        low: Least number.
        high: Greatest number.
        count: How many steps there should be, about.
        whole: Take only whole numbers.

    >>> round_ticks(0, 59), round_ticks(0, 1)
    ([0, 20, 40, 60], [0.0, 0.25, 0.5, 0.75, 1.0])
    >>> round_ticks(0, 10, 4), round_ticks(0, 10, 4, whole=True)
    ([0.0, 2.5, 5.0, 7.5, 10.0], [0, 5, 10])
    """
    rough = (high - low) / count
    rough = max(rough, 1.0) if whole else rough
    power = 10.0 ** math.floor(math.log10(rough))
    steps = (s * power for s in (1, 2, 2.5, 5, 10))
    fitting = (s for s in steps if s >= rough * 0.999)
    step = next(s for s in fitting if s.is_integer() or not whole)
    first, last = math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6)
    ticks = [round(i * step, 9) for i in range(first, last + 1)]
    return [int(t) for t in ticks] if step.is_integer() else ticks


# ---- lines -----------------------------------------------------------------------


def uprights(
    across: Scale, top: float, base: float, shares: Sequence[float] = QUARTERS
) -> str:
    """Draw a grid of lines from top to bottom, each with its share below."""
    return "".join(
        f'<path d="M{across.at(s):.1f} {top}V{base}" style="stroke:{LINE}"/>'
        + svg_text(across.at(s), base + 17, percent(s), anchor="middle")
        for s in shares
    )


def whisker(low: float, high: float, y: float, colour: str = INK) -> str:
    """Draw an interval as a line with two ends."""
    ends = "".join(f"M{x:.1f} {y - 5}v10" for x in (low, high))
    return (
        f'<path class="interval" d="M{low:.1f} {y}H{high:.1f}{ends}" '
        f'style="fill:none;stroke:{colour};stroke-width:1.7"/>'
    )


def stroke(shape: str, colour: str, dashes: str = "", width: float = 2.4) -> str:
    """Return a line; `shape` is the tag with its place, such as `path d="M0 0h9"`."""
    dashed = f"stroke-dasharray:{dashes}" if dashes else "stroke-linecap:round"
    look = f"stroke:{colour};stroke-width:{width};{dashed};stroke-linejoin:round"
    return f'<{shape} style="fill:none;{look}"/>'


# ---- boxes -----------------------------------------------------------------------


def rectangle(x: float, y: float, wide: float, tall: float) -> str:
    """Return a box as part of a path."""
    return f"M{x:.4g} {y:.4g}h{wide:.3g}v{tall:.3g}h{-wide:.3g}z"


def hatch_name(told: str) -> str:
    """Return a name for the pattern that no other picture of a page has."""
    return f"hatch-{zlib.crc32(told.encode()):x}"


def hatching(name: str) -> str:
    """Return the pattern of what the policy did not say."""
    return (
        f'<defs><pattern id="{name}" width="5" height="5" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<path d="M0 0V5" style="stroke:{QUIET};stroke-width:1.2;opacity:.5"/>'
        "</pattern></defs>"
    )
