"""How much of a budget goes to demonstrations, and how much to reinforcement learning.

The question of table 9 of "A Practitioner's Guide to Multi-turn Agentic RL"
(https://arxiv.org/abs/2510.01132): with 1,000 units, a demonstration at 10 and a game
of reinforcement learning at 1, is it better to buy 60 demonstrations and 400 games, or
something else? There a game is paid once and then replayed for many epochs; here every
episode that is played is paid, so the number says what the training has cost.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from toolkit.environments.base import Task, TextEnv, make_env
from toolkit.environments.base import tasks as tasks_of
from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError
from toolkit.evaluation import evaluate
from toolkit.paths import write_at_once
from toolkit.policies.base import Policy
from toolkit.policies.models import ModelPolicy, load_policy
from toolkit.policies.scripted import ExpertPolicy
from toolkit.tables import html_table, text_table
from toolkit.training.imitation import ImitationConfig, demonstrate, imitate
from toolkit.training.run import train
from toolkit.training.settings import make_config

Share = float | str | Fraction
SHARES: tuple[Share, ...] = (0, 0.2, 0.4, 0.6, 0.8, 1)
"""Shares for demonstrations in the paper's table."""
Exams = Mapping[str, Sequence[Task]]
Found = dict[str, dict[str, Any]]
"""`Evaluation.to_dict()` by the name of the exam."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """What a budget buys."""

    demonstrations: int
    """Won games of an expert."""
    episodes: int
    """Episodes of reinforcement learning."""

    def __str__(self) -> str:
        return f"{self.demonstrations} demonstrations, {self.episodes} episodes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Units to be spent, and what things cost.

    Raises:
        ConfigError: If a number is below one.

    >>> [budget.demonstrations for budget in map(Budget().split, SHARES)]
    [0, 20, 40, 60, 80, 100]
    >>> print(Budget().split(0.6))
    60 demonstrations, 400 episodes
    """

    total: int = 1000
    """Units."""
    demo_cost: int = 10
    """Units for a demonstration; those that the expert lost are not counted."""
    episode_cost: int = 1
    """Units for an episode of reinforcement learning."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, int) or value < 1:
                raise ConfigError(f"{name} is {value}.", "It must be a number >= 1.")

    def split(self, share: Share) -> Split:
        """Spend a share on demonstrations and the rest on reinforcement learning.

        Args:
            share: In [0, 1]; a float means the decimal number that it is written as,
                and a third is `"1/3"`.

        Raises:
            ConfigError: If the share is none, or buys a part of something.
        """
        try:
            part = Fraction(str(share))
        except (ValueError, ZeroDivisionError) as error:
            raise ConfigError(f"The share is {share!r}.", f"{error}.") from error
        if not 0 <= part <= 1:
            raise ConfigError(f"The share is {share}.", "It must be in [0, 1].")
        demonstrations = part * self.total / self.demo_cost
        if demonstrations.denominator != 1:
            few = math.floor(demonstrations)
            near = (
                str(Fraction(n * self.demo_cost, self.total)) for n in (few, few + 1)
            )
            raise ConfigError(
                f"A share of {share} of {self.total} units buys no whole number of "
                "demonstrations.",
                f"At {self.demo_cost} units each, these are {float(demonstrations):g}.",
                f"Use a share of {' or '.join(near)}.",
            )
        left = self.total - int(demonstrations) * self.demo_cost
        if left % self.episode_cost:
            raise ConfigError(
                f"{int(demonstrations)} demonstrations leave {left} units.",
                f"An episode costs {self.episode_cost}, so that some would be left.",
                "Use another share or total.",
            )
        return Split(
            demonstrations=int(demonstrations), episodes=left // self.episode_cost
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitResult:
    """What came of one split."""

    split: Split
    """What was bought."""
    imitated: Found
    """How good the policy was when reinforcement learning began."""
    trained: Found | None
    """How good it was in the end; `None` if there was no reinforcement learning."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class BudgetSweep:
    """What `sweep_budget` found; shown as a table."""

    budget: Budget
    """What was to be spent."""
    results: tuple[SplitResult, ...]
    """One per share, in the order given."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        results = [result.to_dict() for result in self.results]
        return {"budget": asdict(self.budget), "results": results}

    def __str__(self) -> str:
        return text_table(self._rows())

    def _repr_html_(self) -> str:
        return html_table(self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        return [
            (f"{result.split}: {exam}", _progress(result, exam))
            for exam in self.results[0].imitated
            for result in self.results
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sweep:
    """Everything that the splits have in common."""

    env: TextEnv
    exams: Exams
    start: str | Callable[[], ModelPolicy]
    expert: Policy
    imitation: ImitationConfig
    epochs: float
    greedy: bool
    seed: int
    settings: dict[str, Any]

    def run(self, budget: Budget, shares: Sequence[Share], folder: Path) -> BudgetSweep:
        """Run the splits that are not finished; return all."""
        splits = [budget.split(share) for share in shares]
        steps = [_steps(split, self.settings) for split in splits]
        _check_same(folder, self._setup())
        paths = [folder / _folder_name(split) / "result.json" for split in splits]
        todo = [t for t in zip(splits, steps, paths, strict=True) if not t[2].exists()]
        most = max((split.demonstrations for split, _, _ in todo), default=0)
        shown = demonstrate(self.env, most, self.expert, seed=self.seed)
        for split, count, path in todo:
            episodes = shown[: split.demonstrations]
            found = self._split(split, episodes, count, path.parent).to_dict()
            write_at_once(path, json.dumps(found, indent=1))
        return BudgetSweep(budget=budget, results=tuple(map(_read, paths)))

    def _split(
        self, split: Split, demonstrations: Sequence[Episode], steps: int, folder: Path
    ) -> SplitResult:
        """Imitate, examine, train, examine."""
        policy, trained = start_policy(self.start, self.seed), None
        if demonstrations:
            imitate(policy, demonstrations, self._effort(len(demonstrations)))
        imitated = self._examine(policy)
        if steps:
            how = {**self.settings, "max_steps": steps, "output_dir": str(folder)}
            run = train(policy, self.env, seed=self.seed, resume=True, **how)
            if run.stopped == "interrupted":
                raise KeyboardInterrupt(f"The split is not finished: {split}.")
            trained = self._examine(policy)
        return SplitResult(split=split, imitated=imitated, trained=trained)

    def _effort(self, demonstrations: int) -> ImitationConfig:
        """Return settings that show each demonstration equally often in all splits."""
        steps = math.ceil(self.epochs * demonstrations / self.imitation.batch_size)
        return replace(self.imitation, steps=steps, seed=self.seed)

    def _setup(self) -> dict[str, Any]:
        """Return what must be the same for results to be comparable."""
        name, params = _name_of(self.env)
        start = self.start if isinstance(self.start, str) else "made by a function"
        found = {
            **{"env": name, "params": params, "start": start, "epochs": self.epochs},
            **{"expert": self.expert.name, "imitation": asdict(self.imitation)},
            **{"greedy": self.greedy, "seed": self.seed, "settings": self.settings},
            "exams": {k: [task.to_dict() for task in v] for k, v in self.exams.items()},
        }
        plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
        return plain

    def _examine(self, policy: ModelPolicy) -> Found:
        how: dict[str, Any] = {"greedy": self.greedy, "seed": self.seed}
        how |= {k: v for k, v in self.settings.items() if k in ("live", "workers")}
        return {
            name: evaluate(policy, self.env, tasks, progress=False, **how).to_dict()
            for name, tasks in self.exams.items()
        }


def sweep_budget(
    env: str | TextEnv,
    *,
    budget: Budget | None = None,
    shares: Sequence[Share] = SHARES,
    start: str | Callable[[], ModelPolicy] = "pocket",
    exams: Exams | None = None,
    expert: Policy | None = None,
    epochs: float = 20,
    imitation: ImitationConfig | None = None,
    greedy: bool = False,
    seed: int = 0,
    folder: str | Path = "runs/budget",
    **settings: Any,
) -> BudgetSweep:
    """Spend the same budget in several ways, and compare what comes of it.

    Each split starts with the same policy, imitates the first so many demonstrations,
    and spends the rest on reinforcement learning. A split that is finished is not run
    again by the same call; one that was stopped goes on from its last checkpoint.

    Args:
        env: Where it is trained; a registry id, or made by `make_env`.
        budget: What is spent (`None`: that of the paper).
        shares: For demonstrations, of the whole budget.
        start: `untrained` (of `pocket`'s shape), what `load_policy` loads, or a
            function that makes the policy.
        exams: Held-out tasks by name, of one family (`None`: the test split of `env`).
        expert: Who demonstrates (`None`: `ExpertPolicy`).
        epochs: How often each demonstration is shown.
        imitation: Rate and batch of imitation; its `steps` follow from `epochs`.
        greedy: Take the most probable token in the exams.
        seed: Of everything.
        folder: Where results and runs are kept, a folder per split.
        **settings: Of `train`; one batch must divide the episodes of every split.

    Raises:
        ConfigError: If the budget cannot be split like this, or `folder` holds another
            sweep.
    """
    made = make_env(env) if isinstance(env, str) else env
    name, params = _name_of(made)
    sweep = _Sweep(
        env=made,
        exams=exams or {name: tasks_of(name, split="test", **params)},
        start=start,
        expert=expert or ExpertPolicy(),
        imitation=imitation or ImitationConfig(),
        epochs=epochs,
        greedy=greedy,
        seed=seed,
        settings=settings,
    )
    return sweep.run(budget or Budget(), shares, Path(folder))


def start_policy(start: str | Callable[[], ModelPolicy], seed: int) -> ModelPolicy:
    """Return the policy that a sweep starts with, always with the same weights."""
    if callable(start):
        return start()
    if start != "untrained":
        return load_policy(start)
    policy = load_policy("pocket", name=start)
    with torch.random.fork_rng():  # transformers draws from the global stream
        torch.manual_seed(seed)
        fresh = AutoModelForCausalLM.from_config(policy.model.config)
    policy.model = fresh.to(policy.model.device, policy.model.dtype)
    policy.start()
    return policy


def _steps(split: Split, settings: Mapping[str, Any]) -> int:
    """Return the optimiser steps in which the episodes are played, all of them."""
    ours = sorted(settings.keys() & {"max_steps", "output_dir", "stop_after_minutes"})
    if ours:
        raise ConfigError(f"{ours[0]} is set.", "It follows from budget and folder.")
    others = {k: v for k, v in settings.items() if k not in ("tasks", "curriculum")}
    config = make_config(**others)
    per_batch = config.generation_batch_size
    passes = config.steps_per_generation * config.num_iterations
    steps = Fraction(
        split.episodes * passes, per_batch * config.gradient_accumulation_steps
    )
    if split.episodes % per_batch or steps.denominator != 1:
        raise ConfigError(
            f"{split.episodes} episodes cannot be played in whole steps.",
            f"A batch has {per_batch}.",
            "Set per_device_train_batch_size to a divisor of the episodes of every "
            "split that is a multiple of num_generations.",
        )
    return int(steps)


def _progress(result: SplitResult, exam: str) -> str:
    """Say how good a split was before and after reinforcement learning."""
    found = [result.imitated[exam], *([result.trained[exam]] if result.trained else [])]
    return "  ->  ".join(
        f"{e['success']:.2f} ({e['low']:.2f} to {e['high']:.2f})" for e in found
    )


def _name_of(env: TextEnv) -> tuple[str, dict[str, Any]]:
    """Return registry id and arguments of an environment made by `make_env`."""
    assert env.spec is not None
    return env.spec.id, dict(getattr(env.factory, "keywords", {}))


def _check_same(folder: Path, setup: dict[str, Any]) -> None:
    """Raise if results in `folder` were made in another way."""
    path = folder / "sweep.json"
    if not path.exists():
        write_at_once(path, json.dumps(setup, indent=1))
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    other = [k for k in setup if before.get(k) != setup[k]]
    if other:
        raise ConfigError(
            f"{folder} holds results of another sweep.",
            f"It had other {', '.join(other)}.",
            "Give the same settings to go on with it, or another folder.",
        )


def _folder_name(split: Split) -> str:
    return f"{split.demonstrations}-demonstrations-{split.episodes}-episodes"


def _read(path: Path) -> SplitResult:
    data = json.loads(path.read_text(encoding="utf-8"))
    return SplitResult(**{**data, "split": Split(**data["split"])})
