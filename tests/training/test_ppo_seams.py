"""Each assumption about TRL and transformers that `toolkit/training/ppo.py` rests on.

They promise none of them. A failure says DRIFT and what changed; read the release
notes, adapt the trainer, then the test.
"""

import dataclasses
import inspect

import pytest
import torch
from transformers import Trainer, TrainingArguments
from trl import GRPOTrainer
from trl.trainer.utils import use_adapter

from tests.models import tiny_model
from tests.training.test_trl_seams import batch_of, make

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*rollout_func.*experimental:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning"),
]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("_save", ["self", "output_dir", "state_dict"]),
        ("_load_from_checkpoint", ["self", "resume_from_checkpoint", "model"]),
        ("create_optimizer", ["self"]),
        ("_clip_grad_norm", ["self", "model"]),
    ],
)
def test_methods_we_override(name, wanted):
    found = list(inspect.signature(getattr(GRPOTrainer, name)).parameters)
    assert found[: len(wanted)] == wanted, f"DRIFT: {name} takes {found}"
    calls = inspect.getsource(Trainer).count(f"self.{name}(")
    assert calls, f"DRIFT: transformers no longer calls {name}"


def test_the_reference_is_made_by_args_and_fined_by_the_trainer(tmp_path):
    model = tiny_model()
    model.save_pretrained(tmp_path / "reference")
    model.config._name_or_path = str(tmp_path / "reference")
    trainer = make(tmp_path, model=model, beta=0.1)
    trainer.beta = trainer.args.beta = 0.0
    batch = batch_of(trainer)
    trainer._compute_loss(trainer.model, batch)
    assert trainer.ref_model is not None, "DRIFT: args.beta makes no reference"
    assert "ref_per_token_logps" not in batch, (
        "DRIFT: `trainer.beta` no longer decides whether the reference is asked"
    )
    assert "kl" not in trainer._metrics["train"], (
        "DRIFT: `trainer.beta` no longer decides whether the loss has a KL term"
    )


def test_the_reference_of_an_adapter_can_be_had(tmp_path):
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(tiny_model(), LoraConfig(target_modules="all-linear"))
    trainer = make(tmp_path, model=model, beta=0.1)
    assert trainer.ref_model is None, "DRIFT: adapters have a reference model"
    assert "ref" in model.peft_config, "DRIFT: the adapter's start has another name"
    with use_adapter(model, "ref"):
        assert model.active_adapter == "ref", "DRIFT: use_adapter does something else"


def test_what_we_add_to_a_batch_goes_with_its_rows(tmp_path):
    trainer = make(
        tmp_path, per_device_train_batch_size=4, gradient_accumulation_steps=2
    )
    made = trainer._generate_and_score_completions

    def marked(rows):
        batch = made(rows)
        row = batch["prompt_ids"][:, :1].float()
        return batch | {"mark": row.expand(8, 6), "count": torch.tensor(17)}

    trainer._generate_and_score_completions = marked
    trainer.model.train()
    rows = next(iter(trainer.get_train_dataloader()))
    batch = trainer._prepare_inputs(rows)
    assert batch["mark"].shape == (4, 6), "DRIFT: what we add is not split"
    assert torch.equal(batch["mark"][:, 0], batch["prompt_ids"][:, 0].float()), (
        "DRIFT: what we add is no longer shuffled like the rest"
    )
    assert batch["count"] == 17, "DRIFT: numbers are split too"


def test_metrics_reach_the_log(tmp_path):
    trainer = make(tmp_path)
    trainer.model.train()
    for value in (1.0, 3.0):
        trainer._metrics["train"]["mine"].append(value)
    trainer.log({})
    found = trainer.state.log_history[-1].get("mine")
    assert found == 2.0, f"DRIFT: the mean of a metric is logged as {found}"


@pytest.mark.parametrize("fused", [False, True])
def test_both_heads_call_the_trunk(tmp_path, fused):
    model = make(tmp_path).model
    heard = []
    model.base_model.register_forward_hook(lambda m, i, out: heard.append(out))
    ids = torch.arange(10, 15)[None]
    model(ids, **({"labels": ids, "fused_lm_head": True} if fused else {}))
    assert len(heard) == 1, "DRIFT: a hook on the trunk no longer fires"
    shape = tuple(heard[0].last_hidden_state.shape)
    assert shape == (1, 5, 32), f"DRIFT: the trunk gives out {shape}"


def test_unused_parameters_can_be_left_alone():
    names = {f.name for f in dataclasses.fields(TrainingArguments)}
    assert "ddp_find_unused_parameters" in names, (
        "DRIFT: transformers decides alone what DDP looks for"
    )
