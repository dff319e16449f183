"""PPO: what a critic adds to the `EpisodeTrainer`.

A step of PPO (https://arxiv.org/abs/1707.06347) differs from one of GRPO in two places:

* Credit. The critic says what it expected at every sampled token; GAE compares this
  with what came (`gae_token`, `gae_turn`). No group is needed.
* Loss. Values that come from the very pass of the policy's loss are drawn to the
  targets of GAE. The critic shares the policy's trunk or has its own
  (`config.critic`), and is part of the model, so that processes keep it equal.

Clipping of ratios, several passes over a batch and KL as a loss are TRL's.

Each assumption about TRL and transformers has a test in
`tests/training/test_ppo_seams.py` that fails with `DRIFT`.

Shapes: `B` episodes, `K` turns of an episode (ragged), `T` tokens of a completion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import torch
from accelerate.utils import gather_object
from peft import PeftModel
from torch import Tensor
from torch.nn.functional import pad
from torch.nn.utils import clip_grad_norm_
from trl.trainer.utils import use_adapter

from toolkit.environments.base import Task
from toolkit.episodes.tokens import TokenBatch, pad_batch, spread_turns
from toolkit.errors import ConfigError
from toolkit.policies.models import ModelPolicy
from toolkit.training.clock import TimedPool
from toolkit.training.config import TrainConfig
from toolkit.training.critic import (
    NAME,
    add_critic,
    explained_variance,
    listening,
    value_losses,
    values_before,
)
from toolkit.training.events import EventLog
from toolkit.training.gae import Spans, gae_token, gae_turn
from toolkit.training.returns import Rewards, TurnValues
from toolkit.training.trainer import EpisodeTrainer


@dataclass(frozen=True, kw_only=True, slots=True)
class CriticCredit:
    """What the critic's opinion and the rewards come to, each `(B, T)`."""

    advantages: Tensor
    """Zero outside the actions."""
    targets: Tensor
    """What the critic should have said."""
    asked: Tensor
    """1 where the critic is asked and taught: at all sampled tokens, or at the first
    of each turn."""


def credit_of_critic(
    credit: str,
    rewards: Rewards,
    spans: Spans,
    values: Tensor,
    token_rewards: Tensor,
    **settings: Any,
) -> CriticCredit:
    """Compute GAE over tokens or turns, and lay both out on tokens.

    Args:
        credit: `gae_token` or `gae_turn`.
        rewards: `(B, K)`, `None` for broken episodes.
        spans: `(B, K)` start and end of each action.
        values: `(B, T)`, each the value of the text before that token.
        token_rewards: `(B, T)` paid on top; a turn is paid the sum of its tokens'.
        **settings: `discount`, `gae_lambda` and `whitened`.
    """
    width = values.shape[1]
    ones = [[1.0] * len(places) for places in spans]
    if credit == "gae_token":
        found = gae_token(
            rewards,
            values=values.numpy(),
            spans=spans,
            token_rewards=token_rewards.numpy(),
            **settings,
        )
        advantages, targets = (
            torch.from_numpy(np.asarray(a, dtype=np.float32)) for a in found
        )
        asked = spread_turns(ones, spans, width)
        return CriticCredit(advantages=advantages, targets=targets, asked=asked)
    firsts = [[(start, start + 1) for start, _ in places] for places in spans]
    paid = [
        row and [r + float(extra[s:e].sum()) for r, (s, e) in zip(row, at, strict=True)]
        for row, at, extra in zip(rewards, spans, token_rewards, strict=True)
    ]
    asked_of = [
        [float(row[start]) for start, _ in places]
        for row, places in zip(values, spans, strict=True)
    ]
    by_turn = gae_turn(paid, values=asked_of, **settings)
    return CriticCredit(
        advantages=spread_turns(by_turn.advantages, spans, width),
        targets=spread_turns(by_turn.targets, firsts, width),
        asked=spread_turns(ones, firsts, width),
    )


class PPOTrainer(EpisodeTrainer):
    """An `EpisodeTrainer` with a critic. Arguments are those of `EpisodeTrainer`.

    Raises:
        ConfigError: If the model is to be sharded, or has adapters and the critic
            is to be separate.
        ModelError: If the model has no trunk that a critic could read.
    """

    def __init__(
        self,
        policy: ModelPolicy,
        pool: TimedPool,
        tasks: Sequence[Task],
        config: TrainConfig,
        events: EventLog,
    ) -> None:
        is_separate = config.critic == "separate"
        if is_separate and isinstance(policy.model, PeftModel):
            raise ConfigError(
                "critic is 'separate', and the policy has adapters.",
                "Its copy would hold the frozen trunk a second time, and have to "
                "train all of it or adapters that nobody chose.",
                "Use critic='shared': with adapters, one trunk serves both.",
            )
        with _reference_without_kl_loss(config):
            super().__init__(policy, pool, tasks, config, events)
        self.beta = config.beta
        if self.is_fsdp_enabled or self.is_deepspeed_enabled:
            raise ConfigError(
                "PPO was started with FSDP or DeepSpeed.",
                "The critic would be sharded, and its checkpoints incomplete.",
                "Use plain data parallelism, or a credit without a critic.",
            )
        model = self.accelerator.unwrap_model(self.model)
        self.critic = add_critic(model, separate=is_separate)
        self._credited: dict[str, Tensor] = {}  # what the loss needs of the critic

    def release(self) -> Any:
        """Return the model without what training put around and into it."""
        model = super().release()
        delattr(model, NAME)
        return model

    # ---- rollout -----------------------------------------------------------------

    def _assign_credit(self, rewards: Rewards) -> TurnValues:
        """Ask the critic, compute GAE; return each turn's mean advantage `(B, K)`."""
        config: TrainConfig = self.args
        batch = pad_batch(self._tokens, 0)
        spans = [t.spans for t in self._tokens]
        values, penalties = self._ask(batch)
        # batches reach over all processes, and so does whitening
        rows = list(zip(rewards, spans, values.numpy(), penalties.numpy(), strict=True))
        paid, places, old, extra = zip(*gather_object(rows), strict=True)
        known = paid, places, _stack(old), _stack(extra)
        discount, gae_lambda = config.discount, config.gae_lambda
        found = credit_of_critic(
            config.credit, *known, discount=discount, gae_lambda=gae_lambda
        )
        earned = credit_of_critic(
            config.credit, *known, discount=discount, gae_lambda=1.0
        )
        asked = found.asked.bool()
        self._log_critic(known[2][asked], earned.targets[asked])
        first = self.accelerator.process_index * len(rewards)
        mine, width = slice(first, first + len(rewards)), values.shape[1]
        advantages, targets, asked = (t[mine, :width] for t in astuple(found))
        self._credited = {
            "advantages": advantages,
            "old_values": values,
            "value_targets": targets,
            "asked": asked,
            "asked_in_batch": found.asked.sum(),
        }
        return [
            [float(row[start:end].mean()) for start, end in at]
            for row, at in zip(advantages, spans, strict=True)
        ]

    def _ask(self, batch: TokenBatch) -> tuple[Tensor, Tensor]:
        """Return values and KL penalties of sampled tokens, `(B, T)` each, on the CPU.

        The penalty of a token is `-c * (log p - log p of the reference)`, the estimator
        called k1 (http://joschu.net/blog/kl-approx.html).
        """
        config: TrainConfig = self.args
        ids = torch.cat([batch.prompt_ids, batch.completion_ids], 1)
        mask = torch.cat([batch.prompt_mask, batch.completion_mask], 1)
        device, width = self.accelerator.device, batch.completion_ids.shape[1]
        what = ids.to(device), mask.to(device), width
        rows = config.per_device_train_batch_size
        score = self._get_per_token_logps_and_entropies
        with torch.no_grad(), self.clock.on("loss"):
            with self._listening(self.model) as heard:
                logps, *_ = score(self.model, *what, batch_size=rows)
            values = values_before(heard, *self._contexts(*what), width).cpu().float()
            if not config.kl_in_reward:
                return values, torch.zeros_like(values)
            with self._reference() as model:
                reference, *_ = score(model, *what, batch_size=rows)
        gaps = ((logps - reference).cpu() * batch.action_mask).float()
        self._metrics["train"]["kl"].append(self._mean(gaps, batch.action_mask))
        return values, -config.kl_in_reward * gaps

    def _listening(self, model: Any) -> AbstractContextManager[list[Tensor]]:
        """Collect what the critic says while the policy scores."""
        model = self.accelerator.unwrap_model(model)
        return listening(model, self.critic, alone=self.is_warming_up)

    @contextmanager
    def _reference(self) -> Iterator[Any]:
        """Give the policy that training began with, as TRL does for its KL loss."""
        if self.ref_model is not None:
            yield self.ref_model
            return
        model = self.accelerator.unwrap_model(self.model)
        with use_adapter(model, "ref" if "ref" in model.peft_config else None):
            yield self.model

    def _generate_and_score_completions(
        self, inputs: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Add what the critic's loss needs to the batch."""
        output = super()._generate_and_score_completions(inputs)
        ids = output["completion_ids"]
        for name, value in self._credited.items():
            output[name] = _widened(value, ids.shape[1]).to(ids.device)
        return output

    def _token_advantages(self, width: int) -> Tensor:
        """Return what GAE says of each token `(B, T)`."""
        return _widened(self._credited["advantages"], width)

    # ---- loss --------------------------------------------------------------------

    @property
    def is_warming_up(self) -> bool:
        """Whether only the critic learns."""
        return bool(self.state.global_step < self.args.value_warmup_steps)

    def _loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """Add the critic's loss to TRL's."""
        with self._listening(model) as heard:
            policy_loss = super()._loss(model, inputs)
        ids, mask = (
            torch.cat([inputs[f"prompt_{x}"], inputs[f"completion_{x}"]], 1)
            for x in ("ids", "mask")
        )
        old, targets = inputs["old_values"], inputs["value_targets"]
        width = old.shape[1]
        values = values_before(heard, *self._contexts(ids, mask, width), width)
        config: TrainConfig = self.args
        errors = value_losses(values, old, targets, config.value_clip)
        # one divisor for all micro-batches and processes, as TRL's for tokens
        count = inputs["asked_in_batch"].clamp(min=1) / self.accelerator.num_processes
        share = self.current_gradient_accumulation_steps / config.steps_per_generation
        value_loss = (errors * inputs["asked"]).sum() / (count * share)
        self._metrics["train"]["value_loss"].append(
            self._mean(errors.detach(), inputs["asked"])
        )
        if self.is_warming_up:
            # zero, not absent: processes wait for the gradient of every parameter
            policy_loss = 0.0 * policy_loss
        loss: Tensor = policy_loss + config.value_coef * value_loss
        return loss

    # ---- optimiser and checkpoints -----------------------------------------------

    def create_optimizer(self, *args: Any) -> Any:
        """Give the critic its own learning rate."""
        optimizer = super().create_optimizer(*args)
        for group in optimizer.param_groups:
            group["params"] = self._without_critic(group["params"])
        own = list(self.critic.parameters())
        rate = self.args.learning_rate * self.args.value_lr_factor
        optimizer.add_param_group({"params": own, "lr": rate, "weight_decay": 0.0})
        return optimizer

    def _clip_grad_norm(self, model: Any) -> Any:
        """Clip the gradient; return the norm it had.

        That of a separate critic is clipped by itself, to the same norm, and not part
        of the one that is returned. In one norm with the policy's, the critic's errors
        would decide how far the policy goes.
        """
        if self.critic.trunk is None:
            return super()._clip_grad_norm(model)
        self.accelerator.unscale_gradients()
        most = self.args.max_grad_norm
        clip_grad_norm_(self.critic.parameters(), most)
        return clip_grad_norm_(self._without_critic(model.parameters()), most)

    def _without_critic(self, parameters: Iterable[Tensor]) -> list[Tensor]:
        """Leave the critic's parameters out."""
        own = {id(p) for p in self.critic.parameters()}
        return [p for p in parameters if id(p) not in own]

    @contextmanager
    def _critic_aside(self) -> Iterator[None]:
        """Make the model the policy's alone for a while."""
        model = self.accelerator.unwrap_model(self.model)
        delattr(model, NAME)
        try:
            yield
        finally:
            model.add_module(NAME, self.critic)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Save the policy as it is without a critic, and the critic beside it."""
        with self._critic_aside():
            super()._save(output_dir, state_dict)
        if self.args.should_save:
            self.critic.save(output_dir or self.args.output_dir)

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: Any = None
    ) -> None:
        """Load the critic too."""
        with self._critic_aside():
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.critic.load(resume_from_checkpoint)

    # ---- reporting ---------------------------------------------------------------

    def _log_critic(self, values: Tensor, earned: Tensor) -> None:
        """Say how well the critic foresaw what was earned."""
        metrics = self._metrics["train"]
        metrics["explained_variance"].append(explained_variance(values, earned))
        metrics["mean_value"].append(float(values.mean()) if len(values) else 0.0)

    def _mean(self, values: Tensor, mask: Tensor) -> float:
        """Return a mean over what the mask shows, in all processes."""
        sums = torch.stack([(values * mask).sum(), mask.sum().to(values.dtype)])
        total, count = self.accelerator.reduce(sums.to(self.accelerator.device))
        return float(total / count.clamp(min=1))


def trainer_of(config: TrainConfig) -> type[EpisodeTrainer]:
    """Return the trainer that the credit asks for."""
    return PPOTrainer if config.has_critic else EpisodeTrainer


def _widened(value: Tensor, width: int) -> Tensor:
    """Fill rows with zeros up to a width; a scalar stays as it is."""
    gap = width - value.shape[1] if value.dim() else 0
    return pad(value, (0, gap)) if gap else value


def _stack(rows: Sequence[Any]) -> Tensor:
    """Make a rectangle `(B, T)` of rows of any length."""
    width = max(len(row) for row in rows)
    return torch.stack([pad(torch.tensor(r), (0, width - len(r))) for r in rows])


@contextmanager
def _reference_without_kl_loss(config: TrainConfig) -> Iterator[None]:
    """Let TRL keep a reference for the reward, but have no KL term in its loss.

    TRL's constructor makes a reference if `beta` is not 0.
    """
    before = config.beta
    config.beta = config.kl_in_reward or before
    try:
        yield
    finally:
        config.beta = before
