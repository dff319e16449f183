import json

import pytest

from toolkit.comparison import compare, most_changed, typical
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.errors import ToolkitError
from toolkit.evaluation import summarise


def evaluation(*results):
    """Evaluate tasks 0, 1, …: a letter per episode, w(on), l(ost) or b(roken)."""
    reasons = {
        "w": StopReason.WON,
        "l": StopReason.TURN_LIMIT,
        "b": StopReason.ENVIRONMENT_ERROR,
    }
    return summarise(
        Episode(task=Task(env="toy", seed=seed), turns=(), stop_reason=reasons[letter])
        for seed, letters in enumerate(results)
        for letter in letters
    )


def test_one_episode_per_task():
    found = compare(evaluation(*"wwwwllllll"), evaluation(*"wwwlwwwwwl"))
    # Won before 4, after 8 of 10: five lost → won, one won → lost.
    assert found.points == pytest.approx(40)
    assert (found.gained, found.lost, found.n) == (5, 1, 10)
    assert found.p_value == 14 / 64  # 2 · (C(6,0) + C(6,1)) / 2⁶
    # Mean 0.4, variance 0.6 - 0.16 = 0.44, standard error √0.044 = 0.2098:
    # about 0.4 ± 0.41, in steps of 0.1.
    assert (found.low, found.high) == pytest.approx((0, 80), abs=10.01)


def test_several_episodes_per_task_are_compared_by_their_share():
    found = compare(evaluation("wl", "ll", "ww"), evaluation("ww", "wl", "ll"))
    assert found.points == pytest.approx(0)  # (+½ + ½ - 1) / 3
    assert (found.gained, found.lost) == (2, 1)
    assert found.p_value is None
    assert found.low == pytest.approx(-100)  # the third task three times: 1 in 27
    assert found.high == pytest.approx(50)


def test_pairing_sees_what_two_separate_intervals_do_not():
    before = evaluation(*("w" * 50 + "l" * 50))
    after = evaluation(*("w" * 60 + "l" * 40))
    found = compare(before, after)
    assert before.high > after.low  # the intervals overlap
    assert found.low > 0
    assert found.p_value == 2 / 2**10


def test_tasks_that_broke_on_one_side_are_left_out():
    found = compare(evaluation(*"lblw"), evaluation(*"wwbw"))
    assert (found.n, found.gained, found.lost) == (2, 1, 0)
    assert found.points == pytest.approx(50)


def test_the_same_evaluation_twice_shows_no_change():
    found = compare(evaluation(*"wlw"), evaluation(*"wlw"))
    assert (found.points, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_other_tasks_are_refused_and_named():
    with pytest.raises(ToolkitError, match=r"2 tasks .* toy/train/1, toy/train/2\."):
        compare(evaluation(*"w"), evaluation(*"www"))


def test_no_task_intact_on_both_sides_is_refused():
    with pytest.raises(ToolkitError, match="world failed before or after"):
        compare(evaluation(*"wb"), evaluation(*"bw"))


def test_reports_are_readable_and_json_ready():
    found = compare(evaluation(*"ll"), evaluation(*"wl"))
    assert "+50.0 points" in str(found)
    assert "1 better, 0 worse, 2 in all" in str(found)
    assert "McNemar" in str(found)
    assert found._repr_html_().startswith("<table>")
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["points"] == 50
    assert data["after"]["success"] == 0.5


def seeds(flips):
    return [flip.task.seed for flip in flips]


def test_flips_are_the_games_that_changed_with_an_episode_of_each_side():
    found = compare(evaluation(*"wllwl"), evaluation(*"wlwlw")).flips
    assert [(f.task.seed, f.gain) for f in found] == [(2, 1), (4, 1), (3, -1)]
    assert [(f.earlier.won, f.later.won) for f in found] == [
        (False, True),
        (False, True),
        (True, False),
    ]


def test_flips_with_several_episodes_are_sorted_by_their_gain():
    before = evaluation("lw", "ll", "bb", "ww", "wl")
    after = evaluation("ww", "bw", "ww", "wl", "lw")
    found = compare(before, after).flips
    assert [(f.task.seed, f.gain) for f in found] == [(1, 1), (0, 0.5), (3, -0.5)]
    # never one whose world broke, and one that shows what changed
    assert [(f.earlier.won, f.later.won) for f in found] == [
        (False, True),
        (False, True),
        (True, False),
    ]
    assert seeds(most_changed(found)) == [1]
    assert most_changed(found[2:]) == []


def test_a_typical_flip_has_a_later_episode_of_middling_length():
    def game(seed, turns, won):
        said = Turn(observation="", completion="", action="", reward=0.0)
        stop = StopReason.WON if won else StopReason.LOST
        task = Task(env="toy", seed=seed)
        return Episode(task=task, turns=(said,) * turns, stop_reason=stop)

    before = summarise([game(k, 9, won=False) for k in range(3)])
    after = summarise([game(k, n, won=True) for k, n in enumerate((8, 2, 5))])
    assert typical(compare(before, after).flips).task.seed == 2
