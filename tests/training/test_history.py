"""A policy that forgets is trained on what it saw, not on what had happened."""

import pytest
import torch

from tests.models import tiny_policy
from tests.training.runs import (
    batch_of,
    gradient,
    logps_of,
    opened,
    opinionated,
    run_small,
)
from toolkit.environments.base import make_env
from toolkit.training.events import steps_of


def forgetful(**options):
    return tiny_policy(history=3, max_action_tokens=4, **options)


def gates():
    return make_env("gates", max_turns=9)


def forgot(trainer):
    return sum(t.hidden_ids != (0, 0) for e in trainer.episodes for t in e.turns)


@pytest.mark.parametrize("critic", [False, True])
@pytest.mark.parametrize(
    ("backend", "settings"),
    [("kv", {}), ("generate", {}), ("kv", {"gradient_checkpointing": True})],
    ids=["packed", "padded", "checkpointed"],
)
def test_tokens_are_scored_in_the_context_they_were_sampled_in(
    tmp_path, backend, settings, critic
):
    if critic:
        settings = settings | {"credit": "gae_token"}
    policy = forgetful(backend=backend)
    with opened(tmp_path, policy=policy, env=gates(), **settings) as trainer:
        assert trainer._is_packed == (backend == "kv" and len(settings) == critic)
        batch = batch_of(trainer)
        assert forgot(trainer) > 8
        found, acted = logps_of(trainer, batch)
        sampled = batch["sampling_per_token_logps"]
        assert torch.allclose(found[acted], sampled[acted], atol=1e-4)
        trainer._hidden = None  # as if nothing had been forgotten
        whole, _ = logps_of(trainer, batch)
        assert (whole[acted] - sampled[acted]).abs().max() > 1e-3


@pytest.mark.parametrize("credit", ["grpo", "gae_token"])
def test_both_ways_to_score_give_one_gradient(tmp_path, credit):
    with opened(tmp_path, policy=forgetful(), env=gates(), credit=credit) as trainer:
        batch = batch_of(opinionated(trainer) if credit == "gae_token" else trainer)
        assert forgot(trainer) > 8
        packed = gradient(trainer, trainer._compute_loss(trainer.model, batch))
        trainer._is_packed = False
        padded = gradient(trainer, trainer._compute_loss(trainer.model, batch))
    assert packed.abs().max() > 1e-3
    assert torch.allclose(packed, padded, atol=1e-6)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_critic_reads_what_the_policy_saw(tmp_path, checkpointing):
    settings = {"credit": "gae_token", "gradient_checkpointing": checkpointing}
    with opened(tmp_path, policy=forgetful(), env=gates(), **settings) as trainer:
        values = batch_of(opinionated(trainer))["old_values"]
        compared = 0
        for line, episode in zip(values, trainer.episodes, strict=True):
            ids, prompt = [], len(episode.turns[0].observation_ids)
            for turn in episode.turns:
                ids += turn.observation_ids
                start, end = turn.hidden_ids
                seen = ids[:start] + ids[end:]
                hidden = trainer.policy.model.model(
                    torch.tensor([[*seen, *turn.action_ids]])
                ).last_hidden_state
                place = len(seen) - 1
                expected = trainer.critic(hidden)[
                    0, place : place + len(turn.action_ids)
                ]
                begin = len(ids) - prompt
                found = line[begin : begin + len(turn.action_ids)]
                assert torch.allclose(found, expected, atol=1e-4)
                ids += turn.action_ids
                compared += start < end
    assert compared > 8


@pytest.mark.parametrize("settings", [{}, {"num_iterations": 2, "beta": 0.1}])
def test_a_forgetful_policy_is_trained(tmp_path, settings):
    policy = forgetful()
    run = run_small(
        tmp_path,
        policy=policy,
        env=gates(),
        per_device_train_batch_size=4,
        gradient_accumulation_steps=2,  # parts of a batch keep what they forgot
        **settings,
    )
    logs = [e["log"] for e in steps_of(run.events, "step")]
    assert len(logs) == 4
    name = "sampling/sampling_logp_difference/mean"
    assert all(log[name] < 1e-4 for log in logs)
    assert all(log["grad_norm"] > 0 for log in logs)
