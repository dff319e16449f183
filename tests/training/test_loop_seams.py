"""Each assumption about the loop of transformers that `ControlCallback` rests on.

A failure says DRIFT, as in `test_trl_seams.py`.
"""

import json

import pytest
from transformers import TrainerCallback

from tests.training.runs import opened
from toolkit.training.config import TrainConfig
from toolkit.training.folder import is_complete

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)


class Notes(TrainerCallback):
    """Writes down what comes after what."""

    def __init__(self, notes):
        for name in ("train_begin", "step_begin", "substep_end", "step_end", "save"):
            setattr(self, f"on_{name}", self.noting(notes, name))

    @staticmethod
    def noting(notes, name):
        return lambda args, state, control, **_: notes.append((name, state.global_step))


def test_a_batch_is_played_after_its_step_begins(tmp_path):
    notes = []
    parts = {"per_device_train_batch_size": 2, "num_generations": 2}
    settings = {"max_steps": 2, "gradient_accumulation_steps": 2, "save_steps": 1}
    with opened(tmp_path, **parts, **settings) as trainer:
        trainer.add_callback(Notes(notes))
        play = trainer.play
        trainer.play = lambda: (
            notes.append(("play", trainer.state.global_step)),
            play(),
        )[1]
        trainer.train()
    wanted = [("train_begin", 0)]
    for n in (0, 1):
        wanted += [("step_begin", n), ("play", n), ("substep_end", n)]
        wanted += [("step_end", n + 1), ("save", n + 1)]
    assert notes == wanted, "DRIFT: callbacks come in another order"


def test_a_checkpoint_can_be_written_at_any_time(tmp_path):
    with opened(tmp_path, max_steps=2, save_strategy="no") as trainer:
        trainer.train()
        trainer.checkpoint()
        files = {path.name for path in (tmp_path / "checkpoint-2").iterdir()}
    missing = {"optimizer.pt", "scheduler.pt", "rng_state.pth"} - files
    assert not missing, "DRIFT: _save_checkpoint writes other files"
    assert is_complete(tmp_path / "checkpoint-2"), "DRIFT: and no state"
    state = json.loads((tmp_path / "checkpoint-2" / "trainer_state.json").read_text())
    assert state["global_step"] == 2


def test_settings_clear_what_a_live_run_needs(tmp_path):
    from accelerate.state import PartialState

    with opened(tmp_path) as trainer:
        before = trainer.accelerator.state
        assert PartialState._shared_state
        TrainConfig(use_cpu=True)
        with pytest.raises(AttributeError):
            before.distributed_type  # noqa: B018  (the access is the test)
