import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import ConfigError
from toolkit.training.credit import grpo
from toolkit.training.gigpo import gigpo
from toolkit.training.returns import EPSILON

rewards = st.lists(
    st.lists(st.integers(-8, 8).map(float), min_size=1, max_size=5),
    min_size=4,
    max_size=4,
)


def flat(rows):
    return [a for row in rows for a in row]


def test_by_hand():
    # returns 1 and 0: mean 1/2, sample std sqrt(1/2)
    # to go at discount 0.5: [0.5, 1] and [0, 0]
    # state x: 0.5 and 0, deviations ±0.25, std 0.25 * sqrt(2)
    # states y and z are met once
    rows, anchors = [[0.0, 1.0], [0.0, 0.0]], [["x", "y"], ["x", "z"]]
    e = 0.5 / (math.sqrt(0.5) + EPSILON)
    s = 0.25 / (0.25 * math.sqrt(2) + EPSILON)
    found = gigpo(rows, anchors=anchors, group_size=2, discount=0.5)
    assert flat(found) == pytest.approx([e + s, e, -e - s, -e])
    found = gigpo(rows, anchors=anchors, group_size=2, discount=0.5, step_weight=0.5)
    assert flat(found) == pytest.approx([e + s / 2, e, -e - s / 2, -e])


def test_a_state_met_again_by_the_same_episode_compares_too():
    # one waits in x and then wins, the other broke: A_E is 0
    # to go at discount 0.5: [0.5, 1]; mean 0.75, std 0.25 * sqrt(2)
    a = 0.25 / (0.25 * math.sqrt(2) + EPSILON)
    found = gigpo([[0.0, 1.0], None], anchors=["xx", "x"], group_size=2, discount=0.5)
    assert flat(found) == pytest.approx([-a, a])


def test_the_same_state_in_another_group_is_another_state():
    rows = [[1.0], [1.0], [0.0], [0.0]]
    assert flat(gigpo(rows, anchors=["x"] * 4, group_size=2)) == [0.0] * 4
    assert any(flat(gigpo(rows, anchors=["x"] * 4, group_size=4)))


@given(rows=rewards)
def test_states_met_once_leave_the_credit_of_the_episode(rows):
    anchors = [[(i, k) for k in range(len(row))] for i, row in enumerate(rows)]
    found = gigpo(rows, anchors=anchors, group_size=4, discount=0.5)
    assert flat(found) == pytest.approx(flat(grpo(rows, group_size=4)))


@given(rows=rewards)
def test_without_a_weight_the_turns_add_nothing(rows):
    anchors = ["xxxxx"[: len(row)] for row in rows]
    found = gigpo(rows, anchors=anchors, group_size=4, step_weight=0.0)
    assert flat(found) == pytest.approx(flat(grpo(rows, group_size=4)))


def test_missing_anchors_are_named():
    with pytest.raises(ConfigError, match="Episode 1 has 2 rewards and 1 anchors"):
        gigpo([[1.0], [0.0, 1.0]], anchors=["x", "x"], group_size=2)
