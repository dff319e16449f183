"""How sampled tokens are scored in training: nothing else is computed.

Two methods of TRL's trainer change neither the loss nor its gradient here, only the
work:

* `_get_per_token_logps_and_entropies` scores sampled tokens only, without padding, and
  each in the context it was sampled in, if the policy has a limited history.
* Rows that add nothing are left out of the loss, and columns that are all padding.

Shapes: `B` episodes, `T` tokens of their completions, `L` columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from trl import GRPOTrainer

from toolkit.training.packed import (
    Rows,
    context_rows,
    episode_rows,
    keep_rows,
    pack,
    score,
    spread,
    trim_padding,
)


class ScoringTrainer(GRPOTrainer):
    """A `GRPOTrainer` that scores no more than it must."""

    _is_packed: bool
    """Whether attention can be computed row by row."""
    _acted: Tensor
    """`(B, T)`, 1 on what is to be scored."""
    _hidden: Tensor | None
    """`(B, T, 2)`, what its model no longer saw, see `TokenBatch`."""
    _logps: Tensor
    """`(B, T)`, of the last pass."""

    def _needed(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Leave out what adds nothing to the loss."""
        if self.accelerator.num_processes > 1:
            # TRL gathers metrics: all processes need equal rows
            return trim_padding(inputs)
        acted = inputs["completion_mask"] * inputs["tool_mask"]
        inputs = keep_rows(inputs, acted.bool().any(1))
        if self.args.rows_may_be_dropped and not self.aux_loss_enabled:
            inputs = keep_rows(inputs, inputs["advantages"].ne(0).any(1))
        return trim_padding(inputs)

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        **others: Any,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return log-probability and entropy of sampled tokens `(B, T)`, 0 elsewhere.

        If attention cannot be packed, TRL scores all tokens.
        """
        if self._hidden is None and not self._is_packed:
            scored: tuple[Tensor, Tensor | None, Tensor | None]
            scored = super()._get_per_token_logps_and_entropies(
                model, input_ids, attention_mask, logits_to_keep, batch_size, **others
            )
            self._logps = scored[0].detach()
            return scored
        episodes, rows = self._contexts(input_ids, attention_mask, logits_to_keep)
        # all processes do as many passes, however many contexts an episode has
        sizes = (rows.episode // (batch_size or len(input_ids))).bincount().tolist()
        parts = zip(*(torch.split(t, sizes) for t in rows), strict=True)
        found = [self._score_rows(model, Rows(*part), **others) for part in parts]
        logps, entropies, aux = map(_joined, zip(*found, strict=True))
        assert logps is not None
        logps = spread(logps, episodes, logits_to_keep)
        if entropies is not None:
            entropies = spread(entropies, episodes, logits_to_keep)
        self._logps = logps.detach()
        return logps, entropies, None if aux is None else aux.mean()

    def _contexts(self, ids: Tensor, mask: Tensor, width: int) -> tuple[Rows, Rows]:
        """Return the episodes as rows `(B, L)`, and the contexts they were played in.

        Completions are the last `width` columns.
        """
        begin = ids.shape[1] - width
        wanted = torch.zeros_like(mask)
        wanted[:, begin : begin + self._acted.shape[1]] = self._acted
        episodes = episode_rows(ids, mask, wanted)
        return episodes, context_rows(episodes, self._hidden, begin)

    def _score_rows(
        self, model: Any, rows: Rows, **others: Any
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Return log-probability and entropy of wanted tokens, each `(n,)`."""
        if self._is_packed:
            fused = rows.ids.device.type == "cuda"
            with self.accelerator.autocast():
                packed = pack(rows.ids, rows.mask, rows.wanted)
                found = score(model, packed, temperature=self.temperature, fused=fused)
            return *found, None
        width = rows.ids.shape[1] - 1
        logps, entropies, aux = super()._get_per_token_logps_and_entropies(
            model, rows.ids, rows.mask, width, **others
        )
        wanted = rows.wanted[:, 1:].bool()
        return (
            logps[wanted],
            None if entropies is None else entropies[wanted],
            None if aux is None else aux[None],
        )


def _joined(parts: Sequence[Tensor | None]) -> Tensor | None:
    """Join what several passes gave, if they gave anything."""
    there = [part for part in parts if part is not None]
    return torch.cat(there) if there else None
