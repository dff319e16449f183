import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rewards.made import PLAIN, episode, episodes, scores
from toolkit.environments.base import Task
from toolkit.episodes.record import StopReason
from toolkit.errors import ConfigError
from toolkit.rewards import Mix, check_reward
from toolkit.rewards.terms import TERMS, term
from toolkit.training.credit import grpo, rloo
from toolkit.training.gae import gae_turn
from toolkit.training.gigpo import gigpo
from toolkit.training.returns import episode_returns
from toolkit.widgets import reward_view
from toolkit.widgets.reward_view import GAE_LAMBDA, Games

WON, LOST = scores([2, 4], most=4, won=True), scores([0, 1, 1], most=4)


@pytest.fixture(autouse=True)
def _own_terms(monkeypatch):
    """Forget terms that a test makes."""
    for name in ("counted", "judge", "odd"):
        monkeypatch.delitem(TERMS, name, raising=False)
    kept = dict(TERMS)
    yield
    TERMS.clear()
    TERMS.update(kept)


def paid(mix, *played, discount=1.0):
    return Games(played).pay(Mix(mix), discount)


# ---- asked once ----------------------------------------------------------------------


def test_no_weight_density_or_discount_asks_a_term_again():
    asked = []

    @term
    def counted(e):
        asked.append(e)
        return [1.0] * len(e.turns)

    games = Games([WON, LOST])
    mix = Mix({"success": 1, "counted": 1})
    for weight in (1, 0.5, -2):
        for density in (None, 0, 0.5):
            new = replace(mix.reweighted({"counted": weight}), density=density)
            found = games.pay(new, 0.9)
            games.check(found.scored)
    assert len(asked) == 2 * 3  # played, stopped and waited


def test_a_judge_reads_each_episode_once_and_only_what_was_played():
    class Judge:
        read: ClassVar = []

        def __call__(self, e):
            raise AssertionError("one by one")

        def batch(self, many):
            self.read.append(list(many))
            return [[0.5] * len(e.turns) for e in many]

    term(Judge(), name="judge")
    games = Games([WON, LOST])
    for weight in (1, 2, 3):
        found = games.pay(Mix({"step_cost": -1, "judge": weight}))
        assert not any(f.code == "waiting_pays" for f in games.check(found.scored))
    assert Judge.read == [[WON, LOST]]
    # without the judge, it is asked what could have been done instead
    found = games.check(games.pay(Mix({"step_cost": -1})).scored)
    assert any(f.code == "waiting_pays" for f in found)


def test_a_term_with_other_settings_or_another_function_is_asked_again():
    games = Games([WON])
    term(lambda e, by=1.0: [by] * len(e.turns), name="odd")
    assert games.pay(Mix({"odd": 1})).returns[0] == 2
    assert games.pay(Mix({"odd": {"weight": 1, "by": 3.0}})).returns[0] == 6
    term(lambda e: [5.0] * len(e.turns), name="odd")
    assert games.pay(Mix({"odd": 1})).returns[0] == 10


@settings(max_examples=40)
@given(
    st.lists(episodes(), max_size=6),
    st.sampled_from(PLAIN),
    st.floats(-2, 2),
    st.sampled_from([None, 0.0, 0.4]),
)
def test_it_is_what_the_mix_and_the_check_say(played, name, weight, density):
    games = Games(played)
    found = games.pay(
        Mix({"success": 1.0, name: 1.0} if name != "success" else {name: 1})
    )
    mix = replace(found.scored.mix.reweighted({name: weight}), density=density)
    found = games.pay(mix)
    want = mix.score(games.episodes, mask=True)
    assert found.returns == pytest.approx(want.returns, nan_ok=True)
    assert found.rewards == want.turn_rewards
    assert games.check(found.scored) == check_reward(mix, games.episodes)


# ---- games ---------------------------------------------------------------------------


def test_episodes_of_a_game_lie_side_by_side():
    a, b = (scores([1], most=2, seed=s) for s in (0, 1))
    other = replace(a, task=Task(env="other", seed=0))
    games = Games([a, b, other, a, b])
    assert [len(g) for g in games.groups] == [2, 2, 1]
    assert games.episodes == [a, a, b, b, other]
    assert [t.env for t in games.tasks] == ["toy", "toy", "other"]


def test_how_a_game_stands():
    broken = replace(WON, stop_reason=StopReason.ENVIRONMENT_ERROR)
    cases = {
        "teaches": [WON, LOST],
        "silent": [LOST, LOST, broken],
        "alone": [WON, broken],
        "broken": [broken, broken],
    }
    played = [
        replace(e, task=Task(env="toy", seed=seed))
        for seed, group in enumerate(cases.values())
        for e in group
    ]
    found = paid({"success": 1}, *played)
    assert [s.kind for s in found.standings] == list(cases)
    assert found.teaching == 1
    assert (found.standings[0].low, found.standings[0].high) == (0, 1)
    assert math.isnan(found.standings[3].low)


def test_ranks_are_within_a_game_and_equals_share_one():
    elsewhere = scores([4, 4], most=4, won=True, seed=1)
    found = paid({"progress": 1}, LOST, WON, LOST, WON, elsewhere)
    assert found.ranks == [3, 1, 3, 1, 1]
    broken = replace(WON, stop_reason=StopReason.INTERRUPTED)
    assert paid({"progress": 1}, WON, broken).ranks == [1, None]


def test_losses_that_are_paid_like_wins():
    found = paid({"success": 1, "step_cost": -0.6}, WON, LOST, LOST)  # 2.2 and 1.8
    assert found.inverted == []
    found = paid({"success": 1, "step_cost": -1}, WON, LOST, LOST)  # 3 and 3
    assert found.inverted == [1, 2]
    longer = scores([0, 1, 1, 1], most=4)
    found = paid({"success": 1, "step_cost": -1}, WON, LOST, longer)
    assert found.inverted == [2, 1]
    assert found.excess[2] == pytest.approx(1)
    assert paid({"step_cost": -1}, LOST, longer).inverted == []  # nobody won


def test_agreement_counts_pairs_of_the_same_game():
    other = [replace(e, task=Task(env="toy", seed=9)) for e in (WON, LOST)]
    assert paid({"success": 1}, WON, LOST, *other).agreement == 1
    assert paid({"step_cost": 1}, WON, LOST).agreement == 1  # the win is shorter
    assert paid({"step_cost": -1}, WON, LOST).agreement == 0
    assert paid({"success": 0}, WON, LOST).agreement == 0.5
    assert paid({"success": 1}, WON, other[1]).agreement is None


def test_the_loudest_term_is_none_that_pays_for_success():
    assert paid({"success": 1}, WON, LOST).loudest is None
    mix = {"success": 1, "step_cost": 0.2, "invalid_action": 1}
    name, share = paid(mix, WON, LOST).loudest
    assert name == "step_cost"
    assert share == pytest.approx(1.0 / 2.0)  # five turns cost 1, the win pays 1


# ---- advantages ----------------------------------------------------------------------


def test_advantages_by_hand():
    found = paid({"progress": 1}, WON, LOST).advantages(0)  # returns 1 and 0.25
    assert found["RLOO"] == [[0.75] * 2, [-0.75] * 3]
    half = 0.375 / (0.375 * math.sqrt(2) + 1e-4)
    assert found["GRPO"] == [pytest.approx([half] * 2), pytest.approx([-half] * 3)]
    # both saw "A room." before every turn: to go 1, .5 and .25, .25, 0
    to_go = np.array([1, 0.5, 0.25, 0.25, 0])
    step = (to_go - 0.4) / (to_go.std(ddof=1) + 1e-4)
    assert found["GiGPO"][0] == pytest.approx(half + step[:2])
    assert found["GiGPO"][1] == pytest.approx(step[2:] - half)


def test_the_critic_of_ppo_is_the_mean_to_go_of_the_game():
    elsewhere = scores([8], most=8, won=True, seed=1)
    found = paid({"progress": 1}, WON, elsewhere, LOST)
    assert found.expected == [[0.625, 0.375], [0.625, 0.375, 0], [1.0]]
    want = gae_turn(found.rewards, values=found.expected, gae_lambda=GAE_LAMBDA)
    assert found.ppo == want.advantages
    assert found.advantages(1)["PPO"] == want.advantages[2:]


def test_all_that_takes_a_discount_gets_it():
    played = [WON, LOST, scores([0, 0, 3], most=4)]
    found = paid({"progress": 1}, *played, discount=0.5)
    rewards, how = found.rewards, {"group_size": 3, "discount": 0.5}
    assert found.returns == pytest.approx(episode_returns(rewards, 0.5)[0])
    seen = [[t.observation for t in e.turns] for e in played]
    credits = found.advantages(0)
    assert credits["GRPO"] == grpo(rewards, **how)
    assert credits["RLOO"] == rloo(rewards, **how)
    assert credits["GiGPO"] == gigpo(rewards, anchors=seen, **how)
    values = found.expected
    gae = gae_turn(rewards, values=values, discount=0.5, gae_lambda=GAE_LAMBDA)
    assert credits["PPO"] == gae.advantages


def test_alone_there_is_an_explanation_and_the_others_remain():
    found = paid({"progress": 1}, WON).advantages(0)
    for name in ("GRPO", "RLOO", "GiGPO"):
        assert isinstance(found[name], ConfigError)
        assert "alone" in str(found[name])
    assert len(found["PPO"][0]) == 2


@pytest.mark.parametrize("reason", [None, StopReason.ENVIRONMENT_ERROR])
def test_episodes_without_turns_do_no_harm(reason):
    empty = episode(reason=reason)
    found = paid({"progress": 1, "success": 1}, empty, WON, empty)
    assert [len(row) for row in found.advantages(0)["GRPO"]] == [0, 2, 0]
    assert paid({"success": 1}, empty).advantages(0)["PPO"] == [[]]


def test_a_term_that_fails_masks_its_episode():
    @term
    def odd(e):
        if not e.won:
            raise KeyError("x")
        return [math.nan if len(e.turns) > 2 else 1.0] * len(e.turns)

    long = scores([1, 2, 4], most=4, won=True)
    found = paid({"success": 1, "odd": 1}, WON, LOST, long)
    assert found.scored.masked.tolist() == [False, True, True]
    assert found.scored.terms.tolist() == [
        [0, 1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0, 0],
    ]
    assert [fault.episode for fault in found.scored.faults] == [1, 2]
    assert found.standings[0].kind == "alone"


def test_what_was_not_played_is_limited(monkeypatch):
    monkeypatch.setattr(reward_view, "MOST_IMAGINED", 6)
    asked = []

    @term
    def counted(e):
        asked.append(e)
        return [0.0] * len(e.turns)

    games = Games([WON, LOST, WON, LOST])
    games.check(games.pay(Mix({"counted": 1})).scored)
    assert len(asked) == 4 + 2 * 2  # of three turns at most: made from two episodes


def test_nothing_is_nothing():
    found = paid({"success": 1, "format": 1})
    assert (found.standings, found.inverted, found.agreement) == ([], [], None)
    assert found.loudest is None
    assert found.games.check(found.scored) == []
