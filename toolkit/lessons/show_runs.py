"""Pictures that compare runs of training and evaluations, as `View`s; see `show.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.charts.dot_plot import dot_plot
from toolkit.charts.smooth import smooth
from toolkit.charts.svg import percent
from toolkit.errors import ToolkitError
from toolkit.experiments.results import label_of, whole
from toolkit.experiments.tables import row_of
from toolkit.lessons.show import View, here_or_above, show_curves
from toolkit.page import escape, table
from toolkit.training.events import read_events, steps_of

if TYPE_CHECKING:
    from toolkit.comparison import Comparison, Flip
    from toolkit.training.run import Run

MOST_FLIPS = 12
"""Games that are listed in each direction."""


def show_runs(runs: Mapping[str, Run | str | Path]) -> View:
    """Draw the success of several runs in training, smoothed, in one picture.

    Args:
        runs: By their names, five at most; a run, or the folder of one. What is drawn
            ends with the shortest of them.

    Raises:
        ToolkitError: If a run has no steps.
    """
    success = {name: _success(name, run) for name, run in runs.items()}
    steps = sorted(set.intersection(*(set(curve) for curve in success.values())))
    if not steps:
        raise ToolkitError(
            "These runs cannot be drawn together.",
            "There is no step that all of them have.",
            "Log every step (logging_steps=1), or show each run alone.",
        )
    curves = {
        name: smooth([curve[step] for step in steps]).tolist()
        for name, curve in success.items()
    }
    title = "Games won in training, smoothed"
    return show_curves(curves, x=steps, x_name="step", title=title, unit="%")


def show_flips(change: Comparison) -> View:
    """List the games that were lost before and won after, and the other way round.

    With several episodes of each game, these are the games won more often or less
    often than before.
    """
    better = [flip for flip in change.flips if flip.gain > 0]
    worse = [flip for flip in change.flips if flip.gain < 0][::-1]
    rows = [
        (escape(flip.task.id), f"{flip.before}", f"{flip.after}", _result(flip))
        for flips in (better, worse)
        for flip in flips[:MOST_FLIPS]
    ]
    text = _verdict(change, better, worse)
    listed = table(
        "Games that flipped", ("game", "won before", "won after", "change"), rows
    )
    return View(html=f"<p>{escape(text)}</p>{listed if rows else ''}", text=text)


def show_against_paper(path: str | Path) -> View:
    """Draw what each arm of an experiment learned for its own exam, and the paper's.

    Args:
        path: A file of `experiments/results`, here or in a folder above, whose arms
            are called as their exams; if it is missing, how to make it is said.
    """
    path = here_or_above(path)
    if not path.is_file():
        text = (
            f"There is no {path.name} here: `toolkit experiment {path.stem}` does it."
        )
        return View(html=f"<p>{escape(text)}</p>", text=text)
    found = whole(json.loads(path.read_text(encoding="utf-8")))
    rows = [row_of(found, arm, label_of(found, arm)) for arm in found["arms"]]
    title = "Won before (ring), after (dots: runs and their mean); diamonds: the paper"
    picture = dot_plot(rows, title=title, other="the paper")
    words = [title]
    for row in rows:
        before, after = (float(np.mean(side)) for side in (row.before, row.after))
        theirs = " to ".join(percent(v) for v in row.other if v is not None)
        ours = f"{percent(before)} to {percent(after)}"
        words.append(f"{row.name}: {ours} here, {theirs or 'nothing'} in the paper")
    return View(html=f"<figure>{picture}</figure>", text="\n".join(words), svg=picture)


def _success(name: str, run: Run | str | Path) -> dict[int, float]:
    """Return the share of games won at each step of a run."""
    folder = Path(getattr(run, "folder", run))  # type: ignore[arg-type]
    rollouts: list[dict[str, Any]] = steps_of(
        read_events(folder / "events.jsonl"), "rollout"
    )
    found = {r["step"]: r["success"] for r in rollouts if r["success"] is not None}
    if not found:
        raise ToolkitError(
            f"The run {name!r} has nothing to draw.",
            f"There are no steps in {folder.name}/events.jsonl.",
            "Give a run that `train` returned, or its folder.",
        )
    return found


def _result(flip: Flip) -> str:
    """Return in words how a game flipped."""
    if flip.before.n > 1 or flip.after.n > 1:
        return "better" if flip.gain > 0 else "worse"
    return "lost → won" if flip.gain > 0 else "won → lost"


def _verdict(change: Comparison, better: list[Flip], worse: list[Flip]) -> str:
    """Say in words how many games flipped and whether chance explains it."""
    text = f"{len(better)} of {change.n} games better, {len(worse)} worse"
    text += f": {change.points:+.0f} points, {change.low:+.0f} to {change.high:+.0f}. "
    if change.p_value is not None:
        text += f"McNemar's test: p = {change.p_value:.2g}. "
    is_chance = change.low <= 0 <= change.high
    if change.p_value is not None:
        is_chance = change.p_value >= 0.05
    if is_chance:
        return text + "Chance alone could do this."
    return text + "Chance alone hardly does this."
