import csv
import io

from tests.diagnosis.made import rollout, run_of, update
from toolkit.diagnosis.history import History
from toolkit.widgets.run_curves import (
    MOST_MARKS,
    TABLE_ROWS,
    charts,
    columns,
    key,
    marks_of,
    table,
    to_csv,
)


def history(n=4, **facts):
    return History.of(run_of(n, **facts))


def named(found):
    return {quantity.name: series for quantity, series in found}


def test_what_a_run_has_numbers_of():
    found = named(columns(history(log=lambda k: {"kl": 0.1 * k, "grad_norm": 2.0})))
    assert found["Success in training"] == [(k, 0.5) for k in (1, 2, 3, 4)]
    assert found["KL to the start"][-1][0] == 4
    assert found["Time of a step"] == [(k, 10.0) for k in (1, 2, 3, 4)]
    assert "GPU memory needed" not in found
    assert "Explained by the critic" not in found


def test_what_is_0_throughout_is_left_out_where_that_says_nothing():
    nothing = lambda k: {"kl": 0.0, "clip_ratio/region_mean": 0.0, "grad_norm": 0.0}  # noqa: E731
    found = named(columns(history(log=nothing)))
    assert "KL to the start" not in found
    assert "Share of clipped tokens" not in found
    assert found["Gradient norm"] == [(k, 0.0) for k in (1, 2, 3, 4)]


def test_speed_is_tokens_over_the_time_of_play():
    events = [rollout(0, action_tokens=90, total_s=3.0), rollout(1, total_s=0.0)]
    assert named(columns(History.of(events)))["Speed of play"] == [(1, 30.0)]


def test_a_hopeless_critic_does_not_spoil_the_axis():
    found = columns(history(1, log=lambda k: {"explained_variance": -500.0}))
    assert named(found)["Explained by the critic"] == [(1, -1.0)]


def test_numbers_that_are_none_leave_gaps():
    events = run_of(3, rollouts=lambda k: {"success": None if k == 1 else 0.5})
    events.append(update(3, log={"grad_norm": float("nan")}))
    found = named(columns(History.of(events)))
    assert found["Success in training"] == [(1, 0.5), (3, 0.5)]
    assert len(found["Gradient norm"]) == 3


def test_every_column_becomes_a_picture_with_success_first():
    past = history()
    found = columns(past)
    drawn = charts(found, past, 60, [])
    assert len(drawn) == len(found)
    assert "Success in training, smoothed" in drawn[0]
    assert 'class="band"' in drawn[0]
    assert not any('class="band"' in picture for picture in drawn[1:])
    assert "batch of 32 episodes" in key(found, past, [])
    assert key([], past, []).startswith("The curves begin with")


def test_marks_tell_what_happened():
    exam = {"success": 0.5, "low": 0.3, "high": 0.7}
    events = [
        {"event": "resumed", "step": 2},
        {"event": "evaluated", "step": 3, **exam},
        {"event": "reward_changed", "step": 4, "weights": {"success": 2.0}},
        {"event": "forked", "step": 5, "source": "runs/a"},
        {"event": "evaluation_failed", "step": 6, "reason": "no games"},
        {"event": "evaluated", "step": 7, "success": None},
    ]
    found = marks_of(events)
    assert [(m.step, m.letter) for m in found] == [
        *((2, "R"), (3, "E"), (4, "W"), (5, "F"), (6, "E"), (7, "E"))
    ]
    assert found[1].exam == (0.5, 0.3, 0.7)
    assert "50 % of held-out games won" in found[1].words
    assert "success 2" in found[2].words
    assert len(marks_of(events * 9)) == MOST_MARKS


def test_the_table_of_a_long_run_is_thinned_to_its_end():
    found = table(columns(history(1000)))
    assert len(found["rows"]) <= TABLE_ROWS
    assert found["every"] == 25
    assert found["rows"][-1][0] == "1000"
    assert [len(row) for row in found["rows"]] == [len(found["heads"])] * 40
    assert table([]) == {"heads": ["Step"], "rows": [], "every": 1}


def test_csv_has_every_number():
    events = run_of(3, rollouts=lambda k: {"success": None if k == 1 else 0.125})
    rows = list(csv.DictReader(io.StringIO(to_csv(columns(History.of(events))))))
    assert [row["Step"] for row in rows] == ["1", "2", "3"]
    assert [row["Success in training"] for row in rows] == ["0.125", "", "0.125"]
    assert rows[0]["Time of a step (s)"] == "10.0"
