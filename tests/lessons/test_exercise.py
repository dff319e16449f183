import pytest

from tests.html_checks import Outline
from toolkit.errors import ConfigError
from toolkit.lessons.checks import Verdict, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong
from toolkit.lessons.exercises import exercise_of, exercises_of


def check(answer, *context) -> Verdict:
    return right("yes.") if answer == sum(context) else not_yet(f"it is {answer}.")


def total(a, b):
    return a + b


def made(**changes):
    settings = {
        "name": "total",
        "check": check,
        "reference": total,
        "hints": ("Look <there>.", "Add."),
        "wrong": (Wrong(3, "it is 3"),),
        "difficulty": 1,
        "importance": 2,
        "minutes": 3,
        "context": ("a", "b"),
        "example": lambda: (1, 1),
    }
    return Exercise(**settings | changes)


def test_a_value_may_be_computed_from_the_context():
    exercise = made()
    assert exercise.call == "total, a, b"
    assert exercise.source == "total = a + b"
    assert exercise.try_out(exercise.reference).passed
    assert exercise.try_out(exercise.wrong[0].answer).message == "it is 3."
    assert exercise.misconceptions() == ["It is 3."]


def test_a_value_without_context_is_written_out():
    text = made(reference="AE", context=(), example=tuple)
    assert text.source == 'total = "AE"'
    assert made(reference='"', context=()).source == "total = '\"'"
    assert made(reference=0, context=()).source == "total = 0"


def test_a_function_is_its_own_source():
    exercise = made(context=(), example=tuple)
    assert exercise.source == "def total(a, b):\n    return a + b"
    assert "return a + b" in Outline(exercise.solution().html).text


def test_hints_are_given_one_at_a_time():
    exercise = made()
    assert (exercise.hint(1).text, exercise.hint(2).text) == exercise.hints
    assert "Look <there>." in Outline(exercise.hint(1).html).text
    with pytest.raises(ConfigError, match="no hint 3"):
        exercise.hint(3)


def test_exercises_are_found_by_lesson_and_name():
    assert exercise_of("04_credit", "same_room") is exercises_of("credit")["same_room"]
    assert exercises_of("99_nothing") == {}
    with pytest.raises(ConfigError, match="same_room"):
        exercise_of("04_credit", "same_rooms")
