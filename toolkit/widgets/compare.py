"""Compare episodes of one game: where do they part, and where do they meet again?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from toolkit.comparison import compare, most_changed, typical
from toolkit.environments.base import Task, TextEnv, make_env
from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError, ToolkitError
from toolkit.evaluation import Evaluation, summarise
from toolkit.policies.base import Policy
from toolkit.widgets.alignment import align, differences
from toolkit.widgets.base import ToolkitWidget, script, sheet
from toolkit.widgets.compare_parts import (
    Sides,
    column_heads,
    sections,
    sureness,
    window,
)
from toolkit.widgets.episode_parts import LONG_NAME, problem
from toolkit.widgets.markup import Tree, count, cut, tag, to_html
from toolkit.widgets.stepper import EnvStepper

MOST, LONG_LABEL = 4, 60
"""Episodes that fit beside each other, and characters of their names."""


class EpisodeCompare(ToolkitWidget):
    """Two to four episodes of one game side by side, lined up turn by turn.

    What they share is folded; `n` and `p` go to the next and the previous difference;
    from there the game can be played on by hand. Where no widgets can be shown, the
    same is a page to read.

    Args:
        *episodes: What is compared. If they are of several games, the widget says so
            and offers those that belong together.
        names: What the episodes are called, such as `("before", "after")`.
        tokenizer: Of the models that played; without it tokens are shown as numbers.
        policy: Whom a game that is played on can be handed over to.

    Raises:
        ConfigError: If there are fewer than two episodes, or not one name for each.
    """

    kind = "compare"
    _esm = script(kind)
    _css = sheet(kind)

    def __init__(
        self,
        *episodes: Episode,
        names: Sequence[str] | None = None,
        tokenizer: Any = None,
        policy: Policy | None = None,
        **traits: Any,
    ) -> None:
        if len(episodes) < 2 or (names is not None and len(names) != len(episodes)):
            named = "" if names is None else f" and {count(len(names), 'name')}"
            raise ConfigError(
                f"There are {count(len(episodes), 'episode')}{named} to compare.",
                "It takes two episodes or more, with one name for each.",
                "Use EpisodeView(episode) to read a single one.",
            )
        self.tokenizer, self.policy = tokenizer, policy
        self._groups = _by_game(episodes, names or _names_of(episodes))
        self._opened: EnvStepper | None = None
        self._which, self.at = 0, 0
        self._choose(0 if len(self._groups) == 1 else None)
        super().__init__(**traits)

    @classmethod
    def before_after(
        cls,
        before: Evaluation | Iterable[Episode],
        after: Evaluation | Iterable[Episode],
        task: Task | None = None,
        **options: Any,
    ) -> EpisodeCompare:
        """Compare one game before and after training.

        Args:
            before: What was played before.
            after: The same games, played after.
            task: Which game (`None`: one that was lost before and won after, of
                middling length; if there is none, one that was won and then lost, or
                else the first).
            **options: Of `EpisodeCompare`.

        Raises:
            ToolkitError: If they are not of the same games, or the task is not among
                them.
        """
        sides = [
            e if isinstance(e, Evaluation) else summarise(e) for e in (before, after)
        ]
        if task is None:
            flips = compare(*sides).flips
            if flips:
                flip = typical(most_changed(flips) or flips[-1:])
                pair = flip.earlier, flip.later
                return cls(*pair, names=("before", "after"), **options)
            task = next(iter(sides[0].by_task))
        found = [next((e for e in s.episodes if e.task == task), None) for s in sides]
        if None in found:
            raise ToolkitError(
                f"{task.id} was not played both before and after.",
                f"There are {len(sides[0].by_task)} games before, "
                f"{len(sides[1].by_task)} after.",
                "Choose a task of `before.by_task`, or leave it out.",
            )
        return cls(*found, names=("before", "after"), **options)  # type: ignore[arg-type]

    @classmethod
    def best_worst(cls, group: Iterable[Episode], **options: Any) -> EpisodeCompare:
        """Compare the best paid episode with the worst paid one of the same game.

        Args:
            group: Episodes of one game or more; the game with the largest distance is
                taken. Those whose world broke are left out.
            **options: Of `EpisodeCompare`.

        Raises:
            ConfigError: If no game was played twice.
        """
        games: dict[Task, list[Episode]] = defaultdict(list)
        for episode in group:
            if not episode.stop_reason.is_broken:
                games[episode.task].append(episode)
        ranked = [
            sorted(played, key=lambda e: (e.total_reward, e.won, -len(e.turns)))
            for played in games.values()
            if len(played) > 1
        ]
        if not ranked:
            raise ConfigError(
                "There is no best and worst episode.",
                "No game was played to its end more than once.",
                "Collect several episodes of a game: collect(..., group_size=4).",
            )
        most = max(ranked, key=lambda r: r[-1].total_reward - r[0].total_reward)
        return cls(most[-1], most[0], names=("best", "worst"), **options)

    # ---- the same from Python ------------------------------------------------------

    def next(self) -> None:
        """Go to the next difference."""
        self.ask({"do": "next"})

    def previous(self) -> None:
        """Go to the previous difference."""
        self.ask({"do": "previous"})

    def stepper(
        self,
        which: int = 0,
        *,
        env: TextEnv | None = None,
        policy: Policy | None = None,
    ) -> EnvStepper:
        """Return the game at the difference that is looked at, to be played on.

        Args:
            which: Whose commands lead there; before the first difference they are the
                same for all.
            env: The world (`None`: made from the task).
            policy: Whom it can be handed over to (`None`: that of the comparison).

        Raises:
            ConfigError: If there is no such episode.
            ToolkitError: If the world cannot be made.
        """
        if not 0 <= which < len(self.sides.episodes):
            raise ConfigError(
                f"There is no episode {which}.",
                f"{len(self.sides.episodes)} are compared, counted from 0.",
            )
        task = self.sides.episodes[which].task
        turns = self.sides.episodes[which].turns[: self._turns_before(which)]
        world = env or make_env(task.env, **dict(task.params))
        commands = [turn.completion for turn in turns]
        return EnvStepper(world, policy or self.policy, task, commands=commands)

    # ---- what every widget gives -----------------------------------------------------

    def answer(self, request: Mapping[str, Any]) -> None:
        """Go somewhere, choose another game, or open the stepper."""
        self._trouble = ""
        starts = [start for start, _ in self.sides.differences]
        match request:
            case {"do": "next"}:
                self.at = next((s for s in starts if s > self.at), self.at)
            case {"do": "previous"}:
                self.at = next((s for s in starts[::-1] if s < self.at), self.at)
            case {"do": "row", "row": int(row)}:
                self.at = max(0, min(row, len(self.sides.rows) - 1))
            case {"do": "game", "game": int(game)} if 0 <= game < len(self._groups):
                self._choose(game)
            case {"do": "close"}:
                self._close()
            case {"do": "step", "which": int(which)}:
                self._open(which)

    def shown(self) -> dict[str, Any]:
        """Return all that the page shows."""
        sides = self.sides
        rows = window(sides, self.at)
        return {
            "head": self._head(),
            "body": [*self._notes(), *sections(sides, rows, self.at)],
            "difference": self._number(),
            "differences": len(sides.differences),
            "rows": len(sides.rows),
            "earlier": rows.start,
            "later": len(sides.rows) - rows.stop,
            "offers": self._offers(),
            "doors": self._doors(),
            "stepper": str(self._opened.model_id) if self._opened else "",
            "code": f"comparison.stepper({self._which})",
            "announce": self._announcement(),
        }

    def summary(self) -> str:
        """Return the game and how much differs."""
        if not self.sides.episodes:
            return f"{count(len(self._groups), 'different game')}, nothing to compare"
        episodes, task = self.sides.episodes, self.sides.episodes[0].task.id
        found = count(len(self.sides.differences), "difference")
        return f"{task}: {count(len(episodes), 'episode')}, {found}; {self._number()}"

    def content(self) -> str:
        """Return head and columns as HTML."""
        view = self.shown()
        head, body = ("".join(map(to_html, view[part])) for part in ("head", "body"))
        offers = "".join(to_html(tag("li", o["label"])) for o in view["offers"])
        listed = f"<ul>{offers}</ul>" if offers else ""
        return f'<header>{head}</header><div class="body">{body}{listed}</div>'

    # ---- parts -----------------------------------------------------------------------

    def _choose(self, game: int | None) -> None:
        """Line up one of the games; with `None` there is nothing to compare."""
        chosen = [] if game is None else self._groups[game][:MOST]
        self._left_out = 0 if game is None else len(self._groups[game]) - len(chosen)
        episodes = [episode for _, episode in chosen]
        rows = align(episodes) if episodes else []
        self.sides = Sides(
            names=[cut(name, LONG_LABEL) for name, _ in chosen],
            episodes=episodes,
            rows=rows,
            differences=differences(rows),
            tokenizer=self.tokenizer,
        )
        found = self.sides.differences
        self.at, self._trouble = (found[0][0] if found else 0), ""
        self._close()

    def _number(self) -> int:
        """Return which difference is looked at, counted from 1; 0 if none."""
        return sum(start <= self.at for start, _ in self.sides.differences)

    def _turns_before(self, which: int) -> int:
        """Return how many turns an episode has before the row that is looked at."""
        return sum(row.turns[which] is not None for row in self.sides.rows[: self.at])

    def _head(self) -> list[Tree]:
        if not self.sides.episodes:
            return [tag("strong", "Episodes of different games", class_="name")]
        name = cut(self.sides.episodes[0].task.id, LONG_NAME)
        lines = [tag("p", tag("strong", name, class_="name"))]
        return [*lines, column_heads(self.sides), *sureness(self.sides)]

    def _notes(self) -> list[Tree]:
        """Return what stands in the way of a comparison."""
        notes = []
        if not self.sides.episodes:
            envs = {played[0][1].task.env for played in self._groups}
            where = "environment" if len(envs) > 1 else "game"
            n = len(envs) if len(envs) > 1 else len(self._groups)
            text = (
                f"These episodes are of {count(n, where)}. Only attempts at the same "
            )
            text += "game can be lined up turn by turn. "
            text += "These belong together:" if self._offers() else "No two belong "
            text += "" if self._offers() else "together: play one game twice."
            notes.append(problem("Nothing to compare", text))
        if self._left_out:
            text = f"{self._left_out} more of this game; {MOST} fit beside each other."
            notes.append(tag("p", text, class_="quiet"))
        if self._trouble:
            notes.append(problem("That did not work", self._trouble))
        return notes

    def _offers(self) -> list[dict[str, Any]]:
        """Return the games that can be compared, if there is a choice."""
        if len(self._groups) < 2:
            return []
        return [
            {
                "game": k,
                "label": f"{cut(played[0][1].task.id, LONG_NAME)}: {_list(played)}",
            }
            for k, played in enumerate(self._groups[:40])
            if len(played) > 1
        ]

    def _doors(self) -> list[dict[str, Any]]:
        """Return from where the game can be played on: once if all ways there agree."""
        sides = self.sides
        ways: dict[tuple[str, ...], tuple[int, str, int]] = {}
        for which, (name, episode) in enumerate(
            zip(sides.names, sides.episodes, strict=True)
        ):
            k = self._turns_before(which)
            said = tuple(turn.completion for turn in episode.turns[:k])
            if episode.turns:
                ways.setdefault(said, (which, name, k))
        return [
            {
                "which": which,
                "label": f"Play on from turn {k + 1}"
                + (f" of {cut(name, 40)}" if len(ways) > 1 else ""),
            }
            for which, name, k in ways.values()
        ]

    def _open(self, which: int) -> None:
        self._close()
        self._which = which
        try:
            self._opened = self.stepper(which)
        # a world may fail in any way; the comparison goes on
        except Exception as error:
            known = isinstance(error, ToolkitError)
            self._trouble = str(error) if known else f"{type(error).__name__}: {error}"

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._opened = None

    def _announcement(self) -> str:
        if self._trouble:
            return cut(self._trouble, 600)
        if not self.sides.differences:
            return "No difference."
        found, row = self.sides.differences, self.sides.rows[self.at]
        return f"Difference {self._number()} of {len(found)}: {row.kind}."


def _by_game(
    episodes: Sequence[Episode], names: Sequence[str]
) -> list[list[tuple[str, Episode]]]:
    games: dict[Task, list[tuple[str, Episode]]] = defaultdict(list)
    for name, episode in zip(names, episodes, strict=True):
        games[episode.task].append((name, episode))
    return list(games.values())


def _names_of(episodes: Sequence[Episode]) -> list[str]:
    """Return who played, with a letter where that does not tell them apart."""
    names = [episode.policy or "somebody" for episode in episodes]
    if len(set(names)) == len(names):
        return names
    return [f"{chr(65 + i % 26)}, {name}" for i, name in enumerate(names)]


def _list(played: Sequence[tuple[str, Episode]]) -> str:
    """Return the names of the first few episodes."""
    more = f" and {len(played) - MOST} more" if len(played) > MOST else ""
    return ", ".join(cut(name, 40) for name, _ in played[:MOST]) + more
