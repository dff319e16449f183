"""A repair of SWE-Gym under way: the steps of `Repair`, with tests in a container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from toolkit.environments.swe import expert
from toolkit.environments.swe.grammar import Action, grammar
from toolkit.environments.swe.observations import grade_text
from toolkit.environments.swe.repair import Repair
from toolkit.environments.swe.repositories import Repository
from toolkit.environments.swe.runner import TestReport, TestRunner
from toolkit.environments.swe.tools import shortened, shown
from toolkit.environments.swe.workspace import Workspace
from toolkit.environments.swe_gym.job import Files, GymJob

_MOST_TESTS = 5
_TASK = """\
You work on {repo}. {problem}

Find the mistake in the code and repair it. Then hand it in with submit, within \
{turns} turns, or the repair does not count. It is graded with {tests}: changed tests \
earn nothing, and new files cannot be made.

At the root of the repository:
{listing}

Every reply is one action:
{grammar}"""


class GymRepair(Repair):
    """One repair under way.

    Args:
        job: Files and tests of the task; it is closed with the repair.
        given: Arguments of the environment.
    """

    def __init__(self, job: GymJob, given: Mapping[str, Any]) -> None:
        self.job, self.bug = job, job.record  # type: ignore[assignment]
        self._given = given
        self._sources = frozenset(filter(job.counts, job.files))
        self._workspace = Workspace(cast(Repository, _Nothing()), job.files)
        self._runner = cast(TestRunner, _Runner(self))
        self._seen: set[str] = set()
        self._tested = self._reproduced = False
        self._passing = 0.0
        self.report, self.grade, self.changed = None, None, []

    def close(self) -> None:
        """Remove containers and files."""
        self.job.close()
        self._workspace.close()

    def files_now(self) -> Files:
        """Return the files that differ from the start, as they are now."""
        return {path: now for path, (_, now) in self._workspace.changed().items()}

    def task_text(self) -> str:
        """Return the first observation: the issue, never the patch or hidden tests."""
        record, given = self.job.record, self._given
        hidden = "tests that are not shown" if record.test_patch else "its own tests"
        names = self._workspace.listing("")
        return _TASK.format(
            repo=record.repo,
            problem=self._problem(),
            turns=given["max_turns"],
            tests=hidden,
            listing=shortened(names, given["max_chars"]),
            grammar=grammar(given["format"]),
        )

    def _problem(self) -> str:
        """Return the issue, or the failing tests where there is none."""
        record, room = self.job.record, self._given["max_chars"]
        if record.problem.strip():
            lines = [shown(line) for line in record.problem.strip().splitlines()]
            return f"This was reported:\n\n{shortened(lines, room)}"
        names = [f"- {shown(name)}" for name in record.fail_to_pass[:_MOST_TESTS]]
        more = len(record.fail_to_pass) - len(names)
        names += [f"- and {more} more"] * (more > 0)
        return "\n".join(["These tests fail:", *names])

    def _hand_in(self) -> str:
        """Grade what has become of the files."""
        self.grade = self.job.grade(self.files_now(), self._given["tests_s"])
        return grade_text(self.grade)

    def facts(self) -> dict[str, Any]:
        """Return facts for `info`."""
        return {
            "instance": self.job.record.instance,
            "repository": self.job.record.repo,
            "changed": self.changed[:20],
            "tests": self._counts(),
            "grade": self.grade.to_dict(20) if self.grade else None,
        }

    def plan(self) -> list[Action] | None:
        """Return actions that win from here, `None` if edits alone cannot."""
        if self.grade:
            return []
        gold = self.job.gold()
        if gold is None:
            return None
        wrong = self._sources.intersection(self.changed) - gold.keys()
        wanted = {path: self.job.files[path].decode() for path in sorted(wrong)}
        return expert.plan(
            self._workspace, wanted | gold, seen=self._seen, tested=self._tested
        )


class _Nothing:
    """A repository without files: those of an image come as changes of it."""

    folder = None

    def copy_to(self, target: object) -> None:
        """Copy nothing."""


class _Runner:
    """Runs tests of a repair as `TestRunner` does, in the container of its job."""

    def __init__(self, repair: GymRepair) -> None:
        self._repair = repair

    def run(self, patterns: Iterable[str] = (), *, timeout_s: float) -> TestReport:
        """Run tests; the time that containers need is given by `tests_s`."""
        repair = self._repair
        pattern = next(iter(patterns), "")
        return repair.job.run(repair.files_now(), pattern, repair._given["tests_s"])
