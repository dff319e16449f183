"""The three promises of `toolkit.episodes.tokens`, on random episodes."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.episodes.strategies import sampled_episodes
from tests.models import char_tokenizer
from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.episodes.tokens import (
    pad_batch,
    spread_turns,
    token_texts,
    tokenize_episode,
)
from toolkit.errors import EpisodeError
from toolkit.policies import load_policy

model_episodes = sampled_episodes()
batches = st.lists(model_episodes, min_size=1, max_size=4)


@given(model_episodes)
def test_the_mask_covers_exactly_the_sampled_ids(episode):
    tokens = tokenize_episode(episode)
    sampled = [i for t in episode.turns for i in t.action_ids]
    pairs = list(zip(tokens.completion_ids, tokens.action_mask, strict=True))
    assert [i for i, m in pairs if m] == sampled
    assert set(tokens.action_mask) <= {0, 1}
    kept = zip(tokens.logprobs, tokens.action_mask, strict=True)
    assert [p for p, m in kept if m] == [p for t in episode.turns for p in t.logprobs]
    inside = [j for start, end in tokens.spans for j in range(start, end)]
    assert inside == [j for j, m in enumerate(tokens.action_mask) if m]


@given(model_episodes)
def test_the_ids_are_those_the_model_saw(episode):
    tokens = tokenize_episode(episode)
    assert tokens.prompt_ids + tokens.completion_ids == episode.ids
    assert [tuple(tokens.completion_ids[a:b]) for a, b in tokens.spans] == [
        t.action_ids for t in episode.turns
    ]


@given(model_episodes)
def test_texts_are_never_encoded_again(episode):
    silent = [
        Turn(
            observation="",
            completion="",
            action="",
            reward=0.0,
            observation_ids=t.observation_ids,
            action_ids=t.action_ids,
            logprobs=t.logprobs,
        )
        for t in episode.turns
    ]
    bare = Episode(
        task=episode.task, turns=tuple(silent), stop_reason=episode.stop_reason
    )
    assert tokenize_episode(bare) == tokenize_episode(episode)


@given(batches, st.integers(0, 50), st.integers(0, 50))
def test_padding_is_marked_and_its_value_has_no_effect(batch, one, other):
    rows = [tokenize_episode(e) for e in batch]
    a, b = pad_batch(rows, one), pad_batch(rows, other)
    for name in ("prompt", "completion"):
        mask = getattr(a, f"{name}_mask").bool()
        ids = getattr(a, f"{name}_ids")
        assert torch.equal(ids[mask], getattr(b, f"{name}_ids")[mask])
        assert bool((ids[~mask] == one).all())
        expected = [getattr(r, f"{name}_ids") for r in rows]
        assert [i[m].tolist() for i, m in zip(ids, mask, strict=True)] == expected
    for name in ("prompt_mask", "completion_mask", "action_mask", "logprobs"):
        assert torch.equal(getattr(a, name), getattr(b, name))
    assert not (a.action_mask.bool() & ~a.completion_mask.bool()).any()
    assert not a.logprobs[a.action_mask == 0].any()


@given(batches)
def test_prompts_end_and_completions_begin_at_the_seam(batch):
    rows = [tokenize_episode(e) for e in batch]
    padded = pad_batch(rows, 0)
    assert bool((padded.prompt_mask.diff(dim=1) >= 0).all())
    assert bool((padded.completion_mask.diff(dim=1) <= 0).all())
    assert padded.completion_mask[:, 0].all()
    assert padded.prompt_ids.dtype == padded.completion_ids.dtype == torch.long
    assert padded.logprobs.dtype == torch.float32


@given(batches)
def test_numbers_of_turns_land_on_their_actions(batch):
    rows = [tokenize_episode(e) for e in batch]
    values = [[k + 1.5 for k in range(len(r.spans))] for r in rows]
    width = max(len(r.completion_ids) for r in rows)
    spread = spread_turns(values, [r.spans for r in rows], width)
    assert spread.shape == (len(rows), width)
    for out, row, numbers in zip(spread, rows, values, strict=True):
        for number, (start, end) in zip(numbers, row.spans, strict=True):
            assert out[start:end].tolist() == [number] * (end - start)
    assert torch.equal(spread != 0, pad_batch(rows, 0).action_mask.bool())


def test_one_episode_by_hand():
    turns = [
        Turn(
            observation="a room",
            completion="look",
            action="look",
            reward=0.0,
            observation_ids=(7, 8),
            action_ids=(1, 2, 0),
            logprobs=(-0.1, -0.2, -0.3),
        ),
        Turn(
            observation="dark",
            completion="go",
            action="go",
            reward=1.0,
            observation_ids=(9,),
            action_ids=(3, 0),
            logprobs=(-0.4, -0.5),
        ),
    ]
    episode = Episode(
        task=Task(env="toy", seed=0), turns=tuple(turns), stop_reason=StopReason.WON
    )
    tokens = tokenize_episode(episode)
    assert tokens.prompt_ids == [7, 8]
    assert tokens.completion_ids == [1, 2, 0, 9, 3, 0]
    assert tokens.action_mask == [1, 1, 1, 0, 1, 1]
    assert tokens.logprobs == [-0.1, -0.2, -0.3, 0.0, -0.4, -0.5]
    assert tokens.spans == [(0, 3), (4, 6)]


@pytest.mark.parametrize(
    "turns", [(), (Turn(observation="", completion="x", action="", reward=0.0),)]
)
def test_episodes_without_sampled_tokens_are_refused(turns):
    episode = Episode(
        task=Task(env="toy", seed=0),
        turns=turns,
        stop_reason=StopReason.LOST,
        policy="human",
    )
    with pytest.raises(EpisodeError, match="'human'"):
        tokenize_episode(episode)


@pytest.mark.parametrize("text", ["take the red key", "naïve 🗝️ – 钥匙", "", " a  b "])
def test_texts_of_tokens_are_the_text(text):
    for tokenizer in (load_policy("pocket", device="cpu").tokenizer, char_tokenizer()):
        ids = tokenizer(text, add_special_tokens=False).input_ids
        found = token_texts(tokenizer, ids)
        assert len(found) == len(ids)
        assert "".join(found) == tokenizer.decode(
            ids, clean_up_tokenization_spaces=False
        )
