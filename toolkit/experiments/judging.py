"""Judges beside what is verified: how often they were wrong, before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.charts.svg import percent
from toolkit.experiments.claims import share_interval
from toolkit.experiments.results import Result, is_number, label_of, mean_of, runs_of
from toolkit.page import big, escape, table
from toolkit.statistics import t_interval

Compared = Mapping[str, Any]
"""What an exam keeps of a judge, see `toolkit.experiments.exams`."""
HEADS = (
    *("Judge", "Games", "Played by", "Pays", "Accuracy", "AUC"),
    *("Lost, taken for won", "Won, taken for lost"),
)


def judges(result: Result) -> str:
    """Return how each judge compares with what is verified, `""` if there is none.

    Rates are means over the runs, and the intervals Student's over them.
    """
    rows = [
        _row(result, exam, judge, arm)
        for exam in result["exams"]
        for judge in _judges_of(result, exam)
        for arm in (None, *result["arms"])
    ]
    if not rows:
        return ""
    told = (
        "On the first play of each game of the exam. AUC: how often a judge pays a won "
        "game more than a lost one, 50 % is chance. A policy that pleases its judge is "
        "paid more than at the start, and is taken for a winner where it lost."
    )
    return (
        "<h3>How right the judges are</h3>"
        + table("Judges and what is verified", HEADS, rows)
        + f'<p class="quiet">{escape(told)}</p>'
    )


def rate(name: str, found: Compared) -> float | None:
    """Return a number of a judge, `None` if it has none.

    Args:
        name: Such as `accuracy`; `lost_as_won` and `won_as_lost` are shares of the
            lost and of the won games.
        found: What an exam keeps of it.
    """
    value = found.get(name)
    if name in ("lost_as_won", "won_as_lost"):
        n = found.get(name.partition("_")[0])
        value = value / n if is_number(value) and is_number(n) and n else None
    return value if is_number(value) else None


def _judges_of(result: Result, exam: str) -> list[str]:
    """Return the judges that any run was measured with, in order."""
    found: dict[str, None] = {}
    for arm in result["arms"]:
        for run in runs_of(result, arm):
            for when in ("before", "after"):
                found |= dict.fromkeys(_kept(run, when, exam))
    return list(found)


def _kept(run: Mapping[str, Any], when: str, exam: str) -> Mapping[str, Compared]:
    return ((run.get(when) or {}).get(exam) or {}).get("judges") or {}


def _row(result: Result, exam: str, judge: str, arm: str | None) -> tuple[str, ...]:
    """Return the cells of one judge and one policy; no arm: the start of all runs."""
    when = "before" if arm is None else "after"
    runs = {
        run["seed"]: _kept(run, when, exam)[judge]
        for name in (result["arms"] if arm is None else [arm])
        for run in runs_of(result, name)
        if judge in _kept(run, when, exam)
    }
    found = list(runs.values())
    return (
        escape(judge),
        escape(exam),
        "the start" if arm is None else escape(label_of(result, arm)),
        _cell(found, "paid"),
        *(
            _cell(found, name)
            for name in ("accuracy", "auc", "lost_as_won", "won_as_lost")
        ),
    )


def _cell(found: Sequence[Compared], name: str) -> str:
    """Return a mean over runs and its interval."""
    rates = [value for each in found if (value := rate(name, each)) is not None]
    mean = mean_of(rates)
    if mean is None:
        return "–"
    if name == "paid":
        low, high = t_interval(rates) if len(rates) > 1 else (mean, mean)
        return big(f"{mean:.3f}", [f"{low:.3f} to {high:.3f}"])
    span = share_interval(rates)
    lines = [f"{100 * span[0]:.0f} to {percent(span[1])}"] if span else []
    return big(percent(mean), lines)
