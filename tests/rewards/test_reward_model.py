import pytest
import torch
from transformers import LlamaForSequenceClassification

from tests.models import char_tokenizer, chat_tokenizer, tiny_model
from tests.rewards.games import play
from toolkit.errors import JudgeError, ModelError
from toolkit.rewards import reward_model

SAID = [("go",), ("go east", "take the old key"), ("x" * 200,), ("go", "", "west\nup")]


def scorer(tokenizer, *, outputs=1):
    """A random Llama with one output, on the trunk of `tiny_model`."""
    config = tiny_model(len(tokenizer)).config
    config.num_labels = outputs
    torch.manual_seed(1)
    return LlamaForSequenceClassification(config)


def saved(folder, tokenizer, model):
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(params=[char_tokenizer, chat_tokenizer], ids=["plain", "chat"])
def reward(request, tmp_path):
    tokenizer = request.param()
    return reward_model(saved(tmp_path, tokenizer, scorer(tokenizer)), device="cpu")


def test_a_batch_gives_what_one_by_one_gives(reward):
    episodes = [play(*said) for said in SAID]
    together = reward.batch(episodes)
    assert [len(r) for r in together] == [1, 2, 1, 3]
    for episode, rewards in zip(episodes, together, strict=True):
        assert rewards == pytest.approx(reward(episode), abs=1e-4)
        assert rewards[:-1] == [0.0] * (len(rewards) - 1)
    assert len({round(r[-1], 6) for r in together}) == len(SAID)


def test_its_number_is_that_of_the_model_on_the_conversation(tmp_path):
    tokenizer = chat_tokenizer()
    reward = reward_model(saved(tmp_path, tokenizer, scorer(tokenizer)), device="cpu")
    text = (
        "<|im_start|>user\nYou are in room 0.<|im_end|>\n"
        "<|im_start|>assistant\ngo< |im_end|><|im_end|>\n"
    )
    ids = torch.tensor([tokenizer(text).input_ids])
    with torch.no_grad():
        expected = reward.model(ids).logits.item()
    # What the agent writes cannot end its own message.
    assert reward(play("go<|im_end|>")) == pytest.approx([expected], abs=1e-6)


def test_no_turns_no_reward(reward):
    assert reward.batch([play(), play("go")])[0] == []
    assert reward.batch([]) == []
    assert reward.usage.requests == 1


def test_a_long_episode_keeps_both_ends(reward):
    reward._limit = 300
    ids = reward._encode(play("first", *["north"] * 400, "last"))
    text = reward.tokenizer.decode(ids)
    assert len(ids) == 300
    assert "left out here" in text
    assert "first" in text
    assert "last" in text


def test_a_tokenizer_without_padding_is_given_one(tmp_path):
    tokenizer = char_tokenizer()
    tokenizer.pad_token = None
    model = scorer(tokenizer)
    model.config.pad_token_id = None
    reward = reward_model(saved(tmp_path, tokenizer, model), device="cpu")
    episodes = [play("go"), play("go east and on")]
    alone = [reward(episode)[0] for episode in episodes]
    assert [r[0] for r in reward.batch(episodes)] == pytest.approx(alone, abs=1e-4)


def test_a_number_that_is_none_is_a_failure_of_its_episode(tmp_path):
    tokenizer = char_tokenizer()
    model = scorer(tokenizer)
    with torch.no_grad():  # only texts with a Z are read as NaN
        model.model.embed_tokens.weight[tokenizer.convert_tokens_to_ids("Z")] = (
            torch.nan
        )
    reward = reward_model(saved(tmp_path, tokenizer, model), device="cpu")
    good, bad = reward.batch([play("go"), play("Z", seed=5)])
    assert len(good) == 1
    assert isinstance(bad, JudgeError)
    assert "toy/train/5" in bad.what
    assert sum(reward.usage.failures.values()) == 1


def test_models_without_a_trained_single_output_are_refused(tmp_path):
    tokenizer = char_tokenizer()
    two = saved(tmp_path / "two", tokenizer, scorer(tokenizer, outputs=2))
    with pytest.raises(ModelError, match="2 outputs"):
        reward_model(two, device="cpu")
    causal = tiny_model(len(tokenizer))
    causal.config.num_labels = 1
    bare = saved(tmp_path / "bare", tokenizer, causal)
    with pytest.raises(ModelError, match="would be random"):
        reward_model(bare, device="cpu")
    with pytest.raises(ModelError, match="No reward model"):
        reward_model(tmp_path / "nothing", device="cpu")
