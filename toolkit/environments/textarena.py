"""The games of TextArena: for one player as worlds, for two as a `TwoPlayerGame`.

`docs/environments/textarena.md` describes them; `toolkit.episodes.duel` plays the ones
for two.
"""

from __future__ import annotations

import functools
import importlib
import io
from contextlib import redirect_stdout
from typing import Any, ClassVar

from toolkit.environments.adapted import AdaptedEnv, Chance, finite
from toolkit.environments.arguments import check_max_turns
from toolkit.environments.base import Task
from toolkit.errors import (
    MissingExtraError,
    TaskError,
    UnknownEnvironmentError,
    near_matches,
)

MAX_TURNS = 100
"""Turns of an episode; most games end by rules of their own before."""


class TextArenaEnv(AdaptedEnv):
    """A game of TextArena for one player, such as `textarena/GuessTheNumber-v0`.

    The game pays at its end: 1 for a win, else mostly the part that was reached. One
    invalid move is forgiven, two in a row end the game. Its first text tells the
    rules, later ones what is new.

    Args:
        env_id: `textarena/` and the id of a game; those with `-raw` and `-train`
            behind them differ in texts alone, and are not needed.
        max_turns: Turns of an episode, beside the limit that the game has.
        admissible: No game lists what can be said.
        expert: There is none; `info["expert"]` is `None`.

    Raises:
        UnknownEnvironmentError: If TextArena has no such game.
        TaskError: If the game cannot be played by one, or lacks its data.
        MissingExtraError: If TextArena is not installed.
    """

    refusal: ClassVar[str] = "Nothing was said."

    def __init__(
        self,
        env_id: str,
        *,
        max_turns: int | None = None,
        admissible: bool = False,
        expert: bool = False,
    ) -> None:
        check_max_turns(max_turns)
        self._name = env_id.partition("/")[2]
        super().__init__(
            max_turns=max_turns or MAX_TURNS, admissible=admissible, expert=expert
        )
        self._game = make_game(self._name)
        self._chance = Chance(seed=0)

    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        # anew, because some games keep things of the one before
        self._game, self._chance = make_game(self._name), Chance(task.seed)
        text = start_game(self._game, self._chance, task, "SinglePlayerState")
        return text, {}

    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        with self._chance, redirect_stdout(io.StringIO()):
            done, _ = self._game.step(command)
            text = new_text(self._game)
        state, told = self._game.state, self._game.state.game_info[0]
        reward, reason = paid(state, 0, self._name) if done else (0.0, "")
        won = bool(done) and reward >= 1.0
        invalid = getattr(state, "error_count", 0) or told.get("invalid_move")
        info = {
            "won": won,
            "lost": bool(done) and not won,
            "score": min(reward, 1.0),
            "valid_action": not invalid,
        }
        words = "\n".join(filter(None, (text, reason)))
        return words or "Go on.", reward, bool(done), info


class TwoPlayerGame:
    """A game of TextArena for two, such as `textarena/TicTacToe-v0`.

    Args:
        task: Which one; its seed makes the game.

    Raises:
        UnknownEnvironmentError: If TextArena has no such game.
        TaskError: If it is not played by two, or lacks its data.
    """

    player: int
    """Whose turn it is, 0 or 1."""
    text: str
    """What this player has not read yet."""

    def __init__(self, task: Task) -> None:
        self._name = task.env.partition("/")[2]
        self._game, self._chance = make_game(self._name), Chance(task.seed)
        self.text = start_game(self._game, self._chance, task, "TwoPlayerState", 2)
        self.player = int(self._game.state.current_player_id)
        self.over = False

    def play(self, action: str) -> dict[str, Any]:
        """Make the move of the player whose turn it is; return facts of it."""
        mover, command = self.player, TextArenaEnv.rules.clean(action)
        with self._chance, redirect_stdout(io.StringIO()):
            done, _ = self._game.step(command)
            self.over, state = bool(done), self._game.state
            invalid = state.error_count or state.game_info[mover].get("invalid_move")
            self.player = int(state.current_player_id)
            self.text = new_text(self._game)
        return {"player": mover, "command": command, "valid_action": not invalid}

    def rewards(self) -> tuple[tuple[float, str], tuple[float, str]]:
        """Return what each player is paid at the end, and why."""
        state = self._game.state
        return paid(state, 0, self._name), paid(state, 1, self._name)


def start_game(
    game: Any, chance: Chance, task: Task, kind: str, players: int = 1
) -> str:
    """Start a game and return its first text.

    Raises:
        TaskError: If its state is of another kind, or data are missing.
    """
    try:
        with chance, redirect_stdout(io.StringIO()):  # some print
            game.reset(num_players=players, seed=task.seed)
            if type(game.state).__name__ != kind:
                raise ValueError("it is a game for another number of players")
            return new_text(game)
    except (AssertionError, LookupError, OSError, SyntaxError, ValueError) as error:
        raise TaskError(
            f"{task.env} cannot be started by {players}.",
            f"{type(error).__name__}: {' '.join(str(error).split())[:200]}.",
            "Games for several are no worlds; toolkit.episodes.duel plays those "
            "for two. Some games lack data that they would download.",
        ) from error


def paid(state: Any, player: int, name: str) -> tuple[float, str]:
    """Return the reward of a player when the game is over, and the reason."""
    reward = (state.rewards or {}).get(player, 0.0)
    reason = state.game_info[player].get("reason") or ""
    if isinstance(reward, str):  # some games give the two in the wrong order
        reward, reason = 0.0, reward
    return finite(reward, name), str(reason)


def make_game(name: str) -> Any:
    """Return a game of TextArena that gives single messages, not their whole history.

    Raises:
        UnknownEnvironmentError: If there is no such game.
        TaskError: If its module cannot be imported.
        MissingExtraError: If TextArena is not installed.
    """
    known = _registered()
    if name not in known:
        raise UnknownEnvironmentError(
            f"There is no environment {'textarena/' + name!r}.",
            f"TextArena has no game {name!r}.",
            near_matches(name, known),
        )
    try:
        return importlib.import_module("textarena").make(f"{name}-raw")
    except Exception as error:  # some games of TextArena are not even valid Python
        raise TaskError(
            f"TextArena's {name} cannot be made.",
            f"{type(error).__name__}: {' '.join(str(error).split())[:200]}.",
            "Play another game.",
        ) from error


def new_text(game: Any) -> str:
    """Return what the player whose turn it is has not read yet, own words left out."""
    player, messages = game.get_observation()
    own = {player, -1}
    kind = importlib.import_module("textarena").ObservationType.PLAYER_ACTION
    said = [str(m[1]) for m in messages if not (m[2] is kind and m[0] in own)]
    return "\n".join(said).strip()


@functools.cache
def _registered() -> tuple[str, ...]:
    """Return the ids of all games.

    Raises:
        MissingExtraError: If TextArena is not installed.
    """
    try:
        registry = importlib.import_module("textarena.envs.registration").ENV_REGISTRY
    except ModuleNotFoundError as error:
        raise MissingExtraError("textarena", "games") from error
    names = (name for name in registry if f"{name}-raw" in registry)
    return tuple(sorted(name for name in names if "/" not in name))
