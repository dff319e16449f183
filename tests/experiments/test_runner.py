"""Experiments on the mazes that ship, so small that nothing can be learnt."""

import json
import signal
import subprocess
import sys

import pytest
import yaml

from toolkit.cli import main
from toolkit.errors import TaskError
from toolkit.experiments.preset import load_preset
from toolkit.experiments.runner import run_experiment

MAZES = "textworld/coin_collector-105-basic"
BRIEF = {"goal": "brief"}
TINY = {
    "title": "Does it run?",
    "question": "Two arms.",
    "setting": "Two steps.",
    "seeds": [0, 1],
    "exams": {"mazes": {"env": MAZES, "params": BRIEF, "n": 4, "samples": 2}},
    "settings": {
        **{"env": MAZES, "env_params": BRIEF, "n_tasks": 4, "max_steps": 2},
        **{"per_device_train_batch_size": 8, "num_generations": 4, "live": 8},
        **{"save_steps": 1, "workers": 0, "use_cpu": True},
    },
    "arms": {"trained": {}},
    "limits": ["Anything."],
    "claims": [{"text": "It learns", "better": ["trained", "mazes"], "than": "before"}],
}


def written(folder, **changes):
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({**TINY, **changes}))
    return path


def run(folder, seeds=None, **changes):
    preset = load_preset(written(folder, **changes))
    return run_experiment(preset, seeds=seeds, out=folder / "runs")


@pytest.mark.slow
def test_what_is_finished_is_not_run_again(tmp_path, capsys):
    first = run(tmp_path, seeds=[0])
    assert "1 runs, 1 of them to do: 16 episodes" in capsys.readouterr().out
    assert [r["seed"] for r in first["arms"]["trained"]["runs"]] == [0]
    both = run(tmp_path)
    assert "2 runs, 1 of them to do" in capsys.readouterr().out
    before, *new = both["arms"]["trained"]["runs"]
    assert before == first["arms"]["trained"]["runs"][0]
    assert [r["seed"] for r in new] == [1]
    assert len(before["curve"]) == 2
    assert before["episodes"] == 16
    assert before["before"]["mazes"]["n"] == before["after"]["mazes"]["n"] == 4
    assert json.loads(json.dumps(both)) == both


@pytest.mark.slow
def test_an_arm_may_only_imitate_and_another_goes_on_from_there(tmp_path):
    shown = {"demonstrations": 2, "env": MAZES, "params": BRIEF, "epochs": 8}
    arms = {
        "shown": {"start": shown, "max_steps": 0},
        "trained": {"start": shown, "max_steps": 1},
    }
    found = run(tmp_path, arms=arms, seeds=[0])["arms"]
    (imitated,), (trained,) = found["shown"]["runs"], found["trained"]["runs"]
    assert imitated["after"] == imitated["before"] == trained["before"]
    assert (imitated["episodes"], trained["episodes"]) == (0, 8)
    starts = [p.name for p in (tmp_path / "runs").glob("start-*")]
    assert len(starts) == 1
    assert "2-demonstrations" in starts[0]


@pytest.mark.slow
def test_adapters_are_merged_before_reinforcement_learning_adds_its_own(tmp_path, tiny):
    start = {"policy": str(tiny), "lora": True, "epochs": 8, "learning_rate": 0.01}
    start |= {"demonstrations": 2, "env": MAZES, "params": BRIEF}
    short = {**BRIEF, "max_turns": 2}
    settings = {**TINY["settings"], "env_params": short, "max_steps": 1, "n_tasks": 2}
    exams = {"mazes": {"env": MAZES, "params": short, "n": 2, "samples": 1}}
    found = run(tmp_path, start=start, settings=settings, exams=exams, seeds=[0])
    assert found["arms"]["trained"]["runs"][0]["after"]["mazes"]["n"] == 2
    (imitated,) = (tmp_path / "runs").glob("start-*/policy")
    (trained,) = (tmp_path / "runs").glob("coin*/policy")
    assert not (imitated / "adapter_config.json").exists()
    assert (trained / "adapter_config.json").exists()


def test_an_exam_without_its_games_is_left_out_if_it_may_be(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)
    files = {"env": "alfworld/all", "params": {"source": "data"}, "n": 1}
    files |= {"split": "valid_seen"}
    how = {"arms": {"untrained": {"max_steps": 0}}, "claims": [], "seeds": [0]}
    exams = {**TINY["exams"], "files": {**files, "optional": True}}
    found = run(tmp_path, exams=exams, **how)
    assert found["exams"] == ["mazes"]
    assert "'files' is left out" in capsys.readouterr().out
    with pytest.raises(TaskError, match="valid_seen"):
        run(tmp_path, exams={**exams, "files": files}, **how)


def test_an_exam_may_name_its_split(tmp_path):
    test = TINY["exams"]["mazes"]
    exams = {"test": test, "validation": {**test, "split": "validation"}}
    arms = {"untrained": {"max_steps": 0}}
    run(tmp_path, exams=exams, arms=arms, claims=[], seeds=[0])
    sat = [json.loads(p.read_text()) for p in tmp_path.glob("runs/*/exams/*.json")]
    assert {facts["exam"]["split"] for facts in sat} == {"test", "validation"}


KILLED = """
import os, signal, sys, threading, time
from pathlib import Path
from toolkit.cli import main

def die():
    while not list(Path(sys.argv[-1]).glob("*/checkpoint-2")):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)

threading.Thread(target=die, daemon=True).start()
main(sys.argv[1:])
"""
"""The command, which dies in the middle of a run however slow the machine is."""


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_the_same_numbers(tmp_path):
    settings = {**TINY["settings"], "max_steps": 4}
    for name in "ab":
        (tmp_path / name).mkdir()
    whole = run(tmp_path / "a", settings=settings, seeds=[0])
    path = written(tmp_path / "b", settings=settings)
    out = tmp_path / "b" / "runs"
    command = ["experiment", str(path), "--seeds", "0", "--out", str(out)]
    child = subprocess.run([sys.executable, "-c", KILLED, *command], check=False)
    assert child.returncode == -signal.SIGKILL
    assert not list(out.glob("coin*/done.json")), "it was too quick to be killed"
    again = run(tmp_path / "b", settings=settings, seeds=[0])
    (left,), (right,) = (r["arms"]["trained"]["runs"] for r in (again, whole))
    assert left["curve"] == right["curve"]
    assert left["after"] == right["after"]


@pytest.mark.slow
def test_the_command_writes_results_and_page_beside_the_preset(tmp_path, capsys):
    path = written(tmp_path, seeds=[3])
    assert main(["experiment", str(path), "--out", str(tmp_path / "runs")]) == 0
    stored = json.loads((tmp_path / "results" / "tiny.json").read_text())
    assert stored["made"]["command"] == "toolkit experiment tiny"
    page = (tmp_path / "results" / "index.html").read_text()
    assert "Does it run?" in page
    assert "It learns" in page
    told = capsys.readouterr().out
    assert "undecided: It learns. " in told
    assert ", in one run." in told
    assert "What this cannot show:\n  - Anything." in told
    assert "index.html" in told


def test_the_command_explains_what_it_does_not_find(capsys):
    assert main(["experiment", "nothing-like-it"]) == 2
    assert "There is no experiment 'nothing-like-it'" in capsys.readouterr().err
