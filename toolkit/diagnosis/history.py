"""A run as its events tell it: series of numbers, with what is unusable left out.

Nothing here raises, whatever the events hold: a run may have been killed in the middle
of a line, and one that began a second ago has no numbers yet.

A series is a list of `(step, value)`, oldest first. Steps count from 1, as the lines
that training prints: the episodes of a `rollout` event with `step` 0 belong to step 1.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from toolkit.training.events import steps_of

Event: TypeAlias = Mapping[str, Any]
Series: TypeAlias = list[tuple[int, float]]

LARGEST = 1e15
"""No number of a run is larger; sums and squares of smaller ones cannot overflow."""
RECENT = 5
"""So many of the last rollouts or updates count as the present state of a run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What a run has reported."""

    rollouts: Sequence[Event]
    """The `rollout` events, one per step."""
    updates: Sequence[Event]
    """The `step` events, one per step."""
    config: Event
    """Settings that are not the default, of the last start."""
    seconds: float
    """Time between the last start and the last event."""
    end: Event
    """The `finished`, `interrupted` or `failed` event; empty while the run goes on."""

    @classmethod
    def of(cls, events: Iterable[Any]) -> History:
        """Sort events; those that are none are left out."""
        usable = [e for e in events if _is_event(e)]
        starts = [e for e in usable if e["event"] in ("run_started", "resumed")]
        start = starts[-1] if starts else {}
        last = usable[-1] if usable else {}
        ended = last.get("event") in ("finished", "interrupted", "failed")
        times = [number(e.get("time")) for e in (start, last)]
        known = [t for t in times if t is not None]
        return cls(
            rollouts=steps_of(usable, "rollout"),
            updates=steps_of(usable, "step"),
            config=mapping(start.get("config")),
            seconds=max(0.0, known[-1] - known[0]) if known else 0.0,
            end=last if ended else {},
        )

    @property
    def failure(self) -> str:
        """What made the run fail; `""` if it did not, or was stopped by hand."""
        reason = str(self.end.get("reason", ""))
        by_hand = reason.startswith("KeyboardInterrupt")
        return "" if by_hand or self.end.get("event") != "failed" else reason

    @property
    def step(self) -> int:
        """Updates done."""
        return int(self.updates[-1]["step"]) if self.updates else 0

    def of_rollouts(self, name: str) -> Series:
        """Return a number of the rollouts, where it is known."""
        found = [(e["step"] + 1, number(e.get(name))) for e in self.rollouts]
        return [(step, value) for step, value in found if value is not None]

    def of_updates(self, name: str) -> Series:
        """Return one of TRL's metrics, where it is known."""
        found = [(e["step"], number(log_of(e).get(name))) for e in self.updates]
        return [(step, value) for step, value in found if value is not None]

    def share_of_ends(self, *reasons: str) -> Series:
        """Return the share of each rollout's episodes that ended for these reasons."""
        shares = []
        for rollout in self.rollouts:
            ends = ends_of(rollout)
            if total := sum(ends.values()):
                found = sum(ends[r] for r in reasons)
                shares.append((rollout["step"] + 1, found / total))
        return shares

    def tokens_per_turn(self) -> Series:
        """Return how many tokens a command has, on average over each rollout."""
        lengths = []
        for rollout in self.rollouts:
            tokens = number(rollout.get("action_tokens"))
            turns = (number(rollout.get("mean_turns")) or 0.0) * sum(
                ends_of(rollout).values()
            )
            if tokens is not None and turns > 0:
                lengths.append((rollout["step"] + 1, tokens / turns))
        return lengths


# ---- reading what may be damaged -----------------------------------------------------


def number(value: Any) -> float | None:
    """Return a number, or `None` for anything else, NaN and infinity included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if abs(found) < LARGEST else None


def mapping(value: Any) -> Event:
    """Return a mapping, empty for anything else."""
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> list[str]:
    """Return the texts of a list, none for anything else."""
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]


def log_of(update: Event) -> Event:
    """Return TRL's metrics of a `step` event."""
    return mapping(update.get("log"))


def ends_of(rollout: Event) -> Counter[str]:
    """Return how many episodes of a rollout ended for which reason."""
    counts = mapping(rollout.get("stop_reasons")).items()
    return Counter({k: int(n) for k, v in counts if (n := number(v)) and n > 0})


def _is_event(event: Any) -> bool:
    """Whether something has what every event has."""
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return False
    step = event.get("step")
    return type(step) is int and 0 <= step < LARGEST


# ---- small statistics ----------------------------------------------------------------


def recent(series: Series, n: int = RECENT) -> list[float]:
    """Return the last values.

    >>> recent([(1, 0.5), (2, 0.25)], 1)
    [0.25]
    """
    return [value for _, value in series[-n:]]


def mean(values: Sequence[float]) -> float:
    """Return the mean, 0 of nothing."""
    return math.fsum(values) / len(values) if values else 0.0


def tail(series: Series, holds: Callable[[float], bool]) -> Series:
    """Return the unbroken end of a series of which something holds.

    >>> tail([(1, 0.9), (2, 0.1), (3, 0.8), (4, 0.9)], lambda value: value > 0.5)
    [(3, 0.8), (4, 0.9)]
    """
    first = len(series)
    while first and holds(series[first - 1][1]):
        first -= 1
    return series[first:]


def start_and_now(series: Series, least: int = 6) -> tuple[float, float] | None:
    """Return medians of the beginning (up to 10 values) and of the recent values.

    Medians, because one odd batch is no change. `None` for fewer than `least` values.
    """
    if len(series) < least:
        return None
    values = [value for _, value in series]
    half = len(values) // 2
    first, last = values[: min(10, half)], values[-min(RECENT, half) :]
    return statistics.median(first), statistics.median(last)


def change(values: Sequence[float]) -> tuple[float, float]:
    """Return by how much the second half exceeds the first, and by how many errors.

    The second number is Welch's t: the difference of the means over its standard
    error. Halves without spread that differ are infinitely many errors apart. At least
    four values.

    By hand for 0, 2, 4, 6: means 1 and 5, variances 2 and 2, so 4 / √(2/2 + 2/2).

    >>> difference, errors = change([0, 2, 4, 6])
    >>> difference, round(errors, 3)
    (4.0, 2.828)
    """
    half = len(values) // 2
    sides = values[:half], values[-half:]
    difference = mean(sides[1]) - mean(sides[0])
    error = math.sqrt(sum(statistics.variance(side) / half for side in sides))
    if error > 0:
        return difference, difference / error
    return difference, math.copysign(math.inf, difference) if difference else 0.0
