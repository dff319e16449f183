"""Credit: how turn rewards become one advantage per token.

Pure functions on numbers; nothing here knows models, trainers or environments.
Shapes: `B` episodes, `G` group size, `K` turns of an episode (ragged).
Episodes of one group lie side by side. An episode whose world broke has `None` for
its rewards: it gets no advantage and changes nobody's baseline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from toolkit.errors import ConfigError

TurnValues = list[list[float]]
Rewards = Sequence[Sequence[float] | None]
EPSILON = 1e-4


def discounted_return(rewards: Sequence[float], discount: float = 1.0) -> float:
    """Return the sum of `discount**k * rewards[k]`.

    >>> discounted_return([0.0, 0.0, 1.0], 0.5)
    0.25
    """
    return sum(discount**k * r for k, r in enumerate(rewards))


def grpo(rewards: Rewards, *, group_size: int, discount: float = 1.0) -> TurnValues:
    """Group-relative advantage of the whole episode, the same for each of its turns.

    With `R` the (discounted) return, `A = (R - mean of group) / (std of group + eps)`,
    DeepSeekMath eq. 3 (https://arxiv.org/abs/2402.03300); `std` is the sample standard
    deviation and `eps` 1e-4, as in TRL. What is ours: `R` adds up the rewards of all
    turns, and every turn gets the same advantage.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        group_size: `G`, at least 2; divides `B`.
        discount: Factor per turn.

    Returns:
        `(B, K)` advantages, one per turn; 0 for broken episodes.

    Raises:
        ConfigError: If there is no group to compare with.

    >>> grpo([[0.0, 1.0], [0.0], [1.0], [0.0, 0.0]], group_size=2)[0]
    [0.7070..., 0.7070...]
    >>> grpo([[1.0], [1.0]], group_size=2)  # all alike: nothing to learn
    [[0.0], [0.0]]
    """
    _check_groups(len(rewards), group_size)
    out: TurnValues = []
    for start in range(0, len(rewards), group_size):
        group = rewards[start : start + group_size]
        returns = [None if r is None else discounted_return(r, discount) for r in group]
        alive = [r for r in returns if r is not None]
        mean = sum(alive) / len(alive) if alive else 0.0
        scale = _std(alive) + EPSILON
        for episode, value in zip(group, returns, strict=True):
            advantage = 0.0 if value is None else (value - mean) / scale
            out.append([advantage] * len(episode or []))
    return out


def turn_return(
    rewards: Rewards, *, group_size: int, discount: float = 1.0
) -> TurnValues:
    """Discounted return-to-go of each turn, compared with the group at the same turn.

    With `G_k` the return from turn `k` on, `A_k = (G_k - b_k) / (s + eps)`. Baseline
    `b_k` is the mean of `G_k` over the `n_k` episodes of the group that reached turn
    `k`; `s` is the root mean square of `G_k - b_k` over all turns of the group. Ours.

    Who reaches turn `k` is settled before the action of turn `k` is drawn, so comparing
    with them favours neither short nor long episodes. As in GRPO the mean contains the
    episode's own return: the expected gradient keeps its direction and shrinks by
    `1 - 1/n_k`, and an episode that reaches a turn alone learns nothing there.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        group_size: `G`, at least 2; divides `B`.
        discount: Factor per turn between an action and what it earns.

    Returns:
        `(B, K)` advantages, 0 for broken episodes.

    Raises:
        ConfigError: If there is no group to compare with.

    >>> a = turn_return([[0.0, 1.0], [0.0, 0.0]], group_size=2, discount=0.5)
    >>> [[round(x, 2) for x in row] for row in a]  # to go: .5 1 and 0 0
    [[0.63, 1.26], [-0.63, -1.26]]
    """
    _check_groups(len(rewards), group_size)
    out: TurnValues = []
    for start in range(0, len(rewards), group_size):
        to_go = [_to_go(r or [], discount) for r in rewards[start : start + group_size]]
        longest = max(map(len, to_go))
        base = [_mean([g[k] for g in to_go if k < len(g)]) for k in range(longest)]
        centred = [[v - base[k] for k, v in enumerate(g)] for g in to_go]
        scale = _mean([v * v for g in centred for v in g]) ** 0.5 + EPSILON
        out += [[v / scale for v in g] for g in centred]
    return out


def _to_go(rewards: Sequence[float], discount: float) -> list[float]:
    """Return the discounted return from each turn on."""
    values: list[float] = []
    following = 0.0
    for reward in reversed(rewards):
        following = reward + discount * following
        values.append(following)
    return values[::-1]


def _mean(values: Sequence[float]) -> float:
    """Arithmetic mean, 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def _std(values: Sequence[float]) -> float:
    """Sample standard deviation, 0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return float((sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5)


def _check_groups(episodes: int, group_size: int) -> None:
    """Raise unless the episodes divide into real groups."""
    if group_size < 2:
        raise ConfigError(
            f"group_size is {group_size}.",
            "Group-relative credit compares episodes of the same game; alone, every "
            "episode equals its own mean and the advantage is always 0.",
            "Use num_generations of 2 or more (8 is usual).",
        )
    if episodes % group_size:
        raise ConfigError(
            f"{episodes} episodes do not divide into groups of {group_size}.",
            "Episodes of a group must lie side by side.",
        )


Credit = Callable[..., TurnValues]
CREDITS: dict[str, Credit] = {"grpo": grpo, "turn_return": turn_return}
