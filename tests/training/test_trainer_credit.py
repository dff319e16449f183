"""What the trainer tells each estimator, and what comes of it."""

import pytest
import torch
from trl import GRPOTrainer

from tests.models import tiny_policy
from tests.training.gates import Gates
from tests.training.runs import batch_of, opened, run_small, weights_of
from toolkit.environments.base import make_env
from toolkit.episodes.rollout import collect
from toolkit.training.credit import CREDITS, gigpo, grpo, remax
from toolkit.training.events import steps_of
from toolkit.training.returns import discounted_return

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"
)

CHOICES = {
    "grpo": {},
    "grpo, batch": {"credit": "grpo", "scale_rewards": "batch"},
    "grpo, none": {"credit": "grpo", "scale_rewards": "none"},
    "rloo": {},
    "reinforce_pp": {},
    "reinforce_pp, alone": {"credit": "reinforce_pp", "num_generations": 1},
    "turn_return": {"discount": 0.9},
    "gigpo": {"discount": 0.9},
    "remax": {},
    "remax, alone": {"credit": "remax", "num_generations": 1},
}


@pytest.mark.parametrize("name", CHOICES)
def test_every_estimator_trains(tmp_path, name):
    policy = tiny_policy()
    before = weights_of(policy).clone()
    settings = {"credit": name} | CHOICES[name]
    run = run_small(tmp_path, policy=policy, max_steps=1, **settings)
    (facts,) = steps_of(run.events, "rollout")
    assert run.step == 1
    assert facts["silent_groups"] < 1
    assert len(facts["groups"]) == (8 if "alone" in name else 2)
    assert not torch.equal(weights_of(policy), before)
    # what greedy play costs is written down: one episode of each of the 5 games
    played = {"remax": 2, "remax, alone": 5}.get(name, 0)
    assert facts["greedy_episodes"] == played
    assert (facts["greedy_tokens"] > 0) == (played > 0)


@pytest.mark.parametrize("scale", ["group", "batch", "none"])
def test_grpo_is_that_of_trl(tmp_path, scale):
    env = make_env("gates", dies=2)  # the first game of two breaks
    with opened(tmp_path, env=env, n=2, scale_rewards=scale) as trainer:
        trainer.model.train()
        trainer._rows = next(iter(trainer.get_train_dataloader()))
        batch = GRPOTrainer._generate_and_score_completions(trainer, trainer._rows)
    broken = [e.stop_reason.is_broken for e in trainer.episodes]
    assert 1 <= sum(broken) <= 4
    ours = [row[0] if row else 0.0 for row in trainer._advantages]
    assert any(ours)
    assert ours == pytest.approx(batch["advantages"].tolist(), abs=1e-5)


def test_rloo_is_that_of_trl(tmp_path):
    with opened(tmp_path, credit="rloo") as trainer:
        batch_of(trainer)
    returns = torch.tensor([e.total_reward for e in trainer.episodes]).view(-1, 4)
    wanted = returns - (returns.sum(1, keepdim=True) - returns) / 3  # RLOOTrainer
    found = [row[0] for row in trainer._advantages]
    assert found == pytest.approx(wanted.flatten().tolist(), abs=1e-5)


def test_gigpo_compares_what_the_agent_saw(tmp_path):
    with opened(tmp_path, credit="gigpo", discount=0.9) as trainer:
        batch_of(trainer)
    wanted = gigpo(
        [e.turn_rewards for e in trainer.episodes],
        anchors=[[t.observation for t in e.turns] for e in trainer.episodes],
        group_size=4,
        discount=0.9,
    )
    assert trainer._advantages == wanted
    plain = grpo([e.turn_rewards for e in trainer.episodes], group_size=4)
    assert wanted != plain  # all of a group begin in the same state


def test_remax_compares_with_greedy_play(tmp_path):
    with opened(tmp_path, credit="remax", discount=0.9) as trainer:
        batch_of(trainer)
        games = list(trainer.tasks[:2])
        settings = {"workers": 0, "progress": False}
        limit = trainer.args.max_completion_length
        greedy = collect(
            trainer.policy, "gates", games, greedy=True, max_tokens=limit, **settings
        )
    assert [e.ids for e in trainer.greedy] == [e.ids for e in greedy]
    base = [discounted_return(e.turn_rewards, 0.9) for e in greedy]
    wanted = remax(
        [e.turn_rewards for e in trainer.episodes],
        greedy_returns=[base[0]] * 4 + [base[1]] * 4,
        discount=0.9,
    )
    assert trainer._advantages == wanted
    assert len({tuple(e.ids) for e in trainer.episodes}) > 2  # sampled, not greedy


def test_greedy_play_in_a_broken_world_is_no_baseline(tmp_path, monkeypatch):
    policy, start = tiny_policy(), Gates._start

    def broken_when_greedy(self, task):
        if policy._params.greedy:
            raise RuntimeError("no gate today")
        return start(self, task)

    monkeypatch.setattr(Gates, "_start", broken_when_greedy)
    with opened(tmp_path, policy=policy, credit="remax") as trainer:
        batch_of(trainer)
    assert [e.stop_reason.is_broken for e in trainer.greedy] == [True, True]
    assert not any(e.stop_reason.is_broken for e in trainer.episodes)
    assert all(row and not any(row) for row in trainer._advantages)


def test_an_estimator_of_ones_own(tmp_path, monkeypatch):
    def first(rewards, group_size):
        """Credit the first episode of each group."""
        return [
            [float(i % group_size == 0)] * len(row) for i, row in enumerate(rewards)
        ]

    monkeypatch.setitem(CREDITS, "first", first)
    with opened(tmp_path, credit="first") as trainer:
        batch = batch_of(trainer)
    assert batch["advantages"].any(1).tolist() == [True, False, False, False] * 2
