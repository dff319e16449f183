"""What an experiment lacks to be fair, each thing by itself."""

import copy

import pytest

from toolkit.errors import ToolkitError
from toolkit.lessons.checklist import missing_in, read_recipe
from toolkit.lessons.exercises.curriculum_and_generalisation import (
    EASY,
    HARD,
    recipe,
)


def missing(**changes):
    """Return what the reference lacks with parts of its arms or settings changed."""
    given = copy.deepcopy(recipe(EASY, HARD))
    given["seeds"] = changes.pop("seeds", given["seeds"])
    given["settings"].update(changes.pop("settings", {}))
    for name in changes.pop("without", ()):
        del given["settings"][name]
    for arm, how in changes.items():
        given["arms"][arm] = {**given["arms"].get(arm, {}), **how}
    return missing_in(read_recipe(given), EASY, HARD)


def stages(*worlds, **ends):
    parts = [{"env": world, "n_tasks": 10} for world in worlds]
    return {"name": "stages", "stages": parts, **ends}


def test_nothing_is_missing_in_what_is_fair():
    assert missing() == ""
    assert missing(direct={"curriculum": "shuffled"}) == ""
    assert missing(direct={"curriculum": {"name": "shuffled"}}) == ""
    assert missing(direct={"env": HARD}, first={"env": HARD}) == ""
    middle = stages(EASY, "textworld/w4-o3-q4", HARD, batches=20)
    assert missing(first={"curriculum": middle}) == ""
    assert missing(first={"curriculum": stages(EASY, HARD, success=0.6)}) == ""


def test_settings_that_are_not_given_are_those_of_the_toolkit():
    assert missing(without=["max_steps", "per_device_train_batch_size"]) == ""


@pytest.mark.parametrize(
    "how",
    [
        {"learning_rate": 1e-3},
        {"num_generations": 4},
        {"reward": "discovery"},
        {"per_device_train_batch_size": 64},
    ],
)
def test_whatever_else_differs_is_named(how):
    assert f"the arms differ in {next(iter(how))}, too" in missing(first=how)


@pytest.mark.parametrize(("batches", "late"), [(59, False), (60, True), (100, True)])
def test_the_harder_world_has_to_come(batches, late):
    said = missing(first={"curriculum": stages(EASY, HARD, batches=batches)})
    assert ("never comes" in said) == late


def test_the_same_seed_three_times_is_one():
    assert "it has 1 seed." in missing(seeds=[0, 0, 0])


def test_what_the_toolkit_refuses_is_refused():
    with pytest.raises(ToolkitError, match="Nothing ends a stage"):
        missing(first={"curriculum": stages(EASY, HARD)})
