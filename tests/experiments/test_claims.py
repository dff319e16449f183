import pytest

from toolkit.experiments.claims import (
    judge,
    paper_difference,
    share_interval,
    visible_difference,
)

EXAM = "w2-o3-q4"


def stored(**arms):
    """Return an experiment: for each arm its shares before and after, by seed."""
    return {
        "arms": {
            arm: {
                "runs": [
                    {
                        "seed": seed,
                        "before": {EXAM: {"success": before}},
                        "after": {EXAM: {"success": after}},
                    }
                    for seed, (before, after) in runs.items()
                ]
            }
            for arm, runs in arms.items()
        }
    }


def verdict(result, than=("b", EXAM), **changes):
    claim = {"text": "a beats b", "better": ("a", EXAM), "than": than, **changes}
    return judge(result, claim)


# Differences of a and b: 0.3, 0.2, 0.1. Mean 0.2, deviation 0.1, t = 4.3027, so the
# interval is 0.2 ± 0.2484, although every run of a is better than its twin.
WIDE = stored(
    a={0: (0.5, 0.9), 1: (0.5, 0.7), 2: (0.5, 0.8)},
    b={0: (0.5, 0.6), 1: (0.5, 0.5), 2: (0.5, 0.7)},
)


def test_an_interval_that_covers_zero_is_undecided():
    found = verdict(WIDE)
    assert found.verdict == "undecided"
    assert (found.better, found.than) == pytest.approx((0.8, 0.6))
    assert found.difference == pytest.approx(0.2)
    assert found.interval == pytest.approx((-0.0484, 0.4484), abs=1e-4)
    assert found.pairs == 3


def test_runs_of_one_seed_are_paired():
    # The differences are 0.10, 0.11, 0.09, though the seeds differ by 0.4.
    close = stored(
        a={2: (0.2, 0.99), 0: (0.2, 0.6), 1: (0.2, 0.81)},
        b={0: (0.2, 0.5), 1: (0.2, 0.7), 2: (0.2, 0.9)},
    )
    found = verdict(close)
    assert found.verdict == "held"
    assert found.interval == pytest.approx((0.07516, 0.12484), abs=1e-5)
    back = judge(close, {"text": "", "better": ("b", EXAM), "than": ("a", EXAM)})
    assert back.verdict == "contradicted"
    assert back.interval == pytest.approx((-0.12484, -0.07516), abs=1e-5)


def test_gains_count_from_each_runs_own_start():
    grown = stored(a={0: (0.1, 0.5), 1: (0.2, 0.61)}, b={0: (0.4, 0.6), 1: (0.5, 0.7)})
    assert verdict(grown).difference == pytest.approx(-0.095)
    gain = verdict(grown, measure="gain")
    assert (gain.better, gain.than) == pytest.approx((0.405, 0.2))
    assert gain.verdict == "held"


@pytest.mark.parametrize(("measure", "start"), [("success", 0.5), ("gain", 0.0)])
def test_an_arm_can_be_compared_with_its_start(measure, start):
    found = verdict(WIDE, than="before", measure=measure)
    assert found.than == start
    assert found.difference == pytest.approx(0.3)
    assert found.verdict == "held"


def test_what_is_equal_on_paper_is_undecided():
    # 0.9 - 0.6 is more than 0.7 - 0.4 by its last bit
    equal = stored(a={0: (0.6, 0.9), 1: (0.6, 0.9)}, b={0: (0.4, 0.7), 1: (0.4, 0.7)})
    found = verdict(equal, measure="gain")
    assert found.interval == (0, 0)
    assert found.verdict == "undecided"


def test_one_pair_decides_nothing():
    alone = stored(a={0: (0, 1), 1: (0, 1)}, b={1: (0, 0), 2: (0, 0)})
    found = verdict(alone)
    assert (found.verdict, found.pairs, found.interval) == ("undecided", 1, None)
    assert found.difference == 1


def test_no_pair_has_no_numbers():
    found = verdict(stored(a={0: (0, 1)}))
    assert (found.verdict, found.pairs) == ("undecided", 0)
    assert found.better is found.than is found.difference is None


def test_shares_stay_between_0_and_1():
    assert share_interval([0.1, 0.9]) == (0, 1)
    assert share_interval([0.5]) is None
    low, high = share_interval([0.4, 0.5, 0.6])
    assert (low, high) == pytest.approx((0.2516, 0.7484), abs=1e-4)


def test_the_visible_difference_pools_the_intervals():
    same = stored(a={0: (0, 0.5), 1: (0, 0.5)}, b={0: (0, 0.4), 1: (0, 0.4)})
    wide, none = verdict(WIDE), verdict(same)
    assert visible_difference([wide]) == pytest.approx(0.2484, abs=1e-4)
    assert visible_difference([wide, none]) == pytest.approx(0.2484 / 2**0.5, abs=1e-4)
    assert visible_difference([wide, verdict(stored())]) is None
    assert visible_difference([]) is None


@pytest.mark.parametrize(
    ("than", "measure", "difference"),
    [
        (("b", EXAM), "success", 0.3),  # .8 - .5
        (("b", EXAM), "gain", 0.5),  # (.8 - .2) - (.5 - .4)
        ("before", "success", 0.6),  # .8 - .2
        ("before", "gain", 0.6),
        (("none", EXAM), "success", None),
        (("half", EXAM), "success", 0.1),  # .8 - .7
        (("half", EXAM), "gain", None),  # what half began with is not printed
    ],
)
def test_the_difference_in_the_paper_is_that_of_the_claim(than, measure, difference):
    paper = {
        "a": {EXAM: [0.2, 0.8]},
        "b": {EXAM: [0.4, 0.5]},
        "half": {EXAM: [None, 0.7]},
    }
    claim = {"text": "", "better": ("a", EXAM), "than": than, "measure": measure}
    found = paper_difference({"paper": paper}, claim)
    assert found == (None if difference is None else pytest.approx(difference))
