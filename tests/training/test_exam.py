import pytest
import torch

from tests.training.runs import Gates, assert_same, at_turn, run_small
from tests.training.steering import LONG, begin, found, steered
from tests.training.test_events import documented
from toolkit.training.controls import Controls
from toolkit.training.events import steps_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)


@pytest.fixture(autouse=True)
def calm():
    yield
    Gates.on_turn = None


@pytest.mark.parametrize(
    "settings",
    [{}, {"credit": "gae_token", "num_iterations": 2, "value_warmup_steps": 1}],
    ids=["grpo", "ppo"],
)
def test_an_exam_changes_no_number(tmp_path, settings):
    Gates.on_turn = lambda: torch.rand(1)  # worlds may draw from what all share
    other = run_small(tmp_path / "b", **LONG | settings)
    live = steered(
        tmp_path / "a", {("samples", 2): Controls.evaluate}, **LONG | settings
    )
    run = live.result()
    (event,) = found(run, "evaluated")
    assert documented()["evaluated"] <= set(event)
    assert 0 <= event["low"] <= event["success"] <= event["high"] <= 1
    assert event["n"] == 17  # of 20 gates, 3 are trained on
    assert_same(run, other)
    for step in steps_of(run.events, "step"):  # nor is it on the clock
        parts = [step[f"{k}_s"] for k in ("policy", "env", "loss", "update", "other")]
        assert min(parts) >= 0


def test_an_exam_is_taken_after_the_last_batch(tmp_path):
    live = begin(tmp_path, max_steps=1)
    at_turn(3, live.controls.evaluate)
    run = live.result()
    assert [e["step"] for e in found(run, "evaluated")] == [1]
    assert run.stopped == "finished"


def test_training_goes_on_without_held_out_games(tmp_path):
    live = begin(tmp_path, n=20, max_steps=5, num_generations=2)  # 20 groups
    live.controls.evaluate()
    run = live.result()
    assert run.stopped == "finished"
    (event,) = found(run, "evaluation_failed")
    assert "no held-out game of 'gates'" in event["reason"]
