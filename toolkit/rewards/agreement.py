"""How far a model-based reward can be trusted: measured against a verified one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError, RewardError, ToolkitError
from toolkit.rewards.mix import Mix, get_reward
from toolkit.rewards.terms import Term
from toolkit.statistics import CONFIDENCE, effective_n, wilson
from toolkit.tables import html_table, text_table

RESAMPLES = 1000
"""How often the tasks are drawn again for the interval of the AUC."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A share with its 95 % interval."""

    value: float
    """Hits by trials."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    n: int
    """Trials."""

    def __str__(self) -> str:
        return f"{self.value:.2f}  (95 %: {self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """What `agreement` found."""

    won_as_won: int
    """Won episodes that the judge took for won."""
    won_as_lost: int
    """Won episodes that it took for lost."""
    lost_as_won: int
    """Lost episodes that it took for won: what a policy will learn to look like."""
    lost_as_lost: int
    """Lost episodes that it took for lost."""
    accuracy: Rate
    """Episodes it took for what they were."""
    won_found: Rate | None
    """Share of the won episodes that it took for won; `None` if none was won."""
    lost_found: Rate | None
    """Share of the lost episodes that it took for lost; `None` if none was lost."""
    auc: Rate | None
    """How often it pays the better of two episodes more (a tie counts half), `n` pairs;
    0.5 is chance. `None` if the verified reward pays all alike."""
    baseline: float
    """Accuracy of always saying what is more frequent: won or lost."""
    failed: int
    """Episodes without a judgement; they are counted nowhere else."""
    broken: int
    """Episodes whose world failed; they are counted nowhere else."""
    threshold: float
    """A total of the judge from here on means won."""

    def __str__(self) -> str:
        return text_table(self._rows())

    def _repr_html_(self) -> str:
        return html_table(self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        return [
            ("accuracy", f"{self.accuracy}, always the same: {self.baseline:.2f}"),
            ("AUC", str(self.auc or "all episodes are worth the same")),
            ("won, found", str(self.won_found or "none was won")),
            ("lost, found", str(self.lost_found or "none was lost")),
            ("won, taken for lost", f"{self.won_as_lost} episodes"),
            ("lost, taken for won", f"{self.lost_as_won} episodes"),
            ("not judged", f"{self.failed} failed, {self.broken} with a broken world"),
        ]


def agreement(
    judge: Term | str | Mapping[str, Any] | Mix,
    verified: str | Mapping[str, Any] | Mix,
    episodes: Sequence[Episode],
    *,
    threshold: float = 0.5,
) -> Agreement:
    """Measure a judge on episodes whose outcome is known.

    Use episodes like those it will pay: from the policy that is to be trained, won
    and lost ones, dozens of each. Accuracy and the four counts compare what the judge
    takes for won with `Episode.won`; the AUC compares how it ranks the episodes with
    how `verified` does. It holds for the episodes at hand: a policy trained on a judge
    moves to where the judge is wrong, so measure again after training.

    Intervals of shares are Wilson's, with `statistics.effective_n` for the number of
    episodes; that of the AUC is a bootstrap over tasks.

    Args:
        judge: What is measured, such as `judged(...)` or `reward_model(...)`, or what
            `get_reward` takes.
        verified: A reward to be trusted, such as `"success"`; see `get_reward`.
        episodes: Recorded episodes.
        threshold: A total of the judge from here on counts as "won". Its AUC does not
            depend on it.

    Raises:
        ConfigError: If no episode could be judged.
    """
    intact = [e for e in episodes if not e.stop_reason.is_broken]
    pairs = _judged(judge, intact)
    won = np.array([e.won for e, _ in pairs])
    said = np.array([total >= threshold for _, total in pairs])
    number = {task: i for i, task in enumerate(dict.fromkeys(e.task for e, _ in pairs))}
    tasks = np.array([number[e.task] for e, _ in pairs])
    truth = get_reward(verified).score([e for e, _ in pairs]).returns
    return Agreement(
        won_as_won=int(np.sum(won & said)),
        won_as_lost=int(np.sum(won & ~said)),
        lost_as_won=int(np.sum(~won & said)),
        lost_as_lost=int(np.sum(~won & ~said)),
        accuracy=_rate(said == won, tasks),
        won_found=_rate(said[won], tasks[won]) if won.any() else None,
        lost_found=_rate(~said[~won], tasks[~won]) if not won.all() else None,
        auc=_auc(np.array([total for _, total in pairs]), truth, tasks),
        baseline=float(max(won.mean(), 1 - won.mean())),
        failed=len(intact) - len(pairs),
        broken=len(episodes) - len(intact),
        threshold=threshold,
    )


def _judged(
    judge: Term | str | Mapping[str, Any] | Mix, episodes: Sequence[Episode]
) -> list[tuple[Episode, float]]:
    """Return the episodes that have a judgement, with its total."""
    results = _scores(judge, episodes)
    pairs = [
        (e, sum(r))
        for e, r in zip(episodes, results, strict=True)
        if not isinstance(r, ToolkitError)
    ]
    if not pairs:
        first = next((r for r in results if isinstance(r, ToolkitError)), None)
        raise ConfigError(
            "The judge cannot be measured: none of the episodes has a judgement.",
            first.why if first else "None of them is intact.",
            first.fix if first else "Collect some episodes first.",
        )
    return pairs


def _scores(
    judge: Term | str | Mapping[str, Any] | Mix, episodes: Sequence[Episode]
) -> Sequence[Sequence[float] | ToolkitError]:
    """Return rewards or errors, in one call if the judge can do that."""
    if isinstance(judge, str | Mapping | Mix):
        scored = get_reward(judge).score(episodes, mask=True)
        why = {fault.episode: RewardError(str(fault)) for fault in scored.faults}
        paid = enumerate(scored.turn_rewards)
        return [why[i] if rewards is None else rewards for i, rewards in paid]
    together = getattr(judge, "batch", None)
    if together is None:
        return [judge(episode) for episode in episodes]
    found: list[Sequence[float] | ToolkitError] = together(episodes)
    return found


def _rate(hits: Any, tasks: Any) -> Rate:
    """Return the share of hits `(N,)`, wide enough for tasks that were played often."""
    value, n = float(np.mean(hits)), len(hits)
    shares = [float(hits[tasks == task].mean()) for task in np.unique(tasks)]
    worth = effective_n(shares, n / len(shares))
    low, high = wilson(value * worth, worth)
    return Rate(value=value, low=low, high=high, n=n)


def _auc(scores: Any, truth: Any, tasks: Any) -> Rate | None:
    """Return how often the better of two episodes scores higher.

    With a verified reward of 0 or 1 it is the area under the ROC curve (Hanley and
    McNeil 1982, "The meaning and use of the area under a ROC curve", Radiology 143).
    """
    better = truth[:, None] > truth[None, :]
    if not better.any():
        return None
    gap = np.sign(scores[:, None] - scores[None, :])
    right = np.where(better, (gap + 1) / 2, 0.0)
    value = float(right.sum() / better.sum())
    n = int(tasks.max()) + 1
    drawn = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    weights = drawn[:, tasks].astype(float)
    hits = ((weights @ right) * weights).sum(1)
    of = ((weights @ better.astype(float)) * weights).sum(1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(hits[of > 0] / of[of > 0], [tail, 1 - tail])
    return Rate(value=value, low=float(low), high=float(high), n=int(better.sum()))
