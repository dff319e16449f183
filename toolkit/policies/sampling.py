"""Batched sampling of one action for many live episodes.

Two backends with one interface: `KVSampler` keeps the cache across turns and is what
everything uses; `GenerateSampler` gives the whole history to `model.generate` every
turn and is the reference it is measured against.

Every episode draws from its own random stream, so an action does not depend on which
other episodes share the batch (up to floating-point rounding).

Shapes: `B` episodes of this call, `V` vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from toolkit.policies.kv_cache import RowCache


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

    def sample(
        self,
        episodes: Sequence[int],
        new_ids: Sequence[Sequence[int]],
        rngs: Sequence[np.random.Generator],
        params: SamplingParams,
    ) -> list[Sampled]:
        """Append `new_ids` to each episode's context and draw its next action."""
        ...

    def drop(self, episodes: Collection[int]) -> None:
        """Forget episodes."""
        ...


class KVSampler:
    """Keeps one `RowCache` over all turns of all live episodes.

    Right for full-attention models and contexts that are only appended to, and bound
    to one set of weights: make a new one after every optimiser step.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self.cache = RowCache(model.config.num_hidden_layers, model.device)
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
        logits = self._read(episodes, new_ids)
        rows = [self.row_of[e] for e in episodes]
        drawn = np.stack([rng.random(params.max_new_tokens) for rng in rngs])
        out = [Sampled() for _ in episodes]
        live = list(range(len(episodes)))
        for k in range(params.max_new_tokens):
            ids, logprobs = _draw(logits, drawn[live, k], params)
            for i, token, logprob in zip(live, ids, logprobs, strict=True):
                out[i].ids.append(token)
                out[i].logprobs.append(logprob)
            going = [j for j, t in enumerate(ids) if t not in params.stop_ids]
            if not going or k == params.max_new_tokens - 1:
                break
            tokens = {live[j]: [ids[j]] for j in going}
            live = list(tokens)
            logits = self._step(rows, tokens)
        for e, action in zip(episodes, out, strict=True):
            self.pending[e] = action.ids[-1:]  # sampled, not yet in the cache
        return out

    @torch.inference_mode()
    def drop(self, episodes: Collection[int]) -> None:
        """Free the rows of episodes that ended."""
        for e in episodes:
            row = self.row_of.pop(e, None)
            if row is None:
                continue
            self.pending.pop(e, None)
            moved = self.cache.drop_row(row)
            for other, r in self.row_of.items():
                if r == moved:
                    self.row_of[other] = row

    def _read(
        self, episodes: Sequence[int], new_ids: Sequence[Sequence[int]]
    ) -> Tensor:
        """Put the observations into the cache; return the next logits `(B, V)`."""
        fresh = [i for i, e in enumerate(episodes) if e not in self.row_of]
        old = [i for i, e in enumerate(episodes) if e in self.row_of]
        parts: list[tuple[list[int], Tensor]] = []
        if fresh:
            parts.append((fresh, self._open([episodes[i] for i in fresh],
                                            [new_ids[i] for i in fresh])))
        for bucket in _buckets(old, [len(new_ids[i]) for i in old]):
            rows = [self.row_of[episodes[i]] for i in bucket]
            chunk = [[*self.pending[episodes[i]], *new_ids[i]] for i in bucket]
            parts.append((bucket, self._forward(rows, chunk)))
        place = torch.tensor([i for part, _ in parts for i in part])
        logits = torch.cat([part for _, part in parts])
        return logits[torch.argsort(place).to(logits.device)]

    def _open(
        self, episodes: Sequence[int], prompts: Sequence[Sequence[int]]
    ) -> Tensor:
        """Give new episodes a row each; equal prompts are computed once."""
        rows = self.cache.add_rows(len(episodes))
        self.row_of.update(zip(episodes, rows, strict=True))
        groups: dict[tuple[int, ...], list[int]] = {}
        for j, prompt in enumerate(prompts):
            groups.setdefault(tuple(prompt), []).append(j)
        logits = self._forward(
            [rows[members[0]] for members in groups.values()],
            [list(prompt) for prompt in groups],
        )
        source = torch.empty(len(rows), dtype=torch.long)
        for g, members in enumerate(groups.values()):
            source[members] = g
            if len(members) > 1:
                self.cache.copy_row(rows[members[0]], [rows[j] for j in members[1:]])
        return logits[source.to(logits.device)]

    def _step(self, rows: list[int], tokens: dict[int, list[int]]) -> Tensor:
        """Feed one token to the rows that go on; return their logits.

        While most rows go on, those that ended ride along empty: taking a part of the
        cache means copying it.
        """
        if 2 * len(tokens) <= len(rows):
            return self._forward([rows[i] for i in tokens], list(tokens.values()))
        logits = self._forward(rows, [tokens.get(i, []) for i in range(len(rows))])
        return logits[list(tokens)]

    def _forward(self, rows: list[int], chunk: list[list[int]]) -> Tensor:
        """Append a ragged chunk to `rows`; return the logits after it `(B, V)`."""
        position, mask = self.cache.plan(rows, [len(c) for c in chunk])
        n = position.shape[1]
        ids = torch.tensor([[0] * (n - len(c)) + c for c in chunk])
        output = self.model(
            input_ids=ids.to(self.model.device),
            attention_mask=mask,
            position_ids=position,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].float()  # type: ignore[no-any-return]


class GenerateSampler:
    """Gives the full history to `model.generate` each turn; slow, plain, trusted."""

    def __init__(self, model: Any) -> None:
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
        """Draw actions with torch's global generator, seeded from the episodes."""
        for e, ids in zip(episodes, new_ids, strict=True):
            self.history.setdefault(e, []).extend(ids)
        rows = [self.history[e] for e in episodes]
        width = max(map(len, rows))
        ids = torch.tensor([[params.pad_id] * (width - len(r)) + r for r in rows])
        mask = torch.tensor([[0] * (width - len(r)) + [1] * len(r) for r in rows])
        device = self.model.device
        how: dict[str, Any] = {"do_sample": False}
        if not params.greedy:
            how = {"do_sample": True, "temperature": params.temperature, "top_k": 0}
        with torch.random.fork_rng():
            torch.manual_seed(int(rngs[0].integers(2**31)))
            result = self.model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                max_new_tokens=params.max_new_tokens,
                eos_token_id=list(params.stop_ids),
                pad_token_id=params.pad_id,
                output_logits=True,
                return_dict_in_generate=True,
                **how,
            )
        new = result.sequences[:, width:].cpu()
        scores = torch.stack(result.logits, 1).float() / params.temperature
        logprobs = scores.log_softmax(-1).cpu().gather(2, new[..., None])[..., 0]
        out = []
        for e, tokens, lp in zip(episodes, new.tolist(), logprobs.tolist(), strict=True):
            end = next((i for i, t in enumerate(tokens) if t in params.stop_ids), None)
            end = len(tokens) if end is None else end + 1
            out.append(Sampled(ids=tokens[:end], logprobs=lp[:end]))
            self.history[e].extend(tokens[:end])
        return out

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
    logp = (logits / params.temperature).log_softmax(-1)
    if params.greedy:
        token = logp.argmax(-1)
    else:
        cumulative = logp.double().exp().cumsum(-1)
        u = torch.from_numpy(uniform).to(logits.device)[:, None] * cumulative[:, -1:]
        token = torch.searchsorted(cumulative, u, right=True)[:, 0]
        token = token.clamp(max=logits.shape[-1] - 1)
    return token.tolist(), logp.gather(1, token[:, None])[:, 0].tolist()


def _buckets(items: list[int], lengths: list[int]) -> list[list[int]]:
    """Split items into at most two groups of similar length.

    One rectangle is padded to its longest row; a second pass pays off when it spares
    more padding than it costs to gather its rows (about a fifth of the rectangle).
    """
    if len(items) < 8:
        return [items] if items else []
    order = sorted(range(len(items)), key=lengths.__getitem__)
    ranked = [lengths[j] for j in order]
    area = [ranked[k - 1] * k + ranked[-1] * (len(ranked) - k) for k in range(1, len(ranked))]
    best = min(range(len(area)), key=area.__getitem__)
    if area[best] > 0.8 * ranked[-1] * len(ranked):
        return [items]
    cut = best + 1
    return [[items[j] for j in order[:cut]], [items[j] for j in order[cut:]]]
