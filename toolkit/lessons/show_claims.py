"""Pictures of differences, transfer tables and claims, as `View`s; see `show.py`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.charts.differences import (
    Cells,
    Difference,
    difference_grid,
    difference_plot,
    differences_in_words,
    grid_in_words,
    points,
)
from toolkit.charts.svg import Interval
from toolkit.errors import ConfigError
from toolkit.experiments.claims import Verdict, judge, paper_difference
from toolkit.experiments.results import Result, label_of, outcome, whole
from toolkit.experiments.tables import count
from toolkit.lessons.show import View, here_or_above
from toolkit.page import escape
from toolkit.statistics import t_interval


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """Return the mean difference of pairs of runs, with Student's 95 % interval.

    Args:
        ours: One share for each run `(N,)`.
        theirs: What each is compared with `(N,)`, in the same order; N is at least 2.

    Raises:
        ConfigError: If these are not pairs, or there are under two.
    """
    if len(ours) != len(theirs):
        raise ConfigError(
            f"{len(ours)} runs and {len(theirs)} are no pairs.",
            "Each run is compared with the one that has its seed.",
            "Give both sides in the order of the same seeds.",
        )
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    low, high = t_interval(differences)
    return sum(differences) / len(differences), low, high


def show_differences(differences: Mapping[str, Interval], *, title: str) -> View:
    """Draw differences of shares with their intervals.

    Args:
        differences: For each comparison its mean, lower and upper end.
        title: What is subtracted from what, over how many runs or games.
    """
    rows = [
        Difference(name=name, interval=found, note=points(found))
        for name, found in differences.items()
    ]
    picture = difference_plot(rows, title=title)
    told = [title, *(f"{name}: {points(f)}" for name, f in differences.items())]
    return View(html=picture, text="\n".join(told), svg=picture)


def show_grid(cells: Cells, *, title: str, own: Sequence[tuple[str, str]] = ()) -> View:
    """Draw who was trained on what against what it was tested on.

    Args:
        cells: For each row and each column a difference of shares with its interval.
        title: What the differences are.
        own: Row and column of the cells that are framed: tested where it was trained.
    """
    picture = difference_grid(cells, title=title, own=own)
    told = "\n".join([title, *grid_in_words(cells)])
    return View(html=picture, text=told, svg=picture)


def show_transfer(path: str | Path) -> View:
    """Draw what training in each world changed in each of the others.

    Args:
        path: A file of `experiments/results`, here or in a folder above; if it is
            missing, how to make it is said.
    """
    found = _read(path)
    if found is None:
        return _missing(path)
    cells = {
        label_of(found, arm): {exam: _gain(found, arm, exam) for exam in found["exams"]}
        for arm in found["arms"]
    }
    own = [
        (label_of(found, arm), exam)
        for arm, facts in found["arms"].items()
        for exam in found["exams"]
        if any(env.endswith(f"/{exam}") for env in _worlds(facts["settings"]))
    ]
    runs = len(found["seeds"])
    title = f"Change of games won, in points; 95 % intervals over {runs} runs"
    return show_grid(cells, title=title, own=own)


def show_claims(*paths: str | Path) -> View:
    """Draw each claim of the paper beside what runs with the same seeds say of it.

    Args:
        *paths: Files of `experiments/results`, here or in a folder above; of those
            that are missing, how to make them is said.
    """
    parts, told, verdicts = [], [], Counter[str]()
    for path in paths:
        found = _read(path)
        if found is None:
            view = _missing(path)
        else:
            view = _card(found)
            verdicts += Counter(v.verdict for v in _judged(found))
        parts.append(view.html)
        told.append(view.text)
    counts = ", ".join(f"{n} {verdict}" for verdict, n in sorted(verdicts.items()))
    total = f"{sum(verdicts.values())} claims: {counts or 'none judged'}."
    return View(
        html=f"<p><strong>{total}</strong></p>{''.join(parts)}",
        text="\n".join([total, *told]),
    )


# ---- parts -----------------------------------------------------------------------


def _read(path: str | Path) -> Result | None:
    """Return the results in a file, `None` if there is none."""
    place = here_or_above(path)
    if not place.is_file():
        return None
    return whole(json.loads(place.read_text(encoding="utf-8")))


def _missing(path: str | Path) -> View:
    path = Path(path)
    text = f"There is no {path.name} here: `toolkit experiment {path.stem}` makes it."
    return View(html=f"<p>{escape(text)}</p>", text=text)


def _gain(found: Result, arm: str, exam: str) -> Interval | None:
    """Return the mean change of an arm's runs, if there are two of them."""
    start, end = outcome(found, arm, exam, "before"), outcome(found, arm, exam)
    seeds = sorted(start.keys() & end.keys())
    if len(seeds) < 2:
        return None
    return paired([end[s] for s in seeds], [start[s] for s in seeds])


def _worlds(settings: Mapping[str, Any]) -> set[str]:
    """Return the worlds in which an arm is trained."""
    plan = settings.get("curriculum")
    plan = plan if isinstance(plan, dict) else {}
    parts = [*plan.get("parts", ()), *plan.get("stages", ())]
    return {part["env"] for part in parts} or {str(settings.get("env"))}


def _judged(found: Result) -> list[Verdict]:
    return [judge(found, claim) for claim in found["claims"]]


def _card(found: Result) -> View:
    """Draw the claims of one experiment, with its source and its limits."""
    rows = [
        Difference(
            name=verdict.text,
            interval=_interval_of(verdict),
            note=_note(verdict),
            other=paper_difference(found, claim),
        )
        for claim, verdict in zip(found["claims"], _judged(found), strict=True)
    ]
    title, source = str(found["title"]), str(found["paper_source"])
    has_other = any(row.other is not None for row in rows)
    picture = difference_plot(rows, title=title, other="the paper" if has_other else "")
    limits = "".join(f"<li>{escape(limit)}</li>" for limit in found["limits"])
    html = (
        f"<figure>{picture}<figcaption>{escape(_said(source))}</figcaption></figure>"
        f"<details><summary>Why it may differ</summary><ul>{limits}</ul></details>"
    )
    told = [title, *differences_in_words(rows, "the paper")]
    return View(html=html, text="\n".join(told), svg=picture)


def _said(source: Any) -> str:
    return (
        f"The paper: {source}."
        if source
        else "No numbers of the paper stand beside ours."
    )


def _interval_of(verdict: Verdict) -> Interval | None:
    if verdict.difference is None or verdict.interval is None:
        return None
    return verdict.difference, *verdict.interval


def _note(verdict: Verdict) -> str:
    """Return the verdict with its numbers."""
    interval = _interval_of(verdict)
    if interval is None:
        return f"undecided: {count(verdict.pairs, 'pair')} of runs"
    mean, low, high = (100 * value for value in interval)
    numbers = f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"{verdict.verdict}: {numbers}, {verdict.pairs} pairs"
