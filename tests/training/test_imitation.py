from dataclasses import replace

import pytest
import torch

from tests.models import tiny_policy
from tests.training.gates import Gates  # noqa: F401  (registers the world)
from tests.training.runs import weights_of
from toolkit import collect, tasks
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.episodes.tokens import tokenize_episode
from toolkit.errors import ConfigError, EpisodeError
from toolkit.policies import ExpertPolicy
from toolkit.training.imitation import (
    ImitationConfig,
    action_loss,
    encode_episode,
    fit,
    imitate,
)


def said(*commands, seed=0):
    """An episode in which somebody said these things."""
    turns = tuple(
        Turn(observation=f"turn {k}", completion=c, action=c, reward=0.0)
        for k, c in enumerate(commands)
    )
    task = Task(env="gates", seed=seed)
    return Episode(task=task, turns=turns, stop_reason=StopReason.WON)


SHORT = ImitationConfig(steps=60, batch_size=4, learning_rate=5e-3)
GAMES = [said("go", "up"), said("up", "go", "up"), said("go")]


def test_the_loss_is_that_of_action_tokens_alone():
    policy = tiny_policy()
    batch = [tokenize_episode(encode_episode(policy, e)) for e in GAMES]
    found = action_loss(policy.model, batch, pad_id=0)
    total, count = 0.0, 0
    for tokens in batch:  # one row at a time, no padding, by hand
        ids = torch.tensor([tokens.prompt_ids + tokens.completion_ids])
        logp = policy.model(ids).logits[0].log_softmax(-1)
        start = len(tokens.prompt_ids)
        for k, acted in enumerate(tokens.action_mask):
            if acted:
                total -= logp[start + k - 1, tokens.completion_ids[k]].item()
                count += 1
    assert count == sum(len(t.completion) + 1 for e in GAMES for t in e.turns)
    assert found.item() == pytest.approx(total / count, abs=1e-5)


def test_what_the_world_writes_is_not_learnt():
    # A row whose every token is the world's adds nothing, not even to the mean.
    policy = tiny_policy()
    tokens = tokenize_episode(encode_episode(policy, said("go", "up")))
    masked = replace(tokens, action_mask=[0] * len(tokens.action_mask))
    both = action_loss(policy.model, [tokens, masked], pad_id=0)
    alone = action_loss(policy.model, [tokens], pad_id=0)
    assert both.item() == pytest.approx(alone.item(), abs=1e-6)


def test_padding_has_no_effect():
    policy = tiny_policy()
    batch = [tokenize_episode(encode_episode(policy, e)) for e in GAMES]
    losses = {action_loss(policy.model, batch, pad_id=i).item() for i in (0, 7)}
    assert max(losses) - min(losses) < 1e-6


BARE = {"observation_ids": (), "hidden_ids": (0, 0), "action_ids": (), "logprobs": ()}


@pytest.mark.parametrize("history", [None, 2])
def test_ids_are_those_of_a_sampled_episode(history):
    policy = tiny_policy(max_action_tokens=12, history=history)
    games = [said("open gate", "up", "go 7", seed=s) for s in range(4)]
    imitate(policy, games, ImitationConfig(steps=60, batch_size=4, learning_rate=5e-3))
    played = collect(
        policy,
        "gates",
        tasks("gates", n=4),
        group_size=4,
        workers=0,
        progress=False,
    )
    closed = [
        e
        for e in played
        if all(t.action_ids[-1] in policy.template.stop_ids for t in e.turns)
        and not any(i in (0, 2) for t in e.turns for i in t.action_ids)
    ]
    assert len(closed) >= 4
    assert any(len(e.turns) > 1 for e in closed)
    forgot = 0
    for episode in closed:
        bare = replace(
            episode,
            turns=tuple(replace(t, **BARE) for t in episode.turns),
        )
        again = encode_episode(policy, bare)
        assert again.ids == episode.ids
        hidden = [t.hidden_ids for t in episode.turns]
        assert [t.hidden_ids for t in again.turns] == hidden
        forgot += hidden[-1] != (0, 0)
    assert bool(forgot) == bool(history)


def test_imitation_is_learnt():
    policy = tiny_policy()
    losses = imitate(policy, GAMES, SHORT)
    assert losses[0] > 4.0
    assert losses[-1] < 0.5 * losses[0]
    assert not policy.model.training


@pytest.mark.slow
def test_expert_games_of_textworld_are_learnt():
    env = "textworld/w2-o3-q4"
    games = tasks(env, split="demonstration", n=2)
    shown = collect(ExpertPolicy(), env, games, workers=0, progress=False)
    assert all(e.won for e in shown)
    policy = tiny_policy()
    losses = imitate(policy, shown, replace(SHORT, steps=12, learning_rate=2e-2))
    assert losses[0] > 4.0
    assert losses[-1] < losses[0] - 0.5
    assert policy.trained_on == {(env, task.seed) for task in games}


def test_the_same_seed_gives_the_same_weights():
    policies = [tiny_policy() for _ in range(3)]
    for policy, seed in zip(policies, (0, 0, 1), strict=True):
        imitate(policy, GAMES, replace(SHORT, steps=5, batch_size=2, seed=seed))
    first, again, other = map(weights_of, policies)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_episode_is_seen_once_a_round():
    policy = tiny_policy()
    data = [tokenize_episode(encode_episode(policy, e)) for e in GAMES]
    seen = []

    def batch_of(order):
        seen.extend(order)
        return [data[i] for i in order]

    fit(policy, batch_of, 3, replace(SHORT, steps=6, batch_size=2))
    assert len(seen) == 12
    assert all(sorted(seen[i : i + 3]) == [0, 1, 2] for i in range(0, 12, 3))


def test_steps_are_reported():
    heard = []
    losses = imitate(
        tiny_policy(),
        GAMES,
        replace(SHORT, steps=3),
        on_step=lambda step, loss: heard.append((step, loss)),
    )
    assert heard == list(enumerate(losses, 1))


def test_nothing_to_imitate():
    with pytest.raises(ConfigError, match="no episodes to imitate"):
        imitate(tiny_policy(), [])
    with pytest.raises(EpisodeError, match="no sampled tokens"):
        imitate(tiny_policy(), [said()])


@pytest.mark.parametrize("name", ["steps", "batch_size", "learning_rate"])
def test_numbers_out_of_range(name):
    with pytest.raises(ConfigError, match=f"{name} is 0"):
        ImitationConfig(**{name: 0})
