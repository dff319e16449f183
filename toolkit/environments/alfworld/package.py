"""What the generator takes from the installed package `alfworld`, and nothing else.

Only files are read: the domain, the grammar, the sentences of the tasks, the tables of
what fits where, and the 120 floor plans. The package itself is not imported, because
that makes a folder in the home directory.
"""

from __future__ import annotations

import functools
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from toolkit.errors import MissingExtraError, TaskError, near_matches

HELD_OUT = frozenset({9, 10, 29, 215, 219, 226, 308, 315, 325, 404, 424, 425})
"""Floor plans for the split `test` alone, three of each kind of room. They are those
of ALFRED's unseen splits, so that no game of ALFWorld's `train` is played in them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FloorPlan:
    """A room of AI2-THOR."""

    number: int
    """1 to 30 are kitchens, 201 … living rooms, 301 … bedrooms, 401 … bathrooms."""
    objects: tuple[str, ...]
    """Kinds of things in it, receptacles among them."""
    receptacles: Mapping[str, tuple[int, int, int, int]]
    """Receptacles by id, with the place in front of them: steps east and north,
    quarter turns, and the tilt of the head in degrees."""

    @property
    def room(self) -> str:
        """`Kitchen`, `LivingRoom`, `Bedroom` or `Bathroom`."""
        rooms = {0: "Kitchen", 2: "LivingRoom", 3: "Bedroom", 4: "Bathroom"}
        return rooms[self.number // 100]


def folder() -> Path:
    """Return the folder of the package.

    Raises:
        MissingExtraError: If it is not installed.
    """
    found = importlib.util.find_spec("alfworld")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError("alfworld", "alfworld")
    return Path(next(iter(found.submodule_search_locations)))


@functools.lru_cache(maxsize=1)
def installed_version() -> str:
    """Return the version of the package, without importing it."""
    folder()
    return version("alfworld")


@functools.lru_cache(maxsize=1)
def logic() -> tuple[str, str]:
    """Return the domain and the grammar of new games."""
    data = folder() / "data"
    return (data / "alfred.pddl").read_text(), (data / "alfred.twl2").read_text()


@functools.lru_cache(maxsize=1)
def tables() -> Any:
    """Return the module with the tables of what fits where."""
    return _module("constants")


@functools.lru_cache(maxsize=1)
def goals() -> dict[str, dict[str, Any]]:
    """Return goals and sentences of the kinds of tasks."""
    library: dict[str, dict[str, Any]] = _module("goal_library").gdict
    return library


@functools.lru_cache(maxsize=1)
def floor_plan_numbers() -> tuple[int, ...]:
    """Return the numbers of all floor plans, ascending."""
    names = (p.name for p in (folder() / "gen/layouts").glob("*-openable.json"))
    return tuple(sorted(int(n.removeprefix("FloorPlan").split("-")[0]) for n in names))


@functools.lru_cache(maxsize=256)
def floor_plan(number: int) -> FloorPlan:
    """Return a floor plan.

    Raises:
        TaskError: If the package has none of this number.
    """
    if number not in floor_plan_numbers():
        raise TaskError(
            f"There is no floor plan {number!r}.",
            "The package alfworld describes 1-30, 201-230, 301-330 and 401-430.",
            near_matches(str(number), map(str, floor_plan_numbers())),
        )
    stem = folder() / f"gen/layouts/FloorPlan{number}"
    objects = json.loads(Path(f"{stem}-objects.json").read_text())
    spots = json.loads(Path(f"{stem}-openable.json").read_text())
    return FloorPlan(
        number=number,
        objects=tuple(sorted({*objects})),
        receptacles={name: _spot(*spots[name]) for name in sorted(spots)},
    )


def _spot(x: float, z: float, turn: float, tilt: float) -> tuple[int, int, int, int]:
    """Return a place in the units of ALFWorld: steps of 25 cm, quarter turns."""
    return round(4 * x), round(4 * z), round(turn / 90) % 4, round(tilt)


def _module(name: str) -> Any:
    """Run one file of the package, without the package around it."""
    spec = importlib.util.spec_from_file_location(
        f"_alfworld_{name}", folder() / "gen" / f"{name}.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
