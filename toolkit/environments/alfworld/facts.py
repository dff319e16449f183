"""A set of facts that answers questions such as "what is in the fridge" quickly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from toolkit.environments.alfworld.pddl import Atom, Conjunction, Literal

Bindings = dict[str, str]
"""Variables and what they stand for."""


class Facts:
    """Facts that hold, found by predicate and by any one argument.

    Args:
        atoms: The facts at the start.
    """

    def __init__(self, atoms: Iterable[Atom] = ()) -> None:
        self._all: dict[str, set[Atom]] = defaultdict(set)
        self._index: dict[tuple[str, int, str], set[Atom]] = defaultdict(set)
        for atom in atoms:
            self.add(atom)

    def __contains__(self, atom: Atom) -> bool:
        return atom in self._all.get(atom[0], ())

    def __iter__(self) -> Iterator[Atom]:
        for atoms in self._all.values():
            yield from atoms

    def add(self, atom: Atom) -> None:
        """Make a fact hold."""
        self._all[atom[0]].add(atom)
        for i in range(1, len(atom)):
            self._index[atom[0], i, atom[i]].add(atom)

    def discard(self, atom: Atom) -> None:
        """Make a fact no longer hold."""
        self._all[atom[0]].discard(atom)
        for i in range(1, len(atom)):
            self._index[atom[0], i, atom[i]].discard(atom)

    def of(self, predicate: str, *arguments: str | None) -> list[Atom]:
        """Return the facts of a predicate, `None` standing for any argument, sorted."""
        known = {f"?{i}": a for i, a in enumerate(arguments) if a is not None}
        pattern = (predicate, *(f"?{i}" for i in range(len(arguments))))
        return sorted(self.matching(pattern, known))

    def count(self, predicate: str) -> int:
        """Return how many facts a predicate has."""
        return len(self._all.get(predicate, ()))

    def matching(self, pattern: Atom, bound: Mapping[str, str]) -> Iterable[Atom]:
        """Return the facts that fit a pattern with variables (`?x`), unsorted.

        Variables that are not bound fit anything, each on its own.
        """
        predicate = pattern[0]
        best: set[Atom] = self._all.get(predicate, set())
        wanted = []
        for i in range(1, len(pattern)):
            word = pattern[i]
            value = bound.get(word) if word[0] == "?" else word
            if value is not None:
                wanted.append((i, value))
        if not wanted:
            return [f for f in best if len(f) == len(pattern)]
        indexed = (self._index.get((predicate, i, value)) for i, value in wanted)
        best = min((found or set() for found in indexed), key=len)
        if len(wanted) == 1:
            return [f for f in best if len(f) == len(pattern)]
        return [
            f
            for f in best
            if len(f) == len(pattern) and all(f[i] == v for i, v in wanted)
        ]

    def solve(
        self, plan: Conjunction, bound: Bindings, depth: int = 0
    ) -> Iterator[Bindings]:
        """Yield every way to make a conjunction true.

        Args:
            plan: Literals in an order that `order` has chosen.
            bound: Variables that are decided already.
            depth: Literals that hold already.
        """
        if depth == len(plan):
            yield bound
            return
        literal = plan[depth]
        if not literal.positive or literal.atom[0] == "=":
            if self.holds(literal, bound):
                yield from self.solve(plan, bound, depth + 1)
            return
        for fact in self.matching(literal.atom, bound):
            extended = dict(bound)
            for word, value in zip(literal.atom, fact, strict=True):
                if word[0] == "?" and extended.setdefault(word, value) != value:
                    break  # one variable, two values
            else:
                yield from self.solve(plan, extended, depth + 1)

    def holds(self, literal: Literal, bound: Mapping[str, str]) -> bool:
        """Return whether a literal holds whose variables are all bound."""
        atom = ground(literal.atom, bound)
        true = atom[1] == atom[2] if atom[0] == "=" else atom in self
        return true == literal.positive


def ground(atom: Atom, bound: Mapping[str, str]) -> Atom:
    """Return an atom with names in the place of its variables."""
    return tuple(bound.get(word, word) for word in atom)


def order(conjunction: Conjunction, facts: Facts, bound: Iterable[str]) -> Conjunction:
    """Return the literals in an order in which few facts have to be looked at.

    Checks of bound variables come as early as possible; otherwise the literal comes
    next that is likely to have the fewest matches.

    Args:
        conjunction: Literals in any order.
        facts: Those at the start, which tell how frequent a predicate is.
        bound: Variables that will be known beforehand.
    """
    known, left, plan = set(bound), list(dict.fromkeys(conjunction)), []

    def cost(literal: Literal) -> float:
        free = literal.variables - known
        if not free:
            return 0.0
        if not literal.positive or literal.atom[0] == "=":
            return float("inf")
        # an argument that is known leaves about a tenth of the facts
        decided = len(literal.atom) - 1 - len(free)
        return (1.0 + facts.count(literal.atom[0])) / 10.0**decided

    while left:
        best = min(left, key=cost)
        left.remove(best)
        plan.append(best)
        known |= best.variables
    return tuple(plan)
