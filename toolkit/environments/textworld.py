"""TextWorld games as an environment.

The Z-machine interpreter (jericho) is driven directly: TextWorld's own environment
rebuilds the logic of a game at every start, which takes longer than playing it. The
logic is loaded only when somebody asks for `admissible_actions`, `expert` or
`progress`.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from toolkit.environments.arguments import (
    check_goal,
    check_max_turns,
    check_names,
    kept_by_tasks,
)
from toolkit.environments.base import Params, Task, TextEnv
from toolkit.environments.commands import CommandRules
from toolkit.environments.game_logic import GameLogic
from toolkit.environments.games import game_file
from toolkit.environments.splits import seeded_tasks
from toolkit.environments.surroundings import Surroundings
from toolkit.environments.worlds import parse_world

SPLIT_SEEDS = {
    "test": range(1, 101),
    "validation": range(30_001, 40_001),
    "demonstration": range(40_001, 50_001),
    "train": range(50_001, 55_001),
}
"""Seeds of the splits; `test` and `train` are those of the paper."""
DEFAULT_SIZES = {"validation": 100}
"""Tasks of a split when no number is asked for; of the other splits all."""
TURNS_PER_COMMAND = 3
"""Default `max_turns` for each command of the quest: 12 for `q4` and 24 for `q8`, as in
the paper; enough to look around and to correct a slip."""
VARYING_TURNS = {"simple": 24, "cooking": 36}
"""Default `max_turns` of worlds whose quests differ in length: the paper's 24, and
three times the 9 to 13 commands of a cooking game."""

# Words that do not act in the world: they write files, ask the interpreter's own
# questions, take moves back, repeat others, or tell the recipe a brief goal hides.
_META = frozenset(
    word[:8]
    for line in (
        "save restore restart quit q script unscript transcript",
        "undo oops o again g",
        "notify verbose long brief normal superbrief short",
        "version verify score fullscore full pronouns nouns",
        "goal enable disable print print_state restrict tw",
    )
    for word in line.split()
)

_SHORT_FILE = str(Path(__file__).with_name("__init__.py")).encode()
_STATUS = re.compile(r">\s*-= [^\n]* =-(-?\d+)/\d+\s*$")
_TRACE = re.compile(r"\[([^\]]*)\]")
_ROOM = re.compile(r"-= ([^\n]*?) =-")
_END = re.compile(r"\*\*\* (The End|You lost!) \*\*\*")
_FINAL_SCORE = re.compile(r"You scored (?:a total of )?(-?\d+)")
_DONE = " - succeeded"
_SCORE_LINE = re.compile(r"\[?Your score has just gone (?:up|down) by [^.]*\.\]?")
_PREPOSITIONS = {
    "take": " from ",
    "put": " on ",
    "insert": " into ",
    "lock": " with ",
    "unlock": " with ",
}


class TextWorldEnv(TextEnv):
    """A TextWorld game, one command a turn.

    The first observation is the objective, a line break, and the description of the
    room; later ones are the answer of the game. White space is collapsed, the name
    of a room stands in front of its description, and banner, status line, score
    lines and the menu at the end are left out. The reward of a turn is the change of
    the game's score; `info["score"]` is the sum.

    Args:
        env_id: `textworld/wROOMS-oOBJECTS-qLENGTH`, `textworld/simple-sparse`,
            `-balanced` or `-dense`, `textworld/cooking`,
            `textworld/coin_collector-LEVEL` or `textworld/treasure_hunter-LEVEL`;
            with `-basic` behind it in TextWorld's short and plain wording.
        max_turns: Turns of an episode. By default three times the length of the
            quest; 24 for `simple` and 36 for `cooking`, whose quests vary.
        goal: `full` shows the objective as TextWorld words it, in most worlds a step
            by step recipe; `brief` only says what is to be reached.
        admissible: Put `admissible_actions`, all commands that would change or show
            something, into `info`.
        expert: Put `expert`, commands that win from here, into `info`.
        progress: Put `progress` into `info`: 0 at the start, 1 when won, and in
            between the part of the shortest known plan that is done (0 if the game
            cannot be won any more).

    Raises:
        UnknownEnvironmentError: If no world has this id.
        ConfigError: If an argument is out of range.
    """

    rules: ClassVar[CommandRules] = CommandRules(
        max_chars=150,
        separator=r"[.,;]|\bthen\b",
        refused=_META,
        word_chars=8,
    )

    def __init__(
        self,
        env_id: str,
        *,
        max_turns: int | None = None,
        goal: str = "full",
        admissible: bool = False,
        expert: bool = False,
        progress: bool = False,
    ) -> None:
        check_goal(goal)
        check_max_turns(max_turns)
        parse_world(env_id)
        self._given = {"goal": goal, "max_turns": max_turns}
        self.wants_progress = progress
        turns = max_turns or default_max_turns(env_id)
        super().__init__(max_turns=turns, admissible=admissible, expert=expert)
        self._interpreter: Any = None
        self._data: dict[str, Any] = {}
        self._walkthrough: list[str] = []
        self._played: list[str] = []
        self._logic: GameLogic | None = None
        self._events: list[str] = []
        self._plan_length = 1
        self._score = 0
        self._room = self._first_room = ""

    @classmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of a split; no game is generated here."""
        parse_world(env)
        check_names(cls, params)
        check_goal(params.get("goal", "full"))
        check_max_turns(params.get("max_turns"))
        found = kept_by_tasks(params, ("goal", "max_turns"))
        return seeded_tasks(
            env, split, n, found, seeds=SPLIT_SEEDS, sizes=DEFAULT_SIZES
        )

    def expert(self) -> list[str] | None:
        """Return commands that win from here, `None` if none are known.

        As long as the walkthrough was followed these are the rest of it, afterwards
        the plan of TextWorld's own tracker. In a few games neither wins, because the
        interpreter cannot tell two things by their names.
        """
        done = len(self._played)
        rest = self._walkthrough[done:]
        if rest and self._played == self._walkthrough[:done]:
            return rest
        return self._up_to_date().plan()

    def surroundings(self) -> Surroundings | None:
        """Return the room, its exits and what is carried; costs time, as `expert`."""
        return self._up_to_date().surroundings()

    def close(self) -> None:
        """End the interpreter and free its memory."""
        if self._interpreter is not None:
            self._interpreter.close()
        self._interpreter, self._logic = None, None
        super().close()

    # ---- what the base class asks for ----------------------------------------------

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        given: dict[str, Any] = {**self._given, **dict(task.params)}
        check_goal(given["goal"])
        check_max_turns(given["max_turns"])
        game = game_file(task)
        self.max_turns = given["max_turns"] or default_max_turns(task.env)
        self._data = game.data
        self._walkthrough = list(game.data["metadata"]["walkthrough"])
        self._played, self._events, self._logic, self._score = [], [], None, 0
        first = self._boot(game.z8)
        text = objective(game.data, brief=given["goal"] == "brief")
        return f"{text}\n{first}".strip(), self._facts(end=None, valid=True)

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        raw, _, _, _ = self._interpreter.step(command)
        self._played.append(command)
        trace = _TRACE.findall(raw)
        self._events += [t[: -len(_DONE)] for t in trace if t.endswith(_DONE)]
        end = _END.search(raw)
        status = (_FINAL_SCORE if end else _STATUS).search(raw)
        before, self._score = self._score, int(status[1]) if status else self._score
        text = _clean(raw[: end.start()] if end else raw) or self.refusal
        self._room = (_ROOM.findall(raw) or [self._room])[-1]
        valid = bool(trace) and trace[-1].endswith(_DONE)
        info = self._facts(end=end[1] if end else None, valid=valid)
        return text, float(self._score - before), end is not None, info

    def _boot(self, story: Path) -> str:
        """Start the interpreter; return the description of the first room."""
        jericho = importlib.import_module("jericho")
        if self._interpreter is None:
            with warnings.catch_warnings():  # jericho knows only published games
                warnings.simplefilter("ignore", jericho.UnsupportedGameWarning)
                self._interpreter = jericho.FrotzEnv(str(story), seed=1)
        else:  # much faster than a new interpreter
            self._interpreter.close()
            rom = story.read_bytes()
            # of the file that it names, setup computes a slow checksum, and no more
            self._interpreter.frotz_lib.setup(_SHORT_FILE, 1, rom, len(rom))
            self._rom = rom  # used until the next one is set up
        raw = self._interpreter.frotz_lib.get_narrative_text().decode("cp1252")
        self._interpreter.step("tw-trace-actions")
        text = _STATUS.sub("", raw)
        self._room = self._first_room = _ROOM.findall(text)[-1]
        return _clean(text[text.rindex("-= ") :])

    def _facts(self, *, end: str | None, valid: bool) -> dict[str, Any]:
        """Return `info` for the state reached."""
        info: dict[str, Any] = {
            "won": end == "The End",
            "lost": end == "You lost!",
            "score": float(self._score),
            "max_score": float(sum(quest["reward"] for quest in self._data["quests"])),
            "valid_action": valid,
            "room": self._room,
            "first_room": self._first_room,
        }
        if self.wants_admissible:
            info["admissible_actions"] = [] if end else self._up_to_date().admissible()
        if self.wants_expert:
            info["expert"] = [] if end else self.expert()
        if self.wants_progress:
            info["progress"] = float(info["won"]) if end else self._progress()
        return info

    def _progress(self) -> float:
        """Return the part of the shortest known plan that is done."""
        plan = self._up_to_date().plan()
        return 0.0 if plan is None else max(0.0, 1.0 - len(plan) / self._plan_length)

    def _up_to_date(self) -> GameLogic:
        """Return the logic of the game, told of everything that has happened."""
        if self._logic is None:
            self._logic = GameLogic(self._data)
            self._plan_length = len(self._logic.plan() or self._walkthrough)
        for event in self._events:
            self._logic.update(event)
        self._events = []
        return self._logic


def default_max_turns(env_id: str) -> int:
    """Return the turns of an episode when no number is given."""
    world = parse_world(env_id)
    if world.quest_length is None:
        return VARYING_TURNS[world.maker]
    return TURNS_PER_COMMAND * world.quest_length


def objective(game: Mapping[str, Any], *, brief: bool) -> str:
    """Return what the player is told to do.

    Args:
        game: Content of the `.json` file of a game.
        brief: Tell only what is to be reached. For most worlds this is the last
            command of the walkthrough, put into a sentence; the cooking game has
            only a brief objective, and `simple` names the meal.
    """
    full = " ".join(game["objective"].split())
    if not brief or "cookbook" in full:
        return full
    last = game["metadata"]["walkthrough"][-1]
    if game["metadata"].get("desc") == "Simple game":
        food = last.removeprefix("put ").removesuffix(" on stove")
        return f"The dinner is almost ready! It's only missing a grilled {food}."
    return _sentence(last)


def _sentence(command: str) -> str:
    """Put a command into a sentence.

    >>> _sentence("take coin")
    'Find the coin and take it.'
    >>> _sentence("insert old key into chest drawer")
    'Insert the old key into the chest drawer.'
    """
    verb, _, rest = command.partition(" ")
    first, preposition, second = rest.rpartition(_PREPOSITIONS.get(verb, "\0"))
    if verb == "take":
        return f"Find the {first or second} and take it."
    things = f"{first}{preposition}the {second}" if first else second
    return f"{verb.capitalize()} the {things}."


def _clean(raw: str) -> str:
    """Return the text of the interpreter in the form shown to the player."""
    text = _TRACE.sub("", _STATUS.sub("", raw))
    text = _ROOM.sub(r"\1.", _SCORE_LINE.sub("", text))
    return " ".join(text.split())
