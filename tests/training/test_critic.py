from copy import deepcopy

import pytest
import torch
from peft import LoraConfig, get_peft_model
from trl.trainer.utils import add_fused_lm_head

from tests.training.test_packed import model_of, rectangle
from toolkit.errors import ModelError
from toolkit.policies.kv_cache import attending
from toolkit.training.critic import (
    FILE,
    add_critic,
    explained_variance,
    listening,
    value_losses,
    values_before,
)
from toolkit.training.packed import ATTENTION, episode_rows, pack, score

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)
WIDTH = 7  # of the completion; the rest is prompt


def critic_of(model, **options):
    head = add_critic(model, **options)
    torch.nn.init.normal_(head.weight)
    torch.nn.init.constant_(head.bias, 0.5)
    return head


def adapted(model):
    lora = LoraConfig(target_modules="all-linear", init_lora_weights=False)
    return get_peft_model(model, lora)


@torch.no_grad()
def by_hand(model, head, ids, mask):
    """One row at a time, from the states that the model itself gives out."""
    out = torch.zeros(mask.shape)
    for line, row, real in zip(out, ids, mask.bool(), strict=True):
        hidden = model(row[real][None], output_hidden_states=True).hidden_states[-1]
        line[real] = hidden[0] @ head.weight[0] + head.bias
    return out[:, -WIDTH - 1 : -1]


def moved(model):
    """Change the policy's weights, as training does."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "critic" not in name:
                p += 0.1 * torch.randn_like(p)


@pytest.mark.parametrize("kind", ["shared", "adapted", "separate"])
@pytest.mark.parametrize("way", ["packed", "fused", "rectangle"])
def test_a_value_is_that_of_the_position_before_the_token(way, kind):
    model = model_of()
    start = deepcopy(model)
    add_fused_lm_head(model, 1.0, outputs=("log_probs", "entropy"))
    model = adapted(model) if kind == "adapted" else model
    head = critic_of(model, separate=kind == "separate")
    moved(model)
    ids, mask, wanted = rectangle(left=True)
    # the trunk of a separate critic is that which the policy began with
    expected = by_hand(start if kind == "separate" else model, head, ids, mask)
    with listening(model, head) as heard:
        for part in (slice(0, 2), slice(2, 3)):  # a few rows at a time
            if way == "rectangle":
                model(ids[part], attention_mask=mask[part])
            else:
                rows = pack(ids[part], mask[part], wanted[part])
                score(model, rows, fused=way == "fused")
    rows = episode_rows(ids, mask, wanted)
    found = values_before(heard, rows, rows, WIDTH)
    asked = wanted[:, -WIDTH:].bool()
    assert asked.sum() > 5
    assert torch.allclose(found[asked], expected[asked], atol=1e-5)


def test_a_new_critic_says_nothing():
    model = model_of()
    head = add_critic(model)
    with listening(model, head) as heard:
        model(torch.arange(5)[None])
    assert heard[0].shape == (1, 5)
    assert not heard[0].any()


@pytest.mark.parametrize("alone", [False, True])
def test_the_trunk_learns_unless_the_critic_is_alone(alone):
    model = model_of()
    head = critic_of(model)
    with listening(model, head, alone=alone) as heard:
        model(torch.arange(5)[None])
    heard[0].sum().backward()
    assert head.weight.grad.abs().sum() > 0
    reached = [p.grad is not None for p in model.model.parameters()]
    assert any(reached) != alone


def test_a_separate_critic_and_the_policy_learn_nothing_of_each_other():
    model = model_of()
    critic = critic_of(model, separate=True)
    own, others = list(critic.parameters()), list(model.model.parameters())
    assert len(own) == len(others) + 2
    ids = torch.arange(5)[None]
    with listening(model, critic) as heard:
        logits = model(ids).logits
    heard[0].sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in (own[0], own[-1]))
    assert not any(p.grad is not None for p in others)
    model.zero_grad()
    logits.sum().backward()
    assert all(p.grad is not None for p in others)
    assert not any(p.grad is not None for p in own)


def test_a_separate_trunk_attends_as_the_policys_does():
    model = model_of()
    trunk = critic_of(model, separate=True).trunk
    with attending(model, ATTENTION):
        used = {layer.self_attn.config._attn_implementation for layer in trunk.layers}
    assert used == {ATTENTION}


def test_nobody_listens_afterwards():
    model = model_of()
    with listening(model, add_critic(model)) as heard:
        pass
    model(torch.arange(5)[None])
    assert heard == []


def test_it_stays_precise_in_half_precision():
    model = model_of().to(torch.bfloat16)
    head = add_critic(model)
    torch.nn.init.normal_(head.weight)
    with torch.autocast("cpu", torch.bfloat16), listening(model, head) as heard:
        model(torch.arange(5)[None])
    assert heard[0].dtype == torch.float32


@pytest.mark.parametrize(
    ("value", "loss", "slope"),
    [
        # was 0, shall be 1, may move by .2
        (0.1, 0.405, -0.9),  # (.1 - 1)^2 / 2: inside, learns
        (0.5, 0.32, 0.0),  # (.2 - 1)^2 / 2 is larger: has moved enough
        (-0.5, 1.125, -1.5),  # moved the wrong way: (-.5 - 1)^2 / 2, learns
    ],
)
def test_value_clipping_by_hand(value, loss, slope):
    now = torch.tensor([value], requires_grad=True)
    found = value_losses(now, torch.zeros(1), torch.ones(1), 0.2)
    found.sum().backward()
    assert found.item() == pytest.approx(loss)
    assert now.grad.item() == pytest.approx(slope)


def test_without_clipping_it_is_half_the_square():
    now = torch.tensor([0.5, -1.0])
    found = value_losses(now, torch.zeros(2), torch.ones(2), None)
    assert found.tolist() == pytest.approx([0.125, 2.0])


def test_explained_variance_by_hand():
    # targets 0 2 4: variance 4; errors 0 1 2: variance 1
    found = explained_variance(
        torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.0, 2.0, 4.0])
    )
    assert found == pytest.approx(0.75)
    assert explained_variance(torch.tensor([1.0, 2.0]), torch.ones(2)) == 0.0
    assert explained_variance(torch.ones(1), torch.ones(1)) == 0.0


@pytest.mark.parametrize("separate", [False, True])
def test_saved_and_loaded(tmp_path, separate):
    head, other = (critic_of(model_of(), separate=separate) for _ in range(2))
    moved(head)
    head.save(tmp_path)
    other.load(tmp_path)
    for p, q in zip(head.parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q)
    (tmp_path / FILE).unlink()
    with pytest.raises(ModelError, match="what its critic had learnt"):
        other.load(tmp_path)


def test_a_model_without_a_head_has_no_trunk():
    with pytest.raises(ModelError, match="LlamaModel has no trunk"):
        add_critic(model_of().model)
