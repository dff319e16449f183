"""Where the seconds of a training step go, and the share that is our own doing.

A short run of `train`, 64 episodes a step (8 games × 8), writes its events; the numbers
are read from them, so they are those that any run reports:

* `policy`: choosing commands (`policy_s`). A hook on the model splits it into the
  forward passes and the rest: encoding, drawing tokens, decoding.
* `worlds`: waiting for the environments (`env_s`).
* `loss`: TRL's loss on the rows that carry a gradient (`loss_s`).
* `update`: backward pass and optimiser (`update_s`).
* `other`: everything else between the end of one step and the end of the next:
  bookkeeping of episodes, rewards, credit, padding, TRL's trainer, logging.

The first step warms up and does not count.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import spread
from benchmarks.rollout import Case, find_policy
from toolkit.environments.base import make_env, tasks
from toolkit.environments.games import generate
from toolkit.training.events import steps_of
from toolkit.training.run import train

GOAL = 0.10
PARTS = ("policy", "env", "loss", "update")
SETTINGS: dict[str, Any] = {
    "reward": "discovery",
    "credit": "turn_return",
    "discount": 0.9,
    "learning_rate": 1e-4,
    "save_strategy": "no",
    "progress": False,
    "workers": 2,
}


class ForwardClock:
    """Adds up the seconds a model spends in forward passes without gradients."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.seconds = 0.0
        self._began = 0.0
        self._hooks = [
            model.register_forward_pre_hook(self._start),
            model.register_forward_hook(self._stop),
        ]

    def remove(self) -> None:
        """Take the hooks off the model."""
        for hook in self._hooks:
            hook.remove()

    def _start(self, *args: Any) -> None:
        self._began = time.perf_counter()

    def _stop(self, *args: Any) -> None:
        if torch.is_inference_mode_enabled():  # a rollout, not the loss
            self.seconds += time.perf_counter() - self._began


def run(case: Case, *, steps: int, episodes: int, folder: Path) -> dict[str, Any]:
    """Train for some steps; return shares as data.

    Args:
        case: Model and environment.
        steps: Optimiser steps that count.
        episodes: Played in each step, 8 of each game.
        folder: For the run.
    """
    games = tasks(case.env, split="train", n=max(2, episodes // 8), **case.params)
    generate(games)
    policy, note = find_policy(case, games)
    clock = ForwardClock(policy.model)
    try:
        done = train(
            policy,
            make_env(case.env, **case.params),
            tasks=games,
            output_dir=str(folder),
            max_steps=steps + 1,
            per_device_train_batch_size=episodes,
            live=episodes,
            **SETTINGS,
        )
    finally:
        clock.remove()
    events = steps_of(done.events, "step")
    rows = [_seconds(*pair) for pair in itertools.pairwise(events)]
    every = steps_of(done.events, "rollout")
    turns = sum(e["mean_turns"] * episodes for e in every)
    policy_s = sum(e["policy_s"] for e in events)
    return {
        "model": note,
        "environment": case.env,
        "episodes": episodes,
        "mean_turns": round(turns / episodes / len(every), 2),
        "silent_groups": round(sum(e["silent_groups"] for e in every) / len(every), 3),
        "seconds": rows,
        "forward_share_of_policy": round(clock.seconds / policy_s, 4),
        "other_share": spread([row["other"] / row["total"] for row in rows]),
        "goal": GOAL,
    }


def _seconds(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    """Return the seconds between the ends of two steps by kind of work."""
    parts = {name: after[f"{name}_s"] for name in PARTS}
    total = after["time"] - before["time"]
    row = {**parts, "other": total - sum(parts.values()), "total": total}
    return {name: round(value, 4) for name, value in row.items()}
