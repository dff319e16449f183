"""The part of PDDL that ALFWorld uses, read into plain data.

Conditions become a list of alternatives, each a conjunction of literals: `or` splits
one into several, `exists` adds a variable of its own. What goes beyond that (`forall`,
derived predicates, numbers) raises `UnsupportedPddlError`, upon which the caller takes
TextWorld's own engine instead.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.errors import GameFileError

Atom = tuple[str, ...]
"""Predicate and arguments, in lower case: `("inreceptacle", "apple_1", "bowl_2")`."""
Expression = Any
"""A word, or a list of expressions."""

ANY_TYPE = "object"
"""The type above all types. ALFWorld also declares it, so that an action on an `object`
may be done to anything."""
_TOKEN = re.compile(r";[^\n]*|[()]|[^\s();]+")
_DEPTH = 100  # of brackets in a file; real ones nest 10


class UnsupportedPddlError(GameFileError):
    """A game uses a construct of PDDL that the fast engine does not know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Literal:
    """A predicate over variables (`?x`) and names, or its negation."""

    atom: Atom
    """Predicate and arguments; the predicate `=` compares two."""
    positive: bool = True
    """Whether it must hold, or must not."""

    @property
    def variables(self) -> set[str]:
        """The variables among the arguments."""
        return {a for a in self.atom[1:] if a.startswith("?")}


Conjunction = tuple[Literal, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Effect:
    """One fact that an action makes true or false."""

    literal: Literal
    """The fact; negated if it becomes false."""
    conditions: tuple[Conjunction, ...] = ((),)
    """Alternatives of which one must hold for the effect to happen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """Something that can be done."""

    name: str
    """In lower case, such as `gotolocation`."""
    parameters: tuple[tuple[str, str], ...]
    """Variables and their types, in order."""
    preconditions: tuple[Conjunction, ...]
    """Alternatives of which one must hold."""
    effects: tuple[Effect, ...]
    """What it changes; costs are left out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One world and what is to be reached in it."""

    types: dict[str, str]
    """Type of every object."""
    facts: tuple[Atom, ...]
    """What holds at the start."""
    goal: tuple[Conjunction, ...]
    """Alternatives of which one must hold in the end."""


@functools.lru_cache(maxsize=8)
def parse_domain(text: str) -> dict[str, Action]:
    """Return the actions of a domain by name.

    Raises:
        GameFileError: If the text is not PDDL.
        UnsupportedPddlError: If it needs more of PDDL than the engine knows.
    """
    sections = _sections(text, "domain")
    known = {":requirements", ":types", ":predicates", ":functions", ":action"}
    for section in sections:
        if section[0] not in known:
            raise _unsupported(section[0])
    for name, parent in _typed(_section(sections, ":types")[1:]):
        if parent != ANY_TYPE:
            raise _unsupported(f"type {name} below {parent}")
    actions = [_action(s) for s in sections if s[0] == ":action"]
    return {action.name: action for action in actions}


def parse_problem(text: str) -> Problem:
    """Return a problem.

    Raises:
        GameFileError: If the text is not PDDL, or has no objects, facts or goal.
        UnsupportedPddlError: If it needs more of PDDL than the engine knows.
    """
    sections = _sections(text, "problem")
    facts = []
    for fact in _section(sections, ":init")[1:]:
        if fact[0] == "=":  # lengths of ways, which nothing reads
            continue
        if not all(isinstance(word, str) for word in fact):
            raise _broken(f"the fact {fact!r}")
        facts.append(tuple(fact))
    objects = dict(_typed(_section(sections, ":objects")[1:]))
    goal = _section(sections, ":goal")
    if len(goal) != 2:
        raise _broken("the goal")
    parsed = _Reader(objects).alternatives(goal[1], {}, positive=True)
    return Problem(types=objects, facts=tuple(facts), goal=parsed)


# ---- brackets --------------------------------------------------------------------


def _parse(text: str) -> list[Expression]:
    """Return the nested lists that a text in brackets stands for."""
    stack: list[list[Expression]] = [[]]
    for token in _TOKEN.findall(text.lower()):
        if token[0] == ";":
            continue
        if token == "(":
            if len(stack) > _DEPTH:
                raise _broken("brackets that nest too deep")
            stack.append([])
        elif token != ")":
            stack[-1].append(token)
        elif len(stack) > 1:
            closed = stack.pop()
            stack[-1].append(closed)
        # ALFWorld's own domain has one `)` too many at its end
    if len(stack) != 1 or not stack[0]:
        raise _broken("a bracket that is never closed")
    return stack[0]


def _sections(text: str, kind: str) -> list[list[Expression]]:
    """Return the parts of a `(define (domain …) …)` or `(define (problem …) …)`."""
    body = _parse(text)[0]
    head = body[:2] if isinstance(body, list) else []
    if len(head) != 2 or head[0] != "define" or head[1][:1] != [kind]:
        raise _broken(f"a text that does not define a {kind}")
    sections = [part for part in body[2:] if part and isinstance(part, list)]
    return [part for part in sections if part[0] != ":domain"]


def _section(sections: list[list[Expression]], name: str) -> list[Expression]:
    for section in sections:
        if section[0] == name:
            return section
    raise _broken(f"no section {name}")


def _typed(words: Iterable[Expression]) -> Iterator[tuple[str, str]]:
    """Yield the pairs of `a b - kind c - other`.

    A comma belongs to the word, as in Fast Downward: ALFWorld's domain once writes
    `?l - location, ?r - receptacle`, a type that nothing has, and so takes it that
    what lies in a receptacle cannot be examined.

    >>> list(_typed("a b - kind c".split()))
    [('a', 'kind'), ('b', 'kind'), ('c', 'object')]
    """
    waiting: list[str] = []
    stream = iter(words)
    for word in stream:
        if not isinstance(word, str):
            raise _unsupported("a choice of types")
        if word != "-":
            waiting.append(word)
            continue
        kind = next(stream, None)
        if not isinstance(kind, str):
            raise _broken("a list of types")
        yield from ((name, kind) for name in waiting)
        waiting = []
    yield from ((name, ANY_TYPE) for name in waiting)


# ---- conditions and effects ------------------------------------------------------


class _Reader:
    """Reads conditions; variables of `exists` get names that occur only once."""

    def __init__(self, types: dict[str, str]) -> None:
        self.types = types
        self._numbers = itertools.count(1)

    def alternatives(
        self, tree: Expression, names: dict[str, str], *, positive: bool
    ) -> tuple[Conjunction, ...]:
        """Return the conjunctions of which one must hold.

        Args:
            tree: A condition.
            names: New names of the variables of `exists` around it.
            positive: False below a `not`.
        """
        if not tree:
            return ((),)
        if not isinstance(tree, list) or not isinstance(tree[0], str):
            raise _broken(f"the condition {tree!r}")
        head, parts = tree[0], tree[1:]
        if head == "not" and len(parts) == 1:
            return self.alternatives(parts[0], names, positive=not positive)
        if head in ("and", "or"):
            each = [self.alternatives(p, names, positive=positive) for p in parts]
            if (head == "and") == positive:
                return tuple(tuple(itertools.chain(*c)) for c in _product(each))
            return tuple(itertools.chain(*each))
        if head == "exists" and positive and len(parts) == 2:
            return self._exists(parts[0], parts[1], names)
        if not isinstance(head, str) or head in ("exists", "forall", "imply"):
            raise _unsupported(head if positive else f"not {head}")
        if not all(isinstance(word, str) for word in parts):
            raise _broken(f"the condition {tree!r}")
        atom = (head, *(str(names.get(w, w)) for w in parts))
        return ((Literal(atom=atom, positive=positive),),)

    def _exists(
        self, declared: Expression, tree: Expression, names: dict[str, str]
    ) -> tuple[Conjunction, ...]:
        fresh = {v: f"{v}#{next(self._numbers)}" for v, _ in _typed(declared)}
        kinds = tuple(is_of_type(fresh[v], t) for v, t in _typed(declared))
        inner = self.alternatives(tree, {**names, **fresh}, positive=True)
        return tuple((*kinds, *conjunction) for conjunction in inner)


def is_of_type(variable: str, kind: str) -> Literal:
    """Return the condition that something has a type."""
    return Literal(atom=(f"type {kind}", variable))


def _product(each: list[tuple[Conjunction, ...]]) -> Iterator[tuple[Conjunction, ...]]:
    """Multiply out, unless somebody tries to fill the memory with it."""
    size = 1
    for part in each:
        size *= len(part)
    if size > 1000:
        raise _unsupported("a condition with more than 1,000 alternatives")
    return itertools.product(*each)


def _action(section: list[Expression]) -> Action:
    fields = dict(zip(section[2::2], section[3::2], strict=False))
    parameters = tuple(_typed(fields.get(":parameters", [])))
    reader = _Reader({})
    given = reader.alternatives(fields.get(":precondition", []), {}, positive=True)
    kinds = tuple(is_of_type(v, t) for v, t in parameters)
    return Action(
        name=str(section[1]),
        parameters=parameters,
        preconditions=tuple((*kinds, *conjunction) for conjunction in given),
        effects=tuple(_effects(fields.get(":effect", []), reader)),
    )


def _effects(tree: Expression, reader: _Reader) -> Iterator[Effect]:
    """Yield effects in the order of the text; `increase` only counts costs."""
    head = tree[0] if tree else "and"
    if head == "and":
        for part in tree[1:]:
            yield from _effects(part, reader)
    elif head == "when" and len(tree) == 3:
        conditions = reader.alternatives(tree[1], {}, positive=True)
        for effect in _effects(tree[2], reader):
            yield Effect(literal=effect.literal, conditions=conditions)
    elif head in ("forall", "assign", "decrease", "when"):
        raise _unsupported(head)
    elif head != "increase":
        yield Effect(literal=reader.alternatives(tree, {}, positive=True)[0][0])


def _broken(what: str) -> GameFileError:
    return GameFileError(
        f"A game cannot be read: its PDDL has {what}.",
        "The file is damaged, or was cut off.",
        "Get the file again, or leave it out.",
    )


def _unsupported(what: str) -> UnsupportedPddlError:
    return UnsupportedPddlError(
        f"A game uses {what}, which the fast engine does not know.",
        "It knows what the games of ALFWorld use.",
        'Play it with engine="stock", TextWorld\'s own.',
    )
