import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
import yaml

from tests.models import tiny_policy
from tests.training.runs import SMALL, Gates, run_small, weights_of
from toolkit.environments.base import tasks
from toolkit.errors import ConfigError, ContaminationError
from toolkit.evaluation import evaluate
from toolkit.policies.models import load_policy
from toolkit.training import events as events_module
from toolkit.training.events import EventLog, read_events, steps_of
from toolkit.training.run import (
    last_checkpoint,
    make_config,
    read_config,
    read_tasks,
    schedule,
    train,
    train_from_file,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)
ROOT = Path(__file__).parents[2]
LONG = {"max_steps": 6, "save_steps": 2, "n": 3}  # 12 groups of 3 games: 4 rounds


@pytest.fixture(autouse=True)
def calm():
    yield
    Gates.on_turn = None


def numbers_of(run):
    """What a resumed run must repeat: everything but times."""
    rollouts = [
        {k: v for k, v in e.items() if k != "time" and not k.endswith("_s")}
        for e in steps_of(run.events, "rollout")
    ]
    steps = [
        (e["step"], *(e["log"][k] for k in ("loss", "grad_norm", "learning_rate")))
        for e in steps_of(run.events, "step")
    ]
    return rollouts, steps


def assert_same(run, other):
    assert torch.equal(weights_of(run.policy), weights_of(other.policy))
    assert numbers_of(run) == numbers_of(other)
    assert run.step == other.step


def at_turn(number, act):
    """Do something in the middle of a rollout."""
    count = iter(range(1, 10_000))
    Gates.on_turn = lambda: act() if next(count) == number else None


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Runs that nothing stopped, by `num_iterations`."""
    return {
        n: run_small(tmp_path_factory.mktemp("whole"), num_iterations=n, **LONG)
        for n in (1, 2)
    }


# ---- stopping and resuming -------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("num_iterations", [1, 2])
def test_a_killed_run_resumes_to_the_same_numbers(tmp_path, whole, num_iterations):
    settings = {"num_iterations": num_iterations, **LONG}
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
    assert_same(run, whole[num_iterations])
    assert [e["event"] for e in run.events if "config" in e] == [
        "run_started",
        "resumed",
    ]


@pytest.mark.parametrize(
    ("turn", "num_iterations"), [(1, 1), (30, 1), (75, 1), (100, 1), (30, 2), (60, 2)]
)
def test_a_run_that_dies_anywhere_resumes(tmp_path, whole, turn, num_iterations):
    def die():
        raise KeyboardInterrupt

    settings = {"num_iterations": num_iterations, **LONG}
    at_turn(turn, die)
    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path, **settings)
    assert read_events(tmp_path / "events.jsonl")[-1]["event"] == "failed"
    Gates.on_turn = None
    assert_same(run_small(tmp_path, resume=True, **settings), whole[num_iterations])


@pytest.mark.parametrize("num_iterations", [1, 2])
def test_ctrl_c_finishes_the_step_and_saves(tmp_path, whole, num_iterations, capsys):
    settings = {"num_iterations": num_iterations, **LONG}
    at_turn(40, interrupt)
    run = run_small(tmp_path, **settings)
    assert "Press again to stop at once" in capsys.readouterr().out
    assert run.stopped == "interrupted"
    assert 0 < run.step < 6
    assert run.step % num_iterations == 0
    assert run.events[-1]["event"] == "interrupted"
    assert last_checkpoint(tmp_path).name == f"checkpoint-{run.step}"
    assert (tmp_path / "policy" / "config.json").exists()
    resumed = run_small(tmp_path, resume=True, **settings)
    assert resumed.stopped == "finished"
    assert_same(resumed, whole[num_iterations])


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
    _, alive = psutil.wait_procs(children, timeout=5)
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


def test_an_adapter_resumes_exactly(tmp_path):
    from peft import LoraConfig, get_peft_model

    def adapted():
        policy = tiny_policy()
        torch.manual_seed(0)
        lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
        policy.model = get_peft_model(policy.model, lora)
        return policy

    settings = {"max_steps": 4, "save_steps": 2, "beta": 0.01}
    through = run_small(tmp_path / "a", policy=adapted(), **settings)
    at_turn(60, interrupt)
    run_small(tmp_path / "b", policy=adapted(), **settings)
    resumed = run_small(tmp_path / "b", policy=adapted(), resume=True, **settings)
    assert_same(resumed, through)


def test_the_same_call_gives_the_same_numbers(tmp_path, whole):
    assert_same(run_small(tmp_path, **LONG), whole[1])


def test_another_seed_gives_other_numbers(tmp_path, whole):
    run = run_small(tmp_path, **LONG | {"max_steps": 2}, seed=7)
    assert numbers_of(run)[0][0]["groups"] != numbers_of(whole[1])[0][0]["groups"]


# ---- settings --------------------------------------------------------------------


def test_unknown_settings_name_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'learning_rate'"):
        make_config(learning_rte=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"credit": "gpro"}, "Did you mean 'grpo'"),
        ({"reward": "games"}, "Did you mean 'game'"),
        ({"max_steps": 0}, "max_steps is 0"),
        ({"live": 0}, "live is 0"),
        ({"workers": -1}, "workers is -1"),
        ({"n_tasks": 0}, "n_tasks is 0"),
        ({"stop_after_minutes": 0.0}, "stop_after_minutes is 0.0"),
        ({"discount": 1.5}, "discount is 1.5"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"top_p": 0.9}, "biases the gradient"),
        ({"top_k": 5}, "biases the gradient"),
        ({"min_p": 0.1}, "biases the gradient"),
        ({"num_generations": 1}, "at least 2 generations"),
        ({"num_generations": 7}, "divisible by num_generations"),
        ({"shuffle_dataset": True}, "shuffled by us"),
        ({"mask_truncated_completions": True}, "truncated"),
        ({"scale_rewards": "none"}, "scale_rewards is set"),
        ({"bf16": True, "fp16": True}, "refused"),
        ({"save_strategy": "sometimes"}, "refused"),
    ],
)
def test_contradictions_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message) as error:
        make_config(**settings)
    assert error.value.what
    assert error.value.why


def test_no_games_are_refused():
    with pytest.raises(ConfigError, match="no games to train on"):
        schedule([], make_config(**SMALL))


@pytest.mark.parametrize(
    ("settings", "every"),
    [
        ({}, 1),
        ({"num_iterations": 2}, 2),
        ({"steps_per_generation": 4}, 4),
        ({"gradient_accumulation_steps": 4, "steps_per_generation": 2}, 1),
        ({"gradient_accumulation_steps": 2, "steps_per_generation": 3}, 3),
        ({"gradient_accumulation_steps": 2, "num_iterations": 3}, 3),
    ],
)
def test_checkpoints_lie_between_batches(settings, every):
    config = make_config(**SMALL | {"save_steps": 5} | settings)
    assert config.steps_per_rollout == every
    assert config.save_steps % every == 0


def test_save_steps_may_be_a_share():
    assert make_config(**SMALL | {"max_steps": 40, "save_steps": 0.25}).save_steps == 10


@pytest.mark.parametrize(
    ("settings", "groups"),
    [
        ({}, 4 * 2),  # 4 steps of 8 episodes in groups of 4
        ({"gradient_accumulation_steps": 3}, 4 * 6),
        ({"steps_per_generation": 2}, 2 * 4),
        ({"num_iterations": 2}, 2 * 2),
        ({"gradient_accumulation_steps": 2, "steps_per_generation": 1}, 8 * 2),
        ({"max_steps": 3, "num_iterations": 2}, 2 * 2),
    ],
)
def test_the_schedule_has_as_many_groups_as_are_played(tmp_path, settings, groups):
    config = make_config(**SMALL | settings)
    rows = schedule(tasks("gates", n=3), config)
    assert len(rows) == groups
    run = run_small(tmp_path, n=3, **settings)
    played = [
        g["task"] for e in run.events if e["event"] == "rollout" for g in e["groups"]
    ]
    assert played == [task.id for task in rows]


def test_the_schedule_plays_every_game_before_any_again():
    rows = schedule(tasks("gates", n=4), make_config(**SMALL))
    assert {r.seed for r in rows[:4]} == {r.seed for r in rows[4:]} == {0, 1, 2, 3}


def test_yaml_says_the_same_as_keywords(tmp_path):
    settings = SMALL | {
        "env": "gates",
        "env_params": {"max_turns": 3},
        "credit": "turn_return",
        "discount": 0.9,
        "loss_type": "cispo",
        "report_to": ["tensorboard"],
    }
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings))
    found, wanted = read_config(path).to_dict(), make_config(**settings).to_dict()
    assert found == wanted
    changed = read_config(
        path, ["--max_steps", "9", "--env_params", '{"max_turns": 5}']
    )
    assert changed.max_steps == 9
    assert changed.env_params == {"max_turns": 5}


def test_yaml_numbers_without_a_point(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("learning_rate: 1e-4\n")  # YAML reads a string here
    assert read_config(path).learning_rate == 1e-4


@pytest.mark.parametrize(
    ("text", "overrides", "message"),
    [
        ("max_stepz: 3", [], "Did you mean 'max_steps'"),
        ("max_steps: 3", ["--max_stepz", "4"], "Did you mean 'max_steps'"),
        ("max_steps: many", [], "invalid int value"),
        ("max_steps: 3", ["--max_steps", "few"], "invalid int value"),
        ("max_steps: [", [], "is not YAML"),
        ("- max_steps", [], "must be a YAML mapping"),
        ("", [], "must be a YAML mapping"),
    ],
)
def test_bad_yaml_is_explained(tmp_path, text, overrides, message):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config(path, overrides)


def test_train_from_a_file(tmp_path):
    tiny_policy().save(tmp_path / "start")
    settings = SMALL | {
        "max_steps": 2,
        "env": "gates",
        "n_tasks": 5,
        "policy": str(tmp_path / "start"),
        "output_dir": str(tmp_path / "run"),
    }
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings))
    run = train_from_file(path)
    assert (run.step, run.stopped) == (2, "finished")
    again = train_from_file(path, ["--max_steps", "1"])  # finished runs start anew
    assert again.step == 1


def test_temperature_is_the_policys(tmp_path):
    policy = tiny_policy(temperature=0.7)
    run = run_small(tmp_path, policy=policy, max_steps=1)
    assert policy.temperature == 0.7
    assert (
        json.loads((tmp_path / "config.json").read_text())["settings"]["temperature"]
        == 0.7
    )
    assert run.policy is policy


# ---- what a run leaves behind ----------------------------------------------------


def test_trained_games_are_refused_in_evaluation(tmp_path):
    run = run_small(tmp_path, n=5, max_steps=2)
    games = tasks("gates", split="test", n=8)
    assert {task.seed for task in run.trained_on} <= set(range(5))
    with pytest.raises(ContaminationError, match="were trained on"):
        evaluate(run.policy, "gates", games, workers=0, progress=False)
    clean = [g for g in games if g.seed >= 5]
    assert evaluate(run.policy, "gates", clean, workers=0, progress=False).n == 3


def test_a_stopped_run_has_trained_on_its_games_too(tmp_path):
    policy = tiny_policy()
    at_turn(5, lambda: (interrupt(), interrupt()))
    with pytest.raises(KeyboardInterrupt):
        run_small(tmp_path, policy=policy)
    assert policy.trained_on
    earlier = policy.trained_on
    Gates.on_turn = None
    train(
        policy,
        "gates",
        tasks=tasks("gates", n=12)[8:],
        **SMALL | {"max_steps": 1, "output_dir": str(tmp_path / "second")},
    )
    assert earlier < policy.trained_on


def test_events_hold_every_documented_field(tmp_path):
    run = run_small(tmp_path, max_steps=2, reward="sparse", save_steps=2)
    kinds = {}
    for line in (tmp_path / "events.jsonl").read_text().splitlines():
        event = json.loads(line, parse_constant=lambda name: pytest.fail(name))
        kinds.setdefault(event["event"], event)
        assert {"event", "time", "step"} <= set(event)
    table = documented()
    assert set(kinds) <= set(table)
    assert {"run_started", "rollout", "step", "checkpoint", "finished"} <= set(kinds)
    for kind, event in kinds.items():
        assert table[kind] <= set(event), kind
    rollout = kinds["rollout"]
    group = rollout["groups"][0]
    assert set(group) == {"task", "returns", "won", "turns", "broken"}
    assert group["returns"] == [float(w) for w in group["won"]]  # `sparse` pays wins
    assert read_tasks(run.folder) == run.trained_on
    setup = json.loads((tmp_path / "config.json").read_text())
    assert setup["settings"]["max_steps"] == 2
    assert "trl" in setup["versions"]


def documented():
    """Fields of each event, read from the table in the module's docstring."""
    table = {}
    for row in re.findall(r"^\| `.*$", events_module.__doc__, flags=re.MULTILINE):
        names, text = row.strip("|").split("|")
        flat = re.sub(r"per game .*?;", ";", text)  # fields inside of `groups`
        fields = set(re.findall(r"`(\w+)`", flat)) - {"null"}
        table |= dict.fromkeys(re.findall(r"`(\w+)`", names), fields)
    return table


def test_seconds_add_up(tmp_path):
    run = run_small(tmp_path, max_steps=3)
    for event in steps_of(run.events, "step"):
        parts = [event[f"{k}_s"] for k in ("policy", "env", "loss", "update", "other")]
        assert sum(parts) == pytest.approx(event["seconds"])
        assert min(parts) > 0


def test_silent_groups_are_those_without_advantage(tmp_path):
    run = run_small(tmp_path, max_steps=3, reward="sparse")
    for event in steps_of(run.events, "rollout"):
        silent = [len(set(g["returns"])) == 1 for g in event["groups"]]
        assert event["silent_groups"] == sum(silent) / len(silent)


def test_events_survive_a_line_that_was_cut_off(tmp_path):
    path = tmp_path / "events.jsonl"
    EventLog(path).write("step", step=1)
    with path.open("a") as file:
        file.write('{"event": "ste')
    EventLog(path).write("resumed", step=1, value=float("nan"))
    assert [(e["event"], e.get("value")) for e in read_events(path)] == [
        ("step", None),
        ("resumed", None),
    ]


def test_later_events_of_a_step_count():
    events = [{"event": "step", "step": s, "n": n} for n, s in enumerate((1, 2, 2, 3))]
    assert [e["n"] for e in steps_of(events, "step")] == [0, 2, 3]


def test_progress_is_one_line_per_step(tmp_path, capfd):
    run_small(tmp_path, max_steps=2, progress=True)
    captured = capfd.readouterr()
    lines = captured.out.splitlines()
    assert len(lines) == 2
    for part in (
        "step   1/2",
        "success 0.",
        "turns",
        "silent groups",
        " s ",
        "min left",
    ):
        assert part in lines[0]
    assert captured.err == ""


@pytest.mark.filterwarnings("error")
def test_training_is_silent_without_progress(tmp_path, capfd):
    run_small(tmp_path, max_steps=4, beta=0.01, save_steps=1)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
