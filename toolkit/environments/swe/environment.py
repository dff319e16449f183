"""Repairing real packages as an environment."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from toolkit.environments.arguments import check_names, kept_by_tasks
from toolkit.environments.base import Params, Task
from toolkit.environments.splits import SPLIT_SEEDS, too_many
from toolkit.environments.swe.bugs import Bug, load_bugs, read_bugs
from toolkit.environments.swe.job import BugJob
from toolkit.environments.swe.lists import of_repository
from toolkit.environments.swe.mutations import DIFFICULTIES
from toolkit.environments.swe.repair_env import RepairEnv
from toolkit.errors import TaskError

MAX_TURNS = 25
"""Default turns of an episode; the paper compares 10, 25 and 40."""
_KEPT = ("bugs", "format", "max_chars", "max_turns", "reward", "trusted")


class SweEnv(RepairEnv):
    """A Python package with a bug: find it and repair it, with the package's own tests.

    The reward comes with `submit`, which ends the episode: what the repair is worth in
    a fresh copy of the repository with its published tests.

    Args:
        env_id: `swe/all`, or `swe/` and the name of one repository.
        max_turns: Turns of an episode; the paper compares 10, 25 and 40.
        reward: `ratio` pays the part of the failing tests that pass, times the part of
            the others that still do; `binary` pays 1 if all of them pass, else 0.
        format: Of the actions that are explained, `text` or `json`; both are read.
        difficulty: Of the bugs: 1 for a wrong token, 2 for a wrong statement, 3 for
            mistakes in two functions, or `None` for all.
        max_chars: Most characters of files or outputs in an observation.
        bugs: File with bugs of your own, instead of the shipped ones.
        trusted: Run even where no sandbox isolates the code.
        admissible: Put `admissible_actions`, some of the possible actions, into `info`.
        expert: Put `expert`, actions that win from here, into `info`.
        progress: Put `progress` into `info`: the part of four subgoals that is reached.

    Raises:
        UnknownEnvironmentError: If there are no bugs of such a repository.
        ConfigError: If an argument is out of range.
    """

    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **RepairEnv.allowed,
        "difficulty": (None, *DIFFICULTIES),
        "trusted": (False, True),
    }
    step_timeout_s = 90.0

    def __init__(
        self,
        env_id: str,
        *,
        max_turns: int = MAX_TURNS,
        reward: str = "ratio",
        format: str = "text",
        difficulty: int | None = None,
        max_chars: int = 4_000,
        bugs: str | None = None,
        trusted: bool = False,
        admissible: bool = False,
        expert: bool = False,
        progress: bool = False,
    ) -> None:
        given = {"max_turns": max_turns, "reward": reward, "format": format}
        given |= {"difficulty": difficulty, "max_chars": max_chars}
        given |= {"bugs": bugs, "trusted": trusted}
        super().__init__(given, admissible=admissible, expert=expert, progress=progress)
        _bugs_of(env_id, bugs)

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of a split."""
        check_names(cls, params)
        cls._check(params)
        kept, wanted = kept_by_tasks(params, _KEPT), params.get("difficulty")
        path = params.get("bugs")
        numbers = [
            number
            for number, bug in _bugs_of(env, str(path) if path else None).items()
            if number in SPLIT_SEEDS[split] and wanted in (None, bug.difficulty)
        ]
        if not numbers or len(numbers) < (n or 0):
            raise too_many(n or 1, split, len(numbers))
        return [Task(env=env, seed=k, split=split, params=kept) for k in numbers[:n]]

    def _job(self, task: Task, given: Mapping[str, Any]) -> BugJob:
        bug = _bugs_of(task.env, given["bugs"]).get(task.seed)
        if bug is None:
            raise TaskError(
                f"There is no task {task.id}.",
                "The list of bugs has no such number.",
                f"Take one of tasks({task.env!r}, split=…).",
            )
        return BugJob(bug, trusted=given["trusted"])


@functools.lru_cache(maxsize=4)
def _numbered(path: str | None) -> Mapping[int, Bug]:
    """Return all bugs by the seeds of their tasks."""
    found: dict[int, Bug] = {}
    bugs = read_bugs(Path(path)) if path else load_bugs()
    for split, seeds in SPLIT_SEEDS.items():
        own = [bug for bug in bugs if (bug.split or "train") == split]
        found |= dict(zip(seeds, own, strict=False))
    return found


def _bugs_of(env: str, path: str | None) -> dict[int, Bug]:
    """Return the bugs of an environment by the seeds of their tasks.

    Raises:
        UnknownEnvironmentError: If there are none of such a repository.
    """
    return of_repository(env, _numbered(path))
