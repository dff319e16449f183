import math

import pytest

from toolkit.lessons.budget_checks import (
    CARRIED,
    NOT_CARRIED,
    check_conclusions,
    check_episodes_until_signal,
    check_sampling_weight,
)
from toolkit.statistics import wilson


def explode(*_):
    raise ZeroDivisionError("division by zero")


# ---- episodes until a signal ---------------------------------------------------------


def mixed(p, turns, size):
    q = p**turns
    return 1 - q**size - (1 - q) ** size


def until_signal(p, turns, size):
    return size / mixed(p, turns, size)


SIGNAL = {
    "number of turns is not used": lambda p, turns, size: until_signal(p, 1, size),
    "until the first win": lambda p, turns, size: 1 / p**turns,
    "with the chance of one episode": lambda p, turns, size: size / p**turns,
    "number of groups": lambda *given: 1 / mixed(*given),
    "that won every time": lambda p, t, size: size / (1 - (1 - p**t) ** size),
    "that lost every time": lambda p, t, size: size / (1 - p ** (t * size)),
    "that is the chance of a signal": mixed,
    "multiplies by the chance": lambda p, t, size: size * mixed(p, t, size),
    "for p = 0.50, 1 turns": lambda p, t, size: 4.5737 if p == 0.8 else 1.0,
    "for p = 0.60, 2 turns and groups of 16": lambda p, t, size: until_signal(
        p, t, min(size, 8)
    ),
    "one number is needed": lambda *_: None,
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", SIGNAL)
def test_wrong_waiting_times_are_named(message):
    verdict = check_episodes_until_signal(SIGNAL[message])
    assert not verdict.passed
    assert message in verdict.message


def test_the_right_waiting_time_passes():
    assert check_episodes_until_signal(until_signal).passed


# ---- conclusions ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("carried", "message"),
    [
        ("ABE", "intervals overlap almost wholly"),
        ("ACE", "intervals overlap: both"),
        ("ADE", "one seed"),
        ("AEF", "games it was trained on for success elsewhere"),
        ("E", ".95 against .59"),
        ("a", "from .17 to .54"),
        ("", "some of them are carried"),
        ("AEX", "no conclusion X"),
    ],
)
def test_wrong_conclusions_are_named(carried, message):
    verdict = check_conclusions(carried)
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize("carried", ["AE", "e, a", ["A", "E"]])
def test_the_right_conclusions_pass(carried):
    assert check_conclusions(carried).passed


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


# ---- sampling weight -----------------------------------------------------------------

WEIGHT = {
    "won already": lambda p: p,
    "never won": lambda p: 1 - p,
    "upside down": lambda p: abs(p - 0.5),
    "count alike": lambda p: 1,
    "not the chance": lambda p: min(p, 1 - p),
    "standard deviation": lambda p: math.sqrt(p * (1 - p)),
    "of four": lambda p: (p * (1 - p)) ** 2,
    "below 0": lambda p: p * (p - 1),
    "How often do both happen": lambda p: 1 - p**8 - (1 - p) ** 8,
    "one number is needed": lambda p: [p],
    "stopped with ZeroDivisionError": explode,
}


@pytest.mark.parametrize("message", WEIGHT)
def test_wrong_weights_are_named(message):
    verdict = check_sampling_weight(WEIGHT[message])
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize("factor", [1, 2, 0.3])
def test_the_right_weight_passes_with_any_factor(factor):
    assert check_sampling_weight(lambda p: factor * p * (1 - p)).passed


def test_a_weight_that_is_nothing_everywhere_is_refused():
    assert not check_sampling_weight(lambda p: 0).passed
