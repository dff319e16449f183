"""The world of choices, with the tasks that are shipped."""

import pytest

from tests.environments.swe.conftest import unavailable
from toolkit.environments.base import make_env, tasks
from toolkit.environments.checker import check_env
from toolkit.environments.swe.repositories import fetch
from toolkit.environments.swe_choice.choices import load_choices
from toolkit.environments.swe_choice.making import PLAN
from toolkit.errors import ConfigError, DownloadError, UnknownEnvironmentError

ALL = "swe-choice/all"


@pytest.fixture(scope="module", autouse=True)
def _repositories():
    """Fetch what is shown; needs the network once."""
    try:
        list(fetch())
    except DownloadError as error:
        unavailable(error)


def played(commands, env=ALL, seed=0, **params):
    env = make_env(env, **params)
    env.reset(options={"task": tasks(ALL, split="test")[seed]})
    steps = [env.step(command) for command in commands]
    return env, steps


def test_splits_share_no_function():
    of = {}
    for choice in load_choices():
        assert choice.split in PLAN[choice.repository]
        of.setdefault((choice.repository, choice.file, choice.function), set()).add(
            choice.split
        )
    assert all(len(splits) == 1 for splits in of.values())


@pytest.mark.parametrize("choice", load_choices(), ids=lambda c: c.function)
def test_a_shipped_task_is_whole(choice):
    marks = ["<{}>"] * len(choice.places)
    shown = choice.excerpt(marks)
    assert shown.count("<" + choice.bug[1] + ">") >= 1
    for i, place in enumerate(choice.places):
        assert f"<{choice.token(i)}>" in shown
        assert place.tokens[0] in choice.written(choice.solution, ["{}"] * len(marks))
    assert set(choice.failing) == {choice.bug, *choice.choices}
    assert choice.failing[choice.bug]
    assert choice.worth(choice.solution) == (1, 1)


@pytest.mark.slow
def test_the_world_is_fit_to_be_trained_in():
    verdict = check_env(ALL)
    assert verdict.passed, verdict
    assert set(verdict.codes) <= {"speed"}


def test_the_expert_wins_every_test():
    env = make_env(ALL)
    for task in tasks(ALL, split="test"):
        env.reset(options={"task": task})
        for command in env.expert():
            _, reward, over, _, info = env.step(command)
        assert (reward, over, info["won"]) == (1, True, True)


def test_submitting_the_mistake_earns_nothing():
    _, [(text, reward, over, _, info)] = played(["submit"])
    assert (reward, over, info["won"], info["lost"]) == (0, True, False, True)
    assert "fail" in text


def test_a_set_takes_the_last_one_back():
    env, _ = played([])
    choice = env._choice
    (a, b), (c, d) = choice.choices[0], choice.choices[-1]
    env.step(f"set {a + 1} {b}")
    env.step(f"set {c + 1} {d}")
    assert env._pick == (c, d)
    assert a == c or choice.tokens(env._pick)[a] == choice.token(a)


def test_try_is_a_set_by_its_number():
    env, _ = played([], goal="brief")
    listed = env.reset(options={"task": tasks(ALL, split="test", goal="brief")[0]})[0]
    for k, pick in enumerate(env._choice.choices, start=1):
        env.step(f"try {k}")
        assert env._pick == pick
        assert f"\n{k}: {pick[0] + 1} {pick[1]}" in listed


def test_to_set_what_was_found_takes_all_back():
    env, _ = played(["try 1"])
    env.step(f"set 1 {env._choice.token(0)}")
    assert env._pick == env._choice.bug
    assert "fail" in env.step("test")[0]


def test_help_does_not_tell_what_was_published():
    _, [(text, *_)] = played(["set 9 <"])
    assert text == "That is not on the list."


def test_test_says_what_was_measured():
    env, _ = played([])
    for place, token in env._choice.choices[:3]:
        env.step(f"SET {place + 1}  {token.upper()}")
        failing = env._choice.failing[place, token]
        text = env.step("test")[0]
        if failing:
            assert text == f"{len(failing)} of {len(env._choice.tests)} tests fail."
        else:
            assert text.startswith("All")


@pytest.mark.parametrize(
    "command", ["set 9 <", "set 1 banana", "set", "set 0 <", "try 0", "try 99", "hi"]
)
def test_what_is_not_understood_costs_a_turn_and_changes_nothing(command):
    env, [(text, reward, over, _, info)] = played([command])
    assert (reward, over, info["valid_action"]) == (0, False, False)
    assert env._pick == env._choice.bug
    assert text


def test_rewards_differ_where_a_part_is_repaired():
    for k, task in enumerate(tasks(ALL, split="train")):
        env = make_env(ALL)
        env.reset(options={"task": task})
        for place, token in env._choice.choices:
            fixed, kept = env._choice.worth((place, token))
            if 0 < fixed * kept < 1:
                command = [f"set {place + 1} {token}", "submit"]
                for reward, paid in (("ratio", fixed * kept), ("binary", 0)):
                    env = make_env(ALL, reward=reward)
                    env.reset(options={"task": tasks(ALL, split="train")[k]})
                    assert [env.step(c)[1] for c in command] == [0, paid]
                return
    pytest.fail("no task has a choice that repairs a part")


def test_bad_arguments_are_named():
    for wrong in ({"reward": "all"}, {"goal": "long"}, {"max_turns": 0}):
        with pytest.raises(ConfigError, match=str(next(iter(wrong.values())))):
            make_env(ALL, **wrong)
    with pytest.raises(UnknownEnvironmentError, match="toolz"):
        make_env("swe-choice/tools")
