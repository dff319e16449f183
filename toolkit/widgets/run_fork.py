"""The code that goes on from a checkpoint of a run, another way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.diagnosis.history import mapping, number
from toolkit.widgets.run_facts import MAX_STEPS, STARTS, Event

GIVEN = ("env", "env_params", "output_dir", "policy", "progress")
"""Settings that the code gives in another way."""
RATE = 3e-4
"""Learning rate of `TrainConfig`, which events leave out."""
CODE = """\
from toolkit.training.forking import fork
from toolkit.widgets import TrainingMonitor

settings = {settings}
changes = {changes}  # whatever is to be different
folder = fork({source!r}, {target!r}, step={step}, **changes)
monitor = TrainingMonitor.start(  # with tasks=…, if the run was given some
    policy, env, output_dir=str(folder), resume=True, **settings | changes
)"""


def checkpoint_of(events: Sequence[Event]) -> int | None:
    """Return the step of the last checkpoint that was written."""
    steps = (e["step"] for e in reversed(events) if e["event"] == "checkpoint")
    return next(steps, None)


def fork_code(events: Sequence[Event], folder: Path) -> str:
    """Return code for a notebook that has the `policy` and the `env` of the run.

    Args:
        events: Of the run.
        folder: Of the run.
    """
    step = checkpoint_of(events)
    if step is None:
        return "# There is no checkpoint yet: press Save, and wait until it is written."
    start = next((e for e in reversed(events) if e["event"] in STARTS), {})
    settings = {k: v for k, v in mapping(start.get("config")).items() if k not in GIVEN}
    if "steps_per_generation" in settings:  # TRL takes only one of these
        settings.pop("generation_batch_size", None)
    return CODE.format(
        settings=settings,
        changes=_changes(settings, step),
        source=str(folder),
        target=f"{folder}-fork",
        step=step,
    )


def _changes(settings: Mapping[str, Any], step: int) -> dict[str, Any]:
    """Suggest a change: more steps after the last one, else a smaller learning rate."""
    planned = number(settings.get("max_steps")) or MAX_STEPS
    if step >= planned:
        return {"max_steps": int(2 * planned)}
    return {"learning_rate": (number(settings.get("learning_rate")) or RATE) / 2}
