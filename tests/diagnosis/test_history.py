import math

import pytest

from tests.diagnosis.made import rollout, run_of, update
from toolkit.diagnosis.history import History, change, number, start_and_now, tail


def test_a_step_of_both_kinds_has_one_number():
    run = History.of(run_of(2))
    assert run.of_rollouts("success") == [(1, 0.5), (2, 0.5)]
    assert run.of_updates("loss") == [(1, 0.01), (2, 0.01)]
    assert run.step == 2


def test_after_a_resume_the_later_line_counts():
    again = {"event": "resumed", "time": 90.0, "step": 1, "config": {"max_steps": 9}}
    events = [*run_of(3), again, rollout(1, success=0.9, time=97.0)]
    run = History.of(events)
    assert run.of_rollouts("success") == [(1, 0.5), (2, 0.9), (3, 0.5)]
    assert (run.config, run.seconds, run.end) == ({"max_steps": 9}, 7.0, {})


def test_what_is_no_number_is_left_out():
    values = [1, 0.5, True, None, "1", math.nan, math.inf, 10**400, [1]]
    assert [number(v) for v in values] == [1.0, 0.5, *[None] * 7]


def test_shares_and_lengths():
    run = History.of([rollout(0, stop_reasons={"won": 3, "lost": 1}, mean_turns=2.0)])
    assert run.share_of_ends("won", "lost") == [(1, 1.0)]
    assert run.share_of_ends("lost") == [(1, 0.25)]
    assert run.tokens_per_turn() == [(1, 960 / 8)]


def test_only_an_error_is_a_failure():
    def failure(event, reason):
        return History.of([{"event": event, "step": 0, "reason": reason}]).failure

    assert failure("failed", "ValueError: x") == "ValueError: x"
    assert failure("failed", "KeyboardInterrupt: ") == ""
    assert failure("finished", "time") == ""


def test_a_run_that_went_on_has_no_end():
    end = {"event": "interrupted", "step": 1, "reason": "interrupted"}
    assert History.of([update(0), end]).end == end
    assert History.of([update(0), end, update(1)]).end == {}


def test_the_tail_is_unbroken():
    series = [(1, 1.0), (2, 0.0), (3, 1.0)]
    assert tail(series, bool) == [(3, 1.0)]
    assert tail(series[:2], bool) == []
    assert tail(series[::2], bool) == [(1, 1.0), (3, 1.0)]


def test_start_and_now_are_medians():
    series = list(enumerate([1.0, 1.0, 9.0, 5.0, 5.0, 0.0]))
    assert start_and_now(series) == (1.0, 5.0)
    assert start_and_now(series[:5]) is None


def test_a_change_without_spread():
    assert change([1.0, 1.0, 2.0, 2.0]) == (1.0, math.inf)
    assert change([2.0, 2.0, 1.0, 1.0]) == (-1.0, -math.inf)
    assert change([1.0] * 4) == (0.0, 0.0)
    assert change([0.0, 2.0, 9.0, 4.0, 6.0])[0] == pytest.approx(4.0)  # no middle
