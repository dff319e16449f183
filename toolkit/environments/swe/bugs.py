"""Bugs that are known to be repairable: made from mutations, checked with tests.

A bug is valid if some test that passed fails because of it, most tests still pass and
no test hangs. Which tests those are is written down with it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.environments.swe.lists import read_list, write_list
from toolkit.environments.swe.mutations import Mutation, apply
from toolkit.environments.swe.repositories import get_repository
from toolkit.errors import RepositoryError
from toolkit.paths import assets_dir

SHIPPED = assets_dir() / "swe" / "bugs.json.xz"
"""The bugs that come with the toolkit."""


@dataclass(frozen=True, kw_only=True)
class Bug:
    """One broken version of a repository, and the tests that tell."""

    repository: str
    """Name of the repository."""
    split: str = ""
    """Which tasks it is for, one of `SPLITS` of the environments; none if it is not
    one of the shipped bugs."""
    seed: int
    """Number of the bug; with the repository it is unique."""
    difficulty: int
    """1: one token is wrong, 2: one statement, 3: two places in two functions."""
    mutations: tuple[Mutation, ...]
    """What was changed."""
    fail_to_pass: tuple[str, ...]
    """Tests, by their pytest ids, that fail now and pass in the repaired repository."""
    pass_to_pass: tuple[str, ...]
    """Tests that pass now and have to pass afterwards."""

    @property
    def id(self) -> str:
        """A readable name."""
        return f"{self.repository}/{self.seed}"

    @property
    def files(self) -> tuple[str, ...]:
        """The files with a mistake, by their paths from the root."""
        return tuple(sorted({m.file for m in self.mutations}))

    @property
    def changed_lines(self) -> int:
        """Lines that the repair takes away and adds (paper, table 2, metric A)."""
        return sum(m.changed_lines for m in self.mutations)

    @property
    def failing_tests(self) -> int:
        """Number of failing tests (paper, table 2, metric B)."""
        return len(self.fail_to_pass)

    def sources(self) -> dict[str, bytes]:
        """Return the files with a mistake, as they were before it.

        Raises:
            DownloadError: If the repository has to be fetched and cannot be.
            RepositoryError: If it is not known.
        """
        root = get_repository(self.repository).root
        return {file: (root / file).read_bytes() for file in self.files}

    def broken_sources(self) -> dict[str, bytes]:
        """Return the files with a mistake.

        Raises:
            DownloadError: If the repository has to be fetched and cannot be.
            RepositoryError: If it is not known, or a file has changed since.
        """
        try:
            return {
                file: apply(source, [m for m in self.mutations if m.file == file])
                for file, source in self.sources().items()
            }
        except (OSError, ValueError) as error:
            raise RepositoryError(
                f"The bug {self.id} does not fit its repository.",
                f"{error}",
                "The files have changed since it was made; make the bugs again.",
            ) from error

    def plant(self, folder: Path) -> None:
        """Put the mistake into a copy of the repository.

        Raises:
            DownloadError: If the repository has to be fetched and cannot be.
            RepositoryError: If it is not known, or a file has changed since.
        """
        for file, source in self.broken_sources().items():
            (folder / file).write_bytes(source)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Bug:
        """Build a bug from what `to_dict` returned."""
        made = {
            "mutations": tuple(Mutation(**m) for m in data["mutations"]),
            "fail_to_pass": tuple(data["fail_to_pass"]),
            "pass_to_pass": tuple(data["pass_to_pass"]),
        }
        return cls(**{**data, **made})


def load_bugs(split: str | None = None) -> tuple[Bug, ...]:
    """Return the bugs that come with the toolkit.

    No repository with bugs of the split `test` or `validation` has others.

    Args:
        split: Only those of it, as named in `toolkit.environments.base.SPLITS`.
    """
    return tuple(bug for bug in _shipped() if split in (None, bug.split))


@functools.cache
def _shipped() -> tuple[Bug, ...]:
    return tuple(read_bugs(SHIPPED))


def read_bugs(path: Path) -> list[Bug]:
    """Read a file that `write_bugs` wrote.

    Raises:
        RepositoryError: If it is not there, or is damaged.
    """
    remedy = "toolkit swe bugs --out FILE"
    return read_list(path, _all_unpacked, what="bugs", remedy=remedy)


def write_bugs(path: Path, bugs: Iterable[Bug]) -> None:
    """Write bugs to a file, small: each test is named once.

    Raises:
        OSError: If the disk is full or may not be written.
    """
    bugs = list(bugs)
    tests: dict[str, list[str]] = {}
    for bug in bugs:
        known = set(tests.get(bug.repository, ()))
        tests[bug.repository] = sorted({*known, *bug.fail_to_pass, *bug.pass_to_pass})
    data = {"tests": tests, "bugs": [_packed(b, tests[b.repository]) for b in bugs]}
    write_list(path, data)


def _all_unpacked(data: Any) -> list[Bug]:
    """Return the bugs of a file."""
    return [_unpacked(bug, data["tests"][bug["repository"]]) for bug in data["bugs"]]


def _packed(bug: Bug, tests: list[str]) -> dict[str, Any]:
    """Return a bug with numbers of tests in the place of their names."""
    numbers = {test: i for i, test in enumerate(tests)}
    packed = bug.to_dict()
    for name in ("fail_to_pass", "pass_to_pass"):
        packed[name] = [numbers[test] for test in packed[name]]
    return packed


def _unpacked(packed: dict[str, Any], tests: list[str]) -> Bug:
    """Undo `_packed`."""
    names = ("fail_to_pass", "pass_to_pass")
    return Bug.from_dict(
        {**packed, **{n: [tests[i] for i in packed[n]] for n in names}}
    )
