"""Go on from a checkpoint of another run, with other settings: what if?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import ConfigError
from toolkit.training.events import EventLog, read_events
from toolkit.training.folder import is_complete, last_checkpoint, settings_of, step_of
from toolkit.training.samples import FILE
from toolkit.training.settings import make_config

if TYPE_CHECKING:
    from toolkit.training.config import TrainConfig

WHICH_GAMES = ("env", "env_params", "n_tasks", "curriculum", "seed")
HOW_MANY = (
    *("num_generations", "per_device_train_batch_size", "steps_per_generation"),
    *("gradient_accumulation_steps", "num_iterations", "generation_batch_size"),
)
OPTIMISER = ("optim", "adam_beta1", "adam_beta2", "adam_epsilon", "weight_decay")
FIXED = {
    **dict.fromkeys(WHICH_GAMES, "The games before and after would not fit together."),
    **dict.fromkeys(HOW_MANY, "A run finds its place among its games by them."),
    **dict.fromkeys((*OPTIMISER, "critic"), "The checkpoint holds it as it was."),
    "output_dir": "The folder of the new run is given as `to`.",
}
"""Settings that a fork cannot change, and why."""
ENDS = ("interrupted", "finished", "failed")


def fork(
    run_folder: str | Path, to: str | Path, *, step: int | None = None, **changed: Any
) -> Path:
    """Make a run that has done the first steps of another one.

    It goes on with `train(policy, env, tasks=…, output_dir=to, resume=True, …)`, given
    the same settings as the first run, but for those that were changed here. What is
    not changed gives the same numbers as in the first run. That one may be alive: ask
    for a checkpoint with `controls.save()`, and wait for its event.

    Args:
        run_folder: Folder of the first run.
        to: Folder of the new one, which must not exist.
        step: That of a checkpoint in `run_folder` (`None`: the last).
        **changed: Settings of `TrainConfig`, such as `reward` or `learning_rate`. A new
            `reward` replaces weights that were changed while the first run went on.

    Returns:
        `to`.

    Raises:
        ConfigError: If there is no such checkpoint, `to` exists, or a setting is wrong
            or cannot be changed.
    """
    source, to = Path(run_folder), Path(to)
    checkpoint = _checkpoint(source, step)
    before, after = _configs(source, to, changed)
    draft = to.with_name(f".{to.name}-draft")
    try:
        if to.exists() and any(to.iterdir()):
            raise ConfigError(
                f"{to} is not empty.", "A fork is a run of its own.", "Name another."
            )
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(checkpoint, draft / checkpoint.name)
        if (source / "reference").exists():
            shutil.copytree(source / "reference", draft / "reference")
        shutil.copy(source / "tasks.json", draft)
        _write_config(source, draft, after)
        _set_rates(draft / checkpoint.name, before, after)
        told = json.loads(json.dumps(settings_of(after), default=str))
        changes = {name: told.get(name) for name in changed}
        _write_events(source, draft, step_of(checkpoint), changes)
        draft.rename(to)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return to


def _checkpoint(source: Path, step: int | None) -> Path:
    """Return the checkpoint that a fork begins with."""
    path = last_checkpoint(source) if step is None else source / f"checkpoint-{step}"
    if path is None or not is_complete(path):
        found = sorted(step_of(p) for p in source.glob("checkpoint-*"))
        there = ", ".join(map(str, found)) or "none"
        wanted = "checkpoint" if step is None else f"checkpoint of step {step}"
        raise ConfigError(
            f"There is no {wanted} in {source}.",
            f"Steps with a checkpoint: {there}. A run keeps save_total_limit of them.",
            "Choose one of these, or ask a live run for one with controls.save().",
        )
    return path


def _configs(
    source: Path, to: Path, changed: dict[str, Any]
) -> tuple[TrainConfig, TrainConfig]:
    """Return the settings of both runs."""
    for name in changed:
        if name in FIXED:
            raise ConfigError(
                f"A fork cannot change {name}.", FIXED[name], "Start a run of its own."
            )
    setup = json.loads((source / "config.json").read_text(encoding="utf-8"))
    settings = setup["settings"] | {"output_dir": str(source)}
    before = make_config(**settings)
    after = make_config(**settings | {"output_dir": str(to)} | changed)
    if before.has_critic != after.has_critic:
        raise ConfigError(
            f"A fork cannot go from {before.credit!r} to {after.credit!r}.",
            "Only one of them has a critic, and the checkpoint is made for the other.",
            "Start a run of its own.",
        )
    return before, after


def _write_config(source: Path, draft: Path, config: TrainConfig) -> None:
    """Write what the fork is started with."""
    setup = json.loads((source / "config.json").read_text(encoding="utf-8"))
    setup["settings"] = settings_of(config)
    text = json.dumps(setup, indent=1, default=str)
    (draft / "config.json").write_text(text, encoding="utf-8")


def _write_events(
    source: Path, draft: Path, step: int, changed: dict[str, Any]
) -> None:
    """Copy what happened until the checkpoint, and say that it forks here."""
    log = EventLog(draft / "events.jsonl")
    for event in read_events(source / "events.jsonl"):
        later = event["step"] > step - (event["event"] == "rollout")
        if not later and event["event"] not in ENDS:
            log.copy(event)
    log.write("forked", step=step, source=str(source), changed=changed)
    samples = log.beside(FILE)
    for sample in read_events(source / FILE):
        if sample["step"] < step:
            samples.copy(sample)


def _set_rates(checkpoint: Path, before: TrainConfig, after: TrainConfig) -> None:
    """Put other learning rates into a checkpoint, which would bring the old ones."""
    import torch

    rates = [
        (c.learning_rate, c.learning_rate * c.value_lr_factor) for c in (before, after)
    ]
    if rates[0] == rates[1]:
        return
    if not all(rates[0]):
        raise ConfigError(
            "The learning rate was 0.", "Its schedule cannot be scaled.", "Start anew."
        )
    policy, critic = (new / old for old, new in zip(*rates, strict=True))
    path = checkpoint / "optimizer.pt"
    optimiser = torch.load(path, weights_only=True)
    groups = optimiser["param_groups"]
    factors = [policy] * (len(groups) - before.has_critic) + [
        critic
    ] * before.has_critic
    for group, factor in zip(groups, factors, strict=True):
        for name in ("lr", "initial_lr"):
            group[name] *= factor
    torch.save(optimiser, path)
    path = checkpoint / "scheduler.pt"
    scheduler = torch.load(path, weights_only=True)
    for name in ("base_lrs", "_last_lr"):
        pairs = zip(scheduler[name], factors, strict=True)
        scheduler[name] = [rate * factor for rate, factor in pairs]
    torch.save(scheduler, path)
