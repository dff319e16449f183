"""TextWorld's own engine for ALFWorld's games, behind the same interface.

It plays what the fast engine cannot read, and is what that one is compared with. It
is 30 times slower, needs the package `fast-downward-textworld` (a part of the extra
`alfworld`), and is not safe to use in two threads at once.
"""

from __future__ import annotations

import importlib
from typing import Any

from toolkit.environments.alfworld.engine import NOTHING_HAPPENS, entities
from toolkit.environments.alfworld.facts import Facts
from toolkit.environments.alfworld.game_file import GameFile
from toolkit.environments.alfworld.grammar import (
    Entity,
    Grammar,
    Scene,
    evaluate,
    expression,
)
from toolkit.environments.alfworld.pddl import Problem, parse_problem
from toolkit.errors import GameFileError, MissingExtraError


class StockEngine:
    """Plays games with TextWorld and the planner Fast Downward.

    Raises:
        MissingExtraError: If the planner is not installed.
    """

    grammar: Grammar
    problem: Problem
    entities: dict[str, Entity]

    def __init__(self) -> None:
        try:
            self._planner = importlib.import_module("fast_downward")
            core = importlib.import_module("textworld.core")
            pddl = importlib.import_module("textworld.envs.pddl.pddl")
        except ImportError as error:
            raise MissingExtraError("fast-downward-textworld", "alfworld") from error
        _take_builtins_away()
        # A copy of the planner's library is loaded for every such environment and
        # never freed, so there is one for all games.
        self._env = pddl.PddlEnv(core.EnvInfos(facts=False))
        self._state: Any = None

    def load(self, game: GameFile) -> None:
        """Take up a game; `reset` starts it.

        Raises:
            GameFileError: If TextWorld cannot load it.
        """
        self.grammar = Grammar(game.grammar)  # refuses expressions that are code
        self.problem = parse_problem(game.problem)
        self.entities = entities(self.problem)
        texts = {"pddl_domain": game.domain, "grammar": game.grammar}
        try:
            self._env.load({**texts, "pddl_problem": game.problem})
        except (Exception, SystemExit) as error:  # the planner ends the process
            raise GameFileError(
                f"TextWorld cannot load a game: {type(error).__name__}: {error}.",
                "Its PDDL is damaged, or the task cannot be done.",
                "Leave the game out.",
            ) from error
        for name, info in self._env._entity_infos.items():
            info.name = self.entities[name].name if name in self.entities else name

    def reset(self) -> str:
        """Start the game; return its first text."""
        self._state = self._env.reset()
        return str(self._state.feedback)

    def step(self, command: str) -> tuple[str, bool]:
        """Carry out a command; return the text and whether it was possible."""
        self._state, _, _ = self._env.step(command)
        text = str(self._state.feedback)
        return text, text != NOTHING_HAPPENS

    def admissible(self) -> list[str]:
        """Return all commands that are possible now, sorted."""
        return list(self._state["admissible_commands"])

    def won(self) -> bool:
        """Return whether the goal is reached."""
        return bool(self._state["won"])

    def facts(self) -> Facts:
        """Return what holds now."""
        facts = Facts((f"type {kind}", x) for x, kind in self.problem.types.items())
        for fact in self._state["_facts"]:
            facts.add((fact.name, *(a.name for a in fact.arguments)))
        return facts

    def close(self) -> None:
        """Leave the library of the planner loaded: freeing it crashes at exit."""


def _take_builtins_away() -> None:
    """Make TextWorld evaluate expressions of grammars as the fast engine does.

    TextWorld 1.6 and 1.7 give them to `eval`, with all of Python in reach, and from
    Python 3.13 on without the variables they are about. May go when upstream does
    neither.
    """
    textgen = importlib.import_module("textworld.envs.pddl.textgen")

    def derive(self: Any, context: Any = None) -> list[Any]:
        context = context or self.context
        mapping, infos = context["mapping"], context["entity_infos"]
        bound = {f"?{p.name}:{p.type}": v.name for p, v in mapping.items()}
        things = {
            name: Entity(id=name, type=info.type, name=info.name)
            for name, info in infos.items()
            if name in bound.values()
        }
        scene = Scene(facts=Facts(), entities=things, bound=bound)
        return [textgen.TerminalSymbol(evaluate(expression(self.expression), scene))]

    textgen.EvalSymbol.derive = derive
