"""Small environments of Gymnasium, importable in worker processes."""

import gymnasium
import numpy as np
from gymnasium.spaces import Discrete, Text

LETTERS = "abcdefghijklmnopqrstuvwxyz "


class Hunt(gymnasium.Env):
    """Guess a word; a wrong word costs, and the sixth wrong guess loses."""

    words = ("badger", "bat", "deer", "fox", "hare", "lynx", "mole", "owl", "toad")

    def __init__(self, limit=None):
        self.observation_space = Text(200, charset=LETTERS + ".,?")
        self.action_space = Text(10, charset=LETTERS)
        self.limit = limit

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.hidden = str(self.np_random.choice(self.words))
        self.guesses = 0
        return "which animal hides here?", self.facts()

    def step(self, action):
        self.guesses += 1
        won = action == self.hidden
        lost = self.guesses == 6 and not won
        reward = float(won) - 0.25 * (action in self.words and not won)
        cut = self.limit == self.guesses and not (won or lost)
        text = "found." if won else f"no, {action} it is not."
        return text, reward, won or lost, cut, self.facts()

    def facts(self):
        left = np.int64(6 - self.guesses)
        return {"left": left, "admissible_actions": self.words, "object": object()}


class Numbers(gymnasium.Env):
    """Is not spoken to in text."""

    observation_space = Text(10)
    action_space = Discrete(3)


class Liar(Hunt):
    """Breaks its word in one way, as its name says."""

    how = "text"

    def step(self, action):
        text, reward, *rest = super().step(action)
        if self.how == "text":
            return (7, reward, *rest)
        return (text, float("nan"), *rest)


gymnasium.register("Hunt-v0", entry_point=Hunt, max_episode_steps=7)
