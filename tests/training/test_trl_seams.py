"""Each assumption about TRL that `toolkit/training/trainer.py` rests on.

TRL promises none of them. A failure says DRIFT and what changed; read the release
notes, adapt the trainer, then the test.
"""

import contextlib
import inspect
import re

import pytest
import torch
import transformers
import trl
from datasets import Dataset
from packaging.version import Version
from trl import GRPOConfig, GRPOTrainer

from tests.models import char_tokenizer, tiny_model

PROMPTS = ["left", "right"]
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*rollout_func.*experimental:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]
LOSS_TYPES = ("grpo", "dapo", "bnpo", "dr_grpo", "cispo", "sapo", "luspo", "vespo")


class Plain(GRPOTrainer):
    """TRL's trainer, which keeps what passes through the seams."""

    def _generate_and_score_completions(self, inputs):
        self.rows = [dict(row) for row in inputs]
        self.was_training = self.model.training
        self.batch = super()._generate_and_score_completions(inputs)
        return self.batch


def rollout(prompts, trainer):
    """Completions of 3 to 6 tokens, the middle one of which is the world's."""
    trainer.prompts = prompts
    lengths = [3 + i % 4 for i in range(len(prompts))]
    return {
        "prompt_ids": [[10 + i, 11] for i in range(len(prompts))],
        "completion_ids": [list(range(20, 20 + n)) for n in lengths],
        "logprobs": [[-0.5] * n for n in lengths],
        "env_mask": [[1, 0] + [1] * (n - 2) for n in lengths],
        "extra": [None if i == 0 else float(i) for i in range(len(prompts))],
    }


def reward(prompts, extra, **columns):
    return extra


def make(tmp_path, *, rollout_func=rollout, model=None, **settings):
    settings = {
        "per_device_train_batch_size": 8,
        "num_generations": 4,
        "max_completion_length": 16,
    } | settings
    config = GRPOConfig(
        output_dir=str(tmp_path),
        use_cpu=True,
        bf16=False,
        report_to="none",
        activation_checkpointing=settings.pop("checkpointing", False),
        shuffle_dataset=False,
        max_steps=2,
        **settings,
    )
    trainer = Plain(
        model=model or tiny_model(),
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_dict(
            {"prompt": PROMPTS * 4, "task": list(range(8))}
        ),
        processing_class=char_tokenizer(),
        rollout_func=rollout_func,
    )
    trainer.current_gradient_accumulation_steps = config.gradient_accumulation_steps
    return trainer


@contextlib.contextmanager
def drifted(change):
    """Say what changed if nothing is raised any more."""
    try:
        yield
    except pytest.fail.Exception:
        pytest.fail(f"DRIFT: {change}")


def batch_of(trainer):
    """One generation batch, as it reaches the loss."""
    trainer.model.train()
    rows = next(iter(trainer.get_train_dataloader()))
    return trainer._generate_and_score_completions(rows)


@pytest.fixture
def trainer(tmp_path):
    return make(tmp_path)


def test_version():
    assert Version("1.16") <= Version(trl.__version__) < Version("1.17"), (
        f"DRIFT: TRL {trl.__version__} is not 1.16, which everything here was read from"
    )


def test_groups_of_one_are_refused_by_the_config_alone(tmp_path):
    change = "GRPOConfig takes groups of one; `TrainConfig` need not hide them"
    with drifted(change), pytest.raises(ValueError, match="at least 2 generations"):
        make(tmp_path, num_generations=1)


SCORED = "self model input_ids attention_mask logits_to_keep batch_size"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("_generate_and_score_completions", "self inputs"),
        ("_compute_loss", "self model inputs"),
        ("_get_per_token_logps_and_entropies", f"{SCORED} compute_entropy"),
    ],
)
def test_methods_we_override(name, parameters):
    method = getattr(GRPOTrainer, name, None)
    found = list(inspect.signature(method).parameters) if method else []
    wanted = parameters.split()
    assert found[: len(wanted)] == wanted, f"DRIFT: GRPOTrainer.{name} takes {found}"


def test_scores_are_three_rectangles_of_the_completion(trainer):
    batch = batch_of(trainer)
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    shape = batch["completion_ids"].shape
    logps, entropies, aux = trainer._get_per_token_logps_and_entropies(
        trainer.model, ids, mask, shape[1], compute_entropy=True
    )
    assert (logps.shape, entropies.shape, aux) == (shape, shape, None), (
        "DRIFT: the scores are no longer log-probabilities and entropies (B, T)"
    )


def test_constructor():
    found = set(inspect.signature(GRPOTrainer.__init__).parameters)
    used = {
        "model",
        "reward_funcs",
        "args",
        "train_dataset",
        "processing_class",
        "rollout_func",
    }
    assert used <= found, f"DRIFT: GRPOTrainer no longer takes {used - found}"


def test_rollout_func_gets_prompts_and_trainer(trainer):
    batch_of(trainer)
    assert trainer.prompts == ["left"] * 4 + ["right"] * 4, (
        "DRIFT: rollout_func no longer gets the bare prompts, each repeated "
        f"num_generations times in a row, but {trainer.prompts}"
    )


def test_rows_carry_the_other_columns(trainer):
    batch_of(trainer)
    found = [row["task"] for row in trainer.rows]
    assert found == [0] * 4 + [1] * 4, (
        f"DRIFT: _generate_and_score_completions no longer gets all columns: {found}"
    )


def test_the_order_of_the_data_set_is_kept(trainer):
    batches = iter(trainer.get_train_dataloader())
    found = [row["task"] for _ in range(4) for row in next(batches)[::4]]
    assert found == list(range(8)), f"DRIFT: rows come in the order {found}"


def test_keys_and_shapes_of_the_batch(trainer):
    batch = batch_of(trainer)
    shapes = {key: tuple(value.shape) for key, value in batch.items()}
    assert shapes == {
        "prompt_ids": (8, 2),
        "prompt_mask": (8, 2),
        "completion_ids": (8, 6),
        "completion_mask": (8, 6),
        "advantages": (8,),
        "num_items_in_batch": (),
        "sampling_per_token_logps": (8, 6),
        "tool_mask": (8, 6),
    }, f"DRIFT: the batch is {shapes}"


def test_ids_reach_the_loss_as_they_were_given(trainer):
    batch = batch_of(trainer)
    row = (
        batch["completion_ids"][0],
        batch["completion_mask"][0],
        batch["prompt_ids"][0],
    )
    assert [r.tolist() for r in row] == [
        [20, 21, 22, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [10, 11],
    ], f"DRIFT: ids were changed or padded on the other side: {row}"


def test_env_mask_becomes_tool_mask(trainer):
    found = batch_of(trainer)["tool_mask"][3].tolist()
    assert found == [1, 0, 1, 1, 1, 1], f"DRIFT: env_mask came out as {found}"


def test_num_items_counts_sampled_tokens(trainer):
    # lengths 3 4 5 6 3 4 5 6, one token each is the world's
    found = int(batch_of(trainer)["num_items_in_batch"])
    assert found == 36 - 8, f"DRIFT: num_items_in_batch is {found}"


def test_none_is_left_out_of_the_baseline(trainer):
    found = batch_of(trainer)["advantages"][:4]
    rest = torch.tensor([1.0, 2.0, 3.0])
    expected = torch.cat([torch.zeros(1), (rest - 2.0) / (rest.std() + 1e-4)])
    assert torch.allclose(found, expected), (
        f"DRIFT: a reward of None is no longer left out: {found}"
    )


def test_an_empty_completion_is_refused(tmp_path):
    def empty(prompts, trainer):
        return rollout(prompts, trainer) | {"completion_ids": [[]] * len(prompts)}

    trainer = make(tmp_path, rollout_func=empty)
    with drifted("TRL takes empty completions; DEAD can go"), pytest.raises(IndexError):
        batch_of(trainer)


@pytest.mark.parametrize("loss_type", LOSS_TYPES)
def test_advantages_per_token(tmp_path, loss_type):
    trainer = make(tmp_path, loss_type=loss_type)
    batch = batch_of(trainer)
    loss = trainer._compute_loss(trainer.model, batch)
    wide = batch | {"advantages": batch["advantages"][:, None].expand(8, 6)}
    found = trainer._compute_loss(trainer.model, wide)
    assert torch.isclose(loss, found), (
        f"DRIFT: {loss_type} gives {found} for (B, T) advantages, {loss} for (B,)"
    )


@pytest.mark.parametrize("loss_type", LOSS_TYPES)
def test_masked_tokens_get_no_gradient(tmp_path, loss_type):
    # An advantage on masked tokens alone must not move anything.
    trainer = make(tmp_path, loss_type=loss_type)
    batch = batch_of(trainer)
    batch["advantages"] = (1 - batch["tool_mask"] * batch["completion_mask"]).float()
    trainer._compute_loss(trainer.model, batch).backward()
    largest = max(float(p.grad.abs().max()) for p in trainer.model.parameters())
    assert largest == 0.0, (
        f"DRIFT: {loss_type} trains masked tokens (gradient {largest})"
    )


@pytest.mark.parametrize("loss_type", ["dapo", "cispo"])
def test_normaliser_is_the_token_count_of_the_whole_batch(tmp_path, loss_type):
    trainer = make(tmp_path, loss_type=loss_type)
    batch = batch_of(trainer)
    loss = trainer._compute_loss(trainer.model, batch)
    doubled = batch | {"num_items_in_batch": batch["num_items_in_batch"] * 2}
    found = trainer._compute_loss(trainer.model, doubled)
    assert torch.isclose(found * 2, loss), (
        f"DRIFT: {loss_type} is no longer divided by num_items_in_batch"
    )


def test_normaliser_of_micro_batches(tmp_path):
    trainer = make(
        tmp_path, per_device_train_batch_size=4, gradient_accumulation_steps=2
    )
    rows = batch_of(trainer)
    halves = [
        {k: v[part] if v.dim() else v for k, v in rows.items()}
        for part in (slice(0, 4), slice(4, 8))
    ]
    summed = sum(trainer._compute_loss(trainer.model, half) for half in halves)
    trainer.args.steps_per_generation = trainer.current_gradient_accumulation_steps = 1
    whole = trainer._compute_loss(trainer.model, rows)
    assert torch.isclose(summed, whole), (
        "DRIFT: the losses of micro-batches no longer add up to that of the batch"
    )


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_temperature_divides_the_logits(tmp_path, temperature):
    trainer = make(tmp_path, temperature=temperature)
    batch = batch_of(trainer)
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    found, *_ = trainer._get_per_token_logps_and_entropies(trainer.model, ids, mask, 6)
    logits = trainer.model(ids, attention_mask=mask).logits[:, 1:-1] / temperature
    wanted = logits.log_softmax(-1).gather(2, batch["completion_ids"][..., None])[
        ..., 0
    ]
    error = ((found - wanted) * batch["completion_mask"]).abs().max()
    assert error < 1e-4, (
        f"DRIFT: log-probabilities are not those of logits / temperature ({error})"
    )


def test_the_mode_is_read_off_the_model(trainer):
    rows = next(iter(trainer.get_train_dataloader()))
    trainer.model.train()
    trainer._prepare_inputs(rows)
    assert trainer._buffered_inputs is not None, (
        "DRIFT: a model in train mode no longer means a batch to train on"
    )
    trainer._buffered_inputs = None
    trainer.model.eval()
    trainer._prepare_inputs(rows)
    assert trainer._buffered_inputs is None, (
        "DRIFT: eval mode fills the training buffer"
    )


def test_old_log_probs_only_when_a_batch_is_used_again(tmp_path):
    once = batch_of(make(tmp_path))
    twice = batch_of(make(tmp_path, num_iterations=2))
    found = ["old_per_token_logps" in batch for batch in (once, twice)]
    assert found == [False, True], f"DRIFT: old log-probabilities are computed {found}"


def test_a_batch_serves_all_its_iterations(tmp_path):
    trainer = make(tmp_path, num_iterations=2)
    calls = []
    trainer.rollout_func = lambda p, t: (
        calls.append(t.state.global_step) or rollout(p, t)
    )
    trainer.train()
    assert calls == [0], f"DRIFT: two steps of one batch played at steps {calls}"


@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_cache_works_in_eval_mode_alone(tmp_path, checkpointing):
    trainer = make(tmp_path, checkpointing=checkpointing)
    ids = torch.arange(10, 15)[None]
    trainer.model.eval()
    cache = trainer.model(ids, use_cache=True).past_key_values
    assert cache is not None, (
        "DRIFT: no cache in eval mode: every turn would start anew"
    )
    assert cache.get_seq_length() == 5, "DRIFT: the cache in eval mode is incomplete"


def test_the_reference_is_loaded_by_name(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path / "reference")
    model.config._name_or_path = str(tmp_path / "reference")
    trainer = make(tmp_path, model=model, beta=0.1)
    pairs = zip(trainer.ref_model.parameters(), model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs), (
        "DRIFT: the reference is not what config._name_or_path points to"
    )
    nameless = tiny_model()
    with drifted("a model in memory is enough"), pytest.raises((OSError, ValueError)):
        make(tmp_path, model=nameless, beta=0.1)


def test_the_fused_head_is_an_instance_attribute(trainer):
    assert "forward" in vars(trainer.model), (
        "DRIFT: TRL no longer patches `forward`; `release` need not remove it"
    )


def test_callbacks_tell_where_a_step_is():
    source = inspect.getsource(transformers.Trainer)
    calls = set(re.findall(r"callback_handler\.(on_\w+)\(", source))
    used = {
        "on_substep_end",
        "on_optimizer_step",
        "on_step_begin",
        "on_step_end",
        "on_save",
    }
    assert used <= calls, f"DRIFT: transformers no longer calls {used - calls}"
