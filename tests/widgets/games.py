"""Worlds and players that behave in ways that no real one does."""

from typing import ClassVar

from tests.training.gates import Gates
from toolkit.environments.base import register
from toolkit.environments.surroundings import Surroundings
from toolkit.policies.base import Action, Policy, TokenView


class Yard(Gates):
    """Nine places on a grid, entered in the middle; `a…` wins, `exit` kills."""

    moves: ClassVar = {
        "north": (0, -1),
        "east": (1, 0),
        "south": (0, 1),
        "west": (-1, 0),
    }

    def _start(self, task):
        self.at = (0, 0)
        text, info = super()._start(task)
        return text, {**info, **self.choices()}

    def _advance(self, command):
        if command == "exit":
            raise SystemExit("the game ended the process")
        dx, dy = self.moves.get(command.split()[-1], (0, 0))
        if max(abs(self.at[0] + dx), abs(self.at[1] + dy)) <= 1:
            self.at = (self.at[0] + dx, self.at[1] + dy)
        text, reward, over, info = super()._advance(command)
        return text, reward, over, {**info, **self.choices()}

    def choices(self):
        ways = ["look", *(f"go {side}" for side in self.exits())]
        return {"admissible_actions": ways} if self.wants_admissible else {}

    def exits(self):
        x, y = self.at
        near = {s: (x + dx, y + dy) for s, (dx, dy) in self.moves.items()}
        return {s: "" for s, cell in near.items() if max(map(abs, cell)) <= 1}

    def surroundings(self):
        name = "here <b>&" if self.at == (0, 0) else "yard"
        return Surroundings(
            room=str(self.at),
            name=name,
            exits=self.exits(),
            lists={"Seen": ("a tree",)},
        )

    def expert(self):
        return None if self.at == (1, 1) else ["apple"]


register("yard", Yard)


class Says(Policy):
    """Answers what it was given to answer, in order, and keeps what it was shown."""

    name = "parrot"

    def __init__(self, *answers, tokens=()):
        self.answers, self.tokens, self.seen = list(answers), list(tokens), []

    def start(self, *, greedy=False):
        self.seen.append("start")

    def follow(self, observation, text):
        self.seen.append((observation.text, text))

    def act(self, observations):
        self.seen.append(observations[0].text)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [Action(text=answer)] if isinstance(answer, str) else answer

    def explain(self, episode):
        return self.tokens


def token(text="go", **fields):
    return TokenView(text=text, probability=0.25, entropy=1.5, **fields)
