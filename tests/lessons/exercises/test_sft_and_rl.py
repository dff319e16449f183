import math

import pytest

from toolkit.lessons.exercises.sft_and_rl import (
    CARRIED,
    NOT_CARRIED,
    check_conclusions,
    check_episodes_until_signal,
    check_sampling_weight,
    episodes_until_signal,
)
from toolkit.statistics import wilson


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (
            check_episodes_until_signal,
            lambda p, turns, size: 4.5737 if p == 0.8 else 1.0,
            "for p = 0.50, turns = 1",
        ),
        (
            check_episodes_until_signal,
            lambda p, turns, size: episodes_until_signal(p, turns, min(size, 8)),
            "for p = 0.60, turns = 2 and size = 16",
        ),
        (
            check_episodes_until_signal,
            lambda p, turns, size: size / (1 - p ** (turns * size) - (1 - p) ** size),
            "one wrong turn loses an episode",
        ),
        (check_episodes_until_signal, lambda *_: None, "nothing came back; one number"),
        (check_sampling_weight, lambda p: p * (p - 1), "below 0"),
        (check_sampling_weight, lambda p: math.inf, "How often do both happen"),
        (check_sampling_weight, lambda p: [p], "one number is needed"),
        (check_sampling_weight, lambda p: 0, "How often do both happen"),
        (check_conclusions, "", "some of them are carried"),
        (check_conclusions, "AEX", "no conclusion X"),
        (check_conclusions, None, "some of them are carried"),
        (check_conclusions, 3, "some of them are carried"),
    ],
)
def test_answers_that_are_off_in_other_ways_are_refused(check, answer, message):
    verdict = check(answer)
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize("carried", ["AE", "e, a", "A and E", ["A", "E"], ["AE"]])
def test_letters_may_be_written_in_many_ways(carried):
    assert check_conclusions(carried).passed


@pytest.mark.parametrize("factor", [1, 2, 0.3])
def test_a_weight_may_have_any_factor(factor):
    assert check_sampling_weight(lambda p: factor * p * (1 - p)).passed


def test_what_is_said_of_the_table_is_so():
    def apart(a, b):
        return max(wilson(100 * min(a, b), 100)) < min(wilson(100 * max(a, b), 100))

    def by_chance(a, b):
        return 1.96 * math.sqrt((a * (1 - a) + b * (1 - b)) / 100)

    assert apart(0.95, 0.59)
    assert round(by_chance(0.95, 0.59), 2) == 0.11
    assert apart(0.17, 0.54)
    assert round(by_chance(0.17, 0.54), 2) == 0.12
    assert not apart(0.59, 0.55)
    assert round(by_chance(0.59, 0.55), 2) == 0.14
    assert not apart(0.75, 0.72)
    assert not apart(0.51, 0.44)
    assert apart(0.53, 0.29)
    assert sorted([*CARRIED, *NOT_CARRIED]) == list("ABCDEF")
