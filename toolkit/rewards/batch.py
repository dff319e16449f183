"""Rewards that models compute: many episodes in one call, with their cost counted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError, JudgeError

if TYPE_CHECKING:
    import torch

BATCH_TOKENS = 8192
"""Most tokens, padding included, that a model reads in one forward pass."""

Text = TypeVar("Text", str, list[int])


@dataclass(kw_only=True, slots=True)
class Usage:
    """What a reward has cost so far."""

    requests: int = 0
    """Texts read by a local model, or requests sent (each try counts)."""
    tokens_in: int = 0
    """Tokens read, as an endpoint reports them."""
    tokens_out: int = 0
    """Tokens written, as an endpoint reports them; 0 for local models."""
    seconds: float = 0.0
    """Time spent waiting for the model."""
    cache_hits: int = 0
    """Judgements that needed no request."""
    failures: dict[str, int] = field(default_factory=dict)
    """How many judgements failed, by what happened."""

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as a JSON-ready dictionary."""
        return asdict(self)

    def fail(self, what: str) -> None:
        """Count a failed judgement."""
        self.failures[what] = self.failures.get(what, 0) + 1


class BatchReward(ABC):
    """A reward that is much cheaper for many episodes at once.

    It is also a plain reward: called with one episode it returns the rewards of its
    turns `(K,)`, or raises `JudgeError`.
    """

    def __init__(self) -> None:
        self.usage = Usage()

    @abstractmethod
    def batch(self, episodes: Sequence[Episode]) -> list[list[float] | JudgeError]:
        """Return for each episode the rewards of its turns `(K,)`, or what failed.

        An error stands where the rewards of its episode would be, so that the others
        can be used; it must never be read as a reward of 0.
        """

    def __call__(self, episode: Episode) -> list[float]:
        """Return the rewards of one episode `(K,)`.

        Raises:
            JudgeError: If it could not be judged.
        """
        (rewards,) = self.batch([episode])
        if isinstance(rewards, JudgeError):
            raise rewards
        return rewards


def failed(
    episode: Episode, why: str, fix: str, *, turn: int | None = None
) -> JudgeError:
    """Return a `JudgeError` that names the episode, and the turn (from 0) if given."""
    where = f"sample {episode.sample} of {episode.task.id}"
    if turn is not None:
        where = f"turn {turn + 1} of {where}"
    return JudgeError(f"There is no judgement of {where}.", why, fix)


def cut_middle(text: Text, room: int, notice: Text) -> Text:
    """Leave out the middle of what is longer than `room`, and put a notice there.

    Args:
        text: Characters, or ids of tokens.
        room: Longest result.
        notice: Stands for what was left out; of the same kind as `text`.

    >>> cut_middle("abcdefghij", 7, "...")
    'ab...ij'

    Raises:
        ConfigError: If not even the notice has room.
    """
    if len(text) <= room:
        return text
    kept = room - len(notice)
    if kept <= 0:
        raise ConfigError(
            f"The transcript has {max(room, 0)} tokens or characters of room.",
            "The rubric and the instructions fill what the model can read.",
            "Shorten the rubric, or choose a model with a longer context.",
        )
    head = (kept + 1) // 2
    return text[:head] + notice + text[len(text) - kept + head :]


def batches(lengths: Sequence[int], limit: int = BATCH_TOKENS) -> Iterator[list[int]]:
    """Yield positions of texts of like length, the longest first.

    The longest first: what does not fit into memory then fails at once.

    >>> list(batches([3, 9, 4, 4], limit=9))
    [[1], [2, 3], [0]]

    Args:
        lengths: Tokens of each text.
        limit: Most tokens in a batch, padding included; a longer text is alone.
    """
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > limit:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def pad_right(
    rows: Sequence[Sequence[int]], pad: int, device: Any
) -> dict[str, torch.Tensor]:
    """Return `input_ids` and `attention_mask`, both `(B, T)`.

    Padding stands on the right, where no token of a causal model looks at it.
    """
    import torch

    width = max(map(len, rows))
    ids = [[*row, *[pad] * (width - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return {
        "input_ids": torch.tensor(ids, device=device),
        "attention_mask": torch.tensor(mask, device=device),
    }
