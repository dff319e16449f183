import dataclasses
import pickle

import pytest
from hypothesis import given, settings

from tests.episodes.strategies import episodes
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn


def turn(reward, observation_ids=(), action_ids=()):
    return Turn(
        observation="",
        completion="",
        action="",
        reward=reward,
        observation_ids=observation_ids,
        action_ids=action_ids,
    )


def test_rewards_and_ids_come_in_playing_order():
    episode = Episode(
        task=Task(env="toy", seed=1),
        turns=(turn(0.5, (1, 2), (3,)), turn(-0.25, (4,), (5, 6))),
        stop_reason=StopReason.WON,
    )
    assert episode.won
    assert episode.turn_rewards == [0.5, -0.25]
    assert episode.total_reward == 0.25
    assert episode.ids == [1, 2, 3, 4, 5, 6]


def test_an_episode_whose_world_died_in_reset_is_empty_and_not_won():
    episode = Episode(
        task=Task(env="toy", seed=1),
        turns=(),
        stop_reason=StopReason.ENVIRONMENT_ERROR,
    )
    assert not episode.won
    assert episode.total_reward == 0
    assert episode.ids == []


def test_only_failures_of_the_world_are_broken():
    broken = {reason.value for reason in StopReason if reason.is_broken}
    assert broken == {"environment_error", "environment_timeout", "interrupted"}


@given(episodes())
@settings(max_examples=20)
def test_records_are_frozen_and_cross_process_borders(episode):
    with pytest.raises(dataclasses.FrozenInstanceError):
        episode.seed = 5
    # Rollout workers send tasks through pickle; files never use it.
    assert pickle.loads(pickle.dumps(episode)) == episode
