import json
import os
import signal
from dataclasses import replace

import pytest
import yaml

from tests.models import tiny_policy
from tests.training.runs import SMALL, Gates, run_small, weights_of
from toolkit.environments.base import make_env, tasks
from toolkit.episodes.rollout import collect
from toolkit.errors import ConfigError, ContaminationError
from toolkit.evaluation import evaluate
from toolkit.policies.scripted import ExpertPolicy
from toolkit.training.curriculum import (
    Mixture,
    Prioritised,
    Shuffled,
    Stages,
    horizon,
    with_turns,
)
from toolkit.training.events import steps_of
from toolkit.training.plan import Plan, make_curriculum
from toolkit.training.run import train, train_from_file
from toolkit.training.settings import make_config

GAMES = tasks("gates", n=6)
LONG = {"max_steps": 6, "save_steps": 2}
CURRICULA = {
    "prioritised": Prioritised(tasks=GAMES, floor=0.3),
    "stages": Stages(stages=(GAMES[:2], GAMES[2:]), success=0.01, window=4, batches=3),
    "mixture": Mixture(parts=(GAMES[:3], Prioritised(tasks=GAMES[3:])), weights=(1, 2)),
    "horizon": horizon(GAMES, limits=(1, 2, 4), batches=2),
}


@pytest.fixture(autouse=True)
def calm():
    yield
    Gates.on_turn = None


def run(folder, curriculum, **settings):
    settings = SMALL | {"output_dir": str(folder)} | LONG | settings
    env = make_env("gates")
    return train(tiny_policy(), env, curriculum=curriculum, **settings)


def groups_of(run):
    return [e["groups"] for e in steps_of(run.events, "rollout")]


@pytest.mark.parametrize("name", CURRICULA)
def test_a_run_that_dies_resumes_to_the_same_numbers(tmp_path, name):
    def die():
        raise KeyboardInterrupt

    whole = run(tmp_path / "whole", CURRICULA[name])
    turns = sum(sum(g["turns"]) for groups in groups_of(whole) for g in groups)
    for part in (0.3, 0.75):
        count = iter(range(1, 10_000))
        at = int(part * turns)
        Gates.on_turn = lambda c=count, at=at: die() if next(c) == at else None
        folder = tmp_path / str(part)
        with pytest.raises(KeyboardInterrupt):
            run(folder, CURRICULA[name])
        Gates.on_turn = None
        again = run(folder, CURRICULA[name], resume=True)
        assert groups_of(again) == groups_of(whole)
        assert weights_of(again.policy).equal(weights_of(whole.policy))


def test_a_run_stopped_twice_resumes_to_the_same_numbers(tmp_path):
    whole = run(tmp_path / "whole", CURRICULA["prioritised"], num_iterations=2)
    for turn in (30, 10):
        count = iter(range(1, 10_000))
        Gates.on_turn = lambda c=count, at=turn: (
            os.kill(os.getpid(), signal.SIGINT) if next(c) == at else None
        )
        stopped = run(
            tmp_path / "cut", CURRICULA["prioritised"], num_iterations=2, resume=True
        )
        assert stopped.stopped == "interrupted"
    Gates.on_turn = None
    again = run(
        tmp_path / "cut", CURRICULA["prioritised"], num_iterations=2, resume=True
    )
    assert groups_of(again) == groups_of(whole)
    assert weights_of(again.policy).equal(weights_of(whole.policy))


def test_the_horizon_grows_in_a_run(tmp_path):
    done = run(tmp_path, CURRICULA["horizon"])
    for step, groups in enumerate(groups_of(done)):
        limit = (1, 2, 4)[step // 2]
        assert {g["params"]["max_turns"] for g in groups} == {limit}
        assert max(t for g in groups for t in g["turns"]) == limit
    assert {dict(t.params)["max_turns"] for t in done.trained_on} == {1, 2, 4}


def test_the_turn_limit_of_a_task_does_not_outlive_its_game():
    env = make_env("gates", max_turns=3)
    short = replace(GAMES[0], params=(("max_turns", 1),))
    for task, limit in ((GAMES[0], 3), (short, 1), (GAMES[1], 3)):
        env.reset(options={"task": task})
        ends = [env.step("?")[3] for _ in range(limit)]
        assert ends == [False] * (limit - 1) + [True]


def test_what_may_have_been_trained_on_is_refused(tmp_path):
    done = run(tmp_path, CURRICULA["stages"], max_steps=1, save_steps=1)
    with pytest.raises(ContaminationError):
        evaluate(done.policy, "gates", GAMES[5:], progress=False)


def test_a_name_and_a_recipe_say_the_same_as_an_object(tmp_path):
    recipe = {"name": "prioritised", "floor": 0.3}
    runs = [run(tmp_path / "object", CURRICULA["prioritised"])]
    for name, told in (("recipe", recipe), ("json", json.dumps(recipe))):
        runs.append(run(tmp_path / name, told, tasks=GAMES))
    assert groups_of(runs[0]) == groups_of(runs[1]) == groups_of(runs[2])


def test_a_curriculum_from_yaml(tmp_path):
    tiny_policy().save(tmp_path / "start")
    settings = SMALL | {
        **{"env": "gates", "n_tasks": 6, "max_steps": 2, "save_steps": 1},
        "curriculum": {"name": "horizon", "limits": [1, 3], "batches": 1},
        "policy": str(tmp_path / "start"),
        "output_dir": str(tmp_path / "run"),
    }
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(settings))
    limits = [
        {g["params"]["max_turns"] for g in groups}
        for groups in groups_of(train_from_file(path))
    ]
    assert limits == [{1}, {3}]


def test_recipes_nest_and_name_their_own_games():
    easy, hard = "textworld/w2-o3-q4", "textworld/w4-o6-q8"
    mixed = {"name": "mixture", "parts": [{"env": hard, "n_tasks": 2}, "prioritised"]}
    made = make_curriculum(
        {"name": "stages", "stages": ["shuffled", mixed], "batches": 3},
        tasks(easy, n=3),
    )
    wanted = Stages(
        stages=(
            Shuffled(tasks=tasks(easy, n=3)),
            Mixture(parts=(tasks(hard, n=2), Prioritised(tasks=tasks(easy, n=3)))),
        ),
        batches=3,
    )
    assert made.describe() == wanted.describe()
    assert list(made.tasks) == list(wanted.tasks)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("prioritized", "Did you mean 'prioritised'"),
        ({"name": "stages"}, "no games"),
        ({"name": "horizon", "limits": [2, 4]}, "Nothing ends a stage"),
        ({"name": "horizon"}, "cannot be made"),
        ({"name": "prioritised", "flor": 0.1}, "flor"),
    ],
)
def test_recipes_that_cannot_be_made(recipe, message):
    with pytest.raises(ConfigError, match=message):
        make_curriculum(recipe, GAMES)


def test_one_run_plays_games_of_several_kinds(tmp_path):
    maze, house = "textworld/coin_collector-105-basic", "textworld/w2-o3-q4"
    mazes, houses = (tasks(env, split="test", n=2) for env in (maze, house))
    env = make_env(maze)
    played = collect(ExpertPolicy(), env, [*mazes, *houses], live=1, progress=False)
    assert all(episode.won for episode in played)
    stages = Stages(stages=(with_turns(mazes, 2), houses), batches=1)
    settings = SMALL | {"output_dir": str(tmp_path), "max_steps": 2}
    done = train(tiny_policy(), env, curriculum=stages, **settings)
    first, second = groups_of(done)
    assert {g["task"] for g in first} == {task.id for task in mazes}
    assert {g["task"] for g in second} == {task.id for task in houses}
    turns = [max(t for g in groups for t in g["turns"]) for groups in (first, second)]
    assert turns == [2, 12]  # a house has its own limit again
    with pytest.raises(ContaminationError):
        evaluate(done.policy, house, houses, progress=False)


def test_games_of_another_family_are_refused(tmp_path):
    mixed = Mixture(parts=(GAMES, tasks("textworld/w2-o3-q4", n=2)))
    with pytest.raises(ConfigError, match="cannot play textworld/w2-o3-q4"):
        run(tmp_path, mixed)


def test_games_are_given_once(tmp_path):
    with pytest.raises(ConfigError, match="Both tasks and a curriculum"):
        run(tmp_path, CURRICULA["prioritised"], tasks=GAMES)


def test_another_curriculum_cannot_be_resumed(tmp_path):
    run(tmp_path, CURRICULA["prioritised"], max_steps=2)
    with pytest.raises(ConfigError, match="other games"):
        run(tmp_path, Prioritised(tasks=GAMES[:5], floor=0.3), resume=True)
    with pytest.raises(ConfigError, match="curriculum was"):
        run(tmp_path, Prioritised(tasks=GAMES, floor=0.5), resume=True)
    with pytest.raises(ConfigError, match="other games"):
        run_small(tmp_path, n=6, resume=True, **LONG)


def test_without_its_record_a_run_does_not_go_on(tmp_path):
    run(tmp_path, CURRICULA["prioritised"], max_steps=2)
    (tmp_path / "events.jsonl").write_text("")
    with pytest.raises(ConfigError, match=r"Keep events\.jsonl"):
        run(tmp_path, CURRICULA["prioritised"], resume=True)


def test_all_processes_choose_alike():
    config = make_config(**SMALL | {"env": "gates", "output_dir": None})
    one, other = (Plan(CURRICULA["prioritised"], config) for _ in range(2))
    rows = [one[0], one[1]]
    assert [other[1], other[0]] == rows[::-1]
    facts = [
        {"row": i, "task": t.id, "params": {}, "won": [i == 0] * 4, "broken": 0}
        for i, t in enumerate(rows)
    ]
    one.see(facts)
    other.see(facts[::-1])  # gathered in another order
    assert [one[2], one[3]] == [other[2], other[3]]
    assert len(one) == config.groups_needed
