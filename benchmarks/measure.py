"""Measure ways to do the same work by turns, and describe the machine they ran on.

Wall seconds are what a user waits for; CPU seconds, of this process and its children,
are what a busy machine distorts least. The sides take turns (A B A B …), so that a
change of load meets both, and every repeat gives a ratio of its own.
"""

from __future__ import annotations

import gc
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("torch", "transformers", "trl", "textworld", "numpy")

Facts = dict[str, Any]
"""What a side did: how often it did each thing, and under `parts` the wall seconds."""
Side = Callable[[], Facts]


@dataclass(slots=True)
class Watch:
    """Seconds between start and end of a `with` block."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


@contextmanager
def watch() -> Iterator[Watch]:
    """Measure the block inside; the numbers are there after its end."""
    gc.collect()
    seen, cpu, wall = Watch(), cpu_seconds(), time.perf_counter()
    try:
        yield seen
    finally:
        seen.wall_s = time.perf_counter() - wall
        seen.cpu_s = cpu_seconds() - cpu


def cpu_seconds() -> float:
    """Return CPU seconds of this process and its children, dead or alive."""
    me = psutil.Process()
    own = me.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in me.children(recursive=True):
        try:
            spent = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += spent.user + spent.system
        total += spent.children_user + spent.children_system
    return float(total)


def race(
    sides: Mapping[str, Side],
    *,
    unit: str,
    repeats: int,
    warm_up: bool = True,
    prepare: Mapping[str, Callable[[], Any]] | None = None,
) -> dict[str, Any]:
    """Let two sides do the same work by turns.

    Args:
        sides: Ours first, then the other; each call does the work once.
        unit: Which number of the facts counts, such as `episodes`.
        repeats: How often each side is measured.
        warm_up: Run each side once before, unmeasured.
        prepare: What to do before each call of a side, unmeasured.

    Returns:
        `unit`, per side `wall_s`, `cpu_s` and `facts` of each repeat, and `ratio`:
        units per second of ours over those of the other, by wall and by CPU time.
    """
    runs: dict[str, dict[str, Any]] = {
        name: {"wall_s": [], "cpu_s": [], "facts": []} for name in sides
    }
    for i in range(-warm_up, repeats):
        for name, side in sides.items():
            if prepare:
                prepare[name]()
            with watch() as seen:
                facts = side()
            if i >= 0:
                runs[name]["wall_s"].append(round(seen.wall_s, 4))
                runs[name]["cpu_s"].append(round(seen.cpu_s, 3))
                runs[name]["facts"].append(facts)
            line = f"  {name:<9} {seen.wall_s:8.2f} s, CPU {seen.cpu_s:8.2f} s"
            print(line, flush=True)
    ours, other = runs.values()
    ratio = {
        clock: spread(
            [
                a / b
                for a, b in zip(
                    rates(ours, unit, clock), rates(other, unit, clock), strict=True
                )
            ]
        )
        for clock in ("wall_s", "cpu_s")
    }
    return {"unit": unit, "sides": runs, "ratio": ratio}


def rates(run: Mapping[str, Any], unit: str, clock: str) -> list[float]:
    """Return units per second of each repeat; a clock tick is the least time."""
    return [
        facts[unit] / max(seconds, 0.01)
        for facts, seconds in zip(run["facts"], run[clock], strict=True)
    ]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return median, least and most.

    >>> spread([1.0, 5.0, 2.0])
    {'median': 2.0, 'min': 1.0, 'max': 5.0}
    """
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
    }


def surroundings() -> dict[str, Any]:
    """Return what determines the numbers: machine, its load, versions."""
    import torch

    return {
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
        "cpu": _cpu_name(),
        "cores": _cores(),
        "torch_threads": torch.get_num_threads(),
        "load_before": load(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def load() -> float:
    """Return the mean number of busy processes in the last minute."""
    return float(round(psutil.getloadavg()[0], 2))


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux only; respects containers
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
