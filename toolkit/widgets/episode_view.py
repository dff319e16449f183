"""Read one episode, turn by turn: what was seen, said and paid, down to the tokens."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolkit.charts.episode_strip import strip_of
from toolkit.charts.strips import advantage_strips
from toolkit.episodes.record import Episode, Turn
from toolkit.errors import ConfigError
from toolkit.transcript import ending
from toolkit.widgets.base import ToolkitWidget, message_size, script, sheet
from toolkit.widgets.episode_parts import (
    LONG_TEXT,
    chance,
    fold,
    gist,
    is_code,
    is_long,
    problem,
    said,
    signed,
    token,
    tokens_line,
    words,
)
from toolkit.widgets.markup import Tree, count, cut, picture, tag, to_html

TURN_BYTES, STRIP_BYTES = 28_000, 9_000
"""Of the turns and of the picture of credit that are sent."""
SHORT_TEXT, PROMPT_IDS = 300, 2_500
"""Characters of texts where long ones are too much, and tokens of a prompt that are
read from its end."""
MOST_FACTS = 16
"""Facts of a turn that are shown."""
SURENESS = "probability"
"""Name of the colouring by the log-probabilities of the record."""


class EpisodeView(ToolkitWidget):
    """One episode to read: what the policy saw, said and was paid, turn by turn.

    The tokens that a model sampled have the colour of their advantage, or of how sure
    it was of them. `n` and `p` go to the next and the previous turn. Where no widgets
    can be shown, the same is a page to read.

    Args:
        episode: What is shown.
        advantages: For each name of a credit one number per token after the first
            observation `(T,)`, as training sees them, or one per turn `(K,)`.
        tokenizer: Of the model that played; without it tokens are shown as numbers.

    Raises:
        ConfigError: If an advantage is not finite, or there are as many of them as
            neither turns nor tokens.

    >>> from toolkit import Episode, StopReason, Task, Turn
    >>> turn = Turn(observation="A door.", completion="open", action="open", reward=1.0)
    >>> task = Task(env="hall", seed=1)
    >>> EpisodeView(Episode(task=task, turns=(turn,), stop_reason=StopReason.WON))
    EpisodeView(hall/train/1: Won after 1 turn, reward +1.0; at turn 1)
    """

    kind = "episode_view"
    _esm = script(kind)
    _css = sheet(kind)

    def __init__(
        self,
        episode: Episode,
        advantages: Mapping[str, Sequence[float]] | None = None,
        *,
        tokenizer: Any = None,
        **traits: Any,
    ) -> None:
        self.episode, self.tokenizer = episode, tokenizer
        self.credits = {
            name: by_turn(episode, values, name)
            for name, values in (advantages or {}).items()
        }
        self.ways = [*self.credits]
        if any(turn.logprobs for turn in episode.turns):
            self.ways.append(SURENESS)
        self.way = self.ways[0] if self.ways else ""
        self.at, self.is_folded = 0, False
        self._is_code = is_code(episode.turns)
        self._world = "world code" if self._is_code else "world"
        self._most = {
            name: max((abs(v) for row in values for v in row), default=0.0) or 1.0
            for name, values in self.credits.items()
        }
        self._totals = list(itertools.accumulate(episode.turn_rewards))
        super().__init__(**traits)

    def jump(self, turn: int) -> None:
        """Go to a turn, counted from 1."""
        self.ask({"do": "jump", "turn": turn})

    # ---- what every widget gives -----------------------------------------------------

    def answer(self, request: Mapping[str, Any]) -> None:
        """Go to a turn, fold what was seen, or change the colours."""
        match request:
            case {"do": "jump", "turn": int(turn)}:
                self.at = max(0, min(turn, len(self.episode.turns)) - 1)
            case {"do": "fold"}:
                self.is_folded = not self.is_folded
            case {"do": "colour", "by": str(way)} if way in self.ways:
                self.way = way

    def shown(self) -> dict[str, Any]:
        """Return all that the page shows."""
        first, turns = self._window()
        return {
            "head": self._head(),
            "body": self._body(first, turns),
            "turn": self.at + 1,
            "turns": len(self.episode.turns),
            "folded": self.is_folded,
            "ways": self.ways,
            "way": self.way,
            "announce": self._announcement(),
        }

    def summary(self) -> str:
        """Return the game, its end and the turn that is looked at."""
        where = f"; at turn {self.at + 1}" if self.episode.turns else ""
        return f"{self.episode.task.id}: {ending(self.episode)}{where}"

    def content(self) -> str:
        """Return head and turns as HTML."""
        view = self.shown()
        head = "".join(map(to_html, view["head"]))
        return f'<header>{head}</header><div class="body">' + (
            "".join(map(to_html, view["body"])) + "</div>"
        )

    # ---- parts -----------------------------------------------------------------------

    def _head(self) -> list[Tree]:
        episode, end = self.episode, self.episode.stop_reason
        who = f"played by {episode.policy}" if episode.policy else ""
        kind = "won" if episode.won else "broken" if end.is_broken else "lost"
        return [
            tag("strong", cut(episode.task.id, 200), class_="name"),
            " ",
            tag("span", cut(who, 100), class_="quiet"),
            " ",
            tag("span", ending(episode), class_="status", data_over=kind),
        ]

    def _body(self, first: int, turns: list[Tree]) -> list[Tree]:
        left, total = first, len(self.episode.turns)
        later = total - first - len(turns)
        parts = [self._strip(first, len(turns)), self._legend()]
        if self.episode.error:
            parts.append(problem("The world broke", self.episode.error))
        if not turns:
            parts.append(tag("p", "No turn was played.", class_="quiet"))
        if left:
            parts.append(tag("p", f"{count(left, 'earlier turn')} not shown here."))
        parts += turns
        if later:
            parts.append(tag("p", f"{count(later, 'later turn')} not shown here."))
        elif self.episode.final_observation:
            parts.append(self._last())
        return [part for part in parts if part]

    def _legend(self) -> Tree:
        """Say what the colours and the hatching mean."""
        if not any(turn.action_ids for turn in self.episode.turns):
            return ""
        colours = f"Tokens are coloured by their advantage under {self.way}: "
        colours += "+ becomes more likely, − less likely. "
        if self.way == SURENESS:
            colours = "The fuller its colour, the less sure a token was. "
        return tag(
            "p",
            colours,
            "Percent: how probable the token was when it was sampled. ",
            tag("span", "hatched", class_="hatched"),
            ": written by the world, not trained on.",
            class_="legend",
        )

    def _strip(self, first: int, k: int) -> Tree:
        """Draw the credit of the turns that are shown, if there is room for it."""
        turns = self.episode.turns[first : first + k]
        if not self.credits or not turns or not all(t.action_ids for t in turns):
            return ""
        if self.tokenizer is None or sum(len(t.action_ids) for t in turns) > 400:
            return ""
        part = replace(self.episode, turns=turns)
        strip = strip_of(
            part,
            {
                name: _laid_out(turns, values[first : first + k])
                for name, values in self.credits.items()
            },
            name=f"Turns {first + 1} to {first + len(turns)}",
            tokenizer=self.tokenizer,
        )
        svg = advantage_strips([strip], title="Advantages, token by token")
        return "" if message_size(svg) > STRIP_BYTES else tag("figure", picture(svg))

    def _window(self) -> tuple[int, list[Tree]]:
        """Return the first turn that is shown and as many around `at` as fit."""
        total = len(self.episode.turns)
        if not total:
            return 0, []
        shown = {self.at: self._fitting(self.at)}
        left = TURN_BYTES - message_size(shown[self.at])
        low, high = self.at - 1, self.at + 1
        while low >= 0 or high < total:
            k, low, high = (
                (high, low, high + 1)
                if high < total and (high - self.at <= self.at - low or low < 0)
                else (low, low - 1, high)
            )
            tree = self._fitting(k)
            left -= message_size(tree)
            if left < 0:
                break
            shown[k] = tree
        return min(shown), [shown[k] for k in sorted(shown)]

    def _fitting(self, k: int) -> Tree:
        """Return a turn, with its texts cut short if they are very long."""
        tree = self._turn(k, LONG_TEXT)
        return tree if message_size(tree) <= TURN_BYTES else self._turn(k, SHORT_TEXT)

    def _turn(self, k: int, most: int) -> Tree:
        turn, here = self.episode.turns[k], k == self.at
        raw = cut(turn.completion, most)
        values = self.credits.get(self.way, [])
        return tag(
            "section",
            self._seen(k, turn, most),
            said(turn, f"Turn {k + 1}", self._totals[k]),
            tag("p", "in full: ", tag("code", raw), class_="raw")
            if turn.completion != turn.action
            else "",
            _paid(values[k][0]) if values and not turn.action_ids else "",
            tag("div", self._tokens(k, turn), _facts(turn), class_="below"),
            self._prompt(k, most) if here else "",
            class_="turn here" if here else "turn",
            aria_label=f"Turn {k + 1}",
        )

    def _seen(self, k: int, turn: Turn, most: int) -> Tree:
        """Return what was seen: hatched, because nothing of it is trained on."""
        text, ids = cut(turn.observation, most), len(turn.observation_ids)
        words = f"the world, {count(ids, 'token')}, not trained on" if ids else "world"
        is_folded = self._is_code and is_long(turn.observation)
        words += f": {gist(turn.observation)}" if is_folded else ""
        is_shut = self.is_folded or (is_folded and k != self.at)
        shown = tag("p", text, class_=self._world)
        return fold(words, shown, f"seen-{k}", is_shut=is_shut)

    def _last(self) -> Tree:
        last = cut(self.episode.final_observation, LONG_TEXT)
        text = tag("p", last, class_=self._world)
        summary = tag("summary", "the world's last words")
        return tag("details", summary, text, class_="seen", open="")

    def _tokens(self, k: int, turn: Turn) -> Tree:
        if not turn.action_ids:
            return ""
        values = self.credits.get(self.way)
        most = self._most.get(self.way, 1.0)
        found = []
        for i, text in enumerate(words(turn.action_ids[:200], self.tokenizer)):
            credit = values[k][i] if values else 0.0
            logp = turn.logprobs[i] if i < len(turn.logprobs) else None
            notes = [signed(credit)] if values else []
            sure = [] if logp is None else [chance(logp)]
            title = "" if logp is None else f"log-probability {logp:.3f}"
            heat, kind = credit / most, ""
            if self.way == SURENESS and logp is not None:
                heat, kind = 1 - math.exp(min(logp, 0.0)), "unsure"
            found.append(token(text, [*notes, *sure], heat, kind=kind, title=title))
        found += [""] * (len(turn.action_ids) - len(found))
        return tokens_line(found, "its tokens:")

    def _prompt(self, k: int, most: int) -> Tree:
        """Return all that the policy saw when it played turn `k`."""
        text, total = self._read(k, most)
        start, end = self.episode.turns[k].hidden_ids
        gone = f", {end - start} are forgotten" if start < end else ""
        size = f" ({count(total, 'token')}{gone})" if total else ""
        summary = f"all that the policy had read before turn {k + 1}{size}"
        return tag(
            "details",
            tag("summary", summary),
            tag("p", text, class_="world prompt"),
            data_key="prompt",
        )

    def _read(self, k: int, most: int) -> tuple[str, int]:
        """Return the end of the prompt of turn `k`, and of how many tokens it was."""
        past, turn = self.episode.turns[:k], self.episode.turns[k]
        ids = [i for t in past for i in (*t.observation_ids, *t.action_ids)]
        ids += turn.observation_ids
        del ids[slice(*turn.hidden_ids)]
        if self.tokenizer is not None and ids:
            few = ids[-max(most, PROMPT_IDS) :]
            text = self.tokenizer.decode(few, clean_up_tokenization_spaces=False)
        else:
            lines = [f"{t.observation}\n> {t.completion.strip()}" for t in past]
            text = "\n".join([*lines, turn.observation])
        return ("… " if len(text) > most else "") + text[-most:], len(ids)

    def _announcement(self) -> str:
        if not self.episode.turns:
            return f"{ending(self.episode)}. {self.episode.error}"
        turn = self.episode.turns[self.at]
        return cut(f"Turn {self.at + 1}: {turn.action}. {turn.observation}", 600)


def by_turn(
    episode: Episode, values: Sequence[float], name: str
) -> list[Sequence[float]]:
    """Return advantages turn by turn, each with one number per token of its action.

    A turn without tokens gets the one number of the turn.

    Args:
        episode: With `K` turns.
        values: `(K,)`, or `(T,)` over the tokens after the first observation; what
            comes after these, as padding does, is left out.
        name: Of the credit, for messages.

    Raises:
        ConfigError: If a number is not finite, or the length is neither.
    """
    turns = episode.turns
    if not all(math.isfinite(value) for value in values):
        raise ConfigError(
            f"The advantages {name!r} hold a number that is not finite.",
            "It can neither be shown nor learnt from.",
            "Look at the rewards that they came from.",
        )
    if len(values) == len(turns):
        numbers = zip(values, turns, strict=True)
        return [[float(v)] * max(1, len(t.action_ids)) for v, t in numbers]
    found: list[Sequence[float]] = []
    start = -len(turns[0].observation_ids) if turns else 0
    for turn in turns:
        start += len(turn.observation_ids)
        end = start + len(turn.action_ids)
        found.append([float(v) for v in values[start:end]])
        start = end
    if len(values) < start or not all(found):
        raise ConfigError(
            f"The advantages {name!r} are {len(values)} numbers.",
            f"The episode has {len(turns)} turns and {start} tokens after its prompt.",
            "Give one for each turn, or one for each token.",
        )
    return found


def _laid_out(turns: Sequence[Turn], values: Sequence[Sequence[float]]) -> list[float]:
    """Return numbers over all tokens after the first observation, 0 on the world's."""
    laid: list[float] = []
    for turn, numbers in zip(turns, values, strict=True):
        laid += [*[0.0] * len(turn.observation_ids), *numbers]
    return laid[len(turns[0].observation_ids) :]


def _paid(value: float) -> Tree:
    return tag("p", f"advantage {signed(value)}", class_="quiet")


def _facts(turn: Turn) -> Tree:
    """Return what the record knows and the policy was not told."""
    if not turn.info:
        return ""
    pairs = [f"{name}: {cut(str(value), 120)}" for name, value in turn.info.items()]
    return tag(
        "details",
        tag("summary", tag("span", "privileged", class_="badge"), " facts after it"),
        tag("p", " · ".join(pairs[:MOST_FACTS])),
        class_="facts",
    )
