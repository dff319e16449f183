"""What the paper claims, judged on our own runs.

Everything is counted over training runs, one per seed: how far would another run fall
from these? How sure a single run's share is, over its games, stands in the run itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from toolkit.experiments.results import Result, mean_of, outcome, paper_of
from toolkit.statistics import t_interval


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A claim, and what pairs of runs with the same seed say about it."""

    text: str
    """The claim."""
    verdict: Literal["held", "contradicted", "undecided"]
    """`held`: the interval lies above 0; `contradicted`: below; else `undecided`."""
    better: float | None
    """Mean of what is claimed to be better; `None` without a pair."""
    than: float | None
    """Mean of what it is compared with."""
    interval: tuple[float, float] | None
    """Student's 95 % interval of the mean difference; `None` under two pairs."""
    pairs: int
    """Seeds that both sides have."""
    measure: str = "success"
    """"success" after training, or "gain" over the start."""

    @property
    def difference(self) -> float | None:
        """Mean difference, from -2 to 2."""
        if self.better is None or self.than is None:
            return None
        return self.better - self.than

    @property
    def evidence(self) -> str:
        """The numbers as a sentence."""
        if self.better is None or self.than is None or self.difference is None:
            return "No runs to judge by."
        sign, unit = ("+", "points") if self.measure == "gain" else ("", "%")
        told = (
            f"{100 * self.better:{sign}.1f} {unit} against "
            f"{100 * self.than:{sign}.1f} {unit}: {100 * self.difference:+.1f} points"
        )
        if self.interval is None:
            return f"{told}, in one run."
        low, high = (100 * end for end in self.interval)
        return f"{told} (95 %: {low:+.1f} to {high:+.1f}; {self.pairs} pairs of runs)."


def conclusions(result: Result) -> str:
    """Say what an experiment can and cannot conclude, in lines for a terminal."""
    judged = [judge(result, claim) for claim in result["claims"]]
    lines = [f"{v.verdict:>12}: {v.text}. {v.evidence}" for v in judged]
    limits = [f"  - {limit}" for limit in result["limits"]]
    return "\n".join([*lines, "What this cannot show:", *limits])


def judge(result: Result, claim: Mapping[str, Any]) -> Verdict:
    """Judge a claim on the seeds that both of its sides have.

    Args:
        result: The experiment.
        claim: Has `text`, `better` (arm and exam), `than` (arm and exam, or "before"
            for the arm's own start) and `measure` ("success" after training, or "gain"
            over the start).
    """
    measure, (arm, exam) = claim.get("measure", "success"), claim["better"]
    ours = _measured(result, arm, exam, measure)
    if claim["than"] == "before":
        start = outcome(result, arm, exam, "before")
        theirs = dict.fromkeys(start, 0.0) if measure == "gain" else start
    else:
        other, games = claim["than"]
        theirs = _measured(result, other, games, measure)
    seeds = sorted(ours.keys() & theirs.keys())
    # rounded, so that what is equal on paper is equal here
    differences = [round(ours[s] - theirs[s], 9) for s in seeds]
    interval = t_interval(differences) if len(seeds) > 1 else None
    return Verdict(
        text=claim["text"],
        verdict=_verdict(interval),
        better=mean_of([ours[s] for s in seeds]),
        than=mean_of([theirs[s] for s in seeds]),
        interval=interval,
        pairs=len(seeds),
        measure=measure,
    )


def paper_difference(result: Result, claim: Mapping[str, Any]) -> float | None:
    """Return the difference that a claim speaks of as the paper prints it.

    Args:
        result: The experiment.
        claim: As in `judge`.

    Returns:
        From -2 to 2; `None` if the paper has no number for one of the sides.
    """

    def side(arm: str, exam: str) -> float | None:
        before, after = paper_of(result, arm, exam)
        if claim.get("measure", "success") == "success" or after is None:
            return after
        return None if before is None else after - before

    better = side(*claim["better"])
    if claim["than"] != "before":
        than = side(*claim["than"])
    elif claim.get("measure") == "gain":
        than = 0.0
    else:
        than = paper_of(result, *claim["better"])[0]
    return None if better is None or than is None else better - than


def share_interval(shares: Sequence[float]) -> tuple[float, float] | None:
    """Return Student's interval of a mean share, kept within 0 and 1.

    >>> share_interval([0.9, 1.0, 1.0])  # 0.9667 ± 4.3027 · 0.0577 / √3
    (0.8232..., 1.0)
    >>> share_interval([0.9]) is None
    True
    """
    if len(shares) < 2:
        return None
    low, high = t_interval(shares)
    return max(0.0, low), min(1.0, high)


def visible_difference(verdicts: Sequence[Verdict]) -> float | None:
    """Return about how large a difference had to be for these runs to show it.

    It is half the width of the intervals, as their root mean square: what one interval
    for all claims would have that pooled their variances. `None` unless all have one.
    """
    halves = [(v.interval[1] - v.interval[0]) / 2 for v in verdicts if v.interval]
    if not halves or len(halves) < len(verdicts):
        return None
    return float(np.sqrt(np.mean(np.square(halves))))


def _measured(result: Result, arm: str, exam: str, measure: str) -> dict[int, float]:
    after = outcome(result, arm, exam)
    if measure == "success":
        return after
    start = outcome(result, arm, exam, "before")
    return {s: share - start[s] for s, share in after.items() if s in start}


def _verdict(
    interval: tuple[float, float] | None,
) -> Literal["held", "contradicted", "undecided"]:
    if interval and interval[0] > 0:
        return "held"
    if interval and interval[1] < 0:
        return "contradicted"
    return "undecided"
