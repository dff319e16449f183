import pytest

from tests.diagnosis.made import ended, run_of, update
from toolkit.widgets.run_facts import (
    duration,
    facts,
    is_paused,
    left_s,
    seconds_per_step,
    working_s,
)


def at(time, event, step=0, **more):
    return {"event": event, "time": time, "step": step, **more}


def test_a_run_that_goes_on():
    # 4 steps of 10 s each; 3 s ago the last one ended
    known = facts(run_of(4, max_steps=10, credit="rloo", env="gates"), 43.0)
    assert (known.state, known.status) == ("running", "Training")
    assert (known.step, known.steps) == (4, 10)
    assert known.elapsed_s == 43.0
    assert known.left_s == 6 * 10 - 3
    assert (known.credit, known.reward, known.world) == ("rloo", "game", "gates")


def test_defaults_are_those_of_training():
    from toolkit.training.config import TrainConfig

    usual, known = TrainConfig(), facts(run_of(1), None)
    assert known.steps == usual.max_steps
    assert (known.credit, known.reward) == (usual.credit, usual.reward)


@pytest.mark.parametrize(
    ("end", "state", "words"),
    [
        (ended("finished", "finished"), "finished", "Finished"),
        (ended("finished", "time"), "stopped", "Stopped: its time was up"),
        (ended("interrupted", "interrupted"), "stopped", "Stopped by hand"),
        (ended("failed", "KeyboardInterrupt: "), "stopped", "Stopped by hand"),
        (ended("failed", "ValueError: x\ny"), "failed", "Failed: ValueError: x y"),
    ],
)
def test_how_a_run_ended(end, state, words):
    known = facts(run_of(3, end=end), 9e9)
    assert (known.state, known.status) == (state, words)
    assert known.elapsed_s == 30.0
    assert known.left_s is None


def test_a_run_that_says_nothing_may_be_dead():
    events = run_of(3)
    assert facts(events, 30.0 + 199).state == "running"  # 20 steps of 10 s
    known = facts(events, 30.0 + 201)
    assert known.state == "silent"
    assert known.status.startswith("No news for 3 min 21 s")
    assert known.elapsed_s == 30.0
    assert facts(events, 30.0 + 201, "running").state == "running"


def test_pauses_count_neither_as_spent_nor_as_pace():
    pause = [at(40.0, "paused", 4), at(700.0, "evaluated", 4)]
    events = [*run_of(4, max_steps=8), *pause]
    known = facts(events, 9e9)
    assert (known.state, known.elapsed_s) == ("paused", 40.0)
    assert facts(events, 9e9, "paused").left_s == 40.0
    events += [at(1000.0, "continued", 4), {**update(4), "time": 1010.0}]
    known = facts(events, 1010.0)
    assert known.state == "running"
    assert known.elapsed_s == 50.0
    assert known.left_s == 30.0


def test_time_between_a_kill_and_the_resume_does_not_count():
    events = [*run_of(2), at(5000.0, "resumed", 2), {**update(2), "time": 5010.0}]
    assert working_s(events) == 30.0


def test_the_pace_is_that_of_the_last_steps():
    slow = [{**update(k), "seconds": 100.0} for k in range(30)]
    quick = [{**update(k), "seconds": 1.0} for k in range(30, 40)]
    assert seconds_per_step([*slow, *quick]) == 1.0
    assert left_s([*slow, *quick], 100, 0.0, 0.0) == 60.0
    assert seconds_per_step([at(0.0, "run_started")]) is None


def test_a_run_that_must_end_earlier_ends_earlier():
    events = run_of(4, max_steps=1000, stop_after_minutes=1.0)
    assert facts(events, 40.0).left_s == 20.0


def test_damaged_events():
    assert facts([], None).state == "waiting"
    odd = [{"event": "step", "step": 2}, {"event": "run_started", "step": 0}]
    known = facts([{**odd[1], "config": [1]}, odd[0]], None)
    assert (known.step, known.elapsed_s, known.left_s) == (2, 0.0, None)
    broken = {"event": "run_started", "step": 0, "config": {"max_steps": "many"}}
    assert facts([broken], None).steps == 60


def test_a_failure_that_no_event_tells_of():
    known = facts([], 1.0, "", "OSError: disk full")
    assert (known.state, known.status) == ("failed", "Failed: OSError: disk full")


def test_rewards_are_named_by_their_terms():
    mix = {"success": 1.0, "step_cost": {"weight": 0.01, "per": "turn"}}
    assert facts(run_of(1, reward=mix), None).reward == "success 1 + step_cost 0.01"


def test_a_fork_that_has_not_begun():
    known = facts([*run_of(4), at(40.0, "forked", 4)], 41.0)
    assert (known.state, known.step, known.left_s) == ("forked", 4, None)


def test_whether_a_run_stands_still():
    assert not is_paused([])
    assert is_paused([at(0, "paused"), at(1, "reward_changed")])
    assert not is_paused([at(0, "paused"), at(1, "continued")])


def test_durations():
    assert duration(-3) == "-3 s"
    assert duration(3599) == "59 min 59 s"
