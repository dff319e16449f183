"""Countdown: make a target out of numbers, in one reply or in many.

The game of TinyZero (https://github.com/Jiayi-Pan/TinyZero) with its rewards of 0, 0.1
and 1, and the same games with a calculator: over several turns a player may check
expressions before answering. `docs/environments/countdown.md` describes it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from toolkit.environments.arguments import (
    check_goal,
    check_max_turns,
    check_names,
    kept_by_tasks,
)
from toolkit.environments.arithmetic import as_text, evaluate
from toolkit.environments.base import Params, Task, TextEnv
from toolkit.environments.commands import CommandRules
from toolkit.environments.countdown_games import (
    CountdownGame,
    guesses,
    make_game,
    parse_level,
)
from toolkit.environments.splits import seeded_tasks
from toolkit.environments.surroundings import Surroundings
from toolkit.errors import ConfigError, ExpressionError

TURNS_PER_NUMBER = 2
"""Default `max_turns` for each number of a game of many turns."""
FORMAT_REWARD = 0.1
"""Paid for an answer that is wrong; without any answer there is nothing."""

_RULES = "Use + - * / and parentheses, and every number exactly once."
_HOW_TO_REPLY = (
    "Think first if you like. The last line of your reply must hold your answer in "
    "tags, such as <answer>(1 + 2) * 3</answer>."
)
_HOW_TO_PLAY = (
    'Type "check (1 + 2) * 3" to see the value of an expression, and '
    '"answer (1 + 2) * 3" to give your only answer. You have {turns} turns.'
)
_COMMAND = re.compile(r"(check|answer)\b(.*)", re.IGNORECASE)


class _OneCommand(CommandRules):
    """A sentence ends a command, a decimal point does not."""

    def clean(self, action: str) -> str:
        r"""Return the command; what is not ASCII becomes `?`, so it changes no number.

        >>> rules = _OneCommand(separator=r";|[.](?=\s|$)|\bthen\b")
        >>> rules.clean("check 3² + 1.5. answer 9")
        'check 3? + 1.5'
        """
        return super().clean(action.encode("ascii", "replace").decode())


class _WholeReply(CommandRules):
    """The end of a reply counts, so all of it reaches the game."""

    def clean(self, action: str) -> str:
        """Return the last 10,000 characters as they are."""
        return action[-10_000:]


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """What the game makes of an expression."""

    value: Fraction | None
    """Its exact value, `None` if it has none."""
    uses_all: bool
    """Whether it uses every number exactly once, and no other."""
    remark: str
    """What the player is told of it."""


class CountdownEnv(TextEnv):
    """A Countdown game: numbers and a target, one command a turn or one reply.

    `check EXPRESSION` tells the value of any expression and how far it is from the
    target; `answer EXPRESSION` ends the game. With `-single` behind the id the first
    reply ends it, and its last line must hold `<answer>EXPRESSION</answer>`. The
    reward is 1 for an answer that makes the target of every number exactly once,
    `FORMAT_REWARD` for any other answer, and 0 for everything else.

    Args:
        env_id: `countdown/nNUMBERS-LEVEL` with 2 to 6 numbers and the level `easy`,
            `medium` or `hard`; with `-single` behind it a game of one reply.
        max_turns: Turns of an episode. By default two for each number; a game of one
            reply has one.
        goal: `full` explains how to play; `brief` names numbers and target alone.
        admissible: Put `admissible_actions` into `info`: up to ten expressions that
            use every number once, drawn at random and seldom right, as commands.
        expert: Put `expert`, commands that win from here, into `info`.
        progress: Put `progress` into `info`: 1 when won, else half of `1 / (1 + d)`
            for the smallest distance `d` of what was checked and uses every number.

    Raises:
        UnknownEnvironmentError: If no game has this id.
        ConfigError: If an argument is out of range.
    """

    refusal: ClassVar[str] = 'Type "check" or "answer" and an expression behind it.'

    def __init__(
        self,
        env_id: str,
        *,
        max_turns: int | None = None,
        goal: str = "full",
        admissible: bool = False,
        expert: bool = False,
        progress: bool = False,
    ) -> None:
        self._level = parse_level(env_id)
        _check(env_id, goal, max_turns)
        self._given = {"goal": goal, "max_turns": max_turns}
        self.wants_progress = progress
        turns = max_turns or default_max_turns(env_id)
        super().__init__(max_turns=turns, admissible=admissible, expert=expert)
        self._game: CountdownGame
        self._checked: list[tuple[str, Fraction]] = []
        self._nearest: Fraction | None = None
        self._ended = True

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of a split; no game is made here."""
        check_names(cls, params)
        _check(env, params.get("goal", "full"), params.get("max_turns"))
        return seeded_tasks(env, split, n, kept_by_tasks(params, ("goal", "max_turns")))

    def expert(self) -> list[str] | None:
        """Return the answer, for nothing that was checked changes it."""
        return [] if self._ended else [self._as_answer(self._game.solution)]

    def surroundings(self) -> Surroundings | None:
        """Return the numbers, the target and what was checked."""
        checked = tuple(f"{text} = {as_text(value)}" for text, value in self._checked)
        return Surroundings(
            lists={
                "Target": (str(self._game.target),),
                "Numbers": tuple(map(str, self._game.numbers)),
                "Checked": checked,
            }
        )

    # ---- what the base class asks for ----------------------------------------------

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        given: dict[str, Any] = {**self._given, **dict(task.params)}
        _check(task.env, given["goal"], given["max_turns"])
        self._level = parse_level(task.env)
        self.rules = _SINGLE if self._level.single else _MANY  # type: ignore[misc]
        self._game = make_game(self._level, task.seed)
        self.max_turns = given["max_turns"] or default_max_turns(task.env)
        self._checked, self._nearest, self._ended = [], None, False
        return self._objective(given["goal"]), self._facts()

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        if self._level.single:
            answer = tagged_answer(command)
            if answer is None:
                return self._end("The last line holds no <answer>.", 0.0, None)
            return self._answer(answer)
        found = _COMMAND.match(command)
        if not found:
            return self.refusal, 0.0, False, self._facts(valid=False)
        verb, expression = found[1].lower(), found[2].strip(" :")
        return self._answer(expression) if verb == "answer" else self._look(expression)

    def _look(self, expression: str) -> tuple[str, float, bool, dict[str, Any]]:
        """Tell what an expression comes to."""
        attempt = judge(self._game, expression)
        if attempt.value is not None:
            self._checked.append((expression, attempt.value))
        if attempt.value is not None and attempt.uses_all:
            distance = abs(attempt.value - self._game.target)
            if self._nearest is None or distance < self._nearest:
                self._nearest = distance
        return attempt.remark, 0.0, False, self._facts(attempt)

    def _answer(self, expression: str) -> tuple[str, float, bool, dict[str, Any]]:
        """End the game with an answer."""
        attempt = judge(self._game, expression)
        won = attempt.uses_all and attempt.value == self._game.target
        reward = 1.0 if won else FORMAT_REWARD
        return self._end(attempt.remark, reward, attempt)

    def _end(
        self, remark: str, reward: float, attempt: Attempt | None
    ) -> tuple[str, float, bool, dict[str, Any]]:
        """End the game."""
        self._ended = True
        info = self._facts(attempt, reward=reward, valid=attempt is not None)
        text = "You have won." if info["won"] else "The game is lost."
        return f"{remark} {text}", reward, True, info

    def _facts(
        self, attempt: Attempt | None = None, *, reward: float = 0.0, valid: bool = True
    ) -> dict[str, Any]:
        """Return `info` for the state reached."""
        value = attempt.value if attempt else None
        distance = None if value is None else float(abs(value - self._game.target))
        won = reward == 1.0
        info: dict[str, Any] = {
            "won": won,
            "lost": self._ended and not won,
            "score": reward,
            "max_score": 1.0,
            "valid_action": valid and (attempt is None or value is not None),
            "distance": distance,
        }
        if self.wants_admissible:
            info["admissible_actions"] = [] if self._ended else self._admissible()
        if self.wants_progress:
            info["progress"] = float(won) if self._ended else self._progress()
        return info

    def _progress(self) -> float:
        """Return how near the checks have come, at most a half."""
        return 0.0 if self._nearest is None else float(1 / (2 * (1 + self._nearest)))

    def _admissible(self) -> list[str]:
        """Return some commands that the game understands."""
        expressions = guesses(self._game)
        checks = [] if self._level.single else [f"check {e}" for e in expressions]
        return checks + [self._as_answer(e) for e in expressions]

    def _as_answer(self, expression: str) -> str:
        """Return the command that gives an answer."""
        single = self._level.single
        return f"<answer>{expression}</answer>" if single else f"answer {expression}"

    def _objective(self, goal: str) -> str:
        """Return the first observation."""
        *numbers, last = map(str, self._game.numbers)
        task = f"Make {self._game.target} from {', '.join(numbers)} and {last}."
        if goal == "brief":
            return task
        turns = _HOW_TO_PLAY.format(turns=self.max_turns)
        return f"{task} {_RULES} {_HOW_TO_REPLY if self._level.single else turns}"


_MANY = _OneCommand(max_chars=1_000, separator=r";|[.](?=\s|$)|\bthen\b")
_SINGLE = _WholeReply()


def default_max_turns(env_id: str) -> int:
    """Return the turns of an episode when no number is given."""
    level = parse_level(env_id)
    return 1 if level.single else TURNS_PER_NUMBER * level.count


def tagged_answer(reply: str) -> str | None:
    r"""Return the last answer in tags on the last line of a reply, if there is one.

    >>> tagged_answer("Let me think.\n<answer>1 + 2</answer>")
    '1 + 2'
    >>> tagged_answer("<answer>1 + 2</answer>\nThat was easy.") is None
    True
    """
    last_line = reply.rpartition("\n")[2]
    closed = last_line.split("</answer>")[:-1]  # linear, unlike a pattern
    found = [text.partition("<answer>")[2] for text in closed if "<answer>" in text]
    return found[-1].strip() if found else None


def judge(game: CountdownGame, expression: str) -> Attempt:
    """Return what an expression is worth in a game, and what to tell the player.

    TinyZero's rules, with two differences: values are exact, so none counts because it
    is within 1e-5; and `**`, `//` and decimal points are refused.
    """
    try:
        found = evaluate(expression)
    except ExpressionError as error:
        return Attempt(value=None, uses_all=False, remark=f"{error.what} {error.why}")
    used, given = Counter(found.numbers), Counter(game.numbers)
    difference = found.value - game.target
    where = f"{as_text(abs(difference))} {'above' if difference > 0 else 'below'} "
    remark = f"= {as_text(found.value)}, {where if difference else ''}the target."
    for name, numbers in (("Unused", given - used), ("Not available", used - given)):
        if numbers:
            remark += f" {name}: {', '.join(map(str, numbers.elements()))}."
    return Attempt(value=found.value, uses_all=used == given, remark=remark)


def _check(env_id: str, goal: Any, max_turns: Any) -> None:
    """Check the arguments that shape a game."""
    check_goal(goal)
    check_max_turns(max_turns)
    if parse_level(env_id).single and (max_turns or 1) > 1:
        raise ConfigError(
            f"max_turns is {max_turns}, and {env_id} is a game of one reply.",
            "Its first reply ends it.",
            f"Leave max_turns out, or use {env_id.removesuffix('-single')}.",
        )
