"""What a policy is: something that answers a batch of observations with actions.

A language model, a person at the keyboard, an expert and a random player are all
policies; `collect` does not know which one it runs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from toolkit.episodes.record import StopReason


@dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What one live episode shows its policy this turn."""

    episode: int
    """Number of the episode; stays the same until the episode ends."""
    key: tuple[int, ...]
    """Seed words of the episode's own random stream."""
    text: str
    """The observation."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """Facts of the environment; a model never reads them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """What a policy answered."""

    text: str
    """The answer as text."""
    observation_ids: tuple[int, ...] = ()
    """Ids that were appended for the observation, glue included."""
    hidden_ids: tuple[int, int] = (0, 0)
    """Which of the episode's ids the model no longer saw, see `Turn`."""
    ids: tuple[int, ...] = ()
    """Sampled ids, stop token included."""
    logprobs: tuple[float, ...] = ()
    """Log-probability of each sampled id."""
    stop: StopReason | None = None
    """Set if the policy cannot go on (such as `CONTEXT_LIMIT`); `text` is then void."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenView:
    """How sure a model was of one token that it sampled."""

    text: str
    """The token."""
    probability: float
    """Of this token, under the sampling distribution."""
    entropy: float
    """Of that distribution, in nats; 0 if the model saw no choice."""
    others: tuple[tuple[str, float], ...] = ()
    """The likeliest other tokens with their probabilities."""


class Policy(ABC):
    """Plays many episodes at once."""

    name: str = "policy"
    needs: ClassVar[frozenset[str]] = frozenset()
    """Costly facts it reads from `info`: any of `expert`, `admissible`."""
    max_live: ClassVar[int | None] = None
    """Most episodes it can play at the same time (`None`: any number)."""

    def start(self, *, greedy: bool = False) -> None:  # noqa: B027  (optional hook)
        """Forget all episodes; called once before a collection.

        Args:
            greedy: Take the most probable token instead of sampling.
        """

    @abstractmethod
    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Answer every observation, in order."""

    def drop(self, episodes: Collection[int]) -> None:  # noqa: B027  (optional hook)
        """Forget episodes that ended."""

    def follow(self, observation: Observation, text: str) -> None:  # noqa: B027
        """Take in a turn that somebody else played, as if it had been its own.

        Args:
            observation: What was shown before that turn.
            text: What was answered.
        """

    def explain(self, episode: int) -> list[TokenView]:
        """Return the tokens of the last action of a live episode, if it has any."""
        return []
