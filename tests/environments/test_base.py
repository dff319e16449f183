import pickle

import pytest

from tests.environments.toy_envs import EchoEnv
from toolkit.environments import base
from toolkit.environments.base import Snapshot, Task, make_env, register, tasks
from toolkit.errors import SnapshotError, TaskError, UnknownEnvironmentError


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    monkeypatch.setattr(base, "_CUSTOM", {})
    register("toy", EchoEnv)


def start(seed=0, **params):
    env = make_env("toy", **params)
    env.reset(seed=0, options={"task": Task(env="toy", seed=seed)})
    return env


def test_a_task_survives_pickle_and_dictionary():
    task = Task(env="toy", seed=3, split="test", params=(("goal", "brief"),))
    assert pickle.loads(pickle.dumps(task)) == task
    assert Task.from_dict(task.to_dict()) == task
    assert hash(Task.from_dict(task.to_dict())) == hash(task)


def test_unknown_family_names_the_near_ones():
    with pytest.raises(UnknownEnvironmentError, match="'textworld'"):
        make_env("textwold/w2-o3-q4")


@pytest.mark.parametrize("wrong", [{"split": "tset"}, {"n": 0}, {"n": -1}])
def test_wrong_split_or_number(wrong):
    with pytest.raises(TaskError):
        tasks("toy", **wrong)


def test_steps_count_and_the_limit_truncates():
    env = start(max_turns=2)
    assert env.step("go north")[3] is False
    _, reward, terminated, truncated, info = env.step("go south")
    assert (reward, terminated, truncated) == (2.0, False, True)
    assert info == {
        "won": False,
        "lost": False,
        "score": 0.0,
        "max_score": 1.0,
        "valid_action": True,
        "command": "go south",
    }


def test_a_refused_command_costs_a_turn_but_never_reaches_the_world():
    env = start()
    observation, reward, _, _, info = env.step(" \\ \x00")
    assert (observation, reward) == (env.refusal, 0.0)
    assert (info["command"], info["valid_action"]) == ("", False)
    assert env.step("go")[0].startswith("1 ")
    assert len(env.snapshot().actions) == 2


def test_no_step_without_a_running_game():
    env = make_env("toy")
    with pytest.raises(TaskError, match="no game to play"):
        env.step("go")
    with pytest.raises(TaskError, match="never called"):
        env.snapshot()
    with pytest.raises(TaskError, match="needs a task"):
        EchoEnv().reset()
    env = start()
    env.step("win")
    with pytest.raises(TaskError, match="over"):
        env.step("go")
    with pytest.raises(RuntimeError):
        env.reset(options={"task": Task(env="toy/raises", seed=0)})
    with pytest.raises(TaskError, match="no game to play"):
        env.step("go")


def test_a_bare_reset_picks_a_training_game_by_seed():
    env = make_env("toy")
    first, again, other = (env.reset(seed=s)[0] for s in (5, 5, 6))
    assert first == again != other
    assert env.snapshot().task.split == "train"


def test_a_replay_that_differs_is_an_error():
    env = start(seed=7)
    env.step("nothing")
    saved = env.snapshot()
    # EchoEnv says a random number, and a restore does not seed the generator again.
    with pytest.raises(SnapshotError, match="turn 0"):
        env.restore(saved)


def test_a_shortened_replay_is_an_error_too():
    env = start()
    task = Task(env="toy", seed=0)
    env.reset(seed=3, options={"task": task})
    digests = env.snapshot().digests
    with pytest.raises(SnapshotError):
        env.restore(Snapshot(task=task, actions=("go",), digests=digests))


def test_an_environment_knows_its_own_tasks():
    env = make_env("textworld/w2-o3-q4", goal="brief")
    own = tasks(env, split="test", n=2)
    assert own == tasks("textworld/w2-o3-q4", split="test", n=2, goal="brief")
    assert own != tasks("textworld/w2-o3-q4", split="test", n=2)
