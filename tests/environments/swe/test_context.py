"""Long observations: an episode that outgrows the context of a policy ends there, or
goes on without its older turns."""

import pytest

from tests.models import tiny_policy
from toolkit.environments.base import make_env, tasks
from toolkit.episodes.record import StopReason
from toolkit.episodes.rollout import collect


@pytest.mark.usefixtures("sandbox", "inflection")
@pytest.mark.parametrize("room", [1, 2])
def test_an_episode_ends_where_the_context_does(room):
    env = make_env("swe/inflection", max_turns=4)
    task = tasks("swe/inflection", split="train", n=1)
    long = tiny_policy(max_action_tokens=4)
    whole = collect(long, env, task, workers=0, progress=False)[0]
    assert whole.stop_reason is StopReason.TURN_LIMIT
    used = [len(t.observation_ids) + len(t.action_ids) for t in whole.turns]
    short = tiny_policy(max_action_tokens=4, max_context=sum(used[:room]) + 4)
    episode = collect(short, env, task, workers=0, progress=False)[0]
    assert episode.stop_reason is StopReason.CONTEXT_LIMIT
    assert len(episode.turns) == room
    assert sum(len(t.observation_ids) + len(t.action_ids) for t in episode.turns) <= (
        short.max_context
    )
    forgetful = tiny_policy(
        max_action_tokens=4, max_context=short.max_context, history=4
    )
    episode = collect(forgetful, env, task, workers=0, progress=False)[0]
    if room == 1:  # not even the first turn and the newest fit
        assert episode.stop_reason is StopReason.CONTEXT_LIMIT
        return
    assert episode.stop_reason is StopReason.TURN_LIMIT
    start, end = episode.turns[-1].hidden_ids
    assert len(episode.ids) - (end - start) <= forgetful.max_context < len(episode.ids)
