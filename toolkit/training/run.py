"""A training run: start it, stop it, resume it, read it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.environments.base import Task, TextEnv, make_env
from toolkit.environments.base import tasks as tasks_of
from toolkit.errors import ConfigError, near_matches
from toolkit.training.curriculum import Curriculum
from toolkit.training.events import EventLog, read_events
from toolkit.training.folder import (
    last_checkpoint,
    read_tasks,
    set_up,
    settings_of,
    versions,
)
from toolkit.training.plan import Plan, make_curriculum, schedule

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

    def __str__(self) -> str:
        return f"{self.step} steps, {self.stopped}; policy: {self.folder / 'policy'}"

    @property
    def trained_on(self) -> list[Task]:
        """The games it was given."""
        return read_tasks(self.folder)


Rows = list[Task] | Plan
"""What each group of a run plays."""


def train(
    policy: ModelPolicy,
    env: str | TextEnv,
    *,
    tasks: Sequence[Task] | None = None,
    curriculum: Curriculum | str | dict[str, Any] | None = None,
    resume: bool = False,
    **settings: Any,
) -> Run:
    """Train a policy by multi-turn reinforcement learning.

    Ctrl-C (or the notebook's stop button) finishes the step, saves a checkpoint and
    returns; a second one stops at once. A run killed in any other way is continued by
    the same call with `resume=True`, and on a CPU gives the same numbers as a run
    that was never stopped. With `save_strategy="no"` there are no checkpoints, and
    the policy is saved at the end alone.

    Args:
        policy: Who learns; its model is changed in place.
        env: Registry id, or an environment made by `make_env`.
        tasks: Games to train on (`None`: the environment's `train` split).
        curriculum: Which of them are played when, by name, as a recipe or as an
            object, which has games of its own (`None`: shuffled rounds).
        resume: Go on from the last checkpoint in `output_dir`, if there is one.
            Otherwise an earlier run in `output_dir` is overwritten.
        **settings: Any field of `TrainConfig`, and so of TRL's `GRPOConfig`.
            `temperature` is that of the policy if it is not given.

    Returns:
        The run, whose `policy` is the trained one.

    Raises:
        ConfigError: If a setting is unknown, out of range or contradicts another, or
            a run is resumed with other games.
    """
    made = make_env(env) if isinstance(env, str) else env
    params = dict(getattr(made.factory, "keywords", {}))
    assert made.spec is not None
    settings.setdefault("temperature", policy.temperature)
    own = curriculum if isinstance(curriculum, Curriculum) else None
    if own and tasks is not None:
        raise ConfigError(
            "Both tasks and a curriculum that has games are given.",
            "It is not clear which are to be played.",
            "Give the games to the curriculum alone.",
        )
    settings["curriculum"] = own.describe() if own else curriculum
    config = make_config(env=made.spec.id, env_params=params, **settings)
    if tasks is None:
        tasks = tasks_of(config.env, split="train", n=config.n_tasks, **params)
    return _run(policy, made, _rows(tasks, config, own), config, resume=resume)


def train_from_file(
    path: str | Path, overrides: Sequence[str] = (), *, resume: bool = True
) -> Run:
    """Train as a YAML file says.

    Args:
        path: YAML whose keys are the fields of `TrainConfig`.
        overrides: Command-line arguments such as `["--max_steps", "10"]`.
        resume: Go on from the last checkpoint in `output_dir`, if there is one and
            the run had not finished.

    Raises:
        ConfigError: If a setting is unknown, out of range or contradicts another.
    """
    from toolkit.policies import load_policy

    config = read_config(path, overrides)
    params: Any = config.env_params
    env = make_env(config.env, **params)
    tasks = tasks_of(config.env, split="train", n=config.n_tasks, **params)
    policy = load_policy(config.policy, temperature=config.temperature)
    past = read_events(Path(config.output_dir or "") / "events.jsonl")
    resume = resume and not (past and past[-1].get("reason") == "finished")
    return _run(policy, env, _rows(tasks, config), config, resume=resume)


def read_config(path: str | Path, overrides: Sequence[str] = ()) -> TrainConfig:
    """Read settings from YAML, with TRL's own parser.

    Args:
        path: YAML whose keys are the fields of `TrainConfig`.
        overrides: Command-line arguments, which win over the file.

    Raises:
        ConfigError: If the file is no YAML mapping, or a name or a value is wrong.
    """
    import yaml
    from trl import TrlParser

    from toolkit.training.config import TrainConfig

    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML.", str(error)) from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds no settings.", "It must be a YAML mapping.")
    names = [o[2:].partition("=")[0] for o in overrides if o.startswith("--")]
    _check_names([*values, *(name.replace("-", "_") for name in names)])

    def refuse(message: str) -> None:
        raise ConfigError("A setting cannot be read.", message)

    parser = TrlParser([TrainConfig])
    parser.error = refuse  # argparse would print 200 options and exit
    # not through `--config`, because TRL takes `env` there for environment variables
    parser.set_defaults_with_config(**values)
    with _explained():
        (config,) = parser.parse_args_into_dataclasses(
            args=list(overrides), look_for_args_file=False
        )
    return config  # type: ignore[no-any-return]


def make_config(**settings: Any) -> TrainConfig:
    """Build a `TrainConfig`, naming the nearest field for an unknown one.

    Raises:
        ConfigError: If a name or a value is wrong.
    """
    from toolkit.training.config import TrainConfig

    _check_names(settings)
    with _explained():
        return TrainConfig(**settings)


def _rows(
    tasks: Sequence[Task], config: TrainConfig, own: Curriculum | None = None
) -> Rows:
    """Return what the groups of a run play."""
    if config.curriculum is None:
        return schedule(tasks, config)
    return Plan(own or make_curriculum(config.curriculum, tasks), config)


def _run(
    policy: ModelPolicy,
    env: TextEnv,
    rows: Rows,
    config: TrainConfig,
    *,
    resume: bool,
) -> Run:
    """Set everything up, train, save."""
    from toolkit.training.callbacks import StopButton, quiet

    folder = Path(config.output_dir or "runs/latest")
    checkpoint = last_checkpoint(folder) if resume else None
    is_main = config.process_index == 0
    games = list(rows.curriculum.tasks) if isinstance(rows, Plan) else rows
    if is_main:
        set_up(folder, config, games, policy, checkpoint)
    step = int(checkpoint.name.split("-")[1]) if checkpoint else 0
    if isinstance(rows, Plan) and checkpoint:
        rows.recall(read_events(folder / "events.jsonl"), step)
    events = EventLog(folder / "events.jsonl" if is_main else None)
    began, stop = time.time(), StopButton(config.stop_after_minutes)
    facts = {"tasks": len(set(games)), "versions": versions()}
    start = "resumed" if checkpoint else "run_started"
    events.write(start, step=step, config=settings_of(config), **facts)
    policy.trained_on |= {(t.env, t.seed) for t in games}
    try:
        with stop.listening(), quiet():
            step = _train(policy, env, rows, config, events, stop, checkpoint)
            if is_main:
                policy.save(folder / "policy")
    except BaseException as error:
        minutes = (time.time() - began) / 60
        step = max((e.get("step", 0) for e in events.latest.values()), default=step)
        reason = f"{type(error).__name__}: {error}"
        events.write("failed", step=step, reason=reason, minutes=minutes)
        raise
    reason = stop.reason or "finished"
    event = "interrupted" if reason == "interrupted" else "finished"
    minutes = (time.time() - began) / 60
    events.write(event, step=step, reason=reason, minutes=minutes)
    return Run(folder=folder, policy=policy, step=step, stopped=reason)


def _train(
    policy: ModelPolicy,
    env: TextEnv,
    rows: Rows,
    config: TrainConfig,
    events: EventLog,
    stop: Any,
    checkpoint: Path | None,
) -> int:
    """Open the worlds and train in them; return the steps done."""
    from transformers.trainer_callback import PrinterCallback

    from toolkit.episodes.rollout import default_workers, env_factory
    from toolkit.training.callbacks import Reporter
    from toolkit.training.clock import TimedPool
    from toolkit.training.ppo import trainer_of

    workers = config.workers
    if workers is None:  # the cores are shared by the processes that train
        workers = max(1, default_workers(config.live) // config.world_size)
    factory = env_factory(env, policy)
    pool = TimedPool(factory, slots=config.live, workers=workers)
    with pool:
        trainer = trainer_of(config)(policy, pool, rows, config, events)
        trainer.add_callback(Reporter(events, trainer.clock))
        trainer.add_callback(stop)
        trainer.remove_callback(PrinterCallback)
        try:
            trainer.train(
                resume_from_checkpoint=str(checkpoint) if checkpoint else None
            )
        finally:
            policy.model = trainer.release()
            policy.start()
    return int(trainer.state.global_step)


def _check_names(names: Sequence[str] | dict[str, Any]) -> None:
    """Raise for the first name that is no setting."""
    from toolkit.training.config import TrainConfig

    known = {f.name for f in fields(TrainConfig)}
    for name in names:
        if name not in known and name.removeprefix("no_") not in known:
            raise ConfigError(
                f"There is no setting {name!r}.",
                "Settings are the fields of TrainConfig and TRL's GRPOConfig.",
                near_matches(name, known),
            )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what TRL and argparse say about settings into a `ConfigError`."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise ConfigError("A setting was refused.", str(error)) from error
