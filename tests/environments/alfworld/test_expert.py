import random

import pytest

from tests.environments.alfworld.conftest import likely
from toolkit.environments.alfworld.engine import FastEngine
from toolkit.environments.alfworld.expert import plan
from toolkit.environments.alfworld.facts import Facts
from toolkit.environments.alfworld.goal import TASK_TYPES, reached, read_goal


def start(game):
    engine = FastEngine()
    engine.load(game)
    engine.reset()
    return engine


def follow(engine, commands):
    for command in commands:
        assert engine.step(command)[1], command


@pytest.mark.parametrize("kind", TASK_TYPES)
def test_the_expert_wins_from_the_start(kind, games):
    engine = start(games[kind])
    follow(engine, plan(engine))
    assert engine.won()
    assert plan(engine) == []


@pytest.mark.parametrize("kind", TASK_TYPES)
def test_the_expert_wins_after_anything(kind, games):
    for seed in range(4):
        engine, rng = start(games[kind]), random.Random(seed)
        for _ in range(30):
            if not engine.won():
                engine.step(likely(rng, engine.admissible()))
        follow(engine, plan(engine))
        assert engine.won()


def test_the_expert_goes_on_where_its_plan_was_left(games):
    engine = start(games["pick_clean_then_place_in_recep"])
    whole = plan(engine)
    for i, command in enumerate(whole):
        assert plan(engine) == whole[i:]
        engine.step(command)


def test_no_way_is_no_plan(games, monkeypatch):
    engine = start(games["pick_heat_then_place_in_recep"])
    no_oven = Facts(f for f in engine.facts() if "microwavetype" not in f)
    monkeypatch.setattr(engine, "facts", lambda: no_oven)
    assert plan(engine) is None


def test_the_expert_speaks_the_grammar_of_the_game(games):
    engine = start(games["pick_and_place_simple"])
    assert plan(engine)[-1].startswith("move ")


@pytest.mark.slow
def test_the_expert_wins_every_real_game(real_games):
    engine, lengths = FastEngine(), []
    for path, game in real_games:
        engine.load(game)
        engine.reset()
        assert read_goal(engine.problem).task_type == path.parts[-3].split("-")[0]
        commands = plan(engine)
        follow(engine, commands)
        assert engine.won(), path
        lengths.append(len(commands))
    assert max(lengths) <= 24


@pytest.mark.parametrize("kind", TASK_TYPES)
def test_sub_goals_are_reached_one_by_one(kind, games):
    engine = start(games[kind])
    goal = read_goal(engine.problem)
    seen = [reached(goal, engine.facts())]
    for command in plan(engine):
        engine.step(command)
        seen.append(reached(goal, engine.facts()))
    done, (most,) = [d for d, _ in seen], {m for _, m in seen}
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, most)
    assert len({*done}) == most + 1
