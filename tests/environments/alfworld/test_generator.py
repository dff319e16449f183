import collections

import pytest

from toolkit.environments.alfworld import generator, package
from toolkit.environments.alfworld.engine import FastEngine
from toolkit.environments.alfworld.expert import plan
from toolkit.environments.alfworld.generator import TOOL, make_game, sentence_of
from toolkit.environments.alfworld.goal import TASK_TYPES, read_goal
from toolkit.errors import ConfigError, GameGenerationError, TaskError


def play(game):
    """Win a game anew and return its engine and the commands."""
    engine = FastEngine()
    engine.load(game)
    engine.reset()
    commands = plan(engine)
    assert not engine.won()
    for command in commands:
        assert engine.step(command)[1], command
    assert engine.won()
    return engine, commands


def make_and_win(seeds):
    for seed in seeds:
        kind = TASK_TYPES[seed % 6]
        engine, commands = play(
            make_game(
                kind, seed, size=(1.0, 0.5, 0.1)[seed % 3], held_out=seed % 5 == 0
            )
        )
        assert read_goal(engine.problem).task_type == kind
        assert 2 <= len(commands) <= 15


def test_100_games_are_won():
    make_and_win(range(100))


@pytest.mark.slow
def test_1000_games_are_won():
    make_and_win(range(1_000, 2_000))


def test_a_game_that_the_expert_does_not_win_is_made_anew(monkeypatch):
    real, asked = plan, []

    def clumsy(engine):
        asked.append(engine)
        commands = real(engine)
        bad = [None, commands[:-1], ["dance", *commands]]
        return bad[len(asked) - 1] if len(asked) <= 3 else commands

    first = make_game("pick_and_place_simple", 5, size=0.3)
    monkeypatch.setattr(generator.expert, "plan", clumsy)
    second = make_game("pick_and_place_simple", 5, size=0.3)
    assert len(asked) >= 4
    assert second != first
    play(second)


def test_equal_seeds_are_equal_games_and_others_are_not():
    assert make_game("pick_two_obj_and_place", 1) == make_game(
        "pick_two_obj_and_place", 1
    )
    problems = {
        make_game("pick_and_place_simple", s, size=0.3).problem for s in range(20)
    }
    assert len(problems) == 20


def test_a_smaller_size_is_a_smaller_house():
    def receptacles(size):
        counts = []
        for seed in range(12):
            engine, _ = play(
                make_game("pick_cool_then_place_in_recep", seed, size=size)
            )
            counts.append(engine.facts().count("receptacletype"))
        return sum(counts) / len(counts)

    small, half, full = receptacles(0.05), receptacles(0.5), receptacles(1.0)
    assert small < 8 < half < full


@pytest.mark.parametrize("number", [1, 10, 201, 330, 424])
def test_a_floor_plan_can_be_chosen(number):
    plan_ = package.floor_plan(number)
    kind = next(k for k in TASK_TYPES if plan_.room in package.tables().GOALS_VALID[k])
    engine, _ = play(make_game(kind, 0, floor_plan=number))
    ids = {f[1] for f in engine.facts().of("receptacletype", None, None)}
    some = next(iter(plan_.receptacles)).lower().split("|")[0]
    assert any(i.startswith(some) for i in ids)


@pytest.mark.slow
def test_every_floor_plan_has_a_game():
    for number in package.floor_plan_numbers():
        play(make_game("pick_and_place_simple", 0, floor_plan=number))


def test_held_out_floor_plans_are_used_by_the_test_split_alone(monkeypatch):
    drawn = collections.Counter()
    real = package.floor_plan
    made = []

    def noted(number):
        made.append(number)
        return real(number)

    for held_out in (False, True):
        monkeypatch.setattr(package, "floor_plan", real)
        for seed in range(12):
            made.clear()
            monkeypatch.setattr(package, "floor_plan", noted)
            make_game("pick_and_place_simple", seed, size=0.2, held_out=held_out)
            drawn[held_out, made[-1] in package.HELD_OUT] += 1
    assert drawn == {(False, False): 12, (True, True): 12}


def test_a_floor_plan_without_what_the_task_needs_is_refused():
    with pytest.raises(GameGenerationError, match="no game"):
        make_game("pick_heat_then_place_in_recep", 0, floor_plan=401)
    with pytest.raises(TaskError, match="no floor plan 31"):
        make_game("pick_heat_then_place_in_recep", 0, floor_plan=31)


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(ConfigError, match="size"):
        make_game("pick_and_place_simple", 0, size=size)


@pytest.mark.parametrize("kind", sorted(TOOL))
def test_the_sentence_says_what_the_goal_asks(kind):
    game = make_game(kind, 3)
    goal = read_goal(play(game)[0].problem)
    sentence = sentence_of(game)
    assert goal.object.removesuffix("type") in sentence
    assert goal.receptacle.removesuffix("type") in sentence
