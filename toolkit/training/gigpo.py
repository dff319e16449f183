"""GiGPO: credit from episodes that came through the same state."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from toolkit.training.returns import (
    EPSILON,
    Array,
    Mask,
    Rewards,
    TurnValues,
    centre,
    check_turns,
    group_returns,
    returns_to_go,
    spread_of,
    to_ragged,
    to_rectangle,
)


def gigpo(
    rewards: Rewards,
    *,
    anchors: Sequence[Sequence[Hashable]],
    group_size: int,
    discount: float = 1.0,
    step_weight: float = 1.0,
) -> TurnValues:
    """Group-relative episode return, plus each turn against others in the same state.

    GiGPO (https://arxiv.org/abs/2505.10978), `A = A_E + step_weight * A_S`:

    * `A_E` compares undiscounted returns of whole episodes, as `grpo` does;
    * `A_S` compares the discounted returns-to-go of all turns of the group that began
      in the same state, the *anchor*, by mean and standard deviation. A state met only
      once compares with nothing and gives 0.

    The paper takes a discount of 0.95: without one, all turns of a won episode earn the
    same, and nothing is learnt from a detour. What counts as the same state is up to
    `anchors`; training takes the text that the agent saw. Turns in equal states may
    still have different pasts, on which the policy depends, and that biases `A_S`
    (https://arxiv.org/abs/2602.22817). Where we deviate: `eps` is 1e-4, not 1e-6.

    Args:
        rewards: `(B, K)` turn rewards, `None` for broken episodes.
        anchors: `(B, K)` state in which each turn began, anything hashable.
        group_size: `G`, at least 2; divides `B`.
        discount: Factor per turn, in `A_S` alone.
        step_weight: Weight of `A_S`.

    Returns:
        `(B, K)` advantages; none for broken episodes.

    Raises:
        ConfigError: If there is no group to compare with, or a turn has no anchor.

    Both went through the kitchen. The first ate there and won; the second left, came
    back, ate and won too. As episodes they are alike, as turns they are not:

    >>> a = gigpo([[1.0], [0.0, 0.0, 1.0]], anchors=[["kitchen"], ["kitchen", "hall",
    ...     "kitchen"]], group_size=2, discount=0.5)  # to go: 1 and .25, .5, 1
    >>> [[round(x, 2) for x in row] for row in a]
    [[0.58], [-1.15, 0.0, 0.58]]
    """
    check_turns(rewards, anchors, "anchors")
    returns, is_whole = group_returns(rewards, group_size)
    of_episode = centre(returns, is_whole, axis=1)
    of_episode /= spread_of(of_episode, is_whole, axis=1) + EPSILON
    values, is_turn = to_rectangle(rewards)
    states = _number(anchors, is_turn, group_size)
    of_turn = np.zeros_like(values)
    of_turn[is_turn] = _against_equals(returns_to_go(values, discount)[is_turn], states)
    return to_ragged(of_episode.reshape(-1, 1) + step_weight * of_turn, rewards)


def _number(
    anchors: Sequence[Sequence[Hashable]], is_turn: Mask, group_size: int
) -> NDArray[np.intp]:
    """Number the states of each group `(N,)`, over all turns in reading order."""
    seen: dict[tuple[int, Hashable], int] = {}
    lengths = is_turn.sum(1).tolist()
    return np.array(
        [
            seen.setdefault((i // group_size, anchor), len(seen))
            for i, (row, length) in enumerate(zip(anchors, lengths, strict=True))
            for anchor in row[:length]
        ],
        dtype=np.intp,
    )


def _against_equals(values: Array, states: NDArray[np.intp]) -> Array:
    """Whiten the values `(N,)` of each state among themselves."""
    _, first, count = np.unique(states, return_index=True, return_counts=True)
    moved = values - values[first][states]  # exact zeros where all are alike
    centred = moved - (np.bincount(states, moved) / count)[states]
    squares = np.bincount(states, centred**2)
    return centred / (np.sqrt(squares / np.maximum(count - 1, 1)) + EPSILON)[states]
