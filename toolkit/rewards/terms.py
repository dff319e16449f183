"""What an episode is paid, turn by turn, computed from its record.

A reward is a function of a recorded `Episode` that returns one number per turn `(K,)`.
It reads facts (`won`, `score`, `room`, …) and never the environment, so any episode can
be scored again, for ever, with other rewards.
"""

from __future__ import annotations

from collections.abc import Callable

from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError, near_matches

Reward = Callable[[Episode], list[float]]

DISCOVERY_STEP = 0.1
"""Paid by `discovery` for a room entered for the first time."""
DISCOVERY_LIMIT = 0.9
"""The most `discovery` pays before the win, so that losing never beats winning."""


def game(episode: Episode) -> list[float]:
    """Return the game's own points, as the environment paid them."""
    return episode.turn_rewards


def sparse(episode: Episode) -> list[float]:
    """Pay 1 on the turn that wins, and nothing else."""
    rewards = [0.0] * len(episode.turns)
    if episode.won:
        rewards[-1] = 1.0
    return rewards


def discovery(episode: Episode) -> list[float]:
    """Pay a little for each room that this episode had not seen yet, and the win.

    The turn that wins is paid what is missing to 1, so every won episode is worth 1
    in all, however it looked around, and a lost one at most `DISCOVERY_LIMIT`.
    Needs `room` and `first_room` in the facts of a turn.
    """
    rewards = [0.0] * len(episode.turns)
    seen, paid = {t.info.get("first_room") for t in episode.turns[:1]}, 0.0
    for k, turn in enumerate(episode.turns):
        room = turn.info.get("room")
        if room is None or room in seen:
            continue
        seen.add(room)
        rewards[k] = min(DISCOVERY_STEP, DISCOVERY_LIMIT - paid)
        paid += rewards[k]
    if episode.won:
        rewards[-1] += 1.0 - paid
    return rewards


REWARDS: dict[str, Reward] = {"discovery": discovery, "game": game, "sparse": sparse}


def get_reward(name: str) -> Reward:
    """Return a reward by its name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in REWARDS:
        raise ConfigError(
            f"There is no reward {name!r}.",
            f"Known: {', '.join(REWARDS)}.",
            near_matches(name, REWARDS),
        )
    return REWARDS[name]
