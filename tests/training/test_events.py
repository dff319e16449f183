import json
import re

import pytest

from tests.models import tiny_policy
from tests.training.runs import SMALL, Gates, at_turn, interrupt, run_small
from toolkit.environments.base import tasks
from toolkit.errors import ContaminationError
from toolkit.evaluation import evaluate
from toolkit.training import events as events_module
from toolkit.training.events import EventLog, read_events, steps_of
from toolkit.training.folder import read_tasks
from toolkit.training.run import train

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)


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
    facts = {"row", "task", "params", "returns", "won", "turns", "broken"}
    assert set(group) == facts
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
