"""A toy world whose rewards differ even for a random player."""

import os
import signal

from toolkit.environments.base import Task, TextEnv, register


class Gates(TextEnv):
    """Say something: a vowel first wins, a digit first loses, early letters pay.

    Args:
        dies: Every so many seeds, the world breaks in its second turn.
        kill: Break by killing the process, not by an exception.
    """

    on_turn = None  # called before each turn, for tests that interrupt

    def __init__(self, name="gates", *, max_turns=4, dies=0, kill=False, **wanted):
        super().__init__(max_turns=max_turns, **wanted)
        self.dies, self.kill = dies, kill

    @classmethod
    def tasks(cls, env, split, n, params):
        return [Task(env=env, seed=seed, split=split) for seed in range(n or 20)]

    def _start(self, task):
        self.turn, self.seed = 0, task.seed
        return f"gate {task.seed}", {}

    def _advance(self, command):
        if Gates.on_turn:
            Gates.on_turn()
        self.turn += 1
        if self.dies and self.seed % self.dies == 0 and self.turn == 2:
            if self.kill:
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("the gate fell")
        won, lost = command[0] in "aeiouAEIOU", command[0].isdigit()
        reward = sum(c in "abcdefghijklm" for c in command) / 50 + won
        text = f"{self.turn}: {command[::-1]}"
        return text, reward, won or lost, {"won": won, "score": reward}


register("gates", Gates)
