import json
import os
import signal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.models import tiny_policy
from tests.training.gates import Gates
from tests.training.runs import weights_of
from toolkit.environments.base import Task, make_env, register, tasks
from toolkit.environments.textworld import SPLIT_SEEDS
from toolkit.errors import ConfigError, ContaminationError
from toolkit.policies.models import load_policy
from toolkit.policies.scripted import ExpertPolicy
from toolkit.training.budget import (
    SHARES,
    Budget,
    Split,
    start_policy,
    sweep_budget,
)
from toolkit.training.events import read_events, steps_of
from toolkit.training.imitation import ImitationConfig, demonstrate


class Walls(Gates):
    """Gates with splits and an expert, who loses the games of every third seed."""

    @classmethod
    def tasks(cls, env, split, n, params):
        first = SPLIT_SEEDS[split][0]
        seeds = range(first, first + (n or (9 if split == "demonstration" else 6)))
        return [Task(env=env, seed=seed, split=split) for seed in seeds]

    def expert(self):
        return ["1" if self.seed % 3 == 0 else "ab"]


register("walls", Walls)
SMALL = {
    **{"per_device_train_batch_size": 8, "num_generations": 4, "live": 8, "workers": 0},
    **{"learning_rate": 1e-2, "warmup_steps": 0, "save_steps": 1, "progress": False},
}
# 24 units: 0, 2 or 4 demonstrations, and 24, 16 or 0 episodes in 3, 2 or no steps
TIGHT = Budget(total=24, demo_cost=4)
THIRDS = (0, "1/3")
IMITATION = ImitationConfig(batch_size=4, learning_rate=2e-2)


def sweep(folder, shares=THIRDS, **settings):
    given = SMALL | {"imitation": IMITATION, "epochs": 100, "start": tiny_policy}
    settings = given | settings
    return sweep_budget("walls", budget=TIGHT, shares=shares, folder=folder, **settings)


@pytest.fixture(autouse=True)
def calm():
    yield
    Gates.on_turn = None


# ---- splits --------------------------------------------------------------------------


def test_the_splits_of_the_paper():
    found = [Budget().split(share) for share in SHARES]
    pairs = [(0, 1000), (20, 800), (40, 600), (60, 400), (80, 200), (100, 0)]
    assert found == [Split(demonstrations=d, episodes=e) for d, e in pairs]


@given(
    total=st.integers(1, 5000),
    demo_cost=st.integers(1, 50),
    episode_cost=st.integers(1, 5),
    hundredths=st.integers(0, 100),
)
def test_all_is_spent_or_the_split_is_refused(
    total, demo_cost, episode_cost, hundredths
):
    budget = Budget(total=total, demo_cost=demo_cost, episode_cost=episode_cost)
    whole = (total * hundredths) % (100 * demo_cost) == 0
    left = total - total * hundredths // 100
    if not whole or left % episode_cost:
        with pytest.raises(ConfigError):
            budget.split(hundredths / 100)
        return
    split = budget.split(hundredths / 100)
    assert split.demonstrations * demo_cost * 100 == total * hundredths
    assert split.demonstrations * demo_cost + split.episodes * episode_cost == total


@pytest.mark.parametrize(
    ("budget", "share", "message"),
    [
        ({}, 1.1, r"in \[0, 1\]"),
        ({}, -0.1, r"in \[0, 1\]"),
        ({}, "half", "share is 'half'"),
        ({}, float("nan"), "share is nan"),
        ({}, 0.333, "33/100 or 17/50"),
        ({"total": 24, "demo_cost": 4}, 0.33, "1/6 or 1/3"),
        ({"total": 25, "episode_cost": 2}, 0, "leave 25 units"),
        ({"total": 0}, 0, "total is 0"),
        ({"demo_cost": 2.5}, 0, "demo_cost is 2.5"),
    ],
)
def test_impossible_splits_are_refused(budget, share, message):
    with pytest.raises(ConfigError, match=message) as error:
        Budget(**budget).split(share)
    assert error.value.why


def test_a_share_that_is_proposed_is_possible():
    budget = Budget(total=24, demo_cost=4)
    assert budget.split("1/6") == Split(demonstrations=1, episodes=20)
    assert budget.split("1/3") == Split(demonstrations=2, episodes=16)


# ---- demonstrations and starts -------------------------------------------------------


def test_demonstrations_are_won_games_of_their_own_split():
    shown = demonstrate(make_env("walls"), 4, ExpertPolicy())
    games = tasks("walls", split="demonstration")
    assert [e.task for e in shown] == [g for g in games if g.seed % 3][:4]
    assert all(e.won for e in shown)
    with pytest.raises(ConfigError, match="there are 6"):
        demonstrate(make_env("walls"), 7, ExpertPolicy())


def test_the_untrained_start_has_pockets_shape_and_no_skill():
    pocket, fresh = load_policy("pocket", device="cpu"), start_policy("untrained", 0)
    state = torch.random.get_rng_state()
    again, other = start_policy("untrained", 0), start_policy("untrained", 1)
    assert torch.equal(torch.random.get_rng_state(), state)
    sizes = [[p.shape for p in x.model.parameters()] for x in (pocket, fresh)]
    assert sizes[0] == sizes[1]
    assert fresh.name == "untrained"
    assert not torch.equal(weights_of(pocket), weights_of(fresh))
    assert torch.equal(weights_of(again), weights_of(fresh))
    assert not torch.equal(weights_of(other), weights_of(fresh))


# ---- sweeps --------------------------------------------------------------------------


def test_a_sweep_spends_the_budget(tmp_path):
    found = sweep(tmp_path, shares=(*THIRDS, "2/3"))
    bought = [(r.split.demonstrations, r.split.episodes) for r in found.results]
    assert bought == [(0, 24), (2, 16), (4, 8)]
    for result in found.results:
        folder = next(tmp_path.glob(f"{result.split.demonstrations}-*"))
        rollouts = steps_of(read_events(folder / "events.jsonl"), "rollout")
        episodes = sum(len(g["won"]) for e in rollouts for g in e["groups"])
        assert episodes == result.split.episodes
        for exam in (result.imitated["walls"], result.trained["walls"]):
            assert exam["n"] == 6
            assert exam["low"] <= exam["success"] <= exam["high"]
    # "ab" wins, and to begin with the letter a is quickly learnt from two examples
    assert found.results[1].imitated["walls"]["success"] == 1.0
    assert found.results[0].imitated["walls"]["success"] < 1.0
    data = json.loads(json.dumps(found.to_dict()))
    assert data["budget"] == {"total": 24, "demo_cost": 4, "episode_cost": 1}
    assert len(str(found).splitlines()) == 3
    assert "2 demonstrations, 16 episodes: walls" in str(found)
    assert found._repr_html_().count("<tr>") == 3


def test_all_for_demonstrations_means_no_training(tmp_path):
    (result,) = sweep(tmp_path, shares=(1,), exams={"few": exam(2)}).results[:1]
    assert result.split == Split(demonstrations=6, episodes=0)
    assert result.trained is None


def exam(n):
    return tasks("walls", split="test", n=n)


def test_a_finished_split_is_not_run_again(tmp_path):
    first = sweep(tmp_path, shares=(0,))

    def fail():
        raise AssertionError("it was played again")

    Gates.on_turn = fail
    assert sweep(tmp_path, shares=(0,)) == first


def test_a_sweep_that_was_interrupted_goes_on_to_the_same_numbers(tmp_path):
    whole = sweep(tmp_path / "whole")
    turns = iter(range(1, 10_000))
    Gates.on_turn = lambda: (
        os.kill(os.getpid(), signal.SIGINT) if next(turns) == 60 else None
    )
    with pytest.raises(KeyboardInterrupt):
        sweep(tmp_path / "cut")
    Gates.on_turn = None
    assert not list((tmp_path / "cut").glob("*/result.json"))
    assert sweep(tmp_path / "cut") == whole


def test_other_settings_need_another_folder(tmp_path):
    sweep(tmp_path, shares=(0,))
    with pytest.raises(ConfigError, match="other epochs"):
        sweep(tmp_path, shares=(0,), epochs=3)
    with pytest.raises(ConfigError, match="other settings"):
        sweep(tmp_path, shares=(0,), learning_rate=1e-3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"per_device_train_batch_size": 12}, "16 episodes cannot be played"),
        ({"num_iterations": 1, "steps_per_generation": 2}, "24 episodes cannot"),
        ({"max_steps": 5}, "max_steps is set"),
        ({"shares": (0, 0.3)}, "1/6 or 1/3"),
    ],
)
def test_impossible_sweeps_are_refused_before_anything_is_played(
    tmp_path, settings, message
):
    with pytest.raises(ConfigError, match=message):
        sweep(tmp_path, **settings)
    assert not list(tmp_path.iterdir())


def test_an_exam_of_training_games_is_refused(tmp_path):
    with pytest.raises(ContaminationError):
        sweep(tmp_path, shares=(0,), exams={"seen": tasks("walls", split="train", n=2)})
