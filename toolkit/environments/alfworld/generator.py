"""Makes games of ALFWorld from its own floor plans, domain, grammar and goals.

A game is determined by the kind of task, its seed, its size and the split. It is
returned only after the expert has won it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from toolkit.environments.alfworld import expert, package
from toolkit.environments.alfworld.engine import FastEngine
from toolkit.environments.alfworld.game_file import GameFile
from toolkit.environments.alfworld.package import FloorPlan
from toolkit.environments.alfworld.pddl import Atom
from toolkit.errors import ConfigError, GameGenerationError

VERSION = 1
"""Raised whenever the same seed would give another game."""
TRIES = 200
"""Houses tried for one game; one in two is fit for the rarest kind of task."""
LONGEST_SOLUTION = 40
"""Commands of the expert; real games need 9 at most."""
OBJECT_SHARE = 0.95
"""How many of the kinds of objects that a house may hold are in it."""
COPIES = (1, 2, 3)
"""How many objects of one kind there are, each as likely."""
HIDDEN_WEIGHT = 1 / 3
"""How likely a thing is put into something closed, by comparison with something open;
so about as many are hidden as in real games."""
TARGETS = {"pick_two_obj_and_place": (2, 4)}
"""Least and most of the objects that a task is about; else `(1, 3)`."""
SEVERAL = {"StoveBurner": (4, 4), "Shelf": (1, 3), "Cabinet": (2, 6), "Drawer": (2, 6)}
"""Least and most of receptacles that the plan names without places; else one."""
LAMPS = ("DeskLamp", "FloorLamp")
LAMP_STANDS = {"Desk", "SideTable", "Dresser", "DiningTable", "CoffeeTable", "Shelf"}
TOOL = {
    "pick_clean_then_place_in_recep": ("Cleanable", "SinkBasin"),
    "pick_heat_then_place_in_recep": ("Heatable", "Microwave"),
    "pick_cool_then_place_in_recep": ("Coolable", "Fridge"),
}
"""What the object of a task must be, and the receptacle that is needed."""
UNKNOWN_GOAL = "UNKNOWN GOAL"
"""What stands in the package's grammar in the place of the sentence of the task."""
_SENTENCE = re.compile(r"Your task is to: ([^\"]*)\.\"")
_DECLARED = {"SinkBasin", "Microwave", "Fridge"}  # kinds that the domain itself names
_KNIVES = {"Knife", "ButterKnife"}
_PROPERTIES = ("Cleanable", "Heatable", "Coolable", "Sliceable")
_SIGNS = str.maketrans(
    {"|": "_bar_", "-": "_minus_", "+": "_plus_", ".": "_dot_", ",": "_comma_"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """What a game takes place in; ids are those of AI2-THOR (`Cabinet|+00.68|…`)."""

    plan: FloorPlan
    """The room."""
    places: dict[str, str]
    """Receptacles and the spots in front of them."""
    things: dict[str, str]
    """Objects and the receptacles they are in."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What a task asks for, by the names of AI2-THOR."""

    task_type: str
    """One of `TASK_TYPES`."""
    object: str
    """Kind of the object."""
    receptacle: str = ""
    """Kind of the receptacle to put it into."""
    lamp: str = ""
    """Kind of the lamp to look at it under."""


def make_game(
    task_type: str,
    seed: int,
    *,
    size: float = 1.0,
    floor_plan: int | None = None,
    held_out: bool = False,
) -> GameFile:
    """Return a game that the expert wins.

    Args:
        task_type: One of `TASK_TYPES`.
        seed: Any number.
        size: Part of the receptacles and objects of a full house, above 0, at most 1.
            What the task needs is always there.
        floor_plan: Number of the floor plan (`None`: drawn by the seed).
        held_out: Draw among the floor plans of `HELD_OUT`, or else among the others.

    Raises:
        ConfigError: If `size` is out of range.
        TaskError: If there is no such floor plan.
        GameGenerationError: If the floor plan is unfit for the task.
        MissingExtraError: If the package alfworld is not installed.
    """
    if not 0 < size <= 1:
        raise ConfigError(
            f"size is {size!r}.", "It is a part of a house: 0 < size <= 1."
        )
    rng = random.Random(f"{VERSION}/{task_type}/{seed}/{size}/{floor_plan}/{held_out}")
    rooms = package.tables().GOALS_VALID[task_type]
    numbers = [
        n
        for n in package.floor_plan_numbers()
        if (n in package.HELD_OUT) == held_out and package.floor_plan(n).room in rooms
    ]
    for _ in range(TRIES):
        number = rng.choice(numbers) if floor_plan is None else floor_plan
        plan = package.floor_plan(number)
        wish = _draw_wish(rng, task_type, plan) if plan.room in rooms else None
        house = wish and _furnish(rng, wish, plan, size)
        if wish and house:
            game = _write(rng, wish, house, f"{task_type}_{seed}")
            if _is_won(game):
                return game
    raise GameGenerationError(
        f"There is no game {task_type!r} with floor plan {floor_plan}.",
        f"None of {TRIES} houses has what the task needs.",
        f"Use a floor plan of a {' or '.join(sorted(rooms))}, or leave it open.",
    )


def _is_won(game: GameFile) -> bool:
    """Return whether the expert wins a game that is not won from the start."""
    engine = FastEngine()
    engine.load(game)
    engine.reset()
    commands = expert.plan(engine)
    if not commands or len(commands) > LONGEST_SOLUTION:
        return False
    return all(engine.step(command)[1] for command in commands) and engine.won()


def sentence_of(game: GameFile) -> str:
    """Return what a generated game asks for, such as `put a cup in sink`."""
    found = _SENTENCE.search(game.grammar)
    assert found is not None
    return found[1]


# ---- what is drawn ---------------------------------------------------------------


def _kind(name: str) -> str:
    """Return the kind of a thing: `SinkBasin` for `Sink|…|SinkBasin`."""
    last = name.split("|")[-1]
    return last if last.isalpha() else name.split("|")[0]


def _fits(thing: str, receptacle: str) -> bool:
    return thing in package.tables().VAL_RECEPTACLE_OBJECTS.get(receptacle, ())


def _receptacle_kinds(plan: FloorPlan) -> list[str]:
    """Return the kinds of receptacles in a room that cannot be carried around."""
    tables = package.tables()
    fixed = tables.RECEPTACLES - tables.MOVABLE_RECEPTACLES_SET
    named = {*plan.objects, *map(_kind, plan.receptacles), "GarbageCan"}
    return sorted(named & fixed)


def _draw_wish(rng: random.Random, task_type: str, plan: FloorPlan) -> Wish | None:
    """Draw object and receptacle of a task, `None` if the room has none."""
    receptacles = _receptacle_kinds(plan)
    quality, tool = TOOL.get(task_type, ("", ""))
    pool = [o for o in plan.objects if any(_fits(o, r) for r in receptacles)]
    pool = [o for o in pool if o not in LAMPS]
    if quality:
        pool = [o for o in pool if o in package.tables().VAL_ACTION_OBJECTS[quality]]
    if not pool or (tool and tool not in receptacles):
        return None
    thing = rng.choice(pool)
    if task_type == "look_at_obj_in_light":
        lamps = [x for x in LAMPS if x in plan.objects]
        stands = LAMP_STANDS & {*receptacles}
        if not lamps or not stands:
            return None
        return Wish(task_type=task_type, object=thing, lamp=rng.choice(lamps))
    targets = [r for r in receptacles if _fits(thing, r) and r != tool]
    if not targets:
        return None
    return Wish(task_type=task_type, object=thing, receptacle=rng.choice(targets))


def _furnish(
    rng: random.Random, wish: Wish, plan: FloorPlan, size: float
) -> House | None:
    """Draw receptacles, objects and where they are."""
    places = _draw_places(rng, wish, plan, size)
    things: dict[str, str] = {}
    wanted = {wish.object: rng.randint(*TARGETS.get(wish.task_type, (1, 3)))}
    for kind in plan.objects:
        if kind in LAMPS or kind == wish.object:
            continue
        if rng.random() < OBJECT_SHARE * size:
            wanted[kind] = rng.choice(COPIES)
    closed = package.tables().OPENABLE_CLASS_SET
    for kind, count in wanted.items():
        fit = [r for r in places if _fits(kind, _kind(r))]
        if kind == wish.object:
            fit = [r for r in fit if _kind(r) != wish.receptacle]
            if not fit:
                return None
        weights = [HIDDEN_WEIGHT if _kind(r) in closed else 1.0 for r in fit]
        for place in rng.choices(fit, weights, k=count) if fit else ():
            things[f"{kind}|{_position(rng)}"] = place
    if wish.lamp:
        stands = [r for r in places if _kind(r) in LAMP_STANDS]
        things[f"{wish.lamp}|{_position(rng)}"] = rng.choice(stands)
    return House(plan=plan, places=places, things=things)


def _draw_places(
    rng: random.Random, wish: Wish, plan: FloorPlan, size: float
) -> dict[str, str]:
    """Draw the receptacles; what the task needs is kept at any size."""
    found: dict[str, str] = {
        name: "|".join(map(str, ("loc", *spot)))
        for name, spot in plan.receptacles.items()
    }
    have = {_kind(name) for name in found}
    for kind in _receptacle_kinds(plan):
        if kind not in have:
            least, most = SEVERAL.get(kind, (1, 1))
            for _ in range(rng.randint(least, most)):
                found[_name(kind, rng)] = f"loc|{len(found) + 50}|0|0|30"
    if size == 1:
        return found
    needed = [wish.receptacle, TOOL.get(wish.task_type, ("", ""))[1]]
    sources = [
        k for k in map(_kind, found) if _fits(wish.object, k) and k not in needed
    ]
    needed.append(rng.choice(sources) if sources else "")
    if wish.lamp:
        stands = sorted({_kind(r) for r in found} & LAMP_STANDS)
        needed.append(rng.choice(stands))
    kept = {}
    for name in rng.sample(sorted(found), len(found)):
        if _kind(name) in needed:
            needed = [k for k in needed if k != _kind(name)]
            kept[name] = found[name]
        elif rng.random() < size:
            kept[name] = found[name]
    return {name: found[name] for name in found if name in kept}


def _position(rng: random.Random) -> str:
    return "|".join(f"{rng.uniform(-4, 4):+06.2f}" for _ in range(3))


def _name(kind: str, rng: random.Random) -> str:
    if kind.endswith("Basin"):
        return f"{kind.removesuffix('Basin')}|{_position(rng)}|{kind}"
    return f"{kind}|{_position(rng)}"


# ---- what is written -------------------------------------------------------------


def _write(rng: random.Random, wish: Wish, house: House, name: str) -> GameFile:
    """Return a house and a wish as the file of a game."""
    start = "loc|0|0|0|30|start"
    facts = [
        *_place_facts(house),
        *_thing_facts(house),
        ("atLocation", "agent1", start),
    ]
    objects = _declared(house, [*house.places.values(), start])
    goals = package.goals()[wish.task_type]
    words = {"obj": wish.object, "recep": wish.receptacle, "toggle": wish.lamp}
    goal = goals["pddl"].replace("#", "-").format(mrecep="", **words)
    low = {key: word.lower() for key, word in words.items()}
    sentence = rng.choice(goals["templates"]).format(mrecep="", **low)
    domain, grammar = package.logic()
    return GameFile(
        domain=domain,
        grammar=grammar.replace(UNKNOWN_GOAL, sentence),
        problem=_problem(re.sub(r"\W", "_", name), objects, facts, goal),
    )


def _problem(
    name: str, objects: Sequence[tuple[str, str]], facts: Iterable[Atom], goal: str
) -> str:
    """Return the text of a problem; `goal` closes its brackets."""
    named = "\n".join(f"{_escaped(thing)} - {kind}" for thing, kind in objects)
    held = "\n".join(f"({' '.join((f[0], *map(_escaped, f[1:])))})" for f in facts)
    head = f"(define (problem plan_{name})\n(:domain alfred)"
    return f"{head}\n(:objects\n{named}\n)\n(:init\n{held}\n)\n{goal}"


def _escaped(name: str) -> str:
    """Write a name as PDDL allows it."""
    return name.translate(_SIGNS)


def _declared(house: House, spots: Iterable[str]) -> list[tuple[str, str]]:
    """Return all things of a problem with their types."""
    kinds = sorted({*map(_kind, house.things)} | _KNIVES)
    receptacles = sorted({*map(_kind, house.places)} | _DECLARED)
    return [
        ("agent1", "agent"),
        *((f"{kind}Type", "otype") for kind in kinds),
        *((f"{kind}Type", "rtype") for kind in receptacles),
        *((name, "object") for name in house.things),
        *((name, "receptacle") for name in house.places),
        *((spot, "location") for spot in dict.fromkeys(spots)),
    ]


def _place_facts(house: House) -> Iterable[Atom]:
    tables = package.tables()
    for name, spot in house.places.items():
        yield "receptacleType", name, f"{_kind(name)}Type"
        yield "receptacleAtLocation", name, spot
        if _kind(name) in tables.OPENABLE_CLASS_SET:
            yield "openable", name
    things = sorted({*map(_kind, house.things)})
    for kind in sorted({*map(_kind, house.places)}):
        for thing in things:
            if _fits(thing, kind):
                yield "canContain", f"{kind}Type", f"{thing}Type"


def _thing_facts(house: House) -> Iterable[Atom]:
    tables = package.tables()
    for name, place in house.things.items():
        kind = _kind(name)
        yield "objectType", name, f"{kind}Type"
        yield "inReceptacle", name, place
        yield "objectAtLocation", name, house.places[place]
        if kind in LAMPS:
            yield "toggleable", name
            continue
        yield "pickupable", name
        if kind in tables.MOVABLE_RECEPTACLES_SET:
            yield "isReceptacleObject", name
        for quality in _PROPERTIES:
            if kind in tables.VAL_ACTION_OBJECTS[quality]:
                yield quality.lower(), name
