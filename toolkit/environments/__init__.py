"""Where the agent acts: tasks, text worlds and workers that run them."""

from toolkit.environments.base import (
    SPLITS,
    Snapshot,
    Task,
    TextEnv,
    make_env,
    register,
    tasks,
)
from toolkit.environments.commands import CommandRules

__all__ = [
    "SPLITS",
    "CommandRules",
    "Snapshot",
    "Task",
    "TextEnv",
    "make_env",
    "register",
    "tasks",
]
