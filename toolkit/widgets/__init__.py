"""See and touch: interactive views of worlds, rewards, runs and episodes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.widgets.compare import EpisodeCompare
    from toolkit.widgets.episode_view import EpisodeView
    from toolkit.widgets.monitor import TrainingMonitor
    from toolkit.widgets.reward_designer import RewardDesigner
    from toolkit.widgets.stepper import EnvStepper

_HOME = {
    "EnvStepper": "toolkit.widgets.stepper",
    "EpisodeCompare": "toolkit.widgets.compare",
    "EpisodeView": "toolkit.widgets.episode_view",
    "RewardDesigner": "toolkit.widgets.reward_designer",
    "TrainingMonitor": "toolkit.widgets.monitor",
}

__all__ = [
    "EnvStepper",
    "EpisodeCompare",
    "EpisodeView",
    "RewardDesigner",
    "TrainingMonitor",
]


def __getattr__(name: str) -> Any:
    """Import a widget from its module on first use, and only what it needs."""
    if name not in _HOME:
        raise AttributeError(f"module 'toolkit.widgets' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
