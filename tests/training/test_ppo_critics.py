"""A critic that shares the policy's trunk, and one with its own."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.models import tiny_policy
from tests.training.runs import (
    adapted,
    batch_of,
    gradients,
    opened,
    opinionated,
    run_small,
)
from toolkit.environments.base import make_env, tasks
from toolkit.errors import ConfigError
from toolkit.policies import load_policy
from toolkit.quickstart import WORLD, WORLD_PARAMS
from toolkit.training.critic import FILE
from toolkit.training.events import steps_of
from toolkit.training.run import train

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"
)
CRITICS = pytest.mark.parametrize("critic", ["shared", "separate"])


@CRITICS
def test_only_a_shared_critic_moves_the_policy(tmp_path, critic):
    found = {}
    with opened(tmp_path, credit="gae_token", critic=critic) as trainer:
        batch = batch_of(opinionated(trainer))
        for coef in (0.0, 0.5, 3.0):
            trainer.args.value_coef = coef
            loss = trainer._compute_loss(trainer.model, batch)
            found[coef] = gradients(trainer, loss)
            errors = (batch["old_values"] - batch["value_targets"]) ** 2 / 2
            logged = trainer._metrics["train"]["value_loss"][-1]
            wanted = errors[batch["asked"].bool()].mean().item()
            assert logged == pytest.approx(wanted, rel=1e-4)  # nothing has moved yet
    of_critic = {n for n in found[3.0] if n.startswith("critic.")}
    assert len(of_critic) > 1
    for name in of_critic:
        assert not found[0.0][name].any(), name  # and the policy moves no critic
        assert torch.allclose(found[3.0][name], 6 * found[0.5][name], atol=1e-5), name
    same = [
        torch.equal(found[0.0][n], found[c][n])
        for n in found[0.0].keys() - of_critic
        for c in (0.5, 3.0)
    ]
    assert all(same) if critic == "separate" else not any(same)


@CRITICS
def test_a_separate_critic_is_clipped_by_itself(tmp_path, critic):
    settings = {"credit": "gae_token", "critic": critic, "max_grad_norm": 0.1}
    with opened(tmp_path, **settings) as trainer:
        own = list(trainer.critic.parameters())
        policy = trainer._without_critic(trainer.model.parameters())
        for p in trainer.model.parameters():
            p.grad = torch.zeros_like(p)
        own[0].grad[..., 0] = 4.0
        policy[0].grad[0, 0] = 3.0
        norm = trainer._clip_grad_norm(trainer.model)
        found = own[0].grad.norm().item(), policy[0].grad.norm().item()
    wanted = {"shared": (0.08, 0.06), "separate": (0.1, 0.1)}
    assert norm == pytest.approx({"shared": 5.0, "separate": 3.0}[critic])
    assert found == pytest.approx(wanted[critic], rel=1e-4)


def test_the_rate_of_the_critic_is_its_own(tmp_path):
    with opened(tmp_path, credit="gae_turn", value_lr_factor=3.0) as trainer:
        groups = trainer.create_optimizer().param_groups
        own = list(trainer.critic.parameters())
    assert [g["lr"] for g in groups] == pytest.approx([0.01, 0.01, 0.03])
    assert groups[-1]["params"] == own
    everything = [p for g in groups for p in g["params"]]
    assert len(everything) == len(list(trainer.model.parameters()))


@CRITICS
def test_the_critic_may_learn_alone_at_first(tmp_path, critic):
    run = run_small(
        tmp_path,
        credit="gae_token",
        critic=critic,
        value_warmup_steps=2,
        max_steps=3,
        save_steps=1,
        save_total_limit=3,
    )
    start = tiny_policy().model.state_dict()
    folders = [run.folder / f"checkpoint-{step}" for step in (1, 2, 3)]
    weights = [load_file(folder / "model.safetensors") for folder in folders]
    for name, value in weights[1].items():
        assert torch.equal(value, start[name]), name
    assert any(not torch.equal(v, start[n]) for n, v in weights[2].items())
    critics = [load_file(folder / FILE) for folder in folders]
    assert critics[0]["weight"].any()
    assert len(critics[0]) == 2 + (len(weights[0]) if critic == "separate" else 0)
    for name, value in critics[0].items():
        assert not torch.equal(value, critics[1][name]), name


@pytest.mark.slow
def test_a_separate_critic_learns_the_shipped_mazes(tmp_path):
    run = train(
        load_policy("pocket", device="cpu"),
        make_env(WORLD, **WORLD_PARAMS),
        tasks=tasks(WORLD, split="train", n=96, **WORLD_PARAMS),
        output_dir=str(tmp_path),
        reward="discovery",
        discount=0.92,
        credit="gae_token",
        critic="separate",
        value_clip=None,
        num_generations=1,
        num_iterations=4,  # four rollouts, and four updates with each
        max_steps=13,
        value_warmup_steps=12,
        per_device_train_batch_size=16,
        live=16,
        workers=0,
        learning_rate=7e-4,
        lr_scheduler_type="constant",
        warmup_steps=0,
        save_strategy="no",
        progress=False,
    )
    logs = [e["log"] for e in steps_of(run.events, "step")]
    explained = [x["explained_variance"] for x in logs if "explained_variance" in x]
    assert explained[0] == 0.0
    assert np.mean(explained[-2:]) > 0.08


@CRITICS
def test_a_checkpoint_is_a_policy_like_any_other(tmp_path, critic):
    settings = {"credit": "gae_token", "max_steps": 1, "save_steps": 1}
    run = run_small(tmp_path, critic=critic, **settings)
    tiny_policy().model.save_pretrained(tmp_path / "plain")
    for folder in (run.folder / "checkpoint-1", run.folder / "policy"):
        found = load_file(folder / "model.safetensors")
        assert found.keys() == load_file(tmp_path / "plain/model.safetensors").keys()


def test_adapters_leave_no_choice_of_critic(tmp_path):
    with (
        pytest.raises(ConfigError, match=r"adapters[^~]*critic='shared'"),
        opened(tmp_path, policy=adapted(), credit="gae_turn", critic="separate"),
    ):
        pass


def test_adapters_share_the_trunk_with_the_critic(tmp_path):
    policy = adapted()
    before = {n: p.clone() for n, p in policy.model.named_parameters()}
    run = run_small(tmp_path, policy=policy, credit="gae_token", max_steps=2)
    moved = {
        n for n, p in policy.model.named_parameters() if not torch.equal(p, before[n])
    }
    assert moved
    assert all("lora_" in name for name in moved)
    assert load_file(run.folder / "checkpoint-2" / FILE)["weight"].any()
    assert (run.folder / "checkpoint-2" / "adapter_model.safetensors").exists()
