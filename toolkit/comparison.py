"""Before against after: what changed between two evaluations of the same tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any

import numpy as np

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode
from toolkit.errors import ToolkitError
from toolkit.evaluation import Evaluation, Share, name_tasks
from toolkit.statistics import mcnemar, paired_bootstrap
from toolkit.tables import html_table, text_table


@dataclass(frozen=True, kw_only=True, slots=True)
class Flip:
    """A game that was won more often in one evaluation than in the other."""

    task: Task
    """The game."""
    before: Share
    """Episodes won before."""
    after: Share
    """Episodes won after."""
    earlier: Episode = field(repr=False)
    """One from before: lost if the change is for the better, won if for the worse."""
    later: Episode = field(repr=False)
    """One from after, with the other result."""

    @property
    def gain(self) -> float:
        """Change of the share of episodes won; below 0 for the worse."""
        return self.after.value - self.before.value


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What changed between two evaluations of the same tasks."""

    points: float
    """Change of success in percentage points, over the paired tasks."""
    low: float
    """Lower end of its 95 % interval, in points."""
    high: float
    """Upper end of its 95 % interval, in points."""
    gained: int
    """Tasks won more often after than before (one episode each: lost → won)."""
    lost: int
    """Tasks won less often after than before (one episode each: won → lost)."""
    p_value: float | None
    """Exact McNemar test; `None` with several episodes per task."""
    n: int
    """Tasks paired: those with an intact episode in both evaluations."""
    before: Evaluation = field(repr=False)
    """The first evaluation."""
    after: Evaluation = field(repr=False)
    """The second evaluation."""

    @property
    def flips(self) -> list[Flip]:
        """The games whose result changed, the largest gain first, losses last."""
        found = [
            Flip(task=task, before=share, after=after, earlier=earlier, later=later)
            for task, share in self.before.by_task.items()
            if (after := self.after.by_task[task]).n and share.n
            if (better := after.value - share.value)
            and (earlier := _first(self.before, task, won=better < 0))
            and (later := _first(self.after, task, won=better > 0))
        ]
        return sorted(found, key=lambda flip: -flip.gain)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary, both evaluations included."""
        names = ("points", "low", "high", "gained", "lost", "p_value", "n")
        return {
            **{name: getattr(self, name) for name in names},
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
        }

    def __str__(self) -> str:
        return text_table(self._rows())

    def _repr_html_(self) -> str:
        return html_table(self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        interval = f"{self.low:+.1f} to {self.high:+.1f}"
        rows = [
            ("before", self.before.headline),
            ("after", self.after.headline),
            ("change", f"{self.points:+.1f} points  (95 %: {interval})"),
            ("tasks", f"{self.gained} better, {self.lost} worse, {self.n} in all"),
        ]
        if self.p_value is not None:
            rows.append(("McNemar test", f"p = {self.p_value:.2g}"))
        return rows


def most_changed(flips: Sequence[Flip]) -> list[Flip]:
    """Return of the games that turned for the better those that did so the most."""
    best = max((flip.gain for flip in flips), default=0.0)
    return [flip for flip in flips if flip.gain == best > 0]


def typical(flips: Sequence[Flip]) -> Flip:
    """Return the one whose later episode is of middling length; there must be one."""
    lengths = [len(flip.later.turns) for flip in flips]
    return flips[lengths.index(median_low(lengths))]


def _first(played: Evaluation, task: Task, *, won: bool) -> Episode | None:
    """Return an intact episode of a game with this result."""
    intact = (e for e in played.episodes if not e.stop_reason.is_broken)
    return next((e for e in intact if e.task == task and e.won == won), None)


def compare(before: Evaluation, after: Evaluation) -> Comparison:
    """Compare two evaluations task by task.

    The interval of the change is a bootstrap over tasks; the test is McNemar's, which
    is exact for one episode per task.

    Raises:
        ToolkitError: If they were not made on the same tasks, or no task is intact in
            both.
    """
    differing = before.by_task.keys() ^ after.by_task.keys()
    if differing:
        raise ToolkitError(
            "These evaluations cannot be compared.",
            f"{len(differing)} tasks are in one of them only: {name_tasks(differing)}.",
            "Evaluate both on the same list of tasks.",
        )
    pairs = [
        (b, after.by_task[task])
        for task, b in before.by_task.items()
        if b.n and after.by_task[task].n
    ]
    if not pairs:
        raise ToolkitError(
            "These evaluations cannot be compared.",
            "In every task the world failed before or after.",
            "Look at `error` of the episodes, and evaluate again.",
        )
    changes = [a.value - b.value for b, a in pairs]
    gained, lost = sum(c > 0 for c in changes), sum(c < 0 for c in changes)
    single = all(b.n == a.n == 1 for b, a in pairs)
    low, high = paired_bootstrap(changes)
    return Comparison(
        points=100 * float(np.mean(changes)),
        low=100 * low,
        high=100 * high,
        gained=gained,
        lost=lost,
        p_value=mcnemar(gained, lost) if single else None,
        n=len(pairs),
        before=before,
        after=after,
    )
