"""What is to be repaired: the files, how their tests run, what a repair is worth."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from toolkit.environments.swe.bugs import Bug
from toolkit.environments.swe.grading import Grade, grade
from toolkit.environments.swe.observations import failures, first_failing, task_text
from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.runner import TestReport, TestRunner
from toolkit.environments.swe.workspace import Workspace, contents

TESTS_S = 20.0
"""Seconds for one run of tests; those of the shipped repositories take about one, more
on a busy machine."""
_SAID: dict[Bug, Mapping[str, str]] = {}
"""What tests said at the start: the same for all repairs of a bug."""


class Job(Protocol):
    """What a `Repair` works on; closed with it."""

    @property
    def workspace(self) -> Workspace:
        """The files, as they are now."""

    @property
    def mistaken(self) -> Collection[str]:
        """Paths of the files that have to be repaired."""

    @property
    def fail_to_pass(self) -> Sequence[str]:
        """Ids of the tests that fail, and have to pass."""

    def task_text(self, given: Mapping[str, Any]) -> str:
        """Return the first observation, with the arguments of the environment."""

    def run(self, pattern: str) -> TestReport:
        """Run the tests that a pattern names, all of them if it is empty.

        Raises:
            ActionError: If it names none.
        """

    def grade(self) -> Grade:
        """Return what the repair is worth; nothing is run in the workspace again."""

    def counts(self, path: str) -> bool:
        """Return whether changes of a file count: not those of tests."""

    def wanted(self, changed: Collection[str]) -> dict[str, str] | None:
        """Return what should be in the files in the end.

        Args:
            changed: Files that were changed, and count.

        Returns:
            The texts of these and of the mistaken ones by their paths, `None` if edits
            alone do not lead there.
        """

    def facts(self) -> dict[str, Any]:
        """Return what `info` says of it, JSON-ready."""

    def close(self) -> None:
        """End all processes and remove all files."""


class BugJob:
    """A `Job` on this machine: a bug in a package, with tests in a sandbox.

    Args:
        bug: What is to be repaired.
        trusted: Run even if there is no safe sandbox.

    Raises:
        DownloadError: If the repository has to be fetched and cannot be.
        RepositoryError: If it is not known, or is not the one the bug was made for.
        SandboxError: If there is no safe sandbox and the code is not trusted.
    """

    def __init__(self, bug: Bug, *, trusted: bool) -> None:
        self.bug, self._trusted = bug, trusted
        self.mistaken, self.fail_to_pass = bug.files, bug.fail_to_pass
        repository = get_repository(bug.repository)
        self._published = contents(repository)
        self._sources = frozenset(repository.source_files())
        self.workspace = Workspace(self._published | bug.broken_sources())
        try:
            self._runner = TestRunner(
                repository, self.workspace.folder, trusted=trusted
            )
        except BaseException:
            self.workspace.close()
            raise

    def task_text(self, given: Mapping[str, Any]) -> str:
        """Return the first observation."""
        files = self.workspace.files()
        if self.bug not in _SAID:
            patterns = first_failing(self.bug)
            _SAID[self.bug] = failures(self._runner.run(patterns, timeout_s=TESTS_S))
        said = _SAID[self.bug]
        return task_text(self.bug, said, files, given["format"], given["max_turns"])

    def run(self, pattern: str) -> TestReport:
        """Run tests where the repairer works."""
        return self._runner.run((pattern,) if pattern else (), timeout_s=TESTS_S)

    def grade(self) -> Grade:
        """Return what the files of the package are worth in a fresh copy."""
        self._runner.close()  # so that nothing changes them meanwhile
        return grade(self.bug, self.workspace, trusted=self._trusted, timeout_s=TESTS_S)

    def counts(self, path: str) -> bool:
        """Return whether a file is one of the package's own."""
        return path in self._sources

    def wanted(self, changed: Collection[str]) -> dict[str, str] | None:
        """Return the published texts of files."""
        paths = sorted({*self.mistaken, *changed})
        return {path: self._published[path].decode() for path in paths}

    def facts(self) -> dict[str, Any]:
        """Return facts for `info`."""
        return {
            "repository": self.bug.repository,
            "difficulty": self.bug.difficulty,
            "sandbox": self._runner.level.value,
        }

    def close(self) -> None:
        """End all processes and remove all files."""
        self._runner.close()
        self.workspace.close()
