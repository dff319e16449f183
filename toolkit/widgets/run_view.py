"""From what a run has written to all that the monitor shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from toolkit.diagnosis import Alert, diagnose
from toolkit.diagnosis.history import History
from toolkit.widgets.run_curves import (
    charts,
    columns,
    key,
    marks_of,
    table,
    table_caption,
)
from toolkit.widgets.run_facts import Event, RunFacts, duration, facts
from toolkit.widgets.run_samples import sample_view

SHOWN_ALERTS = 4
"""Alerts that are sent, the worst."""
DIAGNOSED_STEPS = 1000
"""Of a longer run, the diagnosis looks at every so many steps, and at all the last."""
LAST_STEPS = 60
KINDS = ("rollout", "step")


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """What the person looks at, and where the run is."""

    step: int | None = None
    """Whose samples are shown; `None` for the latest."""
    pick: str = "best"
    """Which of the samples."""
    note: str = ""
    """What there is to tell about the last request."""
    problem: bool = False
    """Whether the note tells of something that went wrong."""
    live: str = ""
    """State of the run by its controls; empty if it is another process's, or over."""
    error: str = ""
    """What made the run fail, as it is known here."""
    terms: dict[str, float] = field(default_factory=dict, hash=False)
    """Terms of the reward with their weights, if these can be changed."""
    buttons: bool = False
    """Whether it can be told what to do by buttons."""
    now: float | None = None
    """Seconds since the epoch; `None` if time has stopped, as in a replay."""
    can_fork: bool = False
    """Whether another run can begin at one of its checkpoints."""
    fork: str = ""
    """The code that goes on from the last checkpoint, if it was asked for."""
    player: dict[str, Any] | None = field(default=None, hash=False)
    """Where a replay is."""


def run_view(
    events: Sequence[Event],
    sample_steps: Sequence[int],
    sample: dict[str, Any],
    look: Look,
) -> dict[str, Any]:
    """Return all that the page shows, JSON-ready.

    Args:
        events: Of the run, oldest first.
        sample_steps: Steps of which there are samples, rising.
        sample: Those of the step that is looked at.
        look: What the person looks at.
    """
    known = facts(events, look.now, look.live, look.error)
    history, marks = History.of(events), marks_of(events)
    found = columns(history)
    drawn = charts(found, history, known.steps, marks)
    numbers = table(found)
    alerts = [_alert(alert) for alert in diagnose(spread(events))[:SHOWN_ALERTS]]
    return {
        **_head(known, look),
        "alerts": alerts if known.step or history.rollouts or known.is_over else [],
        "charts": drawn,
        "key": key(found, history, marks),
        "marks": [mark.words for mark in marks],
        "table": numbers,
        "caption": table_caption(numbers["every"]),
        "sample": {**sample_view(sample, look.pick), **_place(sample_steps, look)},
        "player": look.player,
        "announce": f"{known.status}. {look.note}".strip(),
    }


def sample_step(sample_steps: Sequence[int], look: Look) -> int | None:
    """Return the step whose samples are to be shown: the nearest there is."""
    if not sample_steps:
        return None
    if look.step is None:
        return sample_steps[-1]
    wanted = look.step
    return min(sample_steps, key=lambda step: abs(step - wanted))


def spread(events: Sequence[Event]) -> list[Event]:
    """Leave steps out of a long run, evenly, but none of the last ones."""
    steps = sorted({e["step"] for e in events if e["event"] in KINDS})
    every = -(-len(steps) // DIAGNOSED_STEPS)
    if every <= 1:
        return list(events)
    kept = {*steps[:LAST_STEPS], *steps[::every], *steps[-LAST_STEPS:]}
    return [e for e in events if e["event"] not in KINDS or e["step"] in kept]


def look_at(look: Look, **changes: Any) -> Look:
    """Return a look with changes; what was told before is told no longer."""
    return replace(look, **{"note": "", "problem": False, **changes})


def _head(known: RunFacts, look: Look) -> dict[str, Any]:
    return {
        "state": known.state,
        "status": known.status,
        "title": known.world or "A run",
        "setting": f"{known.credit} · reward {known.reward}" if known.world else "",
        "step": known.step,
        "steps": known.steps,
        "elapsed_s": known.elapsed_s,
        "left_s": known.left_s,
        "times": times(known),
        "ticking": known.is_ticking and look.now is not None,
        "live": bool(look.live) and not known.is_over,
        "buttons": look.buttons and not known.is_over,
        "note": look.note,
        "problem": look.problem,
        "can_fork": look.can_fork,
        "code": look.fork,
        "terms": look.terms,
    }


def times(known: RunFacts) -> str:
    """Say how long it took and will take.

    The page counts on from these numbers by itself.
    """
    spent = duration(known.elapsed_s)
    return spent if known.left_s is None else f"{spent}, {duration(known.left_s)} left"


def _place(sample_steps: Sequence[int], look: Look) -> dict[str, Any]:
    """Say where the shown samples stand among all there are."""
    step = sample_step(sample_steps, look)
    return {
        "step": None if step is None else step + 1,
        "at": sample_steps.index(step) if step is not None else 0,
        "of": len(sample_steps),
        "latest": look.step is None,
    }


def _alert(alert: Alert) -> dict[str, Any]:
    told = alert.to_dict()
    told["remedies"] = list(alert.remedies)
    return told
