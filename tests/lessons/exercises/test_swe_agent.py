from itertools import permutations

import pytest

from toolkit.lessons.exercises.swe_agent import (
    check_kept_turns,
    check_part_passed,
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
