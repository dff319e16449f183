"""What tests say about choices is what they say when they are run."""

from dataclasses import replace

import pytest

from tests.environments.swe.conftest import make_calc, sandbox  # noqa: F401
from toolkit.environments.swe.workbench import Workbench
from toolkit.environments.swe_choice import making
from toolkit.environments.swe_choice.choices import read_choices, write_choices

CODE = """\
def middle(values, low, high):
    kept = []
    for value in values:
        if value >= low and value < high:
            kept.append(value + 1)
    return kept


def one_place(a, b):
    return a + b
"""
TESTS = """\
from calc import middle, one_place


def test_inside():
    assert middle([3], 0, 9) == [4]


def test_lower_end():
    assert middle([0], 0, 9) == [1]


def test_upper_end():
    assert middle([9], 0, 9) == []


def test_other():
    assert one_place(1, 2) == 3
"""
REACHING = ("inside", "lower_end", "upper_end")
pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "calc"
    with Workbench(make_calc(folder, CODE, TESTS)) as bench:
        yield bench


@pytest.fixture(scope="module")
def made(bench):
    return list(making.make_choices(bench, ("train",)))


def test_tasks_are_of_functions_with_enough_places(made):
    assert {choice.function for choice in made} == {"middle"}
    assert len(made) == making.OF_FUNCTION
    assert len({choice.bug for choice in made}) == len(made)
    for choice in made:
        assert [t.rpartition("_")[0] for t in choice.tests] != []
        assert choice.tests == tuple(f"tests/test_calc.py::test_{n}" for n in REACHING)
        assert making.LEAST_PLACES <= len(choice.places) <= making.MOST_PLACES


def test_every_choice_says_what_the_function_does(made):
    for choice in made:
        assert set(choice.failing) == {choice.bug, *choice.choices}
        for pick, failing in choice.failing.items():
            right = [values_of(choice, pick) == wanted for values_of, wanted in CASES]
            assert failing == {i for i, passes in enumerate(right) if not passes}


def result(choice, pick, *arguments):
    names = {}
    exec(choice.written(pick, ["{}"] * len(choice.places)), names)
    return names["middle"](*arguments)


CASES = [
    (lambda c, p: result(c, p, [3], 0, 9), [4]),
    (lambda c, p: result(c, p, [0], 0, 9), [1]),
    (lambda c, p: result(c, p, [9], 0, 9), []),
]


def test_the_solution_repairs_and_the_bug_does_not(made):
    for choice in made:
        assert choice.failing[choice.solution] == frozenset()
        assert choice.worth(choice.solution) == (1, 1)
        assert choice.failing[choice.bug]
        assert choice.worth(choice.bug) == (0, 1)


def test_a_choice_that_breaks_other_tests_is_worth_less(made):
    choice = made[0]
    pick = choice.choices[0]
    wrong = {choice.bug: frozenset({0}), pick: frozenset({1})}
    assert replace(choice, failing=wrong).worth(pick) == (1, 0.5)


def test_they_are_the_same_after_writing_and_reading(made, tmp_path):
    write_choices(tmp_path / "c.json.xz", made)
    assert read_choices(tmp_path / "c.json.xz") == made


def test_a_false_verdict_is_found(made, tmp_path, capsys):
    path = tmp_path / "c.json.xz"
    write_choices(path, made)
    assert making.main(["--check", "--file", str(path)]) == 0
    pick = made[0].solution
    false = replace(made[0], failing=made[0].failing | {pick: frozenset({1})})
    write_choices(path, [false, *made[1:]])
    assert making.main(["--check", "--file", str(path)]) == 1
    assert "differs" in capsys.readouterr().out


def test_a_function_with_a_choice_that_hangs_is_left_out(tmp_path, monkeypatch):
    code = "def one():\n    i = 0\n    while i < 1:\n        i += 1\n    return i\n"
    tests = "from calc import one\n\n\ndef test_one():\n    assert one() == 1\n"
    with Workbench(make_calc(tmp_path / "calc", code, tests)) as bench:
        monkeypatch.setattr(bench, "_cpu_s", 1)
        assert list(making.make_choices(bench, ("train",))) == []
        assert len(list(making._functions(bench))) == 1
