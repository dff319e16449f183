import pytest
import torch
from trl import GRPOTrainer

from tests.models import tiny_policy
from tests.training.runs import (
    batch_of,
    gradient,
    logps_of,
    opened,
    run_small,
    weights_of,
)
from toolkit.environments.base import make_env
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.training.events import steps_of
from toolkit.training.trainer import DEAD, rollout_seed

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"
)


def plain_loss(trainer, batch):
    """The loss as TRL alone computes it: all rows, all columns, padding and all."""
    trainer._is_packed, before = False, trainer._is_packed
    loss = GRPOTrainer._compute_loss(trainer, trainer.model, batch)
    trainer._is_packed = before
    return loss


def test_advantages_lie_on_sampled_tokens_alone(tmp_path):
    with opened(tmp_path) as trainer:
        batch = batch_of(trainer)
    assert batch["advantages"].shape == batch["completion_ids"].shape
    acted = (batch["tool_mask"] * batch["completion_mask"]).bool()
    assert not batch["advantages"][~acted].any()
    assert batch["advantages"][acted].ne(0).float().mean() > 0.5


def test_turns_of_one_episode_may_differ(tmp_path):
    with opened(tmp_path, credit="turn_return") as trainer:
        batch = batch_of(trainer)
    different = [len(set(row[row != 0].tolist())) for row in batch["advantages"]]
    assert max(different) > 1


@pytest.mark.parametrize("loss_type", ["dapo", "cispo", "grpo", "bnpo", "dr_grpo"])
def test_what_is_left_out_changes_neither_loss_nor_gradient(tmp_path, loss_type):
    with opened(tmp_path, loss_type=loss_type, max_completion_length=64) as trainer:
        batch = batch_of(trainer)
        # a silent group, padding on both sides, and one row that is far longer
        batch["advantages"][:4] = 0.0
        for key, value in batch.items():
            if value.dim() == 2:
                sides = (3, 0) if key.startswith("prompt") else (0, 5)
                batch[key] = torch.nn.functional.pad(value, sides)
        batch["completion_mask"][5:, 6:] = 0
        rows = len(trainer._needed(batch)["advantages"])
        assert rows == (4 if trainer.args.rows_may_be_dropped else 8)
        wanted = plain_loss(trainer, batch)
        wanted_gradient = gradient(trainer, wanted)
        found = trainer._compute_loss(trainer.model, batch)
        found_gradient = gradient(trainer, found)
    assert wanted_gradient.abs().max() > 1e-3
    assert torch.allclose(found, wanted, atol=1e-6)
    assert torch.allclose(found_gradient, wanted_gradient, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [{"beta": 0.1}, {"top_entropy_quantile": 0.5}, {"entropy_coef": 0.1}],
    ids=["beta", "top_entropy_quantile", "entropy_coef"],
)
def test_rows_stay_where_silent_ones_matter(tmp_path, settings):
    with opened(tmp_path, **settings) as trainer:
        batch = batch_of(trainer)
        batch["advantages"][:4] = 0.0
        assert len(trainer._needed(batch)["advantages"]) == 8


@pytest.mark.parametrize("loss_type", ["dapo", "grpo"])
def test_broken_episodes_are_as_if_they_had_not_been(tmp_path, loss_type):
    env = make_env("gates", dies=2)  # the first game of two breaks
    with opened(tmp_path, env=env, loss_type=loss_type, n=2) as trainer:
        batch = batch_of(trainer)
        broken = [e.stop_reason.is_broken for e in trainer.episodes]
        assert 1 <= sum(broken) <= 4
        kept = ~torch.tensor(broken)
        assert not batch["advantages"][~kept].any()
        assert not (batch["tool_mask"] * batch["completion_mask"])[~kept].any()
        found = gradient(trainer, trainer._compute_loss(trainer.model, batch))
        alone = {k: v[kept] if v.dim() else v for k, v in batch.items()}
        acted = alone["tool_mask"] * alone["completion_mask"]
        alone["num_items_in_batch"] = acted.sum()
        wanted = gradient(trainer, plain_loss(trainer, alone))
    assert wanted.abs().max() > 1e-3
    assert torch.allclose(found, wanted, atol=1e-6)


def test_a_batch_without_differences_trains_nothing(tmp_path):
    with opened(tmp_path) as trainer:
        batch = batch_of(trainer)
        batch["advantages"].zero_()
        loss = trainer._compute_loss(trainer.model, batch)
        assert loss.item() == 0.0
        assert not gradient(trainer, loss).any()


def test_a_world_that_breaks_does_not_stop_the_run(tmp_path):
    run = run_small(tmp_path, env=make_env("gates", dies=1), max_steps=2)
    broken = sum(g["broken"] for g in steps_of(run.events, "rollout")[0]["groups"])
    assert broken >= 4  # an episode may end in its first turn
    assert run.step == 2


def test_a_batch_of_broken_worlds_trains_nothing(tmp_path, monkeypatch):
    policy = tiny_policy()
    before = weights_of(policy).clone()
    monkeypatch.setattr("tests.training.gates.Gates._start", _raise)
    run = run_small(tmp_path, policy=policy, max_steps=2)
    first = steps_of(run.events, "rollout")[0]
    assert first["stop_reasons"] == {"environment_error": 8}
    assert first["worlds"]["failed"] == 8
    assert first["groups"][0]["returns"] == [None] * 4
    assert torch.equal(weights_of(policy), before)


def _raise(self, task):
    raise RuntimeError("no gate today")


@pytest.mark.slow
def test_training_goes_on_when_worlds_kill_their_process(tmp_path):
    env = make_env("gates", dies=2, kill=True)
    run = run_small(tmp_path, env=env, n=4, max_steps=2, workers=1)
    last = steps_of(run.events, "rollout")[-1]
    assert run.stopped == "finished"
    assert last["worlds"]["crashes"] >= 2
    assert sum(g["broken"] for g in last["groups"]) >= 1
    reasons = {r for e in steps_of(run.events, "rollout") for r in e["stop_reasons"]}
    assert "environment_error" in reasons


@pytest.mark.parametrize("loss_type", ["dapo", "grpo"])
def test_micro_batches_add_up_to_one_batch(tmp_path, loss_type):
    found = {}
    for rows, passes in ((8, 1), (4, 2)):
        policy = tiny_policy()
        run_small(
            tmp_path / str(rows),
            policy=policy,
            per_device_train_batch_size=rows,
            gradient_accumulation_steps=passes,
            max_steps=1,
            max_grad_norm=0.0,
            optim="sgd",
            loss_type=loss_type,
        )
        found[rows] = weights_of(policy)
    assert not torch.allclose(found[8], weights_of(tiny_policy()), atol=1e-5)
    assert torch.allclose(found[8], found[4], atol=1e-6)


def test_several_rollouts_in_one_step_draw_different_episodes(tmp_path):
    # 1 game, 2 rollouts of 4 episodes for each update
    run = run_small(
        tmp_path,
        n=1,
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,
        steps_per_generation=1,
        max_steps=1,
    )
    rollouts = [e for e in run.events if e["event"] == "rollout"]
    assert len(rollouts) == 2
    assert rollouts[0]["groups"] != rollouts[1]["groups"]


def test_rollout_seeds_differ():
    seeds = {rollout_seed(seed, row) for seed in range(4) for row in range(0, 800, 8)}
    assert len(seeds) == 400


def test_episodes_are_those_of_collect(tmp_path):
    with opened(tmp_path) as trainer:
        batch_of(trainer)
        played = trainer.episodes
        again = collect(
            trainer.policy,
            "gates",
            list(trainer.tasks[:2]),
            group_size=4,
            workers=0,
            seed=rollout_seed(trainer.args.seed, 0),
            max_tokens=trainer.args.max_completion_length,
            progress=False,
        )
    assert [e.ids for e in played] == [e.ids for e in again]
    assert [e.task for e in played] == [e.task for e in again]


def test_an_episode_cut_by_the_context_counts_without_tokens(tmp_path):
    policy = tiny_policy(max_context=10)  # less than the first observation and action
    with opened(tmp_path, policy=policy) as trainer:
        batch = batch_of(trainer)
        reasons = {e.stop_reason for e in trainer.episodes}
    assert reasons == {StopReason.CONTEXT_LIMIT}
    assert batch["completion_ids"].tolist() == [DEAD.completion_ids] * 8
    assert not batch["tool_mask"].any()


def test_the_model_is_given_back_without_wrappers(tmp_path):
    policy = tiny_policy()
    with opened(tmp_path, policy=policy) as trainer:
        assert "forward" in vars(policy.model)
        model = trainer.release()
    assert model is policy.model
    assert "forward" not in vars(model)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_checkpointing_does_not_lose_the_cache(tmp_path, checkpointing):
    with opened(tmp_path, gradient_checkpointing=checkpointing) as trainer:
        batch = batch_of(trainer)
        assert trainer.model.training  # as before the rollout
        found, acted = logps_of(trainer, batch)
    assert (found - batch["sampling_per_token_logps"])[acted].abs().max() < 1e-4


def test_the_reference_is_where_training_started(tmp_path):
    policy = tiny_policy(seed=3)
    run = run_small(tmp_path, policy=policy, beta=0.1, max_steps=3)
    kl = [e["log"]["kl"] for e in steps_of(run.events, "step")]
    assert abs(kl[0]) < 1e-6 < kl[2]
    assert policy.model.config._name_or_path != str(tmp_path / "reference")


def test_the_reference_of_an_adapter_is_its_start(tmp_path):
    from peft import LoraConfig, get_peft_model

    policy = tiny_policy()
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    policy.model = get_peft_model(policy.model, lora)
    run = run_small(tmp_path, policy=policy, beta=0.1, max_steps=3)
    kl = [e["log"]["kl"] for e in steps_of(run.events, "step")]
    assert abs(kl[0]) < 1e-6 < kl[2]
    assert list(policy.model.peft_config) == ["default"]
    assert not (tmp_path / "reference").exists()
