from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from toolkit.lessons.exercises.alfworld import (
    check_pay_once,
    check_search_cost,
    check_sound,
    pay_once,
    search_cost,
)


def test_answers_that_know_the_example_by_heart_are_found_out():
    fitted = [0.0, 0.25, 0.0, 0.0, 0.5, 0.0, 0.25]
    verdict = check_pay_once(lambda part: fitted[: len(part)])
    assert not verdict.passed
    assert "nothing holds at the start" in verdict.message

    verdict = check_search_cost(lambda places, doors: 90 / 11)
    assert not verdict.passed
    assert "for 1 places and 0 doors" in verdict.message


def test_a_sub_goal_in_the_first_turn_is_paid():
    assert pay_once([0.5, 0.5, 0.25, 1.0]) == [0.5, 0.0, 0.0, 0.5]
    verdict = check_pay_once(
        lambda part: np.diff(np.maximum.accumulate(part), prepend=part[0])
    )
    assert not verdict.passed


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda n, d: (n + 1) // 2 * (1 + d / n), "for 30 places and 26 doors"),
        (lambda n, d: None, "nothing came back; one number"),
    ],
)
def test_other_costs_are_named(answer, message):
    verdict = check_search_cost(answer)
    assert not verdict.passed
    assert message in verdict.message


def test_the_cost_may_be_a_fraction():
    assert check_search_cost(
        lambda n, d: Fraction(n + 1, 2) * (1 + Fraction(d, n))
    ).passed


@pytest.mark.parametrize(("places", "doors"), [(1, 1), (3, 1), (4, 0), (5, 3)])
def test_the_cost_is_the_mean_over_all_orders_and_places(places, doors):
    costs = []
    for order in permutations(range(places)):
        for thing in range(places):
            met = order[: order.index(thing) + 1]
            costs.append(len(met) + sum(place < doors for place in met))
    assert search_cost(places, doors) == pytest.approx(np.mean(costs))


@pytest.mark.parametrize(
    ("letters", "says"),
    [("", "a won game"), ("AEX", "no conclusion X"), (["A"], "a string")],
)
def test_strange_letters_are_named(letters, says):
    verdict = check_sound(letters)
    assert not verdict.passed
    assert says in verdict.message
