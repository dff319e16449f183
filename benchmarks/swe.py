"""Valid bugs a minute: the toolkit's workbench, or pytest started for each try.

Same places, in the same order, judged by the same rules, and so the same bugs. The
other side is what one would write first: `python -m pytest` in a process of its own for
every mistake that is tried, all tests each time, and not even a sandbox around it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

from benchmarks.measure import Facts, race
from toolkit.environments.swe.bugs import Bug
from toolkit.environments.swe.mutations import ONE_STATEMENT, ONE_TOKEN, Mutation
from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.runner import TestReport
from toolkit.environments.swe.workbench import HANGING_S, Workbench, make_bugs

GOAL = 2.0
A_MINUTE = 30.0
PASSED = "PASSED "


class PlainWorkbench(Workbench):
    """Judges mistakes by running pytest as from a shell."""

    def reaching(self, mutation: Mutation) -> frozenset[str]:
        """Return all tests."""
        return self.tests

    def _run(self, tests: Iterable[str], *, tracebacks: bool) -> TestReport:
        repository = self.repository
        folders = [str(self._folder / folder) for folder in repository.path]
        folders += map(str, repository.import_folders)
        env = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no"]
        command += ["-c", os.devnull, "--rootdir=.", "-p", "no:cacheprovider"]
        for name in repository.left_out:
            command += [
                f"--deselect={name}",
                *([] if "::" in name else [f"--ignore={name}"]),
            ]
        start = time.monotonic()
        done = subprocess.run(
            [*command, *repository.tests],
            cwd=self._folder,
            env={**os.environ, **env, "PYTHONPATH": os.pathsep.join(folders)},
            capture_output=True,
            text=True,
            timeout=HANGING_S,
            check=False,
        )
        lines = done.stdout.splitlines()
        passed = [x.removeprefix(PASSED) for x in lines if x.startswith(PASSED)]
        seconds = time.monotonic() - start
        broken = "" if done.returncode in (0, 1) else f"status {done.returncode}"
        return TestReport(passed=frozenset(passed), broken=broken, seconds=seconds)


def run(name: str, *, bugs: int, repeats: int) -> dict[str, Any]:
    """Race both sides; return the result as data.

    Args:
        name: Of the repository.
        bugs: Valid bugs to be found.
        repeats: Measurements of each side.
    """
    repository = get_repository(name)
    found: dict[str, list[Bug]] = {}

    def make(side: str, bench: Workbench) -> Facts:
        found[side] = make_bugs(bench, bugs, difficulties=(ONE_TOKEN, ONE_STATEMENT))
        return {"bugs": bugs}

    with Workbench(repository) as ours, PlainWorkbench(repository) as plain:
        benches = {"toolkit": ours, "pytest": plain}
        sides = {side: partial(make, side, bench) for side, bench in benches.items()}
        result = race(sides, unit="bugs", repeats=repeats, warm_up=False)
        level = ours.level.label
    rates = [60 * bugs / seconds for seconds in result["sides"]["toolkit"]["wall_s"]]
    ours_found, theirs = found.values()
    same = sum(
        a.mutations == b.mutations for a, b in zip(ours_found, theirs, strict=True)
    )
    return {
        **result,
        "goal": GOAL,
        "goal_a_minute": A_MINUTE,
        "a_minute": rates,
        "level": level,
        "tests": len(ours.tests),
        "bugs": bugs,
        "same_bugs": same,
    }
