"""What a game asks for, read from its goal, and how much of that is reached."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.environments.alfworld.facts import Facts
from toolkit.environments.alfworld.pddl import Conjunction, Problem
from toolkit.errors import GameFileError

TASK_TYPES = (
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
)
"""The six kinds of household tasks, with the names they have in ALFWorld's files."""
TREATMENTS = {"isclean": "cleanobject", "ishot": "heatobject", "iscool": "coolobject"}
"""Facts about an object and the actions that make them true."""
TOOLS = {
    "cleanobject": ("cleanable", ("sinkbasintype", "sinktype")),
    "heatobject": ("heatable", ("microwavetype",)),
    "coolobject": ("coolable", ("fridgetype",)),
}
"""What an object must be for an action, and kinds of receptacles that it needs, those
that every version of the domain takes first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """What a game asks for."""

    object: str
    """Kind of the object wanted, such as `appletype`."""
    receptacle: str = ""
    """Kind of the receptacle it is to be put into; none when it is to be looked at."""
    lamp: str = ""
    """Kind of the lamp under which it is to be looked at."""
    state: str = ""
    """What the object has to be: a key of `TREATMENTS`, or nothing special."""
    count: int = 1
    """How many of them."""

    @property
    def task_type(self) -> str:
        """One of `TASK_TYPES`."""
        if self.lamp:
            return "look_at_obj_in_light"
        if self.count == 2:
            return "pick_two_obj_and_place"
        if not self.state:
            return "pick_and_place_simple"
        verb = TREATMENTS[self.state].removesuffix("object")
        return f"pick_{verb}_then_place_in_recep"


def read_goal(problem: Problem) -> Goal:
    """Return what a game asks for.

    Raises:
        GameFileError: If it is none of the six kinds of tasks.
    """
    if len(problem.goal) == 1:
        goal = _goal(problem.goal[0])
        if goal is not None:
            return goal
    raise GameFileError(
        "The goal of a game is none of ALFWorld's six kinds of tasks.",
        "Tasks with sliced objects or with a container to be carried are not played.",
        "Leave the game out.",
    )


def _goal(conjunction: Conjunction) -> Goal | None:
    """Return the goal that a conjunction describes, `None` if it is another one."""
    known = {"objecttype", "receptacletype", "inreceptacle", "holds", "istoggled"}
    known |= {"atlocation", "receptacleatlocation", "toggleable", "=", *TREATMENTS}
    known |= {needed for needed, _ in TOOLS.values()}
    atoms = [x.atom for x in conjunction if not x.atom[0].startswith("type ")]
    if not {a[0] for a in atoms} <= known:
        return None
    kinds = {a[1]: a[2] for a in atoms if a[0] == "objecttype"}
    receptacles = {a[2] for a in atoms if a[0] == "receptacletype"}
    states = [a[0] for a in atoms if a[0] in TREATMENTS]
    if on := [a[1] for a in atoms if a[0] == "istoggled"]:
        held = [kinds[a[2]] for a in atoms if a[0] == "holds" and a[2] in kinds]
        fits = len(held) == 1 and on[0] in kinds and len(kinds) == 2
        return Goal(object=held[0], lamp=kinds[on[0]]) if fits else None
    if len(receptacles) != 1 or len({*kinds.values()}) != 1 or len(states) > 1:
        return None
    return Goal(
        object=next(iter(kinds.values())),
        receptacle=receptacles.pop(),
        state=states[0] if states else "",
        count=len(kinds),
    )


def reached(goal: Goal, facts: Facts) -> tuple[int, int]:
    """Return how many sub-goals are reached, and how many there are.

    To put something somewhere they are: it is in the hand, or done with; it is clean
    (or hot, or cool), if the task says so; it is where it should be. Two objects count
    each, into the same receptacle. To look at something: it is in the hand; the lamp
    is beside it; the lamp is on. The objects that are furthest count.
    """
    held = {a[2] for a in facts.of("holds", None, None)}
    objects = [a[1] for a in facts.of("objecttype", None, goal.object)]
    if goal.lamp:
        near = [x for x in _lamps(goal, facts) if held & {*objects} and _here(facts, x)]
        lit = any(("istoggled", lamp) in facts for lamp in near)
        return bool(held & {*objects}) + bool(near) + lit, 3
    places = [a[1] for a in facts.of("receptacletype", None, goal.receptacle)]
    best = max(
        (
            sum(
                sorted((_stage(goal, facts, held, o, p) for o in objects))[
                    -goal.count :
                ]
            )
            for p in places
        ),
        default=0,
    )
    return best, (2 + bool(goal.state)) * goal.count


def _stage(goal: Goal, facts: Facts, held: set[str], thing: str, place: str) -> int:
    """Return the sub-goals that one object has reached, were it put in one place."""
    ready = not goal.state or (goal.state, thing) in facts
    treated = int(bool(goal.state) and ready)
    if ready and ("inreceptacle", thing, place) in facts:
        return 2 + treated
    return int(thing in held) + treated


def _lamps(goal: Goal, facts: Facts) -> list[str]:
    return [a[1] for a in facts.of("objecttype", None, goal.lamp)]


def _here(facts: Facts, thing: str) -> bool:
    """Return whether the player stands at a receptacle that holds a thing."""
    spots = {a[2] for a in facts.of("atlocation", None, None)}
    return any(
        ("receptacleatlocation", place, spot) in facts
        for _, _, place in facts.of("inreceptacle", thing, None)
        for spot in spots
    )
