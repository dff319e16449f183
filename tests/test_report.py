import ast
import dataclasses
import json

import pytest

from tests.html_checks import Outline
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.errors import ToolkitError
from toolkit.evaluation import summarise
from toolkit.report import write_report
from toolkit.statistics import wilson
from toolkit.training.events import EventLog
from toolkit.training.run import Run

SETTINGS = {"env": "toy/hall", "env_params": {"goal": "brief"}, "seed": 3, "live": 8}
VERSIONS = {"python": "3.11.7", "trl": "1.16.0"}
EVIL = "<script>alert('x')</script>"


def episode(seed, *, won, action="go north"):
    turns = [
        Turn(
            observation=f"Room {i}.",
            completion=action,
            action=action,
            reward=float(won and i == 1),
            info={"valid_action": won},
        )
        for i in range(2)
    ]
    return Episode(
        task=Task(env="toy/hall", seed=seed, split="test"),
        turns=tuple(turns),
        stop_reason=StopReason.WON if won else StopReason.LOST,
        final_observation="The end.",
    )


def evaluation(wins, n=20, action="go north"):
    return summarise(
        [episode(s, won=s < wins, action=action) for s in range(n)], seed=5
    )


def rollout(step, share, **changes):
    won = [i < 8 * share for i in range(8)]
    group = {"task": "t", "won": won, "returns": won, "turns": [4] * 8, "broken": 0}
    facts = {"mean_turns": 4.0, "entropy": 0.5, "silent_groups": 0.25}
    times = {"policy_s": 2.0, "env_s": 0.5, "total_s": 3.0}
    given = {"groups": [group, group], "success": share, **facts, **times}
    return {"step": step, **given, **changes}


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "run"
    log = EventLog(folder / "events.jsonl")
    for step in range(4):
        log.write("rollout", **rollout(step, step / 4))
        log.write("step", step=step + 1, seconds=10.0, loss_s=1.5, update_s=2.5, log={})
    setup = {"settings": SETTINGS, "policy": "pocket", "versions": VERSIONS}
    (folder / "config.json").write_text(json.dumps(setup))
    return Run(folder=folder, policy=None, step=4, stopped="finished")


def write(run, before=None, after=None, **changes):
    """Write a report; return its JSON and the outline of its HTML."""
    path = write_report(
        run.folder.parent / "report",
        title=changes.pop("title", "Report"),
        before=before or {"sampled": evaluation(4)},
        after=after or {"sampled": evaluation(18)},
        run=run,
        minutes=4.5,
        **changes,
    )
    facts = json.loads((path.parent / "report.json").read_text(encoding="utf-8"))
    return facts, Outline(path.read_text(encoding="utf-8"))


def test_the_json_has_the_numbers(run):
    facts, _ = write(run)
    low, high = wilson(4, 20)
    assert facts["before"] == {
        "success": 0.2,
        "n": 20,
        "low": low,
        "high": high,
        "mean_turns": 2.0,
    }
    assert facts["after"]["success"] == 0.9
    assert facts["comparison"]["points"] == pytest.approx(70)
    assert (facts["comparison"]["gained"], facts["comparison"]["lost"]) == (14, 0)
    assert facts["comparison"]["p_value"] == 2 * 0.5**14
    assert facts["minutes"] == 4.5
    assert facts["episodes"] == 4 * 16
    assert facts["seed"] == 3
    assert facts["versions"] == VERSIONS
    assert facts["settings"] == SETTINGS


def test_the_first_evaluation_is_the_headline_and_all_are_there(run):
    before = {"sampled": evaluation(4), "greedy": evaluation(2)}
    after = {"greedy": evaluation(20), "sampled": evaluation(18)}
    facts, found = write(run, before, after)
    assert facts["before"] == facts["all"]["sampled"]["before"]
    assert facts["all"]["greedy"]["after"]["success"] == 1.0
    assert facts["all"]["greedy"]["comparison"]["points"] == pytest.approx(90)
    for text in ("sampled", "greedy", "+70 points", "+90 points", "14 better, 0 worse"):
        assert text in found.texts
    assert "The intervals before and after do not overlap." in found.text


def test_it_says_when_the_intervals_overlap(run):
    _, found = write(run, after={"sampled": evaluation(6)})
    assert "The intervals before and after overlap." in found.text


def test_a_resumed_step_counts_once(run):
    log = EventLog(run.folder / "events.jsonl")
    log.write("rollout", **rollout(3, 0.5))
    facts, found = write(run)
    assert facts["episodes"] == 4 * 16
    assert "64 episodes in all" in found.text


def test_charts_are_drawn_for_screens_and_phones_with_labels(run):
    _, found = write(run)
    labels = [svg["aria-label"] for svg in found.having("svg")]
    curves = [label for label in labels if label.startswith("Success in training")]
    assert len(curves) == 2
    assert "held out before training 20 %" in curves[0]
    assert sum(label.startswith("Turns of an episode") for label in labels) == 1
    assert sum("go before 20 % of 40; go after 90 % of 40" in x for x in labels) == 2


def test_the_parts_of_the_time_add_up(run):
    _, found = write(run)
    rows = "policy, choosing commands 8.0 20 % environments: starting games, playing "
    rows += "them 4.0 10 % loss, forward 6.0 15 % backward and optimiser 10.0 25 % "
    assert rows + "rest 12.0 30 %" in found.text


def test_the_call_repeats_the_run(run):
    _, found = write(run)
    (call,) = (text for text in found.texts if text.startswith("from toolkit"))
    ast.parse(call)
    assert "make_env('toy/hall', goal='brief')" in call
    assert "load_policy('pocket')" in call
    assert "seed=3" in call
    _, found = write(run, command="toolkit quickstart --seed 3")
    assert "toolkit quickstart --seed 3" in found.texts


def test_everything_from_outside_is_escaped(run):
    evaluated = evaluation(4, action=EVIL)
    setup = {"settings": {"env": EVIL}, "policy": EVIL, "versions": {EVIL: EVIL}}
    (run.folder / "config.json").write_text(json.dumps(setup))
    better = evaluation(18, action=EVIL)
    _, found = write(
        run, {EVIL: evaluated}, {EVIL: better}, title=EVIL, notes=[EVIL], command=EVIL
    )
    assert not found.having("script")
    assert found.text.count(EVIL) > 10


def test_half_a_surrogate_pair_is_written(run):
    odd = {"sampled": evaluation(4, action="go \ud83d")}
    _, found = write(run, odd)
    assert "go ?" in found.texts


def test_a_run_without_episodes_is_reported(run):
    (run.folder / "events.jsonl").unlink()
    (run.folder / "config.json").unlink()
    facts, found = write(dataclasses.replace(run, step=0, stopped="interrupted"))
    assert facts["episodes"] == 0
    assert facts["seed"] is None
    assert "The run has reported no training episodes." in found.text
    assert "0 optimiser steps (stopped: interrupted)" in found.text


def test_missing_numbers_leave_gaps(run):
    log = EventLog(run.folder / "events.jsonl")
    log.write("rollout", **rollout(2, 0, success=None, entropy=float("nan")))
    _, found = write(run)
    assert "2 16 – 4.00 – 0.25" in found.text


def test_no_turned_game_and_no_command(run):
    lost = summarise([dataclasses.replace(episode(1, won=False), turns=())])
    _, found = write(run, {"sampled": lost}, {"sampled": lost})
    assert "No game was lost before training and won after it." in found.text
    assert "No command was given." in found.text


def test_rare_verbs_are_in_the_table_only(run):
    spoken = [f"verb{i}" for i in range(12)]
    many = summarise([episode(i, won=True, action=v) for i, v in enumerate(spoken)])
    _, found = write(run, {"sampled": many}, {"sampled": many})
    assert "All 12 verbs as a table" in found.texts
    assert found.texts.count("verb0") == 3  # two charts and the table
    assert found.texts.count("verb9") == 1


def test_names_must_agree(run):
    for before, after in (({}, {}), ({"a": evaluation(1)}, {"b": evaluation(2)})):
        with pytest.raises(ToolkitError, match="nothing to compare"):
            write_report(
                run.folder, title="", before=before, after=after, run=run, minutes=0
            )
    assert not (run.folder / "report.json").exists()
