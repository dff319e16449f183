"""The real SWE-Gym as an environment: issues of real projects, in containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from toolkit.environments.arguments import check_max_turns, check_names, kept_by_tasks
from toolkit.environments.base import Params, Task, TextEnv
from toolkit.environments.commands import CommandRules
from toolkit.environments.splits import too_many
from toolkit.environments.surroundings import Surroundings
from toolkit.environments.swe.actions import ReplyRules, parse
from toolkit.environments.swe.observations import error_text
from toolkit.environments.swe_gym.job import GymJob
from toolkit.environments.swe_gym.presets import (
    check_levels,
    draw,
    hash_of,
    preset_of,
    records_of,
)
from toolkit.environments.swe_gym.repair import GymRepair
from toolkit.errors import ActionError, ConfigError, TaskError, near_matches

MAX_TURNS = 40
"""Default turns of an episode: the most that the paper compares, and its best."""
_CHOICES = {"reward": ("ratio", "binary"), "format": ("text", "json")}
_KEPT = ("format", "max_chars", "max_turns", "path", "reward", "tests_s")
_LEAST_CHARS = 1_000
_AROUND_S = 90.0
"""Seconds beside the tests that a step may take: containers begin and end."""
_IMAGE_S = 1800.0
"""Seconds that a reset may take, if an image has to come first."""


class SweGymEnv(TextEnv):
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
            gold patch makes or removes files.
        progress: Put `progress` into `info`: the part of four subgoals that is reached.

    Raises:
        UnknownEnvironmentError: If there is no such preset.
        ConfigError: If an argument is out of range.
    """

    rules: ClassVar[CommandRules] = ReplyRules()
    refusal: ClassVar[str] = "Your reply is empty. Every reply is one action."

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
        self._given: dict[str, Any] = {"path": path, "max_turns": max_turns}
        self._given |= {"reward": reward, "format": format, "max_chars": max_chars}
        self._given |= {"tests_s": tests_s}
        _check({**self._given, "lines": lines, "tests": tests})
        self.wants_progress = progress
        self.step_timeout_s = tests_s + _AROUND_S
        self.reset_timeout_s = _IMAGE_S
        super().__init__(max_turns=max_turns, admissible=admissible, expert=expert)
        self._repair: GymRepair | None = None

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of a split; the data set is read here."""
        check_names(cls, params)
        _check(params)
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

    def expert(self) -> list[str] | None:
        """Return actions that win from here, `None` if edits alone cannot."""
        repair = self._running()
        plan = repair.plan()
        return None if plan is None else repair.written(plan)

    def surroundings(self) -> Surroundings | None:
        """Return what was changed, and which tests failed last."""
        repair = self._running()
        failed = sorted(repair.report.failed) if repair.report else ()
        lists = {"Changed": tuple(repair.changed), "Tests that failed": tuple(failed)}
        return Surroundings(lists=lists)

    def close(self) -> None:
        """Remove containers and files."""
        if self._repair:
            self._repair.close()
            self._repair = None
        super().close()

    # ---- what the base class asks for ----------------------------------------------

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self.close()
        params = dict(task.params)
        instance = params.pop("instance", None)
        given: dict[str, Any] = {**self._given, **params}
        _check(given)
        if instance is None:
            raise TaskError(
                f"{task.id} names no task of a data set.",
                "Tasks of SWE-Gym have a parameter `instance`.",
                f"Take one of tasks({task.env!r}, split=…).",
            )
        records = records_of(preset_of(task.env), given["path"])
        job = GymJob(records.get(str(instance)))
        try:
            self._repair = GymRepair(job, given)
        except BaseException:
            job.close()
            raise
        self.max_turns = given["max_turns"]
        return self._repair.task_text(), self._facts()

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        repair = self._running()
        try:
            text = repair.do(parse(command))
        except ActionError as error:
            return error_text(error), 0.0, False, self._facts(valid=False)
        return text, repair.score, repair.grade is not None, self._facts()

    def _facts(self, *, valid: bool = True) -> dict[str, Any]:
        """Return `info` for the state reached."""
        repair = self._running()
        info: dict[str, Any] = {
            **repair.facts(),
            "won": repair.won,
            "lost": repair.grade is not None and not repair.won,
            "score": repair.score,
            "max_score": 1.0,
            "valid_action": valid,
        }
        if self.wants_admissible:
            info["admissible_actions"] = repair.written(repair.choices())
        if self.wants_progress:
            info["progress"] = repair.progress()
        return info

    def _running(self) -> GymRepair:
        assert self._repair is not None
        return self._repair


def _check(given: Mapping[str, Any]) -> None:
    """Check arguments.

    Raises:
        ConfigError: If one is out of range.
    """
    check_max_turns(given.get("max_turns"))
    check_levels(given)
    for name, choices in _CHOICES.items():
        if name in given and given[name] not in choices:
            raise ConfigError(
                f"{name} is {given[name]!r}.",
                f"It can be {', '.join(choices)}.",
                near_matches(str(given[name]), choices),
            )
    for name, least in (("max_chars", _LEAST_CHARS), ("tests_s", 1)):
        value = given.get(name, least)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ConfigError(f"{name} is {value!r}.", "It has to be a number.")
        if value < least:
            raise ConfigError(
                f"{name} is {value!r}.", f"It has to be at least {least}."
            )
