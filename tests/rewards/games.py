"""Recorded episodes to be judged."""

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn


def play(*said, seed=0, stop=StopReason.TURN_LIMIT, final="The end.", sample=0):
    """An episode in which the agent said this, turn by turn."""
    turns = tuple(
        Turn(
            observation=f"You are in room {k}.", completion=text, action=text, reward=0
        )
        for k, text in enumerate(said)
    )
    return Episode(
        task=Task(env="toy", seed=seed),
        turns=turns,
        stop_reason=stop,
        final_observation=final,
        sample=sample,
    )
