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
    deviation and `eps` 1e-4, as in TRL. We deviate in what an episode is: one return
    for all turns, and turns of the same episode share it.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        group_size: `G`, at least 2; divides `B`.
        discount: Factor per turn.

    Returns:
        `(B, K)` advantages, one per turn; 0 for broken episodes.

    Raises:
        ConfigError: If there is no group to compare with.

    >>> grpo([[0.0, 1.0], [0.0], [1.0], [0.0, 0.0]], group_size=2)[0]  # doctest: +ELLIPSIS
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


def turn_return(rewards: Rewards, *, group_size: int, discount: float = 1.0) -> TurnValues:
    """Discounted return-to-go of each turn, against the group's mean episode return.

    The advantage of turn `k` is `(G_k + paid before k) - mean(R)`, over the group's
    standard deviation of `R`, where `G_k` is the return from `k` on. What was paid
    before a turn is added back at full value so that a late turn is not blamed for
    rewards it could not change, and the baseline is one number per group: it has the
    same size for long and short episodes, so it pays nothing for taking more turns.

    Ours; with `discount=1` it equals `grpo`. Below 1, turns close to the reward get
    more of the credit and early ones less.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        group_size: `G`, at least 2; divides `B`.
        discount: Factor per turn between an action and what it earns.

    Returns:
        `(B, K)` advantages, 0 for broken episodes.

    Raises:
        ConfigError: If there is no group to compare with.

    >>> a = turn_return([[0.0, 1.0], [0.0, 0.0]], group_size=2, discount=0.5)
    >>> [round(x, 2) for x in a[0]]  # returns to go .5 and 1, mean of group .5
    [0.0, 0.71]
    """
    _check_groups(len(rewards), group_size)
    out: TurnValues = []
    for start in range(0, len(rewards), group_size):
        group = rewards[start : start + group_size]
        alive = [sum(r) for r in group if r is not None]
        mean = sum(alive) / len(alive) if alive else 0.0
        scale = _std(alive) + EPSILON
        for episode in group:
            values = _to_go(episode or [], discount)
            out.append([(value - mean) / scale for value in values])
    return out


def _to_go(rewards: Sequence[float], discount: float) -> list[float]:
    """Return, per turn, what was paid before it plus the discounted rest."""
    values: list[float] = []
    paid = sum(rewards)
    to_go = 0.0
    for reward in reversed(rewards):
        paid -= reward
        to_go = reward + discount * to_go
        values.append(paid + to_go)
    return values[::-1]


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
