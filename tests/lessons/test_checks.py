from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from tests.html_checks import Outline
from toolkit.lessons.checks import Verdict, attempt, attempt_number


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda: 1 / 0, "stopped with ZeroDivisionError: division by zero"),
        (lambda: 1 + "a", "stopped with TypeError: unsupported"),
        (lambda: None, "nothing came back; a list of numbers is needed"),
        (lambda: 3.5, "3.5 came back; a list of numbers is needed"),
        (lambda: {0: 1.0, 1: 2.0}, "a list of numbers is needed"),
        (lambda: "12", "a list of numbers is needed"),
        (lambda: ["a"], "must hold numbers, side by side"),
        (lambda: [[1.0], [2.0]], "side by side"),
        (lambda: [1.0], "1 numbers came back for 2 turns"),
        (lambda: (1 / n for n in (1, 0)), "stopped with ZeroDivisionError"),
    ],
)
def test_what_is_no_list_of_numbers_is_told_so(answer, message):
    found, problem = attempt(answer, one_per=(2, "turns"))
    assert found == []
    assert message in problem.message


@pytest.mark.parametrize(
    "answer",
    [2, 2.0, Fraction(2), Decimal(2), np.float32(2), np.array([2.0]), torch.tensor(2)],
)
def test_one_number_may_be_of_any_kind(answer):
    assert attempt_number(lambda: answer) == (2.0, None)


def test_a_number_with_a_gradient_is_one():
    answer = torch.tensor(2.0, requires_grad=True)
    assert attempt_number(lambda: answer) == (2.0, None)


@pytest.mark.parametrize(
    ("answer", "came"),
    [
        (None, "nothing"),
        ("2", "'2'"),
        ([2.0], "[2.0]"),
        (np.ones(2), "array("),
        (1j, ""),
    ],
)
def test_what_is_not_one_number_is_told_so(answer, came):
    found, problem = attempt_number(lambda: answer, needed="one loss")
    assert found == 0.0
    assert problem.message.startswith(came)
    assert "came back; one loss is needed." in problem.message
    assert "stopped with Zero" in attempt_number(lambda: 1 / 0)[1].message


def test_numbers_are_handed_on():
    assert attempt(lambda a: (a, 2.0), 1, one_per=(2, "turns")) == ([1, 2.0], None)


def test_a_tensor_is_a_list_of_numbers():
    assert attempt(lambda: torch.tensor([1.0, 2.0])) == ([1.0, 2.0], None)
    assert attempt(lambda: list(torch.tensor([1.0, 2.0]))) == ([1.0, 2.0], None)


def test_a_verdict_is_readable_as_text_and_on_a_page():
    verdict = Verdict(passed=False, message="look at <this>")
    assert repr(verdict) == "Not yet: look at <this>"
    assert "Not yet: look at <this>" in Outline(verdict._repr_html_()).text
