"""Milliseconds of every tool of a repair, in episodes that the expert wins."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import toolkit

PACKAGES = ("inflection", "python-slugify", "tabulate", "toolz", "boltons")
GOALS_MS = {"view": 5, "replace": 5, "run_tests": 1000}
LOOK = ("ls", "search return", "diff", "run_tests")
"""What is done before the expert begins."""


def run(repositories: Sequence[str], *, bugs: int) -> dict[str, Any]:
    """Measure all tools; return the result as data.

    Args:
        repositories: Names of packages with training bugs.
        bugs: To be repaired in each.

    Returns:
        Under `tools` a row for each tool of each package, with all `ms`.

    Raises:
        RuntimeError: If the expert does not win.
    """
    rows = []
    for name in repositories:
        env = toolkit.make_env(f"swe/{name}")
        spent: dict[str, list[float]] = {}
        try:
            for task in toolkit.tasks(f"swe/{name}", n=bugs):
                _repair(env, task, spent)
        finally:
            env.close()
        rows += [
            {"repository": name, "tool": tool, "ms": ms} for tool, ms in spent.items()
        ]
    return {"goals_ms": GOALS_MS, "bugs": bugs, "tools": rows}


def _repair(
    env: toolkit.TextEnv, task: toolkit.Task, spent: dict[str, list[float]]
) -> None:
    """Repair one bug, and write down what every step takes."""

    def clock(tool: str, act: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        done = act()
        spent.setdefault(tool, []).append(round(1e3 * (time.perf_counter() - start), 3))
        return done

    clock("reset", lambda: env.reset(options={"task": task}))
    for action in (*LOOK, *(env.expert() or ())):
        *_, info = clock(action.split()[0], partial(env.step, action))
    if not info["won"]:
        raise RuntimeError(f"{task.id} is not repaired.")
