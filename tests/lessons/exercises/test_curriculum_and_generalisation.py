from statistics import mean, stdev

import numpy as np
import pytest

from toolkit.lessons.exercises.curriculum_and_generalisation import (
    ABOUT,
    COMMON,
    EASY,
    HARD,
    check_gap,
    check_leaked,
    check_mixed_groups,
    check_recipe,
    gap,
    leaked,
    mixed_groups,
    recipe,
)
from toolkit.statistics import t_interval


def test_answers_that_fit_the_example_alone_are_caught():
    fitted = mixed_groups([0.05, 0.5, 0.9], 90, 4)
    assert "each world alone" in check_mixed_groups(lambda r, g, s: fitted).message
    ours, theirs = {0: 0.42, 1: 0.55, 2: 0.36}, {0: 0.37, 1: 0.47, 2: 0.30}
    ends = gap(ours, theirs)
    assert "Look at" in check_gap(lambda a, b: ends).message


@pytest.mark.parametrize("answer", [None, 3, ["7"], [None] * 4])
def test_what_is_no_list_of_games_is_told_so(answer):
    assert not check_leaked(lambda *given: answer).passed


def test_copies_of_the_games_and_any_order_of_seeds_will_do():
    assert check_gap(lambda a, b: list(gap(b, a))[::-1]).passed is False
    assert check_leaked(lambda a, b, e: tuple(leaked(a, b, e))).passed


def test_what_the_toolkit_refuses_is_told_in_its_words():
    def misspelt(easy, hard):
        return {**recipe(easy, hard), "sedes": [0, 1, 2]}

    def unknown_setting(easy, hard):
        found = recipe(easy, hard)
        return found | {"settings": found["settings"] | {"lerning_rate": 1}}

    def unknown_curriculum(easy, hard):
        arms = {"direct": {}, "first": {"curriculum": {"name": "stagse"}}}
        return {**recipe(easy, hard), "arms": arms}

    assert "unknown part 'sedes'" in check_recipe(misspelt).message
    assert "lerning_rate" in check_recipe(unknown_setting).message
    assert "no curriculum 'stagse'" in check_recipe(unknown_curriculum).message


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "None came back; a dictionary is needed"),
        ({"arms": 3}, "must be a mapping"),
        ({**ABOUT, "seeds": range(3)}, "cannot hold range(0, 3)"),
    ],
)
def test_what_is_no_experiment_is_a_verdict(answer, message):
    verdict = check_recipe(lambda easy, hard: answer)
    assert not verdict.passed
    assert message in verdict.message


def test_worlds_written_by_hand_are_told_so():
    verdict = check_recipe(lambda easy, hard: recipe(easy, "textworld/w4-o6-q4"))
    assert "Write `easy` and `hard`" in verdict.message


def test_one_number_of_groups_and_a_list_of_games_are_asked_for():
    assert "one number is needed" in check_mixed_groups(lambda *given: None).message
    assert "4 came back; a list of games" in check_leaked(lambda *given: 4).message
    groups = check_mixed_groups(lambda r, g, s: np.float32(mixed_groups(r, g, s)))
    assert groups.passed, groups


def test_intervals_of_matched_seeds_are_still_two_intervals():
    def of_ends(ours, theirs):
        seeds = ours.keys() & theirs.keys()
        low, high = t_interval([ours[seed] for seed in seeds])
        other_low, other_high = t_interval([theirs[seed] for seed in seeds])
        return low - other_high, high - other_low

    assert "Subtract run from run first" in check_gap(of_ends).message


def test_an_experiment_may_be_written_in_another_way():
    def another(easy, hard):
        worlds = [{"env": easy, "n_tasks": 10}, {"env": hard, "n_tasks": 10}]
        how = {"name": "stages", "success": 0.6, "stages": worlds}
        common = {**COMMON, "env": hard, "max_steps": 20}
        return {
            **ABOUT,
            "seeds": [4, 5, 6, 7],
            "exams": {w: {"env": w, "split": "test", "n": 50} for w in (easy, hard)},
            "settings": common,
            "arms": {
                "up": {"curriculum": how},
                "plain": {},
                "too": {"curriculum": how},
            },
        }

    assert check_recipe(another).passed
    assert recipe(EASY, HARD)["exams"]["hard"] == {"env": HARD}


def test_games_may_come_as_a_set_and_the_factor_from_a_table():
    assert check_leaked(lambda *given: set(leaked(*given))).passed

    def by_table(ours, theirs):
        pairs = [ours[seed] - theirs[seed] for seed in ours.keys() & theirs.keys()]
        factor = {2: 12.71, 3: 4.30, 6: 2.571}[len(pairs)]
        half = factor * stdev(pairs) / len(pairs) ** 0.5
        return mean(pairs) - half, mean(pairs) + half

    assert check_gap(by_table).passed
    doubled = [v * 2 for v in by_table({0: 0.4, 1: 0.6}, {0: 0.3, 1: 0.4})]
    assert not check_gap(lambda ours, theirs: doubled).passed


def test_parts_of_groups_are_counted():
    def whole(rates, groups, size):
        return sum(mixed_groups([p], groups // len(rates), size) for p in rates)

    assert not check_mixed_groups(whole).passed
