"""What happens around a training step: reporting and stopping."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from transformers import TrainerCallback

from toolkit.training.events import EventLog


class Reporter(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Writes `step` and `checkpoint` events, and one line per step to the terminal."""

    def __init__(self, events: EventLog) -> None:
        self.events = events
        self._began = 0.0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop the clock."""
        self._seconds = time.perf_counter() - self._began

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any
    ) -> None:
        """Write TRL's metrics of the step."""
        if state.is_world_process_zero and logs and "loss" in logs:
            self.events.write("step", step=state.global_step, seconds=self._seconds, log=logs)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say that there is a checkpoint to resume from."""
        if state.is_world_process_zero:
            self.events.write("checkpoint", step=state.global_step)


class StopButton(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
    """Ends training after the current step: on Ctrl-C, on request, or by the clock."""

    def __init__(self, minutes: float | None = None) -> None:
        self.reason = ""
        self._deadline = None if minutes is None else time.monotonic() + 60 * minutes

    def stop(self, reason: str = "interrupted") -> None:
        """Ask training to end after this step; may be called from any thread."""
        self.reason = self.reason or reason

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        """Tell the trainer to stop and to save first."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            self.stop("time")
        if self.reason:
            control.should_training_stop = control.should_save = True
        return control

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Turn the first Ctrl-C into a stop; the second one interrupts as usual."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may handle signals
            return
        before = signal.getsignal(signal.SIGINT)

        def on_interrupt(number: int, frame: Any) -> None:
            signal.signal(signal.SIGINT, before)
            self.stop()
            print("Finishing the step, then saving. Press again to stop at once.")

        signal.signal(signal.SIGINT, on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
