"""How often an episode is paid: moving rewards between turns, keeping their sum."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from toolkit.errors import ConfigError

Numbers = npt.NDArray[np.float64]


def defer(values: Numbers, offsets: npt.NDArray[np.int64], density: float) -> Numbers:
    """Pay out only a part of the milestones, and with each what had been held back.

    A milestone is a turn with a positive reward. Milestone `j` of an episode (from 1)
    pays out if `floor(j * density) > floor((j - 1) * density)`, and the last turn of
    the episode always does. So 0 pays all at the end, 1 pays at every milestone, and
    0.4 at every third, fifth, eighth, tenth, … What is paid when depends on the past
    alone. Costs stay where they are, and the sum over an episode never changes.

    The paper compares three versions of its games, with points for few or for many
    of their milestones (section 7.1); doing it with one record of a game is ours.

    Args:
        values: Rewards `(N,)`, the turns of all episodes one after the other.
        offsets: Where each episode begins, and `N`: `(B + 1,)`.
        density: From 0 to 1.

    Returns:
        Rewards `(N,)`.

    >>> defer(np.array([1.0, 0, 1, 1, -1]), np.array([0, 5]), 0.5).tolist()
    [0.0, 0.0, 2.0, 0.0, 0.0]
    """
    earned = np.maximum(values, 0.0)
    before = np.concatenate([[0], np.cumsum(earned > 0)])
    count = before[1:] - np.repeat(before[offsets[:-1]], np.diff(offsets))
    pays = (earned > 0) & (_paid(count, density) > _paid(count - 1, density))
    pays[offsets[1:][np.diff(offsets) > 0] - 1] = True
    places = np.flatnonzero(pays)
    target = places[np.searchsorted(places, np.arange(len(values)))]
    moved = np.bincount(target, weights=earned, minlength=len(values))
    return moved.astype(float) + np.minimum(values, 0.0)


def check_density(density: float | None) -> None:
    """Raise unless a density is possible.

    Raises:
        ConfigError: If it is not between 0 and 1.
    """
    if density is None:
        return
    known = isinstance(density, int | float) and not isinstance(density, bool)
    if not known or not 0 <= density <= 1:
        raise ConfigError(
            f"The density is {density!r}.",
            "It goes from 0 (all at the end) to 1 (at every milestone).",
        )


def _paid(milestones: npt.NDArray[np.int64], density: float) -> Numbers:
    """Return how many of the first milestones pay out; 0.29 of 100 are 29."""
    paid: Numbers = np.floor(milestones * density + 1e-9)
    return paid
