"""Which numbers and which target a Countdown task has: solvable, by construction."""

from __future__ import annotations

import functools
import hashlib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

from toolkit.environments.base import SPLITS
from toolkit.environments.splits import SPLIT_SEEDS
from toolkit.errors import (
    ConfigError,
    TaskError,
    UnknownEnvironmentError,
    near_matches,
)

COUNTS = range(2, 7)
"""How many numbers a game may have."""
LEVELS = {
    "easy": (20, "+-", 60),
    "medium": (20, "+-*", 200),
    "hard": (100, "+-*/", 1_000),
}
"""Largest number, operations that are enough, and largest target of each level; `hard`
has those of TinyZero (https://github.com/Jiayi-Pan/TinyZero)."""
GUESSES = 10
"""Most expressions in the list of what can be done."""

_EXAMPLES = [f"countdown/n{n}-{level}" for n in COUNTS for level in LEVELS]
_TIGHTNESS = {"+": 1, "-": 1, "*": 2, "/": 2}
_ATOM = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """A kind of game, as named by the part of an id after `countdown/`."""

    name: str
    """Such as `n3-easy`; the same for both forms of a game."""
    count: int
    """How many numbers."""
    largest: int
    """Numbers are 1 to this."""
    operations: str
    """Those of the known solution; players may use all four."""
    top: int
    """Targets are 1 to this."""
    single: bool
    """Whether the game is one reply, with the answer in tags."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CountdownGame:
    """Numbers and a target, with a proof that it can be reached."""

    numbers: tuple[int, ...]
    """What to use, each exactly once."""
    target: int
    """What to reach."""
    solution: str
    """An expression that reaches it, over positive whole numbers all the way."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """An expression that grows."""

    value: int
    text: str
    tightness: int = _ATOM


@functools.lru_cache(maxsize=256)
def parse_level(env: str) -> Level:
    """Return the kind of game that a registry id names.

    Args:
        env: Such as `countdown/n3-easy` or `countdown/n4-hard-single`.

    Raises:
        UnknownEnvironmentError: If the id names none; near matches are told.
        ConfigError: If there is no game of so many numbers.
    """
    name, _, form = env.partition("/")[2].partition("-single")
    found = re.fullmatch(rf"n(0|[1-9][0-9]{{0,2}})-({'|'.join(LEVELS)})", name)
    if not found or form:
        raise UnknownEnvironmentError(
            f"There is no environment {env!r}.",
            f"A Countdown id is countdown/nNUMBERS-LEVEL with the levels "
            f"{', '.join(LEVELS)}; -single behind it makes it a game of one reply.",
            near_matches(env, _EXAMPLES),
        )
    count, (largest, operations, top) = int(found[1]), LEVELS[found[2]]
    if count not in COUNTS:
        raise ConfigError(
            f"{env!r} asks for {count} numbers.",
            f"A game has {COUNTS[0]} to {COUNTS[-1]}.",
            f"Use for instance {_EXAMPLES[3]}.",
        )
    return Level(
        name=name,
        count=count,
        largest=largest,
        operations=operations,
        top=top,
        single=env.endswith("-single"),
    )


def make_game(level: Level, seed: int) -> CountdownGame:
    """Return the game of a seed.

    Every split owns a quarter of all games, chosen by a hash of numbers and target, so
    that no game of one split is met in another, at no level and in neither form.

    Raises:
        TaskError: If no split has this seed.
    """
    split = next((name for name, seeds in SPLIT_SEEDS.items() if seed in seeds), None)
    if split is None:
        ranges = ", ".join(f"{r[0]} to {r[-1]} ({s})" for s, r in SPLIT_SEEDS.items())
        raise TaskError(
            f"There is no Countdown game of seed {seed}.",
            f"The seeds are {ranges}.",
            "Use tasks('countdown/...', split=...).",
        )
    rng = random.Random(f"{level.name} {seed}")
    while True:
        numbers = [1 + rng.randrange(level.largest) for _ in range(level.count)]
        end = _combine(numbers, level.operations, rng)
        fits = 1 <= end.value <= level.top
        if fits and _owner(numbers, end.value) == split:
            break
    return CountdownGame(numbers=tuple(numbers), target=end.value, solution=end.text)


def guesses(game: CountdownGame) -> list[str]:
    """Return expressions that use every number once, right or wrong.

    They are drawn at random, the same ones whenever a game is played; at most
    `GUESSES`, fewer where some are equal.
    """
    rng = random.Random(f"{game.numbers} {game.target}")
    drawn = [_combine(game.numbers, "+-*/", rng).text for _ in range(GUESSES)]
    return list(dict.fromkeys(drawn))


def _owner(numbers: Sequence[int], target: int) -> str:
    """Return the split that a game belongs to."""
    facts = f"{sorted(numbers)} {target}".encode()
    return SPLITS[hashlib.blake2b(facts, digest_size=8).digest()[0] % len(SPLITS)]


def _combine(numbers: Sequence[int], operations: str, rng: random.Random) -> _Piece:
    """Combine all numbers by random operations, over positive whole numbers."""
    pieces = [_Piece(number, str(number)) for number in numbers]
    while len(pieces) > 1:
        sign = operations[rng.randrange(len(operations))]
        pairs = [p for p in permutations(pieces, 2) if _may(sign, *p)]
        if pairs:
            left, right = pairs[rng.randrange(len(pairs))]
            pieces = [p for p in pieces if p is not left and p is not right]
            pieces.append(_join(left, sign, right))
    return pieces[0]


def _may(sign: str, left: _Piece, right: _Piece) -> bool:
    """Return whether an operation stays with positive whole numbers."""
    if sign == "-":
        return left.value > right.value
    return sign != "/" or (right.value > 1 and left.value % right.value == 0)


def _join(left: _Piece, sign: str, right: _Piece) -> _Piece:
    """Write an operation with no more parentheses than it needs.

    >>> _join(_Piece(5, "2 + 3", 1), "*", _Piece(4, "4")).text
    '(2 + 3) * 4'
    """
    tightness = _TIGHTNESS[sign]
    value = {
        "+": left.value + right.value,
        "-": left.value - right.value,
        "*": left.value * right.value,
        "/": left.value // right.value,
    }[sign]
    first = f"({left.text})" if left.tightness < tightness else left.text
    needed = tightness + (sign in "-/")
    second = f"({right.text})" if right.tightness < needed else right.text
    return _Piece(value, f"{first} {sign} {second}", tightness)
