"""Plays a game of ALFWorld without a planner.

TextWorld hands every game to the planner Fast Downward, translates it anew at every
reset and parses the wording of every possible command at every step. Here a game is
read once, what can be done follows from the facts, and wordings are kept. Texts,
possible commands and facts are the same; a test compares them step by step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from toolkit.environments.alfworld.facts import Bindings, Facts, ground, order
from toolkit.environments.alfworld.game_file import GameFile
from toolkit.environments.alfworld.grammar import Entity, Grammar, Scene
from toolkit.environments.alfworld.pddl import (
    Action,
    Atom,
    Conjunction,
    Effect,
    Problem,
    parse_domain,
    parse_problem,
)
from toolkit.errors import GameFileError

NOTHING_HAPPENS = "Nothing happens."
INTRO = "#intro#"
Move = tuple[str, ...]
"""An action and what its parameters stand for."""


class Engine(Protocol):
    """What plays games; one at a time."""

    grammar: Grammar
    """Of the game loaded."""
    problem: Problem
    """The game loaded, as data."""
    entities: dict[str, Entity]
    """All things of the game by their name in PDDL."""

    def load(self, game: GameFile) -> None:
        """Take up a game; `reset` starts it."""

    def reset(self) -> str:
        """Start the game; return its first text."""

    def step(self, command: str) -> tuple[str, bool]:
        """Carry out a command; return the text and whether it was possible."""

    def admissible(self) -> list[str]:
        """Return all commands that are possible now, sorted."""

    def won(self) -> bool:
        """Return whether the goal is reached."""

    def facts(self) -> Facts:
        """Return what holds now."""

    def close(self) -> None:
        """Free what is not Python's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Prepared:
    """An action whose conditions are in a good order for this game."""

    action: Action
    plans: tuple[Conjunction, ...]
    effects: tuple[tuple[Effect, tuple[Conjunction, ...]], ...]


class FastEngine:
    """Plays games from their facts alone."""

    grammar: Grammar
    problem: Problem
    entities: dict[str, Entity]

    def load(self, game: GameFile) -> None:
        """Take up a game; `reset` starts it.

        Raises:
            GameFileError: If the game is damaged.
            UnsupportedPddlError: If it needs the stock engine.
        """
        domain = parse_domain(game.domain)
        self.problem = parse_problem(game.problem)
        self.grammar = Grammar(game.grammar)
        self._start = [*self.problem.facts]
        for name, kind in self.problem.types.items():
            self._start += [(f"type {kind}", name), ("type object", name)]
        self.entities = entities(self.problem)
        facts = Facts(self._start)
        self._actions = [_prepare(action, facts) for action in domain.values()]
        self._goal = [order(c, facts, ()) for c in self.problem.goal]
        self._changing = {e.literal.atom[0] for a in domain.values() for e in a.effects}
        self._reach = Reach(domain.values(), facts, self._changing)
        self._commands: dict[Move, str] = {}
        for name in domain:
            if name not in self.grammar.templates:
                raise GameFileError(
                    f"The grammar of a game has no words for {name!r}.",
                    "Its domain and its grammar do not belong together.",
                    "Get the file again, or leave it out.",
                )

    def reset(self) -> str:
        """Start the game; return its first text."""
        self._true = Facts(self._start)
        # TextWorld reads its texts from facts of its own, in which what has become
        # false is a fact, `not_opened`, and conditional effects always happen.
        self._told = Facts(self._start)
        self._moves: dict[str, Move] | None = None
        return self.grammar.tell(INTRO, self._scene({}))

    def step(self, command: str) -> tuple[str, bool]:
        """Carry out a command; return the text and whether it was possible."""
        move = self._possible().get(command.strip())
        if move is None:
            return NOTHING_HAPPENS, False
        prepared = next(p for p in self._actions if p.action.name == move[0])
        variables = [v for v, _ in prepared.action.parameters]
        bound = dict(zip(variables, move[1:], strict=True))
        self._apply(prepared, bound)
        self._moves = None
        scene = self._scene(_typed(prepared.action, move))
        return self.grammar.tell(self.grammar.feedbacks[move[0]], scene), True

    def admissible(self) -> list[str]:
        """Return all commands that are possible now, sorted."""
        return sorted(self._possible())

    def won(self) -> bool:
        """Return whether the goal is reached."""
        return any(any(True for _ in self._true.solve(c, {})) for c in self._goal)

    def facts(self) -> Facts:
        """Return what holds now, as TextWorld tells it."""
        return self._told

    def close(self) -> None:
        """Do nothing: all memory is Python's."""

    # ---- what is possible ------------------------------------------------------------

    def _possible(self) -> dict[str, Move]:
        """Return the commands that are possible now."""
        if self._moves is None:
            self._moves = {}
            for prepared in self._actions:
                for move in self._moves_of(prepared):
                    self._moves.setdefault(self._command(prepared.action, move), move)
        return self._moves

    def _moves_of(self, prepared: _Prepared) -> Iterator[Move]:
        action, seen = prepared.action, set()
        for plan in prepared.plans:
            for bound in self._true.solve(plan, {}):
                move = (action.name, *(bound[v] for v, _ in action.parameters))
                if move not in seen and not _changes_nothing(action, plan, bound):
                    seen.add(move)
                    yield move

    def _command(self, action: Action, move: Move) -> str:
        """Return the wording of a move."""
        known = self._commands.get(move)
        if known is not None:
            return known
        template = self.grammar.templates[move[0]]
        command = self.grammar.tell(template, self._scene(_typed(action, move)))
        fixed = not self.grammar.queried(template) & self._changing
        if fixed and not self.grammar.has_rules(template):
            self._commands[move] = command
        return command

    def _scene(self, bound: Bindings) -> Scene:
        return Scene(facts=self._told, entities=self.entities, bound=bound)

    # ---- what it does ----------------------------------------------------------------

    def _apply(self, prepared: _Prepared, bound: Bindings) -> None:
        before = self._true
        happening = [
            e.literal
            for e, plans in prepared.effects
            if any(any(True for _ in before.solve(p, bound)) for p in plans)
        ]
        for literal in sorted(happening, key=lambda x: x.positive):  # additions win
            atom = ground(literal.atom, bound)
            (before.add if literal.positive else before.discard)(atom)
        self._tell_effects(prepared, bound)

    def _tell_effects(self, prepared: _Prepared, bound: Bindings) -> None:
        literals = [e.literal for e, _ in prepared.effects]
        added = {
            ground(e.literal.atom, bound): e.conditions
            for e, _ in prepared.effects
            if e.literal.positive
        }
        for literal in sorted(literals, key=lambda x: not x.positive):
            atom = ground(literal.atom, bound)
            opposite = (f"not_{atom[0]}", *atom[1:])
            if literal.positive:
                self._told.add(atom)
                self._told.discard(opposite)
            elif added.get(atom) != ((),) and self._reach.possible(atom):
                self._told.discard(atom)
                self._told.add(opposite)


class Reach:
    """Which facts could ever hold, if nothing ever became false.

    TextWorld does not know facts that never can hold, and so does not tell that they
    have become false. The answer is found backwards, from a fact to the actions that
    make it true, because it is asked for few facts.
    """

    def __init__(
        self, actions: Iterable[Action], facts: Facts, changing: set[str]
    ) -> None:
        self._facts, self._changing = facts, changing
        self._ways = [
            (effect.literal.atom, conjunction)
            for action in actions
            for effect in action.effects
            for conjunction in action.preconditions
            if effect.literal.positive
        ]
        self._known: dict[Atom, bool] = {}
        self._asked: set[Atom] = set()

    def possible(self, atom: Atom) -> bool:
        """Return whether a fact could hold at some time."""
        if atom in self._facts or atom in self._known:
            return self._known.get(atom, True)
        if atom in self._asked:  # not by way of itself
            return False
        self._asked.add(atom)
        found = any(self._by(head, c, atom) for head, c in self._ways)
        self._asked.discard(atom)
        if found or not self._asked:
            self._known[atom] = found
        return found

    def _by(self, head: Atom, conjunction: Conjunction, atom: Atom) -> bool:
        """Return whether an action could make a fact true."""
        if head[0] != atom[0] or len(head) != len(atom):
            return False
        pairs = zip(head[1:], atom[1:], strict=True)
        bound = {a: b for a, b in pairs if a.startswith("?")}
        if ground(head, bound) != atom:
            return False
        fixed = [x for x in conjunction if x.atom[0] not in self._changing]
        changing = [
            x.atom for x in conjunction if x.positive and x.atom[0] in self._changing
        ]
        plan = order(tuple(fixed), self._facts, bound)
        return any(
            all(self.possible(ground(a, full)) for a in changing)
            for full in self._facts.solve(plan, bound)
        )


def entities(problem: Problem) -> dict[str, Entity]:
    """Name all things of a game as ALFWorld does.

    The things of one kind are numbered, the first in alphabetical order with the
    highest number. What has no place in the house (such as `agent1`) keeps its name,
    with a blank behind it.
    """
    used = sorted({name for fact in problem.facts for name in fact[1:]})
    counts = Counter(kind for name in used if (kind := _kind(name)))
    named = {}
    for name in used:
        kind = _kind(name)
        text = f"{kind} {counts[kind]}" if kind else f"{_plain(name)} "
        counts[kind] -= 1
        entity = Entity(id=name, type=problem.types.get(name, "object"), name=text)
        named[name] = entity
    return named


def _kind(name: str) -> str:
    """Return `cabinet` for `cabinet_bar__plus_00_dot_68…`, `""` without a place."""
    kind, bar, _ = name.partition("_bar_")
    if not bar:
        return ""
    return kind + "basin" if "basin" in name else kind


def _plain(name: str) -> str:
    for word, sign in (("minus", "-"), ("plus", "+"), ("dot", "."), ("comma", ",")):
        name = name.replace(f"_{word}_", sign)
    return name


def _prepare(action: Action, facts: Facts) -> _Prepared:
    variables = [v for v, _ in action.parameters]
    effects = tuple(
        (e, tuple(order(c, facts, variables) for c in e.conditions))
        for e in action.effects
    )
    plans = tuple(order(c, facts, ()) for c in action.preconditions)
    return _Prepared(action=action, plans=plans, effects=effects)


def _typed(action: Action, move: Move) -> Bindings:
    """Return the variables of a move in the form in which the grammar asks for them."""
    pairs = zip(action.parameters, move[1:], strict=True)
    return {f"{variable}:{kind}": thing for (variable, kind), thing in pairs}


def _changes_nothing(action: Action, plan: Conjunction, bound: Bindings) -> bool:
    """Return whether all that a move would do is so already, by its conditions."""
    added = {
        ground(e.literal.atom, bound) for e in action.effects if e.literal.positive
    }
    held = {(ground(x.atom, bound), x.positive) for x in plan}
    for effect in action.effects:
        literal, atom = effect.literal, ground(effect.literal.atom, bound)
        undone = not literal.positive and atom in added
        if not undone and (atom, literal.positive) not in held:
            return False
    return True
