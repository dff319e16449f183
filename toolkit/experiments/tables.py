"""Every number of an experiment as tables, and how it was made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from toolkit.charts.dot_plot import Row
from toolkit.charts.svg import percent
from toolkit.experiments.claims import share_interval
from toolkit.experiments.results import (
    Result,
    Run,
    is_number,
    label_of,
    mean_of,
    outcome,
    paper_of,
    runs_of,
)
from toolkit.page import big, escape, escaped, folded, table


def numbers(result: Result) -> str:
    """Return means over runs and each run, folded."""
    pairs = [(arm, exam) for exam in result["exams"] for arm in result["arms"]]
    means = table(
        "Means over training runs",
        ("Arm", "Games", "Runs", "Before", "After", "Change", "The paper"),
        [_mean_cells(result, arm, exam) for arm, exam in pairs],
    )
    heads = ("Arm", "Games", "Seed", "Before", "After", "Episodes", "Minutes")
    rows = [
        _run_cells(result, arm, exam, run)
        for arm, exam in pairs
        for run in runs_of(result, arm)
    ]
    runs = table("Each training run, with 95 % intervals over games", heads, rows)
    return folded("All numbers", means + runs)


def _mean_cells(result: Result, arm: str, exam: str) -> tuple[str, ...]:
    row = row_of(result, arm, exam)
    start, end = outcome(result, arm, exam, "before"), outcome(result, arm, exam)
    gain = mean_of([end[seed] - start[seed] for seed in end if seed in start])
    span = [f"{_range(row.interval)} over runs"] if row.interval else []
    paper = " → ".join("–" if p is None else percent(p) for p in row.other)
    return (
        escape(row.name),
        escape(exam),
        f"{len(row.after)} of {len(result['seeds'])}",
        _percent(mean_of(row.before)),
        big(_percent(mean_of(row.after)), span),
        "–" if gain is None else f"{100 * gain:+.1f} points",
        "–" if row.other == (None, None) else paper,
    )


def _run_cells(result: Result, arm: str, exam: str, run: Run) -> tuple[str, ...]:
    return (
        escape(label_of(result, arm)),
        escape(exam),
        escape(str(run["seed"])),
        *(
            _exam_cell((run.get(side) or {}).get(exam), result["measure"])
            for side in ("before", "after")
        ),
        f"{run['episodes']:,}" if is_number(run.get("episodes")) else "–",
        f"{run['minutes']:.1f}" if is_number(run.get("minutes")) else "–",
    )


def _exam_cell(exam: Mapping[str, Any] | None, measure: str) -> str:
    if not exam or not is_number(exam.get(measure)):
        return "–"
    lines = []
    if measure != "success":
        lines.append(f"{percent(exam['success'])} won")
    elif is_number(exam.get("low")) and is_number(exam.get("high")):
        lines.append(_range((exam["low"], exam["high"])))
    if is_number(exam.get("mean_turns")):
        lines.append(f"{exam['mean_turns']:.1f} turns")
    return big(percent(exam[measure]), lines)


def making(result: Result) -> str:
    """Return command, settings and versions, folded."""
    made = result["made"]
    settings = [
        (label_of(result, arm), _told_settings((found or {}).get("settings") or {}))
        for arm, found in result["arms"].items()
    ]
    versions = (made.get("versions") or {}).items()
    tables = (
        table("Settings that differ", ("Arm", "Settings"), escaped(settings)),
        table("Versions", ("Package", "Version"), escaped(versions)),
    )
    minutes = made.get("minutes")
    took = f", in {minutes:,.0f} minutes of training" if is_number(minutes) else ""
    return folded(
        "How it was made",
        f"<p>To do it again{took}:</p><pre>{escape(made.get('command') or '–')}</pre>"
        f'<div class="facts">{"".join(tables)}</div>',
    )


def _told_settings(settings: Mapping[str, Any]) -> str:
    told = (f"{k} = {json.dumps(v, default=str)}" for k, v in settings.items())
    return ", ".join(told) or "–"


# ---- parts -----------------------------------------------------------------------


def row_of(result: Result, arm: str, exam: str) -> Row:
    """Return an arm in one exam as `dot_plot` takes it."""
    after = outcome(result, arm, exam)
    shares = list(after.values())
    all_there = len(shares) == len(result["seeds"])
    return Row(
        name=label_of(result, arm),
        before=list(outcome(result, arm, exam, "before").values()),
        after=shares,
        interval=share_interval(shares),
        other=paper_of(result, arm, exam),
        note="" if all_there else share_of_seeds(result, len(shares)),
    )


def share_of_seeds(result: Result, runs: int) -> str:
    """Say how many of the runs there are."""
    return f"{runs} of {count(len(result['seeds']), 'run')}"


def count(n: int, thing: str) -> str:
    """Return a number and its thing.

    >>> count(1, "run"), count(1200, "run")
    ('1 run', '1,200 runs')
    """
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def _percent(share: float | None) -> str:
    return "–" if share is None else percent(share)


def _range(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.0f} to {percent(interval[1])}"
