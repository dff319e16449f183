"""Returns, and what all credit estimators do with them: centre, whiten, pad.

Shapes: `B` episodes, `G` group size, `K` turns of the longest episode. Episodes are
ragged lists outside and zero-padded rectangles with a mask inside. An episode whose
world broke has `None` for its rewards: it belongs to no mean.
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import ConfigError

TurnValues = list[list[float]]
Rewards = Sequence[Sequence[float] | None]
Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

EPSILON = 1e-4
"""Added to every standard deviation that something is divided by, as TRL does."""


def discounted_return(rewards: Sequence[float], discount: float = 1.0) -> float:
    """Return the sum of `discount**k * rewards[k]`.

    >>> discounted_return([0.0, 0.0, 1.0], 0.5)
    0.25
    """
    return sum(discount**k * r for k, r in enumerate(rewards))


def returns_to_go(rewards: Array, discount: float = 1.0) -> Array:
    """Return what is earned from each turn on, `G_k = r_k + discount * G_{k+1}`.

    Args:
        rewards: `(B, K)`, zero where there is no turn.
        discount: Factor per turn.

    Returns:
        `(B, K)`; column 0 is the return of the episode.

    >>> returns_to_go(np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))
    array([[1., 1., 1.],
           [1., 0., 0.]])
    """
    to_go = rewards.astype(np.float64)
    for k in range(to_go.shape[1] - 2, -1, -1):
        to_go[:, k] += discount * to_go[:, k + 1]
    return to_go


def to_rectangle(rewards: Rewards) -> tuple[Array, Mask]:
    """Pad ragged turn rewards.

    Returns:
        `(B, K)` rewards, zero where there is no turn, and `(B, K)` whether there is.

    >>> to_rectangle([[1.0, 2.0], None, [3.0]])[0].tolist()
    [[1.0, 2.0], [0.0, 0.0], [3.0, 0.0]]
    """
    lengths = [len(row or ()) for row in rewards]
    values = np.zeros((len(rewards), max(lengths, default=0)))
    for line, row in zip(values, rewards, strict=True):
        line[: len(row or ())] = row or ()
    return values, np.arange(values.shape[1]) < np.array(lengths)[:, None]


def to_ragged(values: Array, rewards: Rewards) -> TurnValues:
    """Cut a rectangle `(B, K)` back to the lengths of the episodes.

    >>> to_ragged(np.ones((2, 3)), [[0.5, 0.5], None])
    [[1.0, 1.0], []]
    """
    rows: TurnValues = values.tolist()
    return [v[: len(r or ())] for v, r in zip(rows, rewards, strict=True)]


def episode_returns(rewards: Rewards, discount: float = 1.0) -> tuple[Array, Mask]:
    """Return `(B,)` returns of episodes, 0 for broken ones, and `(B,)` who is whole."""
    values, _ = to_rectangle(rewards)
    is_whole = np.array([r is not None for r in rewards], dtype=bool)
    if not values.shape[1]:
        return np.zeros(len(values)), is_whole
    return returns_to_go(values, discount)[:, 0], is_whole


def group_returns(
    rewards: Rewards, group_size: int, discount: float = 1.0
) -> tuple[Array, Mask]:
    """Return what `episode_returns` does, with a row for each group `(B / G, G)`.

    Raises:
        ConfigError: If there is no group to compare with.
    """
    check_groups(len(rewards), group_size)
    returns, is_whole = episode_returns(rewards, discount)
    return returns.reshape(-1, group_size), is_whole.reshape(-1, group_size)


def centre(values: Array, mask: Mask, axis: int | None = None) -> Array:
    """Subtract the mean along an axis of what the mask shows; 0 elsewhere.

    Values that are all alike give exact zeros, where rounding would leave 1e-17 and
    the episode would count as one that teaches something.
    """
    count = np.maximum(mask.sum(axis, keepdims=True), 1)
    # measured from one of the values; a mean of them may be off by a rounding
    largest = np.where(mask, values, -np.inf).max(axis, keepdims=True, initial=-np.inf)
    moved = np.where(mask, values - largest, 0.0)
    return np.where(mask, moved - moved.sum(axis, keepdims=True) / count, 0.0)


def spread_of(centred: Array, mask: Mask, axis: int | None = None) -> Array:
    """Return the sample standard deviation of centred values, 0 for fewer than two."""
    count = np.maximum(mask.sum(axis, keepdims=True) - 1, 1)
    spread: Array = np.sqrt((centred**2).sum(axis, keepdims=True) / count)
    return spread


def whiten(values: Array, mask: Mask) -> Array:
    """Subtract the mean, divide by the sample standard deviation; 0 off the mask.

    >>> whiten(np.array([1.0, 3.0, 7.0]), np.array([True, True, False]))
    array([-0.7070...,  0.7070...,  0.        ])
    """
    centred = centre(values, mask)
    return centred / (spread_of(centred, mask) + EPSILON)


def check_groups(episodes: int, group_size: int) -> None:
    """Raise unless the episodes divide into real groups.

    Raises:
        ConfigError: If there is no group to compare with.
    """
    if group_size < 2:
        raise ConfigError(
            f"group_size is {group_size}.",
            "Group-relative credit compares episodes of the same game; alone, every "
            "episode equals its own mean and the advantage is always 0.",
            "Use num_generations of 2 or more (8 is usual), or a credit that needs no "
            "group, such as reinforce_pp.",
        )
    if episodes % group_size:
        raise ConfigError(
            f"{episodes} episodes do not divide into groups of {group_size}.",
            "Episodes of a group must lie side by side.",
        )


def check_turns(rewards: Rewards, others: Sequence[Sized], what: str) -> None:
    """Raise unless every whole episode has one of `what` per turn.

    Raises:
        ConfigError: Naming the first episode that has not.
    """
    if len(others) != len(rewards):
        raise ConfigError(
            f"There are {what} for {len(others)} episodes and rewards for "
            f"{len(rewards)}.",
            "They must be of the same episodes.",
        )
    for i, (row, other) in enumerate(zip(rewards, others, strict=True)):
        if row is not None and len(row) != len(other):
            raise ConfigError(
                f"Episode {i} has {len(row)} rewards and {len(other)} {what}.",
                "Each turn has one of both.",
            )
