"""TRL's `GRPOTrainer`, fed with episodes.

TRL's seams are touched here, in `scoring.py` and in `ppo.py`.

TRL asks `rollout_func` for prompts, completions and a mask; we answer with episodes
that `collect` played. Then three methods are overridden:

* `_generate_and_score_completions`: keep the rows of the batch (TRL hands only the
  prompt column to `rollout_func`), and afterwards replace TRL's advantage per episode
  `(B,)` by ours per token `(B, T)`.
* `_compute_loss`: leave out rows that add nothing and columns that are all padding.
* `_get_per_token_logps_and_entropies`: score sampled tokens only, see `scoring.py`.

Each assumption about TRL has a test in `tests/training/test_trl_seams.py` that fails
with `DRIFT`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import gather_object
from datasets import Dataset
from peft import PeftModel
from torch import Tensor

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode
from toolkit.episodes.rollout import collect
from toolkit.episodes.tokens import (
    EpisodeTokens,
    pad_batch,
    spread_turns,
    tokenize_episode,
)
from toolkit.policies.models import ModelPolicy
from toolkit.rewards import Scored, get_reward
from toolkit.training.clock import Clock, TimedPool
from toolkit.training.config import TrainConfig
from toolkit.training.controls import BatchAbandoned
from toolkit.training.credit import get_credit, keywords
from toolkit.training.events import EventLog, rollout_facts
from toolkit.training.folder import last_checkpoint
from toolkit.training.plan import Plan
from toolkit.training.returns import Rewards, TurnValues, episode_returns
from toolkit.training.samples import FILE, sample_facts
from toolkit.training.scoring import ScoringTrainer

DEAD = EpisodeTokens(
    prompt_ids=[0],
    completion_ids=[0],
    action_mask=[0],
    logprobs=[0.0],
    spans=[],
    hidden=[],
)
"""Stands for an episode without tokens, or whose world or reward broke: TRL needs a
token, and what is masked is neither trained on nor counted."""


class EpisodeTrainer(ScoringTrainer):
    """Trains a `ModelPolicy` on the episodes it plays.

    Args:
        policy: Who learns.
        pool: Worlds the episodes are played in.
        tasks: Group `i` of the run plays `tasks[i]`, which a plan chooses in time.
        config: All settings.
        events: Where to report.
    """

    def __init__(
        self,
        policy: ModelPolicy,
        pool: TimedPool,
        tasks: Sequence[Task] | Plan,
        config: TrainConfig,
        events: EventLog,
    ) -> None:
        self.policy, self.pool, self.tasks, self.events = policy, pool, tasks, events
        self.samples = events.beside(FILE)
        self.clock = pool.clock = Clock()
        self.reward = get_reward(config.reward)  # its weights may change between steps
        self.episodes: list[Episode] = []
        self.greedy: list[Episode] = []  # one per task, if the credit asks for them
        self._rows: list[dict[str, Any]] = []
        self._rewards: Rewards = []
        self._tokens: list[EpisodeTokens] = []
        self._advantages: TurnValues = []
        self._acted = self._logps = torch.zeros(0, 0)
        self._hidden = None
        policy.temperature = config.temperature  # sampled and trained must agree
        with _reference_on_disk(policy, config):
            super().__init__(
                model=policy.model,
                reward_funcs=episode_return,
                args=config,
                train_dataset=Dataset.from_dict(
                    {"prompt": ["game"] * len(tasks), "task": list(range(len(tasks)))}
                ),
                processing_class=policy.tokenizer,
                rollout_func=_rollout,
            )
        # checkpointing computes attention a second time, when it is no longer packed
        self._is_packed = (
            policy.backend == "kv"
            and not config.activation_checkpointing
            and not self.aux_loss_enabled
        )

    def train(self, *args: Any, **options: Any) -> Any:
        """Train; a batch that is given up leaves the last complete step."""
        try:
            return super().train(*args, **options)
        except BatchAbandoned:
            if self.args.save_strategy != "no":
                self.checkpoint()
            parts = self.args, self.state, self.control
            return self.callback_handler.on_train_end(*parts)

    def checkpoint(self) -> None:
        """Save what a resume needs of the last step, unless it lies there."""
        there = last_checkpoint(Path(self.args.output_dir or ""))
        self.accelerator.wait_for_everyone()  # all look before anybody writes
        if there is None or there.name != f"checkpoint-{self.state.global_step}":
            self._save_checkpoint(self.model, trial=None)
        self.callback_handler.on_save(self.args, self.state, self.control)

    def release(self) -> Any:
        """Return the model without what TRL and accelerate wrapped around it."""
        model = self.accelerator.unwrap_model(self.model, keep_fp32_wrapper=False)
        is_lora = isinstance(model, PeftModel)
        if is_lora and "ref" in model.peft_config:
            model.delete_adapter("ref")  # TRL's copy of the start, for the KL term
        # TRL's head refers to this very object: it would follow it into a copy
        vars(model.get_base_model() if is_lora else model).pop("forward", None)
        return model

    # ---- rollout -----------------------------------------------------------------

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Let the policy play, which it does in eval mode, as it has learnt so far."""
        is_training = self.model.training
        self.policy.model = self.accelerator.unwrap_model(self.model)
        try:
            yield
        finally:
            self.model.train(is_training)

    def play(self) -> dict[str, Any]:
        """Play one episode per row of the batch, in the form that TRL wants."""
        group = self.num_generations
        before = dict(self.clock.spent)
        tasks = [self.tasks[row["task"]] for row in self._rows[::group]]
        with self.acting(), self.clock.on("rollout"):
            if "greedy_returns" in keywords(get_credit(self.args.credit)):
                self.greedy = self._collect(list(dict.fromkeys(tasks)), greedy=True)
            self.episodes = self._collect(tasks, group_size=group)
        turns = [t for e in (*self.greedy, *self.episodes) for t in e.turns]
        self.clock.spent["policy"] += sum(t.policy_s for t in turns)
        scored = self._score(self.episodes)
        rewards = self._rewards = scored.turn_rewards
        returns = [None if r is None else sum(r) for r in rewards]
        self._tokens = [
            tokenize_episode(e) if e.turns and r is not None else DEAD
            for e, r in zip(self.episodes, rewards, strict=True)
        ]
        batch = pad_batch(self._tokens, 0)
        self._acted, self._hidden = batch.action_mask, batch.hidden
        self._advantages = self._assign_credit(rewards)
        self._report(scored, self.clock.since(before))
        return {
            "prompt_ids": [t.prompt_ids for t in self._tokens],
            "completion_ids": [t.completion_ids for t in self._tokens],
            "logprobs": [t.logprobs for t in self._tokens],
            "env_mask": [t.action_mask for t in self._tokens],
            "episode_return": returns,
        }

    def _collect(self, tasks: Sequence[Task], **how: Any) -> list[Episode]:
        """Play the tasks."""
        config: TrainConfig = self.args
        return collect(
            self.policy,
            config.env,
            tasks,
            live=config.live,
            seed=rollout_seed(config.seed, self._rows[0]["task"]),
            max_tokens=config.max_completion_length,
            progress=False,
            pool=self.pool,
            **how,
        )

    def _score(self, episodes: Sequence[Episode]) -> Scored:
        """Pay the episodes; those whose world or reward broke are masked."""
        return self.reward.score(episodes, mask=True)

    def _assign_credit(self, rewards: Rewards) -> TurnValues:
        """Turn rewards into advantages `(B, K)`, telling the estimator what it asks."""
        config: TrainConfig = self.args
        credit = get_credit(config.credit)
        takes = keywords(credit)
        facts: dict[str, Any] = {
            "group_size": self.num_generations,
            "discount": config.discount,
            "scale": config.scale_rewards,
        }
        facts = {name: fact for name, fact in facts.items() if name in takes}
        # batches reach over all processes, and so do their means
        if "anchors" in takes:
            seen = [[t.observation for t in e.turns] for e in self.episodes]
            facts["anchors"] = gather_object(seen)
        if "greedy_returns" in takes:
            facts["greedy_returns"] = gather_object(self._greedy_returns())
        advantages: TurnValues = credit(gather_object(rewards), **facts)
        first = self.accelerator.process_index * len(rewards)
        return advantages[first : first + len(rewards)]

    def _greedy_returns(self) -> list[float | None]:
        """Return what greedy play earned in each episode's task `(B,)`."""
        rewards = self._score(self.greedy).turn_rewards
        returns, is_whole = episode_returns(rewards, self.args.discount)
        found = {
            e.task: float(r) if whole else None
            for e, r, whole in zip(self.greedy, returns, is_whole, strict=True)
        }
        return [found[e.task] for e in self.episodes]

    def _generate_and_score_completions(
        self, inputs: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Play, let TRL score, then put our credit in place of TRL's."""
        self._rows = inputs
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        ids = output["completion_ids"]
        advantages = self._token_advantages(ids.shape[1])
        self._sample(advantages)
        output["advantages"] = advantages.to(ids.device)
        if self._hidden is not None:
            output["hidden"] = self._hidden.to(ids.device)
        return output

    def _token_advantages(self, width: int) -> Tensor:
        """Return the advantage of each token of the completions `(B, T)`."""
        spans = [t.spans for t in self._tokens]
        values = [v if s else [] for v, s in zip(self._advantages, spans, strict=True)]
        return spread_turns(values, spans, width)

    # ---- loss --------------------------------------------------------------------

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """Compute TRL's loss on what carries a gradient."""
        with self.clock.on("loss"):
            inputs = self._needed(inputs)
            self._acted = inputs["completion_mask"] * inputs["tool_mask"]
            self._hidden = inputs.get("hidden")
            loss = self._loss(model, inputs)
            self._log_gap(inputs)
            return loss

    def _loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """Compute TRL's loss on rows that are all needed, a scalar."""
        loss: Tensor = super()._compute_loss(model, inputs)
        return loss

    def _log_gap(self, inputs: dict[str, Any]) -> None:
        """Log how far probabilities at training are from those at play.

        It has the name that TRL gives it for vLLM. The policy is compared as it was
        before its first update on the batch, so that learning is no gap.
        """
        now = inputs.get("old_per_token_logps", self._logps)
        gaps = (now - inputs["sampling_per_token_logps"]).abs() * self._acted
        gap = gaps.sum() / self._acted.sum().clamp(min=1)
        name = "sampling/sampling_logp_difference/mean"
        self._metrics["train"][name].append(float(self.accelerator.reduce(gap, "mean")))

    # ---- reporting ---------------------------------------------------------------

    def _report(self, scored: Scored, spent: dict[str, float]) -> None:
        """Write the `rollout` event."""
        rows = [row["task"] for row in self._rows[:: self.num_generations]]
        facts = rollout_facts(rows, self.episodes, scored, self._advantages)
        # a curriculum looks at the groups of all processes
        facts["groups"] = gather_object(facts["groups"])
        if isinstance(self.tasks, Plan):
            self.tasks.see(facts["groups"])
        self.events.write(
            "rollout",
            step=self.state.global_step,
            **facts,
            greedy_episodes=len(self.greedy),
            greedy_tokens=sum(len(e.ids) for e in self.greedy),
            worlds=asdict(self.pool.counts),
            policy_s=spent["policy"],
            env_s=spent.get("env", 0.0),
            total_s=spent["rollout"],
        )

    def _sample(self, advantages: Tensor) -> None:
        """Write some episodes with the advantages `(B, T)` of their tokens."""
        if self.samples.path is not None:  # the first process alone
            group, tokenizer = self.num_generations, self.policy.tokenizer
            known = self.episodes, self._rewards, advantages.tolist()
            facts = sample_facts(*known, group_size=group, tokenizer=tokenizer)
            self.samples.write("samples", step=self.state.global_step, **facts)


def _rollout(prompts: list[Any], trainer: EpisodeTrainer) -> dict[str, Any]:
    """Answer TRL's `rollout_func` call; the rows were kept by the trainer."""
    return trainer.play()


def episode_return(
    episode_return: list[float | None], **columns: Any
) -> list[float | None]:
    """Give TRL each episode's return, for its logs; `None` for a broken world."""
    return episode_return


def rollout_seed(seed: int, first_row: int) -> int:
    """Return the seed of one rollout.

    A row of the schedule is played once, by one process, so its number tells rollouts
    apart: those of one step, of different processes, and before and after a resume.
    """
    return seed * 1_000_003 + first_row


@contextmanager
def _reference_on_disk(policy: ModelPolicy, config: TrainConfig) -> Iterator[None]:
    """Let TRL find the KL term's reference, which it loads by the model's name.

    That would be the weights as published, not those that training starts with. With
    LoRA, TRL keeps a copy of the adapter instead.
    """
    if config.beta == 0.0 or isinstance(policy.model, PeftModel):
        yield
        return
    folder = Path(config.output_dir or "") / "reference"
    with config.main_process_first(local=False):
        if config.process_index == 0 and not (folder / "config.json").exists():
            policy.save(folder)
    name = policy.model.config._name_or_path
    policy.model.config._name_or_path = str(folder)
    try:
        yield
    finally:
        policy.model.config._name_or_path = name
