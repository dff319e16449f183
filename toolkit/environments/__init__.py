"""Pillar 1, where the agent acts: tasks, text worlds and workers that run them."""

from toolkit.environments.base import (
    SPLITS,
    CommandRules,
    Snapshot,
    Task,
    TextEnv,
    make_env,
    register,
    tasks,
)

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
