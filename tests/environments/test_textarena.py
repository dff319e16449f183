import random
import re

import numpy as np
import pytest

from toolkit.environments import textarena
from toolkit.environments.base import make_env, tasks
from toolkit.environments.checker import check_env
from toolkit.environments.textarena import _registered
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect
from toolkit.errors import MissingExtraError, TaskError, UnknownEnvironmentError
from toolkit.policies.base import Action, Policy

pytest.importorskip("textarena", reason="needs the extra games")
GUESS, HANOI = "textarena/GuessTheNumber-v0", "textarena/TowerOfHanoi-v0"
SOLUTION = ["A C", "A B", "C B", "A C", "B A", "B C", "A C"]


def started(name, n=0, **params):
    env = make_env(name, **params)
    task = tasks(name, split="test", n=n + 1)[n]
    return env, env.reset(options={"task": task})[0]


class Halving(Policy):
    """Guesses the number in the middle of those that are left."""

    def start(self, *, greedy=False):
        self.left = {}

    def act(self, observations):
        return [Action(text=f"[{self.guess(o)}]") for o in observations]

    def guess(self, o):
        low, high = self.left.get(o.episode, (1, 20))
        middle = self.left.get((o.episode, "said"), 0)
        if "lower" in o.text and "hints" not in o.text:
            high = middle - 1
        elif "higher" in o.text and "hints" not in o.text:
            low = middle + 1
        self.left[o.episode] = low, high
        self.left[o.episode, "said"] = (low + high) // 2
        return (low + high) // 2


@pytest.mark.parametrize("name", [GUESS, HANOI, "textarena/FrozenLake-v0-random"])
def test_the_contract_is_kept(name):
    verdict = check_env(name)
    assert set(verdict.codes) == {"choices"}, str(verdict)
    assert verdict.passed
    assert verdict.asked >= {"process", "hostile", "nonsense", "repeat"}


def test_a_game_is_won():
    env, text = started(HANOI)
    assert "Tower" in text
    *most, last = [env.step(f"[{move}]") for move in SOLUTION]
    assert all(step[1:4] == (0.0, False, False) for step in most)
    assert all(step[4]["valid_action"] for step in most)
    assert "You moved disk 1 from A to C." in most[0][0]
    assert "[A C]" not in most[0][0]  # own words are not told again
    text, reward, terminated, _, info = last
    assert (reward, terminated, info["won"], info["score"]) == (1.0, True, True, 1.0)
    assert text.endswith("You solved the Tower of Hanoi puzzle.")


def test_one_invalid_move_is_forgiven_and_two_are_not():
    env, _ = started(HANOI)
    assert env.step("[B C]")[4]["valid_action"] is False
    assert env.step("[A C]")[4]["valid_action"] is True
    env.step("banana")
    text, reward, terminated, _, info = env.step("banana")
    assert terminated
    assert (reward, info["lost"], info["valid_action"]) == (0.0, True, False)
    assert "Invalid Move" in text


@pytest.mark.parametrize("name", ["Countdown-v0", "Cryptarithm-v0"])
def test_games_that_give_the_reason_for_the_reward_pay_nothing(name):
    env, _ = started(f"textarena/{name}")
    env.step("banana")
    text, reward, terminated, _, info = env.step("banana")
    assert (reward, terminated, info["lost"]) == (0.0, True, True)
    assert "action format" in text


def test_a_policy_plays_many_games_at_once_here_and_in_a_worker():
    games = tasks(GUESS, split="test", n=6)
    env = make_env(GUESS)
    here = collect(Halving(), env, games, workers=0, progress=False)
    there = collect(Halving(), env, games, workers=1, progress=False)
    assert all(e.stop_reason == StopReason.WON for e in here)
    said = [[turn.action for turn in e.turns] for e in here]
    assert said == [[turn.action for turn in e.turns] for e in there]
    assert len({turns[-1] for turns in said}) > 1  # the numbers differ


def test_global_random_numbers_are_left_alone():
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    env, _ = started(GUESS)
    env.step("[3]")
    assert random.random() == random.Random(5).random()
    assert np.random.rand() == np.random.RandomState(5).rand()  # noqa: NPY002


def test_chance_goes_on_where_it_was():
    """Two games of one seed, one disturbed by the other, are equal."""
    env, _ = started("textarena/2048-v0")
    other, _ = started("textarena/2048-v0")
    moves = ["[up]", "[left]", "[down]", "[right]"] * 3
    alone = [env.step(move)[0] for move in moves]
    random.seed(1)
    disturbed = []
    for move in moves:
        disturbed.append(other.step(move)[0])
        started("textarena/2048-v0", n=1)[0].step(move)
    assert alone == disturbed
    assert len(set(alone)) > 3


def test_turn_limits():
    env, _ = started(HANOI, max_turns=2)
    env.step("[A C]")
    assert env.step("[A B]")[2:4] == (False, True)
    limit = int(re.search(r"within (\d+) turns", started(GUESS)[1])[1])
    env, _ = started(GUESS)
    number = env._game.game_number
    wrong = [n for n in range(1, 21) if n != number][: limit + 1]
    ends = [env.step(f"[{n}]")[2] for n in wrong]
    assert ends == [False] * limit + [True]  # TextArena grants one more than it says


def test_what_cannot_be_played_is_said():
    with pytest.raises(UnknownEnvironmentError, match="'GuessTheNumber-v0'"):
        make_env("textarena/GuessTheNumbr-v0")
    for name in ("TicTacToe-v0", "PublicGoodsGame-v0", "Taboo-v0"):
        with pytest.raises(TaskError, match="cannot be started by 1") as caught:
            started(f"textarena/{name}")
        assert "toolkit.episodes.duel" in caught.value.fix


def test_without_the_package_the_extra_is_named(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(textarena.importlib, "import_module", missing)
    _registered.cache_clear()
    try:
        with pytest.raises(MissingExtraError, match="games"):
            make_env(GUESS)
    finally:
        _registered.cache_clear()
