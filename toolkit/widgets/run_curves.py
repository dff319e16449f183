"""The numbers of a run as curves, as a table and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.charts.metric import Mark, metric_chart, plain
from toolkit.charts.svg import Interval, percent
from toolkit.diagnosis.history import History, Series, ends_of, mean, number
from toolkit.widgets.run_facts import weights_of

WIDE, SMALL = 592, 288
"""Widths of the picture of success and of the others, in CSS pixels."""
TABLE_ROWS = 40
"""Rows of the table that are sent; of longer runs every so many steps, and the last."""
MOST_MARKS = 12
"""The latest marks are drawn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Quantity:
    """Something that is worth a curve."""

    name: str
    """Stands above it and in the table."""
    unit: str
    """Of its values; `%` for shares."""
    of: Callable[[History], Series]
    """Where its values come from."""
    can_be_nothing: bool = False
    """Whether it is left out where it is 0 throughout."""


def _rollout(name: str) -> Callable[[History], Series]:
    return lambda history: history.of_rollouts(name)


def _update(name: str) -> Callable[[History], Series]:
    return lambda history: history.of_updates(name)


def _foreseen(history: History) -> Series:
    """Return what the critic explains; far below 0 it only says that it is useless."""
    values = history.of_updates("explained_variance")
    return [(step, max(-1.0, value)) for step, value in values]


def _speed(history: History) -> Series:
    """Return sampled tokens per second of play."""
    tokens = dict(history.of_rollouts("action_tokens"))
    seconds = history.of_rollouts("total_s")
    return [(step, tokens[step] / s) for step, s in seconds if s > 0 and step in tokens]


def _of_event(name: str) -> Callable[[History], Series]:
    """Return a number that stands in the `step` events beside TRL's."""

    def found(history: History) -> Series:
        known = [(e["step"], number(e.get(name))) for e in history.updates]
        return [(step, value) for step, value in known if value is not None]

    return found


SUCCESS = Quantity(name="Success in training", unit="%", of=_rollout("success"))
QUANTITIES = (
    SUCCESS,
    Quantity(name="Reward of an episode", unit="", of=_rollout("mean_return")),
    Quantity(name="Turns of an episode", unit="", of=_rollout("mean_turns")),
    Quantity(
        name="Groups that teach nothing",
        unit="%",
        of=_rollout("silent_groups"),
        can_be_nothing=True,
    ),
    Quantity(name="Entropy", unit="nats a token", of=_rollout("entropy")),
    Quantity(
        name="KL to the start", unit="nats", of=_update("kl"), can_be_nothing=True
    ),
    Quantity(
        name="Share of clipped tokens",
        unit="%",
        of=_update("clip_ratio/region_mean"),
        can_be_nothing=True,
    ),
    Quantity(name="Gradient norm", unit="", of=_update("grad_norm")),
    Quantity(name="Explained by the critic", unit="", of=_foreseen),
    Quantity(name="Speed of play", unit="tokens/s", of=_speed),
    Quantity(name="Time of a step", unit="s", of=_of_event("seconds")),
    Quantity(
        name="GPU memory needed",
        unit="%",
        of=_of_event("gpu_memory"),
        can_be_nothing=True,
    ),
)
"""All curves, in the order they are shown."""

Columns = list[tuple[Quantity, Series]]


def columns(history: History) -> Columns:
    """Return what a run has numbers of."""
    found = [(quantity, quantity.of(history)) for quantity in QUANTITIES]
    return [
        (quantity, series)
        for quantity, series in found
        if series and not (quantity.can_be_nothing and not any(v for _, v in series))
    ]


def charts(
    columns: Columns, history: History, steps: int, marks: Sequence[Mark]
) -> list[str]:
    """Draw all curves, success first and larger.

    Args:
        columns: What there is to draw.
        history: The run.
        steps: Where the axes end, unless the run went further.
        marks: What happened meanwhile.
    """
    batch = mean([float(sum(ends_of(r).values())) for r in history.rollouts[-20:]])
    drawn = []
    for quantity, series in columns:
        xs, ys = [step for step, _ in series], [value for _, value in series]
        main = quantity is SUCCESS
        picture = metric_chart(
            xs,
            ys,
            title=quantity.name,
            unit=quantity.unit,
            last_step=max(steps, xs[-1]),
            episodes=batch if main else 0,
            marks=marks,
            width=WIDE if main else SMALL,
            height=280 if main else 132,
        )
        drawn.append(picture)
    return drawn


def key(columns: Columns, history: History, marks: Sequence[Mark]) -> str:
    """Say what is drawn how."""
    if not columns:
        return "The curves begin with the first batch of episodes."
    batch = mean([float(sum(ends_of(r).values())) for r in history.rollouts[-20:]])
    words = ["Dots: one step each. Line: smoothed."]
    if columns[0][0] is SUCCESS and batch:
        words.append(
            f"Band: where the share of one batch of {batch:.0f} episodes lies 19 times "
            "of 20, by chance alone."
        )
    if any(mark.exam for mark in marks):
        words.append("Diamonds: games it is not trained on, with 95 % intervals.")
    return " ".join(words)


# ---- marks -----------------------------------------------------------------------


def marks_of(events: Sequence[dict[str, Any]]) -> list[Mark]:
    """Return what is marked on the axes: evaluations, new weights, resumes."""
    found = [mark for event in events if (mark := _mark(event))]
    return found[-MOST_MARKS:]


def _mark(event: dict[str, Any]) -> Mark | None:
    step, kind = event["step"], event["event"]
    if kind == "evaluated":
        exam = _exam(event)
        won = f": {percent(exam[0])} of held-out games won" if exam else ""
        return Mark(step, "E", f"E, step {step}: evaluation{won}", exam)
    if kind == "reward_changed":
        weights = weights_of(event.get("weights"))
        told = ", ".join(f"{name} {weight:g}" for name, weight in weights.items())
        return Mark(step, "W", f"W, step {step}: reward weights are now {told}")
    if kind == "forked":
        source = str(event.get("source", "another run"))
        return Mark(step, "F", f"F, step {step}: forked from {source}")
    if kind == "evaluation_failed":
        return Mark(step, "E", f"E, step {step}: no evaluation. {event.get('reason')}")
    return Mark(step, "R", f"R, step {step}: resumed") if kind == "resumed" else None


def _exam(event: dict[str, Any]) -> Interval | None:
    numbers = [number(event.get(name)) for name in ("success", "low", "high")]
    value, low, high = numbers
    if value is None or low is None or high is None:
        return None
    return value, low, high


# ---- table -----------------------------------------------------------------------


def table(columns: Columns) -> dict[str, Any]:
    """Return heads and rows of numbers; of a long run every so many steps."""
    steps = _steps(columns)
    every = -(-len(steps) // TABLE_ROWS) or 1
    kept = [s for i, s in enumerate(steps) if (len(steps) - 1 - i) % every == 0]
    return {
        "heads": heads(columns),
        "rows": [[_cell(v) for v in row] for row in _rows(columns, kept)],
        "every": every,
    }


def table_caption(every: int) -> str:
    """Return what stands above the table of numbers."""
    if every == 1:
        return "Shares from 0 to 1"
    return f"Every {every} steps; monitor.to_csv(path) writes all. Shares from 0 to 1"


def heads(columns: Columns) -> list[str]:
    """Return the names of the columns, with units."""
    units = [f" ({q.unit})" if q.unit not in ("", "%") else "" for q, _ in columns]
    return ["Step", *(q.name + u for (q, _), u in zip(columns, units, strict=True))]


def to_csv(columns: Columns) -> str:
    """Return all numbers as CSV; shares from 0 to 1, cells empty where unknown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heads(columns))
    writer.writerows(_rows(columns, _steps(columns)))
    return text.getvalue()


def _steps(columns: Columns) -> list[int]:
    return sorted({step for _, series in columns for step, _ in series})


def _rows(columns: Columns, steps: Sequence[int]) -> list[list[Any]]:
    known = [dict(series) for _, series in columns]
    return [[step, *(values.get(step) for values in known)] for step in steps]


def _cell(value: float | None) -> str:
    return "–" if value is None else plain(value)
