import math

import numpy as np
import pytest

from toolkit.errors import ConfigError
from toolkit.training.returns import (
    EPSILON,
    centre,
    check_turns,
    discounted_return,
    episode_returns,
    returns_to_go,
    to_ragged,
    to_rectangle,
    whiten,
)


def test_discounted_return_by_hand():
    # 1 + 0.5 * 2 + 0.25 * 4
    assert discounted_return([1.0, 2.0, 4.0], 0.5) == 3.0
    assert discounted_return([]) == 0.0


def test_returns_to_go_by_hand():
    # 4; 2 + 0.5 * 4 = 4; 1 + 0.5 * 4 = 3
    found = returns_to_go(np.array([[1.0, 2.0, 4.0]]), 0.5)
    assert found.tolist() == [[3.0, 4.0, 4.0]]


def test_returns_to_go_leaves_the_rewards_alone():
    rewards = np.ones((1, 3))
    returns_to_go(rewards)
    assert rewards.tolist() == [[1.0, 1.0, 1.0]]


def test_returns_of_episodes():
    returns, is_whole = episode_returns([[1.0, 2.0, 4.0], None, []], 0.5)
    assert returns.tolist() == [3.0, 0.0, 0.0]
    assert is_whole.tolist() == [True, False, True]
    assert episode_returns([None, []])[0].tolist() == [0.0, 0.0]


def test_rectangles_and_back():
    rows = [[1.0], None, [], [2.0, 3.0]]
    values, is_turn = to_rectangle(rows)
    assert is_turn.tolist() == [[1, 0], [0, 0], [0, 0], [1, 1]]
    assert to_ragged(values, rows) == [[1.0], [], [], [2.0, 3.0]]


@pytest.mark.parametrize("value", [0.1, 0.7, -1 / 3, 1e6 + 0.1])
def test_values_that_are_alike_are_centred_to_zero_exactly(value):
    # plainly, 0.1 - (0.1 + 0.1 + 0.1) / 3 is -1.4e-17
    values = np.full((2, 3), value)
    assert not centre(values, np.ones((2, 3), dtype=bool), axis=1).any()


def test_centre_sees_only_what_the_mask_shows():
    values = np.array([[1.0, 3.0, 99.0], [5.0, 99.0, 99.0], [99.0, 99.0, 99.0]])
    mask = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
    assert centre(values, mask, axis=1).tolist() == [[-1, 1, 0], [0, 0, 0], [0, 0, 0]]
    # mean of 1, 3, 5
    assert centre(values, mask).tolist() == [[-2, 0, 0], [2, 0, 0], [0, 0, 0]]


def test_whiten_by_hand():
    # mean 3, squares 4 + 0 + 4, sample variance 4
    mask = np.array([True, True, True, False])
    found = whiten(np.array([1.0, 3.0, 5.0, 7.0]), mask)
    a = 2 / (2 + EPSILON)
    assert found.tolist() == pytest.approx([-a, 0.0, a, 0.0])
    assert not whiten(np.array([4.0]), np.array([True])).any()
    assert math.isclose(whiten(np.array([1.0, 2.0]), np.ones(2, bool)).sum(), 0.0)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([["a"]], "anchors for 1 episodes and rewards for 2"),
        ([["a"], ["b"]], "Episode 1 has 2 rewards and 1 anchors"),
    ],
)
def test_turns_that_do_not_match_are_named(others, message):
    with pytest.raises(ConfigError, match=message):
        check_turns([[1.0], [1.0, 2.0]], others, "anchors")
    check_turns([[1.0], None], [["a"], ["b"] * 9], "anchors")  # broken: any number
