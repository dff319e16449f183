"""Pictures of lessons on budgets, as `View`s; see `show.py`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.budget_charts import (
    Sides,
    before_after,
    curves,
    curves_in_words,
    sides_in_words,
)
from toolkit.charts import Interval
from toolkit.evaluation import Evaluation
from toolkit.lessons.show import View
from toolkit.page import escape

Measured = Evaluation | Interval | None
"""An evaluation; or share, lower and upper end; or nothing."""


def show_curves(
    lines: Mapping[str, Sequence[float]],
    x: Sequence[float],
    *,
    x_title: str,
    title: str,
) -> View:
    """Draw shares as up to five named curves.

    Args:
        lines: For each name shares from 0 to 1 `(N,)`.
        x: Where they were taken `(N,)`, rising.
        x_title: What that is.
        title: What the shares are.
    """
    picture = curves(lines, x, x_title=x_title, title=title)
    told = "\n".join([title, *curves_in_words(lines)])
    return View(html=picture, text=told, svg=picture)


def show_before_after(
    panels: Mapping[str, Mapping[str, tuple[Measured, Measured]]],
    *,
    sides: tuple[str, str] = ("before", "after"),
    title: str = "Games won, with 95 % intervals",
) -> View:
    """Draw success before and after with its intervals, a row for each way to train.

    Args:
        panels: For each exam and each way to train what was measured on both sides;
            all exams have the same ways.
        sides: What the two sides are.
        title: What is drawn.
    """
    rows: dict[str, list[Sides]] = {
        panel: [(name, _interval(a), _interval(b)) for name, (a, b) in ways.items()]
        for panel, ways in panels.items()
    }
    picture = before_after(rows, sides=sides, title=title)
    told = "\n".join([title, *sides_in_words(rows, sides)])
    return View(html=picture, text=told, svg=picture)


def show_experiment(path: str | Path) -> View:
    """Show what an experiment found, a row for each arm and seed.

    Args:
        path: A file of `experiments/results`; if it is missing, how to make it is said.
    """
    path = Path(path)
    if not path.is_file():
        command = f"toolkit experiment {path.stem}"
        text = f"There is no {path.name} here: `{command}` makes it."
        return View(html=f"<p>{escape(text)}</p>", text=text)
    found = json.loads(path.read_text(encoding="utf-8"))
    panels = {
        exam: {
            f"{arm['label']}, seed {run['seed']}": _ends(run, exam)
            for arm in found["arms"].values()
            for run in arm["runs"]
        }
        for exam in found["exams"]
    }
    return show_before_after(panels)


def _ends(run: Mapping[str, Any], exam: str) -> tuple[Measured, Measured]:
    """Return what a run's exam showed before and after."""
    before, after = (
        (e["success"], e["low"], e["high"]) if e else None
        for e in ((run.get(side) or {}).get(exam) for side in ("before", "after"))
    )
    return before, after


def _interval(measured: Measured) -> Interval | None:
    if isinstance(measured, Evaluation):
        return measured.success, measured.low, measured.high
    return measured
