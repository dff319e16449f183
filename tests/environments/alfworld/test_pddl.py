import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.environments.alfworld.pddl import (
    Literal,
    UnsupportedPddlError,
    parse_domain,
    parse_problem,
)
from toolkit.errors import GameFileError

HEAD = "(define (domain d) (:types thing)"


def action(precondition="()", effect="(done ?x)"):
    text = f"{HEAD} (:action go :parameters (?x - thing) :precondition {precondition}"
    return parse_domain(f"{text} :effect {effect}))")["go"]


def literals(conjunction):
    return {(x.atom, x.positive) for x in conjunction if x.atom[0] != "type thing"}


def test_or_makes_alternatives():
    first, second = action("(and (a ?x) (or (b ?x) (not (c ?x))))").preconditions
    assert literals(first) == {(("a", "?x"), True), (("b", "?x"), True)}
    assert literals(second) == {(("a", "?x"), True), (("c", "?x"), False)}


def test_not_turns_and_into_or():
    found = action("(not (and (a ?x) (b ?x)))").preconditions
    assert [literals(c) for c in found] == [
        {(("a", "?x"), False)},
        {(("b", "?x"), False)},
    ]


def test_variables_of_exists_do_not_meet():
    both = "(and (exists (?y) (a ?y)) (exists (?y) (b ?y)))"
    (found,) = action(both).preconditions
    variables = [x.atom[1] for x in found if x.atom[0] in "ab"]
    assert len({*variables}) == 2


def test_when_is_a_condition_of_the_effect():
    on, off = action(effect="(and (when (a ?x) (not (a ?x))) (b ?x))").effects
    assert on.literal == Literal(atom=("a", "?x"), positive=False)
    assert on.conditions == ((Literal(atom=("a", "?x")),),)
    assert off.conditions == ((),)


def test_costs_are_left_out():
    (effect,) = action(effect="(and (done ?x) (increase (total-cost) 5))").effects
    assert effect.literal.atom == ("done", "?x")


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD} (:derived (a) (b)))",
        f"{HEAD} (:types small - thing))".replace("(:types thing)", ""),
        f"{HEAD} (:action go :precondition (forall (?x) (a ?x)) :effect (b)))",
        f"{HEAD} (:action go :effect (forall (?x) (b ?x))))",
        f"{HEAD} (:action go :precondition (not (exists (?x) (a ?x))) :effect (b)))",
    ],
)
def test_more_of_pddl_is_said_not_to_be_known(text):
    with pytest.raises(UnsupportedPddlError):
        parse_domain(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        ")",
        "(define)",
        "(define (problem p))",
        "(define (problem p) (:objects a - ) (:init) (:goal (a)))",
        "(define (problem p) (:objects a) (:init (a (b))) (:goal (a)))",
        "(define (problem p) (:objects a) (:init (a)) (:goal))",
        "(" * 5000,
        "(define (domain d) (:init))",
    ],
)
def test_a_broken_problem_is_a_broken_game(text):
    with pytest.raises(GameFileError):
        parse_problem(text)


def test_a_bomb_of_alternatives_is_refused():
    bomb = "(and " + "(or (a ?x) (b ?x)) " * 40 + ")"
    with pytest.raises(GameFileError, match="alternatives"):
        action(bomb)


@given(st.text(alphabet="()?-: adefinproblem", max_size=200))
def test_any_text_is_read_or_refused(text):
    for parse in (parse_problem, parse_domain):
        with contextlib.suppress(GameFileError):
            assert parse(f"(define (problem p) {text}")
