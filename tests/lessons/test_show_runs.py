import json
import xml.etree.ElementTree as ET

import pytest

from tests.html_checks import Outline
from tests.test_transcript import changed, episode
from toolkit.errors import ToolkitError
from toolkit.lessons.show_runs import (
    MOST_FLIPS,
    show_against_paper,
    show_flips,
    show_runs,
)


def folder(path, *success):
    """Write a run that won these shares of its games, step by step."""
    path.mkdir()
    lines = [
        {"event": "rollout", "step": k, "success": share}
        for k, share in enumerate(success)
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (path / "events.jsonl").write_text(text)
    return path


def outline(view):
    return Outline(view._repr_mimebundle_()["text/html"])


def test_runs_are_drawn_up_to_the_shortest(tmp_path):
    longer = folder(tmp_path / "a", 0.5, 0.5, 0.5, None, 1.0)
    view = show_runs({"long": longer, "short": str(folder(tmp_path / "b", 0, 0, 0))})
    assert "long: from 50 % to 50 %" in view.text
    assert "short: from 0 % to 0 %" in view.text
    assert "step" in view.svg


def test_a_run_without_steps_is_named(tmp_path):
    one = folder(tmp_path / "a", 0.5)
    with pytest.raises(ToolkitError, match="The run 'none' has nothing to draw"):
        show_runs({"one": one, "none": tmp_path / "missing"})
    other = folder(tmp_path / "b", None, 0.5)
    with pytest.raises(ToolkitError, match="no step that all of them have"):
        show_runs({"one": one, "other": other})


def results(*won):
    return [episode(k, won=w) for k, w in enumerate(won)]


def test_flipped_games_are_listed_with_their_test():
    change = changed(
        results(True, False, False, True), results(False, True, True, True)
    )
    view = show_flips(change)
    # McNemar, 2 against 1: 2 (C(3,0) + C(3,1)) / 2^3 = 1
    assert view.text.startswith("2 of 4 games better, 1 worse: +25 points")
    assert "McNemar's test: p = 1. Chance alone could do this." in view.text
    text = outline(view).text
    assert "toy/test/1 0.00 of 1 1.00 of 1 lost → won" in text
    assert "toy/test/0 1.00 of 1 0.00 of 1 won → lost" in text
    assert "toy/test/3" not in text


def test_a_clear_change_is_called_so_and_the_list_stays_short():
    change = changed(results(*[False] * 20), results(*[True] * 20))
    view = show_flips(change)
    assert "p = 1.9e-06. Chance alone hardly does this." in view.text  # 2 / 2^20
    assert outline(view).text.count("lost → won") == MOST_FLIPS


def test_several_episodes_of_a_game_are_judged_by_the_interval():
    pairs = [
        (episode(k, won=w), episode(k, won=w, sample=1)) for k, w in ((0, 0), (1, 1))
    ]
    same = [e for pair in pairs for e in pair]
    view = show_flips(changed(same, same))
    assert "McNemar" not in view.text
    assert "Chance alone could do this." in view.text
    assert not outline(view).having("table")


# ---- against the paper ---------------------------------------------------------------


def test_each_arm_stands_in_its_own_exam_beside_the_paper(tmp_path):
    def exam(success):
        return {"success": success, "low": 0.0, "high": 1.0, "n": 10}

    def run(seed, *ends):
        before, after = ({"6 turns": exam(e), "8 turns": exam(0.9)} for e in ends)
        return {"seed": seed, "before": before, "after": after}

    stored = {
        "seeds": [0, 1],
        "exams": ["6 turns", "8 turns"],
        "arms": {
            "t6": {"label": "6 turns", "runs": [run(0, 0.5, 0.6), run(1, 0.3, 1)]}
        },
        "paper": {"t6": {"6 turns": [0.05, 0.55]}},
    }
    path = tmp_path / "horizon.json"
    path.write_text(json.dumps(stored))
    view = show_against_paper(path)
    assert "6 turns: 40 % to 80 % here, 5 % to 55 % in the paper" in view.text
    assert "90 %" not in view.text
    assert view.svg.count("<svg") == 1
    ET.fromstring(view._repr_mimebundle_()["image/svg+xml"])


def test_an_experiment_that_was_not_made_is_named():
    assert "toolkit experiment nothing" in show_against_paper("x/nothing.json").text
