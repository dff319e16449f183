"""A quick exam in the middle of training, on games that are not trained on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from toolkit.environments.base import Task, tasks
from toolkit.episodes.rollout import collect
from toolkit.errors import ToolkitError
from toolkit.evaluation import summarise
from toolkit.training.clock import Clock
from toolkit.training.randomness import same_random_numbers

if TYPE_CHECKING:
    from toolkit.training.config import TrainConfig
    from toolkit.training.trainer import EpisodeTrainer

GAMES = 32
"""Games of an exam: the interval of a success of one half is then 0.34 to 0.66 wide."""
LEFT_OUT = ("by_task", "by_verb")
"""What an evaluation tells and its event does not."""


def exam_games(
    config: TrainConfig, trained_on: frozenset[tuple[str, int]]
) -> list[Task]:
    """Return the first games of the `validation` split that were not trained on.

    Raises:
        ToolkitError: If there is none.
    """
    params: Any = config.env_params
    held_out = tasks(config.env, split="validation", **params)
    games = [task for task in held_out if (task.env, task.seed) not in trained_on]
    if not games:
        raise ToolkitError(
            f"There is no held-out game of {config.env!r}.",
            "All games of its validation split are trained on.",
            "Train on fewer games, or evaluate after the run on games of your own.",
        )
    return games[:GAMES]


def take_exam(trainer: EpisodeTrainer) -> dict[str, Any]:
    """Let the policy play held-out games, each once, with sampling as in training.

    Training goes on as if this had not happened: its random numbers and its clock stay
    where they are. With several processes, all play the same games.

    Returns:
        What the `evaluated` event says.

    Raises:
        ToolkitError: If no game could be played.
    """
    config, began = trainer.args, time.perf_counter()
    games = exam_games(config, trainer.policy.trained_on)
    trainer.pool.clock = Clock()
    try:
        with same_random_numbers(), trainer.acting():
            episodes = collect(
                trainer.policy,
                config.env,
                games,
                live=config.live,
                seed=config.seed,
                max_tokens=config.max_completion_length,
                progress=False,
                pool=trainer.pool,
            )
    finally:
        trainer.pool.clock = trainer.clock
    found = summarise(episodes, seed=config.seed).to_dict()
    kept = {name: fact for name, fact in found.items() if name not in LEFT_OUT}
    return {**kept, "seconds": time.perf_counter() - began}
