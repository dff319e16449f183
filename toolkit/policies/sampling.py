"""Batched sampling of one action for many live episodes.

Two backends with one interface: `KVSampler` keeps the cache across turns and is what
everything uses; `GenerateSampler` gives the whole history to `model.generate` every
turn and is the reference it is measured against.

In `KVSampler` every episode draws from its own random stream, so an action does not
depend on which other episodes share the batch (up to floating-point rounding).

Shapes: `B` episodes of this call, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from toolkit.policies.kv_cache import (
    ATTENTION,
    RowCache,
    attending,
    check_attention,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingParams:
    """How actions are drawn."""

    temperature: float = 1.0
    """Divides the logits; training must use the same value."""
    max_new_tokens: int = 24
    """Longest action in tokens."""
    stop_ids: tuple[int, ...] = ()
    """Tokens that end an action."""
    pad_id: int = 0
    """Fills rectangles; never seen by the model."""
    greedy: bool = False
    """Take the most probable token."""


@dataclass(kw_only=True, slots=True)
class Sampled:
    """Ids of one action, stop token included, with their log-probabilities."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)


class Sampler(Protocol):
    """A turn backend."""

    def start(self, model: Any) -> None:
        """Forget all episodes and sample from `model` from now on."""
        ...

    def sample(
        self,
        episodes: Sequence[int],
        new_ids: Sequence[Sequence[int]],
        rngs: Sequence[np.random.Generator],
        params: SamplingParams,
    ) -> list[Sampled]:
        """Append `new_ids` to each episode's context and draw its next action."""
        ...

    def keep(self, episode: int, length: int) -> None:
        """Forget what an episode has behind its first `length` ids, if it is known."""
        ...

    def drop(self, episodes: Collection[int]) -> None:
        """Forget episodes."""
        ...


class KVSampler:
    """Keeps one `RowCache` over all turns of all live episodes.

    Right for full-attention models and contexts that are appended to or cut at the end.
    What is in the cache belongs to one set of weights: call `start` after every
    optimiser step.

    Args:
        model: A causal language model.
        by_row: See `RowCache` (`None`: what suits the model's device).

    Raises:
        ModelError: If the attention of the model cannot be replaced.
    """

    def __init__(self, model: Any, *, by_row: bool | None = None) -> None:
        self.by_row = by_row
        self.cache = RowCache(model.device, model.dtype, by_row=False)
        self.start(model)

    def start(self, model: Any) -> None:
        """Forget all episodes and sample from `model` from now on.

        Raises:
            ModelError: If the attention of the model cannot be replaced.
        """
        check_attention(model)
        self.model = model
        by_row = model.device.type == "cpu" if self.by_row is None else self.by_row
        self.cache = RowCache(
            model.device, model.dtype, by_row=by_row, reuse=self.cache
        )
        self.row_of: dict[int, int] = {}
        self.pending: dict[int, list[int]] = {}

    @torch.inference_mode()
    def sample(
        self,
        episodes: Sequence[int],
        new_ids: Sequence[Sequence[int]],
        rngs: Sequence[np.random.Generator],
        params: SamplingParams,
    ) -> list[Sampled]:
        """Append observations, then draw tokens until every action has ended."""
        drawn = np.stack([rng.random(params.max_new_tokens) for rng in rngs])
        out = [Sampled() for _ in episodes]
        live = list(range(len(episodes)))
        with attending(self.model, ATTENTION):
            logits = self._read(episodes, new_ids)
            for k in range(params.max_new_tokens):
                ids, logprobs = _draw(logits, drawn[live, k], params)
                for i, token, logprob in zip(live, ids, logprobs, strict=True):
                    out[i].ids.append(token)
                    out[i].logprobs.append(logprob)
                live = [i for i in live if out[i].ids[-1] not in params.stop_ids]
                if not live or k == params.max_new_tokens - 1:
                    break
                rows = [self.row_of[episodes[i]] for i in live]
                logits = self._forward(rows, [out[i].ids[-1:] for i in live])
        for e, action in zip(episodes, out, strict=True):
            self.pending[e] = action.ids[-1:]  # sampled, not yet in the cache
        return out

    def keep(self, episode: int, length: int) -> None:
        """Forget what an episode has behind its first `length` ids, if it is known."""
        row = self.row_of.get(episode)
        if row is not None and self.cache.lengths[row] >= length:
            self.cache.lengths[row], self.pending[episode] = length, []

    def drop(self, episodes: Collection[int]) -> None:
        """Free the rows of episodes that ended."""
        for e in episodes:
            if e in self.row_of:
                self.cache.close_row(self.row_of.pop(e))
                del self.pending[e]

    def _read(
        self, episodes: Sequence[int], new_ids: Sequence[Sequence[int]]
    ) -> Tensor:
        """Put the observations into the cache; return the next logits `(B, V)`.

        Episodes that begin with the same prompt compute it once.
        """
        source: list[int] = []  # which part of the chunk each episode shares
        rows: list[int] = []
        chunk: list[list[int]] = []
        prompts: dict[tuple[int, ...], int] = {}
        copies: dict[int, list[int]] = {}
        for e, ids in zip(episodes, new_ids, strict=True):
            is_new = e not in self.row_of
            if is_new:
                self.row_of[e] = self.cache.open_row()
                part = prompts.setdefault(tuple(ids), len(rows))
                source.append(part)
                if part < len(rows):
                    copies.setdefault(rows[part], []).append(self.row_of[e])
                    continue
            else:
                source.append(len(rows))
            rows.append(self.row_of[e])
            chunk.append([*self.pending.get(e, ()), *ids])
        logits = self._forward(rows, chunk)
        for row, targets in copies.items():
            self.cache.copy_row(row, targets)
        return logits[torch.tensor(source, device=logits.device)]

    def _forward(self, rows: list[int], chunk: list[list[int]]) -> Tensor:
        """Append ids to `rows`; return the logits after each row's last `(B, V)`."""
        plan = self.cache.append(rows, [len(ids) for ids in chunk])
        flat = torch.tensor([[i for ids in chunk for i in ids]])
        output = self.model(
            input_ids=flat.to(self.model.device),
            position_ids=plan.position[None],
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=plan.last,
            chunk=plan,
        )
        return output.logits[0].float()  # type: ignore[no-any-return]


class GenerateSampler:
    """Gives the full history to `model.generate` each turn; slow, plain, trusted."""

    def __init__(self, model: Any) -> None:
        self.start(model)

    def start(self, model: Any) -> None:
        """Forget all episodes and sample from `model` from now on."""
        self.model = model
        self.history: dict[int, list[int]] = {}

    @torch.inference_mode()
    def sample(
        self,
        episodes: Sequence[int],
        new_ids: Sequence[Sequence[int]],
        rngs: Sequence[np.random.Generator],
        params: SamplingParams,
    ) -> list[Sampled]:
        """Draw actions with a generator seeded from the first episode's stream."""
        for e, ids in zip(episodes, new_ids, strict=True):
            self.history.setdefault(e, []).extend(ids)
        rows = [self.history[e] for e in episodes]
        width = max(map(len, rows))
        pads = [[params.pad_id] * (width - len(row)) for row in rows]
        prompt = torch.tensor([p + row for p, row in zip(pads, rows, strict=True)])
        mask = torch.tensor(
            [[0] * len(p) + [1] * len(row) for p, row in zip(pads, rows, strict=True)]
        )
        device = self.model.device
        how: dict[str, Any] = {"do_sample": False}
        if not params.greedy:
            how = {"do_sample": True, "temperature": params.temperature}
        with torch.random.fork_rng():
            torch.manual_seed(int(rngs[0].integers(2**31)))
            result = self.model.generate(
                input_ids=prompt.to(device),
                attention_mask=mask.to(device),
                max_new_tokens=params.max_new_tokens,
                eos_token_id=list(params.stop_ids),
                pad_token_id=params.pad_id,
                top_k=0,  # these three: whatever the model's own settings say
                top_p=1.0,
                repetition_penalty=1.0,
                output_logits=True,
                return_dict_in_generate=True,
                **how,
            )
        new = result.sequences[:, width:].cpu()
        scores = torch.stack(result.logits, 1).float() / params.temperature
        logprobs = scores.log_softmax(-1).cpu().gather(2, new[..., None])[..., 0]
        out = []
        for e, tokens, lp in zip(
            episodes, new.tolist(), logprobs.tolist(), strict=True
        ):
            end = next((i for i, t in enumerate(tokens) if t in params.stop_ids), None)
            end = len(tokens) if end is None else end + 1
            out.append(Sampled(ids=tokens[:end], logprobs=lp[:end]))
            self.history[e].extend(tokens[:end])
        return out

    def keep(self, episode: int, length: int) -> None:
        """Forget what an episode has behind its first `length` ids, if it is known."""
        if episode in self.history:
            del self.history[episode][length:]

    def drop(self, episodes: Collection[int]) -> None:
        """Forget histories."""
        for e in episodes:
            self.history.pop(e, None)


def _draw(
    logits: Tensor, uniform: np.ndarray, params: SamplingParams
) -> tuple[list[int], list[float]]:
    """Draw one token per row by inverting the cumulative distribution.

    Args:
        logits: `(B, V)`.
        uniform: `(B,)` numbers in [0, 1), one per row.
        params: Temperature and whether to be greedy.
    """
    if logits.device.type == "mps":
        logits = logits.cpu()  # MPS has no 64-bit floats
    logp = (logits / params.temperature).log_softmax(-1)
    if params.greedy:
        token = logp.argmax(-1)
    else:
        cumulative = logp.exp().cumsum(-1, dtype=torch.float64)
        u = torch.from_numpy(uniform).to(logits.device)[:, None] * cumulative[:, -1:]
        token = torch.searchsorted(cumulative, u, right=True)[:, 0]
        token = token.clamp(max=logits.shape[-1] - 1)
    return token.tolist(), logp.gather(1, token[:, None])[:, 0].tolist()
