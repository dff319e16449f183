"""Episodes as token tensors.

An episode's ids are, turn by turn, what the world wrote (`observation_ids`) and what
the policy sampled (`action_ids`). Three things always hold:

1. `action_mask` is 1 exactly on sampled ids and 0 everywhere else.
2. The ids of all turns, concatenated, are the ids the model saw when it sampled, but
   for those that its turn says were hidden by then (`Turn.hidden_ids`).
3. Nothing is encoded again: ids, masks and spans come from the record alone.

Shapes: `B` episodes, `P` longest prompt, `T` longest completion, `K` turns.
The *prompt* is the first observation; the *completion* is all the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.episodes.record import Episode
from toolkit.errors import EpisodeError

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, slots=True)
class EpisodeTokens:
    """One episode as flat lists."""

    prompt_ids: list[int]
    """Ids of the first observation."""
    completion_ids: list[int]
    """Everything after it, `(T,)`."""
    action_mask: list[int]
    """1 where `completion_ids` was sampled, `(T,)`."""
    logprobs: list[float]
    """Sampling log-probability, 0 where not sampled, `(T,)`."""
    spans: list[tuple[int, int]]
    """Start and end of each turn's action inside `completion_ids`, `(K,)`."""
    hidden: list[tuple[int, int]]
    """Start and end of what each action no longer saw, as in `spans`, `(K,)`."""


def tokenize_episode(episode: Episode) -> EpisodeTokens:
    """Lay an episode out as tokens.

    Raises:
        EpisodeError: If the episode has no turns, or was not played by a model.
    """
    if not episode.turns or not all(t.action_ids for t in episode.turns):
        raise EpisodeError(
            f"The episode of {episode.task.id} has no sampled tokens.",
            f"It has {len(episode.turns)} turns and was played by {episode.policy!r}.",
            "Only episodes that a model played can be trained on by RL.",
        )
    ids: list[int] = []
    mask: list[int] = []
    logprobs: list[float] = []
    spans = []
    for k, turn in enumerate(episode.turns):
        if k > 0:
            ids += turn.observation_ids
            mask += [0] * len(turn.observation_ids)
            logprobs += [0.0] * len(turn.observation_ids)
        spans.append((len(ids), len(ids) + len(turn.action_ids)))
        ids += turn.action_ids
        mask += [1] * len(turn.action_ids)
        logprobs += turn.logprobs
    prompt_ids = list(episode.turns[0].observation_ids)
    before = len(prompt_ids)
    return EpisodeTokens(
        prompt_ids=prompt_ids,
        completion_ids=ids,
        action_mask=mask,
        logprobs=logprobs,
        spans=spans,
        hidden=[
            (start - before, end - before) if start < end else (0, 0)
            for start, end in (turn.hidden_ids for turn in episode.turns)
        ],
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenBatch:
    """Episodes as padded tensors: prompts on the left, completions on the right."""

    prompt_ids: Tensor
    """`(B, P)`, left-padded."""
    prompt_mask: Tensor
    """`(B, P)`, 1 on real tokens."""
    completion_ids: Tensor
    """`(B, T)`, right-padded."""
    completion_mask: Tensor
    """`(B, T)`, 1 on real tokens."""
    action_mask: Tensor
    """`(B, T)`, 1 on sampled tokens."""
    logprobs: Tensor
    """`(B, T)`, 0 where not sampled."""
    hidden: Tensor | None
    """`(B, T, 2)`, for each sampled token where the part of the completion begins and
    ends that the model no longer saw; `None` if all was seen by all."""


def pad_batch(episodes: Sequence[EpisodeTokens], pad_id: int) -> TokenBatch:
    """Stack episodes into tensors.

    Args:
        episodes: At least one.
        pad_id: Fills the gaps; its value has no effect on anything.
    """
    prompts = _rectangle([e.prompt_ids for e in episodes], pad_id, left=True)
    prompt_mask = _rectangle([[1] * len(e.prompt_ids) for e in episodes], 0, left=True)
    return TokenBatch(
        prompt_ids=prompts,
        prompt_mask=prompt_mask,
        completion_ids=_rectangle([e.completion_ids for e in episodes], pad_id),
        completion_mask=_rectangle([[1] * len(e.completion_ids) for e in episodes], 0),
        action_mask=_rectangle([e.action_mask for e in episodes], 0),
        logprobs=_rectangle([e.logprobs for e in episodes], 0.0),
        hidden=_hidden(episodes),
    )


def _hidden(episodes: Sequence[EpisodeTokens]) -> Tensor | None:
    """Write what was hidden onto the tokens of actions, `(B, T, 2)`."""
    import torch

    if not any(end for e in episodes for _, end in e.hidden):
        return None
    spans = [e.spans for e in episodes]
    width = max(len(e.completion_ids) for e in episodes)
    edges = ([[places[i] for places in e.hidden] for e in episodes] for i in (0, 1))
    return torch.stack([spread_turns(edge, spans, width) for edge in edges], -1).long()


def spread_turns(
    values: Sequence[Sequence[float]],
    spans: Sequence[Sequence[tuple[int, int]]],
    width: int,
) -> Tensor:
    """Write one number per turn onto that turn's action tokens.

    Args:
        values: `(B, K)`, ragged.
        spans: `(B, K)` spans of `EpisodeTokens`.
        width: `T`.

    Returns:
        `(B, T)`, zero outside the spans.
    """
    import torch

    out = torch.zeros(len(values), width)
    for row, (numbers, places) in enumerate(zip(values, spans, strict=True)):
        for number, (start, end) in zip(numbers, places, strict=True):
            out[row, start:end] = number
    return out


def _rectangle(
    rows: Sequence[Sequence[float]], fill: float, *, left: bool = False
) -> Tensor:
    """Pad ragged rows to a tensor, of whole numbers if `fill` is one."""
    import torch

    width = max(map(len, rows))
    gaps = [[fill] * (width - len(row)) for row in rows]
    return torch.tensor(
        [[*g, *r] if left else [*r, *g] for g, r in zip(gaps, rows, strict=True)],
        dtype=torch.long if isinstance(fill, int) else torch.float32,
    )


def token_texts(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """Return the text that each token adds; joined, they are the text of all.

    A character that several tokens spell belongs to the last of them. Each token is
    decoded after the one before, because some tokenizers drop a space at the start.
    """
    found = []
    start = told = 0  # ids before `told` have their text; the last ones from `start`
    for end in range(1, len(ids) + 1):
        before, text = (
            tokenizer.decode(ids[start:stop], clean_up_tokenization_spaces=False)
            for stop in (told, end)
        )
        is_whole = end == len(ids) or not text.endswith("\N{REPLACEMENT CHARACTER}")
        found.append(text[len(before) :] if is_whole else "")
        if is_whole:
            start, told = told, end
    return found
