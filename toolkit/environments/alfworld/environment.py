"""Household tasks of ALFWorld as an environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from toolkit.environments.alfworld import expert, sources
from toolkit.environments.alfworld.engine import Engine, FastEngine
from toolkit.environments.alfworld.game_file import GameFile
from toolkit.environments.alfworld.goal import TASK_TYPES, Goal, reached, read_goal
from toolkit.environments.alfworld.grammar import WORDINGS, reword
from toolkit.environments.alfworld.pddl import UnsupportedPddlError
from toolkit.environments.alfworld.stock import StockEngine
from toolkit.environments.arguments import check_choices, check_names
from toolkit.environments.base import Params, Task, TextEnv
from toolkit.environments.commands import CommandRules
from toolkit.environments.ids import with_settings
from toolkit.environments.splits import too_many
from toolkit.environments.surroundings import Surroundings
from toolkit.errors import (
    ConfigError,
    GameFileError,
    UnknownEnvironmentError,
    near_matches,
)

TURN_LIMITS = {"paper": 24, "common": 50}
"""Named values of `max_turns`: what the paper plays, and what most others do."""
_CHOICES: dict[str, tuple[str, ...]] = {
    "source": ("auto", sources.DATA, sources.GENERATED),
    "grammar": ("as_is", *WORDINGS),
    "engine": ("auto", "fast", "stock"),
}
_PARAMS = ("floor_plan", "game", "grammar", "max_turns", "menu", "size", "source")
"""Arguments that change what is played, and so belong to a task."""
_BANNER = "-= Welcome to TextWorld, ALFRED! =-"
_BLANKS = re.compile(r" {2,}")
_ARRIVAL = re.compile(r"^You arrive at loc \d+\. ")


class AlfworldEnv(TextEnv):
    """A household task: find things, clean, heat or cool them, put them somewhere.

    The reward is 1 on the turn on which the task is done, and `score` with it. How a
    game is worded, what else is in `info` and how it ends is told in
    docs/environments/alfworld.md.

    Args:
        env_id: `alfworld/all`, or `alfworld/` and one of `TASK_TYPES`.
        max_turns: Turns of an episode: a number, or `paper` (24) or `common` (50).
        source: `data` plays the files in `$ALFWORLD_DATA`, `generated` makes games;
            `auto` takes files if there are any.
        size: Of generated games: part of a full house, above 0, at most 1.
        floor_plan: Of generated games: number of the room (`None`: drawn).
        grammar: `old` says `put X in/on Y`, `new` says `move X to Y`; `as_is` leaves
            it to the file.
        menu: Show the admissible commands at the end of every observation.
        engine: `fast` is the toolkit's own, `stock` is TextWorld's; `auto` takes the
            stock one for games that the fast one cannot play.
        game: Name of one file of ALFWorld; tasks have it.
        admissible: Put `admissible_actions` into `info`.
        expert: Put `expert`, commands that win from here, into `info`.
        progress: Put `progress` into `info`: the part of the sub-goals reached since
            the start, 1 when won.

    Raises:
        UnknownEnvironmentError: If the id names no kind of task.
        ConfigError: If an argument is out of range.
    """

    rules: ClassVar[CommandRules] = CommandRules(max_chars=150, separator=r"[;]")
    refusal: ClassVar[str] = "Nothing happens."
    split_names: ClassVar[Mapping[str, str]] = {
        folder: split for split, folder in sources.FOLDERS.items() if folder != split
    }

    def __init__(
        self,
        env_id: str,
        *,
        max_turns: int | str = "common",
        source: str = "auto",
        size: float = 1.0,
        floor_plan: int | None = None,
        grammar: str = "as_is",
        menu: bool = False,
        engine: str = "auto",
        game: str | None = None,
        admissible: bool = False,
        expert: bool = False,
        progress: bool = False,
    ) -> None:
        task_type_of(env_id)
        given: dict[str, Any] = {"max_turns": max_turns, "source": source, "size": size}
        given |= {"floor_plan": floor_plan, "grammar": grammar, "menu": menu}
        given |= {"engine": engine, "game": game}
        self._given = checked(given)
        self.wants_progress = progress
        turns = int(self._given["max_turns"])
        super().__init__(max_turns=turns, admissible=admissible, expert=expert)
        self._engines: dict[str, Engine] = {}
        self._engine: Engine | None = None
        self._goal: Goal | None = None
        self._facts: dict[str, Any] = {}
        self._menu = False
        self._reached_at_start = 0

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of a split; no game is generated here."""
        task_type = task_type_of(env)
        given = checked(params)
        source = sources.choose(str(given.get("source", "auto")))
        kept = {k: v for k, v in given.items() if k in _PARAMS}
        if source == sources.DATA:
            found = sources.data_tasks(env, task_type, split)
        else:
            found = _seeds(env, split, n)
        if n is not None and n > len(found):
            raise too_many(n, split, len(found))
        return [_with(task, {**kept, "source": source}) for task in found[:n]]

    def expert(self) -> list[str] | None:
        """Return commands that win from here, `None` if there are none."""
        return expert.plan(self._running(), self._goal)

    def surroundings(self) -> Surroundings | None:
        """Return where the player is, what is carried and what lies open there."""
        engine = self._running()
        facts, names = engine.facts(), engine.entities
        spot = next((a[2] for a in facts.of("atlocation", None, None)), "")
        here = [a[1] for a in facts.of("receptacleatlocation", None, spot)]
        lists = {
            "carried": tuple(names[a[2]].name for a in facts.of("holds", None, None))
        }
        for place in here:
            if ("openable", place) in facts and ("opened", place) not in facts:
                lists[f"{names[place].name} (closed)"] = ()
                continue
            inside = facts.of("inreceptacle", None, place)
            lists[names[place].name] = tuple(names[a[1]].name for a in inside)
        name = names[here[0]].name if here else "middle of the room"
        return Surroundings(room=spot, name=name, lists=lists)

    def close(self) -> None:
        """Free the engines."""
        while self._engines:
            self._engines.popitem()[1].close()
        self._engine = None
        super().close()

    # ---- what the base class asks for ------------------------------------------------

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        env, params = with_settings(task.env, dict(task.params))
        given = checked({**self._given, **params})
        if given["source"] == "auto":
            given["source"] = sources.DATA if given["game"] else sources.GENERATED
        game = sources.game_of(task, given, task_type_of(env))
        if given["grammar"] != "as_is":
            text = reword(game.grammar, str(given["grammar"]))
            game = GameFile(domain=game.domain, grammar=text, problem=game.problem)
        self.max_turns, self._menu = int(given["max_turns"]), bool(given["menu"])
        text = self._load(game, str(given["engine"])).reset()
        engine = self._running()
        self._goal = read_goal(engine.problem)
        if engine.won():
            raise GameFileError(
                f"The game of {task.id} is won before it begins.",
                "Its goal holds at the start.",
                "Leave it out.",
            )
        self._reached_at_start = reached(self._goal, engine.facts())[0]
        self._facts = {"source": given["source"], "task_type": self._goal.task_type}
        if given["game"]:
            self._facts["game"] = given["game"]
        observation = text.replace(_BANNER, "").strip()
        return self._shown(observation, over=False), self._info(won=False, valid=True)

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        engine = self._running()
        text, valid = engine.step(command)
        won = engine.won()
        observation = _ARRIVAL.sub("", _BLANKS.sub(" ", text)).strip()
        info = self._info(won=won, valid=valid)
        return self._shown(observation, over=won), float(won), won, info

    def _load(self, game: GameFile, engine: str) -> Engine:
        """Give a game to the engine that is to play it."""
        kinds: dict[str, type[Engine]] = {"fast": FastEngine, "stock": StockEngine}
        first = "fast" if engine == "auto" else engine
        try:
            self._engine = self._engines.setdefault(first, kinds[first]())
            self._engine.load(game)
        except UnsupportedPddlError:
            if engine != "auto":
                raise
            return self._load(game, "stock")
        return self._engine

    def _shown(self, observation: str, *, over: bool) -> str:
        """Return the observation, with the menu under it if it is wanted."""
        if not self._menu or over:
            return observation
        commands = ", ".join(self._running().admissible())
        return f"{observation}\nYou can: {commands}."

    def _info(self, *, won: bool, valid: bool) -> dict[str, Any]:
        """Return `info` for the state reached."""
        info: dict[str, Any] = {
            **self._facts,
            "won": won,
            "lost": False,
            "score": float(won),
            "max_score": 1.0,
            "valid_action": valid,
        }
        if self.wants_admissible:
            info["admissible_actions"] = [] if won else self._running().admissible()
        if self.wants_expert:
            info["expert"] = [] if won else self.expert()
        if self.wants_progress:
            info["progress"] = 1.0 if won else self._progress()
        return info

    def _progress(self) -> float:
        assert self._goal is not None
        done, all_of_them = reached(self._goal, self._running().facts())
        ahead = all_of_them - self._reached_at_start
        return max(0, done - self._reached_at_start) / ahead if ahead else 0.0

    def _running(self) -> Engine:
        assert self._engine is not None
        return self._engine


def task_type_of(env: str) -> str:
    """Return the kind of task that an id names, or `all`.

    Raises:
        UnknownEnvironmentError: If there is no such kind of task.
    """
    name, known = env.partition("/")[2], ("all", *TASK_TYPES)
    if name not in known:
        raise UnknownEnvironmentError(
            f"There is no environment {env!r}.",
            f"An ALFWorld id is alfworld/ and one of {', '.join(known)}.",
            near_matches(name, known),
        )
    return name


def checked(given: Params) -> dict[str, Any]:
    """Return arguments of the environment after a look at each.

    Raises:
        ConfigError: If one is unknown or out of range.
    """
    check_names(AlfworldEnv, given)
    check_choices(given, _CHOICES)
    found: dict[str, Any] = dict(given)
    if "size" in given:
        found["size"] = _size(given["size"])
    if "max_turns" in given:
        found["max_turns"] = _max_turns(given["max_turns"])
    for name, kind in (("floor_plan", int), ("menu", bool), ("game", str)):
        value = given.get(name)
        if value is not None and type(value) is not kind:
            raise ConfigError(
                f"{name} is {value!r}.", f"It has to be of type {kind.__name__}."
            )
    return found


def _size(value: Any) -> float:
    try:
        size = float(value)
    except (TypeError, ValueError):
        size = 0.0
    if not 0 < size <= 1:
        raise ConfigError(
            f"size is {value!r}.",
            "It is the part of a full house that there is to search.",
            "Give a number above 0 and at most 1.",
        )
    return size


def _max_turns(value: Any) -> int:
    turns = TURN_LIMITS.get(value, value) if isinstance(value, str) else value
    if not isinstance(turns, int) or isinstance(turns, bool) or turns < 1:
        raise ConfigError(
            f"max_turns is {value!r}.",
            "An episode needs at least one turn.",
            f"Give a whole number, or one of {', '.join(TURN_LIMITS)}.",
        )
    return turns


def _seeds(env: str, split: str, n: int | None) -> list[Task]:
    """Return the tasks of a split of generated games."""
    seeds = sources.SEEDS[split]
    if n is None:
        seeds = seeds[: sources.DEFAULT_SIZES.get(split)]
    return [Task(env=env, seed=seed, split=split) for seed in seeds]


def _with(task: Task, params: Mapping[str, Any]) -> Task:
    merged = {**params, **dict(task.params)}
    kept = tuple(sorted((k, v) for k, v in merged.items() if v is not None))
    return Task(env=task.env, seed=task.seed, split=task.split, params=kept)
