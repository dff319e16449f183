"""Which game an id such as `textworld/w2-o3-q4` names."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from toolkit.errors import ConfigError, UnknownEnvironmentError, near_matches

LARGEST_WORLD = 100
"""Rooms; larger games do not fit into a `.z8` file."""
_COOKING = {
    "recipe": 1,
    "take": 1,
    "go": 6,
    "open": True,
    "cook": True,
    "cut": True,
    "drop": False,
    "recipe_seed": 0,
    "split": None,
}
_EXAMPLES = (
    *("textworld/w2-o3-q4", "textworld/w4-o6-q8", "textworld/w8-o12-q4"),
    *(f"textworld/simple-{r}" for r in ("sparse", "balanced", "dense")),
    *("textworld/cooking", "textworld/coin_collector-5"),
    *("textworld/treasure_hunter-5", "textworld/coin_collector-5-basic"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """A kind of game, as named by the part of an id after `textworld/`."""

    name: str
    """Such as `w2-o3-q4`."""
    maker: str
    """`custom` or the name of one of TextWorld's challenges."""
    settings: tuple[tuple[str, Any], ...]
    """Options of the maker, sorted by name."""
    quest_length: int | None = None
    """Commands of the shortest solution known to the generator, `None` if it varies."""
    theme: str = "house"
    """Wording of the texts: `house` tells, `basic` lists."""

    @property
    def key(self) -> str:
        """Name of the folder of its games, unique to options and library version."""
        facts = json.dumps([self.maker, self.settings, _library()])
        return f"{self.name}-{hashlib.sha256(facts.encode()).hexdigest()[:10]}"


@functools.lru_cache(maxsize=256)
def parse_world(env: str) -> World:
    """Return the world that a registry id names.

    Args:
        env: Such as `textworld/w2-o3-q4` or `textworld/coin_collector-105`.

    Raises:
        UnknownEnvironmentError: If the id names no world; near matches are told.
        ConfigError: If a size or level is out of range.
    """
    name = env.partition("/")[2]
    if re.fullmatch(r"(w|simple|coin_|treasure_).*(?<!-basic)-basic", name):
        plain = parse_world(env.removesuffix("-basic"))
        return dataclasses.replace(plain, name=name, theme="basic")
    if match := re.fullmatch(r"w(\d+)-o(\d+)-q(\d+)", name):
        return _custom(env, name, *map(int, match.groups()))
    if match := re.fullmatch(r"simple-(sparse|balanced|dense)", name):
        settings = {"rewards": match[1], "goal": "detailed", "test": False}
        return _world(name, "simple", settings)
    if name == "cooking":
        return _world(name, "cooking", _COOKING)
    if match := re.fullmatch(r"(coin_collector|treasure_hunter)-(\d+)", name):
        return _levelled(env, name, match[1], int(match[2]))
    raise UnknownEnvironmentError(
        f"There is no environment {env!r}.",
        "A TextWorld id is textworld/wROOMS-oOBJECTS-qLENGTH, simple-sparse, "
        "simple-balanced, simple-dense, cooking, coin_collector-LEVEL or "
        "treasure_hunter-LEVEL; -basic behind it makes the texts short and plain.",
        near_matches(env, _EXAMPLES),
    )


@functools.lru_cache(maxsize=1)
def _library() -> str:
    """Return the version of TextWorld, without importing it."""
    return version("textworld")


def _world(
    name: str, maker: str, settings: dict[str, Any], quest_length: int | None = None
) -> World:
    return World(
        name=name,
        maker=maker,
        settings=tuple(sorted(settings.items())),
        quest_length=quest_length,
    )


def _custom(env: str, name: str, rooms: int, objects: int, length: int) -> World:
    """Check the sizes of a `wX-oY-qZ` world."""
    sizes = {"rooms (w)": rooms, "objects (o)": objects, "quest length (q)": length}
    for label, value in sizes.items():
        if value < 1:
            raise ConfigError(
                f"{env!r} asks for {value} {label}.",
                "A game needs at least one of each.",
                near_matches(env, _EXAMPLES),
            )
    _check_rooms(env, rooms)
    settings = {"nb_rooms": rooms, "nb_objects": objects, "quest_length": length}
    return _world(name, "custom", settings, length)


def _levelled(env: str, name: str, maker: str, level: int) -> World:
    """Check the level of a challenge that has levels."""
    top = 300 if maker == "coin_collector" else 30
    if not 1 <= level <= top:
        raise ConfigError(
            f"{env!r} asks for level {level}.",
            f"The levels of {maker} go from 1 to {top}.",
            f"Use for instance textworld/{maker}-5.",
        )
    if maker == "coin_collector":
        length = (level - 1) % 100 + 1
        _check_rooms(env, ((level - 1) // 100 + 1) * length)
    else:
        mode, step = divmod(level - 1, 10)
        low, high = ((1, 5), (2, 10), (3, 20))[mode]
        length = round(low + (high - low) * step / 9)
    return _world(name, maker, {"level": level}, length)


def _check_rooms(env: str, rooms: int) -> None:
    if rooms > LARGEST_WORLD:
        raise ConfigError(
            f"{env!r} would have {rooms} rooms.",
            f"More than {LARGEST_WORLD} rooms do not fit into a .z8 game file.",
            "Choose a smaller world or level.",
        )
