import numpy as np
import pytest
import torch
from trl import GRPOTrainer

from tests.models import tiny_policy
from tests.training.runs import (
    adapted,
    batch_of,
    gradients,
    opened,
    opinionated,
    run_small,
    weights_of,
)
from toolkit.environments.base import make_env
from toolkit.training.critic import (
    explained_variance,
    listening,
    values_before,
)
from toolkit.training.events import steps_of
from toolkit.training.gae import gae_token, gae_turn
from toolkit.training.ppo import credit_of_critic

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"
)
BOTH = pytest.mark.parametrize("credit", ["gae_token", "gae_turn"])
CRITICS = pytest.mark.parametrize("critic", ["shared", "separate"])
WAYS = pytest.mark.parametrize(
    ("credit", "critic"),
    [("gae_token", "shared"), ("gae_turn", "shared"), ("gae_token", "separate")],
)


def columns(run, name):
    return [e["log"][name] for e in steps_of(run.events, "step")]


# ---- credit --------------------------------------------------------------------------

# two turns of two tokens with a token of the world between them, and a broken episode
PLACES = [[(0, 2), (3, 5)], []]
VALUES = torch.tensor([[0.5, 0.5, 9.0, 0.5, 0.75], [7.0] * 5])
FINES = torch.tensor([[-0.25, 0.0, 9.0, 0.0, -0.5], [9.0] * 5])


def test_credit_over_tokens_by_hand():
    # lambda 0, fines on top: -.25 + .5 - .5, 0 + .5 - .5, .75 - .5, 1 - .5 - .75
    found = credit_of_critic(
        "gae_token",
        [[0.0, 1.0], None],
        PLACES,
        VALUES,
        FINES,
        gae_lambda=0.0,
        whitened=False,
    )
    assert found.advantages.tolist() == [[-0.25, 0, 0, 0.25, -0.25], [0] * 5]
    assert found.targets.tolist() == [[0.25, 0.5, 0, 0.75, 0.5], [0] * 5]
    assert found.asked.tolist() == [[1, 1, 0, 1, 1], [0] * 5]


def test_credit_over_turns_by_hand():
    # lambda 0; a turn pays its tokens' fines: 0 - .25 + .5 - .5, 1 - .5 - .5
    found = credit_of_critic(
        "gae_turn",
        [[0.0, 1.0], None],
        PLACES,
        VALUES,
        FINES,
        gae_lambda=0.0,
        whitened=False,
    )
    assert found.advantages.tolist() == [[-0.25, -0.25, 0, 0, 0], [0] * 5]
    assert found.targets.tolist() == [[0.25, 0, 0, 0.5, 0], [0] * 5]
    assert found.asked.tolist() == [[1, 0, 0, 1, 0], [0] * 5]  # where a turn begins


@BOTH
@pytest.mark.parametrize("num_generations", [1, 4])
def test_advantages_are_gae_of_what_the_critic_said(tmp_path, credit, num_generations):
    settings = {"credit": credit, "num_generations": num_generations}
    with opened(tmp_path, gae_lambda=0.9, **settings) as trainer:
        batch = batch_of(opinionated(trainer))
    rewards = [e.turn_rewards for e in trainer.episodes]
    spans = [t.spans for t in trainer._tokens]
    values = batch["old_values"].double().numpy()
    found = batch["advantages"].numpy()
    if credit == "gae_token":
        wanted = gae_token(rewards, values=values, spans=spans, gae_lambda=0.9)
        assert np.allclose(found, wanted.advantages, atol=1e-5)
        assert np.allclose(batch["value_targets"], wanted.targets, atol=1e-5)
    else:
        said = [[v[s] for s, _ in at] for v, at in zip(values, spans, strict=True)]
        turns = gae_turn(rewards, values=said, gae_lambda=0.9)
        for row, at, advantages in zip(found, spans, turns.advantages, strict=True):
            for (start, end), a in zip(at, advantages, strict=True):
                assert row[start:end] == pytest.approx([a] * (end - start), abs=1e-5)
    acted = (batch["tool_mask"] * batch["completion_mask"]).bool()
    assert len(set(values[acted].tolist())) > 20
    assert not found[~acted].any()


@pytest.mark.parametrize(
    ("settings", "backend"),
    [({}, "generate"), ({"gradient_checkpointing": True}, "kv")],
    ids=["generate", "checkpointing"],
)
@CRITICS
def test_the_critic_needs_no_packing(tmp_path, settings, backend, critic):
    policy = tiny_policy(backend=backend)
    settings = settings | {"credit": "gae_token", "critic": critic}
    with opened(tmp_path, policy=policy, **settings) as trainer:
        assert not trainer._is_packed
        batch = batch_of(opinionated(trainer))
        trainer._is_packed = True
        found = trainer._ask(_tokens_of(trainer))[0]
        loss = trainer._compute_loss(trainer.model, batch)
        trainer._is_packed = False
        assert torch.allclose(batch["old_values"], found, atol=1e-5)
        again = trainer._compute_loss(trainer.model, batch)
    assert torch.allclose(loss, again, atol=1e-6)


def _tokens_of(trainer):
    from toolkit.episodes.tokens import pad_batch

    return pad_batch(trainer._tokens, 0)


# ---- loss ----------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("value_clip", [None, 0.02])
def test_the_loss_is_that_of_trl_and_of_the_critic(tmp_path, credit, value_clip):
    settings = {"credit": credit, "value_clip": value_clip, "num_iterations": 2}
    with opened(tmp_path, value_coef=0.3, **settings) as trainer:
        batch = batch_of(opinionated(trainer))
        torch.manual_seed(1)
        with torch.no_grad():  # as after an update: ratios are no longer 1
            for p in trainer.model.parameters():
                p += 0.02 * torch.randn_like(p)
        loss = trainer._compute_loss(trainer.model, batch)
        found = gradients(trainer, loss)
        trainer._is_packed = False  # TRL alone: all rows, padding and all
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
        old, goal = batch["old_values"], batch["value_targets"]
        with listening(trainer.model, trainer.critic) as heard:
            policy = GRPOTrainer._compute_loss(trainer, trainer.model, batch)
        rows = trainer._contexts(ids, mask, old.shape[1])
        now = values_before(heard, *rows, old.shape[1])
        square = (now - goal) ** 2
        if value_clip:
            near = torch.minimum(torch.maximum(now, old - value_clip), old + value_clip)
            square = torch.maximum(square, (near - goal) ** 2)
        asked = batch["asked"].bool()
        wanted_loss = policy + 0.3 * 0.5 * square[asked].mean()
        wanted = gradients(trainer, wanted_loss)
    clipped = trainer._metrics["train"]["clip_ratio/region_mean"]
    assert clipped[-1] > 0
    assert torch.allclose(loss, wanted_loss, atol=1e-6)
    for name, gradient in wanted.items():
        assert torch.allclose(found[name], gradient, atol=1e-6), name
    assert wanted["critic.weight"].abs().max() > 1e-3


def test_rows_without_advantage_stay(tmp_path):
    with opened(tmp_path, credit="gae_token") as trainer:
        batch = batch_of(trainer)
        batch["advantages"].zero_()
        assert len(trainer._needed(batch)["advantages"]) == 8
        loss = trainer._compute_loss(trainer.model, batch)
    assert loss.item() > 0  # the critic's


@WAYS
def test_micro_batches_add_up_to_one_batch(tmp_path, credit, critic):
    found = {}
    for rows, passes in ((8, 1), (4, 2)):
        policy = tiny_policy()
        run = run_small(
            tmp_path / str(rows),
            policy=policy,
            per_device_train_batch_size=rows,
            gradient_accumulation_steps=passes,
            max_steps=2,  # in the second, the critic pulls at the trunk
            max_grad_norm=0.0,
            optim="sgd",
            credit=credit,
            critic=critic,
        )
        found[rows] = weights_of(policy), columns(run, "loss")
    assert not torch.allclose(found[8][0], weights_of(tiny_policy()), atol=1e-5)
    assert torch.allclose(found[8][0], found[4][0], atol=1e-6)
    assert found[8][1] == pytest.approx(found[4][1], abs=1e-4)


# ---- training ------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize("num_generations", [1, 4])
def test_it_trains(tmp_path, credit, critic, num_generations, capsys):
    policy = tiny_policy()
    run = run_small(
        tmp_path,
        policy=policy,
        credit=credit,
        critic=critic,
        num_generations=num_generations,
        max_steps=2,
        progress=True,
    )
    assert "critic: explains" in capsys.readouterr().out
    first, second = (e["log"] for e in steps_of(run.events, "step"))
    assert first["mean_value"] == first["explained_variance"] == 0.0
    assert first["value_loss"] > 0
    assert second["mean_value"] != 0.0
    assert len(steps_of(run.events, "rollout")[0]["groups"]) == 8 // num_generations
    assert not torch.equal(weights_of(policy), weights_of(tiny_policy()))
    assert policy.model.state_dict().keys() == tiny_policy().model.state_dict().keys()


@WAYS
def test_values_are_drawn_to_their_targets(tmp_path, credit, critic):
    settings = {"num_generations": 1, "value_clip": None, "critic": critic}
    settings |= {"credit": credit}
    with opened(tmp_path, per_device_train_batch_size=16, **settings) as trainer:
        batch = batch_of(trainer)
        batch["advantages"].zero_()  # the critic alone has something to learn
        asked, goal = batch["asked"].bool(), batch["value_targets"]
        optimizer = torch.optim.Adam(trainer.model.parameters(), lr=3e-3)
        for _ in range(40):
            gradients(trainer, trainer._compute_loss(trainer.model, batch))
            optimizer.step()
        values = trainer._ask(_tokens_of(trainer))[0]
    assert not batch["old_values"].any()
    assert explained_variance(values[asked], goal[asked]) > 0.7


@pytest.mark.slow
@BOTH
def test_success_rises(tmp_path, credit):
    run = run_small(
        tmp_path,
        credit=credit,
        num_generations=1,
        per_device_train_batch_size=32,
        live=32,
        lr_scheduler_type="constant",
        max_steps=30,
        save_strategy="no",
        n=20,
    )
    success = [e["success"] for e in steps_of(run.events, "rollout")]
    assert np.mean(success[:5]) < 0.5
    assert np.mean(success[-5:]) > 0.85


def test_broken_worlds_teach_the_critic_nothing(tmp_path):
    env = make_env("gates", dies=2)
    with opened(tmp_path, env=env, n=2, credit="gae_token") as trainer:
        batch = batch_of(opinionated(trainer))
    broken = torch.tensor([e.stop_reason.is_broken for e in trainer.episodes])
    assert 1 <= broken.sum() <= 4
    assert not batch["asked"][broken].any()
    assert batch["asked"][~broken].any(1).all()
    assert batch["asked_in_batch"] == batch["asked"].sum()


def test_a_batch_of_broken_worlds_trains_nothing(tmp_path, monkeypatch):
    def broken(self, task):
        raise RuntimeError("no gate today")

    monkeypatch.setattr("tests.training.gates.Gates._start", broken)
    policy = tiny_policy()
    run_small(tmp_path, policy=policy, credit="gae_token", max_steps=2)
    assert torch.equal(weights_of(policy), weights_of(tiny_policy()))


# ---- KL ------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [tiny_policy, adapted], ids=["full", "lora"])
def test_kl_is_paid_for_in_the_reward(tmp_path, make):
    settings = {"credit": "gae_token", "num_generations": 1, "max_steps": 3}
    run = run_small(tmp_path, policy=make(), kl_in_reward=0.1, **settings)
    kl = columns(run, "kl")
    assert abs(kl[0]) < 1e-6 < abs(kl[2])
    free = run_small(tmp_path / "free", policy=make(), **settings)
    assert torch.equal(weights_of(run.policy), weights_of(free.policy)) is False
    assert "ref" not in getattr(run.policy.model, "peft_config", {})


@pytest.mark.parametrize("make", [tiny_policy, adapted], ids=["full", "lora"])
def test_the_price_is_that_of_the_distance(tmp_path, make):
    policy = make()
    with opened(tmp_path, policy=policy, credit="gae_token", kl_in_reward=0.1) as t:
        batch = batch_of(t)  # at the start, there is no distance
        assert t.beta == 0.0
        assert "ref_per_token_logps" not in batch
        before = batch["sampling_per_token_logps"]
        tokens = _tokens_of(t)
        assert t._ask(tokens)[1].abs().max() < 1e-5
        torch.manual_seed(0)
        with torch.no_grad():
            for p in t.model.parameters():
                if p.requires_grad:
                    p += 0.05 * torch.randn_like(p)
        ids = torch.cat([tokens.prompt_ids, tokens.completion_ids], 1)
        mask = torch.cat([tokens.prompt_mask, tokens.completion_mask], 1)
        width = tokens.completion_ids.shape[1]
        now, *_ = t._get_per_token_logps_and_entropies(t.model, ids, mask, width)
        fines = t._ask(tokens)[1]
    acted = tokens.action_mask.bool()
    wanted = -0.1 * (now.detach() - before)
    assert wanted[acted].abs().max() > 1e-3
    assert torch.allclose(fines[acted], wanted[acted], atol=1e-4)
    assert not fines[~acted].any()


def test_kl_as_a_loss_is_trls(tmp_path):
    run = run_small(tmp_path, credit="gae_turn", beta=0.1, max_steps=3)
    kl = columns(run, "kl")
    assert abs(kl[0]) < 1e-6 < kl[2]
