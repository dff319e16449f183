import pytest
import torch

from tests.models import tiny_policy
from toolkit.policies.base import Observation


def saw(text, key=0):
    return Observation(episode=0, key=(key,), text=text)


def test_the_probabilities_are_those_of_sampling():
    policy = tiny_policy(temperature=0.7, max_action_tokens=5)
    for text in ("A room.", "A hall."):
        action = policy.act([saw(text)])[0]
        found = policy.explain(0)
        assert len(found) == len(action.ids)
        logs = torch.tensor([t.probability for t in found]).log()
        assert torch.allclose(logs, torch.tensor(action.logprobs), atol=1e-4)


def test_entropy_and_alternatives_by_hand():
    policy = tiny_policy(max_action_tokens=1)
    action = policy.act([saw("A room.")])[0]
    ids = torch.tensor([[*action.observation_ids]])
    with torch.no_grad():
        p = policy.model(input_ids=ids).logits[0, -1].softmax(-1)
    (found,) = policy.explain(0)
    assert found.entropy == pytest.approx(-(p * p.log()).sum().item(), abs=1e-4)
    best = [i for i in p.argsort(descending=True).tolist() if i != action.ids[0]][:3]
    assert [text for text, _ in found.others] == [
        policy.tokenizer.decode([i]) for i in best
    ]
    expected = pytest.approx(p[best].tolist(), abs=1e-4)
    assert [q for _, q in found.others] == expected


def test_an_episode_that_is_not_known_has_no_tokens():
    assert tiny_policy().explain(0) == []
