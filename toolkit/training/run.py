"""A training run: start it, stop it, resume it, read it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.environments.base import Task, TextEnv, make_env
from toolkit.environments.base import tasks as tasks_of
from toolkit.episodes.rollout import check_kinds
from toolkit.errors import ConfigError
from toolkit.rewards import get_reward
from toolkit.training.claim import claimed
from toolkit.training.controls import Controls, weights_at
from toolkit.training.curriculum import Curriculum
from toolkit.training.events import EventLog, read_events
from toolkit.training.folder import (
    last_checkpoint,
    read_tasks,
    set_up,
    settings_of,
    step_of,
    versions,
)
from toolkit.training.plan import Plan, make_curriculum, schedule
from toolkit.training.settings import make_config, read_config

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A run that has been checked and has not begun."""

    policy: ModelPolicy
    """Who learns."""
    env: TextEnv
    """The environment."""
    rows: Rows
    """What is played."""
    config: TrainConfig
    """All settings."""
    resume: bool
    """Whether to go on from the last checkpoint."""

    @property
    def folder(self) -> Path:
        """Where it is written."""
        return Path(self.config.output_dir or "runs/latest")


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

    Ctrl-C (or the notebook's stop button) ends training within a turn, saves a
    checkpoint of the last complete step and returns; a second one stops at once. A run
    killed in any other way is continued by the same call with `resume=True`, and on a
    CPU gives the same numbers as a run that was never stopped. With
    `save_strategy="no"` there are no checkpoints, and the policy is saved at the end
    alone. To steer a run while it goes on, see `toolkit.training.background.start`.

    Args:
        policy: Who learns; its model is changed in place.
        env: Registry id, or an environment made by `make_env`.
        tasks: Games to train on (`None`: the environment's `train` split).
        curriculum: Which of them are played when, by name, as a recipe or as an
            object, which has games of its own (`None`: shuffled rounds).
        resume: Go on from the last checkpoint in `output_dir`, if there is one.
            Otherwise an earlier run in `output_dir` is overwritten.
        **settings: Any field of `toolkit.training.config.TrainConfig`, and so of
            TRL's `GRPOConfig`; mostly `reward`, `credit`, `max_steps`, `learning_rate`,
            `num_generations`, `per_device_train_batch_size` (episodes of a step) and
            `output_dir`. `temperature` is that of the policy if it is not given.

    Returns:
        The run, whose `policy` is the trained one.

    Raises:
        ConfigError: If a setting is unknown, out of range or contradicts another, or
            a run is resumed with other games, or another run is going on.
    """
    job = prepare(
        policy, env, tasks=tasks, curriculum=curriculum, resume=resume, **settings
    )
    return carry_out(job, controls_of(job))


def prepare(
    policy: ModelPolicy,
    env: str | TextEnv,
    *,
    tasks: Sequence[Task] | None = None,
    curriculum: Curriculum | str | dict[str, Any] | None = None,
    resume: bool = False,
    **settings: Any,
) -> Job:
    """Check the arguments of `train` and lay out what is played.

    Raises:
        ConfigError: As `train`.
    """
    check_kinds(policy, tasks)
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
    rows = _rows(tasks, config, own)
    return Job(policy=policy, env=made, rows=rows, config=config, resume=resume)


def controls_of(job: Job) -> Controls:
    """Return what a run can be steered with."""
    return Controls(get_reward(job.config.reward))


def train_from_file(
    path: str | Path, overrides: Sequence[str] = (), *, resume: bool = True
) -> Run:
    """Train as a YAML file says.

    Args:
        path: YAML whose keys are the fields of `TrainConfig`.
        overrides: Command-line arguments such as `["--max_steps", "10"]`.
        resume: Go on from the last checkpoint in `output_dir`, if there is one. A run
            that has finished all of `max_steps` begins anew.

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
    last = past[-1] if past else {}
    is_done = last.get("reason") == "finished" and last["step"] >= config.max_steps
    resume = resume and not is_done
    rows = _rows(tasks, config)
    job = Job(policy=policy, env=env, rows=rows, config=config, resume=resume)
    return carry_out(job, controls_of(job))


def _rows(
    tasks: Sequence[Task], config: TrainConfig, own: Curriculum | None = None
) -> Rows:
    """Return what the groups of a run play."""
    if config.curriculum is None:
        return schedule(tasks, config)
    return Plan(own or make_curriculum(config.curriculum, tasks), config)


def carry_out(
    job: Job,
    controls: Controls,
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> Run:
    """Train in this thread, and save the policy.

    Args:
        job: What to do.
        controls: What other threads may ask for meanwhile.
        on_event: Called with each event and each line of samples, in this thread.

    Raises:
        ConfigError: If an earlier run cannot be resumed, or another run is going on.
    """
    controls.reward.score([])  # loads judges: one that is not there ends it here
    with claimed(job.policy), controls.listening():
        checkpoint, events = _begin(job, controls, on_event)
        return _go_on(job, controls, events, checkpoint)


def _begin(
    job: Job,
    controls: Controls,
    on_event: Callable[[dict[str, Any]], None] | None,
) -> tuple[Path | None, EventLog]:
    """Set the folder up, and what a resumed run remembers; say that it begins."""
    folder, config, rows = job.folder, job.config, job.rows
    checkpoint = last_checkpoint(folder) if job.resume else None
    is_main = config.process_index == 0
    games = list(rows.curriculum.tasks) if isinstance(rows, Plan) else rows
    if is_main:
        set_up(folder, config, games, job.policy, checkpoint)
    step = step_of(checkpoint)
    if checkpoint:
        past = read_events(folder / "events.jsonl")
        controls.reward = controls.reward.reweighted(weights_at(past, step))
        if isinstance(rows, Plan):
            rows.recall(past, step)
    events = EventLog(folder / "events.jsonl" if is_main else None, on_event)
    facts = {"tasks": len(set(games)), "versions": versions()}
    start = "resumed" if checkpoint else "run_started"
    events.write(start, step=step, config=settings_of(config), **facts)
    job.policy.trained_on |= {(t.env, t.seed) for t in games}
    return checkpoint, events


def _go_on(
    job: Job, controls: Controls, events: EventLog, checkpoint: Path | None
) -> Run:
    """Train and save the policy; say how it ended."""
    from toolkit.training.callbacks import quiet

    began, step = time.time(), step_of(checkpoint)
    try:
        with quiet():
            step = _train(job, controls, events, checkpoint)
            if job.config.process_index == 0:
                job.policy.save(job.folder / "policy")
    except BaseException as error:
        minutes = (time.time() - began) / 60
        step = max((e.get("step", 0) for e in events.latest.values()), default=step)
        reason = f"{type(error).__name__}: {error}"
        events.write("failed", step=step, reason=reason, minutes=minutes)
        raise
    reason = controls.reason or "finished"
    event = "interrupted" if reason == "interrupted" else "finished"
    minutes = (time.time() - began) / 60
    events.write(event, step=step, reason=reason, minutes=minutes)
    return Run(folder=job.folder, policy=job.policy, step=step, stopped=reason)


def _train(
    job: Job, controls: Controls, events: EventLog, checkpoint: Path | None
) -> int:
    """Open the worlds and train in them; return the steps done."""
    from transformers.trainer_callback import PrinterCallback

    from toolkit.episodes.rollout import default_workers, env_factory
    from toolkit.training.callbacks import ControlCallback, Reporter
    from toolkit.training.clock import TimedPool
    from toolkit.training.ppo import trainer_of

    policy, config = job.policy, job.config
    workers = config.workers
    if workers is None:  # the cores are shared by the processes that train
        workers = max(1, default_workers(config.live) // config.world_size)
    factory = env_factory(job.env, policy)
    pool = TimedPool(factory, slots=config.live, workers=workers)
    with pool:
        trainer = trainer_of(config)(policy, pool, job.rows, config, events)
        trainer.reward = controls.reward
        trainer.add_callback(ControlCallback(controls, trainer))
        trainer.add_callback(Reporter(events, trainer.clock))
        trainer.remove_callback(PrinterCallback)
        try:
            trainer.train(
                resume_from_checkpoint=str(checkpoint) if checkpoint else None
            )
        finally:
            policy.model = trainer.release()
            policy.start()
    return int(trainer.state.global_step)
