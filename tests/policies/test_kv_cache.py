"""The cache kept across turns gives what the model computes on whole sequences."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import MistralConfig, MistralForCausalLM

from tests.models import tiny_model
from toolkit.errors import ModelError
from toolkit.policies.kv_cache import check_attention
from toolkit.policies.sampling import KVSampler, SamplingParams

V = 60
TOLERANCE = 1e-4
PARAMS = SamplingParams(max_new_tokens=6, stop_ids=tuple(range(10)))


def plain():
    return tiny_model(V, initializer_range=0.2).eval()


def grouped_heads():
    return tiny_model(V, initializer_range=0.2, num_key_value_heads=2).eval()


def with_lora():
    config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
    return get_peft_model(tiny_model(V, initializer_range=0.2), config).eval()


class Table:
    """Live episodes, their ids and the log-probs of what was sampled."""

    def __init__(self, sampler, params=PARAMS):
        self.sampler, self.params = sampler, params
        self.ids, self.logprobs, self.actions, self.rngs = {}, {}, {}, {}

    def turn(self, new):
        """Append `new`, a dictionary from episode to ids, and sample."""
        for e in new:
            self.rngs.setdefault(e, np.random.default_rng([7, e]))
        rngs = [self.rngs[e] for e in new]
        out = self.sampler.sample(list(new), list(new.values()), rngs, self.params)
        for (e, ids), action in zip(new.items(), out, strict=True):
            gap = [None] * len(ids)
            self.ids.setdefault(e, []).extend([*ids, *action.ids])
            self.logprobs.setdefault(e, []).extend([*gap, *action.logprobs])
            self.actions.setdefault(e, []).append(action.ids)

    @torch.no_grad()
    def error(self, model):
        """Return the largest deviation from a forward pass over the whole episode."""
        worst = 0.0
        for e, ids in self.ids.items():
            logits = model(torch.tensor([ids])).logits[0] / self.params.temperature
            expected = logits.log_softmax(-1)
            for j, logprob in enumerate(self.logprobs[e]):
                if logprob is not None:
                    worst = max(worst, abs(float(expected[j - 1, ids[j]]) - logprob))
        return worst


def tokens(rnd, low, high):
    return [rnd.randrange(10, V) for _ in range(rnd.randint(low, high))]


@pytest.mark.parametrize("by_row", [True, False])
@pytest.mark.parametrize("make", [plain, grouped_heads, with_lora])
def test_ragged_rows_that_come_and_go(make, by_row):
    model, rnd = make(), random.Random(0)
    table = Table(KVSampler(model, by_row=by_row))
    live, number = [], 0
    for _ in range(9):
        while len(live) < 6:
            live.append(number)
            number += 1
        rnd.shuffle(live)  # the order of a batch means nothing
        playing = live[: rnd.randint(2, 6)]
        table.turn(
            {
                e: tokens(rnd, 0 if e in table.ids else 1, 14)
                if e % 3
                else [11 + e // 6] * (3 if e in table.ids else 12)
                for e in playing
            }
        )
        dead = [e for e in live if e in table.ids and rnd.random() < 0.25]
        table.sampler.drop(dead)
        live = [e for e in live if e not in dead]
    assert number > 10
    assert len(table.sampler.cache.lengths) == 6  # rows are used again
    assert table.error(model) < TOLERANCE


@pytest.mark.parametrize("by_row", [True, False])
def test_buffers_grow(by_row):
    model = plain()
    table = Table(KVSampler(model, by_row=by_row))
    table.turn({0: [10] * 5})
    assert table.sampler.cache.keys[0].shape[:3] == (1, 4, 64)
    table.turn({0: [11] * 150, 1: [12] * 90, 2: [13]})  # both ways at once
    rows, _, columns, _ = table.sampler.cache.keys[0].shape
    assert rows == 3
    assert columns >= 155
    table.turn({1: [14] * 3, 2: [15] * 200})
    assert table.error(model) < TOLERANCE


def test_equal_prompts_are_computed_once():
    model, widths = plain(), []
    hook = model.model.embed_tokens.register_forward_hook(
        lambda module, args, out: widths.append(out.shape[:2])
    )
    table = Table(KVSampler(model))
    table.turn({0: [20] * 30, 1: [21] * 5, 2: [20] * 30, 3: [20] * 30})
    hook.remove()
    assert widths[0] == (1, 35)
    table.turn({3: [22], 0: [23] * 4, 2: []})  # copies go their own ways
    assert table.error(model) < TOLERANCE


def test_one_row_cut_off_at_every_length():
    model = plain()
    for longest in (1, 2, 5):
        params = SamplingParams(max_new_tokens=longest)  # no token stops
        table = Table(KVSampler(model), params)
        for _ in range(3):
            table.turn({0: [12, 13]})
        assert [len(a) for a in table.actions[0]] == [longest] * 3
        assert table.error(model) < TOLERANCE


def test_the_model_keeps_its_own_attention():
    model = plain()
    before = model.config._attn_implementation
    Table(KVSampler(model)).turn({0: [10]})
    assert model.config._attn_implementation == before
    with pytest.raises(IndexError):
        KVSampler(model).sample([0], [[V + 5]], [np.random.default_rng(0)], PARAMS)
    assert model.config._attn_implementation == before


def test_a_sliding_window_is_refused_once_it_slides():
    config = MistralConfig(
        vocab_size=V,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=100,
        initializer_range=0.2,
    )
    model = MistralForCausalLM(config).eval()
    table = Table(KVSampler(model))
    table.turn({0: [12] * 50})
    assert table.error(model) < TOLERANCE
    with pytest.raises(ModelError, match="sliding window") as caught:
        table.turn({0: [12] * 60})
    assert "generate" in str(caught.value)


def test_other_kinds_of_layers_are_refused():
    hybrid = SimpleNamespace(layer_types=["linear_attention", "full_attention"])
    model = SimpleNamespace(config=hybrid, _supports_attention_backend=True)
    with pytest.raises(ModelError, match="linear_attention"):
        check_attention(model)
    model.config, model._supports_attention_backend = SimpleNamespace(), False
    with pytest.raises(ModelError, match="attention of its own"):
        check_attention(model)
