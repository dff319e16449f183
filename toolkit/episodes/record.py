"""The one record of what happened: turns, episodes and why they stopped.

Everything later (rewards, credit, training, widgets) reads these records; nothing
changes them. `K` is the number of turns of an episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from toolkit.environments.base import Task


class StopReason(StrEnum):
    """Why an episode ended."""

    WON = "won"
    LOST = "lost"
    TURN_LIMIT = "turn_limit"
    TOKEN_LIMIT = "token_limit"
    CONTEXT_LIMIT = "context_limit"
    ENVIRONMENT_ERROR = "environment_error"
    ENVIRONMENT_TIMEOUT = "environment_timeout"
    INTERRUPTED = "interrupted"

    @property
    def is_broken(self) -> bool:
        """Whether the world failed, so that the episode must not be learnt from."""
        return self in _BROKEN


_BROKEN = {
    StopReason.ENVIRONMENT_ERROR,
    StopReason.ENVIRONMENT_TIMEOUT,
    StopReason.INTERRUPTED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """One exchange: what the policy saw, what it said, what it got back."""

    observation: str
    """Text shown to the policy before it acted."""
    completion: str
    """Raw text the policy produced."""
    action: str
    """Command that reached the world (`""` if it was refused)."""
    reward: float
    """Reward the environment paid for this turn."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """Facts after the turn (`won`, `score`, `valid_action`, …), JSON-ready."""
    observation_ids: tuple[int, ...] = ()
    """Ids written by the world before the action: observation and template glue. If
    the previous action was cut off, the stop token that closes it comes first."""
    hidden_ids: tuple[int, int] = (0, 0)
    """Which of the episode's earlier ids (see `Episode.ids`) a model with a limited
    history no longer saw: the first of them, and the first after them."""
    action_ids: tuple[int, ...] = ()
    """Ids sampled by the policy, stop token included."""
    logprobs: tuple[float, ...] = ()
    """Log-probability of each of `action_ids` under the sampling distribution."""
    policy_s: float = 0.0
    """Seconds the policy took for the batch this turn was part of, per live episode."""
    env_s: float = 0.0
    """Seconds the environment took for this step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Episode:
    """One game from reset to end."""

    task: Task
    """The game that was played."""
    turns: tuple[Turn, ...]
    """The `K` turns, oldest first; empty if the world died in `reset` or its first
    observation did not fit into the context."""
    stop_reason: StopReason
    """Why it ended."""
    final_observation: str = ""
    """Text after the last action."""
    sample: int = 0
    """Which of the episodes of this task (position in its group)."""
    seed: int = 0
    """Seed of the collection it was part of."""
    policy: str = ""
    """Name of the policy that acted."""
    error: str = ""
    """What broke, if `stop_reason.is_broken`."""

    @property
    def won(self) -> bool:
        """Whether the game was won."""
        return self.stop_reason is StopReason.WON

    @property
    def turn_rewards(self) -> list[float]:
        """Rewards of the environment, one per turn `(K,)`."""
        return [turn.reward for turn in self.turns]

    @property
    def total_reward(self) -> float:
        """Sum of `turn_rewards`."""
        return sum(self.turn_rewards)

    @property
    def ids(self) -> list[int]:
        """All ids in the order the model saw them."""
        return [i for t in self.turns for i in (*t.observation_ids, *t.action_ids)]
