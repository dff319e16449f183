"""What holds for every exercise of every lesson."""

import pkgutil

import numpy as np
import pytest

from toolkit.lessons import exercises
from toolkit.lessons.exercises import exercises_of

LESSONS = [module.name for module in pkgutil.iter_modules(exercises.__path__)]
ALL = [(lesson, e) for lesson in LESSONS for e in exercises_of(lesson).values()]
FUNCTIONS = [(n, e) for n, e in ALL if callable(e.reference) and not e.context]
WRONG = [(e, wrong) for _, e in ALL for wrong in e.wrong]

every = pytest.mark.parametrize(
    "exercise", [e for _, e in ALL], ids=[f"{n}-{e.name}" for n, e in ALL]
)


def test_there_are_exercises_and_their_names_differ():
    assert "credit" in LESSONS
    assert len({e.name for _, e in ALL}) == len(ALL) >= 3


@every
def test_the_reference_is_right(exercise):
    verdict = exercise.try_out(exercise.reference)
    assert verdict.passed, verdict


@pytest.mark.parametrize(
    ("exercise", "wrong"), WRONG, ids=[f"{e.name}: {w.says}" for e, w in WRONG]
)
def test_a_wrong_answer_is_recognised(exercise, wrong):
    verdict = exercise.try_out(wrong.answer)
    assert not verdict.passed
    assert wrong.says in verdict.message


@every
def test_each_has_three_misconceptions_that_are_told_apart(exercise):
    said = [exercise.try_out(wrong.answer).message for wrong in exercise.wrong]
    assert len(set(said)) >= 3


@every
def test_people_are_told_what_to_expect_and_where_to_look(exercise):
    assert 1 <= exercise.difficulty <= 5
    assert 1 <= exercise.importance <= 5
    assert 1 <= exercise.minutes <= 60
    assert len({exercise.hint(1).text, exercise.hint(2).text} - {""}) == 2


@pytest.mark.parametrize("exercise", [e for _, e in FUNCTIONS], ids=lambda e: e.name)
def test_seven_digits_are_enough(exercise):
    def single(*given):
        answer = exercise.reference(*given)
        numbers = np.ravel(answer) if not isinstance(answer, dict) else np.array([])
        return np.float32(answer) if numbers.dtype == float and numbers.size else answer

    assert exercise.check(single).passed, exercise.check(single)


@every
def test_the_solution_defines_the_answer_and_is_short(exercise):
    assert exercise.source.startswith((f"def {exercise.name}(", f"{exercise.name} = "))
    assert len(exercise.source.splitlines()) <= 15
    compile(exercise.source, exercise.name, "exec")


@pytest.mark.parametrize("exercise", [e for _, e in FUNCTIONS], ids=lambda e: e.name)
def test_a_function_that_fails_is_told_so(exercise):
    def explode(*_):
        raise ZeroDivisionError("division by zero")

    assert "stopped with ZeroDivisionError" in exercise.check(explode).message
    for nothing in (lambda *_: None, lambda *_: "text", lambda *_: [None], None):
        assert not exercise.check(nothing).passed
