import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from tests.models import tiny_policy
from tests.training.runs import (
    Gates,
    assert_same,
    at_turn,
    interrupt,
    numbers_of,
    run_small,
    weights_of,
)
from toolkit.errors import ConfigError
from toolkit.policies.models import load_policy
from toolkit.training.events import read_events, steps_of
from toolkit.training.folder import last_checkpoint

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)
ROOT = Path(__file__).parents[2]
LONG = {"max_steps": 6, "save_steps": 2, "n": 3}  # 12 groups of 3 games: 4 rounds
RUNS = {
    "once": LONG | {"num_iterations": 1},
    "twice": LONG | {"num_iterations": 2},
    "ppo": LONG
    | {"credit": "gae_token", "num_generations": 1, "num_iterations": 2}
    | {"value_warmup_steps": 1, "kl_in_reward": 0.01},
    "separate": LONG
    | {"credit": "gae_turn", "critic": "separate", "num_iterations": 2},
}


@pytest.fixture(autouse=True)
def calm():
    yield
    Gates.on_turn = None


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Runs that nothing stopped."""
    return {
        name: run_small(tmp_path_factory.mktemp("whole"), **settings)
        for name, settings in RUNS.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_killed_run_resumes_to_the_same_numbers(tmp_path, whole, name):
    settings = RUNS[name]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.training.killed_run",
            tmp_path,
            json.dumps(settings),
        ],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    events = tmp_path / "events.jsonl"
    while process.poll() is None:
        if any(e["event"] == "step" and e["step"] >= 3 for e in read_events(events)):
            process.send_signal(signal.SIGKILL)
        time.sleep(0.02)
    assert process.returncode == -signal.SIGKILL
    assert read_events(events)[-1]["event"] != "finished"
    run = run_small(tmp_path, resume=True, **settings)
    assert_same(run, whole[name])
    assert [e["event"] for e in run.events if "config" in e] == [
        "run_started",
        "resumed",
    ]


@pytest.mark.parametrize(
    ("turn", "name"),
    [
        *[(turn, "once") for turn in (1, 30, 75, 100)],
        *[(turn, name) for turn in (30, 60) for name in ("twice", "ppo")],
        (60, "separate"),
    ],
)
def test_a_run_that_dies_anywhere_resumes(tmp_path, whole, turn, name):
    def die():
        raise KeyboardInterrupt

    settings = RUNS[name]
    at_turn(turn, die)
    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path, **settings)
    assert read_events(tmp_path / "events.jsonl")[-1]["event"] == "failed"
    Gates.on_turn = None
    assert_same(run_small(tmp_path, resume=True, **settings), whole[name])


@pytest.mark.parametrize("name", RUNS)
def test_ctrl_c_saves_the_last_complete_step(tmp_path, whole, name, capsys):
    settings = RUNS[name]
    at_turn(40, interrupt)
    run = run_small(tmp_path, **settings)
    assert "Press again to stop at once" in capsys.readouterr().out
    assert run.stopped == "interrupted"
    assert 0 < run.step < 6
    assert run.step % settings["num_iterations"] == 0
    assert run.events[-1]["event"] == "interrupted"
    assert last_checkpoint(tmp_path).name == f"checkpoint-{run.step}"
    assert (tmp_path / "policy" / "config.json").exists()
    resumed = run_small(tmp_path, resume=True, **settings)
    assert resumed.stopped == "finished"
    assert_same(resumed, whole[name])


def test_the_handler_of_ctrl_c_is_put_back(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    at_turn(5, interrupt)
    run_small(tmp_path, max_steps=2)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_stops_at_once(tmp_path):
    at_turn(5, lambda: (interrupt(), interrupt()))
    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path)
    assert read_events(tmp_path / "events.jsonl")[-1]["reason"].startswith("Keyboard")


@pytest.mark.slow
def test_a_second_ctrl_c_leaves_no_process(tmp_path):
    settings = json.dumps({"max_steps": 500, "workers": 2})
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.training.killed_run", tmp_path, settings],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(e["event"] == "step" for e in read_events(tmp_path / "events.jsonl")):
        assert process.poll() is None
        time.sleep(0.05)
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.send_signal(signal.SIGINT)
    while process.poll() is None:  # it may be between two steps and handlers
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.stderr.read()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive


def test_a_run_stops_when_its_time_is_up(tmp_path):
    run = run_small(tmp_path, max_steps=500, stop_after_minutes=1e-4)
    assert run.stopped == "time"
    assert 1 <= run.step < 20
    assert run.events[-1]["reason"] == "time"
    assert last_checkpoint(tmp_path).name == f"checkpoint-{run.step}"


def test_without_checkpoints_the_policy_is_saved(tmp_path):
    run = run_small(tmp_path, save_strategy="no", max_steps=2)
    at_turn(5, interrupt)
    stopped = run_small(tmp_path / "stopped", save_strategy="no", max_steps=2)
    for each in (run, stopped):
        names = {path.name for path in each.folder.iterdir()}
        assert {"policy", "events.jsonl", "config.json", "tasks.json"} <= names
        assert not any(name.startswith("checkpoint") for name in names)
    loaded = load_policy(run.folder / "policy", device="cpu")
    assert torch.equal(weights_of(loaded), weights_of(run.policy))


def test_the_rate_falls_as_if_nothing_had_happened(tmp_path):
    settings = {"max_steps": 4, "warmup_steps": 2, "save_steps": 1}
    at_turn(20, interrupt)
    run_small(tmp_path, **settings)
    run = run_small(tmp_path, resume=True, **settings)
    rates = [e["log"]["learning_rate"] for e in steps_of(run.events, "step")]
    assert rates == pytest.approx([0.0, 5e-3, 1e-2, 5e-3])


def test_an_incomplete_checkpoint_is_passed_over(tmp_path):
    run_small(tmp_path, max_steps=4)
    (tmp_path / "checkpoint-9").mkdir()
    cut = tmp_path / "checkpoint-8"
    cut.mkdir()
    (cut / "trainer_state.json").write_text('{"global_step": 8')
    assert last_checkpoint(tmp_path).name == "checkpoint-4"


def test_a_new_run_does_not_resume_an_old_one(tmp_path):
    old = run_small(tmp_path, max_steps=4)
    run = run_small(tmp_path, max_steps=2, seed=1)
    assert old.step == 4
    assert last_checkpoint(tmp_path).name == "checkpoint-2"
    assert [e["step"] for e in steps_of(run.events, "step")] == [1, 2]


def test_other_games_cannot_be_resumed(tmp_path):
    run_small(tmp_path, n=5, max_steps=2)
    with pytest.raises(ConfigError, match="cannot be resumed with other games"):
        run_small(tmp_path, n=4, max_steps=2, resume=True)


def test_a_finished_run_can_be_made_longer(tmp_path):
    run_small(tmp_path, max_steps=2)
    run = run_small(tmp_path, max_steps=4, resume=True)
    assert run.step == 4
    assert [e["step"] for e in steps_of(run.events, "step")] == [1, 2, 3, 4]


def test_other_settings_cannot_be_resumed(tmp_path):
    run_small(tmp_path, max_steps=2, save_steps=1)
    with pytest.raises(ConfigError, match=r"learning_rate was .*, is 0.5"):
        run_small(tmp_path, max_steps=2, save_steps=1, learning_rate=0.5, resume=True)


@pytest.mark.parametrize(
    "settings",
    [{"beta": 0.01}, {"credit": "gae_turn", "kl_in_reward": 0.01}],
    ids=["grpo", "ppo"],
)
def test_an_adapter_resumes_exactly(tmp_path, settings):
    from peft import LoraConfig, get_peft_model

    def adapted():
        policy = tiny_policy()
        torch.manual_seed(0)
        lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
        policy.model = get_peft_model(policy.model, lora)
        return policy

    settings = {"max_steps": 4, "save_steps": 2} | settings
    through = run_small(tmp_path / "a", policy=adapted(), **settings)
    at_turn(60, interrupt)
    run_small(tmp_path / "b", policy=adapted(), **settings)
    resumed = run_small(tmp_path / "b", policy=adapted(), resume=True, **settings)
    assert_same(resumed, through)


def test_the_same_call_gives_the_same_numbers(tmp_path, whole):
    assert_same(run_small(tmp_path, **LONG), whole["once"])


def test_another_seed_gives_other_numbers(tmp_path, whole):
    run = run_small(tmp_path, **LONG | {"max_steps": 2}, seed=7)
    assert numbers_of(run)[0][0]["groups"] != numbers_of(whole["once"])[0][0]["groups"]
