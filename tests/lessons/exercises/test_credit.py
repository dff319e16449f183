import pytest

from toolkit.lessons.exercises.credit import (
    check_leave_one_out,
    check_same_room,
    check_token_returns,
    leave_one_out,
    returns_over_tokens,
    same_room,
)


def not_in_the_attic(rooms, values):
    found = zip(rooms, same_room(rooms, values), strict=True)
    return [0.0 if room == "attic" else a for room, a in found]


@pytest.mark.parametrize(
    ("check", "answer", "message"),
    [
        (
            check_leave_one_out,
            lambda g: leave_one_out(g)[1:],
            "4 numbers came back for 5 episodes",
        ),
        (
            check_leave_one_out,
            lambda g: [r - (sum(g) - r) / 4 for r in g],
            "Look at the returns",
        ),
        (
            check_token_returns,
            lambda r, m: returns_over_tokens(r, m)[1:],
            "7 numbers came back for 8 tokens",
        ),
        (
            check_token_returns,
            lambda r, m: returns_over_tokens([max(v, 0.0) for v in r], m),
            "Look at the rewards",
        ),
        (
            check_same_room,
            lambda r, v: same_room(r, v)[1:],
            "5 numbers came back for 6 turns",
        ),
        (check_same_room, not_in_the_attic, "Look at the rooms"),
    ],
)
def test_answers_that_fit_the_example_alone_are_refused(check, answer, message):
    verdict = check(answer)
    assert not verdict.passed
    assert message in verdict.message
