"""Small worlds that misbehave on command, importable in worker processes."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from toolkit.environments.base import Task, TextEnv
from toolkit.environments.textworld import TextWorldEnv


class EchoEnv(TextEnv):
    """Says how many commands it heard, the last one and a random number.

    `crash`, `null` and `hang` do what they say. If `once` is given they do it only
    while that file exists, and delete it, so that a second try succeeds.
    """

    def __init__(self, name="toy", *, max_turns=1000, once=""):
        super().__init__(max_turns=max_turns)
        self.once = once
        self.broken = False

    @classmethod
    def tasks(cls, env, split, n, params):
        return [Task(env=env, seed=seed, split=split) for seed in range(n or 100)]

    def _start(self, task):
        if task.env == "toy/raises":
            raise RuntimeError("no such game")
        if self.broken:
            raise RuntimeError("this world was not made anew")
        self.heard = 0
        return f"game {task.seed} {self.np_random.integers(10**9)}", {}

    def _advance(self, command):
        self.heard += 1
        if not command.startswith("go") and self._due(command):
            getattr(self, f"do_{command}")()
        text = f"{self.heard} {command} {self.np_random.integers(10**9)}"
        return text, float(self.heard), command == "win", self._facts(command)

    def _due(self, command):
        if not (self.once and command in ("crash", "null", "hang")):
            return True
        found = Path(self.once).exists()
        Path(self.once).unlink(missing_ok=True)
        return found

    def _facts(self, command):
        if command == "inspect":
            threads = os.environ["OMP_NUM_THREADS"]
            return {"modules": set(sys.modules), "threads": threads}
        if command == "secret":
            return {"lambda": lambda: None}
        return {"blob": "x" * 1_000_000} if command == "talk" else {}

    def do_crash(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    def do_null(self):
        ctypes.string_at(0)

    def do_hang(self):
        time.sleep(3600)

    def do_nap(self):
        time.sleep(0.5)

    def do_raise(self):
        self.broken = True
        raise ValueError("bad command")

    def do_exit(self):
        raise SystemExit("the game ended the process")

    def do_nothing(self):
        pass

    do_win = do_inspect = do_secret = do_talk = do_nothing


class WinnableEnv(EchoEnv):
    """Takes any command, and is won by `win`."""

    def _due(self, command):
        return hasattr(self, f"do_{command}") and super()._due(command)

    def _facts(self, command):
        return {**super()._facts(command), "won": command == "win"}


class UnguardedTextWorld(TextWorldEnv):
    """Gives the interpreter a NUL byte, which the cleaning of commands would drop."""

    def _advance(self, command):
        return super()._advance(command.replace("nul", "\0"))


def broken_factory():
    raise RuntimeError("no world today")


def crashing_factory():
    os.kill(os.getpid(), signal.SIGKILL)
