"""Smoothing of curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def smooth(
    values: Sequence[float], weights: Sequence[float] | None = None
) -> np.ndarray:
    """Average each value with its neighbours.

    The weights of the neighbours fall like a bell whose standard deviation is
    `smoothing(S)` steps; at the ends only the neighbours that exist count.

    >>> [round(float(v), 3) for v in smooth([0, 0, 1, 0, 0])]
    [0.077, 0.257, 0.403, 0.257, 0.077]

    Args:
        values: `(S,)`
        weights: How much each value counts `(S,)`, such as its number of episodes.

    Returns:
        The smoothed values `(S,)`.
    """
    at = np.arange(len(values))
    bell = np.exp(-0.5 * ((at[:, None] - at) / smoothing(len(values))) ** 2)
    bell *= np.ones(len(values)) if weights is None else np.asarray(weights, float)
    smoothed: np.ndarray = bell @ np.asarray(values, float) / bell.sum(axis=1)
    return smoothed


def smoothing(steps: int) -> float:
    """Return the standard deviation, in steps, with which `smooth` averages."""
    return max(1.0, steps / 20)
