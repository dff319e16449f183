import dataclasses
import json
import random

import pytest

from tests.environments.swe.shop import (
    FAILING,
    SOURCE,
    TEST_FILE,
    TESTS,
    abandoned,
    make_shop,
)
from toolkit import make_env, tasks
from toolkit.environments.checker import check_env
from toolkit.environments.splits import SPLIT_SEEDS
from toolkit.environments.swe.bugs import write_bugs
from toolkit.environments.trials import HOSTILE
from toolkit.episodes.rollout import collect
from toolkit.errors import ConfigError, TaskError, UnknownEnvironmentError
from toolkit.policies.scripted import ExpertPolicy, RandomPolicy

REPAIR = """replace shop/prices.py
<<<<<<< OLD
amount + amount
=======
amount - amount
>>>>>>> NEW"""


@pytest.fixture(scope="module")
def bugs(tmp_path_factory):
    """Return a file with three bugs of a package of one's own."""
    folder = tmp_path_factory.mktemp("shop")
    bug = make_shop(folder)
    splits = ("train", "", "test")
    made = [dataclasses.replace(bug, seed=i, split=s) for i, s in enumerate(splits)]
    path = folder / "bugs.json.xz"
    write_bugs(path, made)
    return str(path)


@pytest.fixture
def play(bugs):
    """Return a function that starts an episode."""
    made = []

    def start(**given):
        env = make_env("swe/all", bugs=bugs, progress=True, **given)
        made.append(env)
        task = tasks("swe/all", split="test", bugs=bugs)[0]
        return env, *env.reset(options={"task": task})

    yield start
    for env in made:
        env.close()


# ---- tasks ---------------------------------------------------------------------------


def test_a_repository_has_its_own_environment():
    whole = tasks("swe/all")
    some = [task for task in tasks("swe/inflection") if task.env == "swe/inflection"]
    assert {task.seed for task in some} < {task.seed for task in whole}
    assert {task.seed for task in whole} <= {*SPLIT_SEEDS["train"]}
    held_out = {task.seed for task in tasks("swe/all", split="test")}
    assert held_out <= {*SPLIT_SEEDS["test"]}


def test_tasks_keep_what_changes_the_game(bugs):
    found = tasks("swe/all", bugs=bugs, reward="binary", max_turns=10)
    assert [task.seed for task in found] == [*SPLIT_SEEDS["train"][:2]]
    assert dict(found[0].params) == {"bugs": bugs, "reward": "binary", "max_turns": 10}
    assert tasks("swe/all", split="test", bugs=bugs, difficulty=1)
    with pytest.raises(TaskError, match="It has 0"):
        tasks("swe/all", split="test", bugs=bugs, difficulty=3)
    with pytest.raises(TaskError, match="It has 2"):
        tasks("swe/all", bugs=bugs, n=3)


@pytest.mark.parametrize(
    "given",
    [
        {"reward": "most"},
        {"format": "xml"},
        {"difficulty": 4},
        {"max_chars": 10},
        {"max_chars": "many"},
        {"max_turns": 0},
        {"trusted": "yes"},
    ],
)
def test_arguments_out_of_range_are_refused(given, bugs):
    with pytest.raises(ConfigError):
        make_env("swe/all", bugs=bugs, **given)
    with pytest.raises(ConfigError):
        tasks("swe/all", bugs=bugs, **given)


def test_an_unknown_repository_names_the_known_ones():
    with pytest.raises(UnknownEnvironmentError, match="inflection"):
        make_env("swe/inflexion")


# ---- an episode ----------------------------------------------------------------------


def test_the_task_tells_what_fails_and_not_where(play):
    _, text, info = play()
    assert "3 of its 6 tests fail" in text
    assert all(f"\n- {name}: " in text for name in FAILING)
    assert f"- {FAILING[1]}: assert 200.0 == 0\n" in text
    assert SOURCE in text.split("\n")
    assert "amount" not in text.partition("Every reply")[0]
    assert info["valid_action"]
    assert (info["tests"], info["grade"], info["changed"]) == (None, None, [])
    assert info["sandbox"] == "bubblewrap"
    assert "{" not in text
    assert '{"tool": "ls"' in play(format="json")[1]


def test_a_repair_step_by_step(play):
    env, _, info = play()
    assert info["progress"] == 0.0
    text, reward, over, cut, info = env.step("run_tests")
    assert text.startswith("3 of 6 tests failed.\n- tests/test_prices.py::TestShop")
    assert "assert 150.0 == 50" in text
    assert (reward, over, cut, info["progress"]) == (0.0, False, False, 0.25)
    assert info["tests"]["failing"] == list(FAILING)
    *_, info = env.step(f"view {SOURCE} 5:10")
    assert info["progress"] == 0.5
    *_, info = env.step(REPAIR)
    assert (info["changed"], info["progress"]) == ([SOURCE], 0.5)
    text, *_, info = env.step("run_tests discount")
    assert text == "All 2 tests passed."
    assert info["progress"] == pytest.approx((2 + 2 / 3) / 4)
    text, *_, info = env.step("run_tests")
    assert (text, info["progress"]) == ("All 6 tests passed.", 0.75)
    text, reward, over, cut, info = env.step("submit")
    assert text == "You have repaired it: all tests pass."
    assert (reward, over, cut) == (1.0, True, False)
    assert (info["won"], info["lost"], info["score"]) == (True, False, 1.0)
    assert (info["progress"], info["grade"]["binary"]) == (1.0, 1.0)
    with pytest.raises(TaskError, match="The game is over"):
        env.step("submit")


@pytest.mark.parametrize(("reward", "pay"), [("ratio", 2 / 3), ("binary", 0.0)])
def test_half_a_repair_is_lost_and_may_pay(play, reward, pay):
    env, *_ = play(reward=reward)
    half = REPAIR.replace("amount - amount", "amount - (discount == 50) * amount")
    assert "Replaced" in env.step(half)[0]
    text, reward, over, _, info = env.step("submit")
    assert text.startswith("Not repaired: 1 tests still fail, such as tests/test_pr")
    assert (reward, over, info["lost"]) == (pytest.approx(pay), True, True)


def test_changed_tests_earn_nothing_and_are_no_progress(play):
    env, *_ = play()
    all_of_it = TESTS.removesuffix("\n")
    block = f"<<<<<<< OLD\n{all_of_it}\n=======\ndef test_plain(): pass\n>>>>>>> NEW"
    assert "Replaced" in env.step(f"replace {TEST_FILE}\n{block}")[0]
    text, *_, info = env.step("run_tests")
    assert (text, info["progress"]) == ("1 test passed.", 0.0)
    text, reward, _, _, info = env.step("submit")
    assert (reward, info["grade"]["ignored"]) == (0.0, [TEST_FILE])
    assert info["grade"]["still_fail"] == list(FAILING)


def test_what_cannot_be_done_is_a_turn_that_says_why(play):
    env, *_ = play()
    for action, says in {
        "": "Your reply is empty",
        "look around": "There is no tool 'look'",
        "view nothing.py": "no such file",
        "view ../../etc/passwd": "is no path in the repository",
        "view /etc/passwd": "is no path in the repository",
        "replace shop/prices.py": "<<<<<<< must open",
        REPAIR.replace("amount +", "sum +"): "nearest lines",
    }.items():
        text, reward, over, _, info = env.step(action)
        assert says in text
        assert (reward, over, info["valid_action"]) == (0.0, False, False)
    assert env.step("run_tests nothing")[0].startswith("No test ran for 'nothing'.")
    assert env.step("diff")[0] == "You have changed nothing."


def test_long_outputs_are_cut_with_a_notice(play):
    env, *_ = play(max_chars=1_000)
    flood = "print('spam ' * 50)\nprint('eggs\\n' * 5000)\nassert 0"
    env.step(f"insert {TEST_FILE} 1\n<<<<<<< NEW\n{flood}\n>>>>>>> NEW")
    text = env.step("run_tests")[0]
    assert len(text) < 2_000
    assert "left out]" in text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("def :", "SyntaxError"),
        ("import os; os._exit(3)", "did not run to their end"),
        ("import os; os.kill(os.getppid(), 9)", "did not run to their end"),
    ],
)
def test_a_broken_package_is_told(play, line, says):
    env, *_ = play()
    env.step(f"insert {SOURCE} 0\n<<<<<<< NEW\n{line}\n>>>>>>> NEW")
    text, *_, info = env.step("run_tests")
    assert says in text
    assert info["valid_action"]
    assert env.step("submit")[1] == 0.0


def test_a_restored_episode_is_the_same_word_for_word(play):
    env, *_ = play()
    for action in ("run_tests", f"view {SOURCE}", REPAIR, "run_tests half", "diff"):
        env.step(action)
    other, *_ = play()
    _, info = other.restore(env.snapshot())
    assert info["changed"] == [SOURCE]
    assert other.step("submit")[1] == 1.0


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_expert_wins_from_anywhere(play, form):
    env, _, info = play(expert=True, format=form)
    assert len(info["expert"]) == 4
    assert all(action.startswith("{") for action in info["expert"]) == (form == "json")
    env.step(f"insert {SOURCE} 5\n<<<<<<< NEW\n    return 1/0\n>>>>>>> NEW")
    env.step(f"insert {TEST_FILE} 0\n<<<<<<< NEW\nnonsense\n>>>>>>> NEW")
    over, (*_, info) = False, env.step("diff")
    while not over:
        _, _, over, _, info = env.step(info["expert"][0])
    assert info["won"]
    assert info["expert"] == []


def test_the_expert_says_nothing_that_would_be_cut(play):
    env, *_ = play(expert=True)
    lines = "\n".join("# " + "x" * 200 for _ in range(60))
    insert = f"insert {SOURCE} 0\n<<<<<<< NEW\n{lines}\n>>>>>>> NEW"
    assert len(env.step(insert)[-1]["expert"]) == 5
    assert env.step(insert)[-1]["expert"] is None


def test_what_can_be_done_and_seen(play):
    env, _, info = play(admissible=True)
    assert {"ls", "run_tests", "submit", f"view {SOURCE}"} <= {
        *info["admissible_actions"]
    }
    env.step(REPAIR)
    env.step("run_tests plain")
    lists = env.surroundings().lists
    assert lists == {"Changed": (SOURCE,), "Tests that failed": ()}


# ---- whatever models write, and what is left behind ----------------------------------


def test_no_text_breaks_it(play):
    env, *_ = play(max_turns=500)
    rng = random.Random(0)
    parts = [*HOSTILE, "view", "replace", "insert", "search", SOURCE, "\n", "<<<<<<<"]
    parts += [
        "=======",
        ">>>>>>>",
        "{",
        '"tool"',
        ":",
        "}",
        "```",
        "9" * 30,
        "-1:",
        '"',
    ]
    for _ in range(300):
        reply = rng.choice(["", " ", "\n"]).join(
            rng.choices(parts, k=rng.randint(1, 7))
        )
        text, _, over, _, info = env.step(reply)
        assert text
        assert not over
        assert len(text) < 10_000
        json.dumps(info)


@pytest.mark.slow
def test_workers_leave_nothing_behind(bugs):
    before = abandoned()
    env = make_env("swe/all", bugs=bugs, max_turns=8)
    games = tasks("swe/all", bugs=bugs, max_turns=8) * 5
    episodes = collect(ExpertPolicy(), env, games, workers=2, live=4, progress=False)
    episodes += collect(RandomPolicy(), env, games, workers=2, live=4, progress=False)
    assert [e.error for e in episodes] == [""] * 20
    assert [e.won for e in episodes[:10]] == [True] * 10
    assert abandoned() <= before


@pytest.mark.slow
def test_the_checker_finds_nothing_wrong(bugs):
    verdict = check_env(make_env("swe/all", bugs=bugs, max_turns=6))
    assert verdict.passed, verdict
    assert set(verdict.codes) <= {"speed"}


@pytest.mark.slow
def test_the_expert_repairs_shipped_bugs():
    """A sample, one of thirty."""
    games = [t for s in ("train", "test") for t in tasks("swe/all", split=s)[::30]]
    episodes = collect(ExpertPolicy(), make_env("swe/all"), games, progress=False)
    assert [e.task.id for e in episodes if not e.won] == []
