"""What TextWorld knows about a game beyond its text: admissible commands and plans."""

from __future__ import annotations

import importlib
from typing import Any

from toolkit.environments.games import load_textworld


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
