"""Makes `pocket-code`, the small model that plays `swe-choice`: `make pocket-code`.

It is `pocket`, taught on games of the demonstration split only, by players who do not
know where the mistake is. Some test what they try, and submit when the tests pass; some
guess once and submit. So the model knows how to play and acts now like the one and now
like the other. Which of them wins is what it can find out by playing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from toolkit.environments.base import make_env, tasks
from toolkit.episodes.record import Episode
from toolkit.episodes.rollout import collect
from toolkit.evaluation import evaluate
from toolkit.policies.base import Action, Observation, Policy
from toolkit.policies.models import ModelPolicy, load_policy
from toolkit.policies.pocket import teach
from toolkit.training.imitation import ImitationConfig

TARGET = Path(__file__).parent.parent / "assets" / "pocket-code"
CHOICES = "swe-choice/all"
PARAMS: dict[str, Any] = {"goal": "brief"}
TESTERS, GUESSERS = 4, 8
"""Episodes of each for every task."""
SEED = 0
TRAINING = ImitationConfig(steps=90, batch_size=16, learning_rate=2e-3)


class Trier(Policy):
    """Tries what can be set, in an order without order.

    Args:
        tests: Test after each `try`, and submit once all tests pass; else submit the
            first guess, half of the time after a test that it does not listen to.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"admissible"})

    def __init__(self, *, tests: bool) -> None:
        self.tests = tests
        self.name = "tester" if tests else "guesser"

    def start(self, *, greedy: bool = False) -> None:
        """Forget all episodes."""
        self._plans: dict[int, list[str]] = {}

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Pick a command for each observation."""
        return [Action(text=self._pick(o)) for o in observations]

    def _pick(self, o: Observation) -> str:
        if o.episode not in self._plans:
            self._plans[o.episode] = self._plan(o)
        passed = self.tests and o.text.startswith("All ")
        return "submit" if passed else self._plans[o.episode].pop(0)

    def _plan(self, o: Observation) -> list[str]:
        rng = np.random.default_rng(o.key)
        sets = [a for a in o.info["admissible_actions"] if a.startswith("try ")]
        order = [str(command) for command in rng.permutation(sorted(sets))]
        if self.tests:
            return [command for one in order for command in (one, "test")] + ["submit"]
        return (
            [order[0], "test", "submit"] if rng.random() < 0.5 else [order[0], "submit"]
        )


def demonstrations(progress: bool = True) -> list[Episode]:
    """Play the tasks that `pocket-code` learns from."""
    shown = tasks(CHOICES, split="demonstration", **PARAMS)
    players = ((Trier(tests=True), TESTERS), (Trier(tests=False), GUESSERS))
    return [
        episode
        for player, times in players
        for episode in collect(
            *(player, make_env(CHOICES, **PARAMS), shown),
            group_size=times,
            progress=progress,
        )
    ]


def main() -> None:
    """Play, train, measure, write the folder."""
    began = time.monotonic()
    played = demonstrations()
    torch.manual_seed(SEED)
    policy = load_policy("pocket", device="cpu", name=TARGET.name)
    teach(policy, played, TRAINING)
    policy.model.to(torch.bfloat16)  # half the size; it is loaded with 32 bits
    policy.save(TARGET)
    policy.model.float()
    card = {"parameters": policy.model.num_parameters(), "episodes": len(played)}
    card |= {"minutes": (time.monotonic() - began) / 60, "validation": _measure(policy)}
    (TARGET / "card.json").write_text(json.dumps(card, indent=1) + "\n")
    print(json.dumps(card, indent=1))


def _measure(policy: ModelPolicy) -> dict[str, float]:
    """Return success on the validation tasks."""
    games = tasks(CHOICES, split="validation", **PARAMS)
    env = make_env(CHOICES, **PARAMS)
    return {
        how: evaluate(policy, env, games, samples=4, greedy=how == "greedy").success
        for how in ("sampled", "greedy")
    }


if __name__ == "__main__":
    main()
