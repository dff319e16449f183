"""How a run stands: which step, since when, how much longer, and in what state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.diagnosis.history import mapping, mean, number

Event = dict[str, Any]
STARTS = ("run_started", "resumed")
AT_WORK = ("running", "pausing", "evaluating", "saving", "stopping")
ENDS = ("finished", "interrupted", "failed")
COUNTING = ("step", "forked", *STARTS, *ENDS)
"""Events whose `step` is that of the run."""
AWAKE = ("continued", "step", *STARTS)
"""Events that show that a pause is over."""
RECENT_STEPS = 10
"""So many steps tell how long a step takes."""
MAX_STEPS, CREDIT, REWARD = 60, "grpo", "game"
"""Settings of `TrainConfig` that events leave out, because they are the default."""
PATIENCE_S = 90.0
"""Without news for so long, and for the time of 20 steps, a run is taken for dead."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """How a run stands."""

    state: str
    """`waiting`, `running`, `paused`, `stopping`, `finished`, `stopped`, `failed` or
    `silent`."""
    status: str
    """The same in words."""
    credit: str
    """Name of the estimator."""
    reward: str
    """Name of the reward, or its terms."""
    world: str
    """Registry id of the environment."""
    step: int
    """Updates done."""
    steps: int
    """Updates planned."""
    elapsed_s: float
    """Time spent so far, without pauses and without the time between a kill and
    the resume."""
    left_s: float | None
    """Time left, at the pace of the last steps; `None` if nothing tells."""

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be expected."""
        return self.state in ("finished", "stopped", "failed")

    @property
    def is_ticking(self) -> bool:
        """Whether time passes for it."""
        return self.state in AT_WORK


def facts(
    events: Sequence[Event], now: float | None, live: str = "", error: str = ""
) -> RunFacts:
    """Say how a run stands.

    Args:
        events: Of the run, oldest first.
        now: Seconds since the epoch; `None` to take the last event for the present.
        live: State that a run of this process has by its controls, `""` if it is
            another's.
        error: What made a run of this process fail.
    """
    start = next((e for e in reversed(events) if e["event"] in STARTS), {})
    config = mapping(start.get("config"))
    counts = (e["step"] for e in reversed(events) if e["event"] in COUNTING)
    planned = number(config.get("max_steps")) or MAX_STEPS
    last = time_of(events[-1]) if events else None
    present = last if now is None or last is None else max(now, last)
    state = "failed" if error else _state(events, present, live)
    active = state in AT_WORK
    since = (present or 0.0) - (last or 0.0) if active else 0.0
    spent = working_s(events) + since
    reason = str(events[-1].get("reason", "")) if events else ""
    left = left_s(events, int(planned), spent, since) if active or live else None
    return RunFacts(
        state=state,
        status=_words(state, error or reason, (now or 0.0) - (last or 0.0)),
        credit=str(config.get("credit", CREDIT)),
        reward=_reward(config.get("reward", REWARD)),
        world=str(config.get("env", "")),
        step=next(counts, 0),
        steps=int(planned),
        elapsed_s=round(spent, 1),
        left_s=None if left is None else round(left, 1),
    )


def working_s(events: Sequence[Event]) -> float:
    """Return the seconds between events in which the run was at work.

    >>> working_s(
    ...     [
    ...         {"event": "run_started", "time": 10.0},
    ...         {"event": "step", "time": 14.0},
    ...         {"event": "paused", "time": 15.0},
    ...         {"event": "continued", "time": 75.0},
    ...         {"event": "step", "time": 76.0},
    ...         {"event": "resumed", "time": 999.0},
    ...     ]
    ... )
    6.0
    """
    total, before, idle = 0.0, None, False
    for event in events:
        at, kind = time_of(event), event["event"]
        if at is None:
            continue
        if before is not None and not idle and kind not in STARTS:
            total += max(0.0, at - before)
        before, idle = at, kind == "paused" or (idle and kind not in AWAKE)
    return total


def is_paused(events: Sequence[Event]) -> bool:
    """Return whether the run stands still, by what it has written."""
    kinds = (e["event"] for e in reversed(events))
    return next((k for k in kinds if k == "paused" or k in AWAKE), "") == "paused"


def left_s(
    events: Sequence[Event], planned: int, spent: float, since: float
) -> float | None:
    """Return the seconds left, at the pace of the last steps.

    Args:
        events: Of the run.
        planned: Steps in all.
        spent: Seconds worked so far.
        since: Seconds since the last event, which count as part of the next step.
    """
    pace = seconds_per_step(events)
    if pace is None:
        return None
    done: int = next(e["step"] for e in reversed(events) if e["event"] == "step")
    left = max(0.0, pace * (planned - done) - since)
    start = next((e for e in reversed(events) if e["event"] in STARTS), {})
    minutes = number(mapping(start.get("config")).get("stop_after_minutes"))
    return left if minutes is None else min(left, max(0.0, 60 * minutes - spent))


def seconds_per_step(events: Sequence[Event]) -> float | None:
    """Return how long the last steps took; what lay between them does not count."""
    found: list[float] = []
    for event in reversed(events):
        if event["event"] in STARTS or len(found) == RECENT_STEPS:
            break
        seconds = number(event.get("seconds")) if event["event"] == "step" else None
        found += [] if seconds is None else [seconds]
    return mean(found) if found else None


def time_of(event: Event) -> float | None:
    """Return when something happened, in seconds since the epoch."""
    return number(event.get("time"))


# ---- words -----------------------------------------------------------------------


def _state(events: Sequence[Event], now: float | None, live: str) -> str:
    last = events[-1] if events else {}
    if last.get("event") == "failed":
        by_hand = str(last.get("reason", "")).startswith("KeyboardInterrupt")
        return "stopped" if by_hand else "failed"
    if last.get("event") in ENDS:
        return "finished" if last.get("reason") == "finished" else "stopped"
    if live or not events:
        return live or "waiting"
    if last["event"] == "forked":
        return "forked"
    if is_paused(events):
        return "paused"
    return "silent" if _is_silent(events, now) else "running"


def _is_silent(events: Sequence[Event], now: float | None) -> bool:
    last = time_of(events[-1])
    if now is None or last is None:
        return False
    return now - last > max(PATIENCE_S, 20 * (seconds_per_step(events) or 0.0))


def _words(state: str, reason: str, since: float) -> str:
    return {
        "starting": "Starting",
        "forked": "Forked, and not gone on with yet",
        "waiting": "Nothing was written yet",
        "running": "Training",
        "pausing": "Pausing after this batch",
        "paused": "Paused, memory stays in use",
        "evaluating": "Playing held-out games",
        "saving": "Writing a checkpoint",
        "stopping": "Stopping",
        "finished": "Finished",
        "stopped": "Stopped: its time was up"
        if reason == "time"
        else "Stopped by hand",
        "failed": f"Failed: {' '.join(reason.split())[:300]}",
        "silent": f"No news for {duration(since)}: it may have been killed",
    }.get(state, state)


def _reward(reward: Any) -> str:
    """Return the name of a reward, or its terms with their weights."""
    terms = mapping(mapping(reward).get("terms")) or mapping(reward)
    weights = [f"{name} {weight:g}" for name, weight in weights_of(terms).items()]
    return " + ".join(weights) if weights else str(reward)


def weights_of(terms: Any) -> dict[str, float]:
    """Return the weight of each term of a reward."""
    found = {}
    for name, term in mapping(terms).items():
        weight = number(mapping(term).get("weight") if mapping(term) else term)
        if weight is not None:
            found[str(name)] = weight
    return found


def duration(seconds: float) -> str:
    """Return a time in words.

    >>> duration(59.6), duration(150), duration(7300)
    ('1 min 0 s', '2 min 30 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
