"""Short runs of a tiny model through gates."""

import contextlib
import os
import signal

import torch
from peft import LoraConfig, get_peft_model

from tests.models import tiny_policy
from tests.training.gates import Gates  # registers the world
from toolkit.environments.base import make_env, tasks
from toolkit.episodes.rollout import env_factory
from toolkit.training.clock import TimedPool
from toolkit.training.critic import FILE
from toolkit.training.events import EventLog, steps_of
from toolkit.training.folder import last_checkpoint
from toolkit.training.plan import schedule
from toolkit.training.ppo import trainer_of
from toolkit.training.run import train
from toolkit.training.settings import make_config

SMALL = {
    "max_steps": 4,
    "per_device_train_batch_size": 8,
    "num_generations": 4,
    "live": 8,
    "workers": 0,
    "learning_rate": 1e-2,
    "warmup_steps": 0,
    "progress": False,
}

__all__ = [
    "SMALL",
    "Gates",
    "adapted",
    "assert_same",
    "at_turn",
    "batch_of",
    "gradient",
    "gradients",
    "interrupt",
    "logps_of",
    "numbers_of",
    "opened",
    "opinionated",
    "run_small",
    "weights_of",
]


def run_small(folder, *, policy=None, env=None, n=5, **settings):
    settings = SMALL | {"output_dir": str(folder)} | settings
    games = tasks("gates", n=n)
    return train(
        policy or tiny_policy(), env or make_env("gates"), tasks=games, **settings
    )


def weights_of(policy):
    return torch.cat([p.detach().flatten() for p in policy.model.parameters()])


def numbers_of(run):
    """What a resumed run must repeat: everything but times."""
    rollouts = [
        {k: v for k, v in e.items() if k != "time" and not k.endswith("_s")}
        for e in steps_of(run.events, "rollout")
    ]
    steps = [
        (e["step"], *(e["log"][k] for k in ("loss", "grad_norm", "learning_rate")))
        for e in steps_of(run.events, "step")
    ]
    return rollouts, steps


def assert_same(run, other):
    assert torch.equal(weights_of(run.policy), weights_of(other.policy))
    assert numbers_of(run) == numbers_of(other)
    assert critic_of(run) == critic_of(other)
    assert run.step == other.step


def critic_of(run):
    """What the critic had learnt, as it was written."""
    path = last_checkpoint(run.folder) / FILE
    return path.read_bytes() if path.exists() else None


def at_turn(number, act):
    """Do something in the middle of a rollout."""
    count = iter(range(1, 10_000))
    Gates.on_turn = lambda: act() if next(count) == number else None


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


@contextlib.contextmanager
def opened(tmp_path, *, policy=None, env=None, n=4, **settings):
    """A trainer that has not begun."""
    policy, env = policy or tiny_policy(), env or make_env("gates")
    params = {"output_dir": str(tmp_path), "env": "gates"}
    config = make_config(**(SMALL | params | settings))
    events = EventLog(tmp_path / "events.jsonl")
    rows = schedule(tasks("gates", n=n), config)
    with TimedPool(env_factory(env, policy), slots=8, workers=0) as pool:
        trainer = trainer_of(config)(policy, pool, rows, config, events)
        trainer.current_gradient_accumulation_steps = config.gradient_accumulation_steps
        yield trainer


def batch_of(trainer):
    """One generation batch, as it reaches the loss."""
    trainer.model.train()
    rows = next(iter(trainer.get_train_dataloader()))
    return trainer._generate_and_score_completions(rows)


def logps_of(trainer, batch):
    """What training scores the completions with, and where they were sampled."""
    ids = torch.cat([batch["prompt_ids"], batch["completion_ids"]], 1)
    mask = torch.cat([batch["prompt_mask"], batch["completion_mask"]], 1)
    width = batch["completion_ids"].shape[1]
    score = trainer._get_per_token_logps_and_entropies
    found, *_ = score(trainer.model, ids, mask, width)
    return found, (batch["tool_mask"] * batch["completion_mask"]).bool()


def opinionated(trainer):
    """Give a critic something to say."""
    torch.manual_seed(0)
    torch.nn.init.normal_(trainer.critic.weight, std=0.3)
    return trainer


def adapted(**options):
    policy = tiny_policy(**options)
    torch.manual_seed(0)
    lora = LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM")
    policy.model = get_peft_model(policy.model, lora)
    return policy


def gradient(trainer, loss):
    """All of it, as one vector."""
    return torch.cat([g.flatten() for g in gradients(trainer, loss).values()])


def gradients(trainer, loss):
    """That of each parameter, by name."""
    trainer.model.zero_grad()
    loss.backward()
    return {n: p.grad.clone() for n, p in trainer.model.named_parameters()}
