"""What is known of a game that somebody plays, and how each event changes it.

Nothing here runs a world or needs a notebook: `reduce` takes a state and what has
happened, and returns the next state. A game has several *lines*: branching keeps what
was played and goes on beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from toolkit.environments.base import Task
from toolkit.environments.surroundings import Surroundings
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.policies.base import TokenView


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    """What is seen before a turn."""

    observation: str = ""
    """The text of the world; the only thing that a model reads."""
    choices: tuple[str, ...] = ()
    """Commands that do something here."""
    around: Surroundings | None = None
    """What can be seen around."""
    score: float = 0.0
    """Score of the game so far."""
    max_score: float = 0.0
    """The most one can get, 0 if unknown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A turn and what came of it."""

    turn: Turn
    """As it goes into the record."""
    then: Point
    """What is seen after it."""
    who: str = "human"
    """Who gave the command."""
    stop: StopReason | None = None
    """Set if the game ended with this turn."""
    tokens: tuple[TokenView, ...] = ()
    """What a model sampled."""


Line = tuple[Step, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Something to tell that is no part of the game; the next event removes it."""

    kind: str
    """One of `problem`, `what-if`, `hint` and `saved`."""
    text: str
    """The message, or what the world would answer."""
    command: str = ""
    """The command that it is about."""
    reward: float = 0.0
    """What that command would earn."""
    tokens: tuple[TokenView, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class GameState:
    """A game in play."""

    task: Task
    """Which game."""
    max_turns: int = 0
    """Turns after which it ends."""
    start: Point = Point()
    """What is seen before the first turn."""
    lines: tuple[Line, ...] = ((),)
    """All that was played: one line, and one more for each branch."""
    current: int = 0
    """Number of the line that is played on."""
    note: Note | None = None
    """What there is to tell."""

    @property
    def line(self) -> Line:
        """The turns that led here."""
        return self.lines[self.current]

    @property
    def point(self) -> Point:
        """What is seen now."""
        return self.line[-1].then if self.line else self.start

    @property
    def stop(self) -> StopReason | None:
        """Why the game is over, `None` while it is not."""
        return self.line[-1].stop if self.line else None

    @property
    def total_reward(self) -> float:
        """Sum of the rewards of the line."""
        return sum(step.turn.reward for step in self.line)

    @property
    def episode(self) -> Episode:
        """The line as a record like any other."""
        players = dict.fromkeys(step.who for step in self.line)
        return Episode(
            task=self.task,
            turns=tuple(step.turn for step in self.line),
            stop_reason=self.stop or StopReason.INTERRUPTED,
            final_observation=self.point.observation,
            policy="+".join(players) or "human",
        )


# ---- events ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Began:
    """The game was begun, or begun again."""

    start: Point
    max_turns: int


@dataclass(frozen=True, slots=True)
class Played:
    """A command was played."""

    step: Step


@dataclass(frozen=True, slots=True)
class Undone:
    """The last turn was taken back."""


@dataclass(frozen=True, slots=True)
class Branched:
    """A new line was begun, with the first `turns` turns of the current one."""

    turns: int


@dataclass(frozen=True, slots=True)
class Switched:
    """Another line was chosen."""

    line: int


@dataclass(frozen=True, slots=True)
class Told:
    """There is something to tell (`None`: no more)."""

    note: Note | None = field(default=None)


Event = Began | Played | Undone | Branched | Switched | Told


def reduce(state: GameState, event: Event) -> GameState:
    """Return the state after an event; one that makes no sense changes nothing."""
    line = state.line
    match event:
        case Began(start, max_turns):
            return _on(replace(state, start=start, max_turns=max_turns), ())
        case Played(step) if not state.stop:
            return _on(state, (*line, step))
        case Undone() if line:
            return _on(state, line[:-1])
        case Branched(turns) if 0 <= turns <= len(line) and line:
            lines = (*state.lines, line[:turns])
            return replace(state, lines=lines, current=len(lines) - 1, note=None)
        case Switched(number) if 0 <= number < len(state.lines):
            return replace(state, current=number, note=None)
        case Told(note):
            return replace(state, note=note)
    return state


def _on(state: GameState, line: Line) -> GameState:
    """Return the state with its current line replaced, and nothing to tell."""
    k = state.current
    lines = (*state.lines[:k], line, *state.lines[k + 1 :])
    return replace(state, lines=lines, note=None)
