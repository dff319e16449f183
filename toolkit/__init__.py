"""Multi-turn reinforcement learning of language-model agents, to see and to touch.

Importing this package loads neither torch nor TRL; they come in with the first
function that needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.comparison import compare
    from toolkit.diagnosis import diagnose
    from toolkit.environments.base import Task, TextEnv, make_env, register, tasks
    from toolkit.environments.checker import check_env
    from toolkit.episodes.record import Episode, StopReason, Turn
    from toolkit.episodes.rollout import collect
    from toolkit.episodes.store import load_episodes, save_episodes
    from toolkit.errors import ToolkitError
    from toolkit.evaluation import evaluate
    from toolkit.policies import load_policy
    from toolkit.training.run import Run, train

__version__ = "0.1.0"

_HOME = {
    "Episode": "toolkit.episodes.record",
    "Run": "toolkit.training.run",
    "StopReason": "toolkit.episodes.record",
    "Task": "toolkit.environments.base",
    "TextEnv": "toolkit.environments.base",
    "ToolkitError": "toolkit.errors",
    "Turn": "toolkit.episodes.record",
    "check_env": "toolkit.environments.checker",
    "collect": "toolkit.episodes.rollout",
    "compare": "toolkit.comparison",
    "diagnose": "toolkit.diagnosis",
    "evaluate": "toolkit.evaluation",
    "load_episodes": "toolkit.episodes.store",
    "load_policy": "toolkit.policies",
    "make_env": "toolkit.environments.base",
    "register": "toolkit.environments.base",
    "save_episodes": "toolkit.episodes.store",
    "tasks": "toolkit.environments.base",
    "train": "toolkit.training.run",
}

__all__ = [
    "Episode",
    "Run",
    "StopReason",
    "Task",
    "TextEnv",
    "ToolkitError",
    "Turn",
    "__version__",
    "check_env",
    "collect",
    "compare",
    "diagnose",
    "evaluate",
    "load_episodes",
    "load_policy",
    "make_env",
    "register",
    "save_episodes",
    "tasks",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'toolkit' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
