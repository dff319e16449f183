import pytest

from toolkit.lessons.exercises.quickstart import (
    _played,
    action_mask,
    check_action_mask,
    check_gradient_tokens,
    check_returns_to_go,
    returns_to_go,
)


def only_what_pays(rewards, discount):
    return [
        sum(discount ** (i - k) * v for i, v in enumerate(rewards) if i >= k and v > 0)
        for k in range(len(rewards))
    ]


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (check_action_mask, lambda _: action_mask([(3, 2), (4, 1), (2, 3)]), "not on"),
        (check_action_mask, lambda turns: [0, 1, 0], "3 numbers came back for 15"),
        (
            check_returns_to_go,
            lambda r, d: returns_to_go(r, d)[1:],
            "2 numbers came back for 3 turns",
        ),
        (
            check_returns_to_go,
            lambda r, d: returns_to_go(r, 0.5),
            "discount times the number of the next",
        ),
        (check_returns_to_go, only_what_pays, "discount times the number"),
        (check_returns_to_go, lambda r, d: ["a", "b", "c"], "must hold numbers"),
    ],
)
def test_answers_that_fit_the_example_alone_are_refused(check, answer, message):
    verdict = check(answer)
    assert not verdict.passed
    assert message in verdict.message


@pytest.mark.parametrize(
    ("guess", "part"),
    [(10, "close"), (20, "11 of 34"), (None, "one number"), ("11", "one number")],
)
def test_a_count_that_stands_for_nothing_is_told_the_truth(guess, part):
    verdict = check_gradient_tokens(guess, *_played())
    assert not verdict.passed
    assert part in verdict.message
