"""What TextWorld knows about a game beyond its text: commands, plans and places."""

from __future__ import annotations

import importlib
from typing import Any

from toolkit.environments.games import load_textworld
from toolkit.environments.surroundings import Surroundings

_SIDES = frozenset(f"{side}_of" for side in ("north", "east", "south", "west"))


class GameLogic:
    """The state of a game as facts, kept in step with what the interpreter reports.

    Args:
        data: The game, as in its `.json` file.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        load_textworld()
        games = importlib.import_module("textworld.generator.game")
        inform7 = importlib.import_module("textworld.generator.inform7")
        game = games.Game.deserialize(data)
        self._inform7 = inform7.Inform7Game(game)
        self._state = games.GameProgression(game)

    def update(self, event: str) -> None:
        """Apply an event of the interpreter's trace, such as `opening the chest`."""
        action = self._inform7.detect_action(event, self._state.valid_actions)
        if action is not None:
            self._state.update(action)

    def admissible(self) -> list[str]:
        """Return all commands that do something now, sorted."""
        actions = self._state.valid_actions
        return sorted(set(self._inform7.gen_commands_from_actions(actions)))

    def plan(self) -> list[str] | None:
        """Return commands that win from here, `None` if the game cannot be won."""
        policy = self._state.winning_policy
        if policy is None:
            return None
        return list(self._inform7.gen_commands_from_actions(policy))

    def surroundings(self) -> Surroundings:
        """Return where the player stands, the exits seen there, and what is carried.

        Where an exit leads to is not told: that is for the player to find out.
        """
        facts = {
            (fact.name, *(argument.name for argument in fact.arguments))
            for fact in self._state.state.facts
        }
        room = next(f[2] for f in facts if f[:2] == ("at", "P"))
        exits = {
            f[0].removesuffix("_of"): self._door(facts, room, f[1])
            for f in facts
            if f[0] in _SIDES and f[2] == room
        }
        carried = sorted(self._name(f[1]) for f in facts if f[::2] == ("in", "I"))
        return Surroundings(
            room=room,
            name=self._name(room),
            exits=dict(sorted(exits.items())),
            lists={"You carry": tuple(carried)},
        )

    def _name(self, key: str) -> str:
        """Return what a room or a thing is called."""
        return str(self._state.game.infos[key].name)

    @staticmethod
    def _door(facts: set[tuple[str, ...]], room: str, other: str) -> str:
        """Return how the door between two rooms stands, `""` if there is none."""
        doors = [f[2] for f in facts if f[0] == "link" and f[1::2] == (room, other)]
        if not doors:
            return ""
        return "open" if ("open", doors[0]) in facts else "closed"
