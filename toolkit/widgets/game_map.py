"""The map of a text world as far as a player knows it.

Only rooms that were visited and the exits seen from them are on it. Rooms are put on
a grid by the direction in which they were entered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.environments.surroundings import Surroundings
from toolkit.page import escape
from toolkit.widgets.game_state import GameState

SIDES = {"north": (0, -1), "east": (1, 0), "south": (0, 1), "west": (-1, 0)}
WIDE, HIGH = 112, 68
"""Size of a cell of the grid."""
REACH_X, REACH_Y = 2, 4
"""Rooms further away than this many cells are left out of the drawing."""
NAME = 12
"""Longest line of a room's name."""

Cell = tuple[int, int]


@dataclass(slots=True)
class Map:
    """Where the visited rooms are."""

    here: str = ""
    """Key of the room the player is in."""
    rooms: dict[str, Surroundings] = field(default_factory=dict)
    """What was seen of each room last, by its key."""
    cells: dict[str, Cell] = field(default_factory=dict)
    """Where each room is put: column and row, both growing away from the top left."""
    ways: set[tuple[str, str]] = field(default_factory=set)
    """Rooms and the directions that were walked from them."""

    @property
    def unseen(self) -> list[tuple[str, str]]:
        """Rooms and those of their exits that were never used, either way."""
        return [
            (key, side)
            for key, room in self.rooms.items()
            for side in room.exits
            if (key, side) not in self.ways
        ]

    @property
    def summary(self) -> str:
        """The map in words."""
        if not self.rooms:
            return ""
        is_walked = self.ways or any(room.exits for room in self.rooms.values())
        where, kind = ("in the", "room") if is_walked else ("at:", "place")
        count = f"{len(self.rooms)} {kind}{'' if len(self.rooms) == 1 else 's'} visited"
        exits = [f"{side} of the {self.rooms[key].name}" for key, side in self.unseen]
        more = ", …" if len(exits) > 6 else ""
        rest = f"; not yet tried: {', '.join(exits[:6])}{more}" if exits else ""
        return f"You are {where} {self.rooms[self.here].name}. {count}{rest}."


def explored(state: GameState) -> Map:
    """Return the map of the rooms that the current line has come through."""
    found = Map()
    if state.start.around is None:
        return found
    _enter(found, state.start.around, "")
    for step in state.line:
        _enter(found, step.then.around, step.turn.action)
    return found


def _enter(found: Map, room: Surroundings | None, command: str) -> None:
    """Note what is seen after a command."""
    if room is None or not room.room:
        return
    key, came_from, words = room.room, found.here, command.lower().split()
    side = next((s for s in SIDES if words and words[-1] in (s, s[0])), "")
    if key != came_from and came_from and side:
        found.ways.add((came_from, side))
        found.ways.add((key, _opposite(side)))
    if key not in found.cells:
        found.cells[key] = _free_cell(found, came_from, side)
    found.rooms[key], found.here = room, key


def _opposite(side: str) -> str:
    sides = list(SIDES)
    return sides[(sides.index(side) + 2) % 4]


def _free_cell(found: Map, came_from: str, side: str) -> Cell:
    """Return the next free cell in a direction (eastwards if it is not known)."""
    x, y = found.cells.get(came_from, (0, 0))
    dx, dy = SIDES.get(side, (1, 0))
    taken = set(found.cells.values())
    while (x, y) in taken:
        x, y = x + dx, y + dy
    return x, y


# ---- drawing ---------------------------------------------------------------------


def map_svg(found: Map) -> str:
    """Return the map as an SVG drawing, `""` if no room is known.

    Colours come from the classes `room`, `here`, `way`, `door`, `unseen`.
    """
    if not found.rooms:
        return ""
    hx, hy = found.cells[found.here]
    near = {
        key: (x - hx, y - hy)
        for key, (x, y) in found.cells.items()
        if abs(x - hx) <= REACH_X and abs(y - hy) <= REACH_Y
    }
    taken = set(near.values())
    ways = [_exits(found.rooms[key], cell, taken) for key, cell in near.items()]
    rooms = [
        _room(found.rooms[key].name, cell, key == found.here)
        for key, cell in near.items()
    ]
    x, y, width, height = _bounds(near, found.rooms)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="map" role="img" '
        f'viewBox="{x} {y} {width} {height}" style="max-width:{width}px" '
        f'aria-label="{escape(found.summary)}">{"".join([*ways, *rooms])}</svg>'
    )


def _bounds(
    near: Mapping[str, Cell], rooms: Mapping[str, Surroundings]
) -> tuple[int, int, int, int]:
    """Return left, top, width and height of a drawing that holds rooms and exits."""
    xs, ys = [], []
    for key, (x, y) in near.items():
        ends = [SIDES.get(side, (0, 0)) for side in rooms[key].exits]
        xs += [x * WIDE + reach for reach in (-52, 52, *(84 * dx for dx, _ in ends))]
        ys += [y * HIGH + reach for reach in (-28, 28, *(62 * dy for _, dy in ends))]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _exits(room: Surroundings, cell: Cell, taken: set[Cell]) -> str:
    """Draw the ways out of a room, each up to the middle between two rooms."""
    drawn = []
    x, y = cell[0] * WIDE, cell[1] * HIGH
    for side, door in room.exits.items():
        dx, dy = SIDES.get(side, (0, 0))
        mx, my = x + dx * WIDE // 2, y + dy * HIGH // 2
        drawn.append(f'<path class="way" d="M{x} {y}L{mx} {my}"/>')
        if (cell[0] + dx, cell[1] + dy) not in taken:
            ux, uy = mx + 16 * dx, my + 16 * dy
            drawn.append(
                f'<path class="way" d="M{mx} {my}L{ux} {uy}"/>'
                f'<circle class="unseen" cx="{ux}" cy="{uy}" r="9"/>'
                f'<text class="ask" x="{ux}" y="{uy + 4}">?</text>'
            )
        if door:
            turn = 90 if dy else 0
            drawn.append(
                f'<rect class="door {escape(door)}" x="{mx - 2}" y="{my - 8}" '
                f'width="4" height="16" transform="rotate({turn} {mx} {my})"/>'
            )
    return "".join(drawn)


def _room(name: str, cell: Cell, is_here: bool) -> str:
    """Draw a room with its name."""
    x, y = cell[0] * WIDE, cell[1] * HIGH
    lines = _wrapped(name)
    height = 7 - 7 * len(lines)
    text = "".join(
        f'<text x="{x}" y="{y + height + 14 * k + 4}">{escape(line)}</text>'
        for k, line in enumerate(lines)
    )
    kind = "room here" if is_here else "room"
    return (
        f'<g class="{kind}"><rect x="{x - 46}" y="{y - 22}" width="92" height="44" '
        f'rx="7"/>{text}</g>'
    )


def _wrapped(name: str) -> list[str]:
    """Return a name in at most two short lines.

    >>> _wrapped("spare room"), _wrapped("vertical laundry place"), _wrapped("hall")
    (['spare room'], ['vertical', 'laundry pla…'], ['hall'])
    """
    if len(name) <= NAME:
        return [name]
    cut = max(name.rfind(" ", 0, NAME + 1), 0)
    lines = [name[:cut], name[cut + 1 :]] if cut else [name]
    return [x if len(x) <= NAME else x[: NAME - 1].rstrip() + "…" for x in lines]
