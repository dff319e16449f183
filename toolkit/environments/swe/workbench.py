"""Where bugs are made and checked: a copy of a repository, and its tests.

`make_bugs` tries mutations until enough of them are valid bugs; `validate` says whether
a bug still is what was written down.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, cycle, zip_longest
from typing import Self

from toolkit.environments.swe.bugs import Bug
from toolkit.environments.swe.mutations import (
    DIFFICULTIES,
    KINDS,
    ONE_STATEMENT,
    ONE_TOKEN,
    TWO_PLACES,
    Mutation,
    apply,
    candidates,
    is_sound,
)
from toolkit.environments.swe.repositories import Repository, get_repository
from toolkit.environments.swe.runner import TestReport, TestRunner
from toolkit.environments.swe.workspace import Workspace, contents
from toolkit.errors import RepositoryError
from toolkit.sandbox import Level, Limits

KEPT = 0.5
"""Least fraction of the tests that a valid bug leaves passing."""
FEW = 0.2
"""Fraction of the tests up to which those that reach a mistake are asked first."""
HANGING_S = 120.0
"""Seconds after which tests count as hanging, however slow the machine."""
HANGING_CPU_S = 10
"""Seconds of processor time, beside five times those of the right code, after which
tests with a mistake in the code count as hanging."""


class Workbench:
    """A copy of a repository in memory, and what its tests say about changes of it.

    Args:
        repository: Which.
        level: What kind of sandbox its tests run in (default: the safest).
        trusted: Whether the code may run where nothing isolates it.

    Raises:
        RepositoryError: If its tests cannot tell a bug from none: there are none, they
            hang, or tests of a folder of the user fail.
        DownloadError: If it has to be fetched and cannot be.
        SandboxError: If there is no such sandbox.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        level: Level | None = None,
        trusted: bool = False,
    ) -> None:
        self.repository = repository
        self._workspace = Workspace(contents(repository))
        self._folder = self._workspace.folder
        try:
            self._runner = TestRunner(
                repository, self._folder, level=level, trusted=trusted
            )
            self._calls: dict[str, frozenset[str]] | None = None
            self._cpu_s = Limits().cpu_s
            self.tests = self._tests_that_pass()
        except BaseException:
            self.close()
            raise

    tests: frozenset[str]
    """The tests that pass in the repository as it is, each time."""

    @property
    def level(self) -> Level:
        """What isolates the tests."""
        return self._runner.level

    def sources(self, files: Iterable[str]) -> dict[str, bytes]:
        """Return the right text of files."""
        root = self.repository.root
        return {file: (root / file).read_bytes() for file in files}

    def report_with(
        self, mutations: Sequence[Mutation], tests: Iterable[str] = ()
    ) -> TestReport:
        """Run tests with mistakes in the code.

        Args:
            mutations: The mistakes.
            tests: Ids of tests; all if there are none.
        """
        right = self.sources({m.file for m in mutations})
        try:
            for file, source in right.items():
                wrong = apply(source, [m for m in mutations if m.file == file])
                (self._folder / file).write_bytes(wrong)
            return self._run(tests, tracebacks=False)
        finally:
            for file, source in right.items():
                (self._folder / file).write_bytes(source)

    def reaching(self, mutation: Mutation) -> frozenset[str]:
        """Return the tests that run the function of a mutation; all if unsure."""
        if self._calls is None:
            self._calls = self._runner.calls()
        found = self._calls.get(f"{mutation.file}::{mutation.function}", frozenset())
        return self.tests if "" in found else found & self.tests

    def close(self) -> None:
        """End all processes and remove the copy."""
        if hasattr(self, "_runner"):
            self._runner.close()
        self._workspace.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _tests_that_pass(self) -> frozenset[str]:
        """Run the tests twice; set the time that later runs may take."""
        reports = [self._baseline(), self._baseline()]
        self._cpu_s = HANGING_CPU_S + round(5 * reports[1].cpu_seconds)
        return reports[0].passed & reports[1].passed

    def _run(self, tests: Iterable[str], *, tracebacks: bool) -> TestReport:
        return self._runner.run(
            tests, timeout_s=HANGING_S, cpu_s=self._cpu_s, tracebacks=tracebacks
        )

    def _baseline(self) -> TestReport:
        report = self._run((), tracebacks=True)
        name = self.repository.name
        if report.broken:
            raise RepositoryError(
                f"The tests of {name} cannot be used: they do not run to their end.",
                f"{report.broken}\n{report.output[-1000:]}".rstrip(),
                "They run without a network; name those that hang in left_out.",
            )
        wrong = sorted({*report.failed, *report.errors})
        if wrong and self.repository.folder is not None:
            raise RepositoryError(
                f"{len(wrong)} tests of {name} fail before anything was changed: "
                f"{', '.join(wrong[:5])}.",
                f"In the sandbox there is no network.\n{report.output[-1000:]}",
                "Repair them, or name them in left_out of a registered repository.",
            )
        if not report.passed:
            raise RepositoryError(
                f"{name} has no test that passes.",
                f"They are in {', '.join(self.repository.tests)}.\n"
                f"{report.output[-1000:]}",
                "Bugs need tests that find them.",
            )
        return report


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What became of a bug when it was checked again."""

    bug: Bug
    """The bug."""
    same: bool
    """Whether the same tests fail, and the same pass, as was written down."""
    difference: str = ""
    """What is different."""


def validate(bug: Bug, bench: Workbench | None = None) -> Verdict:
    """Run the tests with a bug in the code, and compare with what was written down.

    Args:
        bug: Which.
        bench: Of its repository; one is made if it is not given.

    Raises:
        RepositoryError: If its repository is not known, or has no usable tests.
        DownloadError: If it has to be fetched and cannot be.
        SandboxError: If there is no sandbox.
    """
    if bench is None:
        with Workbench(get_repository(bug.repository)) as bench:
            return validate(bug, bench)
    report = bench.report_with(bug.mutations)
    failing = sorted(bench.tests - report.passed)
    different = {*failing} ^ {*bug.fail_to_pass}
    passing = bench.tests & report.passed
    different |= passing ^ {*bug.pass_to_pass}
    difference = report.broken or ", ".join(sorted(different)[:5])
    return Verdict(bug=bug, same=not difference, difference=difference)


def make_bugs(
    bench: Workbench,
    n: int,
    *,
    seed: int = 0,
    difficulties: Sequence[int] = DIFFICULTIES,
    tell: Callable[[Bug], None] = lambda bug: None,
) -> list[Bug]:
    """Make bugs that are valid: some test fails, most pass, none hangs.

    The same arguments give the same bugs, wherever the tests give the same results. Of
    a bug in two places each place alone makes a test fail, so that both must be found.

    Args:
        bench: Of the repository.
        n: How many; their difficulties take turns.
        seed: Chooses among the places for mistakes.
        difficulties: Of 1 (one token), 2 (one statement), 3 (two places).
        tell: Is called with each bug.

    Raises:
        RepositoryError: If the repository has too few places for mistakes.
    """
    maker = _Maker(bench, seed)
    bugs: list[Bug] = []
    for number, difficulty in zip(range(n), cycle(difficulties), strict=False):
        found = maker.next(difficulty)
        if found is None:
            raise RepositoryError(
                f"{bench.repository.name} has no more than {number} valid bugs.",
                f"All places for bugs of difficulty {difficulty} have been tried.",
                f"Ask for {number}, or for other difficulties.",
            )
        mutations, failing = found
        bug = Bug(
            repository=bench.repository.name,
            seed=number,
            difficulty=difficulty,
            mutations=mutations,
            fail_to_pass=tuple(sorted(failing)),
            pass_to_pass=tuple(sorted(bench.tests - failing)),
        )
        bugs.append(bug)
        tell(bug)
    return bugs


_Found = tuple[tuple[Mutation, ...], frozenset[str]]


class _Maker:
    """Goes through the places for mistakes, each at most once."""

    def __init__(self, bench: Workbench, seed: int) -> None:
        self._bench = bench
        self._sources = bench.sources(bench.repository.source_files())
        places = [m for f, s in self._sources.items() for m in candidates(s, f)]
        self._queues = {
            difficulty: _mixed([m for m in places if m.difficulty == difficulty], seed)
            for difficulty in (ONE_TOKEN, ONE_STATEMENT)
        }
        self._spare: list[Mutation] = []
        self._turns = cycle(self._queues)
        self._complete: dict[tuple[Mutation, ...], TestReport] = {}

    def next(self, difficulty: int) -> _Found | None:
        """Return the next valid bug and the tests that fail, if there is one."""
        if difficulty == TWO_PLACES:
            return self._pair()
        while (mutation := self._noticed(difficulty)) is not None:
            failing = self._failing((mutation,))
            if failing:
                return (mutation,), failing
        return None

    def _noticed(self, difficulty: int) -> Mutation | None:
        """Return the next mistake that fails a test, as those that reach it tell."""
        for mutation in self._queues[difficulty]:
            tests = self._bench.reaching(mutation)
            if len(tests) > FEW * len(self._bench.tests):
                tests = self._bench.tests  # they would all be run afterwards, too
            if tests and is_sound(self._sources[mutation.file], [mutation]):
                report = self._bench.report_with([mutation], tests)
                if tests == self._bench.tests:
                    self._complete[mutation,] = report
                if tests - report.passed and not report.broken:
                    return mutation
        return None

    def _pair(self) -> _Found | None:
        """Join two mistakes, each of which fails a test, in two functions."""
        while True:
            for both in self._pairs():
                for mutation in both:
                    self._spare.remove(mutation)
                failing = self._failing(both)
                if failing:
                    return both, failing
            found = self._noticed(next(self._turns))
            if found is None:
                return None
            self._spare.append(found)

    def _pairs(self) -> list[tuple[Mutation, Mutation]]:
        """Return the first pair of spare mistakes that are in two functions."""
        pairs = combinations(sorted(self._spare), 2)
        return [pair for pair in pairs if pair[0].function != pair[1].function][:1]

    def _failing(self, mutations: tuple[Mutation, ...]) -> frozenset[str]:
        """Run all tests; return those that fail with a valid bug, none for another."""
        report = self._complete.pop(mutations, None)
        report = report or self._bench.report_with(mutations)
        failing = self._bench.tests - report.passed
        most_pass = len(failing) <= (1 - KEPT) * len(self._bench.tests)
        return failing if most_pass and not report.broken else frozenset()


def _mixed(mutations: Iterable[Mutation], seed: int) -> Iterator[Mutation]:
    """Yield mutations in an order of the seed, the kinds taking turns."""

    def place(m: Mutation) -> bytes:
        text = f"{seed} {m.file} {m.start} {m.kind} {m.new}"
        return hashlib.blake2b(text.encode()).digest()

    ordered = sorted(mutations, key=place)
    kinds = [[m for m in ordered if m.kind == kind] for kind in KINDS]
    for turn in zip_longest(*kinds):
        yield from (m for m in turn if m is not None)
