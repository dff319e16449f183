"""Steps and resets of ALFWorld's games per second: our engine, or TextWorld's own.

Same games, same commands, and on both sides the admissible commands after each step,
as everybody asks for them. The games are those in `$ALFWORLD_DATA`, or else generated.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import Facts, race
from toolkit.environments.alfworld.engine import Engine, FastEngine
from toolkit.environments.alfworld.game_file import GameFile, read_game
from toolkit.environments.alfworld.generator import make_game
from toolkit.environments.alfworld.goal import TASK_TYPES
from toolkit.environments.alfworld.stock import StockEngine

GOALS = {"steps": 10.0, "resets": 15.0}


def run(unit: str, *, games: int, turns: int, repeats: int) -> dict[str, Any]:
    """Race both engines; return the result as data.

    Args:
        unit: `steps`, or `resets` of a game that is loaded.
        games: Played one after the other.
        turns: Commands in each game.
        repeats: Measurements of each side.
    """
    files, source = some_games(games)
    scripts = [walk(game, turns, seed) for seed, game in enumerate(files)]
    tables: dict[str, list[Engine]] = {
        "toolkit": [FastEngine() for _ in files],
        "TextWorld": [StockEngine() for _ in files],
    }
    for engines in tables.values():
        for engine, game in zip(engines, files, strict=True):
            engine.load(game)
    texts: dict[str, list[str]] = {}

    def reset(name: str) -> Facts:
        texts[name] = [first(engine) for engine in tables[name]]
        return {"resets": games}

    def play(name: str) -> Facts:
        played = zip(tables[name], scripts, strict=True)
        texts[name] = [
            text for engine, script in played for text in told(engine, script)
        ]
        return {"steps": games * turns}

    work = reset if unit == "resets" else play
    result = race(
        {name: partial(work, name) for name in tables},
        unit=unit,
        repeats=repeats,
        warm_up=False,
        prepare={name: partial(reset, name) for name in tables},
    )
    ours, theirs = texts.values()
    same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    return {
        **result,
        "goal": GOALS[unit],
        "source": source,
        "games": games,
        "turns": turns,
        "texts": len(ours),
        "same_texts": same,
    }


def first(engine: Engine) -> str:
    """Start a game; return its first text and what can be done."""
    return "\n".join((engine.reset(), *engine.admissible()))


def told(engine: Engine, commands: Sequence[str]) -> Iterator[str]:
    """Play commands; yield each answer and what can be done after it."""
    for command in commands:
        yield "\n".join((engine.step(command)[0], *engine.admissible()))


def some_games(n: int) -> tuple[list[GameFile], str]:
    """Return games, evenly spread over the kinds of tasks, and where they are from."""
    folder = os.environ.get("ALFWORLD_DATA")
    found = sorted(Path(folder).glob("json_*/*/*/*/game.tw-pddl")) if folder else []
    if len(found) >= n:
        return [read_game(found[i * len(found) // n]) for i in range(n)], "data"
    kinds = [TASK_TYPES[i % len(TASK_TYPES)] for i in range(n)]
    return [make_game(kind, i) for i, kind in enumerate(kinds)], "generated"


def walk(game: GameFile, turns: int, seed: int) -> list[str]:
    """Return random commands of one game."""
    engine, rng = FastEngine(), random.Random(seed)
    engine.load(game)
    engine.reset()
    commands = []
    for _ in range(turns):
        commands.append(rng.choice(engine.admissible()))
        engine.step(commands[-1])
    return commands
