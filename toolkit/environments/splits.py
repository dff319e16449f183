"""Games that are named by a seed: which seeds a split has, and its first tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolkit.environments.base import Scalar, Task
from toolkit.errors import TaskError

SPLIT_SEEDS = {
    "test": range(1, 1_001),
    "validation": range(30_001, 40_001),
    "demonstration": range(40_001, 50_001),
    "train": range(50_001, 70_001),
}
"""Seeds of the splits, for worlds that have no reason for others."""
DEFAULT_SIZES = {"test": 100, "validation": 100}
"""Tasks of a split when no number is asked for; of the other splits all."""


def seeded_tasks(
    env: str,
    split: str,
    n: int | None,
    params: tuple[tuple[str, Scalar], ...],
    *,
    seeds: Mapping[str, Sequence[int]] = SPLIT_SEEDS,
    sizes: Mapping[str, int] = DEFAULT_SIZES,
) -> list[Task]:
    """Return the first tasks of a split, one for each seed.

    Args:
        env: Registry id.
        split: A key of `seeds`.
        n: How many (`None`: as `sizes` says, or all).
        params: What tasks keep of the arguments.
        seeds: Of each split.
        sizes: Of splits when `n` is `None`.

    Raises:
        TaskError: If the split has fewer than `n`.
    """
    found = seeds[split]
    n = sizes.get(split, len(found)) if n is None else n
    if n > len(found):
        raise too_many(n, split, len(found))
    return [Task(env=env, seed=s, split=split, params=params) for s in found[:n]]


def too_many(n: int, split: str, there_are: int) -> TaskError:
    """Return the error that says that a split has not so many games."""
    return TaskError(
        f"{n} tasks of the split {split!r} were asked for.",
        f"It has {there_are}.",
        f"Ask for at most {there_are}.",
    )
