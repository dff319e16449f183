"""A training run: start it, stop it, resume it, read it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.environments.base import Task, TextEnv, make_env
from toolkit.environments.base import tasks as tasks_of
from toolkit.errors import ConfigError, near_matches
from toolkit.training.events import EventLog, read_events

if TYPE_CHECKING:
    from toolkit.policies.models import ModelPolicy
    from toolkit.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What `train` returns."""

    folder: Path
    """Holds `events.jsonl`, `config.json`, `tasks.json`, checkpoints and `policy/`."""
    policy: ModelPolicy
    """The policy after training."""
    step: int
    """Optimiser steps done."""
    stopped: str
    """Why it ended: `finished`, `interrupted` or `time`."""

    @property
    def events(self) -> list[dict[str, Any]]:
        """Everything that was reported, oldest first."""
        return read_events(self.folder / "events.jsonl")

    @property
    def trained_on(self) -> list[Task]:
        """The games it played."""
        return read_tasks(self.folder)


def train(
    policy: ModelPolicy,
    env: str | TextEnv,
    *,
    tasks: Sequence[Task] | None = None,
    resume: bool = False,
    **settings: Any,
) -> Run:
    """Train a policy by multi-turn reinforcement learning.

    Ctrl-C (or the notebook's stop button) finishes the step, saves a checkpoint and
    returns; a second one stops at once. A run killed in any other way is continued by
    the same call with `resume=True`, and on a CPU gives the same numbers as a run
    that was never stopped.

    Args:
        policy: Who learns; its model is changed in place.
        env: Registry id, or an environment made by `make_env`.
        tasks: Games to train on (`None`: the environment's `train` split).
        resume: Go on from the last checkpoint in `output_dir`, if there is one.
        **settings: Any field of `TrainConfig`, and so of TRL's `GRPOConfig`.

    Returns:
        The run, whose `policy` is the trained one.

    Raises:
        ConfigError: If a setting is unknown or out of range.
    """
    made = make_env(env) if isinstance(env, str) else env
    params = dict(getattr(made.factory, "keywords", {}))
    assert made.spec is not None
    config = make_config(env=made.spec.id, env_params=params, **settings)
    if tasks is None:
        tasks = tasks_of(config.env, split="train", n=config.n_tasks, **params)
    return _run(policy, made, schedule(tasks, config), config, resume=resume)


def train_from_file(path: str | Path, overrides: Sequence[str] = ()) -> Run:
    """Train as a YAML file says.

    Args:
        path: YAML whose keys are the fields of `TrainConfig`.
        overrides: Command-line arguments such as `["--max_steps", "10"]`.
    """
    from trl import TrlParser

    from toolkit.policies import load_policy
    from toolkit.training.config import TrainConfig

    parser = TrlParser([TrainConfig])
    (config,) = parser.parse_args_and_config(["--config", str(path), *overrides])
    env = make_env(config.env, **config.env_params)
    tasks = tasks_of(config.env, split="train", n=config.n_tasks, **config.env_params)
    policy = load_policy(config.policy)
    return _run(policy, env, schedule(tasks, config), config, resume=True)


def make_config(**settings: Any) -> TrainConfig:
    """Build a `TrainConfig`, naming the nearest field for an unknown one.

    Raises:
        ConfigError: If a name or a value is wrong.
    """
    from toolkit.training.config import TrainConfig

    known = {f.name for f in fields(TrainConfig)}
    for name in settings:
        if name not in known:
            raise ConfigError(
                f"There is no setting {name!r}.",
                "Settings are the fields of TrainConfig and TRL's GRPOConfig.",
                near_matches(name, known) if name else "",
            )
    try:
        return TrainConfig(**settings)
    except ValueError as error:
        raise ConfigError("TRL refused a setting.", str(error)) from error


def schedule(tasks: Sequence[Task], config: TrainConfig) -> list[Task]:
    """Lay out which games are played when: shuffled rounds through `tasks`.

    One row per group, as many as the run can ask for, so that the position in the
    list is all the state there is and a resumed run finds its place.
    """
    group = config.num_generations or 1
    per_step = config.per_device_train_batch_size * config.world_size // group
    need = int(config.max_steps) * max(1, per_step * config.gradient_accumulation_steps)
    rng = np.random.default_rng(config.seed)
    rows: list[Task] = []
    while len(rows) < need:
        rows += [tasks[i] for i in rng.permutation(len(tasks))]
    return rows[:need]


def _run(
    policy: ModelPolicy,
    env: TextEnv,
    rows: list[Task],
    config: TrainConfig,
    *,
    resume: bool,
) -> Run:
    """Set everything up, train, save."""
    from transformers.trainer_callback import PrinterCallback

    from toolkit.environments.pool import EnvPool
    from toolkit.episodes.rollout import default_workers, env_factory
    from toolkit.training.callbacks import Reporter, StopButton
    from toolkit.training.trainer import EpisodeTrainer

    folder = Path(config.output_dir or "runs/latest")
    checkpoint = _last_checkpoint(folder) if resume else None
    events = EventLog(folder / "events.jsonl")
    if checkpoint is None and events.path.exists():
        events.path.unlink()
    _write_setup(folder, config, rows, policy)
    events.write("resumed" if checkpoint else "run_started", config=_settings(config))
    workers = default_workers(config.live) if config.workers is None else config.workers
    stop = StopButton(config.stop_after_minutes)
    began = time.time()
    factory = env_factory(env, policy)
    with EnvPool(factory, slots=config.live, workers=workers) as pool, stop.listening():
        trainer = EpisodeTrainer(
            policy, pool, rows, config, events, [Reporter(events), stop]
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    policy.model = trainer.accelerator.unwrap_model(trainer.model)
    policy.trained_on = frozenset((t.env, t.seed) for t in rows)
    policy.save(folder / "policy")
    reason = stop.reason or "finished"
    step = int(trainer.state.global_step)
    events.write(
        "interrupted" if reason == "interrupted" else "finished",
        step=step,
        reason=reason,
        minutes=(time.time() - began) / 60,
    )
    return Run(folder=folder, policy=policy, step=step, stopped=reason)


def read_tasks(folder: Path) -> list[Task]:
    """Return the games a run was given."""
    lines = json.loads((folder / "tasks.json").read_text(encoding="utf-8"))
    return [Task.from_dict(line) for line in lines]


def versions() -> dict[str, str]:
    """Return the versions that determine a run's numbers."""
    import platform
    from importlib.metadata import version

    names = ("torch", "transformers", "trl", "peft", "datasets", "textworld")
    own = {"multiturn-rl-toolkit": __import__("toolkit").__version__}
    return {"python": platform.python_version(), **own, **{n: version(n) for n in names}}


def _write_setup(
    folder: Path, config: TrainConfig, rows: Sequence[Task], policy: ModelPolicy
) -> None:
    """Write what the run was started with."""
    folder.mkdir(parents=True, exist_ok=True)
    setup = {"settings": _settings(config), "policy": policy.name, "versions": versions()}
    (folder / "config.json").write_text(json.dumps(setup, indent=1, default=str))
    tasks = [task.to_dict() for task in dict.fromkeys(rows)]
    (folder / "tasks.json").write_text(json.dumps(tasks))


def _settings(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that differ from the defaults of the class."""
    defaults = type(config)()
    every = {f.name: getattr(config, f.name) for f in fields(config) if f.init}
    return {k: v for k, v in every.items() if v != getattr(defaults, k)}


def _last_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint."""
    found = [
        path
        for path in folder.glob("checkpoint-*")
        if (path / "trainer_state.json").exists()
    ]
    return max(found, key=lambda path: int(path.name.split("-")[1]), default=None)
