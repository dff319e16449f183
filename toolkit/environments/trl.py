"""Our worlds for TRL's own trainer: a class for `environment_factory`.

TRL talks to an environment through tools: the model calls `act(command=...)` and reads
what comes of it, until it answers without a call.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from datasets import Dataset

from toolkit.environments.base import Task, TextEnv, make_env, tasks
from toolkit.environments.worker import describe
from toolkit.errors import TaskError

PROMPT = "Play this game with the tool `act`, one command a call.\n\n"
"""First words of the user; the first observation of the game follows them."""
OVER = "The game is over. Answer without calling a tool."
"""Stands behind the last observation, and for every command after it."""


class TrlEnvironment:
    """What TRL is given: `reset`, the tool `act` and `get_reward`.

    Subclasses are made by `as_trl_environment`; every public method but `reset` and
    `get_reward` would become a tool.
    """

    _id: ClassVar[str]
    _params: ClassVar[dict[str, Any]]

    def __init__(self) -> None:
        self._env: TextEnv | None = None
        self._earned: float | None = 0.0
        self._over = True

    def reset(self, *, task: str | None = None, **row: Any) -> str:
        """Start the game of a row.

        Args:
            task: The column `task` of `trl_dataset`.
            **row: Other columns, which are not looked at.

        Returns:
            The first observation, which TRL puts behind the prompt.

        Raises:
            TaskError: If the row names no task.
        """
        self._earned, self._over = 0.0, False
        try:
            game = Task.from_dict(json.loads(task or ""))
        except (TypeError, ValueError, KeyError) as error:
            raise TaskError(
                f"A row of the data set has the task {task!r:.60}.",
                "It names no game, so a group could not play the same one.",
                "Train on trl_dataset(env_id, n=...).",
            ) from error
        try:
            env = self._env = self._env or make_env(self._id, **self._params)
            return env.reset(seed=game.seed, options={"task": game})[0]
        except (Exception, SystemExit) as error:  # TRL would stop the whole run
            return self._broken(error)

    def act(self, command: str) -> str:
        """Play one turn of the game.

        Args:
            command: What to do, such as "look" or "go north".

        Returns:
            What happens.
        """
        if self._over or self._env is None:
            return OVER
        try:
            text, reward, terminated, truncated, _ = self._env.step(str(command))
        except (Exception, SystemExit) as error:  # TRL would train on its text
            return self._broken(error)
        assert self._earned is not None
        self._earned += reward
        self._over = terminated or truncated
        return f"{text}\n{OVER}" if self._over else text

    def get_reward(self) -> float | None:
        """Return the sum of rewards, `None` if the world broke (TRL masks that)."""
        return self._earned

    def _broken(self, error: BaseException) -> str:
        """Give up the world; the episode is left out of training."""
        self._env, self._earned, self._over = None, None, True
        return f"The game broke: {describe(error)}. {OVER}"


def as_trl_environment(env_id: str, **params: Any) -> type[TrlEnvironment]:
    """Return a class for `GRPOTrainer(environment_factory=...)`.

    TRL's environments are experimental, and know less than `train` does: one reward
    an episode, no turn limit of its own but `max_tool_calling_iterations`, and a chat
    format with tools, such as Qwen's.

    Args:
        env_id: Registry id of one of our worlds.
        **params: Keyword arguments of the environment, such as `max_turns`.

    Raises:
        UnknownEnvironmentError: If the id is not known.

    >>> as_trl_environment("countdown/n3-easy").__name__
    'countdown_n3_easy'
    """
    make_env(env_id, **params).close()  # says now what is wrong with them
    name = "".join(c if c.isalnum() else "_" for c in env_id)
    doc = f"`{env_id}` for TRL."
    return type(
        name, (TrlEnvironment,), {"__doc__": doc, "_id": env_id, "_params": params}
    )


def trl_dataset(
    env_id: str,
    *,
    n: int,
    split: str = "train",
    prompt: str = PROMPT,
    **params: Any,
) -> Dataset:
    """Return the rows that go with `as_trl_environment`, one for each task.

    Args:
        env_id: As there.
        n: How many tasks.
        split: Of which split.
        prompt: First words of the user.
        **params: As there.

    Returns:
        Columns `prompt` (a conversation) and `task` (which game, as JSON).

    Raises:
        TaskError: If the split has fewer tasks.
    """
    games = tasks(env_id, split=split, n=n, **params)
    return Dataset.from_dict(
        {
            "prompt": [[{"role": "user", "content": prompt}] for _ in games],
            "task": [json.dumps(game.to_dict()) for game in games],
        }
    )
