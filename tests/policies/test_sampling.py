import random

import numpy as np
import pytest
import torch

from tests.models import tiny_model
from toolkit.policies.sampling import GenerateSampler, KVSampler, SamplingParams

V = 40
STOPS = (1, 2, 3)


@pytest.fixture(scope="module")
def model():
    return tiny_model(V, initializer_range=0.2).eval()


def play(sampler, params, episodes, turns=4):
    """Play fixed observations; return `{episode: [Sampled]}`."""
    rngs = {e: np.random.default_rng([0, e]) for e in episodes}
    actions = {e: [] for e in episodes}
    for turn in range(turns):
        new = [
            [
                random.Random(100 * e + turn).randrange(V)
                for _ in range(3 + (e + turn) % 9)
            ]
            for e in episodes
        ]
        out = sampler.sample(episodes, new, [rngs[e] for e in episodes], params)
        for e, action in zip(episodes, out, strict=True):
            actions[e].append(action)
    return actions


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_both_backends_agree_when_greedy(model, temperature):
    params = SamplingParams(
        greedy=True, stop_ids=STOPS, max_new_tokens=7, temperature=temperature
    )
    kv = play(KVSampler(model), params, range(6))
    reference = play(GenerateSampler(model), params, range(6))
    assert {e: [a.ids for a in k] for e, k in kv.items()} == {
        e: [a.ids for a in k] for e, k in reference.items()
    }
    for e in kv:
        for ours, theirs in zip(kv[e], reference[e], strict=True):
            np.testing.assert_allclose(ours.logprobs, theirs.logprobs, atol=1e-4)
    assert len({tuple(a.ids) for k in kv.values() for a in k}) > 5


@pytest.mark.parametrize("backend", [KVSampler, GenerateSampler])
def test_actions_end_with_the_first_stop_token_or_are_cut_off(model, backend):
    params = SamplingParams(stop_ids=tuple(range(10)), max_new_tokens=5)
    actions = play(backend(model), params, range(12))
    ids = [a.ids for k in actions.values() for a in k]
    assert all(t >= 10 for i in ids for t in i[:-1])
    assert all(i[-1] < 10 or len(i) == 5 for i in ids)
    assert {len(i) for i in ids} == {1, 2, 3, 4, 5}
    assert any(i[-1] >= 10 for i in ids)


@pytest.mark.parametrize("backend", [KVSampler, GenerateSampler])
@pytest.mark.parametrize("temperature", [1.0, 0.4])
def test_tokens_are_as_frequent_as_they_are_probable(model, backend, temperature):
    n = 4000
    prompt = [5, 6, 7]
    params = SamplingParams(max_new_tokens=1, temperature=temperature)
    rngs = [np.random.default_rng([3, i]) for i in range(n)]
    out = backend(model).sample(range(n), [prompt] * n, rngs, params)
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0, -1] / temperature
    p = logits.softmax(-1).numpy()
    counts = np.bincount([a.ids[0] for a in out], minlength=V)
    chi_square = float(((counts - n * p) ** 2 / (n * p)).sum())
    assert chi_square < 85  # 39 degrees of freedom: exceeded once in 30,000 draws
    logprobs = np.log(p)[[a.ids[0] for a in out]]
    np.testing.assert_allclose([a.logprobs[0] for a in out], logprobs, atol=1e-4)
    assert chi_square_of_uniform(counts) > 85  # the test would see a wrong one


def chi_square_of_uniform(counts):
    return float(((counts - counts.mean()) ** 2 / counts.mean()).sum())


def test_an_action_does_not_depend_on_its_neighbours(model):
    params = SamplingParams(stop_ids=STOPS, max_new_tokens=6)
    crowd = play(KVSampler(model), params, range(9))
    few = play(KVSampler(model), params, [8, 3])
    alone = play(KVSampler(model), params, [3])
    assert [a.ids for a in crowd[3]] == [a.ids for a in alone[3]]
    assert [a.ids for a in crowd[3]] == [a.ids for a in few[3]]
    assert [a.ids for a in crowd[8]] == [a.ids for a in few[8]]


def test_a_dropped_number_starts_afresh(model):
    params = SamplingParams(greedy=True, stop_ids=STOPS, max_new_tokens=4)
    for sampler in (KVSampler(model), GenerateSampler(model)):
        first = play(sampler, params, [0, 1])
        sampler.drop([0, 1, 99])  # an unknown number does no harm
        assert play(sampler, params, [0, 1]) == first


def test_generate_leaves_the_global_generator_alone(model):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    play(GenerateSampler(model), SamplingParams(max_new_tokens=2), [0, 1])
    assert torch.equal(torch.rand(3), expected)


def test_settings_of_the_model_do_not_narrow_the_reference():
    model = tiny_model(V, initializer_range=0.2).eval()
    model.generation_config.top_p = 0.01
    model.generation_config.repetition_penalty = 5.0
    params = SamplingParams(max_new_tokens=1)
    rngs = [np.random.default_rng(i) for i in range(200)]
    out = GenerateSampler(model).sample(range(200), [[5]] * 200, rngs, params)
    assert len({a.ids[0] for a in out}) > 10
