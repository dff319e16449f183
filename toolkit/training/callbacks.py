"""What happens around a training step: reporting, and doing what is asked."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from accelerate.utils import gather_object
from transformers import TrainerCallback

from toolkit.device import gpu_memory
from toolkit.errors import ToolkitError
from toolkit.training.clock import Clock
from toolkit.training.controls import BatchAbandoned, Controls, Orders
from toolkit.training.events import EventLog
from toolkit.training.exam import take_exam
from toolkit.training.randomness import (
    random_state,
    same_random_numbers,
    set_random_state,
)

if TYPE_CHECKING:
    from toolkit.training.trainer import EpisodeTrainer

HARMLESS = (
    "mtime may not be reliable",
    "missing keys in the checkpoint model loaded: ['lm_head.weight']",
)
"""Parts of messages of transformers that nothing follows from."""
LOOK_AGAIN_S = 0.2
"""A paused process asks the others this often whether they were told to go on."""


class Reporter(TrainerCallback):
    """Writes `step` and `checkpoint` events, and one line per step to the terminal."""

    def __init__(self, events: EventLog, clock: Clock) -> None:
        self.events, self.clock = events, clock
        self._seconds = 0.0  # since the last report
        self._spent: dict[str, float] = {}  # at the last report
        self._began = self._train_began = time.perf_counter()
        self._first_step = 0

    def on_train_begin(
        self, args: Any, state: Any, control: Any, **kwargs: Any
    ) -> None:
        """Remember where a resumed run begins."""
        self._first_step = state.global_step
        self._train_began = time.perf_counter()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_substep_end(
        self, args: Any, state: Any, control: Any, **kwargs: Any
    ) -> None:
        """Count the backward pass of a micro-batch."""
        self.clock.lap("update")

    def on_optimizer_step(
        self, args: Any, state: Any, control: Any, **kwargs: Any
    ) -> None:
        """Count the backward pass and the optimiser."""
        self.clock.lap("update")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the clock."""
        self._seconds += time.perf_counter() - self._began

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any
    ) -> None:
        """Write TRL's metrics and where the time went; print the line of the step."""
        if not logs or "loss" not in logs:
            return
        spent = self.clock.since(self._spent)
        work = {
            f"{k}_s": spent.get(k, 0.0) for k in ("policy", "env", "loss", "update")
        }
        self.events.write(
            "step",
            step=state.global_step,
            seconds=self._seconds,
            **work,
            other_s=self._seconds - sum(work.values()),
            gpu_memory=gpu_memory(),
            log=logs,
        )
        if args.progress and state.is_world_process_zero:
            print(self._line(args, state, logs), flush=True)
        self._seconds, self._spent = 0.0, dict(self.clock.spent)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say that there is a checkpoint to resume from."""
        path = f"checkpoint-{state.global_step}"
        self.events.write("checkpoint", step=state.global_step, path=path)

    def _line(self, args: Any, state: Any, logs: Any) -> str:
        """Return one line that says how training goes."""
        facts = self.events.latest["rollout"]
        groups = len(facts["groups"])
        elapsed = (time.perf_counter() - self._train_began) / 60
        per_step = elapsed / (state.global_step - self._first_step)
        left = per_step * (state.max_steps - state.global_step)
        if args.stop_after_minutes is not None:
            left = min(left, max(0.0, args.stop_after_minutes - elapsed))
        failed = facts["reward_failed"]
        return (
            f"step {state.global_step:>3}/{state.max_steps}"
            f"  success {facts['success']:.2f}  turns {facts['mean_turns']:4.1f}"
            f"  silent groups {round(groups * facts['silent_groups'])}/{groups}"
            + _of_critic(logs)
            + f"  {self._seconds:.1f} s  {left:.1f} min left"
            + (f"  reward failed for {failed} episodes" if failed else "")
        )


def _of_critic(logs: Any) -> str:
    """Say how the critic does, if there is one."""
    if "explained_variance" not in logs:
        return ""
    return (
        f"  critic: explains {logs['explained_variance']:.2f}"
        f" mean {logs['mean_value']:.2f} loss {logs['value_loss']:.3f}"
    )


class ControlCallback(TrainerCallback):
    """Does what `Controls` ask for, in the thread that trains, between two batches.

    A batch that serves several updates is used up first: it is not part of a
    checkpoint, so a run that stopped inside it could not resume exactly. One that has
    served none can be given up, if no other process waits for its result.

    Args:
        controls: What is asked.
        trainer: Who is asked.
    """

    def __init__(self, controls: Controls, trainer: EpisodeTrainer) -> None:
        self.controls, self.trainer = controls, trainer
        self._deadline = math.inf
        if (minutes := trainer.args.stop_after_minutes) is not None:
            self._deadline = time.monotonic() + 60 * minutes
        self._random = random_state()  # from here on, a resumed run draws
        trainer.pool.before_turn = self._give_up_if_stopped

    def on_train_begin(
        self, args: Any, state: Any, control: Any, **kwargs: Any
    ) -> None:
        """Remember what a run that is resumed at its beginning will draw."""
        self._random = random_state()

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Before a batch is played, do what is asked, and wait while paused."""
        if state.global_step % args.steps_per_rollout:
            return
        if state.global_step:  # or it begins anew, before its data are laid out
            self._random = random_state()
        orders = self._agreed()
        self._obey(orders)
        if orders.pause and not orders.stop:
            orders = self._stand_still()
        if orders.stop:
            self._give_up()

    def on_substep_end(
        self, args: Any, state: Any, control: Any, **kwargs: Any
    ) -> None:
        """Between two micro-batches, give the batch up if training is to end."""
        if state.global_step % args.steps_per_rollout == 0:
            self._give_up_if_stopped()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Tell the trainer to stop, and to save first if it saves at all."""
        if time.monotonic() > self._deadline:
            self.controls.stop("time")
        if state.global_step % args.steps_per_rollout == 0:
            # all processes must stop after the same step, or they wait for ever
            for reason in filter(None, gather_object([self.controls.reason])):
                self.controls.stop(reason)
                control.should_training_stop = True
                control.should_save = args.save_strategy != "no"
        return control

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Do what was asked during the last batch."""
        if not self.controls.reason:
            self._obey(self._agreed())

    def _agreed(self) -> Orders:
        """Take what any process was asked."""
        orders = Orders.merged(gather_object([self.controls.take()]))
        if orders.stop:
            self.controls.stop(orders.stop)
        return orders

    def _obey(self, orders: Orders) -> None:
        """Do what is done once."""
        if orders.stop:
            return
        if orders.weights:
            self._reweight(orders.weights)
        if orders.evaluate:
            self._evaluate()
        if orders.save:
            with self.controls.doing("saving"), same_random_numbers():
                set_random_state(self._random)
                self.trainer.checkpoint()

    def _stand_still(self) -> Orders:
        """Wait until the pause is over; return what ended it."""
        began, orders = time.monotonic(), Orders(pause=True)
        self._write("paused")
        with self.controls.doing("paused"):
            while orders.pause and not orders.stop:
                self.controls.wait(LOOK_AGAIN_S)
                orders = self._agreed()
                self._obey(orders)
        self._write("continued", seconds=time.monotonic() - began)
        return orders

    def _reweight(self, weights: dict[str, float]) -> None:
        """Pay by other weights from here on."""
        before = self.trainer.reward
        self.trainer.reward = self.controls.reward = before.reweighted(weights)
        now = self.trainer.reward.weights
        self._write("reward_changed", weights=now, before=before.weights)

    def _evaluate(self) -> None:
        """Play held-out games."""
        with self.controls.doing("evaluating"):
            try:
                facts = take_exam(self.trainer)
            except ToolkitError as error:  # no reason to end the training
                self._write("evaluation_failed", reason=str(error))
            else:
                self._write("evaluated", **facts)

    def _give_up_if_stopped(self) -> None:
        """End a batch that has not changed the policy yet."""
        if self.controls.reason and self.trainer.accelerator.num_processes == 1:
            self._give_up()

    def _give_up(self) -> NoReturn:
        """End the batch as if it had not begun."""
        set_random_state(self._random)
        raise BatchAbandoned

    def _write(self, event: str, **facts: Any) -> None:
        self.trainer.events.write(event, step=self.trainer.state.global_step, **facts)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what the user cannot act upon.

    TRL 1.16 reads an attribute that transformers has renamed; transformers shows a
    progress bar for each file of weights that it writes, and says so when checkpoints
    follow so fast that it sorts them by number, or when a checkpoint is read that does
    not hold a last layer which is the first one, turned round.

    The filter of warnings stays: filters belong to the whole process, and a thread
    that put back the old ones would undo what another one has set meanwhile.
    """
    from transformers.utils import logging

    def matters(record: Any) -> bool:
        text = record.getMessage()
        return not any(harmless in text for harmless in HARMLESS)

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    names = ("transformers.trainer_utils", "transformers.trainer")
    speakers = [logging.get_logger(name) for name in names]
    for speaker in speakers:
        speaker.addFilter(matters)
    warnings.filterwarnings(
        "ignore", ".*is_gradient_checkpointing.*", category=FutureWarning
    )
    try:
        yield
    finally:
        for speaker in speakers:
            speaker.removeFilter(matters)
        if bars:
            logging.enable_progress_bar()
