import json
import xml.etree.ElementTree as ET

import pytest

from tests.html_checks import Outline
from tests.models import tiny_policy
from tests.test_transcript import changed, episode, turn
from tests.training.gates import Gates
from tests.training.runs import run_small
from toolkit.environments.base import make_env, tasks
from toolkit.episodes.rollout import collect
from toolkit.evaluation import summarise
from toolkit.lessons.show import (
    show_before_after,
    show_curves,
    show_episodes,
    show_experiment,
    show_learning,
    show_lost_and_won,
    show_report,
    show_success,
    show_tokens,
)


def outline(view):
    return Outline(view._repr_mimebundle_()["text/html"])


def test_success_is_drawn_with_its_intervals():
    view = show_success({"random": (0.25, 0.1, 0.5), "expert": (1.0, 0.9, 1.0)})
    assert repr(view) == "random: 25% won (10% to 50%)\nexpert: 100% won (90% to 100%)"
    (svg,) = outline(view).having("svg")
    assert "expert 100 %, interval 90 % to 100 %" in svg["aria-label"]


def test_an_evaluation_can_be_drawn():
    result = summarise([episode(1, won=True), episode(2)])
    assert "me: 50% won" in show_success({"me": result}).text


def test_the_picture_alone_is_a_file_on_white():
    view = show_success({"a": (0.5, 0.2, 0.8)})
    root = ET.fromstring(view._repr_mimebundle_()["image/svg+xml"])
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root[0].get("fill") == "#fff"


def test_styles_reach_nothing_outside():
    css = show_success({"a": (0.5, 0.2, 0.8)})._repr_mimebundle_()["text/html"]
    rules = css.partition("<style>")[2].partition("</style>")[0]
    depth, selectors, text = 0, [], ""
    for letter in rules:
        depth += (letter == "{") - (letter == "}")
        if letter == "{" and depth == 1:
            selectors.append(text.rpartition("*/")[2].strip())
        text = "" if letter in "{}" else text + letter
    assert depth == 0
    assert selectors
    assert all(s.startswith(".toolkit-view") for s in selectors)


def test_episodes_stand_side_by_side():
    view = show_episodes({"Lost": episode(1), "Won": episode(1, turn(1.0), won=True)})
    assert [c for c in outline(view).texts if c in ("Lost", "Won")] == ["Lost", "Won"]
    assert view.text == "Lost: look [turn_limit]\nWon: look [won]"


def test_lost_and_won():
    change = changed([episode(1)], [episode(1, won=True)])
    view = show_lost_and_won(change)
    assert view.text == "1 games better, 0 worse, of 1."
    assert "Before training" in outline(view).text


def play():
    """Return a policy and an episode that it played."""
    assert Gates
    policy = tiny_policy()
    games = tasks("gates", n=1)
    (played,) = collect(policy, make_env("gates"), games, workers=0, progress=False)
    return policy, played


def test_tokens_that_were_sampled_are_set_apart():
    policy, played = play()
    view = show_tokens(played, policy.tokenizer)
    found = outline(view)
    sampled = sum(len(t.action_ids) for t in played.turns)
    assert len(found.having("b")) == sampled + 1  # one in the key
    assert len(found.having("span")) == len(played.ids) - sampled + 1
    assert "".join(found.texts).startswith("sampled by the policywritten by the world")
    assert "g⏎" not in "".join(found.texts)
    assert "⏎>" in "".join(found.texts)
    assert (
        view.text
        == f"{sampled} of {len(played.ids)} tokens were sampled by the policy."
    )


def test_curves_tell_their_ends():
    curves = {"kl": {"k1": [0.0, 2.0, 1.0]}}
    view = show_curves(curves, x=[0, 1, 2], x_name="steps", title="A")
    assert view.text.splitlines() == [
        "A, by steps",
        "kl, k1: from 0 to 1, least 0, most 2",
    ]
    assert outline(view).having("svg")


def test_curves_without_a_panel_are_told_by_their_names():
    view = show_curves({"a": [0.0, 1.0]}, x=[1, 2], x_name="n", title="Won", unit="%")
    assert repr(view) == "Won, by n\na: from 0 % to 100 %, least 0 %, most 100 %"
    assert outline(view).having("svg")


LOW, HIGH = (0.25, 0.1, 0.5), (0.75, 0.5, 0.9)


def test_before_and_after_take_evaluations_and_intervals():
    found = summarise([episode(1, won=True)])
    view = show_before_after({"exam": {"way": (LOW, found), "none": (None, HIGH)}})
    assert repr(view).splitlines()[1:] == [
        "exam, way: before 25 % (10 % to 50 %), after 100 % (21 % to 100 %)",
        "exam, none: after 75 % (50 % to 90 %)",
    ]


def test_a_common_start_is_told_once():
    view = show_before_after({"": {"way": (LOW, HIGH)}}, start=LOW)
    assert repr(view).splitlines()[1:] == [
        "at the start 25 % (10 % to 50 %)",
        "way: before 25 % (10 % to 50 %), after 75 % (50 % to 90 %)",
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


@pytest.mark.slow
def test_learning_is_read_from_the_run(tmp_path):
    run = run_small(tmp_path, max_steps=2)
    held = summarise([episode(1, won=True), episode(2)])
    view = show_learning(run, held, held)
    assert view.text.startswith("Won in training, step by step: ")
    assert view.text.count("%") == 2
    assert "8 episodes" in outline(view).having("svg")[0]["aria-label"]


def test_a_report_is_drawn_or_asked_for(tmp_path):
    path = tmp_path / "report.json"
    numbers = {"success": 0.25, "low": 0.2, "high": 0.3, "n": 100}
    path.write_text(json.dumps({"before": numbers, "after": numbers}))
    assert "after training: 25% won (20% to 30%)" in show_report(path).text


def test_without_any_report_it_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setattr("toolkit.lessons.show.assets_dir", lambda: tmp_path)
    view = show_report(tmp_path / "none.json")
    assert "toolkit quickstart" in outline(view).text
