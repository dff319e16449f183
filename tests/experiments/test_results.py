import math

import pytest

from tests.experiments.made_up import EXAMS, PAPER, result
from toolkit.experiments.results import (
    curve_of,
    is_number,
    label_of,
    outcome,
    paper_of,
    runs_of,
    whole,
)


def test_success_is_read_by_seed():
    made = result(seeds=(4, 7))
    shares = outcome(made, "ppo", EXAMS[0])
    assert list(shares) == [4, 7]
    assert shares[7] == made["arms"]["ppo"]["runs"][1]["after"][EXAMS[0]]["success"]
    assert outcome(made, "ppo", EXAMS[0], "before") == {4: 0.62, 7: 0.62}


@pytest.mark.parametrize(
    "after", [None, {}, {EXAMS[0]: None}, {EXAMS[0]: {"success": math.nan}}]
)
def test_a_run_without_the_exam_is_left_out(after):
    made = result()
    made["arms"]["ppo"]["runs"][1]["after"] = after
    assert list(outcome(made, "ppo", EXAMS[0])) == [0, 2]


def test_what_is_missing_is_empty():
    found = whole({"name": "x", "arms": {"a": None}, "paper": None})
    assert runs_of(found, "a") == runs_of(found, "b") == ()
    assert label_of(found, "a") == "a"
    assert paper_of(found, "a", "exam") == (None, None)
    assert outcome(found, "a", "exam") == {}
    assert curve_of({"curve": None}) == curve_of({}) == {}


def test_labels_and_the_papers_numbers_are_found():
    found = whole(result())
    assert label_of(found, "reinforce_pp") == "Reinforce++"
    assert paper_of(found, "ppo", EXAMS[0]) == tuple(PAPER["ppo"][EXAMS[0]])


def test_numbers_are_finite():
    assert is_number(0)
    assert is_number(0.5)
    assert not any(map(is_number, (None, "1", math.inf, math.nan)))
