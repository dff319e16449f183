"""Credit: how turn rewards become advantages.

Pure functions on numbers; nothing here knows models, trainers or environments. An
estimator takes the turn rewards of episodes and gives one advantage per turn, which
`spread_turns` lays on the tokens. Whatever else it has to know, it names as keywords,
and equal names mean the same everywhere:

| keyword | what |
|---|---|
| `group_size` | `G`, at least 2: episodes of one task lie side by side |
| `discount` | factor per turn on what comes later |
| `scale` | what differences are divided by |
| `anchors` | `(B, K)` hashable states |
| `greedy_returns` | `(B,)` what greedy play earned in the same task |
| `values` | what a critic expects; such estimators are in `gae.py` |

So a function of your own is an estimator too: `CREDITS["mine"] = mine`. Those that ask
for `values` give the critic's targets as well, and are for PPO (`ppo.py`) alone.

Shapes: `B` episodes, `G` group size, `K` turns of an episode (ragged). An episode whose
world broke has `None` for its rewards: it gets no advantage and changes nobody's.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from toolkit.errors import ConfigError, near_matches
from toolkit.training.gae import gae_token, gae_turn
from toolkit.training.gigpo import gigpo
from toolkit.training.returns import (
    EPSILON,
    Array,
    Rewards,
    TurnValues,
    centre,
    check_groups,
    episode_returns,
    group_returns,
    returns_to_go,
    spread_of,
    to_ragged,
    to_rectangle,
    whiten,
)

SCALES = ("group", "batch", "none")


def grpo(
    rewards: Rewards, *, group_size: int, discount: float = 1.0, scale: str = "group"
) -> TurnValues:
    """Return of the episode against the mean of its group, the same for all turns.

    With `R` the (discounted) return, `A = (R - mean of group) / (s + eps)`, where `s`
    is the standard deviation of the returns

    * in the group: `scale="group"`, DeepSeekMath §4.1.2
      (https://arxiv.org/abs/2402.03300);
    * in the batch: `scale="batch"` (https://arxiv.org/abs/2508.08221);
    * not used, `A = R - mean`: `scale="none"`, Dr. GRPO
      (https://arxiv.org/abs/2503.20783), so that groups which differ little weigh
      little.

    The deviation is the sample's and `eps` 1e-4, as in TRL. What is ours: `R` adds up
    the rewards of all turns, and every turn gets the same advantage.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        group_size: `G`, at least 2; divides `B`.
        discount: Factor per turn.
        scale: One of `group`, `batch`, `none`.

    Returns:
        `(B, K)` advantages, one per turn; none for broken episodes.

    Raises:
        ConfigError: If there is no group to compare with, or the scale is unknown.

    >>> grpo([[0.0, 1.0], [0.0], [1.0], [0.0, 0.0]], group_size=2)[0]
    [0.7070..., 0.7070...]
    >>> grpo([[0.0, 1.0], [0.0]], group_size=2, scale="none")
    [[0.5, 0.5], [-0.5]]
    >>> grpo([[1.0], [1.0]], group_size=2)  # all alike: nothing to learn
    [[0.0], [0.0]]
    """
    check_scale(scale)
    returns, is_whole = group_returns(rewards, group_size, discount)
    advantages = centre(returns, is_whole, axis=1)
    if scale == "group":
        advantages /= spread_of(advantages, is_whole, axis=1) + EPSILON
    elif scale == "batch":
        advantages /= spread_of(centre(returns, is_whole), is_whole) + EPSILON
    return _same_for_all_turns(advantages.ravel(), rewards)


def rloo(rewards: Rewards, *, group_size: int, discount: float = 1.0) -> TurnValues:
    """Return of the episode against the mean of the others in its group.

    Leave-one-out REINFORCE, `A_i = R_i - mean of R_j over j != i`
    (https://arxiv.org/abs/2402.14740). The baseline does not contain the episode's own
    return and nothing is divided, so the gradient is unbiased. An episode that is left
    alone because the others broke gets 0.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        group_size: `G`, at least 2; divides `B`.
        discount: Factor per turn.

    Returns:
        `(B, K)` advantages, one per turn; none for broken episodes.

    Raises:
        ConfigError: If there is no group to compare with.

    >>> rloo([[1.0], [0.0, 0.0], [0.0, 1.0]], group_size=3)  # 1 - 1/2, 0 - 2/2, 1 - 1/2
    [[0.5], [-1.0, -1.0], [0.5, 0.5]]
    """
    returns, is_whole = group_returns(rewards, group_size, discount)
    n = is_whole.sum(1, keepdims=True)
    # R_i - mean of others = (R_i - mean of all) * n / (n - 1)
    advantages = centre(returns, is_whole, axis=1) * n / np.maximum(n - 1, 1)
    return _same_for_all_turns(advantages.ravel(), rewards)


def reinforce_pp(rewards: Rewards, *, discount: float = 1.0) -> TurnValues:
    """Return-to-go of each turn, whitened over the batch; needs no group.

    REINFORCE++ (https://arxiv.org/abs/2501.03262): with `G_k` the return from turn `k`
    on, `A_k = (G_k - mean) / (std + eps)` over all turns of the batch.

    `G_k` runs through **all** later turns. (An implementation that walks back over
    tokens must skip those of the world: if it starts anew there, a game won in its
    third turn gives its turns 0, 0, 1 instead of 1, 1, 1.)

    Where we deviate: every turn counts once in mean and deviation, however many tokens
    it has; the discount is per turn; a KL penalty is the loss's business (`beta`).

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        discount: Factor per turn.

    Returns:
        `(B, K)` advantages; none for broken episodes.

    >>> a = reinforce_pp([[0.0, 0.0, 1.0], [0.0]])  # to go: 1 1 1 and 0; std 1/2
    >>> [[round(x, 2) for x in row] for row in a]
    [[0.5, 0.5, 0.5], [-1.5]]
    """
    values, is_turn = to_rectangle(rewards)
    return to_ragged(whiten(returns_to_go(values, discount), is_turn), rewards)


def turn_return(
    rewards: Rewards, *, group_size: int, discount: float = 1.0
) -> TurnValues:
    """Return-to-go of each turn, compared with the group at the same turn.

    With `G_k` the return from turn `k` on, `A_k = (G_k - b_k) / (s + eps)`. Baseline
    `b_k` is the mean of `G_k` over the `n_k` episodes of the group that reached turn
    `k`; `s` is the root mean square of `G_k - b_k` over all turns of the group. Ours.

    Does the number of turns leak into it? Normalising *rewards* by turn and then adding
    them up would: each further turn would bring its own baseline along, a hidden bonus
    or fine for going on. Here one baseline is subtracted from the whole of `G_k`, and
    who is compared at turn `k` was settled before the action of turn `k` was drawn. So,
    `s` aside, the expected gradient of turn `k` is the true one times the mean of
    `1 - 1/n_k`: the baseline contains the episode's own return, as in GRPO. Turns that
    few reach are thus learnt slower, and one that an episode reaches alone not at all,
    but none is pushed towards longer or shorter episodes.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        group_size: `G`, at least 2; divides `B`.
        discount: Factor per turn between an action and what it earns.

    Returns:
        `(B, K)` advantages; none for broken episodes.

    Raises:
        ConfigError: If there is no group to compare with.

    >>> a = turn_return([[0.0, 1.0], [0.0, 0.0]], group_size=2, discount=0.5)
    >>> [[round(x, 2) for x in row] for row in a]  # to go: .5 1 and 0 0
    [[0.63, 1.26], [-0.63, -1.26]]
    """
    check_groups(len(rewards), group_size)
    values, is_turn = to_rectangle(rewards)
    shape = len(values) // group_size, group_size, values.shape[1]
    turns = is_turn.reshape(shape)
    advantages = centre(returns_to_go(values, discount).reshape(shape), turns, axis=1)
    n = np.maximum(turns.sum((1, 2), keepdims=True), 1)
    advantages /= np.sqrt((advantages**2).sum((1, 2), keepdims=True) / n) + EPSILON
    return to_ragged(advantages.reshape(values.shape), rewards)


def remax(
    rewards: Rewards, *, greedy_returns: Sequence[float | None], discount: float = 1.0
) -> TurnValues:
    """Return of the episode against that of greedy play in the same task; no group.

    ReMax (https://arxiv.org/abs/2310.10505): `A = R - R of the greedy episode`. Nothing
    is divided. The baseline does not depend on what was sampled, so the gradient is
    unbiased; its price is one more episode per task.

    Where we deviate: where the world broke in greedy play there is no baseline, and the
    task's episodes get 0.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        greedy_returns: `(B,)` discounted returns of greedy play, one per episode;
            `None` where the world broke.
        discount: Factor per turn.

    Returns:
        `(B, K)` advantages, one per turn; none for broken episodes.

    Raises:
        ConfigError: If there is not one greedy return per episode.

    >>> remax([[0.0, 1.0], [0.0]], greedy_returns=[0.75, 0.75])
    [[0.25, 0.25], [-0.75]]
    """
    if len(greedy_returns) != len(rewards):
        raise ConfigError(
            f"There are {len(greedy_returns)} greedy returns for {len(rewards)} "
            "episodes.",
            "Each episode is compared with greedy play in its own task.",
        )
    returns, _ = episode_returns(rewards, discount)
    pairs = zip(returns.tolist(), greedy_returns, strict=True)
    advantages = np.array([0.0 if base is None else r - base for r, base in pairs])
    return _same_for_all_turns(advantages, rewards)


Credit = Callable[..., TurnValues]
CREDITS: dict[str, Credit] = {
    f.__name__: f for f in (grpo, rloo, reinforce_pp, turn_return, gigpo, remax)
}
OF_CRITICS: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (gae_token, gae_turn)
}


def get_credit(name: str) -> Callable[..., Any]:
    """Return an estimator by its name.

    Raises:
        ConfigError: If there is none; the message says what each of them does.
    """
    known: dict[str, Callable[..., Any]] = {**CREDITS, **OF_CRITICS}
    if name not in known:
        lines = [f"  {n}: {_summary(credit)}" for n, credit in known.items()]
        raise ConfigError(
            f"There is no credit estimator {name!r}.",
            "\n".join(["Known are", *lines]),
            near_matches(name, known),
        )
    return known[name]


def keywords(credit: Credit) -> frozenset[str]:
    """Return what an estimator takes beside the turn rewards.

    >>> sorted(keywords(rloo))
    ['discount', 'group_size']
    """
    return frozenset(list(inspect.signature(credit).parameters)[1:])


def check_scale(scale: str) -> None:
    """Raise unless the scale is known.

    Raises:
        ConfigError: If it is not.
    """
    if scale not in SCALES:
        raise ConfigError(
            f"The scale is {scale!r}.",
            "Returns are divided by the standard deviation of the group, of the batch, "
            "or by none.",
            near_matches(str(scale), SCALES),
        )


def _summary(credit: Credit) -> str:
    """First line of an estimator's documentation."""
    return (inspect.getdoc(credit) or "").partition("\n")[0]


def _same_for_all_turns(advantages: Array, rewards: Rewards) -> TurnValues:
    """Give each turn of an episode the episode's number."""
    pairs = zip(advantages.tolist(), rewards, strict=True)
    return [[value] * len(row or ()) for value, row in pairs]
