"""Short runs of a tiny model through gates."""

import torch

from tests.models import tiny_policy
from tests.training.gates import Gates  # registers the world
from toolkit.environments.base import make_env, tasks
from toolkit.training.run import train

SMALL = {
    "max_steps": 4,
    "per_device_train_batch_size": 8,
    "num_generations": 4,
    "live": 8,
    "workers": 0,
    "learning_rate": 1e-2,
    "warmup_steps": 0,
    "progress": False,
}

__all__ = ["SMALL", "Gates", "run_small", "weights_of"]


def run_small(folder, *, policy=None, env=None, n=5, **settings):
    settings = SMALL | {"output_dir": str(folder)} | settings
    games = tasks("gates", n=n)
    return train(
        policy or tiny_policy(), env or make_env("gates"), tasks=games, **settings
    )


def weights_of(policy):
    return torch.cat([p.detach().flatten() for p in policy.model.parameters()])
