import random

import numpy as np
import pytest

from toolkit.environments.adapted import (
    LONGEST,
    AdaptedEnv,
    AsWritten,
    Chance,
    finite,
    outcome,
    storable,
)
from toolkit.environments.base import SPLITS
from toolkit.environments.splits import DEFAULT_SIZES, SPLIT_SEEDS
from toolkit.errors import ConfigError, EnvironmentCrashError, TaskError


def judged(given=None, **facts):
    default = {"over": True, "earned": 0.0, "last": 0.0}
    return outcome(given or {}, won_at=1.0, admissible=False, **default | facts)


def test_every_split_has_seeds_of_its_own():
    assert set(SPLIT_SEEDS) == set(SPLITS)
    seeds = [seed for part in SPLIT_SEEDS.values() for seed in part]
    assert len(seeds) == len(set(seeds))


def test_tasks_of_a_split():
    for split, size in DEFAULT_SIZES.items():
        assert len(AdaptedEnv.tasks("x", split, None, {})) == size
    assert dict(AdaptedEnv.tasks("x", "test", 1, {"max_turns": 3})[0].params) == {
        "max_turns": 3
    }
    with pytest.raises(TaskError, match="It has 1000"):
        AdaptedEnv.tasks("x", "test", 1001, {})
    with pytest.raises(ConfigError, match="max_turns"):
        AdaptedEnv.tasks("x", "test", 1, {"max_turn": 3})


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("two\nlines", "two\nlines"),
        ("a\0b\x1b[1m", "a b [1m"),
        ("Grüße \ud800!", "Grüße !"),
        ("a. b; c then d", "a. b; c then d"),
        (" \n\t ", ""),
        ("x" * LONGEST + "end", "x" * (LONGEST - 3) + "end"),
    ],
)
def test_what_is_said_goes_through_as_written(said, heard):
    assert AsWritten().clean(said) == heard
    assert AsWritten().clean(heard) == heard


def test_who_has_won():
    assert not judged(earned=0.9)["won"]
    assert judged(earned=0.9)["lost"]
    assert judged(earned=1.0)["won"]  # many small rewards
    assert judged(earned=0.5, last=1.0)["won"]  # a win after costs
    assert judged(earned=0.5, last=1.0)["score"] == 1.0
    assert judged({"is_success": True})["won"]
    assert judged({"won": False}, earned=5.0)["lost"]
    assert judged(earned=5.0, over=False)["won"] is False
    assert judged(earned=5.0, over=False)["score"] == 1.0
    assert judged(earned=-2.0)["score"] == -2.0


def test_facts_that_can_be_stored():
    nested = {"a": [np.float32(0.5), {"b": np.arange(2)}]}
    assert storable(nested) == {"a": [0.5, {"b": [0, 1]}]}
    bad = {"nan": float("nan"), "set": {1}, 3: 4, "won": "yes", "expert": 1}
    assert storable(bad) == {}
    assert storable(bad, without=()) == {"won": "yes", "expert": 1}
    assert storable(None) == {}


def test_rewards_are_numbers():
    assert finite(np.float32(0.5), "x") == 0.5
    for wrong in (None, "much", float("inf")):
        with pytest.raises(EnvironmentCrashError, match="finite number"):
            finite(wrong, "x")


def test_chance_goes_on_where_it_stopped_and_leaves_no_trace():
    random.seed(1)
    before = random.getstate()
    chance = Chance(seed=3)
    drawn = []
    for _ in range(3):
        with chance:
            drawn.append((random.random(), np.random.rand()))  # noqa: NPY002
    assert random.getstate() == before
    assert len(set(drawn)) == 3
    with Chance(seed=3):
        again = [(random.random(), np.random.rand()) for _ in range(3)]  # noqa: NPY002
    assert again == drawn


def test_chance_is_given_back_after_an_error():
    before = random.getstate()
    with pytest.raises(KeyError), Chance(seed=3):
        raise KeyError
    assert random.getstate() == before
