import threading
import time

import pytest

from tests.training.runs import (
    Gates,
    assert_same,
    at_turn,
    numbers_of,
    run_small,
    weights_of,
)
from tests.training.steering import LONG, REWARD, begin, die, found, steered, until
from tests.training.test_events import documented
from toolkit.errors import ConfigError
from toolkit.policies.models import load_policy
from toolkit.rewards import Mix
from toolkit.training.controls import Controls, Orders, weights_at
from toolkit.training.events import read_events, steps_of
from toolkit.training.folder import last_checkpoint

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)


@pytest.fixture(autouse=True)
def calm():
    yield
    Gates.on_turn = None


@pytest.fixture
def controls():
    return Controls(Mix(REWARD))


# micro-batches of 2, so that a stop can act between two of them
SMALL_PARTS = LONG | {
    "per_device_train_batch_size": 2,
    "num_generations": 2,
    "gradient_accumulation_steps": 4,
}


@pytest.fixture(scope="module")
def in_parts(tmp_path_factory):
    """The same, in micro-batches."""
    return run_small(tmp_path_factory.mktemp("parts"), **SMALL_PARTS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody asked anything."""
    return run_small(tmp_path_factory.mktemp("whole"), **LONG)


def asked(folder, number, ask, **settings):
    """A run of which something is asked in the middle of a batch."""
    live = begin(folder, **LONG | settings)
    at_turn(number, lambda: ask(live.controls))
    run = live.result()
    Gates.on_turn = None
    return run


# ---- the letter box ------------------------------------------------------------------


def test_what_is_done_once_is_asked_once(controls):
    controls.evaluate()
    controls.save()
    controls.pause()
    controls.reweight({"success": 2})
    controls.reweight({"game": 0.1})
    weights = {"success": 2.0, "game": 0.1}
    first = Orders(pause=True, evaluate=True, save=True, weights=weights)
    assert controls.take() == first
    assert controls.take() == Orders(pause=True)
    controls.resume()
    assert controls.take() == Orders()


def test_processes_do_what_any_of_them_is_asked():
    orders = [Orders(pause=True), Orders(stop="time", weights={"a": 1.0}), Orders()]
    merged = Orders(pause=True, stop="time", weights={"a": 1.0})
    assert Orders.merged(orders) == merged


def test_the_state_says_what_is_going_on(controls):
    assert controls.state == "running"
    controls.pause()
    assert controls.state == "pausing"
    with controls.doing("paused"):
        with controls.doing("evaluating"):
            assert controls.state == "evaluating"
        assert controls.state == "paused"
        controls.stop()
        assert controls.state == "stopping"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"succes": 1.0}, "Did you mean 'success'"),
        ({"success": float("nan")}, "finite number"),
        ({"game": "much"}, "finite number"),
    ],
)
def test_wrong_weights_are_refused_at_once(controls, weights, message):
    with pytest.raises(ConfigError, match=message):
        controls.reweight(weights)
    assert controls.take() == Orders()


def test_the_first_reason_to_stop_counts(controls):
    controls.stop()
    controls.stop("time")
    assert controls.take().stop == controls.reason == "interrupted"


def test_waiting_ends_with_news(controls):
    threading.Timer(0.1, controls.resume).start()
    began = time.monotonic()
    controls.wait(60)
    controls.save()
    controls.wait(60)  # something lies there already
    assert time.monotonic() - began < 60


def change(step, weight):
    return {"event": "reward_changed", "step": step, "weights": {"a": weight}}


@pytest.mark.parametrize(
    ("events", "step", "weight"),
    [
        ([], 4, None),
        ([change(2, 0.2), change(4, 0.4), change(6, 0.6)], 4, 0.4),
        ([change(2, 0.2), change(4, 0.4)], 1, None),
        # a kill undid the change of step 4, which is passed again
        ([change(2, 0.2), change(4, 0.4), {"event": "resumed", "step": 3}], 8, 0.2),
        ([change(2, 0.2), {"event": "resumed", "step": 2}], 2, 0.2),
        ([change(2, 0.2), {"event": "forked", "step": 2, "changed": {}}], 2, 0.2),
        ([change(2, 0.2), {"event": "forked", "changed": {"reward": {}}}], 2, None),
    ],
)
def test_weights_at_a_checkpoint(events, step, weight):
    assert weights_at(events, step) == ({} if weight is None else {"a": weight})


# ---- weights -------------------------------------------------------------------------


def test_new_weights_pay_from_the_next_batch_on(tmp_path, whole):
    run = asked(tmp_path, 40, lambda controls: controls.reweight({"success": 2}))
    (event,) = found(run, "reward_changed")
    weights = {"game": 1.0, "success": 2.0}
    assert event | {"weights": weights, "before": REWARD} == event
    assert documented()["reward_changed"] <= set(event)
    assert 0 < event["step"] < 6
    before = steps_of(whole.events, "rollout")
    for rollout, other in zip(steps_of(run.events, "rollout"), before, strict=True):
        if rollout["step"] < event["step"]:
            assert rollout["groups"] == other["groups"]
        for group in rollout["groups"]:
            pay = 3 if rollout["step"] >= event["step"] else 1.5
            paid = zip(group["returns"], group["won"], strict=True)
            assert all((earned >= pay) == won for earned, won in paid)


def test_a_killed_run_keeps_the_weights_of_its_checkpoint(tmp_path):
    def act(live, number):
        if number == 30:
            live.controls.reweight({"success": 2})
        elif number == 75 and dies:
            raise KeyboardInterrupt

    runs = {}
    for dies in (False, True):
        live = begin(tmp_path / str(dies), **LONG | {"save_steps": 1})
        count = iter(range(10_000))
        Gates.on_turn = lambda live=live, count=count: act(live, next(count))
        if dies:
            with pytest.raises(KeyboardInterrupt):
                live.result()
            Gates.on_turn = None
            live = begin(tmp_path / "True", resume=True, **LONG | {"save_steps": 1})
        runs[dies] = live.result()
    assert [e["step"] for e in found(runs[True], "reward_changed")]
    assert found(runs[True], "resumed")[0]["step"] >= 2
    assert_same(runs[True], runs[False])


def test_a_change_after_the_checkpoint_is_undone_by_a_kill(tmp_path, whole):
    settings = LONG | {"save_steps": 2}
    acts = {
        ("step", 3): lambda controls: controls.reweight({"success": 2}),
        ("reward_changed", 3): lambda controls: at_turn(2, die),
    }
    live = steered(tmp_path, acts, **settings)
    with pytest.raises(KeyboardInterrupt):
        live.result()
    Gates.on_turn = None
    assert last_checkpoint(tmp_path).name == "checkpoint-2"
    assert_same(run_small(tmp_path, resume=True, **settings), whole)


# ---- stopping ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "when",
    [("rollout", 0), ("samples", 0), ("samples", 3)],
    ids=["first-batch", "first-update", "later-update"],
)
def test_a_batch_that_is_given_up_is_played_again(tmp_path, in_parts, when):
    live = steered(tmp_path, {when: Controls.stop}, **SMALL_PARTS)
    stopped = live.result()
    assert (stopped.step, stopped.stopped) == (when[1], "interrupted")
    assert last_checkpoint(tmp_path).name == f"checkpoint-{when[1]}"
    assert_same(run_small(tmp_path, resume=True, **SMALL_PARTS), in_parts)


def test_a_stop_before_the_first_turn(tmp_path, whole):
    live = begin(tmp_path, **LONG)
    live.controls.stop()
    assert live.result().step == 0
    assert not found(live.result(), "rollout")
    assert_same(run_small(tmp_path, resume=True, **LONG), whole)


def test_a_stop_in_the_middle_of_an_exam(tmp_path, whole):
    def ask(controls):
        controls.evaluate()
        at_turn(6, controls.stop)

    live = steered(tmp_path, {("step", 3): ask}, **LONG)
    run = live.result()
    assert (run.step, run.stopped) == (3, "interrupted")
    assert not found(run, "evaluated")
    Gates.on_turn = None
    assert_same(run_small(tmp_path, resume=True, **LONG), whole)


def test_a_stop_acts_within_two_seconds(tmp_path):
    live = begin(tmp_path, background=True, max_steps=10_000)
    path = tmp_path / "events.jsonl"
    until(lambda: any(e["event"] == "step" for e in read_events(path)))
    began = time.process_time()  # other processes do not count
    live.controls.stop()
    assert live.controls.state == "stopping"
    run = live.result()
    assert time.process_time() - began < 2
    assert live.state == run.stopped == "interrupted"


# ---- pausing and saving --------------------------------------------------------------


def test_a_pause_stands_still_and_does_what_is_asked(tmp_path):
    live = begin(tmp_path, background=True, max_steps=10_000, reward=REWARD)
    controls, path = live.controls, tmp_path / "events.jsonl"
    until(lambda: any(e["event"] == "step" for e in read_events(path)))
    controls.pause()
    until(lambda: live.state == "paused")
    step = read_events(path)[-1]["step"]
    assert read_events(path)[-1]["event"] == "paused"
    controls.reweight({"success": 3})
    controls.evaluate()
    controls.save()
    until(lambda: read_events(path)[-1]["event"] == "checkpoint")
    kinds = [e["event"] for e in read_events(path)]
    assert kinds[-4:] == ["paused", "reward_changed", "evaluated", "checkpoint"]
    saved = load_policy(tmp_path / f"checkpoint-{step}", device="cpu")
    assert (weights_of(saved) == weights_of(live._job.policy)).all()
    time.sleep(0.3)
    assert [e["event"] for e in read_events(path)] == kinds
    controls.resume()
    until(lambda: read_events(path)[-1]["step"] > step)
    (went_on,) = (e for e in read_events(path) if e["event"] == "continued")
    assert went_on["seconds"] > 0.3
    controls.pause()
    until(lambda: live.state == "paused")
    controls.stop()  # wakes it
    assert live.result(timeout_s=60).stopped == "interrupted"


def test_a_pause_changes_no_number(tmp_path, whole):
    acts = {
        ("step", 2): Controls.pause,
        ("paused", 2): lambda controls: threading.Timer(0.3, controls.resume).start(),
    }
    live = steered(tmp_path, acts, **LONG)
    run = live.result()
    assert found(run, "continued")[0]["seconds"] > 0.2
    assert_same(run, whole)


def test_a_checkpoint_on_request_resumes_exactly(tmp_path, whole):
    settings = LONG | {"save_steps": 6}
    acts = {
        ("samples", 2): Controls.save,
        ("checkpoint", 3): lambda controls: at_turn(5, die),
    }
    live = steered(tmp_path, acts, **settings)
    with pytest.raises(KeyboardInterrupt):
        live.result()
    Gates.on_turn = None
    assert last_checkpoint(tmp_path).name == "checkpoint-3"
    assert_same(run_small(tmp_path, resume=True, **settings), whole)


def test_a_checkpoint_on_request_where_none_are_saved(tmp_path):
    live = begin(tmp_path, save_strategy="no", max_steps=3)
    at_turn(3, live.controls.save)
    run = live.result()
    assert last_checkpoint(tmp_path).name == "checkpoint-1"
    assert numbers_of(run)[1][-1][0] == 3
