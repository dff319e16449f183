"""Why is nothing being learnt? Alerts about a run, from its events alone.

>>> print(diagnose([{"event": "run_started", "step": 0}]))
note: too-early
  Played so far: 0 steps. Most rules look at three to six steps. Try first: to
  look again in a minute.

The rules stand in `rules.py`.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from toolkit.diagnosis.history import RECENT, History, mean, recent
from toolkit.diagnosis.rules import RULES, Rule, Severity
from toolkit.errors import ToolkitError
from toolkit.page import escape, folded
from toolkit.training.events import read_events

if TYPE_CHECKING:
    from toolkit.training.run import Run

SHOWN = 5
"""So many alerts are shown; more would not be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """Something about a run that its owner should know."""

    id: str
    """Name of the rule."""
    severity: Severity
    """How much it matters."""
    since: int
    """The first step it was seen in."""
    seen: str
    """What is to be seen, with its numbers."""
    why: str
    """Why it matters."""
    remedies: tuple[str, ...]
    """What to try, the best first."""
    lesson: str
    """The lesson in `tutorials/` that explains it."""

    def __str__(self) -> str:
        return f"{self.seen} {self.why} Try first: {self.remedies[0]}."

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {**asdict(self), "severity": self.severity.value}

    def _repr_html_(self) -> str:
        more = "".join(f"<li>{escape(remedy)}</li>" for remedy in self.remedies)
        after = f"<ol>{more}</ol><p>Lesson: tutorials/{escape(self.lesson)}</p>"
        return (
            f"<p><strong>{self.severity.value}: {escape(self.id)}</strong><br>"
            f"{escape(str(self))}</p>{folded('All remedies', after)}"
        )


@dataclass(frozen=True, slots=True)
class Diagnosis(Sequence[Alert]):
    """The alerts of a run, the worst first. Without a problem, a note says so."""

    alerts: tuple[Alert, ...]
    """All of them."""

    @property
    def has_problem(self) -> bool:
        """Whether the run is learning nothing, or will not."""
        return any(alert.severity is Severity.PROBLEM for alert in self.alerts)

    def to_json(self) -> str:
        """Return all alerts as a JSON list."""
        return json.dumps([alert.to_dict() for alert in self.alerts], indent=1)

    @overload
    def __getitem__(self, index: int) -> Alert: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Alert]: ...
    def __getitem__(self, index: int | slice) -> Alert | Sequence[Alert]:
        return self.alerts[index]

    def __len__(self) -> int:
        return len(self.alerts)

    def __str__(self) -> str:
        return "\n\n".join([*map(_as_text, self.alerts[:SHOWN]), *self._others()])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{a._repr_html_()}</li>" for a in self.alerts[:SHOWN])
        others = "".join(f"<p>{escape(line)}</p>" for line in self._others())
        return f"<ul>{items}</ul>{others}"

    def _others(self) -> list[str]:
        """Name the alerts that are not shown."""
        names = ", ".join(alert.id for alert in self.alerts[SHOWN:])
        return [f"Also: {names}."] if names else []


def diagnose(run: Run | str | Path | Iterable[Any]) -> Diagnosis:
    """Say why a run is not learning, or that it is.

    Args:
        run: What `train` returned, the folder of a run, its `events.jsonl`, or events.

    Raises:
        ToolkitError: If a path is no run.
    """
    if isinstance(run, (str, Path)):
        run = _events_at(Path(run))
    history = History.of(run if isinstance(run, Iterable) else run.events)
    found = [(rule, seen) for rule in RULES if (seen := rule.check(history))]
    hidden = {name for rule, _ in found for name in rule.hides}
    alerts = [_alert(rule, *seen) for rule, seen in found if rule.id not in hidden]
    if all(alert.severity is Severity.NOTE for alert in alerts):
        alerts.insert(0, _no_alarm(history))
    order = list(Severity)
    return Diagnosis(tuple(sorted(alerts, key=lambda a: order.index(a.severity))))


def _events_at(path: Path) -> list[Any]:
    """Read the events of a run's folder, or of a file."""
    file = path / "events.jsonl" if path.is_dir() else path
    if not file.is_file():
        beside = [found.parent for found in path.parent.glob("*/events.jsonl")]
        known = min(beside, default="runs/latest")
        raise ToolkitError(
            f"There is no run in {str(path)!r}.",
            "The folder of a run holds a file events.jsonl.",
            f"Give the output_dir of a run, such as {known}.",
        )
    events = read_events(file)
    if not events and file.stat().st_size:
        raise ToolkitError(
            f"{file} holds no events.",
            "Every line of a run's events is a JSON object.",
            "Give the output_dir of a run, or its events.jsonl.",
        )
    return events


def _alert(rule: Rule, since: int, seen: str) -> Alert:
    return Alert(
        id=rule.id,
        severity=rule.severity,
        since=since,
        seen=seen,
        why=rule.why,
        remedies=rule.remedies,
        lesson=rule.lesson,
    )


def _no_alarm(history: History) -> Alert:
    """Say that there is nothing to be said against a run, or not yet."""
    success = history.of_rollouts("success")
    played = len(success)
    if played < RECENT:
        seen = f"Played so far: {played} step{'s' if played != 1 else ''}."
        why = "Most rules look at three to six steps."
        name, remedy = "too-early", "to look again in a minute"
    else:
        first = mean([value for _, value in success[:RECENT]])
        seen = (
            f"Success went from {first:.2f} to {mean(recent(success)):.2f} "
            f"in {played} steps."
        )
        why = "No rule sees anything that keeps it from learning."
        name = "all-is-well"
        remedy = "`evaluate` on games it was not trained on, which alone tells"
    return Alert(
        id=name,
        severity=Severity.NOTE,
        since=0,
        seen=seen,
        why=why,
        remedies=(remedy,),
        lesson="00_quickstart",
    )


def _as_text(alert: Alert) -> str:
    """Return an alert for a terminal."""
    lines = textwrap.wrap(str(alert), 86)
    more = [f"- {remedy}" for remedy in alert.remedies[1:]]
    if more:
        lines += ["Then:", *more]
    if alert.severity is not Severity.NOTE:
        lines.append(f"Lesson: tutorials/{alert.lesson}")
    body = textwrap.indent("\n".join(lines), "  ")
    return f"{alert.severity.value}: {alert.id}\n{body}"
