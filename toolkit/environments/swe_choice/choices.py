"""Repairs that are a choice: a function with marked places, and a few tokens for each.

What the tests say about every choice was measured by running them, see `making`, and is
kept with the task. So an episode runs no code, and nothing about it is guessed.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from toolkit.environments.swe.lists import read_list, write_list
from toolkit.environments.swe.repositories import get_repository
from toolkit.paths import assets_dir

SHIPPED = assets_dir() / "swe" / "choices.json.xz"
"""The tasks that come with the toolkit."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A marked token of a function."""

    start: int
    """Its first byte in the file as it was published."""
    end: int
    """First byte after it."""
    tokens: tuple[str, ...]
    """What it may be; the first is what was published."""


Pick = tuple[int, str]
"""A place, counted from 0, and a token for it."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A function in which one marked token is wrong."""

    repository: str
    """Name of the repository."""
    split: str
    """Which tasks it is for, one of `SPLITS` of the environments."""
    file: str
    """Path of the file, from the root of the repository."""
    function: str
    """The function, such as `Cache.pop`."""
    places: tuple[Place, ...]
    """The marked places, from top to bottom."""
    bug: Pick
    """Where the mistake is, and the wrong token."""
    tests: tuple[str, ...]
    """The tests that reach the function, and pass without the mistake."""
    failing: Mapping[Pick, frozenset[int]]
    """For the mistake and for every other choice: which of the tests fail, by their
    numbers. One place is chosen at a time, the others are as they were found."""

    @property
    def choices(self) -> list[Pick]:
        """All that can be chosen: a place, and a token that is not there, in order."""
        return [
            (i, token)
            for i, place in enumerate(self.places)
            for token in sorted(place.tokens)  # their order tells nothing
            if token != self.token(i)
        ]

    @property
    def solution(self) -> Pick:
        """The choice that takes the mistake back."""
        place, _ = self.bug
        return place, self.places[place].tokens[0]

    def token(self, place: int) -> str:
        """Return what stands at a place in the broken function."""
        return self.bug[1] if place == self.bug[0] else self.places[place].tokens[0]

    def tokens(self, pick: Pick) -> list[str]:
        """Return what stands at each place after a choice."""
        return [
            pick[1] if i == pick[0] else self.token(i) for i in range(len(self.places))
        ]

    def worth(self, pick: Pick) -> tuple[float, float]:
        """Return which part of the failing tests passes, and of the others, still."""
        before, now = self.failing[self.bug], self.failing[pick]
        others = len(self.tests) - len(before)
        broken = len(now - before)
        return 1 - len(now & before) / len(before), 1 - broken / max(1, others)

    def written(self, pick: Pick, marks: Sequence[str]) -> str:
        """Return the source of the file, with a choice made.

        Args:
            pick: The choice.
            marks: For each place what is put in its token's place, with `{}` for it.

        Raises:
            DownloadError: If the repository has to be fetched and cannot be.
        """
        source = _source(self.repository, self.file)
        tokens = self.tokens(pick)
        for place, token, mark in reversed(
            list(zip(self.places, tokens, marks, strict=True))
        ):
            text = mark.format(token).encode()
            source = source[: place.start] + text + source[place.end :]
        return source.decode()

    def excerpt(self, marks: Sequence[str]) -> str:
        """Return the text of the broken function, without its docstring.

        Raises:
            DownloadError: If the repository has to be fetched and cannot be.
        """
        first, last, left_out = _lines(self.repository, self.file, self.function)
        lines = self.written(self.bug, marks).splitlines()
        kept = [lines[k - 1] for k in range(first, last + 1) if k not in left_out]
        margin = len(kept[0]) - len(kept[0].lstrip())
        return "\n".join(line[margin:].rstrip() for line in kept if line.strip())


@functools.lru_cache(maxsize=64)
def _source(repository: str, file: str) -> bytes:
    return (get_repository(repository).root / file).read_bytes()


@functools.lru_cache(maxsize=512)
def _lines(repository: str, file: str, function: str) -> tuple[int, int, range]:
    """Return the first and last line of a function, and those of its docstring."""
    node: Any = ast.parse(_source(repository, file))
    for name in function.split("."):
        node = next(n for n in ast.walk(node) if getattr(n, "name", None) == name)
    left_out = range(0)
    if ast.get_docstring(node, clean=False) is not None:
        left_out = range(node.body[0].lineno, node.body[0].end_lineno + 1)
    return node.lineno, node.end_lineno, left_out


# ---- the file --------------------------------------------------------------------


@functools.cache
def load_choices() -> tuple[Choice, ...]:
    """Return the tasks that come with the toolkit."""
    return tuple(read_choices(SHIPPED))


def read_choices(path: Path) -> list[Choice]:
    """Read a file that `write_choices` wrote.

    Raises:
        RepositoryError: If it is not there, or is damaged.
    """
    return read_list(path, _all_unpacked, what="tasks", remedy="make choices")


def write_choices(path: Path, choices: Iterable[Choice]) -> None:
    """Write tasks to a file, small: each test is named once.

    Raises:
        OSError: If the disk is full or may not be written.
    """
    choices = list(choices)
    tests: dict[str, set[str]] = {}
    for c in choices:
        tests.setdefault(c.repository, set()).update(c.tests)
    names = {name: sorted(found) for name, found in tests.items()}
    packed = [_packed(c, names[c.repository]) for c in choices]
    write_list(path, {"tests": names, "choices": packed})


def _all_unpacked(data: Any) -> list[Choice]:
    """Return the tasks of a file."""
    return [_unpacked(c, data["tests"][c["repository"]]) for c in data["choices"]]


def _packed(choice: Choice, names: list[str]) -> dict[str, Any]:
    """Return a task with numbers of tests in the place of their names."""
    plain = replace(choice, failing={})  # a pair is no key in JSON
    numbers = {name: i for i, name in enumerate(names)}
    failing = [
        [place, token, sorted(found)]
        for (place, token), found in choice.failing.items()
    ]
    tests = [numbers[name] for name in choice.tests]
    return asdict(plain) | {"tests": tests, "failing": failing}


def _unpacked(packed: Mapping[str, Any], names: list[str]) -> Choice:
    """Undo `_packed`."""
    failing = {
        (place, token): frozenset(found) for place, token, found in packed["failing"]
    }
    place, token = packed["bug"]
    made = {
        "places": tuple(
            Place(**{**p, "tokens": tuple(p["tokens"])}) for p in packed["places"]
        ),
        "bug": (place, token),
        "tests": tuple(names[i] for i in packed["tests"]),
        "failing": failing,
    }
    return Choice(**{**packed, **made})
