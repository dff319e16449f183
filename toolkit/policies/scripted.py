"""Policies without a model: a person, the privileged expert, a random player."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from toolkit.errors import ConfigError
from toolkit.policies.base import Action, Observation, Policy


class HumanPolicy(Policy):
    """Asks a person, one game after the other.

    Args:
        ask: Gets the observation, returns the command.
    """

    name = "human"
    max_live = 1

    def __init__(self, ask: Callable[[str], str] | None = None) -> None:
        self.ask = ask or (lambda text: input(f"\n{text}\n> "))

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Ask once per observation."""
        return [Action(text=self.ask(o.text)) for o in observations]


class ExpertPolicy(Policy):
    """Plays the plan that the environment itself knows (privileged)."""

    name = "expert"
    needs: ClassVar[frozenset[str]] = frozenset({"expert"})

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Return the first command of each plan.

        Raises:
            ConfigError: If the environment gives no plan.
        """
        return [Action(text=self._first(o)) for o in observations]

    def _first(self, observation: Observation) -> str:
        plan = observation.info.get("expert")
        if not plan:
            raise ConfigError(
                "The expert has no plan.",
                "The environment offers none, or was made without expert=True.",
                "Use make_env(..., expert=True), or another policy.",
            )
        return str(plan[0])


class RandomPolicy(Policy):
    """Picks an admissible command at random: the floor every policy must beat."""

    name = "random"
    needs: ClassVar[frozenset[str]] = frozenset({"admissible"})

    def start(self, *, greedy: bool = False) -> None:
        """Forget the random streams."""
        self._rngs: dict[int, np.random.Generator] = {}

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Pick from `info["admissible_actions"]` with the episode's own stream.

        Raises:
            ConfigError: If the environment does not tell the admissible commands.
        """
        actions = []
        for o in observations:
            if o.episode not in self._rngs:
                self._rngs[o.episode] = np.random.default_rng(o.key)
            choices = self._choices(o)
            pick = int(self._rngs[o.episode].integers(len(choices)))
            actions.append(Action(text=choices[pick]))
        return actions

    @staticmethod
    def _choices(observation: Observation) -> list[str]:
        if "admissible_actions" not in observation.info:
            raise ConfigError(
                "The random player does not know what can be done.",
                "The environment gives no commands, or was made without "
                "admissible=True.",
                "Use make_env(..., admissible=True), or another policy.",
            )
        return sorted(observation.info["admissible_actions"]) or ["look"]
