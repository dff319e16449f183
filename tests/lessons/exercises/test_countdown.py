from itertools import combinations, product

import pytest

from toolkit.environments.base import tasks
from toolkit.environments.countdown_games import make_game, parse_level
from toolkit.lessons.exercises.countdown import (
    GROUPS,
    check_expected_pay,
    check_teaches_to_solve,
    check_to_take_away,
    expected_pay,
    to_take_away,
)


def test_answers_that_know_the_examples_by_heart_are_found_out():
    known = {rewards: wanted for rewards, wanted, _ in GROUPS}
    verdict = check_teaches_to_solve(lambda r: known.get(tuple(r), False))
    assert not verdict.passed
    assert "it works on groups of four, but not on" in verdict.message

    verdict = check_expected_pay(lambda n, turns, wrong: 0.55)
    assert not verdict.passed
    assert "for candidates = 8, turns = 1" in verdict.message


def test_a_player_of_few_numbers_is_found_out():
    def at_most_two(numbers, above):
        for size in range(3):
            for taken in combinations(numbers, size):
                if 2 * sum(taken) == above:
                    return list(taken)
        return []

    verdict = check_to_take_away(at_most_two)
    assert not verdict.passed
    assert "nothing is taken away" in verdict.message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda ns, a: [n for n in ns if 2 * n == a], "Fewer of these are enough"),
        (lambda ns, a: to_take_away(ns, a) or None, "0 above: nothing came back"),
        (lambda ns, a: set(to_take_away(ns, a)), "takes 6 off instead of 12"),
        (lambda ns, a: [n + 0.5 for n in to_take_away(ns, a)], "that are not there"),
        (lambda ns, a: [float("nan")], "that are not there"),
        (lambda ns, a: [float("inf")], "that are not there"),
    ],
)
def test_what_is_wrong_with_numbers_taken_away_is_named(answer, message):
    verdict = check_to_take_away(answer)
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize(
    "answer",
    [lambda r: [n == 1 for n in r], lambda r: None, lambda r: "yes", lambda r: iter(r)],
)
def test_a_group_is_judged_by_one_word(answer):
    verdict = check_teaches_to_solve(answer)
    assert "came back; True or False, one for the group, is needed" in verdict.message


@pytest.mark.parametrize(("candidates", "turns"), [(8, 1), (8, 4), (8, 8), (5, 3)])
def test_the_pay_is_that_of_all_orders_in_which_one_may_try(candidates, turns):
    def paid(place):
        """Play with the right candidate at a place of the order."""
        for turn in range(1, turns):
            if place == turn:
                return 1.0  # a hit; the next turn answers it
        return 1.0 if place == turns else 0.1

    pays = [paid(place) for place in range(1, candidates + 1)]
    mean = sum(pays) / candidates
    assert expected_pay(candidates, turns, 0.1) == pytest.approx(mean)


def test_numbers_taken_away_make_the_target():
    assert to_take_away([10, 5, 1], 2) == [1]
    assert to_take_away([7, 4, 2], 0) == []


def test_the_lesson_is_right_that_one_way_in_eight_is_the_usual_case():
    level, right = parse_level("countdown/n3-easy"), []
    for task in tasks("countdown/n3-easy", split="test", n=100):
        game = make_game(level, task.seed)
        ways = product((1, -1), repeat=3)
        values = [
            sum(s * n for s, n in zip(w, game.numbers, strict=True)) for w in ways
        ]
        right.append(values.count(game.target))
    assert min(right) >= 1
    assert right.count(1) >= 90
