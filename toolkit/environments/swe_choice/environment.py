"""Repairs that are a choice as an environment, for models that cannot read code."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from toolkit.environments.arguments import (
    check_choices,
    check_goal,
    check_max_turns,
    check_names,
    kept_by_tasks,
)
from toolkit.environments.base import Params, Task, TextEnv
from toolkit.environments.commands import CommandRules
from toolkit.environments.splits import SPLIT_SEEDS, too_many
from toolkit.environments.surroundings import Surroundings
from toolkit.environments.swe.lists import of_repository
from toolkit.environments.swe_choice.choices import Choice, Pick, load_choices
from toolkit.errors import (
    TaskError,
)

MAX_TURNS = 8
"""Default turns of an episode: three choices with a test each, a last one, and the
end. Tasks have up to eight choices."""
_KEPT = ("goal", "max_turns", "reward")
_SET = re.compile(r"set (\d+) (\S.*)")
_TRY = re.compile(r"try (\d+)")
_RULES = (
    'Type "set 1 {token}" to put a token at a place, which takes the last set back; '
    '"test" to run the tests; "submit" to end. You have {turns} turns.'
)


class SweChoiceEnv(TextEnv):
    """A function of a real package in which one of a few marked tokens is wrong.

    The reward comes with `submit`, which ends the episode. What tests say was measured
    by running them, once for every choice; an episode runs nothing.

    Args:
        env_id: `swe-choice/all`, or `swe-choice/` and the name of one repository.
        max_turns: Turns of an episode.
        goal: `full` shows the function and explains how to play; `brief` lists
            what can be tried, and shows nothing of the code.
        reward: `ratio` pays the part of the failing tests that pass, times the part of
            the others that still do; `binary` pays 1 if all of them pass, else 0.
        admissible: Put `admissible_actions` into `info`.
        expert: Put `expert`, actions that win from here, into `info`.
        progress: Put `progress` into `info`: what `ratio` would pay now.

    Raises:
        UnknownEnvironmentError: If there are no tasks of such a repository.
        ConfigError: If an argument is out of range.
    """

    rules: ClassVar[CommandRules] = CommandRules(separator=r"[;]|\bthen\b")
    refusal: ClassVar[str] = "Type set, try, test or submit."

    def __init__(
        self,
        env_id: str,
        *,
        max_turns: int = MAX_TURNS,
        goal: str = "full",
        reward: str = "ratio",
        admissible: bool = False,
        expert: bool = False,
        progress: bool = False,
    ) -> None:
        self._given = {"max_turns": max_turns, "goal": goal, "reward": reward}
        _check(self._given)
        _choices_of(env_id)
        self.wants_progress = progress
        super().__init__(max_turns=max_turns, admissible=admissible, expert=expert)
        self._choice: Choice
        self._pick: Pick
        self._tested: dict[Pick, str] = {}
        self._reward, self._ended, self._score = "", True, 0.0

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of a split."""
        check_names(cls, params)
        _check(params)
        kept = kept_by_tasks(params, _KEPT)
        numbers = [k for k in _choices_of(env) if k in SPLIT_SEEDS[split]]
        if not numbers or len(numbers) < (n or 0):
            raise too_many(n or 1, split, len(numbers))
        return [Task(env=env, seed=k, split=split, params=kept) for k in numbers[:n]]

    def expert(self) -> list[str] | None:
        """Return actions that win from here."""
        if self._ended:
            return []
        if self._worth(self._pick) == 1:
            return ["submit"] if self._pick in self._tested else ["test", "submit"]
        place, token = self._choice.solution
        return [f"set {place + 1} {token}", "test", "submit"]

    def surroundings(self) -> Surroundings | None:
        """Return what stands at each place, and what was tested."""
        tokens = self._choice.tokens(self._pick)
        tested = [
            f"{self._change(pick)}: {told}" for pick, told in self._tested.items()
        ]
        lists = {"Places": tuple(tokens), "Tested": tuple(tested)}
        return Surroundings(lists=lists)

    # ---- what the base class asks for ----------------------------------------------

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        given: dict[str, Any] = {**self._given, **dict(task.params)}
        _check(given)
        choice = _choices_of(task.env).get(task.seed)
        if choice is None:
            raise TaskError(
                f"There is no task {task.id}.",
                "The list of tasks has no such number.",
                f"Take one of tasks({task.env!r}, split=…).",
            )
        self._choice, self._pick, self._tested = choice, choice.bug, {}
        self._reward, self._ended, self._score = given["reward"], False, 0.0
        brief = given["goal"] == "brief"
        text = _brief(choice) if brief else _full(choice, given["max_turns"])
        return text, self._facts()

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        command = " ".join(command.lower().split())
        if command == "submit":
            return self._submit()
        if command == "test":
            told = self._tested[self._pick] = said_by_tests(self._choice, self._pick)
            return told, 0.0, False, self._facts()
        pick = self._read(command)
        if pick is None:
            return self._help(command), 0.0, False, self._facts(valid=False)
        self._pick = pick
        told = "As it was." if pick == self._choice.bug else f"{self._change(pick)}."
        return told, 0.0, False, self._facts()

    def _submit(self) -> tuple[str, float, bool, dict[str, Any]]:
        """End the episode, and pay."""
        self._ended, worth = True, self._worth(self._pick)
        self._score = worth if self._reward == "ratio" else float(worth == 1)
        told = said_by_tests(self._choice, self._pick)
        return told, self._score, True, self._facts()

    def _read(self, command: str) -> Pick | None:
        """Return the choice that a command makes, if it makes one."""
        tried = _TRY.fullmatch(command)
        if tried and 1 <= int(tried[1]) <= len(self._choice.choices):
            return self._choice.choices[int(tried[1]) - 1]
        found = _SET.fullmatch(command)
        if not found or not 1 <= int(found[1]) <= len(self._choice.places):
            return None
        place = int(found[1]) - 1
        known = {token.lower(): token for token in self._choice.places[place].tokens}
        if found[2] not in known:
            return None
        token = known[found[2]]
        return (
            self._choice.bug if token == self._choice.token(place) else (place, token)
        )

    def _help(self, command: str) -> str:
        """Tell why a command was not understood."""
        if not command.startswith(("set ", "try ")):
            return self.refusal
        return "That is not on the list."

    def _change(self, pick: Pick) -> str:
        """Return a choice in words."""
        return f"Place {pick[0] + 1} is {pick[1]}"

    def _worth(self, pick: Pick) -> float:
        repaired, kept = self._choice.worth(pick)
        return repaired * kept

    def _facts(self, *, valid: bool = True) -> dict[str, Any]:
        """Return `info` for the state reached."""
        won = self._ended and self._worth(self._pick) == 1
        info: dict[str, Any] = {
            "won": won,
            "lost": self._ended and not won,
            "score": self._score,
            "max_score": 1.0,
            "valid_action": valid,
            "tested": len(self._tested),
        }
        if self.wants_admissible:
            info["admissible_actions"] = [] if self._ended else self._possible()
        if self.wants_progress:
            info["progress"] = self._worth(self._pick)
        return info

    def _possible(self) -> list[str]:
        """Return what can be done; each `try` is a `set`."""
        tries = [f"try {k + 1}" for k in range(len(self._choice.choices))]
        return ["test", "submit", *tries]


def said_by_tests(choice: Choice, pick: Pick) -> str:
    """Return what the tests say about a choice.

    The names of tests are left out: they would tell a person where to look, and
    nothing to the models that this world is for.
    """
    failing = choice.failing[pick]
    if not failing:
        return f"All {len(choice.tests)} tests pass."
    return f"{len(failing)} of {len(choice.tests)} tests fail."


def _brief(choice: Choice) -> str:
    """Return what can be tried, and nothing of the code."""
    tries = (f"{k}: {i + 1} {t}" for k, (i, t) in enumerate(choice.choices, start=1))
    return "\n".join([said_by_tests(choice, choice.bug), *tries])


def _full(choice: Choice, turns: int) -> str:
    """Return the function with marks, and how to play."""
    marks = [f"<{i + 1}:{{}}>" for i in range(len(choice.places))]
    example = sorted(token for place, token in choice.choices if not place)[0]
    parts = (
        f"One marked token of {choice.function} in {choice.repository} is wrong. "
        + said_by_tests(choice, choice.bug),
        choice.excerpt(marks),
        _listed(choice),
        _RULES.format(token=example, turns=turns),
    )
    return "\n\n".join(parts)


def _listed(choice: Choice) -> str:
    """Return the tokens of each place: what is there, and what may be put there."""
    rows = []
    for i, place in enumerate(choice.places):
        now = choice.token(i)
        others = sorted(token for token in place.tokens if token != now)
        rows.append(f"{i + 1}: {', '.join([now, *others])}")
    return "\n".join(rows)


@functools.cache
def _numbered() -> Mapping[int, Choice]:
    """Return all tasks by their seeds; those of a split are mixed."""
    found: dict[int, Choice] = {}
    for split, seeds in SPLIT_SEEDS.items():
        own = [choice for choice in load_choices() if choice.split == split]
        own.sort(key=_mixed)
        found |= dict(zip(seeds, own, strict=False))
    return found


def _mixed(choice: Choice) -> bytes:
    """Return what puts tasks into an order without order, the same everywhere."""
    text = f"{choice.repository} {choice.file} {choice.function} {choice.bug}"
    return hashlib.blake2b(text.encode()).digest()


def _choices_of(env: str) -> dict[int, Choice]:
    """Return the tasks of an environment by their seeds.

    Raises:
        UnknownEnvironmentError: If there are none of such a repository.
    """
    return of_repository(env, _numbered())


def _check(given: Mapping[str, Any]) -> None:
    """Check arguments.

    Raises:
        ConfigError: If one is out of range.
    """
    check_max_turns(given.get("max_turns"))
    check_goal(given.get("goal", "full"))
    check_choices(given, {"reward": ("ratio", "binary")})
