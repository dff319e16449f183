"""Generalised advantage estimation over turns or over tokens: credit from a critic.

Pure functions with the conventions of `credit.py`. Each gives the advantages and the
targets that the critic is to learn.

Shapes: `B` episodes, `K` turns of an episode (ragged), `T` tokens of a completion. An
episode whose world broke has `None` for its rewards: it gets neither advantage nor
target and changes nobody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from toolkit.errors import ConfigError
from toolkit.training.returns import (
    Array,
    Mask,
    Rewards,
    TurnValues,
    check_turns,
    to_ragged,
    to_rectangle,
    whiten,
)

Spans = Sequence[Sequence[tuple[int, int]]]


class TurnCredit(NamedTuple):
    """What `gae_turn` returns."""

    advantages: TurnValues
    """`(B, K)`."""
    targets: TurnValues
    """`(B, K)`, what the critic should have said."""


class TokenCredit(NamedTuple):
    """What `gae_token` returns."""

    advantages: Array
    """`(B, T)`, zero outside the actions."""
    targets: Array
    """`(B, T)`, what the critic should have said; zero outside the actions."""


def gae_turn(
    rewards: Rewards,
    *,
    values: Sequence[Sequence[float]],
    discount: float = 1.0,
    gae_lambda: float = 1.0,
    whitened: bool = True,
) -> TurnCredit:
    """PPO with one value per turn: GAE along the turns.

    With `V_k` the value of what the agent saw before turn `k`, and 0 after the last,

        d_k = r_k + discount * V_{k+1} - V_k
        A_k = d_k + discount * gae_lambda * A_{k+1}

    eq. 16 of https://arxiv.org/abs/1506.02438, with turns as the steps, on which ArCHer
    (https://arxiv.org/abs/2402.19446) learns its values too. Targets are `A_k + V_k`.
    With `gae_lambda=1`, `A_k` is the return-to-go minus `V_k`.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        values: `(B, K)` values of the critic.
        discount: Factor per turn.
        gae_lambda: 1 trusts the returns, 0 trusts the critic.
        whitened: Bring the advantages of all turns to mean 0 and deviation 1.

    Raises:
        ConfigError: If a turn has no value.

    >>> a, t = gae_turn([[0.0, 0.0, 1.0]], values=[[0.2, 0.4, 0.6]], gae_lambda=0.95,
    ...                 whitened=False)
    >>> [round(x, 3) for x in a[0]]  # .2 + .95 * .58, .2 + .95 * .4, 1 - .6
    [0.751, 0.58, 0.4]
    >>> [round(x, 3) for x in t[0]]
    [0.951, 0.98, 1.0]
    """
    check_turns(rewards, values, "values")
    paid, is_turn = to_rectangle(rewards)
    whole = [v if r is not None else None for v, r in zip(values, rewards, strict=True)]
    predicted, _ = to_rectangle(whole)
    advantages = _scan(paid, predicted, is_turn, discount, gae_lambda)
    targets = to_ragged(advantages + predicted, rewards)
    if whitened:
        advantages = whiten(advantages, is_turn)
    return TurnCredit(to_ragged(advantages, rewards), targets)


def gae_token(
    rewards: Rewards,
    *,
    values: ArrayLike,
    spans: Spans,
    discount: float = 1.0,
    gae_lambda: float = 1.0,
    token_rewards: ArrayLike = 0.0,
    whitened: bool = True,
) -> TokenCredit:
    """PPO with one value per token: one GAE chain over the actions of all turns.

    As in `gae_turn`, but a step is a sampled token. The chain runs from the last token
    of the episode to the first and passes over the tokens of the world: what follows
    the end of an action is the first token of the next one. A turn's reward lies on the
    token that ends the turn. §3 and §6 of https://arxiv.org/abs/2510.01132.

    A step being a token, `discount` and `gae_lambda` are factors **per token** here, as
    in the paper, which leaves the discount at 1; below 1, long commands pay for it.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        values: `(B, T)`, each the value of the text before that token; what lies
            outside the actions is not looked at.
        spans: `(B, K)` start and end of each action, as in `EpisodeTokens`.
        discount: Factor per token.
        gae_lambda: 1 trusts the returns, 0 trusts the critic.
        token_rewards: `(B, T)` paid on top, such as a penalty for leaving a reference
            policy; what lies outside the actions is not looked at.
        whitened: Bring the advantages of all tokens to mean 0 and deviation 1.

    Raises:
        ConfigError: If a turn has no span, or a span is empty or leaves the rectangle.

    Two turns of two tokens, one token of the world between them:

    >>> a, t = gae_token([[0.0, 1.0]], values=[[0.5, 0.5, 9.0, 0.5, 0.75]],
    ...                  spans=[[(0, 2), (3, 5)]], gae_lambda=0.5, whitened=False)
    >>> a.tolist()  # d = 0, 0, -, .25, .25; A = d + A of the next action token / 2
    [[0.09375, 0.1875, 0.0, 0.375, 0.25]]
    >>> t.tolist()
    [[0.59375, 0.6875, 0.0, 0.875, 1.0]]
    """
    check_turns(rewards, spans, "spans")
    predicted = np.asarray(values, dtype=np.float64)
    paid, acted = _lay(rewards, spans, predicted.shape)
    predicted = np.where(acted, predicted, 0.0)
    paid += np.where(acted, token_rewards, 0.0)
    advantages = _scan(paid, predicted, acted, discount, gae_lambda)
    targets = advantages + predicted
    if whitened:
        advantages = whiten(advantages, acted)
    return TokenCredit(advantages, targets)


def _lay(rewards: Rewards, spans: Spans, shape: tuple[int, ...]) -> tuple[Array, Mask]:
    """Put each turn's reward on its last token; return it and where actions are."""
    paid, acted = np.zeros(shape), np.zeros(shape, dtype=bool)
    for i, (row, places) in enumerate(zip(rewards, spans, strict=True)):
        for reward, (start, end) in zip(row or (), places, strict=row is not None):
            if not 0 <= start < end <= shape[1]:
                raise ConfigError(
                    f"Episode {i} has an action from token {start} to {end}.",
                    f"An action has tokens, and lies within the {shape[1]} there are.",
                )
            paid[i, end - 1] += reward
            acted[i, start:end] = True
    return paid, acted


def _scan(
    rewards: Array, values: Array, mask: Mask, discount: float, gae_lambda: float
) -> Array:
    """Walk back along each row over the steps that the mask shows; 0 elsewhere."""
    advantages = np.zeros_like(rewards)
    value_after = advantage_after = np.zeros(len(rewards))
    for t in range(rewards.shape[1] - 1, -1, -1):
        here = mask[:, t]
        surprise = rewards[:, t] + discount * value_after - values[:, t]
        advantage = surprise + discount * gae_lambda * advantage_after
        advantages[:, t] = np.where(here, advantage, 0.0)
        advantage_after = np.where(here, advantage, advantage_after)
        value_after = np.where(here, values[:, t], value_after)
    return advantages
