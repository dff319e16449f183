"""Supervised fine-tuning on recorded episodes (behaviour cloning).

A plain loop: same glue, same masks as in RL, loss on action tokens only.
Shapes: `B` episodes, `L` tokens of prompt and completion together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from toolkit.environments.base import TextEnv, tasks
from toolkit.episodes.record import Episode
from toolkit.episodes.tokens import EpisodeTokens, pad_batch, tokenize_episode
from toolkit.errors import ConfigError
from toolkit.policies.base import Policy
from toolkit.policies.context import Context
from toolkit.policies.models import ModelPolicy
from toolkit.training.packed import context_rows, episode_rows, pack, score


@dataclass(frozen=True, kw_only=True, slots=True)
class ImitationConfig:
    """How to imitate."""

    steps: int = 200
    """Optimiser steps."""
    batch_size: int = 16
    """Episodes per step."""
    learning_rate: float = 1e-3
    """Peak of AdamW's rate; warms up over 20 steps, then falls linearly to 5 %."""
    weight_decay: float = 0.01
    """AdamW's decay."""
    seed: int = 0
    """Seed of the order of episodes."""

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: If one is out of range.
        """
        for name in ("steps", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                value = getattr(self, name)
                raise ConfigError(f"{name} is {value}.", "It must be above zero.")


def demonstrate(
    env: TextEnv, n: int, expert: Policy, *, seed: int = 0
) -> list[Episode]:
    """Return `n` won games of the demonstration split.

    Args:
        env: Made by `make_env`.
        n: How many; games that the expert loses are replaced by others.
        expert: Who plays.
        seed: Of its play.

    Raises:
        ConfigError: If not so many are won.
    """
    from toolkit.episodes.rollout import collect

    assert env.spec is not None
    params = getattr(env.factory, "keywords", {})
    games = tasks(env.spec.id, split="demonstration", **params) if n else []
    won: list[Episode] = []
    while len(won) < n and games:
        batch, games = games[: n - len(won)], games[n - len(won) :]
        played = collect(expert, env, batch, seed=seed, progress=False)
        won += [episode for episode in played if episode.won]
    if len(won) < n:
        raise ConfigError(
            f"{n} demonstrations were asked for, and there are {len(won)}.",
            f"{expert.name} won no more games of the demonstration split.",
            "Use a smaller budget or another expert.",
        )
    return won


def encode_episode(policy: ModelPolicy, episode: Episode) -> Episode:
    """Give an episode that no model played the ids it would have had.

    Observations and commands are encoded with the policy's own glue; each command is
    closed by the stop token. Log-probabilities are zero, for nobody sampled.
    """
    if not episode.turns:
        return episode
    stop = policy.template.stop_ids[0]
    texts = [
        policy.template.wrap(t.observation, is_first=k == 0)
        for k, t in enumerate(episode.turns)
    ]
    seen = policy.tokenizer(texts, add_special_tokens=False).input_ids
    said = policy.tokenizer(
        [t.completion for t in episode.turns], add_special_tokens=False
    ).input_ids
    context = Context(rng=np.random.default_rng(0), history=policy.history)
    turns = []
    for turn, observed, acted in zip(episode.turns, seen, said, strict=True):
        context.make_room(len(observed), policy.room)
        context.observe(observed)
        context.act([*acted, stop])
        encoded = replace(
            turn,
            observation_ids=tuple(observed),
            hidden_ids=context.hidden,
            action_ids=(*acted, stop),
            logprobs=(0.0,) * (len(acted) + 1),
        )
        turns.append(encoded)
    return replace(episode, turns=tuple(turns))


def imitate(
    policy: ModelPolicy,
    episodes: Sequence[Episode],
    config: ImitationConfig | None = None,
    *,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train a policy to act as in `episodes`; changes its model in place.

    Args:
        policy: Who learns.
        episodes: Won games of an expert, a person or another model.
        config: How long and how fast.
        on_step: Called with the step (from 1) and its loss.

    Returns:
        Loss per step, in nats per action token.

    Raises:
        ConfigError: If there are no episodes.
    """
    config = config or ImitationConfig()
    if not episodes:
        raise ConfigError("There are no episodes to imitate.", "The list is empty.")
    data = [tokenize_episode(encode_episode(policy, e)) for e in episodes]
    policy.trained_on |= {(e.task.env, e.task.seed) for e in episodes}
    return fit(
        policy, lambda order: [data[i] for i in order], len(data), config, on_step
    )


def fit(
    policy: ModelPolicy,
    batch_of: Callable[[Sequence[int]], list[EpisodeTokens]],
    size: int,
    config: ImitationConfig,
    on_step: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Run the loop on batches that `batch_of` makes from indices below `size`."""
    model = policy.model.train()
    weights = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        weights, lr=config.learning_rate, weight_decay=config.weight_decay
    )
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min(1.0, (k + 1) / 20) * (1 - 0.95 * k / config.steps)
    )
    losses = []
    for step, order in zip(range(config.steps), _orders(size, config), strict=False):
        loss = action_loss(model, batch_of(order), policy.tokenizer.pad_token_id)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        rate.step()
        losses.append(loss.item())
        if on_step:
            on_step(step + 1, losses[-1])
    model.eval()
    return losses


def action_loss(model: Any, batch: Sequence[EpisodeTokens], pad_id: int) -> Tensor:
    """Return the mean negative log-likelihood of the action tokens, a scalar."""
    tensors = pad_batch(batch, pad_id)
    ids = torch.cat([tensors.prompt_ids, tensors.completion_ids], 1)  # (B, L)
    mask = torch.cat([tensors.prompt_mask, tensors.completion_mask], 1)
    acted = torch.cat([0 * tensors.prompt_mask, tensors.action_mask], 1)
    begin = tensors.prompt_ids.shape[1]
    rows = context_rows(episode_rows(ids, mask, acted), tensors.hidden, begin)
    parts = (t.to(model.device) for t in (rows.ids, rows.mask, rows.wanted))
    logp, _ = score(model, pack(*parts))
    return -logp.mean()


def _orders(size: int, config: ImitationConfig) -> Iterator[list[int]]:
    """Yield batches of indices, epoch after epoch."""
    rng = np.random.default_rng(config.seed)
    queue: list[int] = []
    while True:
        while len(queue) < config.batch_size:
            queue += rng.permutation(size).tolist()
        yield queue[: config.batch_size]
        queue = queue[config.batch_size :]
