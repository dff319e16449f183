"""Updates per second: scoring without padding, or TRL's own scoring of rectangles.

The same batch of played episodes, loss and backward pass, by turns. Both sides leave
out the same rows and columns; what differs is `_get_per_token_logps_and_entropies`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from benchmarks.measure import Facts, race
from benchmarks.rollout import WORKERS, Case, find_policy
from benchmarks.step import SETTINGS
from toolkit.environments.base import make_env, tasks
from toolkit.environments.games import generate
from toolkit.episodes.rollout import env_factory
from toolkit.training.clock import TimedPool
from toolkit.training.events import EventLog
from toolkit.training.plan import schedule
from toolkit.training.settings import make_config
from toolkit.training.trainer import EpisodeTrainer


def run(case: Case, *, episodes: int, repeats: int, folder: Path) -> dict[str, Any]:
    """Play one batch and race both ways to learn from it; return the result as data.

    Args:
        case: Model and environment.
        episodes: Of the batch, 8 of each game.
        repeats: Measurements of each side.
        folder: For the run.
    """
    games = tasks(case.env, split="train", n=max(2, episodes // 8), **case.params)
    generate(games)
    policy, note = find_policy(case, games)
    env = make_env(case.env, **case.params)
    config = make_config(
        **{**SETTINGS, "env": case.env, "env_params": dict(case.params)},
        output_dir=str(folder),
        per_device_train_batch_size=episodes,
        live=episodes,
        max_steps=1,
    )
    losses: dict[str, float] = {}
    with TimedPool(env_factory(env, policy), slots=episodes, workers=WORKERS) as pool:
        rows, events = schedule(games, config), EventLog(None)
        trainer = EpisodeTrainer(policy, pool, rows, config, events)
        trainer.current_gradient_accumulation_steps = 1
        trainer.model.train()
        batch = trainer._generate_and_score_completions(
            next(iter(trainer.get_train_dataloader()))
        )

    def side(name: str) -> Facts:
        trainer._is_packed = name == "toolkit"
        loss = trainer._compute_loss(trainer.model, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.get_total_norm(
            [p.grad for p in trainer.model.parameters() if p.grad is not None]
        )
        trainer.model.zero_grad()
        losses[name] = norm.item()
        return {"updates": 1}

    sides = {"toolkit": lambda: side("toolkit"), "TRL": lambda: side("TRL")}
    result = race(sides, unit="updates", repeats=3 * repeats)
    return {
        **result,
        "goal": None,
        "model": note,
        "environment": case.env,
        "episodes": episodes,
        "gradient_norms": losses,
    }
