import json
import subprocess
import sys
from pathlib import Path

import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.environments.alfworld import environment, generator, sources
from toolkit.environments.alfworld.goal import TASK_TYPES, read_goal
from toolkit.environments.alfworld.pddl import parse_problem
from toolkit.environments.base import Task, make_env, tasks
from toolkit.environments.pool import EnvPool
from toolkit.episodes.record import StopReason
from toolkit.errors import (
    ConfigError,
    GameFileError,
    TaskError,
    UnknownEnvironmentError,
)
from toolkit.evaluation import evaluate
from toolkit.policies import ExpertPolicy

ROOT = Path(__file__).parents[3]
SMALL = "alfworld/all?size=0.3"


def start(env=SMALL, index=0, split="test", **params):
    made = make_env(env, **params)
    kept = {
        k: v for k, v in params.items() if k not in ("expert", "admissible", "progress")
    }
    task = tasks(env, split=split, n=index + 1, **kept)[index]
    return made, *made.reset(options={"task": task})


def play(env, commands):
    return [env.step(command) for command in commands]


def test_a_whole_game_word_for_word():
    env, observation, info = start("alfworld/pick_heat_then_place_in_recep?size=0.3")
    room, task = observation.split("\n\n")
    assert room.startswith(
        "You are in the middle of a room. Looking quickly around you,"
    )
    assert task.startswith("Your task is to: ")
    assert info["source"] == "generated"
    assert info["task_type"] == "pick_heat_then_place_in_recep"
    *early, last = play(env, env.expert())
    assert [step[1] for step in early] == [0.0] * len(early)
    observation, reward, terminated, truncated, info = last
    assert observation.startswith("You move the ")
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert (info["won"], info["lost"], info["score"]) == (True, False, 1.0)


@pytest.mark.parametrize("kind", TASK_TYPES)
def test_every_kind_of_task_is_won_by_the_expert(kind):
    env, _, info = start(f"alfworld/{kind}?size=0.3", progress=True)
    assert (info["task_type"], info["progress"]) == (kind, 0.0)
    steps = play(env, env.expert())
    seen = [step[4]["progress"] for step in steps]
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert steps[-1][2]


def test_all_mixes_the_kinds_evenly():
    env = make_env(SMALL)
    kinds = [
        env.reset(options={"task": task})[1]["task_type"]
        for task in tasks(SMALL, split="train", n=6)
    ]
    assert sorted(kinds) == sorted(TASK_TYPES)


def test_what_is_not_understood_is_said_to_be_invalid():
    env, _, _ = start(admissible=True)
    observation, reward, terminated, _, info = env.step("fly to the moon")
    assert (observation, reward, terminated) == ("Nothing happens.", 0.0, False)
    assert info["valid_action"] is False
    assert env.step("inventory")[4]["valid_action"] is True
    assert env.step("\\")[4]["command"] == ""


def test_the_menu_lists_the_commands():
    env, observation, info = start(menu=True, admissible=True)
    assert observation.endswith(f"You can: {', '.join(info['admissible_actions'])}.")
    observation = env.step("look")[0]
    assert observation.splitlines()[1].startswith("You can: ")


def test_both_grammars():
    env, _, _ = start("alfworld/pick_and_place_simple?size=0.3", grammar="old")
    commands = env.expert()
    assert commands[-1].startswith("put ")
    assert " in/on " in commands[-1]
    *_, (observation, _, won, _, _) = play(env, commands)
    assert observation.startswith("You put the ")
    assert won


def test_the_number_of_the_place_is_left_out():
    env, _, _ = start("alfworld/pick_and_place_simple?size=0.3", grammar="old")
    observation = env.step(env.expert()[0])[0]
    assert not observation.startswith("You arrive at loc")


@pytest.mark.parametrize(("limit", "turns"), [("paper", 24), ("common", 50), (3, 3)])
def test_turn_limits(limit, turns):
    env, _, _ = start(max_turns=limit)
    cut = [env.step("look")[3] for _ in range(turns)]
    assert cut == [False] * (turns - 1) + [True]


def test_snapshots_bring_back_a_game():
    env, _, _ = start()
    play(env, env.expert()[:3])
    saved, before = env.snapshot(), env.step("inventory")
    other = make_env(SMALL)
    other.restore(saved)
    assert other.step("inventory") == before


def test_the_same_task_is_the_same_game_in_another_process(tmp_path):
    code = (
        f"from toolkit.environments.base import *; env = make_env({SMALL!r});"
        f"task = tasks({SMALL!r}, split='test', n=1)[0];"
        "print(env.reset(options={'task': task})[0])"
    )
    _, observation, _ = start()
    for hash_seed in ("0", "1"):
        out = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={"PYTHONHASHSEED": hash_seed, "TOOLKIT_CACHE": str(tmp_path)},
        )
        assert out.stdout.strip() == observation


def test_gymnasium_finds_nothing_to_complain_about():
    check_env(make_env(SMALL), skip_render_check=True)


def test_surroundings_tell_where_one_is():
    env, _, _ = start("alfworld/pick_and_place_simple?size=0.3")
    assert env.surroundings().name == "middle of the room"
    for command in env.expert():
        env.step(command)
        if command.startswith("take "):
            thing = command.removeprefix("take ").split(" from ")[0]
            assert env.surroundings().lists["carried"] == (thing,)
            return
    raise AssertionError("the expert took nothing")


def test_a_pool_of_workers_plays_it():
    env = make_env(SMALL)
    some = tasks(SMALL, split="test", n=2)
    with EnvPool(env.factory, slots=2, workers=1) as pool:
        started = pool.run(dict(enumerate(some)))
        looked = pool.run({0: "look", 1: "look"})
    assert started[0].observation == env.reset(options={"task": some[0]})[0]
    assert all(o.failure is None for o in (*started.values(), *looked.values()))


def test_a_broken_game_is_a_masked_episode_in_a_pool():
    gone = Task(env=SMALL, seed=1, params=(("game", "train/x/y"), ("source", "data")))
    with EnvPool(make_env(SMALL).factory, slots=1) as pool:
        outcome = pool.run({0: gone})[0]
    assert outcome.failure is StopReason.ENVIRONMENT_ERROR
    assert "ALFWORLD_DATA" in outcome.error


@settings(max_examples=60)
@given(st.text(max_size=40))
def test_no_command_hurts(shared_env, text):
    observation, reward, terminated, truncated, _ = shared_env.step(text)
    assert observation
    assert not terminated
    assert reward == 0.0
    if truncated:
        shared_env.reset(options={"task": shared_env.snapshot().task})


@pytest.fixture(scope="module")
def shared_env():
    env = make_env("alfworld/pick_two_obj_and_place?size=0.2")
    name = "alfworld/pick_two_obj_and_place?size=0.2"
    task = tasks(name, split="test", n=1, source="generated")[0]
    env.reset(options={"task": task})
    return env


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"size": 0}, "size is 0"),
        ({"size": "big"}, "size is 'big'"),
        ({"max_turns": 0}, "max_turns is 0"),
        ({"max_turns": "papre"}, "max_turns is 'papre'"),
        ({"max_turns": True}, "max_turns is True"),
        ({"source": "web"}, "source is 'web'"),
        ({"grammar": "latin"}, "grammar is 'latin'"),
        ({"engine": "slow"}, "engine is 'slow'"),
        ({"floor_plan": "kitchen"}, "floor_plan is 'kitchen'"),
        ({"menu": "no"}, "menu is 'no'"),
    ],
)
def test_wrong_arguments_are_refused(params, words):
    with pytest.raises(ConfigError, match=words):
        make_env("alfworld/all", **params)


def test_an_unknown_argument_is_named_with_its_likeness():
    with pytest.raises(ConfigError, match="grammar"):
        tasks("alfworld/all", grammars="old")


@pytest.mark.parametrize("env", ["alfworld", "alfworld/cook"])
def test_an_unknown_id_is_refused(env):
    with pytest.raises(UnknownEnvironmentError):
        make_env(env)


def test_settings_may_stand_behind_the_id():
    (task,) = tasks("alfworld/all?size=0.3&max_turns=paper", n=1)
    assert task.env == "alfworld/all"
    assert dict(task.params)["size"] == 0.3
    env = make_env("alfworld/all?size=0.3", size=0.4)
    assert (env.spec.id, env.spec.kwargs["size"]) == ("alfworld/all", 0.4)
    with pytest.raises(ConfigError, match="no argument 'big'"):
        tasks("alfworld/all?big=1")


def test_an_unknown_floor_plan_is_refused():
    for number in (0, 99):
        env = make_env("alfworld/all", floor_plan=number)
        task = tasks("alfworld/all", n=1, floor_plan=number)[0]
        with pytest.raises(TaskError, match=f"no floor plan {number}"):
            env.reset(options={"task": task})


def test_a_game_that_is_won_before_it_begins_is_refused(games, monkeypatch):
    game = games["pick_and_place_simple"]
    free = game.problem[: game.problem.index("(:goal")]
    kind = read_goal(parse_problem(game.problem)).object
    easy = (
        f"(:goal (and (exists (?r - receptacle ?o - object) (and (inReceptacle ?o ?r) "
        f"(objectType ?o {kind}) (receptacleType ?r {_where(game, kind)}))))))"
    )
    won = type(game)(domain=game.domain, grammar=game.grammar, problem=free + easy)
    monkeypatch.setattr(sources, "game_of", lambda *_: won)
    with pytest.raises(GameFileError, match="won before it begins"):
        start()


def _where(game, kind):
    facts = parse_problem(game.problem).facts
    things = {f[1] for f in facts if f[0] == "objecttype" and f[2] == kind}
    place = next(f[2] for f in facts if f[0] == "inreceptacle" and f[1] in things)
    return next(f[2] for f in facts if f[0] == "receptacletype" and f[1] == place)


def test_an_evaluation_names_the_source_and_never_mixes_two():
    env = make_env(SMALL)
    some = tasks(SMALL, split="test", n=2)
    found = evaluate(ExpertPolicy(), env, some, workers=0, progress=False)
    assert found.success == 1.0
    assert "generated" in str(found)
    assert json.loads(json.dumps(found.to_dict()))["source"] == "generated"
    other = Task(env=SMALL, seed=3, split="test", params=(("source", "data"),))
    with pytest.raises(TaskError, match="several sources"):
        evaluate(ExpertPolicy(), env, [*some, other], workers=0, progress=False)


def test_the_page_in_the_docs_names_what_there_is():
    page = (ROOT / "docs/environments/alfworld.md").read_text()
    names = [*TASK_TYPES, *environment.TURN_LIMITS, *sources.FOLDERS.values()]
    assert [n for n in names if f"`{n}`" not in page.replace("'", "")] == []
    assert f"generator version {generator.VERSION}." in page


# ---- games that nobody here made -----------------------------------------------------


def test_real_games_are_played_when_there_are_any(real_data):
    env, _, info = start("alfworld/all", split="valid_seen", expert=True)
    assert info["source"] == "data"
    assert info["game"].startswith("valid_seen/")
    *_, last = play(env, info["expert"])
    assert last[4]["won"]
    assert last[4]["source"] == "data"


def test_real_games_in_the_new_grammar(real_data):
    env, _, _ = start("alfworld/pick_and_place_simple", split="train", grammar="new")
    commands = env.expert()
    assert commands[-1].startswith("move ")
    assert play(env, commands)[-1][2]


def test_the_stock_engine_plays_the_same_game():
    pytest.importorskip("fast_downward")  # `make planner`
    fast, first, _ = start("alfworld/pick_clean_then_place_in_recep?size=0.2")
    stock, second, _ = start(
        "alfworld/pick_clean_then_place_in_recep?size=0.2", engine="stock"
    )
    assert first == second
    assert fast.expert() == stock.expert()
    for command in fast.expert():
        assert fast.step(command) == stock.step(command)
