"""Settings of a training run: TRL's `GRPOConfig`, with our defaults and additions."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

# TRL's environment interfaces warn that they are experimental; we pin the version and
# test every assumption. Telemetry is off unless the user turned it on.
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from accelerate.state import AcceleratorState, PartialState
from trl import GRPOConfig

from toolkit.device import pick_device, pick_precision
from toolkit.errors import ConfigError, near_matches
from toolkit.rewards import Mix, get_reward
from toolkit.rewards.judge_terms import check_apart
from toolkit.training.claim import is_claimed
from toolkit.training.credit import check_scale, get_credit, keywords
from toolkit.training.returns import check_groups

# Loss types whose normaliser is one global token count, so that rows and buckets of
# rows can be summed freely.
TOKEN_NORMALISED = ("dapo", "cispo")

CRITICS = ("shared", "separate")

# Numbers that set the critic, and the least and most that they may be.
OF_CRITIC = {
    "gae_lambda": (0.0, 1.0),
    "value_coef": (0.0, math.inf),
    "value_clip": (0.0, math.inf),
    "value_lr_factor": (0.0, math.inf),
    "value_warmup_steps": (0, math.inf),
    "kl_in_reward": (0.0, math.inf),
}


@dataclass
class TrainConfig(GRPOConfig):
    """Everything that determines a run; any field of `GRPOConfig` may be set too.

    The same names work as keyword of `train`, in YAML and on the command line.

    Raises:
        ConfigError: If a value is out of range, or values contradict each other.
    """

    env: str = ""
    """Registry id of the environment."""
    env_params: dict[str, Any] | str | None = field(default_factory=dict)
    """Keyword arguments of the environment, such as `{"goal": "brief"}`; on the command
    line as JSON."""
    policy: str = "pocket"
    """What `load_policy` loads, when the run starts from a file."""
    credit: str = "grpo"
    """How turn rewards become advantages; see `toolkit.training.credit`. With `grpo`,
    TRL's `scale_rewards` says what differences are divided by."""
    reward: Mix | str | dict[str, Any] | None = "game"
    """What turns are paid: a name or weights such as `{"success": 1, "step_cost":
    0.01}`, see `toolkit.rewards`; on the command line as a name or JSON."""
    discount: float = 1.0
    """Factor per turn on later rewards; below 1 makes early wins worth more. With
    `gae_token` it is per token."""
    critic: str = "shared"
    """With a critic: `shared` puts its head on the policy's trunk; `separate`, as in
    the paper, gives it a copy of the trunk, so that nothing it learns moves the policy,
    at twice the memory and time of an update. With adapters, only `shared`."""
    gae_lambda: float = 0.95
    """With a critic: 1 trusts what was earned, 0 trusts the critic; per token or per
    turn, as the credit."""
    value_coef: float = 0.5
    """With a critic: weight of its loss beside that of the policy."""
    value_clip: float | None = 0.2
    """With a critic: how far a value may move in one batch (`None`: any way)."""
    value_lr_factor: float = 1.0
    """With a critic: its learning rate (of the head alone if the trunk is shared), as a
    multiple of `learning_rate`. The wider and slower the model, the more: the paper's
    is 10, at a rate of 1e-6."""
    value_warmup_steps: int = 0
    """With a critic: steps at the start in which it learns alone."""
    kl_in_reward: float = 0.0
    """With a critic: price, per token and nat, of leaving the policy that training
    began with. TRL's `beta` puts the same into the loss."""
    n_tasks: int | None = None
    """How many training games are used (`None`: all of the split)."""
    curriculum: dict[str, Any] | str | None = None
    """Which games are played when: a name such as `prioritised` or a recipe, see
    `toolkit.training.plan` (`None`: shuffled rounds); on the command line as JSON."""
    live: int = 64
    """Episodes played at the same time."""
    workers: int | None = None
    """Processes that run the worlds (`None`: one per core)."""
    stop_after_minutes: float | None = None
    """End once this much time has passed, when the episodes at hand are used up."""
    progress: bool = True
    """Print a line per step."""

    # `env_params` may come as JSON, like TRL's own dictionaries
    _VALID_DICT_FIELDS: ClassVar[list[str]] = [
        *GRPOConfig._VALID_DICT_FIELDS,
        "env_params",
        "curriculum",
    ]

    # our defaults of TRL's fields
    output_dir: str | None = "runs/latest"
    use_cpu: bool = False
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
    # TRL's parser of YAML and command lines needs this order
    report_to: None | str | list[str] = "none"  # noqa: RUF036
    disable_tqdm: bool | None = True
    shuffle_dataset: bool | None = False  # the order of games is ours, see `run.py`
    gradient_checkpointing: bool = False
    vllm_importance_sampling_mode: str = "token_truncate"

    def __post_init__(self) -> None:
        """Choose the precision, check the values, then let TRL do the same."""
        device = "cpu" if self.use_cpu else pick_device()
        precision = pick_precision(device)
        if self.bf16 is None and not self.fp16:
            # always explicit: TRL would take bf16 on GPUs that only emulate it
            for name, value in precision.trainer_arguments.items():
                setattr(self, name, value)
        self.use_cpu = device == "cpu"
        if getattr(self, "activation_checkpointing", False) is None:
            # its newer name; transformers warns about the old one, which TRL still has
            self.activation_checkpointing = self.gradient_checkpointing
        self._check()
        self._check_credit()
        self._check_critic()
        with self._groups_of_one_hidden(), _apart_from_a_live_run():
            super().__post_init__()
        self._check_batches()

    def _check(self) -> None:
        """Check what TRL does not."""
        self._check_reward()
        for name, least in (
            ("max_steps", 1),
            ("num_generations", 1),
            ("live", 1),
            ("per_device_train_batch_size", 1),
            ("n_tasks", 1),
            ("workers", 0),
            ("gradient_accumulation_steps", 1),
            ("learning_rate", 0),
            ("beta", 0),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ConfigError(f"{name} is {value}.", f"It must be >= {least}.")
        if self.stop_after_minutes is not None and not self.stop_after_minutes > 0:
            raise ConfigError(
                f"stop_after_minutes is {self.stop_after_minutes}.",
                "Training needs some time.",
                "Use a value above zero, or leave it unset.",
            )
        if not 0 < self.discount <= 1:
            raise ConfigError(f"discount is {self.discount}.", "It must be in (0, 1].")
        if not self.temperature > 0:
            raise ConfigError(
                f"temperature is {self.temperature}.",
                "Training needs samples, and divides by it.",
                "Use a value such as 1.0; greedy play is for evaluation.",
            )
        self._check_what_is_ours()

    def _check_reward(self) -> None:
        """Check that the reward exists, and keep it as plain data."""
        mix = get_reward(self.reward)
        if not isinstance(self.reward, str):
            # checkpoints and events must be able to hold it
            self.reward = mix.to_dict()
        for name in mix.terms:
            check_apart(name, mix.settings(name), self.output_dir or "")
            discount = mix.settings(name).get("discount", self.discount)
            if discount != self.discount:
                raise ConfigError(
                    f"The reward term {name!r} has discount {discount}, the training "
                    f"{self.discount}.",
                    "Only with one discount does a potential leave the best policy "
                    "as it is.",
                    "Give both the same value.",
                )
        if (
            self.credit == "gae_token"
            and self.discount < 1
            and "potential" in mix.terms
        ):
            raise ConfigError(
                "A potential is paid under gae_token with a discount below 1.",
                "This credit discounts by token, a potential by turn.",
                "Use gae_turn, or a discount of 1.",
            )

    def _check_what_is_ours(self) -> None:
        """Refuse settings of TRL's that would be ignored, or that break our part."""
        if (self.top_p, self.top_k or 0, self.min_p or 0, self.repetition_penalty) != (
            1.0,
            0,
            0,
            1.0,
        ):
            raise ConfigError(
                "top_p, top_k, min_p or repetition_penalty is set.",
                "Cutting the distribution makes sampled and trained log-probabilities "
                "differ, which biases the gradient.",
                "Leave them unset.",
            )
        refused = {
            "shuffle_dataset": "Games are shuffled by us, so that a run can resume.",
            "mask_truncated_completions": "TRL would take every episode that ends on "
            "the world's words for truncated.",
            "use_vllm": "Episodes are played by the policy's own sampler.",
            "load_best_model_at_end": "There is no evaluation inside of training.",
        }
        for name, why in refused.items():
            if getattr(self, name):
                raise ConfigError(f"{name} is set.", why, "Leave it unset.")
        if self.reward_weights:
            raise ConfigError(
                "reward_weights is set.",
                "It changes TRL's advantages, in whose place ours are put.",
                "Choose with `credit` and `reward` instead.",
            )

    def _check_credit(self) -> None:
        """Check what the estimator of credit needs, and what it takes."""
        takes = keywords(get_credit(self.credit))
        if "group_size" in takes and self.num_generations is not None:
            check_groups(self.num_generations, self.num_generations)
        known = {True: "group", False: "none"}  # TRL's older names
        scale = known.get(self.scale_rewards, str(self.scale_rewards))
        check_scale(scale)
        if scale != "group" and "scale" not in takes:
            raise ConfigError(
                f"scale_rewards is {scale!r}, and the credit is {self.credit!r}.",
                "Only grpo can be scaled in different ways.",
                "Leave scale_rewards unset, or use credit='grpo'.",
            )

    def _check_critic(self) -> None:
        """Check what belongs to the critic, if there is one."""
        names = ("critic", *OF_CRITIC)
        defaults = {name: getattr(type(self), name) for name in names}
        if not self.has_critic:
            other = [n for n, v in defaults.items() if getattr(self, n) != v]
            if other:
                raise ConfigError(
                    f"{', '.join(other)} is set, and the credit is {self.credit!r}.",
                    "Only PPO has a critic.",
                    "Leave it unset, or use credit='gae_turn' or 'gae_token'.",
                )
            return
        if self.critic not in CRITICS:
            raise ConfigError(
                f"There is no critic {self.critic!r}.",
                f"Known are {' and '.join(CRITICS)}.",
                near_matches(self.critic, CRITICS),
            )
        for name, (least, most) in OF_CRITIC.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                limit = (
                    f"in [{least:g}, {most:g}]" if most < math.inf else f">= {least:g}"
                )
                raise ConfigError(f"{name} is {value}.", f"It must be {limit}.")
        if self.beta and self.kl_in_reward:
            raise ConfigError(
                f"beta is {self.beta} and kl_in_reward {self.kl_in_reward}.",
                "The policy would be fined twice for the same.",
                "Use one: kl_in_reward as the paper, beta as TRL.",
            )
        if self.value_warmup_steps >= self.max_steps:
            raise ConfigError(
                f"value_warmup_steps is {self.value_warmup_steps} of {self.max_steps}.",
                "The policy would never learn.",
                "Use fewer.",
            )
        if self.value_warmup_steps and self.weight_decay:
            raise ConfigError(
                "value_warmup_steps and weight_decay are set.",
                "Decay would shrink the policy while the critic is to learn alone.",
                "Leave one of them unset.",
            )
        # values leave the model beside its output, where DDP does not look for them
        self.ddp_find_unused_parameters = False

    @contextmanager
    def _groups_of_one_hidden(self) -> Iterator[None]:
        """Keep TRL from refusing groups of one.

        It compares episodes of a group, and so needs two. Our estimators that need no
        group put their advantages in place of TRL's, which are 0 then.
        """
        alone = self.num_generations == 1
        if alone:
            self.num_generations = max(2, self.per_device_train_batch_size)
        try:
            yield
        finally:
            if alone:
                self.num_generations = 1

    def _check_batches(self) -> None:
        """Keep groups whole on one process and checkpoints between generations."""
        rows = self.per_device_train_batch_size * self.steps_per_generation
        if rows % self.num_generations:
            raise ConfigError(
                f"{rows} episodes per batch do not divide into groups of "
                f"{self.num_generations}.",
                "A group must lie on one process, whole.",
                "Make per_device_train_batch_size x steps_per_generation a multiple of "
                "num_generations.",
            )
        if self.save_strategy == "steps":
            # a batch that is reused over several updates is not part of a checkpoint
            every = self.steps_per_rollout
            wanted = self.save_steps * (self.max_steps if self.save_steps < 1 else 1)
            self.save_steps = every * max(1, round(wanted / every))

    @property
    def steps_per_rollout(self) -> int:
        """Optimiser steps after which a new batch begins both for TRL and for us."""
        passes = self.steps_per_generation * self.num_iterations
        every = math.lcm(passes, self.gradient_accumulation_steps)
        return int(every // self.gradient_accumulation_steps)

    @property
    def groups_needed(self) -> int:
        """Groups that all processes together play in `max_steps` steps."""
        passes = self.steps_per_generation * self.num_iterations
        batches = math.ceil(self.max_steps * self.gradient_accumulation_steps / passes)
        return int(batches * self.generation_batch_size // self.num_generations)

    @property
    def has_critic(self) -> bool:
        """Whether the credit asks for values, and training is PPO."""
        return "values" in keywords(get_credit(self.credit))

    @property
    def rows_may_be_dropped(self) -> bool:
        """Whether rows without advantage contribute exactly nothing to the loss."""
        return (
            self.loss_type in TOKEN_NORMALISED
            and not self.has_critic
            and self.beta == 0.0
            and not self.entropy_coef
            and not self.use_adaptive_entropy
            and self.top_entropy_quantile == 1.0
            and self.off_policy_mask_threshold is None
        )


@contextmanager
def _apart_from_a_live_run() -> Iterator[None]:
    """Leave the state of accelerate, one for the process, to the run that uses it.

    transformers clears it whenever settings are made, and a run in another thread
    would fail.
    """
    if not is_claimed():
        yield
        return
    kept = [(kind, kind._shared_state) for kind in (AcceleratorState, PartialState)]
    for kind, _ in kept:
        kind._shared_state = {}
    try:
        yield
    finally:
        for kind, state in kept:
            kind._shared_state = state
