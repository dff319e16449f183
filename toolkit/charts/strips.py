"""Advantages over the tokens of episodes as strips of heat.

Praise is green with a bar on its upper edge, blame is red with a bar on its lower edge.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from toolkit.charts.svg import (
    INK,
    hatch_name,
    hatching,
    names_room,
    rectangle,
    svg_picture,
    svg_text,
    svg_title,
)
from toolkit.page import escape

PRAISE, BLAME, NEITHER = "#2a9d52", "#d0453a", "#808080"
LETTER = 6.9
"""Width in CSS pixels of a letter of 11.5 pixels in a font of fixed width."""
WORLD_TOKEN = 3
"""Width in CSS pixels of a token that the world wrote, where there is room for text."""
FEW_TURNS = 6
"""Of up to so many turns the numbers are told one by one."""

Rows = Sequence[tuple[str, Sequence[float]]]
"""For each estimator its name and one number per token `(T,)`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Strip:
    """An episode, to be drawn as tokens beside each other."""

    name: str
    """Stands above it."""
    tokens: Sequence[str]
    """Their texts `(T,)`."""
    spans: Sequence[tuple[int, int]]
    """Start and end of each turn's action `(K,)`."""
    rows: Rows
    """One under another."""

    def told(self) -> list[str]:
        """Return one line of words for each row."""
        return [f"{self.name}, {name}: {self._turns(v)}" for name, v in self.rows]

    def _turns(self, values: Sequence[float]) -> str:
        turns = [values[start:end] for start, end in self.spans]
        if len(turns) <= FEW_TURNS:
            return ", ".join(_range(turn) for turn in turns)
        return _range([v for turn in turns for v in turn])


def advantage_strips(strips: Sequence[Strip], *, title: str, width: int = 760) -> str:
    """Draw advantages over tokens as heat, all in one scale; the world's are hatched.

    What the policy said stands above its tokens, and each turn's number on them, if
    there is room for it; else all tokens are equally narrow.

    Args:
        strips: The episodes.
        title: What the numbers are.
        width: CSS pixels.
    """
    told = f"{title}. {'; '.join(line for s in strips for line in s.told())}"
    most = max((abs(v) for s in strips for _, r in s.rows for v in r), default=0.0)
    heat, pen = _Heat(most or 1.0), _pen(strips, width)
    parts = [svg_title(title), _key(heat, most)]
    y = 52.0
    for strip in strips:
        parts.append(_strip(heat, pen, strip, y))
        y += pen.head + pen.tall * len(strip.rows) + 14
    return svg_picture(width, y, told, [heat.svg(hatch_name(told)), *parts])


# ---- ink -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Heat:
    """Collects boxes, so that a picture holds one path per colour and not per box."""

    most: float
    """The number with the full colour."""
    boxes: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    """Paths by colour and strength in percent."""
    edges: dict[str, list[str]] = field(default_factory=dict)
    """Bars on upper or lower edges by colour."""
    hatched: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def box(self, x: float, y: float, wide: float, tall: float, value: float) -> None:
        """Add a box whose ground is the stronger, the larger its number is."""
        colour = PRAISE if value > 0 else BLAME if value < 0 else NEITHER
        strength = 12 + round(50 * abs(value) / self.most)
        path = rectangle(x, y, wide, tall)
        self.boxes.setdefault((colour, strength), []).append(path)
        if value:
            edge = y + 1 if value > 0 else y + tall - 1
            self.edges.setdefault(colour, []).append(f"M{x:.4g} {edge:.4g}h{wide:.3g}")

    def hatch(self, x: float, y: float, wide: float, tall: float) -> None:
        """Add a hatched box."""
        self.hatched.append(rectangle(x, y, wide, tall))

    def write(self, x: float, y: float, label: str) -> None:
        """Add a number, centred at `x`."""
        self.labels.append(f'<text x="{x:.0f}" y="{y:g}">{label}</text>')

    def svg(self, hatch: str) -> str:
        """Return all boxes; `hatch` names the pattern, once in a page."""
        boxes = "".join(
            f'<path fill="{colour}" fill-opacity=".{strength}" d="{"".join(paths)}"/>'
            for (colour, strength), paths in self.boxes.items()
        )
        edges = "".join(
            f'<path stroke="{colour}" stroke-width="2" d="{"".join(paths)}"/>'
            for colour, paths in self.edges.items()
        )
        world = f'<path fill="url(#{hatch})" d="{"".join(self.hatched)}"/>'
        ink = f'<g text-anchor="middle" style="fill:{INK};font-size:11px">'
        labels = f"{ink}{''.join(self.labels)}</g>"
        return hatching(hatch) + world + boxes + edges + labels


# ---- strips --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Pen:
    """Where things lie in all strips of a picture."""

    left: float
    unit: float
    """Width of every token; 0 if it depends on the text."""

    @property
    def head(self) -> float:
        return 24 if self.unit else 40

    @property
    def tall(self) -> float:
        return 15 if self.unit else 22

    def edges(self, strip: Strip) -> list[float]:
        """Return where tokens start, and where the last one ends `(T + 1,)`."""
        said = {i for start, end in strip.spans for i in range(start, end)}
        widths = [
            self.unit or (_room(t) if i in said else WORLD_TOKEN)
            for i, t in enumerate(strip.tokens)
        ]
        return list(itertools.accumulate(widths, initial=self.left))


def _pen(strips: Sequence[Strip], width: int) -> _Pen:
    """Choose between tokens with their text and tokens that fit."""
    left = names_room([name for strip in strips for name, _ in strip.rows])
    pen = _Pen(left, 0.0)
    if all(pen.edges(strip)[-1] <= width - 2 for strip in strips):
        return pen
    longest = max(len(strip.tokens) for strip in strips)
    return _Pen(left, (width - 2 - left) / longest)


def _room(text: str) -> float:
    return round(8 + LETTER * max(len(text), 1))  # whole numbers are short


def _strip(heat: _Heat, pen: _Pen, strip: Strip, y: float) -> str:
    """Add an episode's boxes and return its texts."""
    edges = pen.edges(strip)
    texts = [svg_text(2, y + 12, strip.name, fill=INK, size=13, weight=600)]
    if not pen.unit:
        texts.append(_said(strip, edges, y + 32))
    _world(heat, pen, strip, edges, y + pen.head)
    texts.append(_names(pen, strip, y + pen.head))
    for i, (_, values) in enumerate(strip.rows):
        top = y + pen.head + pen.tall * i
        _row(heat, pen, strip.spans, values, edges, top)
    return "".join(texts)


def _names(pen: _Pen, strip: Strip, y: float) -> str:
    """Write the names of the rows."""
    size, x = (11 if pen.unit else 12), pen.left - 8
    names = "".join(
        f'<text x="{x:.0f}" y="{y + pen.tall * (i + 0.5) + 3:g}">{escape(name)}</text>'
        for i, (name, _) in enumerate(strip.rows)
    )
    return f'<g text-anchor="end" style="fill:{INK};font-size:{size}px">{names}</g>'


def _said(strip: Strip, edges: Sequence[float], y: float) -> str:
    """Write the tokens that the policy said."""
    texts = "".join(
        f'<text x="{edges[i] + 4:.1f}" y="{y:g}">{escape(strip.tokens[i])}</text>'
        for start, end in strip.spans
        for i in range(start, end)
    )
    return (
        f'<g style="fill:{INK};font:11.5px ui-monospace,monospace;white-space:pre">'
        f"{texts}</g>"
    )


def _world(
    heat: _Heat, pen: _Pen, strip: Strip, edges: Sequence[float], y: float
) -> None:
    """Hatch what lies between the actions, down all rows."""
    tall = pen.tall * len(strip.rows) - 2
    starts = [0, *(end for _, end in strip.spans)]
    ends = [*(start for start, _ in strip.spans), len(strip.tokens)]
    for a, b in zip(starts, ends, strict=True):
        if b > a:
            heat.hatch(edges[a], y, edges[b] - edges[a] - 1, tall)


def _row(
    heat: _Heat,
    pen: _Pen,
    spans: Sequence[tuple[int, int]],
    values: Sequence[float],
    edges: Sequence[float],
    y: float,
) -> None:
    """Colour the actions, equal neighbours as one box, with their numbers."""
    for start, end in spans:
        for value, run in itertools.groupby(range(start, end), lambda i: values[i]):
            places = list(run)
            x, room = edges[places[0]], edges[places[-1] + 1] - edges[places[0]]
            heat.box(x, y, room - (0.3 if pen.unit else 1), pen.tall - 2, value)
            label = _number(value)
            if not pen.unit and room >= 5.8 * len(label):
                heat.write(x + (room - 1) / 2, y + 14, label)


def _key(heat: _Heat, most: float) -> str:
    """Add boxes that explain the colours, and return the word for the hatching."""
    x, y = 2, 24
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0) if most else (0.0,):
        heat.box(x, y, 39, 17, share * most)
        heat.write(x + 19.5, y + 13, _number(share * most))
        x += 41
    heat.hatch(x + 14, y, 30, 17)
    return svg_text(x + 50, y + 13, "written by the world")


def _number(value: float) -> str:
    """Return a number with its sign, and nothing but 0 for what rounds to it.

    >>> _number(0.5), _number(-0.001)
    ('+0.50', '0')
    """
    label = f"{value:+.2f}"
    return "0" if label in ("+0.00", "-0.00") else label


def _range(values: Sequence[float]) -> str:
    low, high = _number(min(values)), _number(max(values))
    return low if low == high else f"{low} to {high}"
