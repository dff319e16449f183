import pytest

from toolkit.lessons.exercises.nothing_learns import (
    CONFUSED,
    TRUE,
    check_diagnosis,
    check_remedies,
    check_silent_groups,
    diagnosis,
    silent_groups,
)

CAUSES = list(TRUE.values())
BROKEN = {"A": {"learning_rate": 0.02}}


@pytest.mark.parametrize(
    ("check", "answer", "context", "message"),
    [
        (check_diagnosis, "ABC", (CAUSES,), "a cause is needed for each of A, B"),
        (check_diagnosis, {"A": "truncation"}, (CAUSES,), "for each of A, B"),
        (check_remedies, None, (BROKEN,), "settings are needed for each of A"),
        (check_remedies, {"A": {"beta": 1}}, (BROKEN,), "to change is learning_rate"),
        (check_remedies, {"A": {"learning_rate": "x"}}, (BROKEN,), "of another kind"),
        (check_silent_groups, lambda r, n: [1, 2, 5], (), "groups are counted"),
        (check_silent_groups, lambda r, n: [1, 4], (), "all of its returns are equal"),
        (
            check_silent_groups,
            lambda r, n: [0, 1, 4] if n == 2 else [],
            (),
            "all of its returns are equal",
        ),
    ],
)
def test_what_is_no_answer_is_told(check, answer, context, message):
    verdict = check(answer, *context)
    assert not verdict.passed
    assert message in verdict.message


def test_every_confusion_is_between_two_of_the_eight():
    assert len(set(CAUSES)) == 8
    assert all(a in CAUSES and b in CAUSES and a != b for a, b in CONFUSED)
    assert diagnosis(CAUSES) == TRUE


def test_silence_is_not_only_losing():
    assert silent_groups([1, 1, 0, 1, 0.5, 0.5], 2) == [0, 2]
