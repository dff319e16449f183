import json

import pytest

from tests.diagnosis.made import ended, ends, run_of
from toolkit.widgets.base import LARGEST, message_size
from toolkit.widgets.run_view import (
    DIAGNOSED_STEPS,
    Look,
    look_at,
    run_view,
    sample_step,
    spread,
)

LOST = {"success": 0.0, "silent_groups": 1.0, "mean_return": 0.0, **ends(turn_limit=32)}


def view(events, look=None, steps=(), sample=None):
    return run_view(events, steps, sample or {}, look or Look())


def test_a_run_at_a_glance():
    shown = view(run_of(6, end=ended("finished", "finished"), max_steps=6))
    assert (shown["state"], shown["step"], shown["steps"]) == ("finished", 6, 6)
    assert shown["times"] == "1 min 0 s"
    assert [alert["id"] for alert in shown["alerts"]] == ["all-is-well"]
    assert shown["announce"] == "Finished."
    assert shown["sample"] == {"step": None, "at": 0, "of": 0, "latest": True}


def test_the_diagnosis_comes_with_remedies_in_order():
    events = run_of(12, rollouts=lambda k: LOST, log=lambda k: {"grad_norm": 0.0})
    worst = view(events)["alerts"][0]
    assert (worst["id"], worst["severity"]) == ("silent-too-hard", "problem")
    assert worst["remedies"][0].startswith("easier games first")


def test_a_loss_of_0_is_explained():
    shown = view(run_of(12, log=lambda k: {"loss": 0.0}))
    (note,) = [a for a in shown["alerts"] if a["id"] == "loss-zero"]
    assert "That is no fault" in note["why"]


def test_before_anything_happened():
    shown = view([])
    assert (shown["state"], shown["charts"], shown["alerts"]) == ("waiting", [], [])
    assert view([], Look(live="starting"))["status"] == "Starting"


@pytest.mark.parametrize("n", [1, 60, 5000])
def test_messages_stay_small_and_json_ready(n):
    everything = lambda k: {  # noqa: E731
        **dict.fromkeys(("kl", "grad_norm", "explained_variance"), 0.1 + k % 7),
        "clip_ratio/region_mean": 0.25,
    }
    played = lambda k: {"total_s": 1.0 + k % 3, "silent_groups": 0.5}  # noqa: E731
    events = run_of(n, rollouts=played, log=everything, facts={"gpu_memory": 0.5})
    exam = {"event": "evaluated", "success": 0.5, "low": 0.4, "high": 0.6}
    events += [{**exam, "step": k} for k in range(0, n, max(1, n // 40))]
    text = '<b>"ü' * 80
    token = [text[:9], -0.12345, 0.12345]
    turn = {"observation": text, "tokens": [token] * 60, "turn": 1}
    sample = {"episodes": [{"which": "best", "turns": [turn] * 40}]}
    shown = view(events, Look(now=1.0), range(n), sample)
    assert len(shown["charts"]) == 12
    assert message_size(shown) < LARGEST
    assert json.loads(json.dumps(shown, allow_nan=False))["step"] == n


def test_long_runs_are_diagnosed_by_some_of_their_steps():
    events = run_of(20_000)
    kept = spread(events)
    assert len(kept) < 2 * (DIAGNOSED_STEPS + 200)
    assert kept[-110:] == events[-110:]
    assert kept[:100] == events[:100]
    assert spread(events[:500]) == events[:500]


def test_what_is_looked_at():
    assert sample_step([], Look()) is None
    assert sample_step([2, 4, 9], Look()) == 9
    assert sample_step([2, 4, 9], Look(step=5)) == 4
    shown = view(run_of(9), Look(step=4), [2, 4, 8])
    assert (shown["sample"]["step"], shown["sample"]["at"]) == (5, 1)
    told = look_at(Look(note="x", problem=True), pick="worst")
    assert (told.note, told.problem, told.pick) == ("", False, "worst")


def test_buttons_are_for_runs_that_hear():
    going = Look(live="running", buttons=True, now=1.0)
    assert view(run_of(2), going)["buttons"]
    assert view(run_of(2), going)["live"]
    over = run_of(2, end=ended("finished", "finished"))
    assert not view(over, going)["buttons"]
    assert not view(run_of(2), Look(now=1.0))["live"]
