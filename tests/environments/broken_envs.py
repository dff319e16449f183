"""A sound little world, and many that are each broken in one way."""

from __future__ import annotations

import os
import random
import signal
from typing import ClassVar

import numpy as np

from toolkit.environments.base import Task, TextEnv
from toolkit.errors import TaskError

SEEDS = {"train": range(100, 140), "test": range(20)}


class Doors(TextEnv):
    """Three doors in a row; which one opens is drawn anew for each."""

    most: ClassVar[float] = 1.0

    def __init__(self, env="doors", *, max_turns=12, **wanted):
        super().__init__(max_turns=max_turns, **wanted)

    @classmethod
    def tasks(cls, env, split, n, params):
        if split not in SEEDS:
            raise TaskError(f"Doors has no split {split!r}.")
        return [Task(env=env, seed=seed, split=split) for seed in SEEDS[split]][:n]

    def _start(self, task):
        self.keys = random.Random(task.seed).choices("rgb", k=3)
        self.passed = 0
        return "You see a red, a green and a blue door.", self.facts()

    def _advance(self, command):
        understood = command in self.commands()
        if command == f"open {self.keys[self.passed]}":
            self.passed += 1
            won = self.passed == len(self.keys)
            text = "You are out." if won else "It opens. There are more doors."
            return text, 1 / 3, won, {**self.facts(), "won": won}
        text = "It is locked." if understood else "What do you mean?"
        return text, 0.0, False, {**self.facts(), "valid_action": understood}

    def commands(self):
        return ["open r", "open g", "open b"]

    def facts(self):
        listed = (
            {"admissible_actions": self.commands()} if self.wants_admissible else {}
        )
        return {"score": self.passed / 3, "max_score": self.most, **listed}

    def expert(self):
        return [f"open {key}" for key in self.keys[self.passed :]]


class ShiftedTasks(Doors):
    def tasks(env, split, n, params):
        n = n or 9
        return [Task(env=env, seed=s, split=split) for s in range(n, 2 * n)]

    tasks = staticmethod(tasks)


class OtherTasks(Doors):
    @classmethod
    def tasks(cls, env, split, n, params):
        return [Task(env="windows", seed=s, split=split) for s in SEEDS["train"]][:n]


class FailingTasks(Doors):
    @classmethod
    def tasks(cls, env, split, n, params):
        return 1 / 0


class SharedSeeds(Doors):
    @classmethod
    def tasks(cls, env, split, n, params):
        return [Task(env=env, seed=s, split=split) for s in range(9)][:n]


class NoArguments(Doors):
    def __init__(self, env="doors"):
        super().__init__(env)
        self.wants_admissible = self.wants_expert = True


class Raising(Doors):
    message = "the hinge broke"

    def _advance(self, command):
        raise RuntimeError(self.message)


class Exiting(Doors):
    def _start(self, task):
        raise SystemExit("no more")


class Unclosed(Doors):
    def close(self):
        raise OSError("cannot close")


class BlindSurroundings(Doors):
    def surroundings(self):
        raise KeyError("room")


class Silent(Doors):
    def _advance(self, command):
        return "  ", *super()._advance(command)[1:]


class Surrogate(Doors):
    def _start(self, task):
        return "A door \ud800", super()._start(task)[1]

    def reset(self, *, seed=None, options=None):
        self._task = task = options["task"]
        self._over, self._actions, self._digests = False, [], []
        text, info = self._start(task)
        self._last_info = self._complete(info, command="", valid=True)
        return text, dict(self._last_info)


class CountedWin(Doors):
    def facts(self):
        return {**super().facts(), "won": 0}


class NumpyScore(Doors):
    def facts(self):
        return {**super().facts(), "place": np.int64(3)}


class Infinite(Doors):
    def _advance(self, command):
        text, _, over, info = super()._advance(command)
        return text, float("nan"), over, info


class TooMuch(Doors):
    most = 0.5


class Moving(Doors):
    def facts(self):
        return {**super().facts(), "max_score": 1.0 + self.passed}


class Progressive(Doors):
    def facts(self):
        return {**super().facts(), "progress": 100 * self.passed}


class Endless(Doors):
    def step(self, action):
        return *super().step(action)[:3], False, self._last_info


class Unended(Doors):
    """Says that it was won, and goes on."""

    def _advance(self, command):
        if self.passed == 3:
            return "You are out.", 0.0, False, {**self.facts(), "won": True}
        text, reward, _, info = super()._advance(command)
        return text, reward, False, info


class Undecided(Doors):
    def _advance(self, command):
        text, reward, over, info = super()._advance(command)
        return text, reward, over, {**info, "won": False}


class Revenant(Doors):
    def step(self, action):
        self._over = False
        if self.passed == 3:
            return "Still out.", 0.0, True, False, self._last_info
        return super().step(action)


class Early(Doors):
    def step(self, action):
        text, reward, over, _, info = super().step(action)
        return text, reward, over, len(self._actions) == 2 and not over, info


class Forgetful(Doors):
    """Remembers the game before."""

    visits = 0

    def _start(self, task):
        text, info = super()._start(task)
        self.visits += 1
        return f"{text} Visit {self.visits}.", info


class Chancy(Doors):
    def _start(self, task):
        text, info = super()._start(task)
        return f"{text} {random.random()}", info


class Observed(Doors):
    """Asking what can be done changes the game."""

    def _advance(self, command):
        text, *rest = super()._advance(command)
        return f"{text} {'You ask a lot.' if self.wants_admissible else ''}", *rest


class Seeded(Doors):
    """Draws from a generator that `restore` does not seed."""

    def _start(self, task):
        text, info = super()._start(task)
        return f"{text} {self.np_random.integers(10**9)}", info


class Hashed(Doors):
    """Shows a set, whose order differs from process to process."""

    def _start(self, task):
        text, info = super()._start(task)
        return f"{text} {set('abcdefghijklmnop')}", info


class Fragile(Doors):
    def _advance(self, command):
        if "script" in command:
            os.kill(os.getpid(), signal.SIGKILL)
        return super()._advance(command)


class Formatting(Doors):
    def _advance(self, command):
        return command.format(self) + ".", *super()._advance(command)[1:]


class Unlisted(Doors):
    def facts(self):
        facts = super().facts()
        facts.pop("admissible_actions", None)
        return facts


class Verbose(Doors):
    """Lists what cleaning cuts."""

    def commands(self):
        return ["open r. open g", "open g; look", "open b, please. then go"]


class Misleading(Doors):
    def facts(self):
        facts = super().facts()
        if "admissible_actions" in facts:
            facts["admissible_actions"] = ["break r", "break g"]
        return facts


class Agreeable(Doors):
    def _advance(self, command):
        text, reward, over, info = super()._advance(command)
        return text, reward, over, {**info, "valid_action": True}


class Lost(Doors):
    def expert(self):
        return ["open r"]


class Helpless(Doors):
    def expert(self):
        return None


class Unpaid(Doors):
    def facts(self):
        return {**super().facts(), "score": 0.0}


BROKEN = {
    ShiftedTasks: "tasks",
    OtherTasks: "tasks",
    FailingTasks: "tasks",
    SharedSeeds: "splits",
    NoArguments: "arguments",
    Raising: "play",
    Exiting: "play",
    Unclosed: "play",
    BlindSurroundings: "play",
    Silent: "observation",
    Surrogate: "observation",
    CountedWin: "info",
    Progressive: "info",
    NumpyScore: "json",
    Infinite: "reward",
    TooMuch: "score",
    Moving: "score",
    Endless: "end",
    Unended: "end",
    Undecided: "end",
    Revenant: "end",
    Early: "end",
    Forgetful: "repeat",
    Chancy: "repeat",
    Observed: "repeat",
    Seeded: "snapshot",
    Hashed: "process",
    Fragile: "hostile",
    Formatting: "hostile",
    Unlisted: "choices",
    Verbose: "admissible",
    Misleading: "admissible",
    Agreeable: "nonsense",
    Lost: "expert",
    Unpaid: "winning",
}
"""What is to be found in each."""
ALSO = {
    ShiftedTasks: {"splits"},
    OtherTasks: {"splits"},
    Infinite: {"repeat"},  # NaN is not even equal to itself
    Undecided: {"expert"},
    Early: {"expert"},
}
"""What cannot but be found besides."""
