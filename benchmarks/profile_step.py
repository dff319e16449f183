"""Where the time of a rollout and of a training step goes, function by function.

`python -m benchmarks --profile` prints both. Worlds run in this process, so that the
profiler sees them; it slows Python down more than it slows the model down, so read it
as a list of suspects and measure with `python -m benchmarks --only step`.
"""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.rollout import Case, find_policy
from toolkit.environments.base import make_env, tasks
from toolkit.environments.games import generate
from toolkit.episodes.rollout import collect
from toolkit.training.run import train


def run(case: Case, *, episodes: int, folder: Path, lines: int = 25) -> None:
    """Print both profiles.

    Args:
        case: Model and environment.
        episodes: Played at the same time.
        folder: For the training run.
        lines: Functions listed in each.
    """
    from benchmarks.step import SETTINGS

    games = tasks(case.env, split="train", n=max(2, episodes // 8), **case.params)
    generate(games)
    policy, _ = find_policy(case, games)
    env = make_env(case.env, **case.params)
    group = episodes // len(games)

    def play() -> None:
        collect(policy, env, games, group_size=group, workers=0, progress=False)

    def learn() -> None:
        train(
            policy,
            env,
            tasks=games,
            output_dir=str(folder),
            max_steps=3,
            per_device_train_batch_size=episodes,
            num_generations=group,
            **{**SETTINGS, "workers": 0},
        )

    play()  # imports, first starts of the interpreter
    _profile(f"A rollout of {episodes} episodes", play, lines)
    _profile(f"Three training steps of {episodes} episodes", learn, lines)


def _profile(title: str, work: Callable[[], Any], lines: int) -> None:
    """Run something and print the functions that took most of its time."""
    profile = cProfile.Profile()
    profile.runcall(work)
    print(f"\n== {title}")
    pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(lines)
