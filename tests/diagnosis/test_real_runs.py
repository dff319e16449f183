"""Runs that are well, and runs broken on purpose, each of a few steps."""

import pytest

from tests.environments.toy_envs import EchoEnv
from tests.training.runs import run_small
from toolkit import load_policy, make_env, tasks, train
from toolkit.diagnosis import Severity, diagnose
from toolkit.environments.base import register
from toolkit.quickstart import SETTINGS, WORLD, WORLD_PARAMS
from toolkit.training.trainer import EpisodeTrainer


def quick(folder, **settings):
    """Some steps of the quickstart with half of its episodes."""
    half = {"per_device_train_batch_size": 16, "live": 16, "workers": 0}
    return train(
        load_policy("pocket", device="cpu", max_action_tokens=5),
        make_env(WORLD, **WORLD_PARAMS),
        tasks=tasks(WORLD, split="train", n=40, **WORLD_PARAMS),
        **SETTINGS | half | {"output_dir": str(folder), "progress": False} | settings,
    )


def first(run):
    return diagnose(run)[0].id


class DeadEnv(EchoEnv):
    """Breaks at the first command."""

    def _advance(self, command):
        raise RuntimeError("the world is gone")


@pytest.mark.slow
def test_a_healthy_run_is_well(tmp_path):
    found = diagnose(quick(tmp_path, max_steps=6))
    assert found[0].id == "all-is-well"
    assert {alert.severity for alert in found} == {Severity.NOTE}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"reward": {"success": 1.0, "progress": -1.0}}, "weights-cancel"),
        ({"temperature": 0.001}, "silent-no-exploration"),
        ({"max_completion_length": 40}, "token-limit"),
        ({"learning_rate": 0.05, "warmup_steps": 0}, "learning-rate"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_run_is_understood(tmp_path, settings, expected):
    assert first(quick(tmp_path, **{"max_steps": 3, **settings})) == expected


def test_a_dead_world_is_understood(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.environments.base._CUSTOM", {})
    register("gates", DeadEnv)
    (alert, *_) = diagnose(run_small(tmp_path, max_steps=2))
    assert alert.id == "dead-environment"
    assert "16 environment_error" in alert.seen


def test_weights_that_overflow_are_understood(tmp_path):
    assert first(run_small(tmp_path, learning_rate=1e9)) == "not-finite"


def test_a_sampler_with_another_temperature_is_understood(tmp_path, monkeypatch):
    play = EpisodeTrainer.play

    def play_hot(trainer):
        trainer.policy.temperature = 4.0
        return play(trainer)

    monkeypatch.setattr(EpisodeTrainer, "play", play_hot)
    run = run_small(tmp_path, max_steps=3, temperature=0.5, learning_rate=1e-4)
    assert first(run) == "sampler-mismatch"


def test_an_error_is_quoted(tmp_path, monkeypatch):
    def play(trainer):
        raise RuntimeError("no room <here>")

    monkeypatch.setattr(EpisodeTrainer, "play", play)
    with pytest.raises(RuntimeError):
        run_small(tmp_path)
    assert diagnose(tmp_path)[0].seen.endswith("RuntimeError: no room <here>")


@pytest.mark.parametrize("settings", [{}, {"num_iterations": 2, "max_steps": 6}])
def test_what_was_sampled_is_what_is_trained(tmp_path, settings):
    run = run_small(tmp_path, **settings)
    updates = [event for event in run.events if event["event"] == "step"]
    name = "sampling/sampling_logp_difference/mean"
    assert max(update["log"][name] for update in updates) < 1e-4
