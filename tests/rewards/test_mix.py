import json
import pickle
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rewards.made import PLAIN, episode, episodes, scores, turn, walk
from toolkit.environments.base import tasks
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.episodes.store import load_episodes, save_episodes
from toolkit.errors import ConfigError, RewardError
from toolkit.policies.scripted import ExpertPolicy, RandomPolicy
from toolkit.rewards import PRESETS, TERMS, Mix, get_reward, term, turn_term
from toolkit.rewards.judge_terms import JUDGES

OLD = Path(__file__).with_name("old.jsonl")
"""Two episodes of w2-o3-q4, test game 1: the expert's and a random player's."""
FULL = {
    "success": 1.0,
    "progress": 0.5,
    "step_cost": 0.01,
    "invalid_action": 0.1,
    "format": 0.1,
    "length": {"weight": 0.2, "limit": 300},
}
weights = st.floats(-2, 2).map(lambda w: round(w, 3))
mixes = st.builds(
    Mix,
    st.dictionaries(st.sampled_from(PLAIN), weights, min_size=1),
    density=st.one_of(st.none(), st.floats(0, 1)),
)


# ---- what a mix is -------------------------------------------------------------------


def test_a_mix_by_hand():
    played = episode(turn(), turn(valid_action=False), turn(), won=True)
    mix = Mix({"success": 1.0, "step_cost": 0.1, "invalid_action": 0.5})
    scored = mix.score([played, walk("a")])
    assert scored.turn_rewards[0] == pytest.approx([-0.1, -0.6, 0.9])
    assert list(scored.returns) == pytest.approx([0.2, -0.1])


def test_what_each_term_pays_on_average():
    played = episode(turn(), turn(valid_action=False), turn(), won=True)
    mix = Mix({"success": 1.0, "step_cost": 0.1})
    assert mix.score([played, walk("a")]).paid() == {
        "success": {"mean": 0.5, "spread": 1.0},
        "step_cost": pytest.approx({"mean": -0.2, "spread": 0.2}),
    }


def test_one_term_twice():
    mix = Mix(
        {
            "opened": {"term": "subgoal", "goals": ["open"]},
            "taken": {"term": "subgoal", "goals": ["take"], "weight": 3},
        }
    )
    played = episode(turn(), turn(seen="You open it."), final="You take it.")
    assert mix.score([played]).turn_rewards == [[1.0, 3.0]]


@settings(max_examples=30)
@given(mix=mixes)
def test_a_mix_survives_every_way_of_writing_it(mix):
    assert eval(repr(mix)) == eval(mix.to_code()) == mix
    assert get_reward(mix.to_dict()) == mix
    assert get_reward(json.dumps(mix.to_dict())) == mix
    assert pickle.loads(pickle.dumps(mix)) == mix


def test_settings_survive_too():
    mix = Mix(FULL | {"subgoal": {"weight": 1, "goals": ["a", "b"]}}, density=0.5)
    assert eval(mix.to_code()) == get_reward(json.dumps(mix.to_dict())) == mix


def test_what_get_reward_understands():
    assert get_reward("sparse") == Mix({"success": 1.0})
    assert get_reward("progress") == Mix({"progress": 1.0})
    assert get_reward({"success": "1e-3", "density": 0.5}) == Mix(
        {"success": 0.001}, density=0.5
    )
    assert get_reward(PRESETS["dense_1"]) is PRESETS["dense_1"]
    assert get_reward("dense") == PRESETS["dense_2"]


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        ("spares", "Did you mean 'sparse'"),
        (None, "no reward None"),
        ("{bad", "no JSON"),
        ({}, "no terms"),
        ({"succes": 1}, "Did you mean 'success'"),
        ({"success": True}, "must be a finite number"),
        ({"success": float("nan")}, "must be a finite number"),
        ({"success": "much"}, "must be a finite number"),
        ({"success": None}, "must be a finite number"),
        ({"length": {"weigth": 1}}, "Its settings are: free, limit"),
        ({"subgoal": 1}, "missing a required argument: 'goals'"),
        ({"mine": {"term": "mine"}}, "must be defined first"),
        ({"success": 1, "density": 2}, "from 0"),
        ({"weight": {"term": "success", "limit": 2}}, "Its settings are: none"),
    ],
)
def test_rewards_that_do_not_exist(reward, said):
    with pytest.raises(ConfigError, match=said):
        get_reward(reward)


# ---- weighing ------------------------------------------------------------------------


@settings(max_examples=30)
@given(
    played=st.lists(episodes(), max_size=4),
    old=st.lists(weights, min_size=len(PLAIN), max_size=len(PLAIN)),
    new=st.lists(weights, min_size=len(PLAIN), max_size=len(PLAIN)),
    density=st.one_of(st.none(), st.floats(0, 1)),
)
def test_rewards_are_linear_in_the_weights(played, old, new, density):
    def scored(values):
        mix = Mix(dict(zip(PLAIN, values, strict=True)), density=density)
        return mix.score(played)

    a, b, both = scored(old), scored(new), scored(np.add(old, new).tolist())
    assert np.allclose(a.per_turn + b.per_turn, both.per_turn)
    assert np.allclose(a.returns + b.returns, both.returns)
    assert np.allclose(sum(map(both.of, PLAIN)), both.per_turn)
    assert np.allclose(sum(map(both.returns_of, PLAIN)), both.returns)


@settings(max_examples=30)
@given(played=st.lists(episodes(), max_size=4), mix=mixes, weight=weights)
def test_reweighted_is_scored_anew(played, mix, weight):
    term = next(iter(mix.terms))
    quick = mix.score(played).reweighted({term: weight})
    anew = Mix({**mix.terms, term: weight}, density=mix.density).score(played)
    assert quick.mix == anew.mix
    assert quick.turn_rewards == anew.turn_rewards


@settings(max_examples=30)
@given(played=st.lists(episodes(), min_size=1, max_size=4), mix=mixes)
def test_an_episode_is_worth_the_same_in_any_company(played, mix):
    together = mix.score(played).turn_rewards
    assert together == [mix.score([e]).turn_rewards[0] for e in played]


def test_reweighting_asks_no_term_again():
    asked = []

    @term
    def counted(episode):
        asked.append(episode)
        return [1.0] * len(episode.turns)

    scored = Mix({"counted": 1.0, "success": 1.0}).score([walk("ab")])
    again = scored.reweighted({"counted": 2.0}).at_density(0.0)
    assert again.turn_rewards == [[0.0, 4.0]]
    assert len(asked) == 1


def test_settings_stay_when_weights_change():
    scored = Mix({"length": {"weight": 1, "free": 0, "limit": 4}}).score([walk("a")])
    assert scored.reweighted({"length": 2}).per_turn.tolist() == [-1.0]


def test_terms_that_the_mix_does_not_have():
    scored = Mix({"success": 1.0}).score([walk("a")])
    for ask in (scored.of, scored.returns_of, lambda t: scored.reweighted({t: 1.0})):
        with pytest.raises(ConfigError, match="Did you mean 'success'"):
            ask("sucess")


def test_nothing_to_score():
    scored = Mix(FULL).score([])
    assert scored.turn_rewards == []
    assert scored.returns.shape == (0,)
    assert scored.steps_per_reward == float("inf")
    assert scored.warnings() == []
    assert scored.paid() == {}


def test_500_episodes_are_scored_in_well_under_100_ms():
    points = [k // 3 for k in range(12)]
    played = [scores(points, most=4, won=i % 2 == 0) for i in range(500)]
    mix = Mix(FULL, density=0.5)
    assert mix.score(played).faults == ()
    seconds = []
    for _ in range(5):
        began = time.thread_time()  # other processes do not count
        scored = mix.score(played)
        assert scored.returns.shape == (500,)
        seconds.append(time.thread_time() - began)
    assert min(seconds) < 0.1
    seconds = []
    for _ in range(5):
        began = time.thread_time()
        assert scored.reweighted({"success": 2.0}).returns.shape == (500,)
        seconds.append(time.thread_time() - began)
    assert min(seconds) < 0.02


# ---- bad terms -----------------------------------------------------------------------


def bad_terms():
    @term
    def short(episode):
        return [0.0] * (len(episode.turns) - episode.won)

    @term
    def single(episode):
        return 1.0 if episode.won else [0.0] * len(episode.turns)

    @term
    def undefined(episode):
        last = float("nan") if episode.won else 0.0
        return [0.0] * (len(episode.turns) - 1) + [last]

    @term
    def broken(episode):
        return [1 / (not episode.won) - 1] * len(episode.turns)

    @turn_term
    def broken_turn(turn):
        return turn.info["nothing"] if turn.info["room"] == "c" else 0.0


@pytest.mark.parametrize(
    ("name", "turn", "why"),
    [
        ("short", None, "It returned 2 numbers for 3 turns"),
        ("single", None, "It returned one number for 3 turns"),
        ("undefined", 2, "It returned nan"),
        ("broken", None, "ZeroDivisionError"),
        ("broken_turn", 2, "It raised KeyError: 'nothing'"),
    ],
)
def test_a_bad_term_is_named_with_episode_and_turn(name, turn, why):
    bad_terms()
    played = [walk("ab"), walk("abc", won=True), walk("a")]
    mix = Mix({"step_cost": 1.0, name: 1.0})
    place = rf"'{name}' failed in episode 1 \(toy/train/0\)"
    place += ":" if turn is None else f", turn {turn}:"
    with pytest.raises(RewardError, match=f"(?s){place}.*{why}"):
        mix.score(played)
    scored = mix.score(played, mask=True)
    assert scored.masked.tolist() == [False, True, False]
    assert scored.turn_rewards == [[-1.0, -1.0], None, [-1.0]]
    assert np.isnan(scored.returns).tolist() == [False, True, False]
    (fault,) = scored.faults
    assert (fault.term, fault.episode, fault.turn) == (name, 1, turn)
    (warning,) = scored.warnings()
    assert f"'{name}' failed in episode 1" in warning
    assert "1 of 3 episodes" in warning


def test_wrong_settings_are_no_fault_of_an_episode():
    with pytest.raises(ConfigError, match="free=9"):
        Mix({"length": {"free": 9, "limit": 1}}).score([walk("a")], mask=True)


def test_broken_worlds_are_masked_and_no_fault():
    dead = replace(walk("ab"), stop_reason=StopReason.ENVIRONMENT_ERROR)
    scored = Mix({"step_cost": 1.0}).score([dead, walk("a")])
    assert scored.turn_rewards == [None, [-1.0]]
    assert scored.faults == ()


def test_terms_that_score_many_episodes_at_once():
    class Judge:
        def __call__(self, episode, *, bonus=0.0):
            raise AssertionError("one by one is slow")

        def batch(self, episodes, *, bonus=0.0):
            return [[bonus if e.won else float("nan")] * len(e.turns) for e in episodes]

    term(Judge(), name="judge")
    mix = Mix({"judge": {"weight": 2.0, "bonus": 3.0}})
    dead = replace(walk("ab"), stop_reason=StopReason.ENVIRONMENT_ERROR)
    scored = mix.score([dead, walk("ab", won=True), walk("a")], mask=True)
    assert scored.turn_rewards == [None, [6.0, 6.0], None]
    Judge.batch = lambda self, episodes, *, bonus: []
    with pytest.raises(RewardError, match="It scored 0 of 1 episodes"):
        mix.score([walk("a")])
    Judge.batch = Judge.__call__
    scored = mix.score([walk("a"), walk("b")], mask=True)
    assert [f.episode for f in scored.faults] == [0, 1]
    assert "one by one is slow" in scored.faults[0].why


# ---- weights that cancel -------------------------------------------------------------


def test_what_is_sound_stands_alone():
    broken = replace(walk("ab"), stop_reason=StopReason.ENVIRONMENT_ERROR)
    mix = Mix({"success": 1.0, "step_cost": 0.1}, density=0.0)
    played = [walk("abc", won=True), broken, walk("a")]
    sound = mix.score(played, mask=True).sound()
    want = mix.score([played[0], played[2]])
    assert sound.returns.tolist() == want.returns.tolist()
    assert sound.turn_rewards == want.turn_rewards
    assert sound.reweighted({"success": 2.0}).returns[0] == pytest.approx(1.7)


def test_weights_that_cancel_are_reported():
    played = [walk("a", won=True), walk("a"), walk("ab")]

    @term
    def failure(episode):
        return [0.0] * (len(episode.turns) - 1) + [float(not episode.won)]

    mix = Mix({"success": 0.5, "failure": 0.5, "step_cost": 0.0})
    (warning,) = mix.score(played).warnings()
    assert "all 3 episodes are worth 0.5" in warning
    assert "success and failure differ" in warning
    assert mix.score(played).reweighted({"success": 0.6}).warnings() == []


def test_episodes_that_are_alike_do_not_cancel():
    assert Mix({"success": 1.0}).score([walk("a"), walk("ab")]).warnings() == []
    assert Mix({"success": 1.0}).score([walk("a", won=True)]).warnings() == []


# ---- real records --------------------------------------------------------------------


def test_an_old_record_is_scored_again():
    won, lost = load_episodes(OLD)
    mix = Mix(FULL)
    scored = mix.score([won, lost])
    # 4 turns at 0.01, the win and all points
    assert scored.returns[0] == pytest.approx(1.5 - 0.04)
    invalid = sum(not t.info["valid_action"] for t in lost.turns)
    assert scored.returns[1] == pytest.approx(-0.12 - 0.1 * invalid)
    assert get_reward("game").score([won, lost]).returns.tolist() == [1.0, 0.0]


@pytest.fixture(scope="module")
def real():
    """Four games of the paper, by the expert and at random."""
    games = tasks("textworld/w2-o3-q4", split="test", n=4)
    return [
        collect(policy, "textworld/w2-o3-q4", games, workers=0, progress=False)
        for policy in (ExpertPolicy(), RandomPolicy())
    ]


def test_real_games_have_all_facts(real):
    expert, random = real
    unsettled = ("subgoal", "potential", *JUDGES)
    settled = [name for name in TERMS if name not in unsettled]
    scored = Mix(dict.fromkeys(settled, 1.0)).score([*expert, *random])
    assert scored.faults == ()
    assert scored.returns_of("success")[:4].tolist() == [1.0] * 4
    assert scored.returns_of("progress")[:4].tolist() == [1.0] * 4
    assert scored.returns_of("invalid_action")[:4].tolist() == [0.0] * 4
    assert (scored.returns_of("step_cost")[4:] <= -3).all()


def test_scores_survive_the_disk(real, tmp_path):
    played = [*real[0], *real[1]]
    save_episodes(played, tmp_path / "played.jsonl")
    loaded = load_episodes(tmp_path / "played.jsonl")
    assert Mix(FULL).score(loaded).turn_rewards == Mix(FULL).score(played).turn_rewards


def test_a_bare_function_is_told_how_to_become_a_term():
    with pytest.raises(ConfigError, match=r"(?s)is a function.*turn_term"):
        get_reward(lambda turn: 1.0)
