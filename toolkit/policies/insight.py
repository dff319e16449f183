"""How sure a model was of what it said, token by token.

Shapes: `L` tokens of the episode, `A` of its last action, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from toolkit.policies.base import TokenView

OTHERS = 3
"""Alternatives that are named for each token."""


@torch.inference_mode()
def token_views(
    model: Any, tokenizer: Any, ids: Sequence[int], count: int, temperature: float
) -> list[TokenView]:
    """Return the last tokens of an episode with their probability and entropy.

    Args:
        model: A causal language model.
        tokenizer: Its tokenizer.
        ids: The episode up to the end of the action `(L,)`.
        count: Tokens of the action, `A`.
        temperature: Of sampling; it divides the logits.
    """
    row = torch.tensor([list(ids)], device=model.device)
    logits = model(input_ids=row, logits_to_keep=count + 1).logits[0, -count - 1 : -1]
    logp = (logits.float() / temperature).log_softmax(-1).cpu()  # (A, V)
    entropies = torch.special.entr(logp.exp()).sum(-1).tolist()
    best = logp.topk(min(OTHERS + 1, logp.shape[-1])).indices.tolist()
    return [
        TokenView(
            text=tokenizer.decode([token]),
            probability=logp[k, token].exp().item(),
            entropy=entropies[k],
            others=tuple(
                (tokenizer.decode([i]), logp[k, i].exp().item())
                for i in best[k]
                if i != token
            )[:OTHERS],
        )
        for k, token in enumerate(ids[-count:])
    ]
