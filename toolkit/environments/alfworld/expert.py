"""Finds commands that win a game, from all of its facts and without a planner.

The expert sees what is in closed drawers, so it goes straight to what it needs: fetch
the object, make it clean or hot or cool, put it where it belongs. It starts from any
state of a game, with full hands too, and its plan is short but not always shortest.
"""

from __future__ import annotations

from collections.abc import Iterator

from toolkit.environments.alfworld.engine import Engine
from toolkit.environments.alfworld.facts import Facts
from toolkit.environments.alfworld.goal import TOOLS, TREATMENTS, Goal, read_goal
from toolkit.environments.alfworld.grammar import Scene

Step = tuple[str, dict[str, str]]
"""An action and the things it is done with, by the letters of the grammar."""


def plan(engine: Engine, goal: Goal | None = None) -> list[str] | None:
    """Return commands that win from here, `None` if the expert sees no way.

    Args:
        engine: A game that was started.
        goal: What `read_goal` returned for it, if it was called before.

    Raises:
        GameFileError: If the goal is none of the six kinds of tasks.
    """
    if engine.won():
        return []
    steps = _Planner(engine.facts()).plan(goal or read_goal(engine.problem))
    return None if steps is None else [_worded(engine, *step) for step in steps]


def _worded(engine: Engine, action: str, things: dict[str, str]) -> str:
    kinds = {"r": "receptacle", "o": "object"}
    bound = {f"?{letter}:{kinds[letter]}": thing for letter, thing in things.items()}
    scene = Scene(facts=engine.facts(), entities=engine.entities, bound=bound)
    return engine.grammar.tell(engine.grammar.templates[action], scene)


class _NoWayError(Exception):
    """Something that is needed is not there or cannot be reached."""


class _Planner:
    """Makes plans, and remembers how the world changes while they are carried out."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._spot = {a[1]: a[2] for a in facts.of("receptacleatlocation", None, None)}
        self._kinds = {a[1]: a[2] for a in facts.of("objecttype", None, None)}
        self._places = {a[1]: a[2] for a in facts.of("receptacletype", None, None)}
        self._at = next((a[2] for a in facts.of("atlocation", None, None)), "")
        self._open = {a[1] for a in facts.of("opened", None)}
        self._held = next((a[2] for a in facts.of("holds", None, None)), None)
        self._steps: list[Step] = []

    def plan(self, goal: Goal) -> list[Step] | None:
        """Return steps that reach a goal."""
        try:
            if goal.lamp:
                self._look(goal)
            else:
                self._bring(goal)
        except _NoWayError:
            return None
        return self._steps

    # ---- the six tasks ---------------------------------------------------------------

    def _look(self, goal: Goal) -> None:
        lamps = [
            (o, r)
            for o, kind in self._kinds.items()
            if kind == goal.lamp and ("toggleable", o) in self._facts
            for r in self._around(o)
        ]
        if not lamps:
            raise _NoWayError
        lamp, place = min(lamps, key=lambda x: (self._spot[x[1]] != self._at, x))
        self._fetch(self._choose(goal, "")[0])
        self._go(place)
        if ("istoggled", lamp) not in self._facts:
            self._do("toggleobject", o=lamp)

    def _bring(self, goal: Goal) -> None:
        place, things = self._target(goal)
        for thing in things:
            self._fetch(thing)
            if goal.state and (goal.state, thing) not in self._facts:
                self._treat(thing, TREATMENTS[goal.state])
            self._put(thing, place)

    def _target(self, goal: Goal) -> tuple[str, list[str]]:
        """Return the receptacle for which the least has to be carried, and what."""
        found = []
        for place, kind in sorted(self._places.items()):
            if kind != goal.receptacle or place not in self._spot:
                continue
            there = sum(self._done(goal, o, place) for o in self._kinds)
            try:
                things = self._choose(goal, place, goal.count - there)
            except _NoWayError:
                continue
            found.append((len(things), place, things))
        if not found:
            raise _NoWayError
        return min(found)[1:]

    def _done(self, goal: Goal, thing: str, place: str) -> bool:
        ready = not goal.state or (goal.state, thing) in self._facts
        there = ("inreceptacle", thing, place) in self._facts
        return ready and there and self._kinds[thing] == goal.object

    def _choose(self, goal: Goal, place: str, count: int = 1) -> list[str]:
        """Return objects of the right kind that can be fetched and used."""
        needed = TOOLS[TREATMENTS[goal.state]][0] if goal.state else "pickupable"
        fit = [
            o
            for o, kind in self._kinds.items()
            if kind == goal.object
            and (needed, o) in self._facts
            and (o == self._held or self._from(o))
            and not (place and self._done(goal, o, place))
            and (not place or self._fits(o, place))
        ]
        # first what is in the hand, then what needs no treatment
        fit.sort(key=lambda o: (o != self._held, (goal.state, o) not in self._facts, o))
        if len(fit) < count:
            raise _NoWayError
        return fit[:count]

    # ---- parts of a plan -------------------------------------------------------------

    def _fetch(self, thing: str) -> None:
        if self._held == thing:
            return
        if self._held is not None:
            self._lay_down()
        places = self._from(thing)
        if not places:
            raise _NoWayError
        place = min(places, key=lambda r: (self._spot[r] != self._at, r))
        self._go(place)
        self._reach_in(place)
        self._do("pickupobject", o=thing, r=place)
        self._held = thing

    def _treat(self, thing: str, action: str) -> None:
        for wanted in TOOLS[action][1]:
            for place, kind in sorted(self._places.items()):
                if kind == wanted and place in self._spot:
                    self._go(place)
                    self._do(action, o=thing, r=place)
                    return
        raise _NoWayError

    def _put(self, thing: str, place: str) -> None:
        self._go(place)
        self._reach_in(place)
        self._do("putobject", o=thing, r=place)
        self._held = None

    def _lay_down(self) -> None:
        """Empty the hand into the nearest place that takes what is in it."""
        thing = self._held
        assert thing is not None
        fit = [r for r in self._places if r in self._spot and self._fits(thing, r)]
        if not fit:
            raise _NoWayError
        near = {
            r: (self._spot[r] != self._at, ("openable", r) in self._facts, r)
            for r in fit
        }
        self._put(thing, min(fit, key=near.__getitem__))

    def _go(self, place: str) -> None:
        if self._spot[place] != self._at:
            self._do("gotolocation", r=place)
            self._at = self._spot[place]

    def _reach_in(self, place: str) -> None:
        if ("openable", place) in self._facts and place not in self._open:
            self._do("openobject", r=place)
            self._open.add(place)

    def _do(self, action: str, **things: str) -> None:
        self._steps.append((action, things))

    # ---- what there is ---------------------------------------------------------------

    def _around(self, thing: str) -> Iterator[str]:
        """Yield the receptacles that hold a thing and can be gone to."""
        for _, _, place in self._facts.of("inreceptacle", thing, None):
            if place in self._spot:
                yield place

    def _from(self, thing: str) -> list[str]:
        if ("pickupable", thing) not in self._facts:
            return []
        return list(self._around(thing))

    def _fits(self, thing: str, place: str) -> bool:
        kinds = self._places[place], self._kinds.get(thing, "")
        return ("cancontain", *kinds) in self._facts
