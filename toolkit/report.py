"""What a run has achieved: an HTML file to look at, a JSON file to compute with.

`report.html` needs neither a network nor JavaScript; everything in it that a model or
a world wrote is escaped.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.charts.bars import Bar, Bars, bar_chart, bar_label
from toolkit.charts.curves import learning_curve, line_chart
from toolkit.charts.smooth import smoothing
from toolkit.charts.svg import percent
from toolkit.comparison import Comparison, compare
from toolkit.errors import ToolkitError
from toolkit.evaluation import Evaluation, Share
from toolkit.page import (
    big,
    escape,
    escaped,
    folded,
    page,
    section,
    table,
    wide_and_narrow,
)
from toolkit.training.events import steps_of
from toolkit.training.run import Run
from toolkit.transcript import lost_and_won

VERBS = 8
"""So many command verbs are drawn, the most frequent ones; the table has all."""
PANEL = 330
"""Width of small charts in CSS pixels."""


def write_report(
    folder: Path,
    *,
    title: str,
    before: Mapping[str, Evaluation],
    after: Mapping[str, Evaluation],
    run: Run,
    minutes: float,
    notes: Sequence[str] = (),
    command: str = "",
) -> Path:
    """Write `report.html` and `report.json`.

    Args:
        folder: Where to; made if it does not exist.
        title: Heading of the page.
        before: Evaluations before training by name; the first one is the headline.
        after: Evaluations after training on the same tasks, by the same names.
        run: The training between the two.
        minutes: Time that all of it took.
        notes: Sentences to put under the headline.
        command: Shell command that does all this again (`""`: the call of `train`).

    Returns:
        Path of `report.html`.

    Raises:
        ToolkitError: If the two sides have different names or tasks.
    """
    changes = _compare_all(before, after)
    first = next(iter(changes.values()))
    setup, events = _read_setup(run), run.events
    rollouts = steps_of(events, "rollout")
    facts = _facts(changes, setup, rollouts, minutes)
    content = "\n".join(
        (
            _header(title, run, facts),
            _headline(changes, notes),
            _learning(rollouts, first),
            _verbs(first),
            section("One game, lost and won", lost_and_won(first)),
            _making(setup, _seconds(events), facts, changes, command or _call(setup)),
        )
    )
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(facts, indent=1, default=str) + "\n"
    (folder / "report.json").write_text(text, encoding="utf-8")
    written = folder / "report.html"
    # a model may have sampled half of a surrogate pair, which UTF-8 cannot hold
    written.write_text(page(title, content), encoding="utf-8", errors="replace")
    return written


# ---- the numbers -----------------------------------------------------------------


def _compare_all(
    before: Mapping[str, Evaluation], after: Mapping[str, Evaluation]
) -> dict[str, Comparison]:
    if not before or before.keys() != after.keys():
        raise ToolkitError(
            "The report has nothing to compare.",
            f"Before: {', '.join(before) or 'nothing'}. "
            f"After: {', '.join(after) or 'nothing'}.",
            "Give at least one evaluation, under the same name before and after.",
        )
    return {name: compare(b, after[name]) for name, b in before.items()}


def _read_setup(run: Run) -> dict[str, Any]:
    path = run.folder / "config.json"
    found = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {"settings": {}, "versions": {}, "policy": "", **found}


def _facts(
    changes: Mapping[str, Comparison],
    setup: Mapping[str, Any],
    rollouts: Sequence[Mapping[str, Any]],
    minutes: float,
) -> dict[str, Any]:
    """Return the content of `report.json`; shares are from 0 to 1."""
    every = {
        name: {
            "before": _short(change.before),
            "after": _short(change.after),
            "comparison": _change(change),
        }
        for name, change in changes.items()
    }
    return {
        **next(iter(every.values())),
        "all": every,
        "minutes": round(minutes, 3),
        "episodes": sum(_episodes(rollout) for rollout in rollouts),
        "seed": setup["settings"].get("seed"),
        "versions": setup["versions"],
        "settings": setup["settings"],
    }


def _short(evaluation: Evaluation) -> dict[str, Any]:
    names = ("success", "n", "low", "high", "mean_turns")
    return {name: getattr(evaluation, name) for name in names}


def _change(change: Comparison) -> dict[str, Any]:
    names = ("points", "low", "high", "gained", "lost", "p_value", "n")
    return {name: getattr(change, name) for name in names}


def _episodes(rollout: Mapping[str, Any]) -> int:
    return sum(len(group["won"]) for group in rollout["groups"])


def _seconds(events: list[dict[str, Any]]) -> dict[str, float]:
    """Return where the time of the training steps went; the parts add up."""
    rollouts, steps = steps_of(events, "rollout"), steps_of(events, "step")
    total = sum(s["seconds"] for s in steps)
    parts = {
        "policy, choosing commands": sum(r["policy_s"] for r in rollouts),
        "environments: starting games, playing them": sum(
            r["total_s"] - r["policy_s"] for r in rollouts
        ),
        "loss, forward": sum(s.get("loss_s") or 0.0 for s in steps),
        "backward and optimiser": sum(s.get("update_s") or 0.0 for s in steps),
    }
    return {**parts, "rest": max(0.0, total - sum(parts.values()))}


# ---- sections --------------------------------------------------------------------


def _header(title: str, run: Run, facts: Mapping[str, Any]) -> str:
    first = facts["comparison"]
    stopped = "" if run.stopped == "finished" else f" (stopped: {run.stopped})"
    line = " · ".join(
        (
            f"{run.step} optimiser steps{stopped}",
            f"{facts['episodes']:,} training episodes",
            f"{facts['minutes']:.1f} minutes in all",
        )
    )
    b, a = facts["before"], facts["after"]
    apart = (
        "do not overlap"
        if max(b["low"], a["low"]) > min(b["high"], a["high"])
        else "overlap"
    )
    return (
        f"<header><h1>{escape(title)}</h1><p>{escape(line)}</p></header>"
        f'<p class="hero"><span class="before">{percent(b["success"])}</span> '
        f'<span aria-hidden="true">→</span><span class="hidden"> to </span> '
        f'<span class="after">{percent(a["success"])}</span></p>'
        f"<p>Before training the agent won {percent(b['success'])} of {first['n']} "
        f"held-out games, afterwards {percent(a['success'])}: a change of "
        f"<strong>{first['points']:+.0f} points</strong> "
        f"(95 %: {first['low']:+.0f} to {first['high']:+.0f}). "
        f"The intervals before and after {apart}.</p>"
    )


def _headline(changes: Mapping[str, Comparison], notes: Iterable[str]) -> str:
    rows = [
        (
            f"{escape(name)}<small>{c.n} games</small>",
            _cell(c.before),
            _cell(c.after),
            _change_cell(c),
        )
        for name, c in changes.items()
    ]
    won = table("Held-out games won", ("Games", "Before", "After", "Change"), rows)
    told = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return section(
        "Before and after",
        f'{won}{told}<p class="quiet">Small numbers: Wilson 95 % interval of a '
        "share; bootstrap 95 % interval of the change, game by game; exact McNemar "
        "test where each game was played once.</p>",
    )


def _cell(evaluation: Evaluation) -> str:
    low, high = 100 * evaluation.low, 100 * evaluation.high
    lines = [f"{low:.0f} to {high:.0f} %", f"{evaluation.mean_turns:.1f} turns"]
    if evaluation.broken:
        lines.append(f"{evaluation.broken} worlds failed")
    return big(percent(evaluation.success), lines)


def _change_cell(change: Comparison) -> str:
    lines = [f"{change.low:+.0f} to {change.high:+.0f}"]
    lines.append(f"{change.gained} better, {change.lost} worse")
    if change.p_value is not None:
        lines.append(f"p = {change.p_value:.1g}")
    return big(f"{change.points:+.0f} points", lines)


def _learning(rollouts: Sequence[Mapping[str, Any]], first: Comparison) -> str:
    if not rollouts:
        return section(
            "Learning curve", "<p>The run has reported no training episodes.</p>"
        )
    steps, success = _series(rollouts, "success")
    played = [_episodes(r) for r in rollouts if r.get("success") is not None]
    held = [(e.success, e.low, e.high) for e in (first.before, first.after)]

    def curve(width: int) -> str:
        return learning_curve(
            steps,
            success,
            episodes=played,
            before=held[0],
            after=held[1],
            width=width,
        )

    caption = (
        f"Share of games won. Dots: the training games of one step, {sum(played):,} "
        f"episodes in all; curve: smoothed over about {2 * smoothing(len(steps)):.0f} "
        "steps. Lines across: the "
        f"{first.n} held-out games before (dashed) and after training (solid), in the "
        "band of their 95 % interval."
    )
    panels = (
        ("mean_turns", "Turns of an episode", "mean", None),
        ("entropy", "Entropy of sampled tokens", "nats", None),
        ("silent_groups", "Groups without a difference", "%", 1.0),
    )
    small = "".join(
        line_chart(*_series(rollouts, key), title=t, unit=u, top=top, width=PANEL)
        for key, t, u, top in panels
    )
    return section(
        "Learning curve",
        f"<figure>{wide_and_narrow(curve)}<figcaption>{caption}</figcaption></figure>"
        f'<div class="panels">{small}</div>'
        '<p class="quiet">A group is several episodes of one game; where all were paid '
        f"the same there is nothing to learn from.</p>{_curve_table(rollouts)}",
    )


def _series(
    rollouts: Iterable[Mapping[str, Any]], key: str
) -> tuple[list[float], list[float]]:
    """Return steps and values, without those that are missing."""
    known = [(r["step"], r[key]) for r in rollouts if r.get(key) is not None]
    return [step for step, _ in known], [value for _, value in known]


def _curve_table(rollouts: Iterable[Mapping[str, Any]]) -> str:
    keys = ("success", "mean_turns", "entropy", "silent_groups")
    rows = [
        (str(r["step"]), str(_episodes(r)), *(_number(r.get(key)) for key in keys))
        for r in rollouts
    ]
    heads = ("Step", "Episodes", "Won", "Turns", "Entropy", "Silent groups")
    return folded("The numbers of these charts", table("Training", heads, rows))


def _verbs(first: Comparison) -> str:
    rows = _verb_rows(first.before.by_verb, first.after.by_verb)
    if not rows:
        return section("Commands", "<p>No command was given.</p>")
    title = "Commands that took effect"

    def chart(width: int) -> str:
        return bar_chart(rows[:VERBS], title=title, width=width)

    cells = [(escape(verb), bar_label(b), bar_label(a)) for verb, b, a in rows]
    all_verbs = table(title, ("Verb", "Before", "After"), cells)
    return section(
        "Commands",
        f"<figure>{wide_and_narrow(chart)}<figcaption>Share of the commands with this "
        "first word that took effect, and of how many. Upper, hollow bar: before; "
        "lower, filled bar: after training.</figcaption></figure>"
        + folded(f"All {len(rows)} verbs as a table", all_verbs),
    )


def _verb_rows(earlier: Mapping[str, Share], later: Mapping[str, Share]) -> list[Bars]:
    """Return a row for each verb, the most frequent first."""

    def bar(side: Mapping[str, Share], verb: str) -> Bar | None:
        return (side[verb].value, side[verb].n) if verb in side else None

    used = Counter({verb: share.n for verb, share in earlier.items()})
    used.update({verb: share.n for verb, share in later.items()})
    return [(v, bar(earlier, v), bar(later, v)) for v, _ in used.most_common()]


def _making(
    setup: Mapping[str, Any],
    seconds: Mapping[str, float],
    facts: Mapping[str, Any],
    changes: Mapping[str, Comparison],
    command: str,
) -> str:
    total = sum(seconds.values()) or 1.0
    time = [(k, f"{s:.1f}", percent(s / total)) for k, s in seconds.items()]
    seeds = [("training", str(facts["seed"]))] + [
        (f"evaluation: {name}", str(c.after.seed)) for name, c in changes.items()
    ]
    settings = [(k, json.dumps(v, default=str)) for k, v in setup["settings"].items()]
    tables = (
        table("Time of the training steps", ("Part", "Seconds", "Share"), time),
        table("Seeds", ("Of", "Seed"), escaped(seeds)),
        table("Versions", ("Package", "Version"), escaped(setup["versions"].items())),
        table(
            "Settings that differ from the defaults",
            ("Name", "Value"),
            escaped(settings),
        ),
    )
    return section(
        "How it was made",
        f"<p>To do it again:</p><pre>{escape(command)}</pre>"
        f'<div class="facts">{"".join(tables)}</div>',
    )


def _call(setup: Mapping[str, Any]) -> str:
    """Return the call of `train` that repeats a run."""
    settings = dict(setup["settings"])
    env, params = settings.pop("env", ""), settings.pop("env_params", {})
    settings.pop("policy", None)
    given = "".join(f", {k}={v!r}" for k, v in params.items())
    lines = "".join(f"    {k}={v!r},\n" for k, v in settings.items())
    return (
        "from toolkit import load_policy, make_env, train\n\n"
        f"train(\n    load_policy({setup['policy']!r}),\n"
        f"    make_env({env!r}{given}),\n{lines})"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
