import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.errors import ConfigError
from toolkit.rewards import REWARDS, discovery, game, get_reward, sparse

TASK = Task(env="toy", seed=0)


def walk(rooms, *, won=False, first="hall", rewards=None):
    """An episode that was in these rooms after each turn."""
    rewards = rewards or [0.0] * len(rooms)
    turns = tuple(
        Turn(
            observation="",
            completion="go",
            action="go",
            reward=reward,
            info={"room": room, "first_room": first},
        )
        for room, reward in zip(rooms, rewards, strict=True)
    )
    reason = StopReason.WON if won else StopReason.TURN_LIMIT
    return Episode(task=TASK, turns=turns, stop_reason=reason)


def test_game_is_what_the_environment_paid():
    assert game(walk(["a", "b"], rewards=[0.5, -1.0])) == [0.5, -1.0]


def test_sparse_pays_the_winning_turn():
    assert sparse(walk(["a", "b", "c"], won=True)) == [0.0, 0.0, 1.0]
    assert sparse(walk(["a", "b", "c"], rewards=[9.0, 9.0, 9.0])) == [0.0, 0.0, 0.0]


def test_discovery_pays_rooms_entered_for_the_first_time():
    rooms = ["hall", "attic", "hall", "attic", "cellar"]
    assert discovery(walk(rooms)) == [0.0, 0.1, 0.0, 0.0, 0.1]


def test_discovery_makes_every_win_worth_one():
    # two new rooms pay 0.1 each; the winning turn, 0.1 for its room, gets 0.8 more
    assert discovery(walk(["attic", "cellar"], won=True)) == pytest.approx([0.1, 0.9])
    assert discovery(walk(["hall"], won=True)) == [1.0]


def test_discovery_without_rooms_is_sparse():
    turn = Turn(observation="", completion="", action="", reward=0.0)
    lost = Episode(task=TASK, turns=(turn,), stop_reason=StopReason.LOST)
    assert discovery(lost) == [0.0]


@given(
    n=st.integers(0, 40),
    won=st.booleans(),
    repeats=st.lists(st.integers(0, 5), max_size=20),
)
def test_a_loss_is_always_paid_less_than_a_win(n, won, repeats):
    rooms = [f"room {i}" for i in (*range(n), *repeats)] or ["hall"]
    paid = sum(discovery(walk(rooms, won=won)))
    cheapest_win = sum(discovery(walk(["hall"], won=True)))
    if won:
        assert math.isclose(paid, cheapest_win)
    else:
        assert paid < cheapest_win - 0.05


def test_discovery_stops_paying_at_its_limit():
    paid = discovery(walk([f"room {i}" for i in range(30)]))
    assert math.isclose(sum(paid), 0.9)
    assert paid[:9] == pytest.approx([0.1] * 9)
    assert paid[10:] == [0.0] * 20


@pytest.mark.parametrize("reward", REWARDS.values(), ids=REWARDS)
def test_an_episode_without_turns_is_paid_nothing(reward):
    nothing = Episode(task=TASK, turns=(), stop_reason=StopReason.CONTEXT_LIMIT)
    assert reward(nothing) == []


@pytest.mark.parametrize("reward", REWARDS.values(), ids=REWARDS)
def test_rewards_do_not_change_the_record(reward):
    episode = walk(["attic"], won=True, rewards=[1.0])
    reward(episode)[0] += 5.0
    assert reward(episode)[0] <= 1.1
    assert episode.turn_rewards == [1.0]


def test_unknown_reward_names_the_nearest():
    assert get_reward("game") is game
    with pytest.raises(ConfigError, match="Did you mean 'sparse'"):
        get_reward("spares")
