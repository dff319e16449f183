import json
import pickle

import pytest

from tests.environments.swe_gym.tiny_tasks import (
    A,
    make_smith_row,
    patch_with_new_files,
    write_rows,
)
from toolkit.environments.base import make_env, tasks
from toolkit.environments.checker import check_env
from toolkit.environments.swe_gym import engines
from toolkit.environments.swe_gym.images import image_of
from toolkit.environments.swe_gym.records import record_of
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.errors import ConfigError, ContainerError, TaskError
from toolkit.policies.base import Action, Policy

SUBMIT = "submit"


@pytest.fixture
def play(engine, task_file):
    """Return an environment and a task of it, begun."""
    made = []

    def begin(number=1, **params):
        env = make_env("swe-gym/file", path=str(task_file), expert=True, **params)
        made.append(env)
        name = f"tiny__shapes-{number}"
        task = next(
            t for t in all_tasks(task_file) if dict(t.params)["instance"] == name
        )
        return env, task, *env.reset(options={"task": task})

    yield begin
    for env in made:
        env.close()


def all_tasks(path):
    return [
        task
        for split in ("train", "test")
        for task in tasks("swe-gym/file", split=split, path=str(path))
    ]


def test_the_first_text_tells_the_issue_and_nothing_of_its_repair(play, rows):
    _, _, text, info = play(1)
    assert "You work on tiny/shapes. This was reported:" in text
    assert rows[0]["problem_statement"] in text
    assert "tests that are not shown" in text
    assert "replace FILE" in text
    assert "test_half" not in text
    assert "base * height / 2" not in text
    assert info["instance"] == "tiny__shapes-1"
    assert (info["won"], info["tests"], info["grade"]) == (False, None, None)


def test_looking_and_editing_need_no_container(engine, play):
    env, *_ = play(1)
    before = len(engine.commands())
    assert "base * height // 2" in env.step("view shapes/areas.py")[0]
    assert env.step("search height //")[0].startswith("shapes/areas.py:15|")
    env.step("replace shapes/areas.py\n<<<<<<< OLD\nPI\n=======\nPI\n>>>>>>> NEW")
    assert "ls" not in [command[0] for command in engine.commands()[before:]]
    assert len(engine.commands()) == before


def test_the_expert_wins_by_actions_of_any_player(engine, play):
    env, _, _, info = play(1)
    plan = info["expert"]
    assert [line.split()[0] for line in plan] == [
        "view",
        "replace",
        "run_tests",
        SUBMIT,
    ]
    for action in plan[:-1]:
        text, reward, terminated, _, info = env.step(action)
        assert (reward, terminated) == (0.0, False)
    assert text == "All 4 tests passed."
    assert info["changed"] == ["shapes/areas.py"]
    text, reward, terminated, _, info = env.step(SUBMIT)
    assert text == "You have repaired it: all tests pass."
    assert (reward, terminated, info["won"]) == (1.0, True, True)
    assert info["grade"]["binary"] == 1.0
    assert engine.containers() == []


def test_the_expert_makes_the_files_that_the_gold_patch_makes(engine, rows, tmp_path):
    rows[0]["patch"] = patch_with_new_files(tmp_path / "repository")
    path = write_rows(tmp_path / "rows.jsonl", rows[:1])
    env = make_env("swe-gym/file", path=str(path), expert=True, progress=True)
    (task,) = tasks("swe-gym/file", split="train", path=str(path))
    _, info = env.reset(options={"task": task})
    tools = [line.split()[0] for line in info["expert"]]
    edits = ["replace", "replace", "insert", "insert"]
    assert tools == ["view", *edits, "run_tests", SUBMIT]
    env.step("insert shapes/other.py 0\n<<<<<<< NEW\n1 / 0\n>>>>>>> NEW")
    info = env.step("insert .git/config 0\n<<<<<<< NEW\nx\n>>>>>>> NEW")[-1]
    assert (info["valid_action"], info["changed"]) == (False, ["shapes/other.py"])
    while info["expert"]:
        _, reward, _, _, info = env.step(info["expert"][0])
    assert (reward, info["won"], info["grade"]["ignored"]) == (1.0, True, [])
    assert "shapes/parts/__init__.py" in info["changed"]


@pytest.mark.parametrize(("reward", "score"), [("ratio", 0.5), ("binary", 0.0)])
def test_half_a_repair_pays_by_the_ratio_alone(play, reward, score):
    env, *_ = play(3, reward=reward)
    wrong = '    if name.endswith("s"):\n        return name + "s"'
    right = '    if name == "bus":\n        return name + "es"'
    text = env.step(
        f"replace shapes/names.py\n<<<<<<< OLD\n{wrong}\n=======\n{right}\n>>>>>>> NEW"
    )[0]
    assert text.startswith("Replaced")
    _, paid, _, _, info = env.step(SUBMIT)
    assert (paid, info["score"], info["won"]) == (score, score, False)


def test_changed_tests_do_not_count(play):
    env, *_ = play(5)
    text = env.step("run_tests")[0]
    assert "1 of 4 tests failed" in text
    old = "def test_circle():\n    assert areas.circle(1)"
    new = "def test_circle():\n    assert 3.14159"
    env.step(f"replace {A}\n<<<<<<< OLD\n{old}\n=======\n{new}\n>>>>>>> NEW")
    _, paid, _, _, info = env.step(SUBMIT)
    assert (paid, info["grade"]["ignored"]) == (0.0, [A])


def test_what_cannot_be_done_is_told_and_not_fatal(play):
    env, *_ = play(1)
    for action in ("run_tests nothing of it", "fly", "view ../x", "replace x"):
        _, reward, terminated, _, info = env.step(action)
        assert (reward, terminated, info["valid_action"]) == (0.0, False, False)


def test_swe_smith_without_an_issue_tells_the_failing_tests(engine, tmp_path):
    (tmp_path / "scratch").mkdir()
    row = make_smith_row(tmp_path / "scratch")
    make_smith_row(engine.image(image_of(record_of(row))))
    path = write_rows(tmp_path / "smith.jsonl", [row])
    env = make_env("swe-gym/file", path=str(path), expert=True)
    split = next(s for s in ("test", "train") if has_tasks(path, s))
    task = tasks("swe-gym/file", path=str(path), split=split)[0]
    text, info = env.reset(options={"task": task})
    assert f"These tests fail:\n- {A}::test_circle" in text
    for action in info["expert"]:
        _, reward, *_ = env.step(action)
    assert reward == 1.0


def has_tasks(path, split):
    try:
        return bool(tasks("swe-gym/file", path=str(path), split=split))
    except TaskError:
        return False


@pytest.mark.slow
def test_the_contract_is_kept(engine, task_file):
    verdict = check_env(make_env("swe-gym/file", path=str(task_file), max_turns=6))
    assert set(verdict.codes) <= {"speed", "tasks"}, str(verdict)
    assert verdict.passed, str(verdict)
    assert verdict.asked >= {"process", "hostile", "repeat", "snapshot", "expert"}
    assert engine.containers() == []


def test_a_container_that_dies_masks_its_episode(engine, task_file):
    class Saboteur(Policy):
        def act(self, observations):
            for name in engine.containers():
                engine.kill(name)
            return [Action(text="run_tests") for _ in observations]

    env = make_env("swe-gym/file", path=str(task_file))
    task = tasks("swe-gym/file", path=str(task_file), split="test")
    (episode,) = collect(Saboteur(), env, task, workers=0, progress=False)
    assert episode.stop_reason is StopReason.ENVIRONMENT_ERROR
    assert "died" in episode.error
    assert engine.containers() == []


def test_time_outs_of_workers_leave_room_for_tests(task_file):
    env = make_env("swe-gym/file", path=str(task_file), tests_s=500)
    assert env.step_timeout_s > 500
    assert env.reset_timeout_s > 600


def test_without_an_engine_worlds_are_made_and_tasks_listed(
    task_file, monkeypatch, tmp_path
):
    engines.find_engine.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    env = make_env("swe-gym/file", path=str(task_file))
    task = all_tasks(task_file)[0]
    with pytest.raises(ContainerError, match="no container engine"):
        env.reset(options={"task": task})
    env.close()


def test_tasks_hold_what_they_need(task_file):
    params = {"max_turns": 9, "reward": "binary", "lines": "easy"}
    made = tasks("swe-gym/file", split="train", n=2, path=str(task_file), **params)
    assert len({task.seed for task in made}) == 2
    kept = dict(made[0].params)
    assert kept["instance"].startswith("tiny__shapes-")
    assert (kept["max_turns"], kept["reward"], "lines" in kept) == (9, "binary", False)
    assert pickle.loads(pickle.dumps(made)) == made
    assert json.dumps(made[0].to_dict())
    with pytest.raises(TaskError, match="It has 4"):
        tasks("swe-gym/file", split="train", n=5, path=str(task_file))


@pytest.mark.parametrize(
    "params",
    [
        {"max_turns": 0},
        {"reward": "much"},
        {"format": "xml"},
        {"lines": "short"},
        {"tests": "few"},
        {"max_chars": 10},
        {"tests_s": 0},
        {"tests_s": "long"},
    ],
)
def test_arguments_out_of_range(task_file, params):
    with pytest.raises(ConfigError):
        make_env("swe-gym/file", path=str(task_file), **params)


def test_a_task_of_another_world_is_refused(engine, task_file):
    env = make_env("swe-gym/file", path=str(task_file))
    made = all_tasks(task_file)[0]
    bare = type(made)(env=made.env, seed=made.seed)
    with pytest.raises(TaskError, match="instance"):
        env.reset(options={"task": bare})
