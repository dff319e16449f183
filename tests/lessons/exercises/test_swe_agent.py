from itertools import permutations

import pytest

from toolkit.lessons.exercises.swe_agent import (
    PAYS,
    check_kept_turns,
    check_part_passed,
    check_repair_pay,
    check_search_wins,
    search_wins,
)


def test_the_chance_is_that_of_all_orders():
    def won(order, turns):
        """Play: set and test what comes next, and hand in the last one blind."""
        for choice in order:
            if turns < 2:
                return False
            if choice == 0:
                return True
            turns -= 2
        return False

    for turns in range(1, 11):
        orders = list(permutations(range(4)))
        mean = sum(won(order, turns) for order in orders) / len(orders)
        assert search_wins(4, turns) == pytest.approx(mean)


def test_answers_that_fit_the_example_alone_are_found_out():
    verdict = check_part_passed(lambda w, r: list(r.values()).count("passed") / 2)
    assert not verdict.passed
    verdict = check_kept_turns(lambda sizes, budget: [0, len(sizes) - 1])
    assert "more of the last turns" in verdict.message


def test_an_error_is_named_only_if_it_explains_all_numbers():
    """In the first case, 0 is also what the binary reward pays."""
    verdict = check_repair_pay(lambda m, f, k, p: (m - (p - k)) / f)
    assert "it says 0, and should 0.375" in verdict.message
    assert "the smaller of both" in check_repair_pay(PAYS[5][0]).message


def test_the_one_that_is_left_over_has_to_be_set_as_well():
    def by_elimination(choices, turns):
        tries = turns // 2
        return 1.0 if tries >= choices - 1 else tries / choices

    assert "to set it takes a turn" in check_search_wins(by_elimination).message
