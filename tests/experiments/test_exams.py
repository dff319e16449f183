"""A real policy sits an exam with judges."""

import functools
from dataclasses import replace

import pytest

from toolkit.errors import ConfigError
from toolkit.experiments.exams import exam_path, take
from toolkit.experiments.preset import Exam
from toolkit.policies.models import load_policy

SUCCESS = {"reward": {"success": 1}}
EXAM = Exam(env="swe-choice/all", params={"goal": "brief"}, n=20, samples=2)


def sat(**judges):
    load = functools.partial(load_policy, "pocket-code", device="cpu")
    return take(replace(EXAM, judges=judges), load, seed=0, live=20)


def test_a_judge_is_compared_on_the_first_play_of_each_game():
    likely = {"reward": {"likelihood": {"model": "pocket-code"}}, "threshold": 0.79}
    always = {"reward": {"step_cost": -1}, "threshold": 0}
    facts = sat(tests=SUCCESS, likely=likely, always=always)
    found = facts["judges"]
    tests = found["tests"]
    assert tests["n"] == 20 == tests["won"] + tests["lost"]
    assert (tests["accuracy"], tests["auc"]) == (1.0, 1.0)
    assert tests["lost_as_won"] == tests["won_as_lost"] == 0
    assert tests["paid"] == tests["won"] / 20
    assert found["always"]["lost_as_won"] == tests["lost"]
    assert 0 < found["likely"]["paid"] < 1
    assert found["likely"]["won"] == tests["won"]
    assert 0 <= facts["wins"] - tests["won"] <= 20  # the second play counts there


def test_an_exam_without_judges_keeps_nothing_of_them_and_its_old_name(tmp_path):
    assert "judges" not in sat()
    assert exam_path(tmp_path, EXAM).name == "all-db58dbf1.json"  # of earlier runs
    judged = replace(EXAM, judges={"tests": SUCCESS})
    assert exam_path(tmp_path, judged) != exam_path(tmp_path, EXAM)


def test_a_judge_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="sucess"):
        sat(tests={"reward": {"sucess": 1}})
