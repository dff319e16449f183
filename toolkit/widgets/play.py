"""Play a game by typing, in a notebook: `Play(env, task)`.

`Game` holds everything that happens and needs no notebook. `Play` shows it, and the
script `static/play.js` only draws the view it is sent and reports what was typed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from toolkit.environments.base import Task, TextEnv
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.page import escape
from toolkit.transcript import reward_label

STATIC = Path(__file__).parent / "static"
SHOWN = 200
"""Turns that are sent to the page; older ones stay in the record."""


class Game:
    """A game that a person plays: what was typed and what was answered.

    Args:
        env: The world; a copy of it is played if it was made by `make_env`.
        task: The game.
    """

    def __init__(self, env: TextEnv, task: Task) -> None:
        self.env = env.factory() if env.factory else env
        self.task = task
        self.restart()

    def restart(self) -> None:
        """Begin the same game again."""
        self.problem = ""
        self.turns: list[Turn] = []
        self.stop: StopReason | None = None
        self.observation, _ = self.env.reset(options={"task": self.task})

    def type(self, text: str) -> None:
        """Play one command; nothing happens if it is empty or the game is over."""
        if self.stop or not text.strip():
            return
        seen = self.observation
        self.observation, reward, terminated, truncated, info = self.env.step(text)
        command = str(info["command"])
        self.turns.append(
            Turn(
                observation=seen,
                completion=text,
                action=command,
                reward=reward,
                info=info,
            )
        )
        if terminated:
            self.stop = StopReason.WON if info["won"] else StopReason.LOST
        elif truncated:
            self.stop = StopReason.TURN_LIMIT

    def undo(self) -> None:
        """Take the last command back, by playing all the others again."""
        if not self.turns:
            return
        point = self.env.snapshot()
        earlier = replace(point, actions=point.actions[:-1], digests=point.digests[:-1])
        self.observation, _ = self.env.restore(earlier)
        self.turns.pop()
        self.stop = None

    def handle(self, request: Mapping[str, Any]) -> None:
        """Do what the page asks for; if that fails, `problem` says why."""
        self.problem = ""
        try:
            match request:
                case {"do": "type", "text": str(text)}:
                    self.type(text)
                case {"do": "undo"}:
                    self.undo()
                case {"do": "restart"}:
                    self.restart()
        except Exception as error:  # a world may fail in any way; the page must live
            self.problem = f"{type(error).__name__}: {error}"

    @property
    def episode(self) -> Episode:
        """What was played so far, as a record like any other."""
        return Episode(
            task=self.task,
            turns=tuple(self.turns),
            stop_reason=self.stop or StopReason.INTERRUPTED,
            final_observation=self.observation,
            policy="human",
        )

    @property
    def status(self) -> str:
        """Where the game stands, in a few words."""
        done, limit = len(self.turns), self.env.max_turns
        count = f"{done} turn{'' if done == 1 else 's'}"
        ends = {
            StopReason.WON: f"Won after {count}.",
            StopReason.LOST: f"Lost after {count}.",
            StopReason.TURN_LIMIT: f"Not won: all {limit} turns are used up.",
        }
        return ends[self.stop] if self.stop else f"Turn {done + 1} of {limit}"

    @property
    def view(self) -> dict[str, Any]:
        """Everything the page shows, JSON-ready."""
        answers = [*(turn.observation for turn in self.turns), self.observation][1:]
        log = [
            {
                "command": turn.completion.strip(),
                "answer": answer,
                "reward": reward_label(turn.reward) if turn.reward else "",
                "valid": bool(turn.info.get("valid_action", True)),
            }
            for turn, answer in zip(self.turns, answers, strict=True)
        ]
        return {
            "first": self.turns[0].observation if self.turns else self.observation,
            "log": log[-SHOWN:],
            "left_out": max(0, len(log) - SHOWN),
            "status": self.status,
            "over": self.stop.value if self.stop else "",
            "problem": self.problem,
        }

    def __repr__(self) -> str:
        return f"Game({self.task.id}: {self.status})"


class Play(anywidget.AnyWidget):
    """A game to play by typing.

    Enter plays the command, the arrow keys bring earlier ones back, Esc gives the
    keyboard back to the notebook. Where no widgets can be shown, the transcript is.

    Args:
        env: The world.
        task: The game.
    """

    _esm = STATIC / "play.js"
    _css = STATIC / "play.css"
    view = traitlets.Dict().tag(sync=True)
    """What the page shows."""
    request = traitlets.Dict().tag(sync=True)
    """What the page asks for: `id`, `do` and perhaps `text`."""

    def __init__(self, env: TextEnv, task: Task) -> None:
        self.game = Game(env, task)
        # newer kernels answer the page on a thread of its own
        self._one_at_a_time = threading.Lock()
        super().__init__(view=self.game.view)
        self.observe(lambda change: self._do(change["new"]), names="request")

    @property
    def turns(self) -> list[Turn]:
        """What was played so far."""
        return self.game.turns

    @property
    def episode(self) -> Episode:
        """What was played so far, as a record like any other."""
        return self.game.episode

    def type(self, text: str) -> None:
        """Play one command, as if it had been typed."""
        self._do({"do": "type", "text": text})

    def undo(self) -> None:
        """Take the last command back."""
        self._do({"do": "undo"})

    def restart(self) -> None:
        """Begin the same game again."""
        self._do({"do": "restart"})

    def to_html(self) -> str:
        """Return the transcript as HTML that needs no script."""
        view = self.game.view
        rows = "".join(
            f"<p><kbd>&gt; {escape(row['command'])}</kbd></p>"
            f"<p>{escape(row['answer'])}{_bold(row['reward'])}</p>"
            for row in view["log"]
        )
        problem = f"<p>{escape(view['problem'])}</p>" if view["problem"] else ""
        return (
            f'<div class="toolkit-play"><p>{escape(view["first"])}</p>{rows}{problem}'
            f"<p><em>{escape(view['status'])}</em></p></div>"
        )

    def _do(self, request: Mapping[str, Any]) -> None:
        """Change the game and show it; `answered` makes every view a new one."""
        with self._one_at_a_time:
            self.game.handle(request)
            self.view = {**self.game.view, "answered": request.get("id", 0)}

    def __repr__(self) -> str:
        return f"Play({self.game.task.id}: {self.game.status})"

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the live view, and the transcript for pages without widgets."""
        data, metadata = super()._repr_mimebundle_(**kwargs) or ({}, {})
        return {**data, "text/plain": repr(self), "text/html": self.to_html()}, metadata


def _bold(reward: str) -> str:
    return f" <strong>{reward}</strong>" if reward else ""
