"""Rewards on their way through settings, trainer and events."""

import json

import pytest
import torch
import yaml

from tests.models import tiny_policy
from tests.training.runs import batch_of, opened, run_small, weights_of
from toolkit.errors import ConfigError, ModelError
from toolkit.rewards import TERMS, Mix, term, turn_term
from toolkit.training.credit import CREDITS, OF_CRITICS
from toolkit.training.events import steps_of
from toolkit.training.settings import make_config, read_config

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"
)
MIX = Mix({"game": 1.0, "step_cost": 0.1, "length": {"weight": 1.0, "limit": 300}})


@pytest.fixture
def fragile():
    """A term that fails in the second turn of some episodes."""

    @turn_term
    def fragile(turn):
        return 1 / (turn.completion[:1] > "M" or not turn.observation.startswith("1"))

    yield fragile
    del TERMS["fragile"]


@pytest.mark.parametrize("reward", ["sparse", MIX, MIX.to_dict()])
def test_all_ways_to_say_a_reward_train(tmp_path, reward):
    run = run_small(tmp_path, max_steps=1, reward=reward)
    (rollout,) = steps_of(run.events, "rollout")
    assert (rollout["reward_failed"], rollout["reward_warnings"]) == (0, [])
    started = run.events[0]["config"]["reward"]
    assert started == (reward if isinstance(reward, str) else MIX.to_dict())


def test_a_reward_in_a_file_and_on_the_command_line(tmp_path):
    path = tmp_path / "run.yaml"
    density = Mix({"success": 1.0, "step_cost": 0.01}, density=0.5)
    for reward in ("dense_1", density.to_dict()):
        path.write_text(yaml.safe_dump({"env": "gates", "reward": reward}))
        assert read_config(path).reward == reward
    given = ["--reward", json.dumps(density.to_dict())]
    assert make_config(reward=read_config(path, given).reward)
    assert read_config(path, ["--reward", "sparse"]).reward == "sparse"


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        ("spares", "Did you mean 'sparse'"),
        ({"succes": 1.0}, "Did you mean 'success'"),
        (None, "no reward None"),
        ({"potential": {"discount": 0.5}}, "has discount 0.5, the training 1.0"),
    ],
)
def test_rewards_that_cannot_train(reward, said):
    with pytest.raises(ConfigError, match=said):
        make_config(reward=reward)


def test_a_potential_with_the_discount_of_the_training():
    potential = {"potential": {"weight": 1.0, "discount": 0.5}}
    assert make_config(reward=potential, discount=0.5).reward == potential


def test_the_trainer_pays_what_the_mix_says(tmp_path):
    with opened(tmp_path, reward=MIX) as trainer:
        batch_of(trainer)
        facts = trainer.events.latest["rollout"]
        returns = [r for group in facts["groups"] for r in group["returns"]]
        assert returns == pytest.approx(MIX.score(trainer.episodes).returns.tolist())


def test_a_judge_that_a_file_names_pays_a_run(tmp_path):
    path, said = tmp_path / "run.yaml", {"likelihood": {"model": "pocket"}}
    path.write_text(yaml.safe_dump({"env": "gates", "reward": said}))
    reward = read_config(path).reward
    run = run_small(tmp_path / "run", max_steps=1, reward=reward)
    assert run.events[0]["config"]["reward"]["likelihood"]["model"] == "pocket"
    (rollout,) = steps_of(run.events, "rollout")
    returns = [r for group in rollout["groups"] for r in group["returns"]]
    assert all(0 < paid < 1 for paid in returns)
    assert len(set(returns)) > 1


def test_a_judge_that_is_not_there_ends_a_run_before_it_begins(tmp_path):
    reward = {"likelihood": {"model": str(tmp_path / "nothing")}}
    with pytest.raises(ModelError, match="nothing"):
        run_small(tmp_path / "run", max_steps=1, reward=reward)
    assert not (tmp_path / "run").exists()


def test_the_learner_is_not_its_own_judge(tmp_path):
    tiny_policy().save(tmp_path / "run" / "policy")
    reward = {"likelihood": {"model": str(tmp_path / "run" / "policy")}}
    with pytest.raises(ConfigError, match="folder of this run"):
        make_config(reward=reward, output_dir=str(tmp_path / "run"))
    assert make_config(reward=reward, output_dir=str(tmp_path / "other")).reward


def test_an_episode_that_cannot_be_scored_is_masked(tmp_path, fragile):
    mix = {"game": 1.0, "fragile": 0.1}
    with opened(tmp_path, reward=mix) as trainer:
        batch = batch_of(trainer)
        scored = Mix(mix).score(trainer.episodes, mask=True)
        facts = trainer.events.latest["rollout"]
    assert 0 < scored.masked.sum() < 8
    acted = (batch["tool_mask"] * batch["completion_mask"]).any(1)
    assert acted.tolist() == (~scored.masked).tolist()
    assert not batch["advantages"][scored.masked].any()
    assert facts["reward_failed"] == scored.masked.sum()
    (said,) = facts["reward_warnings"]
    assert "'fragile' failed in episode" in said
    assert "turn 1: It raised ZeroDivisionError" in said
    returns = [r for group in facts["groups"] for r in group["returns"]]
    assert [r is None for r in returns] == scored.masked.tolist()


def breaks(turns):
    raise ValueError("no number today")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda turns: [0.0] * (turns - 1) + [float("nan")], "turn 1: It returned nan"),
        (lambda turns: [0.0] * (turns + 1), "It returned 3 numbers for 2 turns"),
        (breaks, "It raised ValueError"),
    ],
    ids=["nan", "wrong length", "raises"],
)
def test_a_run_leaves_out_what_a_bad_term_scored(tmp_path, bad, said):
    @term
    def bad_term(episode):
        turns = len(episode.turns)
        return bad(turns) if turns == 2 else [0.0] * turns

    policy = tiny_policy()
    before = weights_of(policy).clone()
    try:
        run = run_small(tmp_path, policy=policy, reward={"game": 1.0, "bad_term": 0.1})
    finally:
        del TERMS["bad_term"]
    assert (run.stopped, run.step) == ("finished", 4)
    after = weights_of(run.policy)
    assert torch.isfinite(after).all()
    assert not torch.equal(after, before)
    failed = 0
    for facts in steps_of(run.events, "rollout"):
        bad_ones = [turns == 2 for group in facts["groups"] for turns in group["turns"]]
        returns = [r for group in facts["groups"] for r in group["returns"]]
        assert [r is None for r in returns] == bad_ones
        assert facts["reward_failed"] == sum(bad_ones)
        failed += sum(bad_ones)
        assert len(facts["reward_warnings"]) == any(bad_ones)
        for warning in facts["reward_warnings"]:
            first = bad_ones.index(True)
            assert f"'bad_term' failed in episode {first} (gates/train/" in warning
            assert said in warning
            assert f"in {sum(bad_ones)} of 8 episodes" in warning
    assert failed > 0


def test_training_goes_on_when_a_term_fails(tmp_path, fragile, capfd):
    run = run_small(tmp_path, reward={"game": 1.0, "fragile": 0.1}, progress=True)
    assert run.stopped == "finished"
    failed = [e["reward_failed"] for e in steps_of(run.events, "rollout")]
    assert len(failed) == 4
    assert any(failed)
    assert f"reward failed for {max(failed)} episodes" in capfd.readouterr().out


def test_a_term_that_always_fails_changes_no_weights(tmp_path):
    policy = tiny_policy()
    before = weights_of(policy)
    # the toy world records no `progress`
    reward = {"potential": {"weight": 1.0, "discount": 1.0}}
    run = run_small(tmp_path, policy=policy, reward=reward, max_steps=2)
    assert (weights_of(run.policy) == before).all()
    for rollout in steps_of(run.events, "rollout"):
        assert rollout["reward_failed"] == 8
        assert "'progress' is not recorded" in rollout["reward_warnings"][0]


def test_weights_that_cancel_are_in_the_event(tmp_path):
    @turn_term
    def against(turn):
        return -turn.reward

    try:
        run = run_small(tmp_path, max_steps=1, reward={"game": 1.0, "against": 1.0})
    finally:
        del TERMS["against"]
    (rollout,) = steps_of(run.events, "rollout")
    (said,) = rollout["reward_warnings"]
    assert said.startswith("The weights cancel: all 8 episodes are worth 0")
    assert "game and against differ" in said
    assert rollout["silent_groups"] == 1.0


def test_an_unknown_estimator_is_refused_with_a_line_on_each(tmp_path):
    with pytest.raises(ConfigError) as error:
        run_small(tmp_path / "run", credit="grppo")
    lines = str(error.value).splitlines()
    for name in (*CREDITS, *OF_CRITICS):
        assert sum(line.startswith(f"  {name}: ") for line in lines) == 1
    assert "Did you mean 'grpo'" in lines[-1]
    assert not (tmp_path / "run").exists()
