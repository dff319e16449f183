import pytest
import torch
from peft import LoraConfig, get_peft_model
from trl.trainer.utils import add_fused_lm_head

from tests.training.test_packed import model_of, rectangle
from toolkit.errors import ModelError
from toolkit.training.critic import (
    FILE,
    ValueHead,
    add_value_head,
    explained_variance,
    listening,
    value_losses,
    values_before,
)
from toolkit.training.packed import pack, score

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)
WIDTH = 7  # of the completion; the rest is prompt


def head_of(model):
    head = add_value_head(model)
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


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("way", ["packed", "fused", "rectangle"])
def test_a_value_is_that_of_the_position_before_the_token(way, lora):
    model = model_of()
    add_fused_lm_head(model, 1.0, outputs=("log_probs", "entropy"))
    model = adapted(model) if lora else model
    head = head_of(model)
    ids, mask, wanted = rectangle(left=True)
    expected = by_hand(model, head, ids, mask)
    with listening(model, head) as heard:
        for part in (slice(0, 2), slice(2, 3)):  # a few rows at a time
            if way == "rectangle":
                model(ids[part], attention_mask=mask[part])
            else:
                rows = pack(ids[part], mask[part], wanted[part])
                score(model, rows, fused=way == "fused")
    found = values_before(heard, mask, WIDTH)
    asked = wanted[:, -WIDTH:].bool()
    assert asked.sum() > 5
    assert torch.allclose(found[asked], expected[asked], atol=1e-5)


def test_a_new_critic_says_nothing():
    model = model_of()
    head = add_value_head(model)
    with listening(model, head) as heard:
        model(torch.arange(5)[None])
    assert heard[0].shape == (1, 5)
    assert not heard[0].any()


@pytest.mark.parametrize("alone", [False, True])
def test_the_trunk_learns_unless_the_critic_is_alone(alone):
    model = model_of()
    head = head_of(model)
    with listening(model, head, alone=alone) as heard:
        model(torch.arange(5)[None])
    heard[0].sum().backward()
    assert head.weight.grad.abs().sum() > 0
    reached = [p.grad is not None for p in model.model.parameters()]
    assert any(reached) != alone


def test_nobody_listens_afterwards():
    model = model_of()
    with listening(model, add_value_head(model)) as heard:
        pass
    model(torch.arange(5)[None])
    assert heard == []


def test_it_stays_precise_in_half_precision():
    model = model_of().to(torch.bfloat16)
    head = add_value_head(model)
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


def test_saved_and_loaded(tmp_path):
    head, other = ValueHead(4), ValueHead(4)
    torch.nn.init.normal_(head.weight)
    head.save(tmp_path)
    other.load(tmp_path)
    assert torch.equal(head.weight, other.weight)
    (tmp_path / FILE).unlink()
    with pytest.raises(ModelError, match="what its critic had learnt"):
        other.load(tmp_path)


def test_a_model_without_a_head_has_no_trunk():
    with pytest.raises(ModelError, match="LlamaModel has no trunk"):
        add_value_head(model_of().model)
