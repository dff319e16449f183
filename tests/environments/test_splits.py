import pytest

from toolkit.environments.splits import seeded_tasks, too_many
from toolkit.errors import TaskError

SEEDS = {"train": range(5, 9), "test": range(1, 4)}


def named(split, n):
    kept = (("goal", "brief"),)
    found = seeded_tasks("x", split, n, kept, seeds=SEEDS, sizes={"test": 2})
    assert {(t.env, t.split, t.params) for t in found} == {("x", split, kept)}
    return [task.seed for task in found]


def test_tasks_are_the_first_seeds_of_their_split():
    assert named("train", None) == [5, 6, 7, 8]
    assert named("test", None) == [1, 2]
    assert named("test", 3) == [1, 2, 3]


def test_more_than_there_are_is_refused():
    with pytest.raises(TaskError, match="It has 3") as caught:
        named("test", 4)
    assert str(caught.value) == str(too_many(4, "test", 3))
