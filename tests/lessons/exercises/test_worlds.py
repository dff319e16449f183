import math

import numpy as np
import pytest
import torch

from toolkit.lessons.exercises.worlds import (
    check_supported,
    check_win_chance,
    check_won_within,
    win_chance,
    won_within,
)


def test_answers_that_fit_the_example_alone_are_caught():
    fitted = check_win_chance(lambda p, n, t: win_chance(0.3, 2, 5))
    assert "Add up the chances of exactly" in fitted.message
    fitted = check_won_within(lambda played, turns: won_within(played, 5) + 0.0)
    assert not fitted.passed
    fitted = check_won_within(lambda played, turns: 6 / 15)
    assert "Look at" in fitted.message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda p, n, t: max(win_chance(p, n, t), 1e-3), "Nobody can win so"),
        (lambda p, n, t: win_chance(p, n, t) / (n <= t), "a quest of 6 and 4 turns"),
        (lambda p, n, t: None, "nothing came back; one number"),
    ],
)
def test_what_is_off_with_a_chance_is_told(answer, message):
    verdict = check_win_chance(answer)
    assert not verdict.passed
    assert message in verdict.message


def exactly(p, good, turns):
    return math.comb(turns, good) * p**good * (1 - p) ** (turns - good)


@pytest.mark.parametrize(
    "answer",
    [
        lambda p, n, t: sum(exactly(p, k, t) for k in range(n, t + 1)),
        lambda p, n, t: np.array([win_chance(p, n, t)], dtype=np.float32),
        lambda p, n, t: torch.tensor(win_chance(p, n, t)),
    ],
)
def test_chances_may_be_computed_otherwise(answer):
    assert check_win_chance(answer).passed


@pytest.mark.parametrize("answer", [["A"], 3, None, "", "XA"])
def test_letters_that_are_none_are_told_so(answer):
    assert not check_supported(answer).passed


def test_the_claims_that_are_called_supported_are_beyond_chance_and_c_is_not():
    def half(a, b):
        return 1.96 * ((a * (1 - a) + b * (1 - b)) / 100) ** 0.5

    assert 0.59 - 0.01 > half(0.59, 0.01) == pytest.approx(0.10, abs=0.005)
    assert 0.88 - 0.55 > half(0.88, 0.55) == pytest.approx(0.12, abs=0.005)
    assert 0.88 - 0.80 < half(0.88, 0.80) == pytest.approx(0.10, abs=0.005)
