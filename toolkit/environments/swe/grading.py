"""What a repair is worth: measured where the repairer never was.

The files of the package that are in the workspace, and nothing else of it, are put
into a fresh copy of the repository, and all of its tests run there in a new process.
docs/environments/swe.md tells what this stops, and what nothing can.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from toolkit.environments.swe.bugs import Bug
from toolkit.environments.swe.repositories import Repository, get_repository
from toolkit.environments.swe.runner import TestReport, TestRunner
from toolkit.environments.swe.screening import reaches
from toolkit.environments.swe.workspace import Workspace, contents
from toolkit.errors import ActionError
from toolkit.sandbox import Level

_MUST_FAIL = """\
import unittest
import pytest

def test_{mark}_number():
    left, right = 3, 4
    assert left == right

def test_{mark}_list():
    assert [1, 2] == [2, 1], "order"

def test_{mark}_nothing_raised():
    with pytest.raises(ValueError):
        int("1")

def test_{mark}_error():
    {{}}["key"]

class Test{mark}(unittest.TestCase):
    def test_equal(self):
        self.assertEqual("a", "b")

    def test_true(self):
        self.assertTrue(0)

    def test_raises(self):
        with self.assertRaises(ValueError):
            int("1")
"""
"""Tests that fail, unless the code under test has changed what runs them."""
_MUST_FAIL_COUNT = _MUST_FAIL.count("def test_")


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """What became of a repair."""

    fail_to_pass: float
    """Part of the failing tests that pass now, from 0 to 1."""
    pass_to_pass: float
    """Part of the passing tests that still pass, from 0 to 1."""
    still_fail: tuple[str, ...] = ()
    """Tests of `fail_to_pass` that do not pass."""
    newly_fail: tuple[str, ...] = ()
    """Tests of `pass_to_pass` that do not pass any more."""
    ignored: tuple[str, ...] = ()
    """Changed files that do not count, such as tests."""
    refused: str = ""
    """Why the repair earns nothing whatever the tests say; empty for a fair one."""

    @property
    def binary(self) -> float:
        """1 if all failing tests pass now and nothing broke, else 0."""
        return float(self.fail_to_pass == self.pass_to_pass == 1.0)

    @property
    def ratio(self) -> float:
        """Part of the failing tests that pass, times part of the others kept.

        A product, so that tests which passed anyway pay nothing by themselves.
        """
        return self.fail_to_pass * self.pass_to_pass

    def to_dict(self, most: int) -> dict[str, Any]:
        """Return a JSON-ready dictionary with lists of at most so many names."""
        facts = asdict(self)
        lists = {k: list(v[:most]) for k, v in facts.items() if isinstance(v, tuple)}
        return facts | lists | {"binary": self.binary, "ratio": self.ratio}


def grade(
    bug: Bug,
    workspace: Workspace,
    *,
    level: Level | None = None,
    trusted: bool = False,
    timeout_s: float,
) -> Grade:
    """Return what the repair in a workspace is worth.

    Nothing may run in the workspace meanwhile.

    Args:
        bug: What was to be repaired.
        workspace: Where.
        level: Of the sandbox (`None`: the best there is).
        trusted: Run even if there is no safe sandbox.
        timeout_s: For all tests.

    Raises:
        SandboxError: If there is no safe sandbox and the code is not trusted.
    """
    repository = get_repository(bug.repository)
    sources = repository.source_files()
    ignored = tuple(sorted(workspace.changed().keys() - sources))
    with Workspace(contents(repository)) as pristine:
        refused = _take_over(sources, workspace, pristine)
        if refused:
            return _refused(f"The repair reaches for {refused}.", ignored)
        repository, planted = _planted(repository, pristine)
        with TestRunner(
            repository, pristine.folder, level=level, trusted=trusted
        ) as runner:
            report = runner.run(timeout_s=timeout_s)
        written = sorted(pristine.touched().difference(sources))
    if report.broken or written:
        why = report.broken or f"While the tests ran, {written[0]} was changed."
        return _refused(why, ignored)
    failed = sum(name.startswith(planted) for name in report.failed)
    if failed != _MUST_FAIL_COUNT:
        return _refused("Tests that must fail passed.", ignored)
    return _counted(bug, report, ignored)


def _take_over(
    sources: Sequence[str], workspace: Workspace, pristine: Workspace
) -> str:
    """Put the source files of a workspace into the copy; return what is wrong."""
    wrong: list[str] = []
    for path in sources:
        target = pristine.folder / path
        try:
            data = workspace.read_bytes(path)
        except ActionError:  # it is gone, or has become something else than a file
            target.unlink()
            continue
        wrong += [f"{name} in {path}" for name in reaches(target.read_bytes(), data)]
        target.write_bytes(data)
    return ", ".join(wrong[:5])


def _planted(repository: Repository, pristine: Workspace) -> tuple[Repository, str]:
    """Put tests that must fail beside the others; return whose they are, and where."""
    mark, first = secrets.token_hex(4), repository.tests[0]
    is_file = (pristine.folder / first).is_file()
    place = PurePosixPath(first).parent if is_file else PurePosixPath(first)
    planted = str(place / f"test_{mark}.py")
    (pristine.folder / planted).write_text(_MUST_FAIL.format(mark=mark))
    tests = (*repository.tests, planted) if is_file else repository.tests
    return replace(repository, tests=tests), planted


def _counted(bug: Bug, report: TestReport, ignored: tuple[str, ...]) -> Grade:
    """Count the tests that pass."""
    still, newly = (
        tuple(name for name in names if name not in report.passed)
        for names in (bug.fail_to_pass, bug.pass_to_pass)
    )
    return Grade(
        fail_to_pass=_part(bug.fail_to_pass, still),
        pass_to_pass=_part(bug.pass_to_pass, newly),
        still_fail=still,
        newly_fail=newly,
        ignored=ignored,
    )


def _part(names: Collection[str], without: Collection[str]) -> float:
    return 1.0 - len(without) / len(names) if names else 1.0


def _refused(why: str, ignored: tuple[str, ...]) -> Grade:
    """Return the grade of a repair that earns nothing."""
    return Grade(fail_to_pass=0.0, pass_to_pass=0.0, ignored=ignored, refused=why)
