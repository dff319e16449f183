"""What is counted without contents is what a real model keeps."""

import itertools
from pathlib import Path

import pytest
import torch
import yaml
from torch.profiler import profile
from transformers import AutoConfig, AutoModelForCausalLM

from tests.models import tiny_policy
from tests.training.runs import batch_of, opened
from toolkit import load_policy
from toolkit.device import Precision
from toolkit.environments.base import make_env
from toolkit.errors import ConfigError, ModelError
from toolkit.policies.context import context_lengths
from toolkit.policies.kv_cache import attending
from toolkit.policies.models import with_lora
from toolkit.training.memory import (
    GAPS,
    GIB,
    SHAPES,
    count_kept,
    in_gib,
    plan_memory,
)
from toolkit.training.packed import ATTENTION

SCALES = Path(__file__).parents[2] / "experiments" / "scales"
SMALL = AutoConfig.for_model(
    "llama",
    hidden_size=64,
    intermediate_size=160,
    num_hidden_layers=4,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=500,
    tie_word_embeddings=False,
)
RUN = {"rows": 2, "tokens": 150, "live": 8, "precision": "fp32"}


def real(precision, lora):
    """Return the model with its contents, as a trainer holds it."""
    held = Precision(name=precision, reason="").compute_dtype if lora else None
    model = AutoModelForCausalLM.from_config(SMALL, dtype=held)
    return (with_lora(model, True, quantize=False) if lora else model).train()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("lora", [None, True], ids=["all", "lora"])
def test_activations_are_those_of_the_real_model(precision, lora):
    model = real(precision, lora)
    kept, _ = count_kept(model, [150, 150], Precision(name=precision, reason=""))
    plan = plan_memory(SMALL, **RUN | {"precision": precision, "lora": lora})
    assert plan.activations == kept > 1_000_000


@pytest.mark.parametrize("lora", [None, True], ids=["all", "lora"])
def test_weights_gradients_and_optimizer_are_those_of_a_real_step(lora):
    model = real("bf16", lora)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    model(input_ids=torch.zeros(1, 5, dtype=torch.long)).logits.sum().backward()
    optimizer.step()
    pairs = [optimizer.state[weight] for weight in trained]
    states = [pair[name] for pair in pairs for name in ("exp_avg", "exp_avg_sq")]
    plan = plan_memory(SMALL, **RUN | {"precision": "bf16", "lora": lora})
    assert plan.weights == sum(p.nbytes for p in model.parameters())
    assert plan.gradients == sum(p.grad.nbytes for p in trained)
    assert plan.optimizer == sum(state.nbytes for state in states)
    assert plan.trained == sum(p.numel() for p in trained)


def test_checkpointing_keeps_what_enters_each_layer_and_one_layer():
    model = real("fp32", None)
    one, two = (plan_layers(n).activations for n in (1, 2))
    entering = 300 * 64 * 4  # tokens x width x bytes
    plan = plan_memory(SMALL, **RUN, gradient_checkpointing=True)
    assert plan.activations == one + 4 * entering
    assert plan.activations < plan_memory(SMALL, **RUN).activations / 2
    assert plan_memory(SMALL, **RUN).activations == one + 3 * (two - one)
    assert sum(p.nbytes for p in model.parameters()) == plan.weights


def plan_layers(layers):
    small = AutoConfig.for_model(**{**SMALL.to_dict(), "num_hidden_layers": layers})
    return plan_memory(small, **RUN)


def test_the_cache_is_as_large_as_that_of_live_episodes_may_grow():
    model = load_policy("pocket", device="cpu").model
    with torch.no_grad():
        states = model(torch.zeros(8, 150, dtype=torch.long), use_cache=True)
    layers = states.past_key_values.layers
    exact = sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)
    assert plan_memory("pocket", **RUN).cache == 1.5 * exact


def peak(model, lengths):
    """Return the most bytes that a forward and a backward pass hold at a time."""
    ids = torch.zeros(1, sum(lengths), dtype=torch.long)
    with profile(profile_memory=True) as found, attending(model, ATTENTION):
        states = model.model(
            input_ids=ids, position_ids=ids, lengths=lengths, use_cache=False
        ).last_hidden_state
        states.sum().backward()
    events = found.profiler.kineto_results.events()
    changes = sorted(
        (e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"
    )
    return max(itertools.accumulate(size for _, size in changes))


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("history", [None, 2, 5, 8])
def test_a_history_needs_as_much_as_a_real_pass_through_its_contexts(
    history, checkpointing
):
    turns = [120] + [40] * 39
    model = load_policy("pocket", device="cpu").model.train()
    if checkpointing:
        model.gradient_checkpointing_enable()
    plan = plan_memory(
        "pocket",
        **RUN | {"rows": 1, "tokens": turns},
        history=history,
        gradient_checkpointing=checkpointing,
    )
    measured = peak(model, context_lengths(turns, history))
    planned = plan.activations + plan.gradients
    assert 0.97 * planned < measured < (1 + GAPS) * planned


def test_a_history_is_planned_with_the_rows_that_are_trained_on(tmp_path):
    policy = tiny_policy(history=3, max_action_tokens=4)
    world = make_env("gates", max_turns=9)
    with opened(tmp_path, policy=policy, env=world) as trainer:
        batch = batch_of(trainer)
        ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
        mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
        width = batch["completion_ids"].shape[1]
        _, rows = trainer._contexts(ids, mask, width)
        most = 0
        for i, episode in enumerate(trainer.episodes):
            lengths = rows.mask[rows.episode == i].sum(1).tolist()
            turns = [len(t.observation_ids) + len(t.action_ids) for t in episode.turns]
            changes = {"rows": 1, "tokens": turns, "history": 3}
            plan = plan_memory(policy.model.config, **RUN | changes)
            number = Precision(name="fp32", reason="")
            assert plan.activations == count_kept(policy.model, lengths, number)[0]
            most = max(most, len(lengths))
    assert most > 3


def test_a_history_makes_learning_larger_and_playing_smaller():
    whole = RUN | {"tokens": [50] * 40}
    plan, all_seen = (
        plan_memory("pocket", **whole, history=8),
        plan_memory("pocket", **whole),
    )
    assert plan.activations == pytest.approx(72 / 40 * all_seen.activations, rel=0.05)
    assert plan.cache == all_seen.cache * 8 / 40
    assert plan_memory("pocket", **RUN | {"tokens": 2000}) == all_seen


def test_four_bits_are_for_frozen_matrices_alone():
    plan = plan_memory(SMALL, **RUN, lora=True, quantize=True)
    linear = 4 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 160)
    others = plan.parameters - linear
    assert plan.weights == pytest.approx(linear * (0.5 + 4 / 64) + 4 * others, abs=30)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"live": 1}, set()),  # a small cache is kept while learning
        ({"live": 20_000}, {"gradients", "activations", "head"}),
        ({"live": 4000, "rows": 1000}, {"cache"}),
    ],
    ids=["small", "playing", "learning"],
)
def test_parts_are_those_of_the_moment_when_most_is_held(changes, gone):
    plan = plan_memory(SMALL, **RUN | changes)
    assert sum(plan.parts.values()) == plan.total
    assert {name for name, size in plan.parts.items() if not size} == gone
    own = plan.parts["the GPU's own"]
    assert own == plan.total - max(plan.playing, plan.learning)


def test_a_plan_says_whether_it_fits():
    plan = plan_memory("pocket", **RUN)
    assert plan.parameters == load_policy("pocket").model.num_parameters()
    assert plan.total > max(plan.playing, plan.learning)
    assert plan.fits(2)
    assert not plan.fits(0.5)
    assert "while learning" in str(plan)
    assert "<table>" in plan._repr_html_()


@pytest.mark.parametrize(("name", "millions"), [
    ("smollm2-135m", 134.5),
    ("Qwen/Qwen2.5-0.5B-Instruct", 494.0),
    ("Qwen/Qwen2.5-1.5B-Instruct", 1543.7),
    ("Qwen/Qwen2.5-7B-Instruct", 7615.6),
    ("Qwen/Qwen2.5-Coder-7B-Instruct", 7615.6),
    ("Qwen/Qwen3-8B", 8190.7),
])  # fmt: skip
def test_shapes_have_the_published_number_of_weights(name, millions):
    assert name in SHAPES
    plan = plan_memory(name, rows=1, tokens=8, live=1, precision="bf16")
    assert plan.parameters / 1e6 == pytest.approx(millions, abs=0.06)


@pytest.mark.parametrize(
    "scale",
    [
        *("qwen2.5-1.5b", "qwen2.5-7b"),
        *("qwen2.5-coder-1.5b", "qwen2.5-coder-7b", "qwen3-8b"),
    ],
)
def test_the_scales_for_one_gpu_fit_its_80_gb(scale):
    data = yaml.safe_load((SCALES / f"{scale}.yaml").read_text())
    settings, start = data["settings"], data["start"]
    plan = plan_memory(
        start["policy"],
        rows=settings["per_device_train_batch_size"],
        tokens=start.get("max_context", settings["max_completion_length"]),
        live=settings["live"],
        precision="bf16",
        lora=start.get("lora"),
        gradient_checkpointing=settings["gradient_checkpointing"],
    )
    assert plan.fits(80e9 / GIB), str(plan)


@pytest.mark.parametrize(("wrong", "message"), [
    ({"rows": 0}, "rows is 0"),
    ({"tokens": []}, "tokens is 0"),
    ({"tokens": [50, 0]}, "tokens is 0"),
    ({"history": 8}, "Give at least 2 and the tokens of each turn"),
    ({"history": 1, "tokens": [50, 50]}, "history is 1"),
    ({"precision": "int8"}, "bf16, fp16 and fp32"),
    ({"quantize": True}, "lora=True"),
])  # fmt: skip
def test_what_cannot_be_counted_is_explained(wrong, message):
    with pytest.raises(ConfigError, match=message):
        plan_memory(SMALL, **RUN | wrong)


def test_an_unknown_model_is_answered_with_those_that_need_no_hub(tmp_path):
    with pytest.raises(ModelError, match=r"smollm2-135m.*Qwen2\.5-7B"):
        plan_memory(tmp_path, **RUN)


def test_bytes_are_told_in_gib():
    assert in_gib(1.5 * GIB) == "1.50 GiB"
