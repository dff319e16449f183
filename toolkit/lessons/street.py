"""A world so small that every token of it can be watched.

Five rooms in a row. The player starts in the middle; a coin lies at one end, and which
end is said once, in the first line. Games 2k and 2k + 1 differ in the side alone, so
nothing else gives it away. Rooms are worded as in TextWorld's basic mazes, which
`pocket` has read.
"""

from __future__ import annotations

from typing import Any

from toolkit.environments.base import SPLITS, Params, Task, TextEnv, register

STREET = "street"
"""Id of the world, known once this file is imported."""
WAYS = {"go east": 1, "go west": -1}
END = 2
"""Steps from the middle to either end."""
GAMES = 100
"""Of each split."""


class Street(TextEnv):
    """The street; three turns win it, and the first one decides.

    Args:
        env: Its id.
        max_turns: Turns of a game; four leave no time to go back.
        **wanted: As in `TextEnv`.
    """

    def __init__(self, env: str = STREET, *, max_turns: int = 4, **wanted: Any) -> None:
        super().__init__(max_turns=max_turns, **wanted)

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` games of a split, half of them to the east."""
        first = 10 * GAMES * SPLITS.index(split)
        seeds = range(first, first + min(n or GAMES, GAMES))
        return [Task(env=env, seed=seed, split=split) for seed in seeds]

    def expert(self) -> list[str] | None:
        """Return the steps to the coin, and taking it."""
        way = "go east" if self._coin > 0 else "go west"
        return [way] * abs(self._coin - self._at) + ["take coin"]

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        self._seed, self._at = task.seed, 0
        side, self._coin = ("east", END) if task.seed % 2 else ("west", -END)
        return f"The coin is in the {side}. Take it.\n{self._look()}", self._facts()

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        if command not in self._possible():
            return "You cannot do that.", 0.0, False, self._facts(valid_action=False)
        won = command == "take coin"
        self._at += WAYS.get(command, 0)
        return self._look(), float(won), won, self._facts(won=won, score=float(won))

    def _look(self) -> str:
        name = f"room{(7 * (self._seed // 2) + 13 * self._at) % 100}"
        ways = [c[3:] for c in self._possible() if c in WAYS]
        there = "".join(f" There is an exit to the {way}." for way in ways)
        coin = " There is a coin on the floor." if self._at == self._coin else ""
        return f"{name.capitalize()}. You are in the {name}.{there}{coin}"

    def _possible(self) -> list[str]:
        ways = [way for way, step in WAYS.items() if abs(self._at + step) <= END]
        return ways + ["take coin"] * (self._at == self._coin)

    def _facts(self, **known: Any) -> dict[str, Any]:
        return {"admissible_actions": self._possible(), **known}


register(STREET, Street)
