"""Two sides of one game, played by one policy: episodes with more than one agent.

Every game gives two episodes, one from the seat of each player: what this player read,
said and was paid. So they can be scored, credited and looked at like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolkit.environments.base import Task
from toolkit.environments.textarena import TwoPlayerGame
from toolkit.environments.worker import describe
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.errors import ConfigError
from toolkit.policies.base import Action, Observation, Policy


def duel(
    policy: Policy,
    tasks: Sequence[Task],
    *,
    max_turns: int = 50,
    greedy: bool = False,
    seed: int = 0,
) -> list[Episode]:
    """Let a policy play both sides of TextArena's games for two.

    All games are played at once, in this process; each side reads its own texts alone.

    Args:
        policy: Who acts, for both sides.
        tasks: The games, such as `tasks("textarena/TicTacToe-v0", n=8)`.
        max_turns: Turns of each side, after which a game is cut off.
        greedy: Take the most probable token instead of sampling.
        seed: The side `i` of the list draws from the stream `(seed, i)`.

    Returns:
        Two episodes for each task, side by side; `sample` is the player, 0 or 1. The
        last turn of a player holds the reward: 1 for a win, -1 for a loss, 0 for a
        draw, which counts as not won. A player without a turn, or whom the end of the
        other one's context leaves without a result, has an interrupted episode.

    Raises:
        ConfigError: If a number is out of range.
        TaskError: If a game is not one for two.

    >>> from toolkit.environments.base import tasks
    >>> from toolkit.policies.scripted import ExpertPolicy
    >>> duel(ExpertPolicy(), [])
    []
    """
    if max_turns < 1 or seed < 0:
        raise ConfigError(
            f"max_turns is {max_turns} and the seed is {seed}.",
            "There is at least one turn, and seeds start at 0.",
            "Set the number that is out of range.",
        )
    policy.start(greedy=greedy)
    tables = [_Table(task, k, max_turns) for k, task in enumerate(tasks)]
    while live := [table for table in tables if not table.over]:
        actions = policy.act([table.observe(seed) for table in live])
        for table, action in zip(live, actions, strict=True):
            table.take(action)
            if table.over:
                policy.drop([2 * table.number, 2 * table.number + 1])
    return [e for table in tables for e in table.episodes(seed, policy.name)]


@dataclass(slots=True)
class _Side:
    """What one player has seen and done."""

    turns: list[dict[str, Any]] = field(default_factory=list)
    last: str = ""


class _Table:
    """One game and its two players."""

    def __init__(self, task: Task, number: int, max_turns: int) -> None:
        self.task, self.number, self._most = task, number, max_turns
        self._game = TwoPlayerGame(task)
        self._sides = (_Side(), _Side())
        self._ends: tuple[StopReason, StopReason] | None = None
        self._error = ""

    @property
    def over(self) -> bool:
        """Whether no more is played."""
        return self._ends is not None

    def observe(self, seed: int) -> Observation:
        """Return what the player whose turn it is gets to see."""
        number = 2 * self.number + self._game.player
        return Observation(episode=number, key=(seed, number), text=self._game.text)

    def take(self, action: Action) -> None:
        """Make the move of the player whose turn it is."""
        mover = self._game.player
        if action.stop:
            self._cut_off(mover, action.stop)
            return
        shown = self._game.text
        try:
            facts = self._game.play(action.text)
        except Exception as error:  # whatever a game makes of what a model says
            self._error = describe(error)
            self._ends = (StopReason.ENVIRONMENT_ERROR,) * 2
            return
        self._sides[mover].turns.append(_turn(shown, action, facts))
        if self._game.over:
            self._settle()
        elif min(len(side.turns) for side in self._sides) >= self._most:
            self._ends = (StopReason.TURN_LIMIT,) * 2

    def episodes(self, seed: int, policy: str) -> Iterable[Episode]:
        """Yield the game as each player saw it."""
        assert self._ends is not None
        for player, (side, reason) in enumerate(
            zip(self._sides, self._ends, strict=True)
        ):
            yield Episode(
                task=self.task,
                turns=tuple(Turn(**turn) for turn in side.turns),
                stop_reason=reason,
                final_observation=side.last,
                sample=player,
                seed=seed,
                policy=policy,
                error=self._error if reason.is_broken else "",
            )

    def _cut_off(self, mover: int, reason: StopReason) -> None:
        """End the game because one player cannot go on."""
        ends = [StopReason.INTERRUPTED, StopReason.INTERRUPTED]
        ends[mover] = reason
        self._ends = (ends[0], ends[1])
        self._error = f"Player {mover} could not go on: {reason}."

    def _settle(self) -> None:
        """Pay both players and say who has won."""
        ends = []
        for side, (reward, why) in zip(self._sides, self._game.rewards(), strict=True):
            won, side.last = reward >= 1.0, why
            ends.append(StopReason.WON if won else StopReason.LOST)
            if not side.turns:
                ends[-1] = StopReason.INTERRUPTED
                self._error = "The game was over before this player had a turn."
                continue
            last = side.turns[-1]
            facts = {"won": won, "lost": reward < 0, "score": min(reward, 1.0)}
            last |= {"reward": reward, "info": last["info"] | facts}
        self._ends = (ends[0], ends[1])


def _turn(shown: str, action: Action, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a `Turn`, which the end of the game may still change."""
    return {
        "observation": shown,
        "completion": action.text,
        "action": facts["command"],
        "reward": 0.0,
        "info": {"won": False, "lost": False, "score": 0.0, "max_score": 1.0, **facts},
        "observation_ids": action.observation_ids,
        "hidden_ids": action.hidden_ids,
        "action_ids": action.ids,
        "logprobs": action.logprobs,
    }
