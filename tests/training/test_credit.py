import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training import references
from toolkit.episodes.tokens import spread_turns
from toolkit.errors import ConfigError
from toolkit.training.credit import (
    CREDITS,
    OF_CRITICS,
    get_credit,
    grpo,
    keywords,
    reinforce_pp,
    remax,
    rloo,
    turn_return,
)
from toolkit.training.returns import EPSILON

numbers = st.integers(-8, 8).map(float)
rewards = st.lists(st.lists(numbers, min_size=1, max_size=5), min_size=4, max_size=4)
names = pytest.mark.parametrize("name", CREDITS)
OF_GROUPS = [name for name in CREDITS if "group_size" in keywords(CREDITS[name])]


def apply(name, rows, *, size=4, states=3, **more):
    """Call an estimator with everything it takes.

    Anchors depend on the place in the row alone, greedy returns on nothing.
    """
    facts = {
        "group_size": size,
        "anchors": [[k % states for k in range(len(row or []))] for row in rows],
        "greedy_returns": [1.5] * len(rows),
    } | more
    credit = CREDITS[name]
    return credit(rows, **{k: v for k, v in facts.items() if k in keywords(credit)})


def close(a, b, tolerance=1e-9):
    return len(a) == len(b) and all(
        len(x) == len(y)
        and all(
            math.isclose(v, w, abs_tol=tolerance) for v, w in zip(x, y, strict=True)
        )
        for x, y in zip(a, b, strict=True)
    )


# ---- by hand -------------------------------------------------------------------------


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


def test_grpo_scales_by_hand():
    # returns 1, 0 | 4, 4; group means 0.5 and 4
    rows = [[1.0], [0.0], [4.0], [4.0]]
    assert grpo(rows, group_size=2, scale="none") == [[0.5], [-0.5], [0.0], [0.0]]
    # of the group: sqrt(0.25 + 0.25) = sqrt(0.5)
    a = 0.5 / (math.sqrt(0.5) + EPSILON)
    assert close(grpo(rows, group_size=2, scale="group"), [[a], [-a], [0.0], [0.0]])
    # of the batch: mean 2.25, squares 1.5625 + 5.0625 + 2 * 3.0625 = 12.75, over 3
    a = 0.5 / (math.sqrt(4.25) + EPSILON)
    assert close(grpo(rows, group_size=2, scale="batch"), [[a], [-a], [0.0], [0.0]])


def test_grpo_of_one_win_and_a_consolation():
    # returns 1, .1, .1, 0: mean .3; squares .49 + .04 + .04 + .09 = .66; std .469042
    found = grpo([[1.0], [0.1], [0.1], [0.0]], group_size=4)
    wanted = [[1.49209], [-0.42631], [-0.42631], [-0.63947]]
    assert close(found, wanted, 1e-5)


def test_rloo_by_hand():
    # returns 3, 1, 2: against (1 + 2)/2, (3 + 2)/2, (3 + 1)/2
    found = rloo([[1.0, 2.0], [1.0], [2.0]], group_size=3)
    assert close(found, [[1.5, 1.5], [-1.5], [0.0]])
    # the second broke: 3 against 2, 2 against 3
    found = rloo([[1.0, 2.0], None, [2.0]], group_size=3)
    assert close(found, [[1.0, 1.0], [], [-1.0]])


def test_reinforce_pp_by_hand():
    # to go at discount 0.5: [2, 2], [4, 0]; mean 2, squares 4 + 4, over 3
    s = math.sqrt(8 / 3) + EPSILON
    found = reinforce_pp([[1.0, 2.0], [4.0, 0.0]], discount=0.5)
    assert close(found, [[0.0, 0.0], [2 / s, -2 / s]])


def test_reinforce_pp_compares_different_tasks():
    found = reinforce_pp([[1.0], [0.0]])
    assert found[0][0] > 0 > found[1][0]


def test_remax_by_hand():
    # .3 was wanted, .25 .30 .40 .70 were drawn and .40 is greedy; reward: -error²
    rows = [[-0.0025], [0.0], [-0.01], [-0.16]]
    found = remax(rows, greedy_returns=[-0.01] * 4)
    assert close(found, [[0.0075], [0.01], [0.0], [-0.15]])


def test_remax_without_a_greedy_return_learns_nothing_in_that_task():
    found = remax([[1.0], [2.0], [4.0]], greedy_returns=[None, None, 1.0])
    assert found == [[0.0], [0.0], [3.0]]


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


# ---- against a second way to compute them --------------------------------------------


@names
@given(data=st.data())
def test_estimators_agree_with_loops(name, data):
    row = st.lists(st.floats(-9, 9, width=32), max_size=5)
    rows = data.draw(st.lists(st.none() | row, min_size=6, max_size=6))
    anchors = [data.draw(st.lists(st.sampled_from("abc"), min_size=5)) for _ in rows]
    facts = {
        "group_size": data.draw(st.sampled_from([2, 3, 6])),
        "discount": data.draw(st.sampled_from([1.0, 0.9, 0.5])),
        "scale": data.draw(st.sampled_from(["group", "batch", "none"])),
        "anchors": [a[: len(r or [])] for a, r in zip(anchors, rows, strict=True)],
        "greedy_returns": data.draw(
            st.lists(st.none() | numbers, min_size=6, max_size=6)
        ),
        "step_weight": 0.5,
    }
    facts = {k: v for k, v in facts.items() if k in keywords(CREDITS[name])}
    wanted = getattr(references, name)(rows, **facts)
    assert close(CREDITS[name](rows, **facts), wanted, 1e-6)


# ---- laws ----------------------------------------------------------------------------


@names
@given(rows=rewards, scale=st.sampled_from([0.5, 2.0, 64.0]))
def test_scaling_rewards_scales_or_changes_nothing(name, rows, scale):
    before = apply(name, rows)
    scaled = [[scale * r for r in row] for row in rows]
    after = apply(name, scaled, greedy_returns=[1.5 * scale] * 4)
    if name in ("rloo", "remax"):  # nothing is divided
        assert close([[scale * a for a in row] for row in before], after)
    else:  # only eps = 1e-4 beside a spread that integers make at least ~0.2
        assert close(before, after, 1e-2)


@given(rows=rewards, scale=st.sampled_from([0.5, 2.0, 64.0]))
def test_unscaled_grpo_grows_with_the_rewards(rows, scale):
    before = grpo(rows, group_size=4, scale="none")
    after = grpo([[scale * r for r in r_] for r_ in rows], group_size=4, scale="none")
    assert close([[scale * a for a in row] for row in before], after)


@names
@given(rows=rewards, shift=st.integers(-20, 20))
def test_paying_all_more_changes_nothing(name, rows, shift):
    # on the last turn, so that what is to go rises by the same in all turns
    moved = [[*row[:-1], row[-1] + shift] for row in rows]
    before = apply(name, rows)
    after = apply(name, moved, greedy_returns=[1.5 + shift] * 4)
    assert close(before, after, 1e-7)


@given(rows=rewards, shift=st.integers(-20, 20))
def test_shifting_what_all_get_in_a_turn_changes_nothing(rows, shift):
    rows = [(row * 5)[:5] for row in rows]  # all reach every turn
    moved = [[*row[:2], row[2] + shift, *row[3:]] for row in rows]
    before, after = (turn_return(r, group_size=4) for r in (rows, moved))
    assert close(before, after, 1e-9)


@pytest.mark.parametrize("name", ["grpo", "rloo"])
@given(rows=rewards)
def test_a_group_sums_to_zero(name, rows):
    assert abs(sum(row[0] for row in apply(name, rows))) < 1e-9


@given(rows=rewards)
def test_turn_return_sums_to_zero_at_every_turn(rows):
    found = turn_return(rows, group_size=4)
    for k in range(5):
        assert abs(sum(row[k] for row in found if k < len(row))) < 1e-9


@given(rows=rewards)
def test_reinforce_pp_sums_to_zero_over_the_batch(rows):
    assert abs(sum(a for row in reinforce_pp(rows) for a in row)) < 1e-9


@pytest.mark.parametrize("name", [*OF_GROUPS, "remax"])
@given(rows=rewards, others=st.lists(st.lists(numbers, max_size=9), min_size=4))
def test_groups_do_not_touch(name, rows, others):
    # neither by their rewards nor by being longer
    others = others[:4]
    both = apply(name, rows + others)
    assert close(both, apply(name, rows) + apply(name, others))


@names
@given(rows=rewards, where=st.integers(0, 4))
def test_a_broken_episode_gets_nothing_and_changes_nobody(name, rows, where):
    broken = [*rows[:where], None, *rows[where:]]
    found = apply(name, broken, size=5)
    assert found[where] == []
    del found[where]
    assert close(found, apply(name, rows))


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
@given(rows=rewards, where=st.integers(0, 4))
def test_a_broken_episode_enters_no_scale(scale, rows, where):
    broken = [*rows[:where], None, *rows[where:]]
    found = grpo(broken, group_size=5, scale=scale)
    del found[where]
    assert close(found, grpo(rows, group_size=4, scale=scale))


@names
@given(rows=rewards, gaps=st.lists(st.integers(1, 3), min_size=5, max_size=5))
def test_tokens_outside_of_actions_get_nothing(name, rows, gaps):
    rows = [*rows, None, [], [], []]
    found = apply(name, rows)
    spans = [[(4 * k, 4 * k + gaps[k]) for k in range(len(r or []))] for r in rows]
    tokens = spread_turns(found, spans, 24)
    acted = spread_turns([[1.0] * len(s) for s in spans], spans, 24)
    assert not tokens[acted == 0].any()
    narrow = spread_turns(found, spans, 20)  # more padding changes nothing
    assert torch.equal(tokens[:, :20], narrow)
    assert not tokens[:, 20:].any()


# ---- edges ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", OF_GROUPS)
def test_one_episode_left_of_a_group_learns_nothing(name):
    assert not any(any(row) for row in apply(name, [[1.0, 1.0], None, None], size=3))
    assert not any(any(row) for row in apply(name, [None, None], size=2))


@names
def test_nobody_learns_where_all_is_alike(name):
    rows = [[0.1], [0.1], [0.1]]  # whose mean, as computers add, is not 0.1
    found = apply(name, rows, size=3, greedy_returns=[0.1] * 3)
    assert found == [[0.0]] * 3


@names
def test_an_episode_without_turns_is_allowed(name):
    found = apply(name, [[], [1.0]], size=2)
    assert found[0] == []
    assert len(found[1]) == 1


@names
def test_broken_batches_are_allowed(name):
    assert apply(name, [None] * 4) == [[]] * 4


@pytest.mark.parametrize("name", OF_GROUPS)
def test_a_group_of_one_is_refused(name):
    with pytest.raises(ConfigError, match="alone, every episode equals its own mean"):
        apply(name, [[1.0], [2.0]], size=1)


@pytest.mark.parametrize("name", OF_GROUPS)
def test_incomplete_groups_are_refused(name):
    with pytest.raises(ConfigError, match="3 episodes do not divide into groups of 2"):
        apply(name, [[1.0], [2.0], [3.0]], size=2)


def test_an_unknown_scale_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'group'"):
        grpo([[1.0], [2.0]], group_size=2, scale="groups")


def test_missing_greedy_returns_are_refused():
    with pytest.raises(ConfigError, match="1 greedy returns for 2 episodes"):
        remax([[1.0], [2.0]], greedy_returns=[1.0])


# ---- by name -------------------------------------------------------------------------


def test_an_unknown_name_gets_a_line_on_each():
    with pytest.raises(ConfigError) as error:
        get_credit("turn_returns")
    lines = str(error.value).splitlines()
    for name in (*CREDITS, *OF_CRITICS):
        (line,) = [line for line in lines if line.strip().startswith(f"{name}: ")]
        assert len(line) > len(name) + 30
        assert line.endswith(".")
    assert "Did you mean 'turn_return'" in lines[-1]


def test_estimators_say_what_they_take():
    wanted = {
        "grpo": {"group_size", "discount", "scale"},
        "rloo": {"group_size", "discount"},
        "reinforce_pp": {"discount"},
        "turn_return": {"group_size", "discount"},
        "gigpo": {"anchors", "group_size", "discount", "step_weight"},
        "remax": {"greedy_returns", "discount"},
    }
    assert {name: set(keywords(get_credit(name))) for name in CREDITS} == wanted
