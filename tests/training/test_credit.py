import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import ConfigError
from toolkit.training.credit import (
    CREDITS,
    EPSILON,
    discounted_return,
    grpo,
    turn_return,
)

rewards = st.lists(
    st.lists(st.integers(-8, 8).map(float), min_size=1, max_size=5),
    min_size=4,
    max_size=4,
)
credits = pytest.mark.parametrize("credit", CREDITS.values(), ids=CREDITS)


def close(a, b, tolerance=1e-9):
    return len(a) == len(b) and all(
        len(x) == len(y)
        and all(
            math.isclose(v, w, abs_tol=tolerance) for v, w in zip(x, y, strict=True)
        )
        for x, y in zip(a, b, strict=True)
    )


def test_discounted_return_by_hand():
    # 1 + 0.5 * 2 + 0.25 * 4
    assert discounted_return([1.0, 2.0, 4.0], 0.5) == 3.0
    assert discounted_return([]) == 0.0


def test_grpo_by_hand():
    # returns 3, 1, 2, 2: mean 2, squares 1 + 1 + 0 + 0, sample variance 2/3
    s = math.sqrt(2 / 3) + EPSILON
    found = grpo([[1.0, 2.0], [1.0], [0.0, 2.0, 0.0], [2.0]], group_size=4)
    assert close(found, [[1 / s, 1 / s], [-1 / s], [0.0, 0.0, 0.0], [0.0]])


def test_grpo_discounts_later_turns():
    # discount 0.5: returns 1 and 0.25; mean 0.625, deviations ±0.375,
    # sample std 0.375 * sqrt(2)
    a = 0.375 / (0.375 * math.sqrt(2) + EPSILON)
    found = grpo([[1.0], [0.0, 0.0, 1.0]], group_size=2, discount=0.5)
    assert close(found, [[a], [-a, -a, -a]])


def test_grpo_groups_do_not_touch():
    first, second = [[1.0], [0.0]], [[7.0], [9.0]]
    both = grpo(first + second, group_size=2)
    assert both == grpo(first, group_size=2) + grpo(second, group_size=2)


def test_turn_return_by_hand():
    # to go, undiscounted: [3, 2], [1], [2, 2]
    # means: turn 0 (3 + 1 + 2) / 3 = 2, turn 1 (2 + 2) / 2 = 2
    # centred: [1, 0], [-1], [0, 0]; mean square 2 / 5
    s = math.sqrt(2 / 5) + EPSILON
    found = turn_return([[1.0, 2.0], [1.0], [0.0, 2.0]], group_size=3)
    assert close(found, [[1 / s, 0.0], [-1 / s], [0.0, 0.0]])


def test_turn_return_pays_the_turn_that_earned():
    # both earn 1 in turn 0; in turn 1 one earns 2, the other loses 2
    # to go: [3, 2] and [-1, -2]; means 1 and 0; centred [2, 2], [-2, -2]
    rows = [[1.0, 2.0], [1.0, -2.0]]
    assert close(turn_return(rows, group_size=2), [[1, 1], [-1, -1]], 1e-4)
    # the same difference already earned before turn 1 leaves nothing to learn there
    # to go: [3, 1] and [-1, 1]; means 1 and 1; centred [2, 0], [-2, 0]; rms sqrt(2)
    found = turn_return([[2.0, 1.0], [-2.0, 1.0]], group_size=2)
    assert close(found, [[math.sqrt(2), 0], [-math.sqrt(2), 0]], 1e-3)


def test_turn_return_of_a_turn_reached_alone_is_zero():
    found = turn_return([[0.0, 5.0], [1.0]], group_size=2)
    assert found[0][1] == 0.0
    assert found[0][0] > 0 > found[1][0]


@credits
@given(rows=rewards, scale=st.sampled_from([0.5, 2.0, 64.0]))
def test_scaling_rewards_changes_nothing(credit, rows, scale):
    before = credit(rows, group_size=4)
    after = credit([[scale * r for r in row] for row in rows], group_size=4)
    # only eps = 1e-4 beside a spread that integers make at least ~0.2
    assert close(before, after, 1e-2)


@given(rows=rewards, shift=st.integers(-20, 20))
def test_shifting_every_return_changes_nothing(rows, shift):
    moved = [[row[0] + shift, *row[1:]] for row in rows]
    assert close(grpo(rows, group_size=4), grpo(moved, group_size=4), 1e-9)


@given(rows=rewards, shift=st.integers(-20, 20))
def test_shifting_what_all_get_in_a_turn_changes_nothing(rows, shift):
    rows = [(row * 5)[:5] for row in rows]  # all reach every turn
    moved = [[*row[:2], row[2] + shift, *row[3:]] for row in rows]
    before, after = (turn_return(r, group_size=4) for r in (rows, moved))
    assert close(before, after, 1e-9)


@credits
@given(rows=rewards)
def test_a_group_sums_to_zero_at_every_compared_turn(credit, rows):
    found = credit(rows, group_size=4)
    if credit is turn_return:
        for k in range(5):
            assert abs(sum(row[k] for row in found if k < len(row))) < 1e-9
    else:
        assert abs(sum(row[0] for row in found)) < 1e-9


@credits
@given(rows=rewards, where=st.integers(0, 4))
def test_a_broken_episode_gets_nothing_and_changes_nobody(credit, rows, where):
    broken = [*rows[:where], None, *rows[where:]]
    found = credit(broken, group_size=5)
    assert not any(found[where])
    del found[where]
    assert close(found, credit(rows, group_size=4))


@credits
def test_one_episode_left_of_a_group_learns_nothing(credit):
    assert not any(any(row) for row in credit([[1.0, 2.0], None, None], group_size=3))
    assert not any(any(row) for row in credit([None, None], group_size=2))


@credits
def test_an_episode_without_turns_is_allowed(credit):
    found = credit([[], [1.0]], group_size=2)
    assert found[0] == []
    assert len(found[1]) == 1


@credits
def test_a_group_of_one_is_refused(credit):
    with pytest.raises(ConfigError, match="alone, every episode equals its own mean"):
        credit([[1.0], [2.0]], group_size=1)


@credits
def test_incomplete_groups_are_refused(credit):
    with pytest.raises(ConfigError, match="3 episodes do not divide into groups of 2"):
        credit([[1.0], [2.0], [3.0]], group_size=2)
