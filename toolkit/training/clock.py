"""Where the seconds of a training step go."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from toolkit.environments.base import Task
from toolkit.environments.pool import EnvPool, Outcome


class Clock:
    """Adds up seconds by kind of work."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._lap = time.perf_counter()

    @contextmanager
    def on(self, work: str) -> Iterator[None]:
        """Count the time inside the `with` block as `work`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._lap = time.perf_counter()
            self.spent[work] += self._lap - began

    def lap(self, work: str) -> None:
        """Count the time since the last `with` block or lap as `work`."""
        now = time.perf_counter()
        self.spent[work] += now - self._lap
        self._lap = now

    def since(self, before: Mapping[str, float]) -> dict[str, float]:
        """Return what was added to `before`, a copy of `spent`."""
        return {work: s - before.get(work, 0.0) for work, s in self.spent.items()}


class TimedPool(EnvPool):
    """An `EnvPool` that counts the seconds spent waiting for its worlds as `env`."""

    clock: Clock
    before_turn: Callable[[], None] | None = None
    """Called before commands are given; may raise to end the rollout."""

    def send(self, commands: Mapping[int, Task | str]) -> None:
        """Give commands, on the clock."""
        if self.before_turn:
            self.before_turn()
        with self.clock.on("env"):
            super().send(commands)

    def receive(self, slots: Iterable[int]) -> dict[int, Outcome]:
        """Wait for outcomes, on the clock."""
        with self.clock.on("env"):
            return super().receive(slots)
