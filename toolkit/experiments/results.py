"""Reading what an experiment has stored, be it finished or not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

Result = Mapping[str, Any]
"""An experiment as `toolkit experiment` stores it."""
Run = Mapping[str, Any]
"""One of its training runs."""

_EMPTY: Result = {
    **dict.fromkeys(("name", "title", "question", "setting", "start"), ""),
    **dict.fromkeys(("seeds", "exams", "claims", "findings", "limits"), ()),
    **{part: {} for part in ("arms", "paper", "made")},
    "paper_source": "",
    "n": "?",
    "measure": "success",
}


def whole(result: Result) -> Result:
    """Return a result that has every part, the missing ones empty."""
    return {**_EMPTY, **{k: v for k, v in result.items() if v is not None}}


def runs_of(result: Result, arm: str) -> Sequence[Run]:
    """Return the training runs of an arm, as far as they are there."""
    return (result["arms"].get(arm) or {}).get("runs") or ()


def label_of(result: Result, arm: str) -> str:
    """Return what an arm is called."""
    return str((result["arms"].get(arm) or {}).get("label") or arm)


def paper_of(result: Result, arm: str, exam: str) -> tuple[float | None, float | None]:
    """Return success before and after as the paper prints it."""
    before, after = (result["paper"].get(arm) or {}).get(exam) or (None, None)
    return before, after


def outcome(
    result: Result, arm: str, exam: str, when: str = "after"
) -> dict[int, float]:
    """Return what was measured of each run that has it, by seed.

    Args:
        result: The experiment.
        arm: Which of its arms.
        exam: Which of its exams.
        when: "before" or "after" training.
    """
    measure = result.get("measure", "success")
    shares = {
        run["seed"]: ((run.get(when) or {}).get(exam) or {}).get(measure)
        for run in runs_of(result, arm)
    }
    return {seed: share for seed, share in shares.items() if is_number(share)}


def curve_of(run: Run) -> dict[int, float]:
    """Return the success of a run in training by step, counted from 1.

    >>> curve_of({"curve": [0.5, None, 1.0]})
    {1: 0.5, 3: 1.0}
    """
    shares = enumerate(run.get("curve") or (), start=1)
    return {step: share for step, share in shares if is_number(share)}


def mean_of(shares: Sequence[float]) -> float | None:
    """Return the mean, `None` of nothing."""
    return sum(shares) / len(shares) if shares else None


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether something that was stored is a number one can count with."""
    return isinstance(value, int | float) and math.isfinite(value)
