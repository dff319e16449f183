"""The data sets of reasoning-gym: one question, one reply, scored by the data set.

`docs/environments/reasoning-gym.md` describes them. Some scorers of reasoning-gym
evaluate an answer as Python code; here such an answer reaches them only if it is plain
arithmetic, see `is_plain`.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import math
from typing import Any, ClassVar

from toolkit.environments.adapted import AdaptedEnv, Chance
from toolkit.environments.arguments import GOALS, check_max_turns
from toolkit.environments.base import Task
from toolkit.errors import (
    ConfigError,
    MissingExtraError,
    UnknownEnvironmentError,
    near_matches,
)

EVALUATED = (
    "countdown",
    "intermediate_integration",
    "n_queens",
    "polynomial_multiplication",
    "puzzle24",
    "simple_integration",
)
"""Data sets whose scorers call `eval` on the answer, some by way of sympy."""
MOST_CHARS, LARGEST_POWER = 1_000, 100
"""Limits of an answer that is evaluated."""
_FUNCTIONS = ("exp", "log", "sin", "cos", "tan", "sqrt", "Abs", "abs")
_NODES = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Load, ast.List, ast.Tuple),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow),
    *(ast.UnaryOp, ast.UAdd, ast.USub),
)
_GROWING = (ast.Mult, ast.Add, ast.Sub, ast.Call)
"""What may make an exponent larger than the numbers in it."""
_HOW_TO_REPLY = (
    "Think first if you like. Your reply must end with your answer in tags: "
    "<answer>your answer</answer>"
)


class ReasoningGymEnv(AdaptedEnv):
    """A question of reasoning-gym, answered in one reply.

    The last `<answer>…</answer>` of the reply is scored by the data set, from 0 to 1;
    the score is the reward, and 1 is a win.

    Args:
        env_id: `reasoning-gym/DATASET`, such as `reasoning-gym/chain_sum`.
        settings: Settings of the data set, such as `min_terms=2, max_terms=3`.
        max_turns: 1, for there is one reply.
        goal: `full` explains how to reply; `brief` asks the question alone.
        admissible: There is no list of what can be said.
        expert: Put `expert`, a reply with the right answer, into `info`; `None` where
            the data set knows none.

    Raises:
        UnknownEnvironmentError: If there is no such data set.
        ConfigError: If an argument or a setting of the data set is out of range.
        MissingExtraError: If reasoning-gym is not installed.
    """

    refusal: ClassVar[str] = "That is no reply."
    kept: ClassVar[tuple[str, ...]] = ("settings", "goal")

    def __init__(
        self,
        env_id: str,
        *,
        settings: str = "",
        max_turns: int | None = None,
        goal: str = "full",
        admissible: bool = False,
        expert: bool = False,
    ) -> None:
        _data_set(env_id, settings, seed=1)  # says now what is wrong with them
        check_max_turns(max_turns)
        if (max_turns or 1) > 1 or goal not in GOALS:
            raise ConfigError(
                f"max_turns is {max_turns!r} and goal is {goal!r}.",
                f"There is one reply, and the goals are {' and '.join(GOALS)}.",
                "Leave out max_turns, and give one of the goals.",
            )
        self._given = {"settings": settings, "goal": goal}
        super().__init__(max_turns=1, admissible=admissible, expert=expert)
        self._data: Any = None
        self._entry: dict[str, Any] = {}
        self._ended = True

    def expert(self) -> list[str] | None:
        """Return a reply with the right answer, if the data set knows it."""
        answer = self._entry.get("answer")
        if self._ended:
            return []
        if not isinstance(answer, str) or self._score(answer) < 1:
            return None
        return [f"<answer>{answer}</answer>"]

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        given = self._given | {k: str(v) for k, v in task.params}
        self._name, self._ended = _name(task.env), False
        with Chance(task.seed):  # some data sets draw global random numbers
            self._data = _data_set(task.env, given["settings"], task.seed)
            self._entry = self._data[0]
        question = str(self._entry["question"]).strip()
        brief = given["goal"] == "brief"
        return question if brief else f"{question}\n\n{_HOW_TO_REPLY}", {}

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        answer = tagged_answer(command)
        score = 0.0 if answer is None else self._score(answer)
        won, self._ended = score >= 1.0, True
        info = {
            "won": won,
            "lost": not won,
            "score": score,
            "valid_action": answer is not None,
        }
        text = "Right." if won else f"The score is {score:g} of 1."
        return "There is no <answer>." if answer is None else text, score, True, info

    def _score(self, answer: str) -> float:
        """Return what the data set makes of an answer, from 0 to 1."""
        trusted = self._name not in EVALUATED or answer == self._entry["answer"]
        if not (trusted or is_plain(answer)):
            return 0.0
        try:
            score = float(self._data.score_answer(answer, self._entry))
        except Exception:  # some scorers raise for what they cannot read
            return 0.0
        return min(max(score, 0.0), 1.0) if math.isfinite(score) else 0.0


def tagged_answer(reply: str) -> str | None:
    r"""Return the last answer in tags, if there is one.

    >>> tagged_answer("2 + 2?\n<answer> 4 </answer> Done.")
    '4'
    >>> tagged_answer("4") is None
    True
    """
    closed = reply.split("</answer>")[:-1]  # linear, unlike a pattern
    found = [text.rpartition("<answer>")[2] for text in closed if "<answer>" in text]
    return found[-1].strip() if found else None


def is_plain(answer: str) -> bool:
    """Return whether an answer is arithmetic that is safe and quick to evaluate.

    Numbers, names, lists, `+ - * /`, calls of the usual functions, and powers up to
    `LARGEST_POWER` that do not stand on top of each other.

    >>> is_plain("x**2/2 + sin(x) + C"), is_plain("[['Q', '_'], ['_', 'Q']]")
    (True, True)
    >>> is_plain("9**9**9"), is_plain("__import__('os').system('ls')")
    (False, False)
    """
    if set(answer) <= set("Q_ \n"):  # a board of queens
        return True
    if len(answer) > MOST_CHARS:
        return False
    try:
        with contextlib.suppress(RecursionError, MemoryError):
            tree = ast.parse(answer.strip(), mode="eval")
            return all(map(_is_allowed, ast.walk(tree)))
    except (SyntaxError, ValueError):
        pass
    return False


def _is_allowed(node: ast.AST) -> bool:
    """Return whether a part of an expression may be evaluated."""
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        return name in _FUNCTIONS and not node.keywords
    if isinstance(node, ast.Name):
        return not node.id.startswith("_") and len(node.id) <= len("theta_0")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return _is_small_power(node)
    return isinstance(node, _NODES)


def _is_small_power(power: ast.BinOp) -> bool:
    """Return whether a power has no other one inside, and a small exponent."""
    left, right = list(ast.walk(power.left)), list(ast.walk(power.right))
    numbers = [node.value for node in right if isinstance(node, ast.Constant)]
    return (
        not any(isinstance(node, ast.Pow) for node in left + right)
        and not any(isinstance(node, _GROWING) for node in right)
        and all(isinstance(n, (int, float)) and n <= LARGEST_POWER for n in numbers)
    )


def _name(env_id: str) -> str:
    """Return the data set that an id names."""
    name, known = env_id.partition("/")[2], _registered()
    if name not in known:
        raise UnknownEnvironmentError(
            f"There is no environment {env_id!r}.",
            f"reasoning-gym has no data set {name!r}.",
            near_matches(name, known),
        )
    return name


def _read(settings: str) -> dict[str, Any]:
    """Return what is set by a text such as `min_terms=2, max_terms=3`."""
    call = ast.parse(f"set({settings})", mode="eval").body
    if not isinstance(call, ast.Call) or call.args:
        raise ValueError("name=value is needed")
    return {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}


def _data_set(env_id: str, settings: str, seed: int) -> Any:
    """Return a data set of the one question that belongs to a seed."""
    name = _name(env_id)
    create = importlib.import_module("reasoning_gym").create_dataset
    try:
        return create(name, **_read(settings), seed=seed, size=1)
    except (AssertionError, SyntaxError, TypeError, ValueError) as error:
        raise ConfigError(
            f"The data set of {env_id!r} cannot be made with {settings!r:.200}.",
            f"reasoning-gym says: {error or type(error).__name__}.",
            "Write settings as in min_terms=2, max_terms=3; composite needs data sets.",
        ) from error


@functools.cache
def _registered() -> tuple[str, ...]:
    """Return the names of all data sets.

    Raises:
        MissingExtraError: If reasoning-gym is not installed.
    """
    try:
        factory = importlib.import_module("reasoning_gym.factory")
    except ModuleNotFoundError as error:
        raise MissingExtraError("reasoning-gym", "games") from error
    return tuple(sorted(factory.DATASETS))
