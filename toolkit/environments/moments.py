"""What each moment of a game must keep to: findings from its record alone.

A finding is a code of `checker.CHECKS` and what was seen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.environments.base import Snapshot, Task

FACTS: dict[str, type | tuple[type, ...]] = {
    "won": bool,
    "lost": bool,
    "valid_action": bool,
    "command": str,
    "score": (int, float),
    "max_score": (int, float),
}
"""What `info` holds after every turn, and of what type."""
WANTED = ("admissible_actions", "expert", "progress")
"""Facts that are there only if they were asked for."""

Moment = tuple[str, float, bool, bool, dict[str, Any]]
"""What a reset or a step gave: text, reward, terminated, truncated and `info`."""
PARTS = ("text", "reward", "terminated", "truncated", "info")
Found = Iterator[tuple[str, str]]


@dataclass(slots=True)
class Game:
    """One game as it went."""

    task: Task
    """Which one."""
    moments: list[Moment]
    """The reset and every turn."""
    actions: list[str] = field(default_factory=list)
    """What was said, one for each moment but the first."""
    middle: Snapshot | None = None
    """A point on the way."""

    @property
    def is_over(self) -> bool:
        """Whether it has come to an end."""
        return self.moments[-1][2] or self.moments[-1][3]

    @property
    def at(self) -> str:
        """The last moment, in words."""
        return f"{self.task.id}, turn {len(self.actions)}: "


def look(game: Game) -> Found:
    """Yield what is off about the last moment of a game."""
    text, reward, _, _, info = game.moments[-1]
    if not _is_readable(text):
        yield "observation", f"{game.at}it answers {text!r:.80}."
    if not math.isfinite(reward):
        yield "reward", f"{game.at}the reward is {reward}."
    wrong = list(facts_off(info))
    for problem in wrong:
        yield "info", f"{game.at}{problem}."
    if not isinstance(info, dict):
        return
    try:
        json.dumps(plain(info), allow_nan=False)
    except (TypeError, ValueError) as error:
        yield "json", f"{game.at}{error}."
    if not wrong:
        yield from _score(game)
        yield from _end(game)


def facts_off(info: Any) -> Iterator[str]:
    """Yield what is wrong with the facts of a turn."""
    if not isinstance(info, dict):
        yield f"info is {info!r:.60}"
        return
    for name, kind in FACTS.items():
        if name not in info:
            yield f"info has no {name!r}"
        elif not isinstance(info[name], kind):
            yield f"{name} is {info[name]!r:.60}, a {type(info[name]).__name__}"
        elif isinstance(info[name], float) and not math.isfinite(info[name]):
            yield f"{name} is {info[name]}"
    progress = info.get("progress", 0.0)
    if not isinstance(progress, (int, float)) or not 0 <= progress <= 1:
        yield f"progress is {progress!r:.60}"
    for name in ("admissible_actions", "expert"):
        if info.get(name) is not None and not _are_commands(info[name]):
            yield f"{name} is {info[name]!r:.60}"


def listed(game: Game, cleaned: str) -> Found:
    """Yield what is off about the list of commands that the last one came from.

    Args:
        game: Its last command was picked from the list before it.
        cleaned: What the rules of the world make of that command.
    """
    info, action = game.moments[-1][4], game.actions[-1]
    if cleaned != action:
        yield "admissible", f"{game.at}{action!r} reaches the world as {cleaned!r}."
    elif info.get("valid_action") is False:
        yield "admissible", f"{game.at}{action!r} was listed, then not understood."


def turn_limit(game: Game, limit: int) -> Found:
    """Yield how a game that was played to its end missed its turn limit."""
    turns, truncated = len(game.actions), game.moments[-1][3]
    if turns > limit or (turns == limit and not game.is_over):
        yield "end", f"{game.task.id}: turn {turns} of at most {limit} did not end it."
    if truncated and turns < limit:
        yield "end", f"{game.task.id}: it is cut off after {turns} of {limit} turns."


def difference(first: Sequence[Moment], second: Sequence[Moment]) -> str:
    """Say where two plays differ, `""` if they do not."""
    for k, (one, two) in enumerate(zip(first, second, strict=False)):
        then, now = ((*m[:4], plain(m[4])) for m in (one, two))
        for part, a, b in zip(PARTS, then, now, strict=True):
            if a != b:
                return f"turn {k}: {part} is {b!r:.100} and was {a!r:.100}."
    if len(first) != len(second):
        return f"it takes {len(second) - 1} turns, not {len(first) - 1}."
    return ""


def plain(info: dict[str, Any]) -> dict[str, Any]:
    """Return facts without those that are there only when asked for."""
    return {k: v for k, v in info.items() if k not in WANTED}


def _score(game: Game) -> Found:
    """Compare the score with its bounds."""
    info, start = game.moments[-1][4], game.moments[0][4].get("max_score")
    score, most = info["score"], info["max_score"]
    if most <= 0 or score > most + 1e-9:
        yield "score", f"{game.at}the score is {score} of {most}."
    elif most != start:
        yield "score", f"{game.at}max_score is {most}, and was {start}."
    elif info["won"] and score < most - 1e-9:
        yield "winning", f"{game.at}won with score {score} of {most}."


def _end(game: Game) -> Found:
    """Compare the flags with each other."""
    _, _, terminated, truncated, info = game.moments[-1]
    ended = info["won"] or info["lost"]
    if (terminated and truncated) or (info["won"] and info["lost"]):
        yield "end", f"{game.at}it has ended in two ways at once."
    elif ended and not terminated:
        yield "end", f"{game.at}it is won or lost, and goes on."
    elif terminated and not ended:
        yield "end", f"{game.at}it ends, and is neither won nor lost."


def _is_readable(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(text.strip() and text.encode())
    except UnicodeEncodeError:
        return False


def _are_commands(commands: Any) -> bool:
    is_list = isinstance(commands, (list, tuple))
    return is_list and all(isinstance(command, str) for command in commands)
