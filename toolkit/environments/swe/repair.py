"""One repair under way: a workspace, what runs its tests, and what was done so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.environments.swe import expert
from toolkit.environments.swe.actions import as_json, as_text
from toolkit.environments.swe.bugs import Bug
from toolkit.environments.swe.grading import Grade, grade
from toolkit.environments.swe.grammar import Action
from toolkit.environments.swe.observations import (
    failures,
    first_failing,
    grade_text,
    report_text,
    task_text,
)
from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.runner import TestReport, TestRunner
from toolkit.environments.swe.tools import use
from toolkit.environments.swe.workspace import Workspace, clean_path, contents

TESTS_S = 20.0
"""Seconds for one run of tests; those of the shipped repositories take about one, more
on a busy machine."""
_MOST_LISTED = 20
_SUBGOALS = 4
_SAID: dict[Bug, Mapping[str, str]] = {}
"""What tests said at the start: the same for all repairs of a bug."""


class Repair:
    """One repair under way.

    Args:
        bug: What is to be repaired.
        given: Arguments of the environment.

    Raises:
        DownloadError: If the repository has to be fetched and cannot be.
        RepositoryError: If it is not known, or is not the one the bug was made for.
        SandboxError: If there is no safe sandbox and the code is not trusted.
    """

    def __init__(self, bug: Bug, given: Mapping[str, Any]) -> None:
        self.bug = bug
        self._given = given
        self._repository = get_repository(bug.repository)
        self._sources = frozenset(self._repository.source_files())
        self._workspace = Workspace(self._repository, bug.broken_sources())
        try:
            self._runner = TestRunner(
                self._repository, self._workspace.folder, trusted=given["trusted"]
            )
        except BaseException:
            self._workspace.close()
            raise
        self._seen: set[str] = set()
        self._tested = self._reproduced = False
        self._passing = 0.0
        self.report: TestReport | None = None
        """The last run of the tests."""
        self.grade: Grade | None = None
        """What came of it; `None` before it is handed in."""
        self.changed: list[str] = []
        """The files that differ from the start."""

    def close(self) -> None:
        """End all processes and remove all files."""
        self._runner.close()
        self._workspace.close()

    # ---- what is done ----------------------------------------------------------------

    def task_text(self) -> str:
        """Return the first observation."""
        files, given = self._workspace.files(), self._given
        if self.bug not in _SAID:
            patterns = first_failing(self.bug)
            _SAID[self.bug] = failures(self._runner.run(patterns, timeout_s=TESTS_S))
        said = _SAID[self.bug]
        return task_text(self.bug, said, files, given["format"], given["max_turns"])

    def do(self, action: Action) -> str:
        """Do something and return what is shown of it.

        Raises:
            ActionError: If it cannot be done; nothing has changed then.
            SandboxError: If no sandbox can be had to run tests in.
        """
        if action.tool == "submit":
            return self._hand_in()
        if action.tool == "run_tests":
            text = self._run_tests(action.pattern)
        else:
            text = use(self._workspace, action, self._given["max_chars"])
        if action.tool == "view":
            self._seen.add(clean_path(action.file))
        elif action.tool in ("replace", "insert"):
            self._tested = False
        if action.tool in ("run_tests", "replace", "insert"):
            self.changed = sorted(self._workspace.changed())
        return text

    def _run_tests(self, pattern: str) -> str:
        """Run tests where the repairer works."""
        patterns = (pattern,) if pattern else ()
        report = self.report = self._runner.run(patterns, timeout_s=TESTS_S)
        self._tested = self._tested or not pattern
        self._reproduced |= not report.failed.isdisjoint(self.bug.fail_to_pass)
        self._passing = self._passed_now(report)
        return report_text(report, pattern, self._given["max_chars"])

    def _passed_now(self, report: TestReport) -> float:
        """Return the part of the failing tests that pass now, if the run is fair."""
        changed = self._workspace.changed().keys() - self._sources
        if report.broken or report.timed_out or changed:
            return 0.0  # or one could gain by changing tests
        names = self.bug.fail_to_pass
        return sum(name in report.passed for name in names) / len(names)

    def _hand_in(self) -> str:
        """Grade what has become of the files."""
        self._runner.close()  # so that nothing changes them meanwhile
        self.grade = grade(
            self.bug, self._workspace, trusted=self._given["trusted"], timeout_s=TESTS_S
        )
        return grade_text(self.grade)

    # ---- what there is to know -------------------------------------------------------

    @property
    def score(self) -> float:
        """What is earned, from 0 to 1."""
        if self.grade is None:
            return 0.0
        binary = self._given["reward"] == "binary"
        return self.grade.binary if binary else self.grade.ratio

    @property
    def won(self) -> bool:
        """Whether it is repaired, with nothing broken."""
        return self.grade is not None and self.grade.binary == 1.0

    def progress(self) -> float:
        """Return how much is done: file found, failure seen, tests mended, won."""
        if self.won:
            return 1.0
        found = not self._seen.isdisjoint(self.bug.files)
        return (found + self._reproduced + self._passing) / _SUBGOALS

    def facts(self) -> dict[str, Any]:
        """Return facts for `info`."""
        return {
            "repository": self.bug.repository,
            "difficulty": self.bug.difficulty,
            "sandbox": self._runner.level.value,
            "changed": self.changed[:_MOST_LISTED],
            "tests": self._counts(),
            "grade": self.grade.to_dict(_MOST_LISTED) if self.grade else None,
        }

    def _counts(self) -> dict[str, Any] | None:
        """Return the last run of the tests as small data."""
        if self.report is None:
            return None
        return {
            "passed": len(self.report.passed),
            "failed": len(self.report.failed),
            "failing": sorted(self.report.failed)[:_MOST_LISTED],
            "timed_out": self.report.timed_out,
            "broken": self.report.broken,
        }

    # ---- what could be done ----------------------------------------------------------

    def choices(self) -> list[Action]:
        """Return some actions that are possible."""
        if self.grade:
            return []
        plain = [Action(tool=name) for name in ("ls", "run_tests", "diff", "submit")]
        files = self._sources.intersection(self._workspace.files())
        return plain + [Action(tool="view", file=file) for file in sorted(files)]

    def plan(self) -> list[Action] | None:
        """Return actions that win from here, `None` if a file is gone."""
        if self.grade:
            return []
        whole = contents(self._repository)
        wrong = {*self.bug.files, *self._sources.intersection(self.changed)}
        published = {path: whole[path].decode() for path in sorted(wrong)}
        return expert.plan(
            self._workspace, published, seen=self._seen, tested=self._tested
        )

    def written(self, actions: Sequence[Action]) -> list[str]:
        """Return actions as a player would write them."""
        write = as_json if self._given["format"] == "json" else as_text
        return [write(action) for action in actions]
