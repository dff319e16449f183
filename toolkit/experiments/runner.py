"""Run an experiment: every arm with every seed, what is finished only once.

Runs lie in a folder named after everything that determines them, so that experiments
share them, and one that was stopped goes on where it was.
"""

from __future__ import annotations

import functools
import json
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.device import is_main_process, limit_threads
from toolkit.environments.base import Task, make_env, tasks
from toolkit.environments.games import generate
from toolkit.errors import TaskError
from toolkit.experiments.exams import exam_path, exam_results, key, take
from toolkit.experiments.preset import LIMITS, Arm, Exam, Preset, Start
from toolkit.paths import write_at_once
from toolkit.training.events import read_events, steps_of
from toolkit.training.folder import versions
from toolkit.training.plan import make_curriculum
from toolkit.training.run import train
from toolkit.training.settings import make_config

if TYPE_CHECKING:
    from toolkit.policies.models import ModelPolicy

TRAINING_COST = 2.0
"""Seconds of an episode that is trained on, in those of one that is only played;
measured with `pocket`, and corrected as soon as the first run is done."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One arm with one seed."""

    arm: Arm
    """What is run."""
    seed: int
    """Of everything."""
    out: Path
    """Where all runs are."""

    @cached_property
    def start(self) -> Path:
        """Folder of the policy that it begins with."""
        start = self.arm.start
        shown = f"{start.demonstrations}-demonstrations-" * bool(start.demonstrations)
        name = Path(start.policy).name
        return self.out / f"start-{name}-{shown}{key(start.given)}-seed{self.seed}"

    @cached_property
    def folder(self) -> Path:
        """Folder of its run, or of its start if nothing is trained."""
        if not self.steps:
            return self.start
        settings = {k: v for k, v in self.arm.settings.items() if k != "workers"}
        name = key([self.arm.start.given, settings])
        world = str(settings.get("env", "")).rpartition("/")[2]
        credit = settings.get("credit", "grpo")
        return self.out / f"{world}-{credit}-{name}-seed{self.seed}"

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return int(self.arm.settings.get("max_steps", 60))

    @cached_property
    def episodes(self) -> int:
        """Episodes it trains on."""
        if not self.steps:
            return 0
        config = make_config(**self.settings)
        return config.groups_needed * int(config.num_generations or 1)

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of `train`."""
        return {**self.arm.settings, "seed": self.seed, "output_dir": str(self.folder)}

    @property
    def games(self) -> list[Task]:
        """What it trains on, unless a curriculum has games of its own."""
        how = self.arm.settings
        params = how.get("env_params") or {}
        return list(tasks(how["env"], split="train", n=how.get("n_tasks"), **params))

    @property
    def is_done(self) -> bool:
        """Whether the policy after training is there."""
        return (self.folder / "done.json").is_file()


def run_experiment(
    preset: Preset,
    *,
    seeds: Sequence[int] | None = None,
    out: str | Path = "runs/experiments",
) -> dict[str, Any]:
    """Run what is missing, and return all results there are.

    Args:
        preset: The experiment.
        seeds: Run these alone, so that others may be run elsewhere (`None`: all).
        out: Where the runs are, of all experiments.

    Returns:
        What `experiments/results` holds, JSON-ready; of seeds that are not finished
        an arm has no run.
    """
    from transformers.utils import logging

    limit_threads()
    logging.disable_progress_bar()  # a bar for each time that weights are loaded
    preset, folder = _feasible(preset), Path(out)
    jobs = list(_jobs(preset, preset.seeds if seeds is None else seeds, folder))
    todo = [job for job in jobs if job.steps and not job.is_done]
    _say(_cost(preset, jobs, todo))
    generate(_games(preset, todo))
    for job in {job.start: job for job in jobs}.values():
        _make_start(job)
        _examine(preset, job, job.start)
    left = _Estimate(preset, todo)
    for number, job in enumerate(todo, start=1):
        _say(f"[{number}/{len(todo)}] {job.folder.name}{left}")
        _train(job)
        left.done(job)
    for job in jobs:
        _examine(preset, job, job.folder)
    return _results(preset, folder)


def _feasible(preset: Preset) -> Preset:
    """Leave out exams that may be left out, if their games are not to be had."""
    exams = {
        name: exam
        for name, exam in preset.exams.items()
        if not exam.optional or _has_games(name, exam)
    }
    return replace(preset, exams=exams)


def _has_games(name: str, exam: Exam) -> bool:
    """Return whether an exam can be sat here; say so if not."""
    try:
        return bool(exam.games)
    except TaskError as error:
        _say(f"The exam {name!r} is left out. {error}")
        return False


def _jobs(preset: Preset, seeds: Iterable[int], out: Path) -> Iterator[Job]:
    """Yield the arms with the first seed, then those with the second, and so on."""
    for seed in seeds:
        for arm in preset.arms.values():
            yield Job(arm=arm, seed=seed, out=out)


def _say(text: str) -> None:
    if is_main_process():
        print(text, flush=True)


# ---- doing it --------------------------------------------------------------------


def _make_start(job: Job) -> None:
    """Imitate the demonstrations, if there are any to imitate."""
    from toolkit.policies import ExpertPolicy
    from toolkit.training.imitation import ImitationConfig, demonstrate, imitate

    start, done = job.arm.start, job.start / "done.json"
    if done.is_file():
        return
    began = time.monotonic()
    if start.demonstrations:
        policy = _load(start, start.policy)
        env = make_env(start.env, **start.params)
        shown = demonstrate(env, start.demonstrations, ExpertPolicy())
        config = ImitationConfig(learning_rate=start.learning_rate, seed=job.seed)
        steps = math.ceil(start.epochs * len(shown) / config.batch_size)
        imitate(policy, shown, replace(config, steps=steps))
        if start.lora:  # reinforcement learning begins with adapters of its own
            policy.model = policy.model.merge_and_unload()
        if is_main_process():
            policy.save(job.start / "policy")
    _finish(job.start, began)


def _train(job: Job) -> None:
    """Train one arm with one seed, or go on with it."""
    began = time.monotonic()
    own = ("env", "env_params", "n_tasks", "curriculum")
    how = {k: v for k, v in job.settings.items() if k not in own}
    settings = job.arm.settings
    env = make_env(settings["env"], **(settings.get("env_params") or {}))
    run = train(
        _load(job.arm.start, _policy_of(job.arm.start, job.start)),
        env,
        tasks=job.games,
        curriculum=settings.get("curriculum"),
        resume=True,
        **{"progress": False, **how},
    )
    if run.stopped == "interrupted":
        raise KeyboardInterrupt(f"{job.folder} is not finished.")
    _finish(job.folder, began)


def _finish(folder: Path, began: float) -> None:
    """Note that a folder is complete."""
    from accelerate import PartialState

    facts = {"minutes": (time.monotonic() - began) / 60, "versions": versions()}
    if is_main_process():
        write_at_once(folder / "done.json", json.dumps(facts, indent=1))
    PartialState().wait_for_everyone()  # the others will read what was written


def _examine(preset: Preset, job: Job, folder: Path) -> None:
    """Let a policy sit the exams that it has not sat."""
    whole = replace(job.arm.start, lora=False)
    load = functools.cache(lambda: _load(whole, _policy_of(whole, folder)))
    for exam in preset.exams.values():
        path = exam_path(folder, exam)
        if not path.is_file():
            live = job.arm.settings.get("live", 64)
            facts = take(exam, load, seed=job.seed, live=live)
            if is_main_process():
                write_at_once(path, json.dumps(facts, indent=1))


def _policy_of(start: Start, folder: Path) -> str:
    """Return what to load: what lies in a folder, or the start as it comes."""
    own = folder / "policy"
    return str(own) if own.is_dir() else start.policy


def _load(start: Start, source: str) -> ModelPolicy:
    from toolkit.policies import load_policy

    limits = {k: v for k, v in start.given.items() if k in LIMITS}
    return load_policy(source, lora=start.lora or None, **limits)


# ---- what it costs ---------------------------------------------------------------


def _cost(preset: Preset, jobs: Sequence[Job], todo: Sequence[Job]) -> str:
    """Say what is to be done."""
    trained = sum(job.episodes for job in todo)
    folders = {job.start for job in jobs} | {job.folder for job in jobs}
    exams = [
        exam.episodes
        for folder in folders
        for exam in preset.exams.values()
        if not exam_path(folder, exam).is_file()
    ]
    return (
        f"{preset.title}\n"
        f"{len(preset.arms)} arms, {len(jobs)} runs, {len(todo)} of them to do: "
        f"{trained:,} episodes to train on and {sum(exams):,} to be examined on. "
        "Ctrl-C stops; the same command goes on."
    )


def _games(preset: Preset, todo: Sequence[Job]) -> list[Task]:
    """Return every game that is played."""
    found = dict.fromkeys(game for e in preset.exams.values() for game in e.games)
    for job in todo:
        recipe = job.arm.settings.get("curriculum")
        games = make_curriculum(recipe, job.games).tasks if recipe else job.games
        found |= dict.fromkeys(games)
        start = job.arm.start
        if start.demonstrations:
            shown = tasks(start.env, split="demonstration", **start.params)
            found |= dict.fromkeys(shown[: start.demonstrations])
    return [game for game in found if game.env.startswith("textworld/")]


class _Estimate:
    """How long the runs that are left will take, from what was measured."""

    def __init__(self, preset: Preset, todo: Sequence[Job]) -> None:
        self._preset, self._left = preset, list(todo)
        self._began, self._factor = time.monotonic(), 1.0
        self._guessed = 0.0

    def done(self, job: Job) -> None:
        """Correct the estimate by how long a run took."""
        self._left.remove(job)
        self._guessed += self._guess(job)
        self._factor = (time.monotonic() - self._began) / max(self._guessed, 1e-9)

    def __str__(self) -> str:
        seconds = self._factor * sum(self._guess(job) for job in self._left)
        return f", about {math.ceil(seconds / 60)} min left for all"

    def _guess(self, job: Job) -> float:
        """Return seconds, from those of the start's slowest exam."""
        per_episode = 0.0
        for exam in self._preset.exams.values():
            facts = json.loads(exam_path(job.start, exam).read_text(encoding="utf-8"))
            per_episode = max(per_episode, facts["seconds"] / exam.episodes)
        exams = sum(exam.episodes for exam in self._preset.exams.values())
        return per_episode * (TRAINING_COST * job.episodes + exams)


# ---- results ---------------------------------------------------------------------


def _results(preset: Preset, out: Path) -> dict[str, Any]:
    """Gather what is finished."""
    arms = {name: _arm_results(preset, arm, out) for name, arm in preset.arms.items()}
    spent = sum(run["minutes"] for arm in arms.values() for run in arm["runs"])
    return {
        "name": preset.name,
        "title": preset.title,
        "question": preset.question,
        "setting": preset.setting,
        "start": next(iter(preset.arms.values())).start.policy,
        "seeds": list(preset.seeds),
        "measure": preset.measure,
        "n": max(exam.n for exam in preset.exams.values()),
        "exams": list(preset.exams),
        "arms": arms,
        "paper": preset.paper,
        "paper_source": preset.paper_source,
        **{k: list(getattr(preset, k)) for k in ("claims", "findings", "limits")},
        "made": {
            "minutes": round(spent, 1),
            "versions": versions(),
            "command": f"toolkit experiment {preset.name}",
        },
    }


def _arm_results(preset: Preset, arm: Arm, out: Path) -> dict[str, Any]:
    jobs = (Job(arm=arm, seed=seed, out=out) for seed in preset.seeds)
    done = [job for job in jobs if job.is_done]
    runs = [_run_results(preset, job) for job in done]
    return {"label": arm.label, "settings": arm.differs, "runs": runs}


def _run_results(preset: Preset, job: Job) -> dict[str, Any]:
    done = json.loads((job.folder / "done.json").read_text(encoding="utf-8"))
    rollouts = steps_of(read_events(job.folder / "events.jsonl"), "rollout")
    counts_wins = preset.measure == "success"
    return {
        "seed": job.seed,
        "before": exam_results(preset, job.start),
        "after": exam_results(preset, job.folder),
        "curve": [round(float(r["success"]), 4) for r in rollouts if counts_wins],
        "episodes": job.episodes,
        "minutes": round(done["minutes"], 2),
        "stopped": "finished",
    }
