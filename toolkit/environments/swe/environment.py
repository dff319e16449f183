"""Repairing real packages as an environment."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from toolkit.environments.arguments import (
    check_max_turns,
    check_names,
    kept_by_tasks,
)
from toolkit.environments.base import Params, Task, TextEnv
from toolkit.environments.commands import CommandRules
from toolkit.environments.splits import SPLIT_SEEDS, too_many
from toolkit.environments.surroundings import Surroundings
from toolkit.environments.swe.actions import ReplyRules, parse
from toolkit.environments.swe.bugs import Bug, load_bugs, read_bugs
from toolkit.environments.swe.mutations import DIFFICULTIES
from toolkit.environments.swe.observations import error_text
from toolkit.environments.swe.repair import Repair
from toolkit.errors import (
    ActionError,
    ConfigError,
    TaskError,
    UnknownEnvironmentError,
    near_matches,
)

MAX_TURNS = 25
"""Default turns of an episode; the paper compares 10, 25 and 40."""
_CHOICES: dict[str, tuple[Any, ...]] = {
    "reward": ("ratio", "binary"),
    "format": ("text", "json"),
    "difficulty": (None, *DIFFICULTIES),
    "trusted": (False, True),
}
_KEPT = ("bugs", "format", "max_chars", "max_turns", "reward", "trusted")
LEAST_CHARS = 1_000


class SweEnv(TextEnv):
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

    rules: ClassVar[CommandRules] = ReplyRules()
    refusal: ClassVar[str] = "Your reply is empty. Every reply is one action."

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
        self._given: dict[str, Any] = {"max_turns": max_turns, "reward": reward}
        self._given |= {"format": format, "difficulty": difficulty, "bugs": bugs}
        self._given |= {"max_chars": max_chars, "trusted": trusted}
        _check(self._given)
        _bugs_of(env_id, bugs)
        self.wants_progress = progress
        super().__init__(max_turns=max_turns, admissible=admissible, expert=expert)
        self._repair: Repair | None = None

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of a split."""
        check_names(cls, params)
        _check(params)
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

    def expert(self) -> list[str] | None:
        """Return actions that win from here, `None` if a file is gone."""
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
        """End all processes and remove all files."""
        if self._repair:
            self._repair.close()
            self._repair = None
        super().close()

    # ---- what the base class asks for ----------------------------------------------

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self.close()
        given: dict[str, Any] = {**self._given, **dict(task.params)}
        _check(given)
        bug = _bugs_of(task.env, given["bugs"]).get(task.seed)
        if bug is None:
            raise TaskError(
                f"There is no task {task.id}.",
                "The list of bugs has no such number.",
                f"Take one of tasks({task.env!r}, split=…).",
            )
        self._repair = Repair(bug, given)
        self.max_turns = given["max_turns"]
        return self._repair.task_text(), self._facts()

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        repair = self._running()
        try:
            text = repair.do(parse(command))
        except ActionError as error:
            return error_text(error), 0.0, False, self._facts(valid=False)
        over = repair.grade is not None
        return text, repair.score, over, self._facts()

    def _facts(self, *, valid: bool = True) -> dict[str, Any]:
        """Return `info` for the state reached."""
        repair = self._running()
        over = repair.grade is not None
        info: dict[str, Any] = {
            **repair.facts(),
            "won": repair.won,
            "lost": over and not repair.won,
            "score": repair.score,
            "max_score": 1.0,
            "valid_action": valid,
        }
        if self.wants_admissible:
            info["admissible_actions"] = repair.written(repair.choices())
        if self.wants_progress:
            info["progress"] = repair.progress()
        return info

    def _running(self) -> Repair:
        assert self._repair is not None
        return self._repair


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
    name, bugs = env.partition("/")[2], _numbered(path)
    names = ("all", *sorted({bug.repository for bug in bugs.values()}))
    if name not in names:
        raise UnknownEnvironmentError(
            f"There is no environment {env!r}.",
            f"There are bugs of {', '.join(names[1:])}.",
            near_matches(name, names),
        )
    return {k: b for k, b in bugs.items() if name in ("all", b.repository)}


def _check(given: Mapping[str, Any]) -> None:
    """Check arguments.

    Raises:
        ConfigError: If one is out of range.
    """
    check_max_turns(given.get("max_turns"))
    for name, choices in _CHOICES.items():
        if name in given and given[name] not in choices:
            raise ConfigError(
                f"{name} is {given[name]!r}.",
                f"It can be {', '.join(map(repr, choices))}.",
                "Choose one of these.",
            )
    chars = given.get("max_chars", LEAST_CHARS)
    if not isinstance(chars, int) or chars < LEAST_CHARS:
        raise ConfigError(
            f"max_chars is {chars!r}.",
            "An observation has to show some lines of a file.",
            f"Give a whole number of at least {LEAST_CHARS}.",
        )
