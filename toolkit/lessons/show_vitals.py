"""Vital signs of a run beside those of a healthy one: curves and a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from toolkit.diagnosis.history import RECENT, History, Series, ends_of, mean, recent
from toolkit.errors import ToolkitError
from toolkit.lessons.show import View, show_curves
from toolkit.widgets.run_files import open_run

GAP = "sampling/sampling_logp_difference/mean"
CURVES = ("games won", "mean pay", "entropy", "gradient norm")


def show_vitals(run: str | Path, healthy: str | Path, *, title: str) -> View:
    """Draw four curves of two runs.

    Args:
        run: Its folder.
        healthy: The folder of the run to compare with; as many steps are drawn as
            both have.
        title: What is drawn.

    Raises:
        ToolkitError: If there is no such folder, or no step with all four numbers.
    """
    runs = {"this run": _history(run), "healthy": _history(healthy)}
    series = {name: _series(history) for name, history in runs.items()}
    steps = sorted(set.intersection(*(set(c) for s in series.values() for c in s)))
    if not steps:
        raise ToolkitError(
            f"There is nothing to draw of {Path(run).name}.",
            "Both runs must have a step in which games were played to their end.",
        )
    panels = {
        label: {name: [s[k][step] for step in steps] for name, s in series.items()}
        for k, label in enumerate(CURVES)
    }
    return show_curves(panels, x=steps, x_name="step", title=title)


def vital_signs(run: str | Path, healthy: str | Path) -> str:
    """Return a table, in plain text, of how a run stands in its last steps.

    Args:
        run: Its folder.
        healthy: The folder of the run to compare with, at the same steps.

    Raises:
        ToolkitError: If there is no such folder.
    """
    sick, well = _history(run), _history(healthy)
    this, other = _signs(sick), _signs(_until(well, sick.step or well.step))
    rows = [(f"last {RECENT} steps", "this run", "healthy")]
    rows += [(sign, this[sign], other[sign]) for sign in SIGNS]
    wide = [max(len(row[k]) for row in rows) + 3 for k in (0, 1)]
    return "\n".join(f"{a:{wide[0]}}{b:{wide[1]}}{c}" for a, b, c in rows)


def _history(run: str | Path) -> History:
    return History.of(open_run(Path(run)).events)


def _until(run: History, step: int) -> History:
    """Return what a run had reported after so many steps."""
    return replace(
        run,
        rollouts=[e for e in run.rollouts if e["step"] < step],
        updates=[e for e in run.updates if e["step"] <= step],
    )


def _series(run: History) -> tuple[dict[int, float], ...]:
    """Return the numbers of each of `CURVES` by step."""
    found: tuple[Series, ...] = (
        run.of_rollouts("success"),
        run.of_rollouts("mean_return"),
        run.of_rollouts("entropy"),
        run.of_updates("grad_norm"),
    )
    return tuple(map(dict, found))


SIGNS = (
    "silent groups",
    "commands understood",
    "how episodes end",
    "entropy, nats a token",
    "gradient norm",
    "sampling gap, nats a token",
)


def _signs(run: History) -> dict[str, str]:
    """Return in words how a run stands, by the names of `SIGNS`."""
    ends: Counter[str] = sum(map(ends_of, run.rollouts[-RECENT:]), Counter())
    total = max(1, ends.total())
    told = [f"{k} {100 * n / total:.0f} %" for k, n in ends.most_common(3)]
    values = (
        _number(run.of_rollouts("silent_groups"), "0%"),
        _number(run.of_rollouts("valid_rate"), "0%"),
        ", ".join(told) or "unknown",
        _number(run.of_rollouts("entropy"), ".2f"),
        _number(run.of_updates("grad_norm"), ".2g"),
        _number(run.of_updates(GAP), ".2g"),
    )
    return dict(zip(SIGNS, values, strict=True))


def _number(series: Series, form: str) -> str:
    """Return the mean of the recent values, with a space before a percent sign."""
    found = recent(series)
    if not found:
        return "unknown"
    value = mean(found)
    return f"{100 * value:.0f} %" if form == "0%" else f"{value:{form}}"
