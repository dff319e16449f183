"""What worlds that were made elsewhere have in common here.

Their games are those of seeds, what is said reaches them as it was written, and only
those of their facts go on that can be stored.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Collection, Mapping
from typing import Any, ClassVar

import numpy as np

from toolkit.environments.arguments import (
    check_max_turns,
    check_names,
    kept_by_tasks,
)
from toolkit.environments.base import Params, Task, TextEnv
from toolkit.environments.commands import CommandRules
from toolkit.environments.moments import FACTS, WANTED
from toolkit.environments.splits import seeded_tasks
from toolkit.errors import (
    ConfigError,
    EnvironmentCrashError,
)

WON = ("won", "is_success", "success")
"""Facts by which worlds say that the goal is reached."""
LONGEST = 10_000
"""Characters of what is said; of a longer text the end counts."""


class AsWritten(CommandRules):
    """Lets a text through, over many lines and in any script."""

    def clean(self, action: str) -> str:
        r"""Return the end of a text without control characters and lone surrogates.

        >>> AsWritten().clean(" First,\n日本\0 ")
        'First,\n日本'
        """
        text = action[-LONGEST:].encode("utf-8", "ignore").decode()
        kept = (c if c.isprintable() or c in "\n\t" else " " for c in text)
        return "".join(kept).strip()


class AdaptedEnv(TextEnv):
    """A world that was made elsewhere; its games are those of `SPLIT_SEEDS`."""

    rules: ClassVar[CommandRules] = AsWritten()
    kept: ClassVar[tuple[str, ...]] = ("max_turns",)
    """Arguments that change what is played, so that tasks keep them."""

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of a split; no game is made here."""
        check_names(cls, params)
        check_max_turns(params.get("max_turns"))
        return seeded_tasks(env, split, n, kept_by_tasks(params, cls.kept))

    def _cut_off(self) -> None:
        """Let this turn be the last one: the world says that time is up."""
        self.max_turns = len(self._actions) + 1


class Chance:
    """Lends the random numbers of one seed to code that draws global ones.

    Worlds that use the modules `random` and `numpy.random` would disturb each other,
    and everybody else.

    >>> import random
    >>> chance = Chance(seed=7)
    >>> with chance:
    ...     first = random.random()
    >>> with Chance(seed=7):
    ...     random.random() == first
    True
    """

    def __init__(self, seed: int) -> None:
        self._states = random.Random(seed).getstate(), self._numpy(seed)

    def __enter__(self) -> None:
        self._others = random.getstate(), np.random.get_state()  # noqa: NPY002
        self._set(self._states)

    def __exit__(self, *_: object) -> None:
        self._states = random.getstate(), np.random.get_state()  # noqa: NPY002
        self._set(self._others)

    @staticmethod
    def _set(states: tuple[Any, Any]) -> None:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002

    @staticmethod
    def _numpy(seed: int) -> Any:
        return np.random.RandomState(seed).get_state()


def outcome(
    given: Mapping[str, Any],
    *,
    over: bool,
    earned: float,
    last: float,
    won_at: float,
    admissible: bool,
) -> dict[str, Any]:
    """Return `info` for a world that pays rewards and knows no score.

    Args:
        given: The facts that the world told.
        over: Whether the game has ended, other than by a turn limit.
        earned: Sum of all rewards.
        last: The last one of them.
        won_at: A game that is over counts as won if `earned` or `last` is at least
            this, unless the world tells under a name in `WON`.
        admissible: Keep `admissible_actions`, if the world told them.
    """
    paid = max(earned, last) >= won_at
    won = over and next((bool(given[name]) for name in WON if name in given), paid)
    facts: dict[str, Any] = {
        **storable(given),
        "won": won,
        "lost": over and not won,
        "score": won_at if won else min(earned, won_at),
        "max_score": won_at,
        "valid_action": bool(given.get("valid_action", True)),
    }
    if admissible and "admissible_actions" in given:
        facts["admissible_actions"] = list(map(str, given["admissible_actions"]))
    return facts


def check_won_at(won_at: Any) -> None:
    """Refuse a reward for winning that is none.

    Raises:
        ConfigError: If it is not above 0.
    """
    if not won_at > 0:
        raise ConfigError(
            f"won_at is {won_at!r}.",
            "A score of 0 would be a win.",
            "Give the reward of a game that is won.",
        )


def finite(reward: Any, where: str) -> float:
    """Return a reward as a number.

    Raises:
        EnvironmentCrashError: If it is none, or not finite.
    """
    try:
        number = float(reward)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise EnvironmentCrashError(
            f"{where} paid a reward of {reward!r:.60}.",
            "A reward is a finite number.",
            "Mend the world, or wrap it in one that pays numbers.",
        )
    return number


def storable(
    info: Any, *, without: Collection[str] = (*FACTS, *WANTED)
) -> dict[str, Any]:
    """Return those facts that JSON can hold.

    Args:
        info: As the world told them.
        without: Names to leave out; by default those that have a meaning in `info`
            here, because in another framework they may have another one.

    >>> import numpy as np
    >>> storable({"lives": np.int64(3), "rng": object(), "score": -5})
    {'lives': 3}
    """
    found: dict[str, Any] = {}
    for name, value in (info if isinstance(info, Mapping) else {}).items():
        if isinstance(name, str) and name not in without:
            try:
                text = json.dumps(value, allow_nan=False, default=_bare)
            except (TypeError, ValueError, RecursionError):
                continue
            found[name] = json.loads(text)
    return found


def _bare(value: Any) -> Any:
    """Return what a numpy number or array holds."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be stored")
