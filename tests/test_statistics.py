import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.errors import ConfigError
from toolkit.statistics import (
    effective_n,
    mcnemar,
    paired_bootstrap,
    t_interval,
    t_quantile,
    wilson,
)


def test_wilson_at_the_borders():
    # p = 0: the centre and half the width are both (z²/2n) / (1 + z²/n), so the
    # interval goes from 0 to (z²/n) / (1 + z²/n) = 0.38415 / 1.38415 = 0.2775.
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(10, 10) == pytest.approx((0.7225, 1), abs=1e-4)
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == 1


def test_wilson_with_another_confidence():
    # 90 %: z = 1.644854, z² = 2.705543. For 8 of 10: centre (0.8 + 0.135277) / 1.270554
    # = 0.736117; half 1.644854 · √(0.016 + 0.00676386) / 1.270554 = 0.195325.
    assert wilson(8, 10, 0.9) == pytest.approx((0.540792, 0.931442), abs=1e-5)


@given(n=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson_holds_the_rate_and_mirrors(n, share):
    wins = round(share * n)
    low, high = wilson(wins, n)
    assert 0 <= low <= wins / n <= high <= 1
    assert wilson(n - wins, n) == pytest.approx((1 - high, 1 - low))
    assert low > wilson(wins, n, 0.99)[0] or low == 0


@pytest.mark.parametrize(
    ("wins", "n", "confidence"),
    [(0, 0, 0.95), (-1, 5, 0.95), (6, 5, 0.95), (1, 5, 1), (math.nan, 5, 0.95)],
)
def test_wilson_refuses_what_is_no_share(wins, n, confidence):
    with pytest.raises(ConfigError, match="no interval"):
        wilson(wins, n, confidence)


def test_effective_n_reaches_both_ends():
    # Samples of a task all end alike: 4 tasks are worth 4 episodes.
    assert effective_n([1, 1, 0, 0], samples=8) == 4
    # Tasks do not differ at all: 4 tasks of 8 samples are worth 32 episodes.
    assert effective_n([0.5, 0.5, 0.5, 0.5], samples=8) == 32
    # Nothing is known about how tasks differ: do not claim more than the tasks.
    assert effective_n([1, 1, 1, 1], samples=8) == 4
    assert effective_n([0.5], samples=8) == 1


@given(st.lists(st.integers(0, 1), min_size=1, max_size=50))
def test_one_sample_per_task_is_worth_one_episode_each(results):
    assert effective_n(results, samples=1) == len(results)


@pytest.mark.parametrize("spread", [0.4, 2, 1e9])
def test_intervals_cover_the_truth_with_several_samples(spread):
    """Tasks differ much, somewhat or not at all; the mean success is 0.7."""
    rng = np.random.default_rng(0)
    covered = too_sure = 0
    for _ in range(1000):
        chances = rng.beta(0.7 * spread, 0.3 * spread, size=50)
        shares = rng.binomial(4, chances) / 4
        n = effective_n(shares, samples=4)
        low, high = wilson(shares.mean() * n, n)
        covered += low <= 0.7 <= high
        low, high = wilson(shares.sum() * 4, 200)
        too_sure += low <= 0.7 <= high
    assert 930 <= covered <= 970
    # Counting every episode as independent is what this avoids.
    assert (too_sure < 900) == (spread < 1e9)


def test_single_samples_are_covered():
    rng = np.random.default_rng(1)
    wins = rng.binomial(100, 0.8, size=2000)
    covered = [low <= 0.8 <= high for low, high in (wilson(w, 100) for w in wins)]
    assert 0.93 <= np.mean(covered) <= 0.97


def test_bootstrap_agrees_with_the_normal_interval():
    # 40 times +1, 10 times -1 and 50 times 0: mean 0.3, variance 0.5 - 0.09 = 0.41,
    # standard error √(0.41 / 100) = 0.0640, so 0.3 ± 1.96 · 0.0640 = 0.1745 to 0.4255.
    low, high = paired_bootstrap([1] * 40 + [-1] * 10 + [0] * 50)
    assert (low, high) == pytest.approx((0.1745, 0.4255), abs=0.012)


def test_bootstrap_is_seeded_and_ignores_the_order():
    values = [0.25, -0.5, 1, 0, 0, 0.25]
    assert paired_bootstrap(values) == paired_bootstrap(values[::-1])
    assert paired_bootstrap(values, seed=1, resamples=99) != paired_bootstrap(
        values, seed=2, resamples=99
    )
    assert paired_bootstrap([0.5, 0.5]) == (0.5, 0.5)


def test_bootstrap_covers_the_truth():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(400):
        # Won after only: 0.3, won before only: 0.1; so the true change is 0.2.
        changes = rng.choice([1, -1, 0], p=[0.3, 0.1, 0.6], size=100)
        low, high = paired_bootstrap(changes, resamples=1000)
        covered += low <= 0.2 <= high
    assert 0.92 * 400 <= covered <= 0.98 * 400


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1
    assert mcnemar(1, 0) == 1  # 2 · 1/2
    assert mcnemar(5, 0) == 2 / 32
    assert mcnemar(2, 8) == 2 * (1 + 10 + 45) / 1024
    assert mcnemar(5, 5) == 1


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_is_the_sum_of_all_splits_as_uneven(gained, lost):
    n = gained + lost
    as_uneven = [k for k in range(n + 1) if abs(2 * k - n) >= abs(gained - lost)]
    expected = sum(Fraction(math.comb(n, k), 2**n) for k in as_uneven)
    assert mcnemar(gained, lost) == pytest.approx(float(expected))


def test_mcnemar_takes_large_counts():
    assert mcnemar(3000, 0) == 0
    assert 0 < mcnemar(1600, 1400) < 0.001


def test_t_quantiles_are_those_of_the_tables():
    tabled = {1: 12.7062, 2: 4.3027, 3: 3.1824, 4: 2.7764, 5: 2.5706, 9: 2.2622}
    for freedom, t in {**tabled, 30: 2.0423}.items():
        assert t_quantile(0.95, freedom) == pytest.approx(t, abs=6e-5)
    assert t_quantile(0.99, 4) == pytest.approx(4.6041, abs=6e-5)
    assert t_quantile(0.5, 1) == pytest.approx(1)  # tan(45°)
    assert t_quantile(0.95, 5000) == pytest.approx(1.9604, abs=1e-4)  # nearly normal


def test_t_intervals_cover_the_truth_with_three_runs():
    runs = np.random.default_rng(3).normal(0.7, 0.1, size=(2000, 3))
    covered = [low <= 0.7 <= high for low, high in map(t_interval, runs)]
    assert 0.94 <= np.mean(covered) <= 0.96


def test_t_interval_of_equal_values_has_no_width():
    assert t_interval([0.5, 0.5, 0.5]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("values", "confidence"), [([], 0.95), ([0.5], 0.95), ([1, 2], 1), ([1, 2], 0)]
)
def test_t_interval_refuses_one_value(values, confidence):
    with pytest.raises(ConfigError, match="no interval"):
        t_interval(values, confidence)
