"""TRL's `GRPOTrainer`, fed with episodes. The only file that touches TRL's seams.

TRL asks `rollout_func` for prompts, completions and a mask; we answer with episodes
that `collect` played. Then two methods are overridden, both around `super()`:

* `_generate_and_score_completions`: keep the rows of the batch (TRL hands only the
  prompt column to `rollout_func`), and afterwards replace TRL's advantage per episode
  `(B,)` by ours per token `(B, T)`.
* `_compute_loss`: leave out rows whose advantages are all zero and columns that are
  all padding. The loss and its gradient stay the same, the work does not.

Each assumption about TRL has a test in `tests/training/test_trl_seams.py` that fails
with `DRIFT`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback
from trl import GRPOTrainer

from toolkit.environments.base import Task
from toolkit.environments.pool import EnvPool
from toolkit.episodes.record import Episode
from toolkit.episodes.rollout import collect
from toolkit.episodes.tokens import EpisodeTokens, spread_turns, tokenize_episode
from toolkit.policies.models import ModelPolicy
from toolkit.training.config import TrainConfig
from toolkit.rewards import get_reward
from toolkit.training.credit import CREDITS
from toolkit.training.events import EventLog

DEAD = EpisodeTokens(
    prompt_ids=[0], completion_ids=[0], action_mask=[0], logprobs=[0.0], spans=[]
)
"""Stands for an episode whose world broke: TRL cannot take an empty completion."""


class EpisodeTrainer(GRPOTrainer):  # type: ignore[misc]  # TRL is not typed
    """Trains a `ModelPolicy` on the episodes it plays.

    Args:
        policy: Who learns.
        pool: Worlds the episodes are played in.
        tasks: Row `i` of the data set plays `tasks[i]`.
        config: All settings.
        events: Where to report.
        callbacks: More `TrainerCallback`s.
    """

    def __init__(
        self,
        policy: ModelPolicy,
        pool: EnvPool,
        tasks: Sequence[Task],
        config: TrainConfig,
        events: EventLog,
        callbacks: Sequence[TrainerCallback] = (),
    ) -> None:
        from datasets import Dataset

        self.policy, self.pool, self.tasks, self.events = policy, pool, tasks, events
        self.episodes: list[Episode] = []
        self.seconds: Counter[str] = Counter()
        self._rows: list[dict[str, Any]] = []
        self._tokens: list[EpisodeTokens] = []
        self._rewards: list[list[float] | None] = []
        policy.temperature = config.temperature  # sampled and trained must agree
        super().__init__(
            model=policy.model,
            reward_funcs=_episode_return,
            args=config,
            train_dataset=Dataset.from_dict(
                {"prompt": [t.id for t in tasks], "task": list(range(len(tasks)))}
            ),
            processing_class=policy.tokenizer,
            rollout_func=_rollout,
            callbacks=list(callbacks),
        )

    # ---- rollout -----------------------------------------------------------------

    def play(self) -> dict[str, Any]:
        """Play one episode per row of the batch, in the form that TRL wants."""
        began = time.perf_counter()
        config: TrainConfig = self.args
        group = self.num_generations
        tasks = [self.tasks[row["task"]] for row in self._rows[::group]]
        first = self.accelerator.process_index * len(self._rows)
        is_training = self.model.training
        self.policy.model = self.accelerator.unwrap_model(self.model)
        self.episodes = collect(
            self.policy,
            config.env,
            tasks,
            group_size=group,
            live=config.live,
            seed=rollout_seed(config.seed, self.state.global_step, first),
            max_tokens=config.max_completion_length,
            progress=False,
            pool=self.pool,
        )
        self.model.train(is_training)  # `collect` plays in eval mode
        self._tokens = [tokenize_episode(e) if e.turns else DEAD for e in self.episodes]
        self.seconds["rollout"] += time.perf_counter() - began
        self._report(time.perf_counter() - began)
        reward = get_reward(config.reward)
        self._rewards = [
            None if e.stop_reason.is_broken else reward(e) for e in self.episodes
        ]
        return {
            "prompt_ids": [t.prompt_ids for t in self._tokens],
            "completion_ids": [t.completion_ids for t in self._tokens],
            "logprobs": [t.logprobs for t in self._tokens],
            "env_mask": [t.action_mask for t in self._tokens],
            "episode_return": [None if r is None else sum(r) for r in self._rewards],
        }

    def _generate_and_score_completions(
        self, inputs: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Play, let TRL score, then put our credit in place of TRL's."""
        self._rows = inputs
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        credit = CREDITS[self.args.credit]
        values = credit(
            self._rewards,
            group_size=self.num_generations,
            discount=self.args.discount,
        )
        spans = [t.spans for t in self._tokens]
        values = [v if s else [] for v, s in zip(values, spans, strict=True)]
        width = output["completion_ids"].shape[1]
        advantages = spread_turns(values, spans, width)
        output["advantages"] = advantages.to(output["completion_ids"].device)
        return output

    # ---- loss --------------------------------------------------------------------

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """Compute TRL's loss on what carries a gradient."""
        began = time.perf_counter()
        if self.args.rows_may_be_dropped:
            loss = sum(
                super(EpisodeTrainer, self)._compute_loss(model, part)
                for part in _buckets(_live_rows(inputs))
            )
        else:
            loss = super()._compute_loss(model, _trim(inputs))
        self.seconds["loss"] += time.perf_counter() - began
        return loss  # type: ignore[return-value]

    # ---- reporting ---------------------------------------------------------------

    def _report(self, total_s: float) -> None:
        """Write the `rollout` event."""
        if not self.accelerator.is_main_process:
            return
        group = self.num_generations
        turns = [t for e in self.episodes for t in e.turns]
        sampled = [p for t in turns for p in t.logprobs]
        groups = [self.episodes[i : i + group] for i in range(0, len(self.episodes), group)]
        self.events.write(
            "rollout",
            step=self.state.global_step,
            groups=[_group_facts(g) for g in groups],
            success=_mean([float(e.won) for e in self.episodes]),
            mean_turns=_mean([float(len(e.turns)) for e in self.episodes]),
            mean_return=_mean([e.total_reward for e in self.episodes]),
            valid_rate=_mean([float(t.info.get("valid_action", True)) for t in turns]),
            silent_groups=_mean([float(_is_silent(g)) for g in groups]),
            entropy=-_mean(sampled),
            action_tokens=len(sampled),
            tokens=sum(len(e.ids) for e in self.episodes),
            stop_reasons=dict(Counter(e.stop_reason.value for e in self.episodes)),
            worlds=asdict(self.pool.counts),
            policy_s=sum(t.policy_s for t in turns),
            env_s=sum(t.env_s for t in turns),
            total_s=total_s,
        )


def _rollout(prompts: list[Any], trainer: EpisodeTrainer) -> dict[str, Any]:
    """Answer TRL's `rollout_func` call; the rows were kept by the trainer."""
    return trainer.play()


def _episode_return(
    episode_return: list[float | None], **columns: Any
) -> list[float | None]:
    """Give TRL each episode's return, for its logs; `None` for a broken world."""
    return episode_return


def rollout_seed(seed: int, step: int, first_row: int) -> int:
    """Return the seed of one rollout; a function of the step, so resuming repeats it."""
    return (seed * 1_000_003 + step) * 1_009 + first_row


def _live_rows(inputs: dict[str, Any]) -> dict[str, Any]:
    """Keep the rows with an advantage somewhere (one row if there are none)."""
    keep = inputs["advantages"].ne(0).any(dim=1)
    if not bool(keep.any()):
        keep[0] = True
    return _select(inputs, keep.nonzero()[:, 0])


def _buckets(inputs: dict[str, Any]) -> list[dict[str, Any]]:
    """Split the rows into two groups of similar length if padding costs over a fifth."""
    length = inputs["prompt_mask"].sum(1) + inputs["completion_mask"].sum(1)
    order = length.argsort()
    ranked = length[order].tolist()
    n = len(ranked)
    used, full = sum(ranked), n * ranked[-1]
    if n < 8 or used > 0.8 * full:
        return [_trim(inputs)]
    area = [ranked[k - 1] * k + ranked[-1] * (n - k) for k in range(1, n)]
    cut = 1 + min(range(n - 1), key=area.__getitem__)
    return [_trim(_select(inputs, part)) for part in (order[:cut], order[cut:])]


def _select(inputs: dict[str, Any], rows: Tensor) -> dict[str, Any]:
    """Take rows of every per-row tensor."""
    return {
        k: v[rows] if isinstance(v, Tensor) and v.dim() > 0 else v
        for k, v in inputs.items()
    }


def _trim(inputs: dict[str, Any]) -> dict[str, Any]:
    """Cut columns that are padding in every row: left of prompts, right of the rest."""
    prompt = int(inputs["prompt_mask"].sum(1).max())
    width = inputs["completion_mask"].shape[1]
    longest = int(inputs["completion_mask"].sum(1).max())
    out = dict(inputs)
    for name, value in inputs.items():
        if name.startswith("prompt_"):
            out[name] = value[:, -prompt:]
        elif isinstance(value, Tensor) and value.dim() == 2 and value.shape[1] == width:
            out[name] = value[:, :longest]
    return out


def _group_facts(group: Sequence[Episode]) -> dict[str, Any]:
    """Summarise the episodes of one game."""
    return {
        "task": group[0].task.id,
        "returns": [e.total_reward for e in group],
        "won": [e.won for e in group],
        "turns": [len(e.turns) for e in group],
        "broken": sum(e.stop_reason.is_broken for e in group),
    }


def _is_silent(group: Sequence[Episode]) -> bool:
    """Whether all episodes of a group were paid the same."""
    paid = {e.total_reward for e in group if not e.stop_reason.is_broken}
    return len(paid) < 2


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
