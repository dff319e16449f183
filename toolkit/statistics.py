"""How sure a success rate is: intervals and tests as pure functions.

All intervals are two-sided. No global random state is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from toolkit.errors import ConfigError

CONFIDENCE = 0.95


def wilson(
    wins: float, n: float, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return the Wilson score interval of a success rate.

    Source: Wilson (1927), "Probable inference, the law of succession, and statistical
    inference", JASA 22. With `p = wins / n` and the normal quantile `z`, the interval
    is `(p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)`.

    By hand for 5 of 10 (z² = 3.8415): half the width is
    1.9600 · √(0.025 + 0.0096036) / 1.38415 = 0.2634.

    >>> low, high = wilson(5, 10)
    >>> round(low, 4), round(high, 4)
    (0.2366, 0.7634)

    Args:
        wins: Successes, `0 <= wins <= n`; may be fractional with a fractional `n`.
        n: Trials, more than 0.
        confidence: Probability that the interval covers the true rate.

    Returns:
        Lower and upper end, within [0, 1].

    Raises:
        ConfigError: If a number is out of range.
    """
    if not 0 < n < math.inf or not 0 <= wins <= n or not 0 < confidence < 1:
        raise ConfigError(
            f"There is no interval for {wins} wins of {n} at confidence {confidence}.",
            "It needs 0 <= wins <= n, n > 0 and a confidence between 0 and 1.",
            "Check that at least one episode was played.",
        )
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p, shrink = wins / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / shrink
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / shrink
    return max(0.0, min(p, centre - half)), min(1.0, max(p, centre + half))


def effective_n(shares: Sequence[float], samples: float) -> float:
    """Return how many independent episodes several samples per task are worth.

    Episodes of one task are alike, so `N` tasks times `S` samples tell less than `N·S`
    tasks would. The mean success `p` has the variance `s²/N`, with `s²` the variance
    between tasks; `n` independent episodes would give `p(1-p)/n`. Equating the two
    gives `n = p(1-p) / (s²/N)`, as in Korn and Graubard (1998), "Confidence intervals
    for proportions with small expected number of positive counts estimated from survey
    data", Survey Methodology 24. It is kept between `N` (samples of a task are all
    equal) and `N·S` (all independent), and is `N` if every episode ended alike.

    Shares 1, 1, 0, 0.5 give p = 0.625, s² = 0.22917 and n = 0.234375 / 0.057292:

    >>> round(effective_n([1, 1, 0, 0.5], samples=2), 4)
    4.0909

    Args:
        shares: Success per task `(N,)`, each in [0, 1].
        samples: Episodes per task, on average.
    """
    n, p = len(shares), float(np.mean(shares))
    if n < 2 or p in (0, 1):
        return float(n)
    spread = float(np.var(shares, ddof=1)) / n
    most = n * max(1.0, samples)
    return most if spread == 0 else min(most, max(float(n), p * (1 - p) / spread))


def paired_bootstrap(
    differences: Sequence[float],
    *,
    confidence: float = CONFIDENCE,
    resamples: int = 10_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the mean of paired differences.

    Source: Efron and Tibshirani (1993), "An introduction to the bootstrap", chapter 13.
    Whole tasks are drawn again, so what happens within a task stays together. Equal
    differences are drawn at once with a multinomial, which is the same as drawing
    tasks one by one and needs no `resamples x tasks` array. If all differences are
    equal, the interval has no width.

    Args:
        differences: One per task `(N,)`, at least one.
        confidence: Probability that the interval covers the true mean.
        resamples: How often the tasks are drawn again.
        seed: Of the generator.
    """
    values, counts = np.unique(np.asarray(differences, float), return_counts=True)
    n = int(counts.sum())
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=resamples)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn @ values / n, [tail, 1 - tail])
    return float(low), float(high)


def t_interval(
    values: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Return Student's interval of a mean, for a few runs of training.

    Source: Student (1908), "The probable error of a mean", Biometrika 6: with the mean
    `m` and the deviation `s` of `n` values it is `m ± t s / √n`, where `t` belongs to
    `n - 1` degrees of freedom. It takes the values to be normal; if all are equal, it
    has no width.

    By hand for 0.1, 0.2, 0.3 (s = 0.1): half the width is 4.3027 · 0.1 / √3 = 0.2484.

    >>> low, high = t_interval([0.1, 0.2, 0.3])
    >>> round(low, 4), round(high, 4)
    (-0.0484, 0.4484)

    Args:
        values: One per run `(N,)`, at least two.
        confidence: Probability that the interval covers the true mean.

    Raises:
        ConfigError: If there are under two values, or `confidence` is out of range.
    """
    n = len(values)
    if n < 2 or not 0 < confidence < 1:
        raise ConfigError(
            f"There is no interval for {n} values at confidence {confidence}.",
            "It needs two values or more and a confidence between 0 and 1.",
            "Run with more seeds.",
        )
    half = t_quantile(confidence, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    mean = float(np.mean(values))
    return mean - half, mean + half


def t_quantile(confidence: float, freedom: int) -> float:
    """Return the `t` that Student's |T| stays below with probability `confidence`.

    The probability is a finite sum in the angle `arctan(t / √freedom)`, which is halved
    down to: Abramowitz and Stegun (1964), "Handbook of mathematical functions", 26.7.3
    and 26.7.4.

    By hand for 2 degrees of freedom: the sum is `t / √(t² + 2)`, so 0.95 needs
    t = 0.95 · √2 / √(1 - 0.95²) = 1.343503 / 0.312250.

    >>> round(t_quantile(0.95, 2), 4)
    4.3027

    Args:
        confidence: Between 0 and 1.
        freedom: Degrees of freedom, at least 1.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):  # as fine as a float
        angle = (low + high) / 2
        if _t_covered(angle, freedom) < confidence:
            low = angle
        else:
            high = angle
    return math.sqrt(freedom) * math.tan(low)


def _t_covered(angle: float, freedom: int) -> float:
    """Return the probability of |T| < √freedom tan(angle)."""
    odd = freedom % 2
    term, total = (math.cos(angle) if odd else 1.0), 0.0
    for j in range(1, freedom // 2 + 1):
        total += term
        term *= math.cos(angle) ** 2 * (2 * j - 1 + odd) / (2 * j + odd)
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided p-value of the exact McNemar test.

    Source: McNemar (1947), "Note on the sampling error of the difference between
    correlated proportions or percentages", Psychometrika 12, in its exact form: if
    nothing has changed, each of the `gained + lost` tasks that turned over did so
    either way with probability ½.

    By hand for 1 against 5: 2 · (C(6,0) + C(6,1)) / 2⁶ = 14 / 64.

    >>> mcnemar(5, 1)
    0.21875

    Args:
        gained: Tasks lost before and won after.
        lost: Tasks won before and lost after.
    """
    n = gained + lost
    tail = sum(math.comb(n, k) for k in range(min(gained, lost) + 1))
    return min(1.0, tail / 2 ** (n - 1)) if n else 1.0
