"""Plays the events of a recorded run at any speed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.diagnosis.history import number
from toolkit.widgets.run_facts import Event, working_s

SPEEDS = (1, 10, 60)
"""How many times as fast as it was; others can be given to `replay`."""
LEAST_MS = 250
"""Between two pictures; faster ones leave steps out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Player:
    """Where a replay is."""

    stops: tuple[int, ...]
    """How many events have happened, before the first step and after each."""
    clock: tuple[float, ...]
    """The seconds of work that took."""
    at: int
    """Which of the stops is shown."""
    speed: float = 10.0
    """How many times as fast as it was."""
    plays: bool = False
    """Whether it goes on by itself."""

    @classmethod
    def of(cls, events: Sequence[Event], speed: float) -> Player:
        """Return a player that stands at the end."""
        stops = [i for i, e in enumerate(events) if e["event"] == "rollout"][:1] or [0]
        steps = [i + 1 for i, e in enumerate(events) if e["event"] == "step"]
        stops = [*stops, *steps[:-1], len(events)] if steps else [len(events)]
        spent, clock = 0.0, []
        for before, stop in zip([0, *stops], stops, strict=False):
            spent += working_s(events[max(0, before - 1) : stop])
            clock.append(spent)
        last = len(stops) - 1
        return cls(stops=tuple(stops), clock=tuple(clock), at=last, speed=speed)

    @property
    def last(self) -> int:
        """The number of the last stop."""
        return len(self.stops) - 1

    def handle(self, request: Mapping[str, Any]) -> Player:
        """Return the player after a request of the page; wrong ones change nothing."""
        do, value = request.get("do"), number(request.get("value"))
        if do == "play":
            at = 0 if self.at == self.last and not self.plays else self.at
            return replace(self, plays=not self.plays, at=at)
        if do == "tick" and self.plays and value == self.at:
            at, _ = self.next()
            return replace(self, at=at, plays=at < self.last)
        if do == "seek" and value is not None:
            at = int(min(max(value, 0), self.last))
            return replace(self, at=at, plays=self.plays and at < self.last)
        if do == "speed" and value is not None and value > 0:
            return replace(self, speed=value)
        return self

    def next(self) -> tuple[int, int]:
        """Return the next stop to show, and in how many milliseconds."""
        at, wait = self.at, 0.0
        while at < self.last and wait < LEAST_MS:
            at += 1
            wait = 1000 * (self.clock[at] - self.clock[self.at]) / self.speed
        return at, max(LEAST_MS, round(wait))

    def shown(self) -> dict[str, Any]:
        """Return what the page has to know."""
        speeds = sorted({*SPEEDS, self.speed})
        return {
            "at": self.at,
            "of": self.last,
            "plays": self.plays,
            "wait_ms": self.next()[1],
            "speed": self.speed,
            "speeds": speeds,
        }
