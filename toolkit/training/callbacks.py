"""What happens around a training step: reporting and stopping."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from accelerate.utils import gather_object
from transformers import TrainerCallback

from toolkit.device import gpu_memory
from toolkit.training.clock import Clock
from toolkit.training.events import EventLog


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


class StopButton(TrainerCallback):
    """Ends training between two batches of episodes: on Ctrl-C, on request, by clock.

    A batch that serves several updates is used up first: it is not part of a
    checkpoint, so a run that stopped inside it could not resume exactly.
    """

    def __init__(self, minutes: float | None = None) -> None:
        self.reason = ""
        self._deadline = None if minutes is None else time.monotonic() + 60 * minutes

    def stop(self, reason: str = "interrupted") -> None:
        """Ask training to end after this batch; may be called from any thread."""
        self.reason = self.reason or reason

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Tell the trainer to stop, and to save first if it saves at all."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.stop("time")
        if state.global_step % args.steps_per_rollout == 0:
            # all processes must stop after the same step, or they wait for ever
            self.reason = next((r for r in gather_object([self.reason]) if r), "")
            if self.reason:
                control.should_training_stop = True
                control.should_save = args.save_strategy != "no"
        return control

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Turn the first Ctrl-C into a stop; the second one interrupts as usual."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may handle signals
            return
        before = signal.getsignal(signal.SIGINT) or signal.default_int_handler

        def on_interrupt(number: int, frame: Any) -> None:
            signal.signal(signal.SIGINT, before)
            self.stop()
            with contextlib.suppress(RuntimeError):  # it may interrupt another print
                print("Finishing the step. Press again to stop at once.", flush=True)

        signal.signal(signal.SIGINT, on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back what the user cannot act upon.

    TRL 1.16 reads an attribute that transformers has renamed; transformers shows a
    progress bar for each file of weights that it writes, and says so when checkpoints
    follow so fast that it sorts them by number.
    """
    from transformers.utils import logging

    def matters(record: Any) -> bool:
        return "mtime may not be reliable" not in record.getMessage()

    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    sorts_checkpoints = logging.get_logger("transformers.trainer_utils")
    sorts_checkpoints.addFilter(matters)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", ".*is_gradient_checkpointing.*", category=FutureWarning
            )
            yield
    finally:
        sorts_checkpoints.removeFilter(matters)
        if bars:
            logging.enable_progress_bar()
