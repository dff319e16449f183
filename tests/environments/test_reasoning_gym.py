import numpy as np
import pytest

from toolkit.environments import reasoning_gym
from toolkit.environments.base import make_env, tasks
from toolkit.environments.checker import check_env
from toolkit.environments.reasoning_gym import EVALUATED, _registered, is_plain
from toolkit.episodes.rollout import collect
from toolkit.errors import (
    ConfigError,
    MissingExtraError,
    TaskError,
    UnknownEnvironmentError,
)
from toolkit.evaluation import evaluate
from toolkit.policies.scripted import ExpertPolicy

pytest.importorskip("reasoning_gym", reason="needs the extra games")
SUM = "reasoning-gym/chain_sum"
NO_ANSWER = {"boxnet", "graph_color", "propositional_logic", "rubiks_cube", "rush_hour"}
"""Data sets that score an answer and know none."""


def first(name, **params):
    env = make_env(name, expert=True, **params)
    made = tasks(name, split="test", n=1, **params)
    return env, *env.reset(options={"task": made[0]})


@pytest.mark.parametrize("name", ["chain_sum", "countdown", "graph_color"])
def test_the_contract_is_kept(name):
    verdict = check_env(f"reasoning-gym/{name}")
    assert set(verdict.codes) == {"choices"}, str(verdict)
    assert verdict.passed
    assert verdict.asked >= {"process", "hostile", "nonsense", "repeat"}


def test_a_question_and_its_answer():
    env, text, info = first(SUM, settings="min_terms=2, max_terms=2")
    assert text.endswith("<answer>your answer</answer>")
    reply = f"It is easy.\n{info['expert'][0]}\n"
    text, reward, terminated, truncated, info = env.step(reply)
    assert (text, reward, terminated, truncated) == ("Right.", 1.0, True, False)
    assert (info["won"], info["score"], info["expert"]) == (True, 1.0, [])
    with pytest.raises(TaskError):
        env.step(reply)


def test_wrong_answers_and_no_answers():
    for reply, valid in (("<answer>banana</answer>", True), ("banana", False)):
        env, _, _ = first(SUM)
        _, reward, terminated, _, info = env.step(reply)
        assert (reward, terminated, info["lost"]) == (0.0, True, True)
        assert info["valid_action"] is valid


def test_scores_in_between_are_the_data_sets_own():
    env, _, _ = first("reasoning-gym/countdown")
    _, reward, _, _, info = env.step("<answer>1</answer>")
    assert reward == info["score"] == 0.05
    assert info["lost"]


def test_settings_and_goal_belong_to_the_task():
    params = {"settings": "min_terms=2, max_terms=2", "goal": "brief"}
    _, text, _ = first(SUM, **params)
    task = tasks(SUM, split="test", n=1, **params)[0]
    assert dict(task.params) == params
    assert make_env(SUM).reset(options={"task": task})[0] == text
    assert "<answer>" not in text
    assert sum(text.count(sign) for sign in "+-") <= 2


@pytest.mark.parametrize("name", sorted(set(_registered()) - {"composite"}))
def test_every_data_set_knows_its_answer_and_repeats_itself(name):
    env, _, info = first(f"reasoning-gym/{name}")
    assert (info["expert"] is None) == (name in NO_ANSWER)
    if info["expert"]:
        assert env.step(info["expert"][0])[4]["won"]
    again, *_ = first(f"reasoning-gym/{name}")
    assert again._digests == env._digests[:1]
    assert again.step("<answer>banana</answer>")[1] <= 1.0


def test_global_random_numbers_are_left_alone():
    np.random.seed(5)  # noqa: NPY002
    first("reasoning-gym/pool_matrix")  # seeds numpy's global generator
    assert np.random.rand() == np.random.RandomState(5).rand()  # noqa: NPY002


def test_global_random_numbers_change_no_question():
    name = "reasoning-gym/list_functions"
    task = tasks(name, split="test", n=74)[-1]  # draws from the module `random`
    env = make_env(name)
    assert len({env.reset(options={"task": task})[0] for _ in range(3)}) == 1


def test_collect_and_evaluate():
    games = tasks(SUM, split="test", n=4)
    env = make_env(SUM)
    assert evaluate(ExpertPolicy(), env, games, workers=0, progress=False).wins == 4
    episodes = collect(ExpertPolicy(), env, games, workers=1, progress=False)
    assert [e.turns[0].reward for e in episodes] == [1.0] * 4


HARMFUL = [
    "__import__('os').system('touch /tmp/harm')",
    "().__class__.__bases__",
    "9**9**9",
    "(9**99)**99",
    "9**(9*99)",
    "9**1000",
    "2**exp(99)",
    "1 << 10**9",
    "factorial(10**9)",
    "open('/etc/passwd').read()",
    "[0 for _ in range(10**12)]",
    "(lambda: 1)()",
    "f'{1}'",
    "x.diff()",
    "(" * 500 + ")" * 500,
    "1 + " * 5_000 + "1",
]


@pytest.mark.parametrize("answer", HARMFUL, ids=lambda text: text[:20])
def test_answers_that_would_be_evaluated_as_code_are_not(answer):
    assert not is_plain(answer)
    for name in EVALUATED:
        env, _, _ = first(f"reasoning-gym/{name}")
        assert env.step(f"<answer>{answer}</answer>")[1] == 0.0


@pytest.mark.parametrize(
    "answer", ["x**3/3 - 2*x + C", "exp(-2*x)", "(1 + 2) * -3", "x**(1/2)", "sin(x)**2"]
)
def test_arithmetic_is_plain(answer):
    assert is_plain(answer)


def test_scorers_that_evaluate_are_all_known():
    """If reasoning-gym gets another one, it must be listed."""
    harm = "[print('evaluated')] and __import__('math').pi"
    for name in set(_registered()) - {"composite"} - set(EVALUATED):
        env, _, _ = first(f"reasoning-gym/{name}")
        assert env.step(f"<answer>{harm}</answer>")[1] < 1 or name in LENIENT


LENIENT = {"game_of_life_halting"}
"""Pays for any answer but one."""


def test_what_is_wrong_is_said():
    with pytest.raises(UnknownEnvironmentError, match="'chain_sum'"):
        make_env("reasoning-gym/chain_sun")
    for wrong in (
        {"settings": "min_terms=9, max_terms=2"},
        {"settings": "nonsense=1"},
        {"settings": "3"},
        {"settings": "min_terms=(print(1))"},
        {"goal": "long"},
        {"max_turns": 2},
    ):
        with pytest.raises(ConfigError):
            make_env(SUM, **wrong)
    with pytest.raises(ConfigError, match="composite"):
        make_env("reasoning-gym/composite")


def test_without_the_package_the_extra_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(reasoning_gym.importlib, "import_module", missing)
    _registered.cache_clear()
    try:
        with pytest.raises(MissingExtraError, match="games"):
            make_env(SUM)
    finally:
        _registered.cache_clear()
