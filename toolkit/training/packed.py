"""Which tokens to score as rows of what, and how to do so without padding.

An episode is a row, unless its model had a limited history: then every stretch of it
that was played with the same context is one (`context_rows`).

Episodes differ in length, and a rectangle of them is a third padding. So, as in
`toolkit.policies.kv_cache`, rows are laid end to end, `(1, N)` (`pack`): the layers of
the model see one long row, attention is computed row by row, and the head sees only the
positions whose next token is wanted.

Shapes: `B` episodes of `T` tokens behind the prompt, `R` rows of `L` columns, `N` real
tokens in all, `n` of them wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from toolkit.policies.kv_cache import attending, check_plain

ATTENTION = "toolkit_packed"


class Rows(NamedTuple):
    """A rectangle of tokens, some of which are to be scored."""

    ids: Tensor
    """Token ids `(R, L)`."""
    mask: Tensor
    """`(R, L)`, nonzero on real tokens."""
    wanted: Tensor
    """`(R, L)`, nonzero on tokens to be scored."""
    episode: Tensor
    """Number of the episode that each row is of `(R,)`."""


def episode_rows(ids: Tensor, mask: Tensor, wanted: Tensor) -> Rows:
    """Return rows that are an episode each."""
    return Rows(ids, mask, wanted, torch.arange(len(ids), device=ids.device))


def context_rows(episodes: Rows, hidden: Tensor | None, begin: int) -> Rows:
    """Give every context of an episode a row of its own.

    A context is what the model saw while it played one or more turns. Its row ends with
    the last token that was sampled in it, and the tokens sampled in it are wanted.
    Wanted tokens stay in the same order, row after row.

    Args:
        episodes: One row each.
        hidden: As in `TokenBatch`, `(B, T, 2)`.
        begin: Column where completions begin.
    """
    if hidden is None:
        return episodes
    numbers, kept, wanted = [], [], []
    inside = slice(begin, begin + hidden.shape[1])
    for i, acted in enumerate(episodes.wanted.bool()):
        edges = hidden[i]
        # an episode without wanted tokens has a row too
        contexts = set(map(tuple, edges[acted[inside]].tolist())) or {(0, 0)}
        for start, end in sorted(contexts):
            mine = acted.clone()
            mine[inside] &= (edges == edges.new_tensor([start, end])).all(1)
            keep = episodes.mask[i].bool().clone()
            keep[begin + start : begin + end] = False
            keep &= mine.flip(0).cumsum(0).flip(0) > 0 if mine.any() else True
            numbers.append(i)
            kept.append(keep)
            wanted.append(mine)
    mask = torch.stack(kept)
    order = mask.int().argsort(dim=1, stable=True)  # what is left out goes to the left
    order = order[:, -int(mask.sum(1).max()) :]
    return Rows(
        episodes.ids[numbers].gather(1, order),
        mask.gather(1, order),
        torch.stack(wanted).gather(1, order),
        torch.tensor(numbers, device=order.device),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Packed:
    """Rows end to end."""

    ids: Tensor
    """Token ids `(1, N)`."""
    position: Tensor
    """Place of each token in its row `(1, N)`."""
    lengths: list[int]
    """Tokens of each row `(R,)`."""
    wanted: Tensor
    """Which of the tokens are to be scored `(N,)`, never the first of a row."""


def pack(ids: Tensor, mask: Tensor, wanted: Tensor) -> Packed:
    """Leave the padding out of a rectangle of tokens.

    Args:
        ids: `(R, L)`.
        mask: `(R, L)`, nonzero on real tokens.
        wanted: `(R, L)`, nonzero on tokens to be scored.
    """
    real = mask.bool()
    position = real.cumsum(1) - 1
    return Packed(
        ids=ids[real][None],
        position=position[real][None],
        lengths=real.sum(1).tolist(),
        wanted=((wanted != 0) & (position > 0))[real],
    )


def spread(found: Tensor, rows: Rows, width: int) -> Tensor:
    """Lay numbers of wanted tokens out on the last columns, `(R, width)`, 0 elsewhere.

    Args:
        found: One number for each wanted token, row after row `(n,)`.
        rows: Where the tokens are.
        width: Number of columns.
    """
    empty = found.new_zeros(rows.wanted.shape)
    return empty.masked_scatter(rows.wanted.bool(), found)[:, -width:]


def score(
    model: Any, rows: Packed, *, temperature: float = 1.0, fused: bool = False
) -> tuple[Tensor, Tensor]:
    """Return log-probability and entropy of every wanted token, each `(n,)`.

    Args:
        model: A causal language model with plain full attention.
        rows: What to score.
        temperature: Divides the logits, as it did in sampling.
        fused: Use the head that TRL has added to the model. It never holds all logits
            at once, which saves much memory; but on a CPU it computes unwanted ones.

    Raises:
        ModelError: If the model needs more than plain full attention.
    """
    inputs = {
        "input_ids": rows.ids,
        "position_ids": rows.position,
        "lengths": rows.lengths,
        "use_cache": False,
    }
    wanted = rows.wanted.nonzero()[:, 0]
    labels = rows.ids[0, wanted]
    with attending(model, ATTENTION):
        if fused:
            marked = torch.full_like(rows.ids, -100)
            marked[0, wanted] = labels
            out = model(**inputs, labels=marked, fused_lm_head=True)
            return out.log_probs[0, wanted - 1], out.entropy[0, wanted - 1]
        logits = model(**inputs, logits_to_keep=wanted - 1).logits[0]
    logp = (logits.float() / temperature).log_softmax(-1)
    entropy = -(logp.exp() * logp).sum(-1)
    return logp.gather(1, labels[:, None])[:, 0], entropy


def attend_packed(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    lengths: list[int],
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, None]:
    """Compute causal attention within each row.

    Args:
        module: The attention layer; unused.
        query: `(1, H * G, N, D)`: `G` heads for each of the `H` of keys and values.
        key: `(1, H, N, D)`.
        value: `(1, H, N, D)`.
        attention_mask: Unused: `lengths` says whose token is whose.
        lengths: Tokens of each row.
        scaling: Factor of the scores.
        dropout: Rate at which attention weights are dropped.
        **kwargs: What else the model tells its attention.

    Returns:
        `(1, N, H * G, D)`, and no attention weights.

    Raises:
        ModelError: If the model needs more than plain full attention.
    """
    check_plain(kwargs, max(lengths))
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (t.repeat_interleave(groups, dim=1) for t in (key, value))
    parts = zip(
        *(torch.split(t, lengths, dim=2) for t in (query, key, value)), strict=True
    )
    out = [
        scaled_dot_product_attention(
            q, k, v, is_causal=True, scale=scaling, dropout_p=dropout
        )
        for q, k, v in parts
    ]
    return torch.cat(out, 2).transpose(1, 2), None


AttentionInterface.register(ATTENTION, attend_packed)


def keep_rows(inputs: dict[str, Any], wanted: Tensor) -> dict[str, Any]:
    """Keep the wanted rows of every per-row tensor, or one row if none is wanted."""
    rows = wanted.nonzero()[:, 0] if bool(wanted.any()) else [0]
    return {
        k: v[rows] if isinstance(v, Tensor) and v.dim() > 0 else v
        for k, v in inputs.items()
    }


def trim_padding(inputs: dict[str, Any]) -> dict[str, Any]:
    """Cut columns that are padding in every row: left of prompts, right of the rest."""
    prompt = int(inputs["prompt_mask"].sum(1).max())
    width = inputs["completion_mask"].shape[1]
    longest = max(1, int(inputs["completion_mask"].sum(1).max()))
    out = dict(inputs)
    for name, value in inputs.items():
        if name.startswith("prompt_"):
            out[name] = value[:, -prompt:]
        elif isinstance(value, Tensor) and value.dim() > 1 and value.shape[1] == width:
            out[name] = value[:, :longest]
    return out
