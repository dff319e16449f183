"""Worlds of Gymnasium, played here: any environment that is spoken to in text."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium

from toolkit.environments.adapted import AdaptedEnv, check_won_at, finite, outcome
from toolkit.environments.arguments import check_max_turns
from toolkit.environments.base import Task, TextEnv, make_env
from toolkit.errors import (
    ConfigError,
    EnvironmentCrashError,
    UnknownEnvironmentError,
    near_matches,
)

MAX_TURNS = 50
"""Turns of an episode if neither the caller nor the environment names a limit."""
Maker = Callable[[], "gymnasium.Env[Any, Any]"]


def from_gymnasium(
    env: str | gymnasium.Env[Any, Any] | Maker,
    *,
    max_turns: int | None = None,
    won_at: float = 1.0,
) -> TextEnv:
    """Return a world of Gymnasium as one of ours.

    Args:
        env: An id that `gymnasium.make` knows (`module:Name-v0` is found in worker
            processes too), an environment, its class, or a function that makes one.
            Worker processes need something that can be pickled.
        max_turns: Turns of an episode; by default what its `spec` says, else
            `MAX_TURNS`.
        won_at: A game that has ended counts as won if its last reward, or the sum of
            all, is at least this; unless `info` tells `won`, `is_success` or `success`.

    Raises:
        ConfigError: If its observations or actions are no text, or an argument is out
            of range.
        UnknownEnvironmentError: If Gymnasium knows no such id.

    >>> from_gymnasium("Nowhere-v0")
    Traceback (most recent call last):
    toolkit.errors.UnknownEnvironmentError: Gymnasium has no environment 'Nowhere-v0'...
    """
    make, name = _maker(env)
    if isinstance(env, str):
        return make_env(f"gymnasium/{env}", max_turns=max_turns, won_at=won_at)
    return make_env(f"gymnasium/{name}", max_turns=max_turns, won_at=won_at, make=make)


class GymnasiumEnv(AdaptedEnv):
    """An environment of Gymnasium with text for observations and actions.

    Args:
        env_id: `gymnasium/` and an id that `gymnasium.make` knows, such as
            `gymnasium/my_package:Parrot-v0`.
        max_turns: As in `from_gymnasium`.
        won_at: As in `from_gymnasium`.
        make: Makes the environment; by default `gymnasium.make` with the id.
        admissible: Put `admissible_actions` into `info`, where the environment does.
        expert: There is none; `info["expert"]` is `None`.

    Raises:
        ConfigError: If its observations or actions are no text, or an argument is out
            of range.
        UnknownEnvironmentError: If Gymnasium knows no such id.
    """

    refusal: ClassVar[str] = "That is not understood here."

    def __init__(
        self,
        env_id: str,
        *,
        max_turns: int | None = None,
        won_at: float = 1.0,
        make: Maker | None = None,
        admissible: bool = False,
        expert: bool = False,
    ) -> None:
        check_max_turns(max_turns)
        check_won_at(won_at)
        self._name = env_id.partition("/")[2]
        self._inner = make() if make else _by_id(self._name)
        self._won_at, self._earned = float(won_at), 0.0
        for space in (self._inner.observation_space, self._inner.action_space):
            _check_text(space, self._name)
        limit = max_turns or getattr(self._inner.spec, "max_episode_steps", None)
        super().__init__(
            max_turns=limit or MAX_TURNS, admissible=admissible, expert=expert
        )

    def close(self) -> None:
        """Close the environment."""
        self._inner.close()

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self._earned = 0.0
        text, info = self._inner.reset(seed=task.seed)
        return self._text(text), self._facts(info)

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        if not self._inner.action_space.contains(command):
            refused = {**self._last_info, "valid_action": False}
            return self.refusal, 0.0, False, refused
        text, paid, terminated, truncated, info = self._inner.step(command)
        reward = finite(paid, self._name)
        self._earned += reward
        if truncated and not terminated:
            self._cut_off()
        facts = self._facts(info, over=bool(terminated), last=reward)
        return self._text(text), reward, bool(terminated), facts

    def _facts(
        self, info: Any, *, over: bool = False, last: float = 0.0
    ) -> dict[str, Any]:
        """Return `info` as it is kept here."""
        return outcome(
            info if isinstance(info, dict) else {},
            over=over,
            earned=self._earned,
            last=last,
            won_at=self._won_at,
            admissible=self.wants_admissible,
        )

    def _text(self, observation: Any) -> str:
        if isinstance(observation, str):
            return observation
        raise EnvironmentCrashError(
            f"{self._name} answered {observation!r:.60}.",
            "Its observation space is one of text, and this is none.",
            "Mend the environment, or wrap it in a TransformObservation.",
        )


def _maker(env: str | gymnasium.Env[Any, Any] | Maker) -> tuple[Maker, str]:
    """Return a function that makes an environment anew, and its name."""
    if isinstance(env, str):
        return functools.partial(_by_id, env), env
    if isinstance(env, gymnasium.Env):
        name = env.spec.id if env.spec else type(env.unwrapped).__name__
        # a copy each: many episodes are played at the same time
        return functools.partial(copy.deepcopy, env), name
    if callable(env):
        return env, getattr(env, "__name__", "environment").strip("<>")
    raise ConfigError(
        f"{env!r:.60} is no environment of Gymnasium.",
        "It is neither an id, nor an environment, nor does it make one.",
        "Give for instance the class of your environment.",
    )


def _by_id(name: str) -> gymnasium.Env[Any, Any]:
    """Make an environment that is registered with Gymnasium."""
    try:
        return gymnasium.make(name, disable_env_checker=True)
    except (gymnasium.error.UnregisteredEnv, ModuleNotFoundError) as error:
        raise UnknownEnvironmentError(
            f"Gymnasium has no environment {name!r}.",
            f"{error}",
            near_matches(name, gymnasium.registry)
            + " Ids of your own are written module:Name-v0.",
        ) from error


def _check_text(space: Any, name: str) -> None:
    """Refuse a space whose members are no text.

    Raises:
        ConfigError: If it is one of numbers, pictures or the like.
    """
    if not (isinstance(space, gymnasium.Space) and isinstance(space.sample(), str)):
        raise ConfigError(
            f"{name} has the space {space!r:.80}.",
            "Models read and write text; this space has other members.",
            "Wrap the environment in gymnasium.wrappers.TransformObservation and "
            "TransformAction, which turn its numbers into text and back.",
        )
