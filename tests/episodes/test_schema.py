import copy
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from tests.episodes.strategies import episodes
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.episodes.schema import episode_from_dict, episode_to_dict
from toolkit.errors import EpisodeError


def one_turn(**changes):
    facts = {"observation": "o", "completion": "c", "action": "a", "reward": 1.0}
    return Episode(
        task=Task(env="toy", seed=1),
        turns=(Turn(**{**facts, **changes}),),
        stop_reason=StopReason.WON,
    )


def exact(value):
    """Return a form in which 1, 1.0, True, 0.0 and -0.0 all differ."""
    return repr(value)


@given(episodes())
def test_dictionary_and_json_give_the_same_episode_back(episode):
    data = json.loads(json.dumps(episode_to_dict(episode), allow_nan=False))
    assert exact(episode_from_dict(data)) == exact(episode)


@given(episodes())
def test_the_first_version_knew_no_hidden_ids(episode):
    data = episode_to_dict(episode) | {"version": 1}
    for turn in data["turns"]:
        del turn["hidden_ids"]
    turns = tuple(replace(turn, hidden_ids=(0, 0)) for turn in episode.turns)
    assert exact(episode_from_dict(data)) == exact(replace(episode, turns=turns))


def test_numpy_numbers_become_plain_ones():
    episode = one_turn(
        reward=np.float32(0.1), action_ids=(np.int64(7),), logprobs=(np.float64(-1),)
    )
    turn = episode_from_dict(episode_to_dict(episode)).turns[0]
    assert turn.reward == float(np.float32(0.1))
    assert (type(turn.reward), type(turn.action_ids[0])) == (float, int)
    assert type(turn.logprobs[0]) is float


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"reward": float("nan")}, "episode.turns.reward"),
        ({"logprobs": (float("-inf"),)}, "episode.turns.logprobs"),
        ({"info": {"score": float("nan")}}, "episode.turns.info"),
        ({"info": {"score": np.float32(1)}}, "episode.turns.info"),
        ({"action_ids": (1.5,)}, "episode.turns.action_ids"),
        ({"action_ids": (2**63,)}, "episode.turns.action_ids"),
        ({"observation": None}, "episode.turns.observation"),
    ],
)
def test_what_cannot_come_back_is_refused_and_named(changes, named):
    with pytest.raises(EpisodeError, match=named) as caught:
        episode_to_dict(one_turn(**changes))
    assert "toy/train/1" in caught.value.what
    assert caught.value.fix


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("version",), 3, "version is 3"),
        (("version",), None, "version is None"),
        (("stop_reason",), "bored", "bored"),
        (("turns",), "abc", "episode.turns"),
        (("turns", 0, "reward"), "1", "episode.turns.reward"),
        (("turns", 0, "info"), [1], "episode.turns.info"),
        (("turns", 0, "surprise"), 1, "episode.turns"),
        (("turns", 0, "hidden_ids"), [1], "hidden_ids"),
        (("task", "seed"), "one", "episode.task.seed"),
        (("task", "params"), 3, "episode.task.params"),
    ],
)
def test_damaged_dictionaries_are_refused_and_the_field_is_named(path, value, named):
    data = copy.deepcopy(episode_to_dict(one_turn()))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(EpisodeError, match=named):
        episode_from_dict(data)


@pytest.mark.parametrize("missing", ["version", "task", "turns", "seed"])
def test_missing_fields_are_named(missing):
    data = episode_to_dict(one_turn())
    del data[missing]
    with pytest.raises(EpisodeError, match=missing):
        episode_from_dict(data)


@pytest.mark.parametrize("junk", [None, 3, "text", [], {}])
def test_what_is_no_dictionary_is_refused(junk):
    with pytest.raises(EpisodeError):
        episode_from_dict(junk)
