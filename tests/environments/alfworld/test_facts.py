import itertools
import random

from toolkit.environments.alfworld.facts import Facts, order
from toolkit.environments.alfworld.pddl import Literal

HOUSE = [("in", "apple", "bowl"), ("in", "egg", "fridge"), ("in", "pan", "fridge")]


def test_facts_are_found_by_any_argument():
    facts = Facts(HOUSE)
    assert facts.of("in", None, "fridge") == HOUSE[1:]
    assert facts.of("in", "apple", None) == HOUSE[:1]
    assert facts.of("in", "apple", "fridge") == []
    assert facts.of("in", None) == []  # of another length
    facts.discard(HOUSE[1])
    assert facts.of("in", None, "fridge") == HOUSE[2:]
    assert HOUSE[1] not in facts


def test_a_variable_that_occurs_twice_is_one_thing():
    facts = Facts([("likes", "ann", "bob"), ("likes", "eve", "eve")])
    query = (Literal(atom=("likes", "?x", "?x")),)
    assert list(facts.solve(query, {})) == [{"?x": "eve"}]


def test_answers_are_those_of_trying_everything():
    """Against brute force over random facts and random conjunctions."""
    rng = random.Random(0)
    things = "abcd"
    for _ in range(60):
        pairs = [(p, x, y) for p in "pq" for x in things for y in things]
        facts = Facts(rng.sample(pairs, 12))
        variables = ["?x", "?y", "?z"]
        atoms = [(rng.choice("pq"), *rng.choices(variables, k=2)) for _ in range(3)]
        query = [Literal(atom=a) for a in atoms]
        query += [Literal(atom=("p", atoms[0][1], atoms[1][2]), positive=False)]
        query += [Literal(atom=("=", atoms[0][1], atoms[2][2]), positive=False)]
        used = sorted(set().union(*(x.variables for x in query)))
        wanted = {
            values
            for values in itertools.product(things, repeat=len(used))
            if all(facts.holds(x, dict(zip(used, values, strict=True))) for x in query)
        }
        plan = order(tuple(query), facts, ())
        found = [tuple(b[v] for v in used) for b in facts.solve(plan, {})]
        assert sorted(found) == sorted(wanted)


def test_checks_come_as_soon_as_they_can():
    facts = Facts([*HOUSE, ("at", "fridge")])
    negative = Literal(atom=("open", "?p"), positive=False)
    holds = Literal(atom=("in", "?o", "?p"))
    at = Literal(atom=("at", "?p"))
    assert order((negative, holds, at), facts, ()) == (at, negative, holds)
