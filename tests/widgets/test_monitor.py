import json
import threading
import time

import pytest

from tests.diagnosis.made import ended, rollout, run_of, update
from tests.html_checks import Outline
from tests.models import tiny_policy
from tests.training.runs import SMALL
from tests.widgets.test_base import connected, from_page, views
from tests.widgets.test_run_samples import episode, line
from toolkit.environments.base import make_env, tasks
from toolkit.errors import ConfigError, ToolkitError
from toolkit.widgets.base import LARGEST, message_size
from toolkit.widgets.monitor import TrainingMonitor

END = ended("finished", "finished")


def write(folder, events, samples=()):
    folder.mkdir(exist_ok=True)
    for name, rows in (("events.jsonl", events), ("samples.jsonl", samples)):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    return folder


def samples(n):
    return [{"event": "samples", **line(episode()), "step": k} for k in range(n)]


def until(true, timeout_s=60):
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < timeout_s, "it never happened"
        time.sleep(0.02)


def watchers():
    return [t for t in threading.enumerate() if t.name == "monitor"]


# ---- runs of others ------------------------------------------------------------------


def test_a_finished_run_is_rebuilt_from_its_folder(tmp_path):
    folder = write(tmp_path, run_of(6, end=END, env="gates", max_steps=6), samples(6))
    made = TrainingMonitor(folder)
    assert repr(made) == "TrainingMonitor(gates: step 6 of 6, finished)"
    assert repr(TrainingMonitor(str(folder))) == repr(made)
    assert made.view["sample"]["step"] == 6
    assert not made.view["buttons"]
    assert not watchers()


def test_a_run_of_another_process_is_followed_to_its_end(tmp_path):
    began = time.time()
    events = [{**e, "time": began} for e in run_of(3, env="gates")]
    made = TrainingMonitor(write(tmp_path, events))
    comm = connected(made)
    try:
        assert made.view["state"] == "running"
        write(tmp_path, [{**rollout(3), "time": began}, {**update(3), "time": began}])
        until(lambda: made.view["step"] == 4)
        sent = len(views(comm))
        time.sleep(0.8)
        assert len(views(comm)) == sent, "nothing new, nothing sent"
        write(tmp_path, [{"time": began, "step": 4, **END}])
        until(lambda: made.view["state"] == "finished")
        until(lambda: not watchers())
    finally:
        made.close()


def test_a_widget_that_is_closed_watches_no_more(tmp_path):
    made = TrainingMonitor(write(tmp_path, run_of(2)))
    assert watchers()
    made.close()
    until(lambda: not watchers())


def test_a_cut_file_and_events_of_another_version(tmp_path):
    odd = [
        *({"event": "of the future", "step": 3}, {"event": "rollout", "step": 2}),
        *({"event": "step", "step": 2, "log": None}, {"event": "step", "step": 3}),
    ]
    folder = write(tmp_path, [*run_of(2), *odd])
    with (folder / "events.jsonl").open("a") as file:
        file.write('{"event": "step", "step": 9')
    made = TrainingMonitor(folder)
    assert made.view["step"] == 3
    assert "Step 3 of 60" in Outline(made.to_html()).text
    made.close()


def test_nothing_there_and_nothing_written(tmp_path):
    with pytest.raises(ToolkitError, match="There is no folder"):
        TrainingMonitor(tmp_path / "runs")
    made = TrainingMonitor(tmp_path)
    assert repr(made).endswith("step 0 of 60, nothing was written yet)")
    made.close()


def test_a_failed_run_says_why(tmp_path):
    end = ended("failed", "RuntimeError: <b>no memory</b>")
    made = TrainingMonitor(write(tmp_path, run_of(4, end=end)))
    assert made.view["status"] == "Failed: RuntimeError: <b>no memory</b>"
    found = Outline(made.to_html())
    assert "<b>no memory</b>" in found.text


@pytest.mark.slow
def test_twenty_thousand_steps_open_quickly(tmp_path):
    groups = {"groups": [{"row": 0, "won": [True] * 8, "returns": [0.5] * 8}] * 8}
    events = run_of(20_000, rollouts=lambda k: groups, end=END, max_steps=20_000)
    folder = write(tmp_path, events)
    began = time.process_time()
    made = TrainingMonitor(folder)
    assert time.process_time() - began < 10  # two on an idle machine
    assert message_size(made.view) < LARGEST


# ---- what can be looked at -----------------------------------------------------------


def test_samples_can_be_chosen(tmp_path):
    both = line(episode("best"), episode("worst", won=False, stop_reason="lost"))
    rows = [{"event": "samples", **both, "step": k} for k in range(5)]
    made = TrainingMonitor(write(tmp_path, run_of(5, end=END), rows))
    made.ask({"do": "pick", "value": "worst"})
    made.ask({"do": "sample", "value": 1})
    sample = made.view["sample"]
    assert (sample["step"], sample["end"], sample["latest"]) == (2, "lost", False)
    made.ask({"do": "sample", "value": -1})
    assert (made.view["sample"]["step"], made.view["sample"]["latest"]) == (5, True)
    for wrong in ({"do": "pick", "value": "?"}, {"do": "sample"}, {}, {"do": "x"}):
        made.ask(wrong)
    assert made.view["sample"]["pick"] == "worst"


def test_a_run_that_is_over_cannot_be_told_anything(tmp_path):
    made = TrainingMonitor(write(tmp_path, run_of(2, end=END)))
    made.stop()
    assert made.view["problem"]
    assert made.view["note"].startswith("This run is over")
    with pytest.raises(ToolkitError, match="only shows a run"):
        made.result()


def test_all_numbers_can_be_kept(tmp_path):
    made = TrainingMonitor(write(tmp_path / "run", run_of(300, end=END)))
    rows = made.to_csv(tmp_path / "run.csv").read_text().splitlines()
    assert len(rows) == 301
    assert len(made.view["table"]["rows"]) < 50


# ---- replay --------------------------------------------------------------------------


def test_a_replay_ends_as_the_run_did(tmp_path):
    folder = write(tmp_path, run_of(6, end=END, env="gates"), samples(6))
    direct, made = TrainingMonitor(folder), TrainingMonitor.replay(folder)
    made.ask({"do": "play"})
    assert (made.view["step"], made.view["sample"]["of"]) == (0, 0)
    while made.view["player"]["plays"]:
        made.ask({"do": "tick", "value": made.view["player"]["at"]})
    ignored = ("player", "answered", "can_fork")
    seen = [
        {k: v for k, v in widget.view.items() if k not in ignored}
        for widget in (made, direct)
    ]
    assert seen[0] == seen[1]
    assert not watchers()


def test_the_static_page_of_a_replay_shows_its_end(tmp_path):
    folder = write(tmp_path, run_of(6, end=END, max_steps=6), samples(6))
    made = TrainingMonitor.replay(folder, speed=3)
    made.ask({"do": "seek", "value": 2})
    assert (made.view["step"], made.view["sample"]["step"]) == (2, 2)
    assert made.view["player"]["speeds"] == [1, 3, 10, 60]
    assert "Step 6 of 6" in Outline(made.to_html()).text


def test_what_cannot_be_replayed():
    with pytest.raises(ConfigError, match="speed is 0"):
        TrainingMonitor.replay("learns", speed=0)
    with pytest.raises(ToolkitError, match="There is no run 'no'"):
        TrainingMonitor.replay("no")


def test_the_recordings_say_what_they_are_for():
    learns, fails = map(TrainingMonitor.replay, ("learns", "fails"))
    assert learns.view["alerts"][0]["id"] == "all-is-well"
    assert fails.view["alerts"][0]["id"] == "silent-too-hard"
    for made in (learns, fails):
        assert message_size(made.view) < LARGEST
        assert len(made.to_html()) < 70_000


# ---- runs of this process ------------------------------------------------------------


def started(folder, mode="background", **settings):
    how = {**SMALL, "max_steps": 400, "output_dir": str(folder), **settings}
    games = tasks("gates", n=5)
    return TrainingMonitor.start(
        tiny_policy(), make_env("gates"), mode=mode, tasks=games, **how
    )


@pytest.mark.slow
def test_a_run_is_paused_steered_and_stopped(tmp_path):
    made = started(tmp_path)
    comm = connected(made)
    try:
        until(lambda: made.view["step"] >= 2)
        assert made.view["buttons"]
        assert made.view["left_s"] > 0
        made.pause()
        assert made.view["note"].startswith("It pauses")
        until(lambda: made.view["state"] == "paused")
        step = made.view["step"]
        from_page(comm, request={"id": 9, "do": "reweight", "term": "x", "value": 2})
        assert made.view["problem"]
        made.reweight("game", 2.0)
        made.evaluate()
        until(lambda: len(made.view["marks"]) == 2)
        assert made.view["step"] == step
        made.resume()
        until(lambda: made.view["step"] > step)
        assert made.view["terms"] == {"game": 2.0}
        made.stop()
        run = made.result(60)
    finally:
        made.live.controls.stop()
    until(lambda: not watchers())
    assert run.stopped == "interrupted"
    assert (made.view["state"], made.view["step"]) == ("stopped", run.step)
    assert all(message_size(view) < LARGEST for view in views(comm))
    assert made.view["sample"]["turns"][0]["tokens"]
    again = TrainingMonitor(run)
    ignored = {"answered", "terms", "note", "announce"}
    for name in made.view.keys() - ignored:
        assert again.view[name] == made.view[name], name


@pytest.mark.slow
def test_in_the_foreground_the_cell_trains(tmp_path):
    made = started(tmp_path, mode="foreground", max_steps=3)
    assert made.result().stopped == "finished"
    assert (made.view["state"], made.view["step"]) == ("finished", 3)
    assert not made.view["buttons"]
    assert not watchers()


@pytest.mark.slow
def test_what_breaks_the_training_is_shown_and_raised(tmp_path, monkeypatch):
    def break_down(*_):
        raise RuntimeError("the disk is <full>")

    monkeypatch.setattr("toolkit.training.trainer.EpisodeTrainer._report", break_down)
    made = started(tmp_path)
    with pytest.raises(RuntimeError, match="the disk"):
        made.result(60)
    assert made.view["status"] == "Failed: RuntimeError: the disk is <full>"
    until(lambda: not watchers())


def test_wrong_settings_are_refused_at_once(tmp_path):
    with pytest.raises(ConfigError, match="mode is 'somewhere'"):
        started(tmp_path, mode="somewhere")
    with pytest.raises(ConfigError, match="no setting 'learning_rat'"):
        started(tmp_path, learning_rat=1)
