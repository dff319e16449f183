import os
import random
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from gymnasium.utils.env_checker import check_env

from toolkit.environments.base import Task, make_env, tasks
from toolkit.environments.textworld import SPLIT_SEEDS, default_max_turns
from toolkit.errors import ConfigError, TaskError, UnknownEnvironmentError

PAPER = "textworld/w2-o3-q4"
FUZZ = Path(__file__).with_name("fuzz_textworld.py")
KEYCARD = [
    "take type J keycard from mantle",
    "unlock type J chest with type J keycard",
    "open type J chest",
    "take desktop computer from type J chest",
]


def start(env=PAPER, seed=1, **params):
    made = make_env(env, **params)
    task = Task(env=env, seed=seed, split="test")
    return made, *made.reset(options={"task": task})


def play(env, commands):
    return [env.step(command) for command in commands]


def test_the_game_of_the_papers_figure_3():
    env, observation, info = start(expert=True)
    objective, room = observation.split("\n")
    assert objective == (
        "You are now playing a life changing session of TextWorld! Here is how to "
        "play! First step, pick up the type J keycard from the mantle. With the type J "
        "keycard, unlock the type J chest. And then, look and see that the type J "
        "chest is open. After that, retrieve the desktop computer from the type J "
        "chest. Got that? Good!"
    )
    assert room == (
        "Studio. You're now in the studio. You see a locked type J chest. You can make "
        "out a mantle. You see a type J keycard on the mantle. You need an unblocked "
        "exit? You should try going north."
    )
    assert info["expert"] == KEYCARD
    assert env.max_turns == 12


def test_winning_pays_once_and_keeps_the_answer():
    env, _, _ = start()
    *early, last = play(env, KEYCARD)
    assert [step[1] for step in early] == [0.0, 0.0, 0.0]
    observation, reward, terminated, truncated, info = last
    assert observation == "You take the desktop computer from the type J chest."
    assert (reward, terminated, truncated) == (1.0, True, False)
    facts = [info[k] for k in ("won", "lost", "score", "max_score", "valid_action")]
    assert facts == [True, False, 1.0, 1.0, True]


def test_rewards_are_differences_of_the_score():
    env, _, info = start("textworld/simple-dense", expert=True)
    steps = play(env, info["expert"])
    assert [step[1] for step in steps] == [1, 1, 1, 1, 1, 1, 1, 0, 1]
    assert [step[4]["score"] for step in steps] == [1, 2, 3, 4, 5, 6, 7, 7, 8]
    assert steps[-1][4]["max_score"] == 8.0
    assert steps[-1][4]["won"]


def test_a_game_can_be_lost():
    env, _, info = start("textworld/simple-dense", expert=True)
    food = info["expert"][-1].removeprefix("put ").removesuffix(" on stove")
    play(env, info["expert"][:-1])
    observation, _, terminated, _, info = env.step(f"eat {food}")
    assert terminated
    assert (info["won"], info["lost"], info["expert"]) == (False, True, [])
    assert "***" not in observation


def test_observations_are_the_games_words_only():
    env, _, _ = start()
    texts = [step[0] for step in play(env, ["look", "go north", "take it", "x me"])]
    assert texts[0].startswith("Studio. You're now in the studio.")
    assert texts[1].startswith("Spare Room. ")
    assert texts[3] == "As good-looking as ever."
    for text in texts:
        assert text == " ".join(text.split())
        assert not set("[]>") & set(text)


@pytest.mark.parametrize(
    "command",
    [
        "sing a song",
        "take sword",
        "go up",
        "take",
        "open type J chest",
        "unlock type J chest with mantle",
        "eat type J keycard",
        "buy mantle",
        "quit",
        "goal",
        "\\x\x00",
    ],
)
def test_what_the_game_does_not_do_is_not_valid(command):
    env, _, _ = start()
    observation, reward, _, _, info = env.step(command)
    assert observation
    assert (info["valid_action"], reward) == (False, 0.0)


def test_what_the_game_does_is_valid():
    env, _, _ = start()
    assert all(s[4]["valid_action"] for s in play(env, ["look", *KEYCARD]))


def test_asking_for_more_changes_no_text():
    plain, first, _ = start()
    asked, second, _ = start(admissible=True, expert=True, progress=True)
    commands = ["look", "go north", "eat me", "go south", *KEYCARD]
    texts = [s[0] for s in play(plain, commands)]
    assert [first, *texts] == [second, *(s[0] for s in play(asked, commands))]


def test_admissible_actions_are_all_understood():
    _, _, info = start(admissible=True)
    assert KEYCARD[0] in info["admissible_actions"]
    for command in info["admissible_actions"]:
        start_again, _, _ = start()
        assert start_again.step(command)[4]["valid_action"], command


def test_surroundings_follow_the_player_and_cost_nothing_unasked():
    env, _, _ = start()
    assert env._logic is None
    assert env.surroundings().name == "studio"
    assert env.surroundings().exits == {"north": ""}
    play(env, [KEYCARD[0], "go north"])
    assert env.surroundings().name == "spare room"
    assert env.surroundings().exits == {"south": ""}
    assert env.surroundings().lists == {"You carry": ("type J keycard",)}


def test_progress_follows_the_plan():
    env, _, info = start(progress=True)
    seen = [info["progress"], *(s[4]["progress"] for s in play(env, KEYCARD[:2]))]
    assert seen == [0.0, 0.25, 0.5]
    assert env.step("lock type J chest with type J keycard")[4]["progress"] == 0.25
    assert [s[4]["progress"] for s in play(env, KEYCARD[1:])] == [0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    "env_id",
    [
        "textworld/w2-o3-q4",
        "textworld/simple-dense",
        "textworld/cooking",
        "textworld/coin_collector-5-basic",
        "textworld/treasure_hunter-5",
    ],
)
def test_the_expert_wins_with_and_without_detours(env_id):
    for detours in (0, 4):
        env, _, info = start(env_id, expert=True, admissible=True, max_turns=100)
        rng = random.Random(0)
        for _ in range(detours):
            safe = [a for a in info["admissible_actions"] if not a.startswith("eat")]
            info = env.step(rng.choice(safe))[4]
        while info["expert"]:
            info = env.step(info["expert"][0])[4]
        assert info["won"]
        assert info["score"] == info["max_score"]


def test_the_expert_may_be_asked_at_any_time():
    env, _, _ = start()
    assert env.expert() == KEYCARD
    play(env, ["undo", KEYCARD[0]])
    assert env.expert() == KEYCARD[1:]
    play(env, ["drop type J keycard"])
    assert env.expert() == ["take type J keycard", *KEYCARD[1:]]


def test_an_expert_whom_the_game_does_not_understand_goes_on_until_the_limit():
    # a "Microsoft chest" and a "chest": the walkthrough names the second, which the
    # interpreter takes for either
    env, _, info = start("textworld/w4-o3-q4", 40048, expert=True, max_turns=6)
    steps = [env.step(info["expert"][0])]
    while not steps[-1][3]:
        steps.append(env.step(steps[-1][4]["expert"][0]))
    assert steps[2][0].startswith("Which do you mean")
    assert len(steps) == 6
    assert not steps[-1][4]["won"]


@pytest.mark.parametrize(
    ("env_id", "goal"),
    [
        (PAPER, "Find the desktop computer and take it."),
        ("textworld/coin_collector-5-basic", "Find the coin and take it."),
        (
            "textworld/simple-dense",
            "The dinner is almost ready! It's only missing a grilled milk.",
        ),
        (
            "textworld/cooking",
            "You are hungry! Let's cook a delicious meal. Check the cookbook in the "
            "kitchen for the recipe. Once done, enjoy your meal!",
        ),
    ],
)
def test_a_brief_goal_hides_the_recipe(env_id, goal):
    env, observation, _ = start(env_id, goal="brief")
    assert observation.split("\n")[0] == goal
    full = start(env_id)[1].split("\n")[1]
    assert observation.split("\n")[1] == full
    assert env.step("goal")[0] == env.refusal


def test_a_task_carries_what_changes_the_game():
    (task,) = tasks(PAPER, split="test", n=1, goal="brief", max_turns=5, expert=True)
    assert task.params == (("goal", "brief"), ("max_turns", 5))
    env = make_env(PAPER)
    assert env.reset(options={"task": task})[0].startswith("Find the desktop")
    assert env.max_turns == 5
    env.reset(options={"task": Task(env=PAPER, seed=1)})
    assert env.max_turns == 12


def test_splits_never_share_a_seed():
    seeds = [set(r) for r in SPLIT_SEEDS.values()]
    assert sum(map(len, seeds)) == len(set.union(*seeds))
    test = tasks(PAPER, split="test")
    assert [t.seed for t in test] == list(range(1, 101))
    assert len(tasks(PAPER, split="validation")) == 100
    assert tasks(PAPER, split="demonstration", n=1)[0].seed == 40_001
    assert tasks(PAPER, split="train")[-1].seed == 55_000


@pytest.mark.parametrize(
    ("env_id", "turns"),
    [
        (PAPER, 12),
        ("textworld/w4-o6-q8", 24),
        ("textworld/simple-sparse", 24),
        ("textworld/cooking", 36),
        ("textworld/coin_collector-105", 15),
    ],
)
def test_default_number_of_turns(env_id, turns):
    assert default_max_turns(env_id) == turns


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: make_env("textworld/w2-o3"), UnknownEnvironmentError, "w2-o3-q4"),
        (lambda: make_env(PAPER, goal="bref"), ConfigError, "'brief'"),
        (lambda: make_env(PAPER, max_turns=0), ConfigError, "at least one"),
        (lambda: make_env(PAPER, max_turns="9"), ConfigError, "whole number"),
        (lambda: tasks(PAPER, gaol="brief"), ConfigError, "'goal'"),
        (lambda: tasks(PAPER, goal="short"), ConfigError, "brief"),
        (lambda: tasks(PAPER, split="test", n=101), TaskError, "at most 100"),
        (lambda: start(seed=-1), TaskError, "seed"),
    ],
)
def test_bad_input_says_what_to_do(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_snapshot_comes_back_in_another_environment():
    env, _, _ = start()
    play(env, ["quit", *KEYCARD[:3]])
    saved = env.snapshot()
    other = make_env(PAPER)
    observation, info = other.restore(saved)
    assert observation == "You open the type J chest, revealing a desktop computer."
    assert other.snapshot() == saved
    assert other.step(KEYCARD[3]) == env.step(KEYCARD[3])
    assert info["score"] == 0.0


def test_passes_gymnasiums_checker():
    check_env(make_env(PAPER))


def test_leaves_the_global_random_generators_alone():
    code = f"""
import random, numpy as np
random.seed(1); np.random.seed(1)
before = random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]
from toolkit import make_env, tasks
env = make_env({PAPER!r}, admissible=True)
env.reset(options={{"task": tasks({PAPER!r}, split="test", n=1)[0]}})
env.step("look")
after = random.getstate(), np.random.get_state()[1].tolist(), np.random.get_state()[2]
assert before == after
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=600)


def test_a_hundred_games_leave_no_memory_behind():
    env = make_env(PAPER)
    choices = tasks(PAPER, split="test", n=3)

    def rss_mb(rounds):
        for i in range(rounds):
            env.reset(options={"task": choices[i % 3]})
            env.step("look")
        return psutil.Process().memory_info().rss / 1e6

    assert rss_mb(100) < rss_mb(10) + 8
    descriptors = psutil.Process().num_fds()
    rss_mb(10)
    assert psutil.Process().num_fds() == descriptors


@pytest.mark.slow
def test_ten_thousand_hostile_commands(tmp_path):
    tasks_made = [start(seed=seed) for seed in (1, 2, 3)]
    assert len(tasks_made) == 3
    done = subprocess.run(
        [sys.executable, FUZZ, "10000", "0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    made = int(done.stdout.split()[0])
    assert 500 < made <= 10_000
    assert list(tmp_path.iterdir()) == []
