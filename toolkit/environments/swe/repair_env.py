"""What environments of repairs share, wherever their tests run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from toolkit.environments.arguments import check_choices, check_max_turns
from toolkit.environments.base import Task, TextEnv
from toolkit.environments.commands import CommandRules
from toolkit.environments.surroundings import Surroundings
from toolkit.environments.swe.actions import LONGEST, ReplyRules, parse
from toolkit.environments.swe.job import Job
from toolkit.environments.swe.observations import error_text
from toolkit.environments.swe.repair import Repair
from toolkit.errors import ActionError, ConfigError

LEAST_CHARS = 1_000
"""The smallest `max_chars`."""


class RepairEnv(TextEnv):
    """Code with a mistake: find it, repair it and hand it in.

    The reward comes with `submit`, which ends the episode. Subclasses implement
    `tasks` and `_job`, and may add to `_check`.

    Args:
        given: Arguments that tasks may override; `max_turns`, `reward`, `format` and
            `max_chars` have to be there.
        admissible: Put `admissible_actions`, some of the possible actions, into `info`.
        expert: Put `expert`, actions that win from here, into `info`.
        progress: Put `progress` into `info`: the part of four subgoals that is reached.

    Raises:
        ConfigError: If an argument is out of range.
    """

    rules: ClassVar[CommandRules] = ReplyRules()
    refusal: ClassVar[str] = "Your reply is empty. Every reply is one action."
    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "reward": ("ratio", "binary"),
        "format": ("text", "json"),
    }
    """The values of arguments that have few."""

    def __init__(
        self,
        given: Mapping[str, Any],
        *,
        admissible: bool,
        expert: bool,
        progress: bool,
    ) -> None:
        self._check(given)
        self._given = given
        self.wants_progress = progress
        turns = given["max_turns"]
        super().__init__(max_turns=turns, admissible=admissible, expert=expert)
        self._repair: Repair | None = None

    @abstractmethod
    def _job(self, task: Task, given: Mapping[str, Any]) -> Job:
        """Return what a task is about, with the arguments that hold for it."""

    @classmethod
    def _check(cls, given: Mapping[str, Any]) -> None:
        """Check arguments, some of which may be left out.

        Raises:
            ConfigError: If one is out of range.
        """
        check_max_turns(given.get("max_turns"))
        check_choices(given, cls.allowed)
        chars = given.get("max_chars", LEAST_CHARS)
        if not isinstance(chars, int) or chars < LEAST_CHARS:
            raise ConfigError(
                f"max_chars is {chars!r}.",
                "An observation has to show some lines of a file.",
                f"Give a whole number of at least {LEAST_CHARS}.",
            )

    def expert(self) -> list[str] | None:
        """Return actions that win from here, `None` if edits that fit cannot."""
        repair = self._running()
        plan = repair.plan()
        written = repair.written(plan or ())
        fits = all(len(action) <= LONGEST for action in written)
        return None if plan is None or not fits else written

    def surroundings(self) -> Surroundings | None:
        """Return what was changed, which tests failed last, and what one works on."""
        repair = self._running()
        failed = sorted(repair.report.failed) if repair.report else ()
        lists = {"Changed": tuple(repair.changed), "Tests that failed": tuple(failed)}
        return Surroundings(lists=lists, desk=repair.desk())

    def close(self) -> None:
        """End whatever runs tests and remove all files."""
        if self._repair:
            self._repair.close()
            self._repair = None
        super().close()

    # ---- what the base class asks for ----------------------------------------------

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self.close()
        given = {**self._given, **dict(task.params)}
        self._check(given)
        self._repair = Repair(self._job(task, given), given)
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

    def _running(self) -> Repair:
        assert self._repair is not None
        return self._repair
