import pytest

from toolkit.environments.alfworld.facts import Facts
from toolkit.environments.alfworld.goal import Goal, reached, read_goal
from toolkit.environments.alfworld.pddl import parse_problem
from toolkit.errors import GameFileError

APPLES = (("objecttype", "a1", "appletype"), ("objecttype", "a2", "appletype"))
BOWLS = (("receptacletype", "b1", "bowltype"), ("receptacletype", "b2", "bowltype"))


def problem(goal):
    return parse_problem(
        f"(define (problem p) (:objects a - object) (:init (x a)) (:goal {goal}))"
    )


def test_a_task_with_a_sliced_object_is_none_of_the_six():
    sliced = "(exists (?o - object) (and (objecttype ?o appletype) (issliced ?o)))"
    with pytest.raises(GameFileError, match="six kinds"):
        read_goal(problem(sliced))


@pytest.mark.parametrize("goal", ["(or (x a) (y a))", "(x a)", "(holds a a)"])
def test_another_goal_is_none_of_the_six(goal):
    with pytest.raises(GameFileError, match="six kinds"):
        read_goal(problem(goal))


def test_two_objects_count_only_in_the_same_receptacle():
    goal = Goal(object="appletype", receptacle="bowltype", count=2)
    apart = Facts([*APPLES, *BOWLS, *in_("a1", "b1"), *in_("a2", "b2")])
    together = Facts([*APPLES, *BOWLS, *in_("a1", "b1"), *in_("a2", "b1")])
    assert (reached(goal, apart), reached(goal, together)) == ((2, 4), (4, 4))


def test_an_object_in_place_that_is_not_clean_counts_nothing():
    goal = Goal(object="appletype", receptacle="bowltype", state="isclean")
    there = [*APPLES, *BOWLS, *in_("a1", "b1")]
    assert reached(goal, Facts(there)) == (0, 3)
    assert reached(goal, Facts([*there, ("isclean", "a1")])) == (3, 3)
    assert reached(goal, Facts([*APPLES, *BOWLS, ("isclean", "a1")])) == (1, 3)


def test_a_lamp_counts_only_beside_it_and_with_the_object():
    goal = Goal(object="appletype", lamp="lamptype")
    room = [*APPLES, ("objecttype", "l", "lamptype"), *in_("l", "b1")]
    room += [("receptacleatlocation", "b1", "spot")]
    held, lit = ("holds", "agent", "a1"), ("istoggled", "l")
    far, near = ("atlocation", "agent", "far"), ("atlocation", "agent", "spot")
    assert reached(goal, Facts([*room, lit, near])) == (0, 3)
    assert reached(goal, Facts([*room, lit, held, far])) == (1, 3)
    assert reached(goal, Facts([*room, held, near])) == (2, 3)
    assert reached(goal, Facts([*room, lit, held, near])) == (3, 3)


def in_(thing, place):
    return [("inreceptacle", thing, place)]
