"""The recorded runs that ship with the package, and how they are made.

`python -m toolkit.widgets.recordings` trains and packs them anew (a few minutes each);
with names, only those. What a recording need not show is left out: the groups of each
batch, and digits that nobody reads.
"""

from __future__ import annotations

import json
import lzma
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError, near_matches
from toolkit.paths import assets_dir
from toolkit.training.events import read_events

DIGITS = 4
"""Of numbers that are kept."""
FILES = ("events.jsonl", "samples.jsonl")
LEFT_OUT = ("groups", "versions", "output_dir")
"""Fields that a recording does without."""
SHARED: dict[str, Any] = {
    "num_generations": 8,
    "per_device_train_batch_size": 32,
    "live": 32,
    "seed": 0,
    "save_strategy": "no",
    "progress": False,
}
RECORDINGS: dict[str, dict[str, Any]] = {
    "learns": {
        "env": "textworld/coin_collector-105-basic",
        "params": {"goal": "brief"},
        "n_tasks": 200,
        "credit": "turn_return",
        "reward": "discovery",
        "discount": 0.7,
        "learning_rate": 7e-4,
        "max_steps": 50,
    },
    "fails": {
        "env": "textworld/coin_collector-115-basic",
        "params": {"goal": "brief", "max_turns": 18},
        "n_tasks": 40,
        "credit": "grpo",
        "reward": "sparse",
        "learning_rate": 7e-4,
        "max_steps": 40,
    },
}
"""What was trained. The first searches small mazes and is paid for rooms it had not
seen; the second is paid for coins alone, in mazes where it finds none."""


def recording(run: str | Path) -> Path:
    """Return the folder of a run, or of a recording that ships.

    Args:
        run: A folder, or the name of a recording.

    Raises:
        ToolkitError: If there is neither.
    """
    if Path(run).is_dir():
        return Path(run)
    if str(run) not in RECORDINGS:
        raise ToolkitError(
            f"There is no run {str(run)!r}.",
            f"It is no folder, and the runs that ship are {', '.join(RECORDINGS)}.",
            near_matches(str(run), RECORDINGS),
        )
    return assets_dir() / "runs" / run


def record(name: str) -> Path:
    """Train one of `RECORDINGS` and put it, packed, where the package looks for it."""
    from toolkit import load_policy, make_env, train

    settings = {**SHARED, **RECORDINGS[name]}
    env = make_env(settings.pop("env"), **settings.pop("params"))
    with tempfile.TemporaryDirectory() as folder:
        policy = load_policy("pocket", device="cpu")
        train(policy, env, output_dir=folder, **settings)
        return pack(Path(folder), assets_dir() / "runs" / name)


def pack(folder: Path, target: Path, *, samples_every: int = 1) -> Path:
    """Write the events and samples of a run into another folder, small.

    Args:
        folder: Of the run.
        target: The new folder.
        samples_every: Steps between the samples that are kept.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name, every in zip(FILES, (1, samples_every), strict=True):
        kept = [e for e in read_events(folder / name) if e["step"] % every == 0]
        lines = [json.dumps(_small(event)) for event in kept]
        packed = lzma.compress("".join(f"{line}\n" for line in lines).encode())
        (target / f"{name}.xz").write_bytes(packed)
    return target


def _small(value: Any) -> Any:
    """Leave out what a recording does without."""
    if isinstance(value, float):
        return round(value, 3) if value > 1e6 else float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {k: _small(v) for k, v in value.items() if k not in LEFT_OUT}
    return [_small(v) for v in value] if isinstance(value, list) else value


def main(names: Sequence[str]) -> int:
    """Make the recordings that are named, or all of them."""
    for name in names or RECORDINGS:
        print(f"{name}: training", flush=True)
        made = record(name)
        size = sum(file.stat().st_size for file in made.iterdir())
        print(f"{made}: {size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
