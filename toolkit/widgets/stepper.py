"""Play a text world by hand, with a map, branches and a model at your side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.environments.base import Task, TextEnv
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.policies.base import Policy, TokenView
from toolkit.transcript import reward_label
from toolkit.widgets.base import (
    LARGEST,
    ToolkitWidget,
    latest,
    message_size,
    script,
    sheet,
)
from toolkit.widgets.desk import draft, panel
from toolkit.widgets.game import Game
from toolkit.widgets.game_map import explored, map_svg
from toolkit.widgets.game_state import GameState, Note, Step
from toolkit.widgets.markup import Tree, to_html
from toolkit.widgets.stepper_html import content

if TYPE_CHECKING:
    from toolkit.environments.swe.desk import Desk

LOG_BYTES = 22_000
"""Of the turns that are sent; older ones stay in the record."""
LONG_TEXT, LONG_NAME = 4_000, 200
"""Characters of an answer or an edit and of a command that are sent."""
SPARE_BYTES = 1_000
"""Of a message that are left for what is added later."""
MOST_CHOICES, MOST_LINES, MOST_ENTRIES = 60, 12, 40
"""Commands, branches and entries of a side list that are sent."""
TOKEN_TURNS = 5
"""Turns of a model whose tokens are sent."""
TITLES = {
    "problem": "That did not work",
    "hint": "privileged",
    "saved": "Saved",
    "what-if": "What if? Nothing was played.",
}
"""Headings of notes."""
DULL = ("examine", "inventory", "look")
"""First words of commands that change nothing; they are listed last."""
_ENDS = {
    StopReason.WON: "won",
    StopReason.LOST: "lost",
    StopReason.TURN_LIMIT: "turns used up",
}


class EnvStepper(ToolkitWidget):
    """A game to play by keyboard or mouse, alone or in turn with a model.

    Type a command or press its number; what is possible is listed. Where actions have
    several lines, Enter begins a line and Ctrl+Enter plays; where code is repaired, the
    files, changes and test results stand beside, and a click on the number of a line
    puts an edit of it into the box. Undo and branch as you like, ask what a command
    *would* do, hand over to the policy for a turn or to the end, and save what was
    played as an episode. Esc gives the keyboard back to the notebook. Where no widgets
    can be shown, the transcript is.

    Args:
        env: The world; a copy of it is played if it was made by `make_env`.
        policy: Whom the game can be handed over to. It must not be trained at the same
            moment: it is made to forget what else it is playing.
        task: Which game (`None`: the first of the training games).
        plain: Show what a model is shown, the text alone: no list of commands, no map,
            no hints.
        path: File that Save appends to.
        commands: What is played already when the game is shown.

    Raises:
        TaskError: If no game is given and the world has none of its own.

    >>> from toolkit import make_env
    >>> game = EnvStepper(make_env("textworld/coin_collector-105-basic"), plain=True)
    >>> game
    EnvStepper(textworld/coin_collector-105-basic/train/50001: turn 1 of 15)
    """

    kind = "stepper"
    _esm = script("turns", "desk", kind)
    _css = sheet("desk", kind)

    def __init__(
        self,
        env: TextEnv,
        policy: Policy | None = None,
        task: Task | None = None,
        *,
        plain: bool = False,
        path: str | Path = "played.jsonl",
        commands: Iterable[str] = (),
        **traits: Any,
    ) -> None:
        self.game = Game(env, policy, task, plain=plain, path=path)
        self.many_lines = env.rules.many_lines
        self._draft: dict[str, Any] | None = None
        self._turned: tuple[tuple[str, int], int] | None = None
        """The place in a file that was open, and the line a reader has turned to."""
        for text in commands:
            self.game.handle({"do": "type", "text": text})
        super().__init__(**traits)

    @property
    def turns(self) -> list[Turn]:
        """What was played so far, on the current line."""
        return list(self.episode.turns)

    @property
    def episode(self) -> Episode:
        """What was played so far, as a record like any other."""
        return self.game.episode

    # ---- the same from Python ------------------------------------------------------

    def type(self, text: str) -> None:
        """Play one command, as if it had been typed."""
        self.ask({"do": "type", "text": text})

    def undo(self) -> None:
        """Take the last command back."""
        self.ask({"do": "undo"})

    def branch(self, turns: int | None = None) -> None:
        """Go on beside what was played, after its first `turns` (`None`: all) turns."""
        turns = len(self.turns) if turns is None else turns
        self.ask({"do": "branch", "turns": turns})

    def restart(self) -> None:
        """Begin the same game again."""
        self.ask({"do": "restart"})

    def play_out(self) -> None:
        """Hand over to the policy until the game is over or something goes wrong."""
        note = None
        while not self.game.state.stop and note is None:
            self.ask({"do": "model"})
            note = self.game.state.note

    # ---- what every widget gives -----------------------------------------------------

    def answer(self, request: Mapping[str, Any]) -> None:
        """Do what the page asks for; if that fails, the view says why."""
        desk, self._draft = self._desk(), None
        match request:
            case {"do": "lines", "first": int(first)} if desk:
                self._turned = (desk.file, desk.first), first
            case {"do": "form"} if desk:
                self._draft = draft(desk, request)
            case _:
                self.game.handle(request)

    def shown(self) -> dict[str, Any]:
        """Return all that the page shows."""
        view = self._around_the_log()
        rest = LARGEST - SPARE_BYTES - message_size(view)
        view["log"] = latest(log_rows(self.game.state), min(LOG_BYTES, rest))
        view["left_out"] = len(self.turns) - len(view["log"])
        return view

    def _around_the_log(self) -> dict[str, Any]:
        """Return all that the page shows beside the turns that were played."""
        game, state, desk = self.game, self.game.state, self._desk()
        around, found = state.point.around, explored(state)
        choices = state.point.choices
        if desk:  # its files are in the panel
            choices = tuple(c for c in choices if not c.startswith("view "))
        lists = around.lists if around and not desk else {}
        return {
            "task": state.task.id,
            "status": status(state),
            "turn": len(state.line),
            "turns": state.max_turns,
            "over": state.stop.value if state.stop else "",
            "score": _score(state),
            "reward": reward_label(state.total_reward) if state.line else "",
            "first": _cut(state.start.observation, LONG_TEXT),
            "many_lines": self.many_lines,
            "choices": _choices(choices),
            "unlisted": max(0, len(choices) - MOST_CHOICES),
            "lines": _lines(state),
            "note": _note(state.note),
            "lists": {_cut(k): _entries(v) for k, v in list(lists.items())[:4]},
            "map": map_svg(found),
            "legend": found.summary,
            "policy": game.policy.name if game.policy else "",
            "plain": game.plain,
            "desk": self._panel(live=True),
            "draft": self._draft,
            "announce": _announcement(state),
        }

    def _desk(self) -> Desk | None:
        """Return what lies in front of a repairer, `None` in other worlds."""
        around = self.game.state.point.around
        return around.desk if around else None

    def _panel(self, *, live: bool) -> list[Tree]:
        """Return the panel of a repair, empty in other worlds."""
        desk, turned = self._desk(), self._turned
        if desk is None:
            return []
        here = (desk.file, desk.first)
        first = turned[1] if turned and turned[0] == here else None
        return panel(desk, first, live=live)

    def summary(self) -> str:
        """Return the game and where it stands."""
        state = self.game.state
        words = status(state)
        return f"{state.task.id}: {words[0].lower()}{words[1:]}"

    def content(self) -> str:
        """Return head, transcript, map and side lists as HTML."""
        side = "".join(map(to_html, self._panel(live=False)))
        return content(self.shown(), side)


def status(state: GameState) -> str:
    """Return where the game stands, in a few words."""
    done, limit = len(state.line), state.max_turns
    count = f"{done} turn{'' if done == 1 else 's'}"
    ends = {
        StopReason.WON: f"Won after {count}",
        StopReason.LOST: f"Lost after {count}",
        StopReason.TURN_LIMIT: f"Not won: all {limit} turns are used up",
    }
    if state.stop:
        return ends[state.stop]
    return f"Turn {done + 1} of {limit}" if limit else "Not started"


def log_rows(state: GameState) -> Iterator[dict[str, Any]]:
    """Yield the turns of the current line as the page shows them, newest first."""
    detailed = 0
    for k in reversed(range(len(state.line))):
        detailed += bool(state.line[k].tokens)
        yield _row(k, state.line[k], with_tokens=detailed <= TOKEN_TURNS)


def _row(k: int, step: Step, *, with_tokens: bool) -> dict[str, Any]:
    turn = step.turn
    said = turn.completion.strip()
    mark = "" if turn.info.get("valid_action", True) else "did nothing"
    return {
        "turn": k + 1,
        "who": "" if step.who == "human" else _cut(step.who),
        "command": _command(said) or "(nothing)",
        "whole": _command(said) == said,
        "mark": mark if turn.action else "refused",
        "reward": reward_label(turn.reward) if turn.reward else "",
        "gain": turn.reward > 0,
        "answer": _cut(step.then.observation, LONG_TEXT),
        "tokens": _tokens(step.tokens) if with_tokens else [],
    }


def _tokens(tokens: tuple[TokenView, ...]) -> list[dict[str, Any]]:
    return [
        {
            "text": t.text,
            "p": round(t.probability, 4),
            "entropy": round(t.entropy, 3),
            "others": [[text, round(p, 4)] for text, p in t.others],
        }
        for t in tokens[:64]
    ]


def _choices(choices: tuple[str, ...]) -> list[str]:
    """Return the commands that can be chosen, ways first and looking around last."""

    def place(choice: str) -> int:
        verb = choice.partition(" ")[0]
        return 0 if verb == "go" else 2 if verb in DULL else 1

    return [_cut(choice) for choice in sorted(choices, key=place)[:MOST_CHOICES]]


def _score(state: GameState) -> str:
    score, most = round(state.point.score, 3), state.point.max_score
    return f"Score {score:g} of {most:g}" if most else ""


def _lines(state: GameState) -> list[dict[str, Any]]:
    """Return the current branch and the newest others; none if there is only one."""
    numbers = sorted({state.current, *range(len(state.lines))[-MOST_LINES:]})
    return [_line(state, k) for k in numbers] if len(state.lines) > 1 else []


def _line(state: GameState, number: int) -> dict[str, Any]:
    line = state.lines[number]
    words = f"{len(line)} turn{'' if len(line) == 1 else 's'}"
    stop = line[-1].stop if line else None
    end = f", {_ENDS[stop]}" if stop else ""
    here = number == state.current
    return {"line": number, "label": f"{number + 1}: {words}{end}", "here": here}


def _note(note: Note | None) -> dict[str, Any] | None:
    if note is None:
        return None
    return {
        "kind": note.kind,
        "title": TITLES[note.kind],
        "text": _cut(note.text, LONG_TEXT),
        "command": _command(note.command),
        "whole": _command(note.command) == note.command,
        "reward": reward_label(note.reward),
    }


def _announcement(state: GameState) -> str:
    """Return what a screen reader should say now."""
    if state.note:
        return _cut(f"{state.note.command} {state.note.text}".strip(), 600)
    return _cut(f"{state.point.observation} {status(state)}", 600)


def _command(text: str) -> str:
    return _cut(text, LONG_TEXT if "\n" in text else LONG_NAME)


def _cut(text: str, most: int = LONG_NAME) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _entries(entries: tuple[str, ...]) -> list[str]:
    more = len(entries) - MOST_ENTRIES
    kept = [_cut(str(entry)) for entry in entries[:MOST_ENTRIES]]
    return [*kept, f"… and {more} more"] if more > 0 else kept
