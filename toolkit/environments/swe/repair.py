"""One repair under way: what was done to a job so far, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.environments.swe import expert
from toolkit.environments.swe.actions import as_json, as_text
from toolkit.environments.swe.desk import Desk, desk_of
from toolkit.environments.swe.grading import Grade
from toolkit.environments.swe.grammar import Action
from toolkit.environments.swe.job import Job
from toolkit.environments.swe.observations import grade_text, report_text
from toolkit.environments.swe.runner import TestReport
from toolkit.environments.swe.tools import use
from toolkit.environments.swe.workspace import clean_path

_MOST_LISTED = 20
_SUBGOALS = 4


class Repair:
    """One repair under way.

    Args:
        job: What is to be repaired; it is closed with the repair.
        given: Arguments of the environment.
    """

    def __init__(self, job: Job, given: Mapping[str, Any]) -> None:
        self.job = job
        self._given = given
        self._seen: set[str] = set()
        self._tested = self._reproduced = False
        self._passing = 0.0
        self._done: list[Action] = []
        self.report: TestReport | None = None
        """The last run of the tests."""
        self.grade: Grade | None = None
        """What came of it; `None` before it is handed in."""
        self.changed: list[str] = []
        """The files that differ from the start."""

    def close(self) -> None:
        """End all processes and remove all files."""
        self.job.close()

    # ---- what is done ----------------------------------------------------------------

    def task_text(self) -> str:
        """Return the first observation."""
        return self.job.task_text(self._given)

    def do(self, action: Action) -> str:
        """Do something and return what is shown of it.

        Raises:
            ActionError: If it cannot be done; nothing has changed then.
            SandboxError: If no sandbox can be had to run tests in.
        """
        if action.tool == "submit":
            self.grade = self.job.grade()
            return grade_text(self.grade)
        if action.tool == "run_tests":
            text = self._run_tests(action.pattern)
        else:
            text = use(self.job.workspace, action, self._given["max_chars"])
        if action.tool == "view":
            self._seen.add(clean_path(action.file))
        elif action.tool in ("replace", "insert"):
            self._tested = False
        if action.tool in ("run_tests", "replace", "insert"):
            self.changed = sorted(self.job.workspace.changed())
        self._done.append(action)
        return text

    def _run_tests(self, pattern: str) -> str:
        """Run tests where the repairer works."""
        report = self.report = self.job.run(pattern)
        self._tested = self._tested or not pattern
        self._reproduced |= not report.failed.isdisjoint(self.job.fail_to_pass)
        self._passing = self._passed_now(report)
        return report_text(report, pattern, self._given["max_chars"])

    def _passed_now(self, report: TestReport) -> float:
        """Return the part of the failing tests that pass now, if the run is fair."""
        fair = all(map(self.job.counts, self.job.workspace.changed()))
        if report.broken or report.timed_out or not fair:
            return 0.0  # or one could gain by changing tests
        names = self.job.fail_to_pass
        return sum(name in report.passed for name in names) / len(names)

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
        found = not self._seen.isdisjoint(self.job.mistaken)
        return (found + self._reproduced + self._passing) / _SUBGOALS

    def facts(self) -> dict[str, Any]:
        """Return facts for `info`."""
        return {
            **self.job.facts(),
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
        files = filter(self.job.counts, self.job.workspace.files())
        return plain + [Action(tool="view", file=file) for file in files]

    def desk(self) -> Desk:
        """Return what a person has in front of them."""
        return desk_of(
            self.job.workspace,
            self._done,
            changed=self.changed,
            report=self.report,
            fail_to_pass=self.job.fail_to_pass,
            grade=self.grade,
        )

    def plan(self) -> list[Action] | None:
        """Return actions that win from here, `None` if edits alone cannot."""
        if self.grade:
            return []
        wanted = self.job.wanted([*filter(self.job.counts, self.changed)])
        if wanted is None:
            return None
        return expert.plan(
            self.job.workspace, wanted, seen=self._seen, tested=self._tested
        )

    def written(self, actions: Sequence[Action]) -> list[str]:
        """Return actions as a player would write them."""
        write = as_json if self._given["format"] == "json" else as_text
        return [write(action) for action in actions]
