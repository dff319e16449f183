"""Settings of a training run: TRL's `GRPOConfig`, with our defaults and additions."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

# TRL's environment interfaces warn that they are experimental; we pin the version and
# test every assumption. Telemetry is off unless the user turned it on.
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from trl import GRPOConfig

from toolkit.device import pick_device, pick_precision
from toolkit.errors import ConfigError, near_matches
from toolkit.rewards import get_reward
from toolkit.training.credit import CREDITS

# loss types whose normaliser is one global token count, so that rows and buckets of
# rows can be summed freely
TOKEN_NORMALISED = ("dapo", "cispo")


@dataclass
class TrainConfig(GRPOConfig):
    """Everything that determines a run; any field of `GRPOConfig` may be set too.

    The same names work as keyword of `train`, in YAML and on the command line.

    Raises:
        ConfigError: If a value is out of range, or values contradict each other.
    """

    env: str = ""
    """Registry id of the environment."""
    env_params: dict[str, Any] = field(default_factory=dict)
    """Keyword arguments of the environment, such as `{"goal": "brief"}`."""
    policy: str = "pocket"
    """What `load_policy` loads, when the run starts from a file."""
    credit: str = "grpo"
    """How turn rewards become advantages; see `toolkit.training.credit`."""
    reward: str = "game"
    """What turns are paid; see `toolkit.rewards`."""
    discount: float = 1.0
    """Factor per turn on later rewards; below 1 makes early wins worth more."""
    n_tasks: int | None = None
    """How many training games are used (`None`: as many as the steps need)."""
    live: int = 64
    """Episodes played at the same time."""
    workers: int | None = None
    """Processes that run the worlds (`None`: one per core)."""
    stop_after_minutes: float | None = None
    """Finish the step and end once this much time has passed."""

    # our defaults of TRL's fields
    output_dir: str | None = "runs/latest"
    max_steps: int = 60
    learning_rate: float = 3e-4
    lr_scheduler_type: str = "linear"
    warmup_steps: float = 3
    adam_beta2: float = 0.95
    per_device_train_batch_size: int = 64
    num_generations: int | None = 8
    max_completion_length: int | None = 1024
    temperature: float = 1.0
    loss_type: str = "dapo"
    logging_steps: float = 1
    save_strategy: str = "steps"
    save_steps: float = 20
    save_total_limit: int | None = 2
    report_to: Any = "none"
    disable_tqdm: bool | None = True
    shuffle_dataset: bool | None = False  # the order of games is ours, see `run.py`
    gradient_checkpointing: bool = False
    vllm_importance_sampling_mode: str = "token_truncate"

    def __post_init__(self) -> None:
        """Choose the precision, check the values, then let TRL do the same."""
        precision = pick_precision(pick_device())
        if self.bf16 is None and not self.fp16:
            # always explicit: TRL would take bf16 on GPUs that only emulate it
            for name, value in precision.trainer_arguments.items():
                setattr(self, name, value)
        self.use_cpu = self.use_cpu or pick_device() == "cpu"
        self._check()
        super().__post_init__()
        self._check_batches()

    def _check(self) -> None:
        """Check what TRL does not."""
        if self.credit not in CREDITS:
            raise ConfigError(
                f"There is no credit estimator {self.credit!r}.",
                f"Known: {', '.join(sorted(CREDITS))}.",
                near_matches(self.credit, CREDITS),
            )
        get_reward(self.reward)
        for name in ("max_steps", "live", "per_device_train_batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}.", "It must be >= 1.")
        if not 0 < self.discount <= 1:
            raise ConfigError(f"discount is {self.discount}.", "It must be in (0, 1].")
        if self.temperature <= 0:
            raise ConfigError(
                f"temperature is {self.temperature}.",
                "Training needs samples, and divides by it.",
                "Use a value such as 1.0; greedy play is for evaluation.",
            )
        if (self.top_p, self.top_k or 0) not in ((1.0, 0), (1, 0)):
            raise ConfigError(
                "top_p or top_k is set.",
                "Cutting the distribution makes sampled and trained log-probabilities "
                "differ, which biases the gradient.",
                "Leave both unset.",
            )

    def _check_batches(self) -> None:
        """Keep groups whole on one process and checkpoints between generations."""
        group = self.num_generations or 1
        rows = self.per_device_train_batch_size * (self.steps_per_generation or 1)
        if rows % group:
            raise ConfigError(
                f"{rows} episodes per batch do not divide into groups of {group}.",
                "A group must lie on one process, whole.",
                "Make per_device_train_batch_size x steps_per_generation a multiple of "
                "num_generations.",
            )
        every = self.steps_per_generation * self.num_iterations
        every = max(1, every // self.gradient_accumulation_steps)
        if self.save_strategy == "steps" and self.save_steps % every:
            # a batch that is reused over several updates is not part of a checkpoint
            self.save_steps = every * max(1, round(self.save_steps / every))

    @property
    def rows_may_be_dropped(self) -> bool:
        """Whether rows without advantage contribute exactly nothing to the loss."""
        return (
            self.loss_type in TOKEN_NORMALISED
            and self.beta == 0.0
            and not self.entropy_coef
            and not self.use_adaptive_entropy
            and self.top_entropy_quantile == 1.0
            and self.off_policy_mask_threshold is None
        )
