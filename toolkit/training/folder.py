"""The folder of a run: what is written at its start, and how it is found again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.environments.base import Task
from toolkit.errors import ConfigError

if TYPE_CHECKING:
    from toolkit.policies.models import ModelPolicy
    from toolkit.training.config import TrainConfig

MAY_CHANGE = {
    *("max_steps", "output_dir", "progress", "workers", "stop_after_minutes"),
    *("report_to", "save_steps", "save_strategy", "save_total_limit"),
}
"""Settings that a run may be resumed with other values of."""


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
    return {
        "python": platform.python_version(),
        **own,
        **{n: version(n) for n in names},
    }


def settings_of(config: TrainConfig) -> dict[str, Any]:
    """Return the settings that differ from the defaults of the class."""
    defaults = type(config)()
    every = {f.name: getattr(config, f.name) for f in fields(config) if f.init}
    return {k: v for k, v in every.items() if v != getattr(defaults, k)}


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest complete checkpoint of a run."""
    found = [path for path in folder.glob("checkpoint-*") if is_complete(path)]
    return max(found, key=step_of, default=None)


def step_of(checkpoint: Path | None) -> int:
    """Return the steps done at a checkpoint, 0 without one."""
    return int(checkpoint.name.split("-")[1]) if checkpoint else 0


def is_complete(checkpoint: Path) -> bool:
    """Whether a checkpoint was written to the end; its state is written last."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True


def set_up(
    folder: Path,
    config: TrainConfig,
    rows: Sequence[Task],
    policy: ModelPolicy,
    checkpoint: Path | None,
) -> None:
    """Write what the run was started with; clear away an earlier run."""
    games = list(dict.fromkeys(rows))
    if checkpoint is not None:
        before = read_tasks(folder)
        # a schedule may have been made longer; what a curriculum may choose may not
        shared = (max if config.curriculum else min)(len(before), len(games))
        if before[:shared] != games[:shared]:
            raise ConfigError(
                "The run cannot be resumed with other games.",
                f"{folder / 'tasks.json'} lists those that it began with.",
                "Give the same tasks and seed, or start anew with resume=False "
                "(--no-resume).",
            )
        _check_same(folder, config)
    else:
        for name in ("events.jsonl", "samples.jsonl"):
            (folder / name).unlink(missing_ok=True)
        for old in (*folder.glob("checkpoint-*"), *folder.glob("reference")):
            shutil.rmtree(old)
    folder.mkdir(parents=True, exist_ok=True)
    setup = {"settings": settings_of(config), "policy": policy.name}
    setup["versions"] = versions()
    (folder / "config.json").write_text(json.dumps(setup, indent=1, default=str))
    (folder / "tasks.json").write_text(json.dumps([task.to_dict() for task in games]))


def _check_same(folder: Path, config: TrainConfig) -> None:
    """Raise if a run would go on with settings that change what it learns."""
    text = (folder / "config.json").read_text(encoding="utf-8")
    before = json.loads(text)["settings"]
    now = json.loads(json.dumps(settings_of(config), default=str))
    other = sorted(
        name
        for name in (before.keys() | now.keys()) - MAY_CHANGE
        if before.get(name) != now.get(name)
    )
    if other:
        changes = (f"{n} was {before.get(n)}, is {now.get(n)}" for n in other)
        raise ConfigError(
            f"The unfinished run in {folder} had other settings.",
            f"{'; '.join(changes)} (None: the default).",
            "Give the same settings to go on with it, or another output_dir, or "
            "start anew with resume=False (--no-resume).",
        )
