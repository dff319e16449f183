import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.environments.base import Task, make_env, tasks
from toolkit.environments.countdown import judge, tagged_answer
from toolkit.environments.countdown_games import SPLIT_SEEDS, CountdownGame
from toolkit.episodes.rollout import collect
from toolkit.errors import ConfigError, TaskError, UnknownEnvironmentError
from toolkit.policies.scripted import ExpertPolicy

MANY, SINGLE = "countdown/n4-medium", "countdown/n4-medium-single"
GAME = CountdownGame(numbers=(3, 4, 6, 6), target=24, solution="6 + 6 + 4 * 3")
TWELVE = "(6 + 6) * (4 - 3)"


@pytest.fixture(autouse=True)
def fixed_game(monkeypatch, request):
    """Every game is the one of TinyZero's rules, unless a test is marked `seeded`."""
    if "seeded" not in request.fixturenames:
        monkeypatch.setattr(
            "toolkit.environments.countdown.make_game", lambda level, seed: GAME
        )


@pytest.fixture
def seeded():
    """Play the games of the seeds."""


def start(env=MANY, **params):
    made = make_env(env, **params)
    return made, *made.reset(options={"task": Task(env=env, seed=1, split="test")})


def reply(text):
    """Return the reward of a reply to the game of one reply, and `info`."""
    _, reward, terminated, truncated, info = start(SINGLE)[0].step(text)
    assert (terminated, truncated) == (True, False)
    return reward, info


# ---- one reply -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reward"),
    [
        # TinyZero's own function gives these rewards
        ("\n<answer>6 + 6 + 4 * 3</answer>", 1.0),
        ("\n<answer>(6 - 3) * 4 + 6 + 6</answer>", 0.1),
        ("\n<answer>(6 + 6) * (4 - 3) </answer>", 0.1),
        ("\n<answer>6 * 4 + 6 - 6</answer>", 0.1),
        ("\n<answer>6 + 6 + 4 * 3 = 24</answer>", 0.1),
        ("6 + 6 + 4 * 3", 0.0),
        ("\n<answer>6 + 6 + 4 * 3</answer>\nbye", 0.0),
        # and these follow from its rules
        ("<think>\n6 + 6 is 12\n</think>\n<answer>6+6+4*3</answer>", 1.0),
        ("<answer>6 + 6 + 4 * 3</answer>\n", 0.0),
        ("<answer>1</answer> no, <answer>6 + 6 + 4 * 3</answer>", 1.0),
        ("<answer>6 + 6 + 4 * 3</answer> or <answer>1</answer>", 0.1),
        ("so <answer> 6 + 6 + 4 * 3\t</answer>, I think", 1.0),
        ("<answer>6 + 6 + 4 * 3", 0.0),
        ("6 + 6 + 4 * 3</answer>", 0.0),
        ("<answer>6 + 6\n + 4 * 3</answer>", 0.0),
        ("<ANSWER>6 + 6 + 4 * 3</ANSWER>", 0.0),
        ("<answer></answer>", 0.1),
        ("<answer><answer>6 + 6 + 4 * 3</answer>", 0.1),
        ("<answer>6 / (6 - 6) + 3 * 4</answer>", 0.1),
        ("<answer>9**9**9</answer>", 0.1),
        ("x" * 20_000 + "<answer>6 + 6 + 4 * 3</answer>", 1.0),
    ],
)
def test_rewards_of_a_reply(text, reward):
    found, info = reply(text)
    assert found == reward == info["score"]
    assert (info["won"], info["lost"]) == (reward == 1, reward != 1)


def test_fractions_on_the_way_are_exact():
    game = CountdownGame(numbers=(3, 3, 8, 8), target=24, solution="8 / (3 - 8 / 3)")
    assert judge(game, game.solution).value == 24


def test_a_reply_without_answer_is_not_understood():
    assert [reply(t)[1]["valid_action"] for t in ("24", "<answer>=</answer>")] == [
        False,
        False,
    ]
    assert reply("<answer>24</answer>")[1]["valid_action"]


def test_no_reply_at_all_uses_up_the_turn():
    step = start(SINGLE)[0].step("")
    assert (step[1], step[2], step[3], step[4]["won"]) == (0.0, False, True, False)


def test_what_a_reply_is_told():
    _, first, _ = start(SINGLE)
    assert first.startswith("Make 24 from 3, 4, 6 and 6. Use + - * / and")
    assert "<answer>(1 + 2) * 3</answer>" in first
    assert "check" not in first


def test_many_tags_cost_no_time():
    began = time.process_time()
    assert tagged_answer("<answer>" * 100_000) is None
    assert tagged_answer("</answer>" * 100_000) is None
    assert time.process_time() - began < 0.2


# ---- many turns ------------------------------------------------------------------


def test_checks_tell_the_value_and_the_distance():
    env, first, info = start()
    assert first == (
        "Make 24 from 3, 4, 6 and 6. Use + - * / and parentheses, and every number "
        'exactly once. Type "check (1 + 2) * 3" to see the value of an expression, '
        'and "answer (1 + 2) * 3" to give your only answer. You have 8 turns.'
    )
    assert info["distance"] is None
    told = [
        ("check 6 * 4", "= 24, the target. Unused: 3, 6.", 0.0),
        (f"check {TWELVE}", "= 12, 12 below the target.", 12.0),
        ("CHECK: 6 * 6 * 6", "= 216, 192 above the target. Unused: 3, 4. "
         "Not available: 6.", 192.0),
        ("check 3 / 6", "= 1/2, 47/2 below the target. Unused: 4, 6.", 23.5),
        ("check 7", "= 7, 17 below the target. Unused: 3, 4, 6, 6. "
         "Not available: 7.", 17.0),
    ]  # fmt: skip
    for command, text, distance in told:
        observation, reward, terminated, _, info = env.step(command)
        assert (observation, info["distance"]) == (text, distance)
        assert (reward, terminated, info["valid_action"]) == (0.0, False, True)


@pytest.mark.parametrize(
    ("answer", "reward", "text"),
    [
        ("6 + 6 + 4 * 3", 1.0, "= 24, the target. You have won."),
        (TWELVE, 0.1, "= 12, 12 below the target. The game is lost."),
        ("6 * 4", 0.1, "= 24, the target. Unused: 3, 6. The game is lost."),
        ("", 0.1, "'' has no value. It is empty. The game is lost."),
    ],
)
def test_an_answer_ends_the_game(answer, reward, text):
    env, _, _ = start()
    env.step(f"check {TWELVE}")
    step = env.step(f"answer {answer}")
    assert step[:4] == (text, reward, True, False)
    assert (step[4]["won"], step[4]["score"]) == (reward == 1.0, reward)
    with pytest.raises(TaskError, match="over"):
        env.step("answer 1")


@pytest.mark.parametrize(
    "command",
    ["6 * 4", "checks 3", "answered 3", "look", "check", "check 3²", "check 6 × 4",
     "check 1.5", "check 9**9**9", "check 1 / (6 - 6)", "check \ud800", "\0"],
)  # fmt: skip
def test_what_is_not_understood_costs_a_turn_only(command):
    env, _, _ = start()
    text, reward, terminated, _, info = env.step(command)
    assert text
    assert (reward, terminated, info["valid_action"]) == (0.0, False, False)
    assert env.step("answer 6 + 6 + 4 * 3")[1] == 1.0


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        ("check 6 * 4. answer 3", "check 6 * 4"),
        ("> check 6 * 4; answer 3", "check 6 * 4"),
        ("\n check  6 *  4 \nanswer 3", "check 6 * 4"),
        ("check 6 * 4 then answer 3", "check 6 * 4"),
        ("check 6.4", "check 6.4"),
        ("check 6⁴", "check 6?"),
    ],
)
def test_one_command_a_turn(raw, command):
    assert start()[0].step(raw)[4]["command"] == command


def test_a_long_expression_is_refused_and_not_cut():
    text, *_, info = start()[0].step("check " + "1 + " * 100 + "1")
    assert "longer than 200 characters" in text
    assert not info["valid_action"]


def test_the_turn_limit_ends_a_game_without_answer():
    env, first, _ = start(max_turns=2)
    assert first.endswith("You have 2 turns.")
    assert env.step("check 3")[3] is False
    _, reward, terminated, truncated, info = env.step("check 3")
    assert (reward, terminated, truncated) == (0.0, False, True)
    assert (info["won"], info["lost"], info["score"]) == (False, False, 0.0)


def test_progress_is_how_near_the_best_check_came():
    env, _, info = start(progress=True)
    seen = [info["progress"]]
    checks = ["6 * 4", TWELVE, "6 + 6 + 4 + 3", "3 - 4 - 6 - 6", "6 + 6 + 4 * 3"]
    seen += [env.step(f"check {c}")[4]["progress"] for c in checks]
    assert seen == [0.0, 0.0, 0.5 / 13, 0.5 / 6, 0.5 / 6, 0.5]
    assert env.step("answer 6 + 6 + 4 * 3")[4]["progress"] == 1.0
    env.reset(options={"task": Task(env=MANY, seed=1)})
    assert env.step(f"answer {TWELVE}")[4]["progress"] == 0.0


def test_surroundings_hold_what_was_told():
    env, _, _ = start()
    env.step("check 3 / 6")
    env.step("check nothing")
    lists = env.surroundings().lists
    assert lists["Target"] == ("24",)
    assert lists["Numbers"] == ("3", "4", "6", "6")
    assert lists["Checked"] == ("3 / 6 = 1/2",)
    env.reset(options={"task": Task(env=MANY, seed=1)})
    assert env.surroundings().lists["Checked"] == ()


@given(st.text() | st.text().map("check {}".format) | st.text("<>/answer6+*() \n"))
def test_no_text_breaks_a_game(text):
    for env in (start(MANY)[0], start(SINGLE)[0]):
        observation, reward, *_, info = env.step(text)
        assert observation
        assert 0 <= reward <= 1
        json.dumps(info)


# ---- games, tasks and arguments --------------------------------------------------


@pytest.mark.parametrize("env_id", [MANY, SINGLE, "countdown/n2-easy"])
def test_the_expert_wins_every_game(env_id, seeded):
    games = [t for s in SPLIT_SEEDS for t in tasks(env_id, split=s, n=10)]
    played = collect(ExpertPolicy(), env_id, games, workers=0, progress=False)
    assert all(e.won and e.total_reward == 1.0 for e in played)


def test_the_expert_may_be_asked_at_any_time():
    env, _, info = start(expert=True)
    assert info["expert"] == ["answer 6 + 6 + 4 * 3"]
    assert env.step("check 3")[4]["expert"] == ["answer 6 + 6 + 4 * 3"]
    assert env.step("answer 3")[4]["expert"] == []
    assert start(SINGLE)[0].expert() == ["<answer>6 + 6 + 4 * 3</answer>"]


@pytest.mark.parametrize("env_id", [MANY, SINGLE])
def test_admissible_actions_are_all_understood(env_id, seeded):
    env, _, info = start(env_id, admissible=True)
    assert len(info["admissible_actions"]) > 5
    for command in info["admissible_actions"]:
        assert start(env_id)[0].step(command)[4]["valid_action"], command
    assert env.step(env.expert()[0])[4]["admissible_actions"] == []


def test_a_brief_goal_names_numbers_and_target_alone():
    assert start(MANY, goal="brief")[1] == "Make 24 from 3, 4, 6 and 6."
    assert start(SINGLE, goal="brief")[1] == "Make 24 from 3, 4, 6 and 6."


def test_a_task_carries_what_changes_the_game():
    (task,) = tasks(MANY, split="test", n=1, goal="brief", max_turns=5, expert=True)
    assert task.params == (("goal", "brief"), ("max_turns", 5))
    env = make_env(MANY)
    assert env.reset(options={"task": task})[0] == "Make 24 from 3, 4, 6 and 6."
    assert env.max_turns == 5
    env.reset(options={"task": Task(env="countdown/n2-easy", seed=1)})
    assert env.max_turns == 4


def test_one_environment_plays_games_of_both_forms():
    env, _, _ = start(MANY)
    env.reset(options={"task": Task(env=SINGLE, seed=1)})
    assert env.step("I think\n<answer>6 + 6 + 4 * 3</answer>")[1] == 1.0
    env.reset(options={"task": Task(env=MANY, seed=1)})
    assert env.step("check 3\n<answer>3</answer>")[4]["command"] == "check 3"


def test_splits_have_their_sizes():
    sizes = {s: len(tasks(MANY, split=s)) for s in SPLIT_SEEDS}
    assert sizes == {
        "test": 100,
        "validation": 100,
        "demonstration": 10_000,
        "train": 20_000,
    }
    assert len(tasks(MANY, split="test", n=1_000)) == 1_000


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: make_env("countdown/n4"), UnknownEnvironmentError, "n4-easy"),
        (lambda: make_env(MANY, goal="bref"), ConfigError, "'brief'"),
        (lambda: make_env(MANY, max_turns=0), ConfigError, "at least one"),
        (lambda: make_env(MANY, max_turns="9"), ConfigError, "whole number"),
        (lambda: make_env(SINGLE, max_turns=2), ConfigError, "use countdown/n4-med"),
        (lambda: tasks(SINGLE, max_turns=2), ConfigError, "one reply"),
        (lambda: tasks(MANY, gaol="brief"), ConfigError, "'goal'"),
        (lambda: tasks(MANY, split="test", n=1_001), TaskError, "at most 1000"),
    ],
)
def test_bad_input_says_what_to_do(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_seed_of_no_split_is_refused(seeded):
    with pytest.raises(TaskError, match="no Countdown game of seed 5000"):
        make_env(MANY).reset(options={"task": Task(env=MANY, seed=5_000)})


def test_thousands_of_steps_a_second(seeded):
    env = make_env(MANY)
    games = tasks(MANY, split="test", n=100)
    began = time.process_time()
    for game in games:
        env.reset(options={"task": game})
        for _ in range(8):
            env.step("check (6 + 6) * (4 - 3)")
    assert 800 / (time.process_time() - began) > 1_000
