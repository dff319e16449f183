"""Two processes that train together, on the CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from tests.models import tiny_policy
from tests.training.runs import weights_of
from tests.training.two_processes import CHOICES
from toolkit.policies.models import load_policy
from toolkit.training.credit import grpo, reinforce_pp
from toolkit.training.events import read_events, steps_of
from toolkit.training.gae import gae_turn
from toolkit.training.run import train_from_file

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]
ROOT = Path(__file__).parents[2]
EVENTS = ["run_started", *["rollout", "step"] * 2, "checkpoint", "finished"]
FILE = {
    "env": "textworld/coin_collector-105-basic",
    "env_params": {"goal": "brief"},
    "n_tasks": 8,
    "credit": "grpo",
    "reward": "discovery",
    "max_steps": 2,
    "num_generations": 4,
    "per_device_train_batch_size": 4,
    "steps_per_generation": 1,
    "workers": 0,
    "use_cpu": True,
    "progress": False,
    # what two processes and two micro-batches weigh alike, and add up alike
    "loss_type": "grpo",
    "optim": "sgd",
    "learning_rate": 0.05,
    "warmup_steps": 0,
    "max_grad_norm": 0.0,
}


def write(folder, name, **more):
    settings = FILE | {"output_dir": str(folder / name)} | more
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What two processes left behind; both have ended."""
    folder = tmp_path_factory.mktemp("two")
    write(folder, "two")
    # `accelerate launch --cpu` starts more than one process by MPI alone
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    script = ROOT / "tests" / "training" / "two_processes.py"
    subprocess.run(
        [sys.executable, *launch, script, folder],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        timeout=600,
    )
    return folder


def test_two_processes_train_as_one_does(folder):
    # a step is one rollout on each of two processes, and on one, two in a row
    write(folder, "one", gradient_accumulation_steps=2)
    train_from_file(folder / "one.yaml")
    one, two = (read_events(folder / name / "events.jsonl") for name in ("one", "two"))
    assert [e["event"] for e in two] == EVENTS
    played = [g for e in one if e["event"] == "rollout" for g in e["groups"]]
    assert played == [g for e in steps_of(two, "rollout") for g in e["groups"]]
    assert len({g["task"] for g in played}) == 4
    losses = [[e["log"]["loss"] for e in steps_of(run, "step")] for run in (one, two)]
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    start, found, wanted = (
        weights_of(load_policy(source, device="cpu"))
        for source in ("pocket", folder / "two" / "policy", folder / "one" / "policy")
    )
    assert (found - start).abs().max() > 1e-4
    assert torch.allclose(found, wanted, atol=1e-6)


def test_baselines_reach_over_both_processes(folder):
    parts = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    of_all = {
        "grpo": lambda rows: grpo(rows, group_size=4, scale="batch"),
        "reinforce_pp": reinforce_pp,
        "gae_turn": lambda rows: (
            gae_turn(  # a critic that has not learnt says 0
                rows, values=[[0.0] * len(row) for row in rows], gae_lambda=0.95
            ).advantages
        ),
    }
    assert set(of_all) == set(CHOICES)
    for name, credit in of_all.items():
        rewards, found = (
            [row for part in parts for row in part[name][what]]
            for what in ("rewards", "advantages")
        )
        assert len(found) == 8
        for row, wanted in zip(found, credit(rewards), strict=True):
            assert row == pytest.approx(wanted, abs=1e-5)


def test_ppo_leaves_both_with_the_same_weights(folder):
    events = read_events(folder / "ppo" / "events.jsonl")
    assert [e["event"] for e in events] == EVENTS
    first, second = (
        json.loads((folder / f"{rank}.json").read_text())["weights"] for rank in (0, 1)
    )
    assert first == second
    assert first != weights_of(tiny_policy()).tolist()


def test_both_do_what_one_of_them_is_asked(folder):
    events = read_events(folder / "steered" / "events.jsonl")
    start = ["run_started", "reward_changed", "evaluated", "checkpoint", "paused"]
    steps = ["rollout", "step"] * 2
    assert [e["event"] for e in events] == [
        *(*start, "continued"),
        *(*steps, "checkpoint", "interrupted"),
    ]
    assert events[1]["weights"] == {"game": 1.0, "success": 2.0}
    parts = [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert parts[0]["stopped"] == parts[1]["stopped"] == [2, "interrupted"]
    assert parts[0]["steered"] == parts[1]["steered"]
    lines = steps_of(read_events(folder / "steered" / "samples.jsonl"), "samples")
    assert [line["step"] for line in lines] == [0, 1]  # of the first process alone
    for rollout in steps_of(events, "rollout"):
        for group in rollout["groups"]:  # of both
            paid = zip(group["returns"], group["won"], strict=True)
            assert all((earned >= 3) == won for earned, won in paid)
