import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training import references
from toolkit.errors import ConfigError
from toolkit.training.gae import gae_token, gae_turn

number = st.floats(-5, 5, width=32)
factor = st.sampled_from([0.0, 0.5, 0.95, 1.0])


@st.composite
def played(draw):
    """Turn rewards, spans and width of up to four episodes, some of them broken."""
    rewards, spans, width = [], [], 1
    for _ in range(draw(st.integers(1, 4))):
        place, row = 0, []
        for _ in range(draw(st.integers(0, 4))):
            start = place + draw(st.integers(0, 2))  # tokens of the world
            place = start + draw(st.integers(1, 3))
            row.append((start, place))
        broken = draw(st.integers(0, 4)) == 0
        spans.append([] if broken else row)
        rewards.append(None if broken else [draw(number) for _ in row])
        width = max(width, place)
    return rewards, spans, width


def acted_of(spans, width):
    acted = np.zeros((len(spans), width), dtype=bool)
    for row, places in zip(acted, spans, strict=True):
        for start, end in places:
            row[start:end] = True
    return acted


def flat(rows):
    return [x for row in rows for x in row]


# ---- turns ---------------------------------------------------------------------------


def test_gae_turn_by_hand():
    # surprises: .4 - .2, .6 - .4, 1 - .6 = .2, .2, .4
    # A: .4; .2 + .95 * .4 = .58; .2 + .95 * .58 = .751
    found = gae_turn(
        [[0.0, 0.0, 1.0]], values=[[0.2, 0.4, 0.6]], gae_lambda=0.95, whitened=False
    )
    assert found.advantages[0] == pytest.approx([0.751, 0.58, 0.4])
    assert found.targets[0] == pytest.approx([0.951, 0.98, 1.0])


def test_gae_turn_discounts_by_hand():
    # surprises: 1 + .5 * 4 - 2 = 1, 3 - 4 = -1; A: 1 + .5 * .5 * -1, -1
    found = gae_turn(
        [[1.0, 3.0]], values=[[2.0, 4.0]], discount=0.5, gae_lambda=0.5, whitened=False
    )
    assert found.advantages == [[0.75, -1.0]]
    assert found.targets == [[2.75, 3.0]]


@given(data=st.data(), discount=factor, gae_lambda=factor, whitened=st.booleans())
def test_gae_turn_agrees_with_the_definition(data, discount, gae_lambda, whitened):
    rewards, _, _ = data.draw(played())
    values = [[data.draw(number) for _ in row or []] for row in rewards]
    found = gae_turn(
        rewards,
        values=values,
        discount=discount,
        gae_lambda=gae_lambda,
        whitened=whitened,
    )
    wanted = [
        references.gae(row or [], v, discount, gae_lambda)
        for row, v in zip(rewards, values, strict=True)
    ]
    assert flat(found.targets) == pytest.approx(
        [a + v for a, v in zip(flat(wanted), flat(values), strict=True)], abs=1e-6
    )
    advantages = references.whiten(flat(wanted)) if whitened else flat(wanted)
    assert flat(found.advantages) == pytest.approx(advantages, abs=1e-6)
    assert [*map(len, found.advantages)] == [*map(len, wanted)]


def test_a_critic_that_is_right_leaves_nothing_to_learn():
    # to go: 3, 2, 2
    found = gae_turn(
        [[1.0, 0.0, 2.0]], values=[[3.0, 2.0, 2.0]], gae_lambda=0.7, whitened=False
    )
    assert found.advantages == [[0.0, 0.0, 0.0]]
    assert found.targets == [[3.0, 2.0, 2.0]]


def test_a_broken_episode_has_no_part_in_turns():
    whole = gae_turn([[1.0, 0.0], [3.0]], values=[[0.5, 0.2], [0.1]])
    found = gae_turn([[1.0, 0.0], None, [3.0]], values=[[0.5, 0.2], [7.0], [0.1]])
    assert found.advantages == [whole.advantages[0], [], whole.advantages[1]]
    assert found.targets == [whole.targets[0], [], whole.targets[1]]


def test_missing_values_are_named():
    with pytest.raises(ConfigError, match="Episode 0 has 2 rewards and 1 values"):
        gae_turn([[1.0, 0.0]], values=[[0.5]])


# ---- tokens --------------------------------------------------------------------------


def test_gae_token_by_hand():
    # token values .5 .5 | .5 .75, reward 1 at the end; discount .5, lambda .5
    # surprises from the back: 1 - .75 = .25; .375 - .5 = -.125; .25 - .5 = -.25 twice
    # A: .25; -.125 + .0625 = -.0625; -.25 - .015625; -.25 - .06640625
    found = gae_token(
        [[0.0, 1.0]],
        values=[[0.5, 0.5, 9.0, 0.5, 0.75]],
        spans=[[(0, 2), (3, 5)]],
        discount=0.5,
        gae_lambda=0.5,
        whitened=False,
    )
    wanted = [-0.31640625, -0.265625, 0.0, -0.0625, 0.25]
    assert found.advantages.tolist() == [wanted]
    assert found.targets.tolist() == [[0.18359375, 0.234375, 0.0, 0.4375, 1.0]]


def test_a_reward_lies_on_the_token_that_ends_its_turn():
    # lambda 0 and no values: the advantage is the reward
    found = gae_token(
        [[2.0, 3.0]],
        values=np.zeros((1, 6)),
        spans=[[(0, 2), (3, 6)]],
        gae_lambda=0.0,
        whitened=False,
    )
    assert found.advantages.tolist() == [[0, 2, 0, 0, 0, 3]]


def test_rewards_of_tokens_come_on_top():
    # lambda 0 and no values; those outside of actions are not looked at
    found = gae_token(
        [[1.0]],
        values=np.zeros((1, 4)),
        spans=[[(1, 3)]],
        gae_lambda=0.0,
        token_rewards=[[9.0, -0.25, -0.5, 9.0]],
        whitened=False,
    )
    assert found.advantages.tolist() == [[0, -0.25, 0.5, 0]]


@given(
    game=played(),
    seed=st.integers(0, 1000),
    discount=factor,
    gae_lambda=factor,
    whitened=st.booleans(),
)
def test_gae_token_agrees_with_the_definition(
    game, seed, discount, gae_lambda, whitened
):
    rewards, spans, width = game
    rng = np.random.default_rng(seed)
    values, extra = rng.normal(size=(2, len(rewards), width))
    found = gae_token(
        rewards,
        values=values,
        spans=spans,
        discount=discount,
        gae_lambda=gae_lambda,
        token_rewards=extra,
        whitened=whitened,
    )
    wanted = np.zeros_like(values)
    for i, (row, places) in enumerate(zip(rewards, spans, strict=True)):
        tokens = [t for start, end in places for t in range(start, end)]
        ends = {end - 1: r for r, (_, end) in zip(row or [], places, strict=True)}
        paid = [ends.get(t, 0.0) + extra[i, t] for t in tokens]
        wanted[i, tokens] = references.gae(
            paid, values[i, tokens].tolist(), discount, gae_lambda
        )
    acted = acted_of(spans, width)
    assert found.targets == pytest.approx(np.where(acted, wanted + values, 0), abs=1e-6)
    if whitened:
        wanted[acted] = references.whiten(wanted[acted].tolist())
    assert found.advantages == pytest.approx(wanted, abs=1e-6)


@given(game=played(), extra=st.integers(0, 4))
def test_neither_padding_nor_what_the_world_says_matters(game, extra):
    rewards, spans, width = game
    values = np.random.default_rng(0).normal(size=(len(rewards), width))
    wanted = gae_token(rewards, values=values, spans=spans, gae_lambda=0.9)
    noisy = np.full((len(rewards), width + extra), np.nan)
    acted = acted_of(spans, width + extra)
    noisy[acted] = values[acted[:, :width]]
    found = gae_token(rewards, values=noisy, spans=spans, gae_lambda=0.9)
    for before, after in zip(wanted, found, strict=True):
        assert np.allclose(after[:, :width], before, atol=1e-9)
        assert not after[~acted].any()


@given(game=played())
def test_a_broken_episode_has_no_part_in_tokens(game):
    rewards, spans, width = game
    values = np.random.default_rng(0).normal(size=(len(rewards) + 1, width))
    places = [*spans, [(0, 1)]]  # of tokens, were it whole
    found = gae_token([*rewards, None], values=values, spans=places)
    wanted = gae_token(rewards, values=values[:-1], spans=spans)
    for before, after in zip(wanted, found, strict=True):
        assert np.allclose(after[:-1], before, atol=1e-9)
        assert not after[-1].any()


@given(game=played())
def test_turns_of_one_token_are_turns(game):
    rewards, spans, width = game
    spans = [[(end - 1, end) for _, end in places] for places in spans]
    values = np.random.default_rng(0).normal(size=(len(rewards), width))
    per_turn = [[v[s] for s, _ in p] for v, p in zip(values, spans, strict=True)]
    by_token = gae_token(rewards, values=values, spans=spans, gae_lambda=0.9)
    by_turn = gae_turn(rewards, values=per_turn, gae_lambda=0.9)
    acted = acted_of(spans, width)
    for tokens, turns in zip(by_token, by_turn, strict=True):
        assert tokens[acted] == pytest.approx([x for row in turns for x in row])


# ---- laws ----------------------------------------------------------------------------


def credit_both(rewards, values, places, **settings):
    """What `gae_turn` and, with one token per turn, `gae_token` say."""
    width = max(map(len, values), default=0)
    table = np.zeros((len(values), width))
    for row, known in zip(table, values, strict=True):
        row[: len(known)] = known
    return (
        gae_turn(rewards, values=values, **settings),
        gae_token(rewards, values=table, spans=places, **settings),
    )


@st.composite
def valued(draw):
    """Turn rewards of three episodes, values and the place of each turn."""
    row = st.lists(st.integers(-8, 8).map(float), min_size=1, max_size=5)
    rewards = draw(st.lists(row, min_size=3, max_size=3))
    values = [[draw(number) for _ in row] for row in rewards]
    return rewards, values, [[(k, k + 1) for k in range(len(r))] for r in rewards]


def near(found, wanted):
    return all(
        np.allclose([*row], [*other][: len(row)], atol=1e-6)
        for row, other in zip(found, wanted, strict=True)
    )


@given(game=valued(), c=st.sampled_from([0.5, 2.0, 64.0]), gae_lambda=factor)
def test_scaling_rewards_and_values_scales_both(game, c, gae_lambda):
    rewards, values, places = game
    scaled = ([[c * x for x in row] for row in rows] for rows in (rewards, values))
    how = {"gae_lambda": gae_lambda, "discount": 0.9, "whitened": False}
    before = credit_both(rewards, values, places, **how)
    after = credit_both(*scaled, places, **how)
    for old, new in zip(before, after, strict=True):
        for table, other in zip(old, new, strict=True):
            assert near(other, [[c * x for x in row] for row in table])


@given(game=valued(), shift=st.integers(-20, 20), gae_lambda=factor)
def test_what_is_paid_and_expected_more_changes_no_advantage(game, shift, gae_lambda):
    rewards, values, places = game
    paid = [[*row[:-1], row[-1] + shift] for row in rewards]
    expected = [[v + shift for v in row] for row in values]
    how = {"gae_lambda": gae_lambda, "whitened": False}
    before = credit_both(rewards, values, places, **how)
    after = credit_both(paid, expected, places, **how)
    for old, new in zip(before, after, strict=True):
        assert near(new.advantages, old.advantages)
    targets = [[t + shift for t in row] for row in before[0].targets]
    assert near(after[0].targets, targets)


@given(game=valued(), other=valued())
def test_episodes_touch_in_whitening_alone(game, other):
    both = [a + b for a, b in zip(game, other, strict=True)]
    alone = credit_both(*game, whitened=False)
    together = credit_both(*both, whitened=False)
    for one, all_of_them in zip(alone, together, strict=True):
        assert near(one.advantages, all_of_them.advantages[:3])
        assert near(one.targets, all_of_them.targets[:3])


@given(scale=st.sampled_from([0.5, 2.0, 64.0]))
def test_advantages_are_whitened_over_actions_and_targets_are_not(scale):
    rewards, spans = [[scale, 0.0], [4 * scale]], [[(0, 2), (3, 4)], [(0, 1)]]
    found = gae_token(rewards, values=np.zeros((2, 4)), spans=spans)
    acted = found.advantages[acted_of(spans, 4)]
    assert acted.mean() == pytest.approx(0.0, abs=1e-9)
    assert acted.std(ddof=1) == pytest.approx(1.0, abs=1e-3)
    assert found.targets.tolist() == [[scale, scale, 0, 0], [4 * scale, 0, 0, 0]]


@pytest.mark.parametrize("span", [(1, 1), (2, 5), (-1, 2)])
def test_spans_that_cannot_be_are_named(span):
    with pytest.raises(ConfigError, match=f"from token {span[0]} to {span[1]}"):
        gae_token([[1.0]], values=np.zeros((1, 4)), spans=[[span]])


def test_missing_spans_are_named():
    with pytest.raises(ConfigError, match="Episode 0 has 1 rewards and 0 spans"):
        gae_token([[1.0]], values=np.zeros((1, 4)), spans=[[]])
