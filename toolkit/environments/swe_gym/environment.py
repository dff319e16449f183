"""The real SWE-Gym as an environment: issues of real projects, in containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from toolkit.environments.arguments import check_names, kept_by_tasks
from toolkit.environments.base import Params, Task
from toolkit.environments.splits import too_many
from toolkit.environments.swe.repair_env import RepairEnv
from toolkit.environments.swe_gym.job import GymJob
from toolkit.environments.swe_gym.presets import (
    BOUNDS,
    LEVELS,
    draw,
    hash_of,
    preset_of,
    records_of,
)
from toolkit.errors import ConfigError, TaskError

MAX_TURNS = 40
"""Default turns of an episode: the most that the paper compares, and its best."""
_KEPT = ("format", "max_chars", "max_turns", "path", "reward", "tests_s")
_AROUND_S = 90.0
"""Seconds beside the tests that a step may take: containers begin and end."""
_IMAGE_S = 1800.0
"""Seconds that a reset may take, if an image has to come first."""


class SweGymEnv(RepairEnv):
    """An issue of a real project: find the mistake in its code and repair it.

    Actions and rewards are those of `SweEnv`. Files are looked at and edited in a copy;
    tests run in a container of the task's image, without a network; `submit` ends the
    episode and grades the changes in a fresh container with the hidden tests.

    Args:
        env_id: `swe-gym/` and one of `presets.PRESETS`.
        path: For `swe-gym/file` a .jsonl or .parquet file with rows of SWE-Gym,
            SWE-bench or SWE-smith.
        lines: Tasks with a gold patch of few or many lines: `easy` (to 8), `medium`
            (to 31) or `hard`.
        tests: Tasks with few or many tests that decide: `easy` (to 17), `medium` (to
            53) or `hard`.
        max_turns: Turns of an episode; the paper compares 10, 25 and 40.
        reward: `ratio` pays the part of the failing tests that pass, times the part of
            the others that still do; `binary` pays 1 if all of them pass, else 0.
        format: Of the actions that are explained, `text` or `json`; both are read.
        max_chars: Most characters of files or outputs in an observation.
        tests_s: Seconds for one run of tests.
        admissible: Put `admissible_actions`, some of the possible actions, into `info`.
        expert: Put `expert`, actions that win from here, into `info`; `None` where the
            gold patch removes files, or an edit is longer than a reply may be.
        progress: Put `progress` into `info`: the part of four subgoals that is reached.

    Raises:
        UnknownEnvironmentError: If there is no such preset.
        ConfigError: If an argument is out of range.
    """

    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **RepairEnv.allowed,
        **dict.fromkeys(BOUNDS, (None, *LEVELS)),
    }

    def __init__(
        self,
        env_id: str,
        *,
        path: str | None = None,
        lines: str | None = None,
        tests: str | None = None,
        max_turns: int = MAX_TURNS,
        reward: str = "ratio",
        format: str = "text",
        max_chars: int = 4_000,
        tests_s: float = 300.0,
        admissible: bool = False,
        expert: bool = False,
        progress: bool = False,
    ) -> None:
        preset_of(env_id)
        given = {"path": path, "lines": lines, "tests": tests, "tests_s": tests_s}
        given |= {"max_turns": max_turns, "reward": reward, "format": format}
        given |= {"max_chars": max_chars}
        super().__init__(given, admissible=admissible, expert=expert, progress=progress)
        self.step_timeout_s = tests_s + _AROUND_S
        self.reset_timeout_s = _IMAGE_S

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of a split; the data set is read here."""
        check_names(cls, params)
        cls._check(params)
        preset, path = preset_of(env), params.get("path")
        records = records_of(preset, None if path is None else str(path)).records
        found = draw(preset, records, split, params)
        if len(found) < (n or 0):
            raise too_many(n or 1, split, len(found))
        kept = dict(kept_by_tasks(params, _KEPT))
        return [
            Task(
                env=env,
                seed=hash_of(record.instance),
                split=split,
                params=tuple(sorted({**kept, "instance": record.instance}.items())),
            )
            for record in found[:n]
        ]

    @classmethod
    def _check(cls, given: Mapping[str, Any]) -> None:
        super()._check(given)
        seconds = given.get("tests_s", 1)
        is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
        if not is_number or seconds < 1:
            raise ConfigError(
                f"tests_s is {seconds!r}.",
                "It is the time for one run of tests, in seconds.",
                "Give a number of at least 1.",
            )

    def _job(self, task: Task, given: Mapping[str, Any]) -> GymJob:
        instance = given.get("instance")
        if instance is None:
            raise TaskError(
                f"{task.id} names no task of a data set.",
                "Tasks of SWE-Gym have a parameter `instance`.",
                f"Take one of tasks({task.env!r}, split=…).",
            )
        records = records_of(preset_of(task.env), given["path"])
        return GymJob(records.get(str(instance)), tests_s=given["tests_s"])
