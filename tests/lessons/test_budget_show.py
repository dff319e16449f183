import json

from tests.html_checks import Outline
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason
from toolkit.evaluation import summarise
from toolkit.lessons.budget_show import (
    show_before_after,
    show_curves,
    show_experiment,
)

LOW, HIGH = (0.25, 0.1, 0.5), (0.75, 0.5, 0.9)


def test_curves_are_told_in_words():
    view = show_curves({"a": [0.0, 1.0]}, [1, 2], x_title="n", title="Won")
    assert repr(view) == "Won\na: from 0 % to 100 %, at most 100 %"
    assert Outline(view.html).having("svg")


def test_before_and_after_take_evaluations_and_intervals():
    task = Task(env="toy", seed=1)
    episodes = [Episode(task=task, turns=(), stop_reason=StopReason.WON)]
    found = summarise(episodes)
    view = show_before_after({"exam": {"way": (LOW, found), "none": (None, HIGH)}})
    assert repr(view).splitlines()[1:] == [
        "exam, way: before 25 % (10 % to 50 %), after 100 % (21 % to 100 %)",
        "exam, none: after 75 % (50 % to 90 %)",
    ]


def measured(interval):
    return dict(zip(("success", "low", "high"), interval, strict=True), n=20)


def test_an_experiment_has_a_row_for_each_arm_and_seed(tmp_path):
    run = {"seed": 3, "before": {"e": measured(LOW)}, "after": {"e": measured(HIGH)}}
    only_after = {"seed": 4, "before": None, "after": {"e": measured(HIGH)}}
    arms = {"a": {"label": "all in", "runs": [run, only_after]}}
    path = tmp_path / "budget.json"
    path.write_text(json.dumps({"arms": arms, "exams": ["e"]}))
    assert repr(show_experiment(path)).splitlines()[1:] == [
        "e, all in, seed 3: before 25 % (10 % to 50 %), after 75 % (50 % to 90 %)",
        "e, all in, seed 4: after 75 % (50 % to 90 %)",
    ]


def test_an_experiment_that_is_missing_says_how_to_make_it(tmp_path):
    view = show_experiment(tmp_path / "budget.json")
    assert "`toolkit experiment budget`" in view.text
    assert str(tmp_path) not in view.html
