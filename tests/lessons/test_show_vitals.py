import json

import pytest

from tests.html_checks import Outline
from toolkit.errors import ToolkitError
from toolkit.lessons.show_vitals import show_vitals, vital_signs

GAP = "sampling/sampling_logp_difference/mean"


def run(path, *success, gap=0.0):
    """Write a run that won these shares of its games; `None` is a dead step."""
    path.mkdir()
    lines = []
    for k, share in enumerate(success):
        about = {"mean_return": share, "entropy": 0.5, "silent_groups": 0.25}
        ends = {"stop_reasons": {"won": 3, "turn_limit": 1}, "valid_rate": 1}
        rollout = {"event": "rollout", "step": k, "success": share, **about, **ends}
        log = {"grad_norm": k + 1, GAP: gap}
        lines += [rollout, {"event": "step", "step": k + 1, "log": log}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (path / "events.jsonl").write_text(text)
    return path


def test_both_runs_are_told_in_words_and_drawn(tmp_path):
    sick, well = run(tmp_path / "a", 0, 0, 0, gap=2.5), run(tmp_path / "b", 0, 0.5)
    view = show_vitals(sick, well, title="Case <X>")
    assert "games won, healthy: from 0 to 0.5" in view.text
    assert view.svg.startswith("<svg")
    html = view._repr_mimebundle_()["text/html"]
    Outline(html)
    assert "<X>" not in html


def test_steps_in_which_no_game_ended_are_left_out(tmp_path):
    dead = run(tmp_path / "a", 0.25, None, None)
    well = run(tmp_path / "b", 0.5, 0.5, 0.5)
    assert "this run: from 0.25 to 0.25" in show_vitals(dead, well, title="T").text
    with pytest.raises(ToolkitError, match="nothing to draw of c"):
        show_vitals(run(tmp_path / "c", None), well, title="T")


def test_signs_are_those_of_the_end(tmp_path):
    sick, well = run(tmp_path / "a", 0, 0, gap=2.5), run(tmp_path / "b", 0, 0.5)
    head, *rows = vital_signs(sick, well).splitlines()
    assert head.split("  ")[0] == "last 5 steps"
    told = {row.split("  ")[0]: row.split()[-2:] for row in rows}
    assert told["sampling gap, nats a token"] == ["2.5", "0"]
    assert told["entropy, nats a token"] == ["0.50", "0.50"]
    assert "won 75 %, turn_limit 25 %" in rows[2]
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "events.jsonl").write_text("")
    assert vital_signs(tmp_path / "c", well).count("unknown") == 6


def test_a_healthy_run_is_asked_for_the_same_steps(tmp_path):
    short, long = run(tmp_path / "a", 0, 0), run(tmp_path / "b", *[0.5] * 11)
    assert vital_signs(short, long).splitlines()[5].split()[-2:] == ["1.5", "1.5"]
    assert vital_signs(long, short).splitlines()[5].split()[-2:] == ["9", "1.5"]
