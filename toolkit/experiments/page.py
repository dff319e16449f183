"""One page for all experiments: claims first, then pictures, then every number.

The page needs neither a network nor JavaScript. What is missing, because a run has not
finished or was never made, is said where it is missing.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from toolkit.charts.curves import run_curves
from toolkit.charts.dot_plot import dot_plot, dot_plot_key
from toolkit.errors import ToolkitError
from toolkit.experiments.claims import Verdict, judge, visible_difference
from toolkit.experiments.judging import judges
from toolkit.experiments.results import (
    Result,
    Run,
    curve_of,
    is_number,
    label_of,
    runs_of,
    whole,
)
from toolkit.experiments.tables import (
    count,
    making,
    numbers,
    row_of,
    share_of_seeds,
)
from toolkit.page import escape, page, wide_and_narrow
from toolkit.paths import write_at_once

PANEL = 290
"""Width of small charts in CSS pixels."""
SIGNS = {"held": "✓", "contradicted": "✗", "undecided": "?"}
"""Verdicts are told apart without their colours, too."""


def publish(result: Result, folder: Path) -> Path:
    """Store an experiment as `NAME.json`, and make the page of all that are stored.

    Returns:
        Path of `index.html`.
    """
    text = json.dumps(result, indent=1) + "\n"
    write_at_once(folder / f"{result['name']}.json", text)
    stored = sorted(folder.glob("*.json"))
    return write_page(
        [json.loads(p.read_text(encoding="utf-8")) for p in stored], folder
    )


def write_page(results: Sequence[Result], folder: Path) -> Path:
    """Write `index.html` about all experiments.

    Args:
        results: One for each experiment, as `toolkit experiment` stores it; whatever
            is not there yet may be missing.
        folder: Where to; made if it does not exist.

    Returns:
        Path of `index.html`.

    Raises:
        ToolkitError: If there are no results.
    """
    if not results:
        raise ToolkitError(
            "There are no experiments to show.",
            "No results have been stored yet.",
            "Run one first, for example: toolkit experiment algorithms",
        )
    known = [whole(result) for result in results]
    judged = [[judge(r, claim) for claim in r["claims"]] for r in known]
    content = "\n".join(
        (
            _header(known),
            _contents(known, judged),
            *(_experiment(*pair) for pair in zip(known, judged, strict=True)),
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "index.html"
    text = page("Experiments", content, "experiments")
    written.write_text(text, encoding="utf-8", errors="replace")
    return written


# ---- top -------------------------------------------------------------------------


def _header(results: Sequence[Result]) -> str:
    runs = sum(len(runs_of(r, arm)) for r in results for arm in r["arms"])
    times = [r["made"].get("minutes") for r in results]
    minutes = sum(time for time in times if is_number(time))
    line = " · ".join(
        (
            count(len(results), "experiment"),
            count(runs, "training run"),
            f"{minutes:,.0f} minutes of training",
        )
    )
    return (
        f"<header><h1>Experiments</h1><p>{line}</p></header>"
        "<p>The paper's questions, asked again with a small model on a CPU. Its "
        "numbers stand beside ours, but what can be compared is the order of the arms "
        "and the sign of a change, not their size: model, games and length of "
        "training differ.</p>"
    )


def _contents(results: Sequence[Result], judged: Sequence[Sequence[Verdict]]) -> str:
    """List the experiments with what the paper claims and how it fared."""
    items = "".join(
        f'<li><a href="#{escape(r["name"])}">{escape(_title(r))}</a>'
        f"<span>{escape('; '.join(v.text for v in verdicts))}</span>"
        f"<span>{_counted(verdicts)}</span></li>"
        for r, verdicts in zip(results, judged, strict=True)
    )
    return (
        '<nav aria-label="Contents"><section><h2>What was claimed, what we found</h2>'
        f"<ol>{items}</ol></section></nav>"
    )


def _counted(verdicts: Iterable[Verdict]) -> str:
    counts = Counter[str](v.verdict for v in verdicts)
    told = (f"{SIGNS[name]} {counts[name]} {name}" for name in SIGNS if counts[name])
    return "<br>".join(told) or "no claims"


# ---- one experiment --------------------------------------------------------------


def _experiment(result: Result, verdicts: Sequence[Verdict]) -> str:
    parts = (
        f"<h2>{escape(_title(result))}</h2>"
        f'<p class="question">{escape(result["question"])}</p>'
        f'<p class="quiet">{escape(result["setting"])}</p>',
        _missing(result),
        _claims(result, verdicts),
        _plots(result),
        _curves(result),
        judges(result),
        _sentences("Findings", result["findings"]),
        _sentences("What this cannot show", result["limits"]),
        numbers(result),
        making(result),
    )
    return (
        f'<article id="{escape(result["name"])}"><section>{"".join(parts)}</section>'
        "</article>"
    )


def _missing(result: Result) -> str:
    """Say which arms lack runs, and which runs ended early."""
    notes = [
        f"{label_of(result, arm)} has {share_of_seeds(result, len(runs))}"
        for arm, runs in _all_runs(result)
        if len(runs) < len(result["seeds"])
    ]
    notes += [
        f"{label_of(result, arm)}, seed {run['seed']}: {run['stopped']}"
        for arm, runs in _all_runs(result)
        for run in runs
        if run.get("stopped", "finished") != "finished"
    ]
    told = f"Not everything has finished: {'; '.join(notes)}."
    return f'<p class="notice">{escape(told)}</p>' if notes else ""


def _claims(result: Result, verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""
    items = "".join(
        f'<li><span class="verdict {v.verdict}">{SIGNS[v.verdict]} {v.verdict}</span>'
        f"<span>{escape(v.text)}<small>{escape(v.evidence)}</small></span></li>"
        for v in verdicts
    )
    seen = visible_difference(verdicts)
    limit = (
        f" With {count(len(result['seeds']), 'seed')}, a mean difference under about "
        f"{count(math.ceil(100 * seen), 'point')} cannot be seen here."
        if seen
        else ""
    )
    return (
        f'<h3>What was claimed, what we saw</h3><ol class="claims">{items}</ol>'
        '<p class="quiet">Runs with the same seed are compared on the same games. Held '
        "or contradicted: the 95 % interval of the mean difference (Student's t over "
        f"the seeds) lies on one side of 0; undecided: it covers 0.{limit}</p>"
    )


def _plots(result: Result) -> str:
    if not result["arms"] or not result["exams"]:
        return "<h3>Before and after training</h3><p>Nothing was measured yet.</p>"
    paper = bool(result["paper"])

    def draw(width: int) -> str:
        plots = (
            dot_plot(
                [row_of(result, arm, exam) for arm in result["arms"]],
                title=exam,
                other="the paper",
                width=width,
            )
            for exam in result["exams"]
        )
        key = dot_plot_key(other="the paper" if paper else None, width=width)
        return f'<div class="plots">{key}{"".join(plots)}</div>'

    source = f" Diamonds: the paper, {result['paper_source']}." if paper else ""
    start = f" Start: {result['start']}." if result["start"] else ""
    shown = {
        "success": f"Share of {result['n']} held-out games won.",
        "points": f"Share of the points that {result['n']} held-out games give.",
    }
    caption = (
        f"{shown[result['measure']]}{start} The whiskers are Student's "
        "95 % interval over training runs; how sure each run's share is, over its "
        f"games, is in the table below.{source}"
    )
    return (
        f"<h3>Before and after training</h3><figure>{wide_and_narrow(draw)}"
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _curves(result: Result) -> str:
    curves = {
        arm: [curve_of(run) for run in runs if curve_of(run)]
        for arm, runs in _all_runs(result)
    }
    steps = max((max(c) for group in curves.values() for c in group), default=0)
    if not steps:
        return ""
    panels = "".join(
        run_curves(
            group,
            title=label_of(result, arm),
            note=share_of_seeds(result, len(group)),
            steps=steps,
            width=PANEL,
        )
        for arm, group in curves.items()
    )
    return (
        f'<h3>During training</h3><div class="panels">{panels}</div>'
        '<p class="quiet">Share of the training games of each optimiser step that were '
        "won, smoothed. Thin: one run; thick: the mean, as far as all runs go.</p>"
    )


# ---- parts -----------------------------------------------------------------------


def _title(result: Result) -> str:
    return str(result["title"] or result["name"])


def _all_runs(result: Result) -> list[tuple[str, Sequence[Run]]]:
    return [(arm, runs_of(result, arm)) for arm in result["arms"]]


def _sentences(heading: str, sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<h3>{heading}</h3><ul class="words">{items}</ul>' if items else ""
