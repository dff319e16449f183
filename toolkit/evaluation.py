"""How good a policy is: success on held-out tasks, with intervals.

The same fixed tasks are played each time, tasks that were trained on are refused, and
episodes whose world failed count neither as won nor as lost, but are reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.environments.base import Task, TextEnv
from toolkit.episodes.record import Episode
from toolkit.errors import ContaminationError, TaskError, ToolkitError
from toolkit.statistics import effective_n, wilson
from toolkit.tables import html_table, text_table

if TYPE_CHECKING:
    from toolkit.policies.base import Policy

REFUSED = "(refused)"
"""Stands for the verb of a command that did not reach the world."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """So many of so many."""

    hits: int
    """How many had the property."""
    n: int
    """How many there were."""

    @property
    def value(self) -> float:
        """`hits / n`, and 0 if there were none."""
        return self.hits / self.n if self.n else 0.0

    def __str__(self) -> str:
        return f"{self.value:.2f} of {self.n}"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What `evaluate` found."""

    success: float
    """Mean over tasks of the share of its episodes that were won."""
    low: float
    """Lower end of the 95 % interval of `success`."""
    high: float
    """Upper end of the 95 % interval of `success`."""
    n: int
    """Tasks with at least one episode whose world did not fail."""
    wins: int
    """Episodes won."""
    broken: int
    """Episodes whose world failed; they are counted nowhere else."""
    mean_turns: float
    """Turns of an episode, on average."""
    mean_turns_won: float | None
    """Turns of a won episode, on average; `None` if none was won."""
    points: float
    """Mean over tasks of the share of the game's points that was reached, `score` of
    `max_score` after the last turn; equal to `success` where only winning scores."""
    greedy: bool
    """Whether the most probable token was taken instead of sampling."""
    seed: int
    """Seed of the sampling."""
    by_task: dict[Task, Share] = field(repr=False)
    """Episodes won of each task; `n = 0` where the world always failed."""
    by_verb: dict[str, Share] = field(repr=False)
    """Turns with this first word of the command that the world understood
    (`valid_action`), most frequent verb first; `REFUSED` if there was no command."""
    episodes: tuple[Episode, ...] = field(repr=False)
    """Everything that was played, broken episodes included."""

    @property
    def headline(self) -> str:
        """Success and its interval in a few words."""
        return f"{self.success:.2f}  (95 %: {self.low:.2f} to {self.high:.2f})"

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the episodes as a JSON-ready dictionary."""
        names = "success low high n wins broken mean_turns mean_turns_won points greedy"
        return {
            **{name: getattr(self, name) for name in (*names.split(), "seed")},
            "source": next(iter(_sources(self.by_task)), None),
            "by_task": [
                {"id": task.id, "wins": share.hits, "n": share.n}
                for task, share in self.by_task.items()
            ],
            "by_verb": {
                verb: {"valid": share.hits, "n": share.n}
                for verb, share in self.by_verb.items()
            },
        }

    def __str__(self) -> str:
        return text_table(self._rows())

    def _repr_html_(self) -> str:
        return html_table(self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        judged = sum(share.n for share in self.by_task.values())
        when_won = self.mean_turns_won
        won = "" if when_won is None else f", {when_won:.1f} when won"
        return [
            ("success", self.headline),
            ("episodes", f"{self.wins} of {judged} won, {self.n} tasks"),
            ("turns", f"{self.mean_turns:.1f}{won}"),
            ("points", f"{self.points:.2f} of what the games give"),
            ("world failed", f"{self.broken} episodes"),
            *(("games", source) for source in _sources(self.by_task)),
            ("acting", "greedy" if self.greedy else f"sampled, seed {self.seed}"),
            *((f"understood: {v}", str(share)) for v, share in self.by_verb.items()),
        ]


def evaluate(
    policy: Policy,
    env: str | TextEnv,
    tasks: Sequence[Task],
    *,
    greedy: bool = False,
    samples: int = 1,
    seed: int = 0,
    live: int = 64,
    workers: int | None = None,
    progress: bool = True,
    trained_on: Any = (),
) -> Evaluation:
    """Play held-out tasks and count what was won.

    Args:
        policy: Who acts.
        env: Registry id, or an environment made by `make_env`.
        tasks: The games, none of them trained on.
        greedy: Take the most probable token instead of sampling.
        samples: Episodes per task. How the interval respects that episodes of one task
            are alike is told in `summarise`.
        seed: Seed of the sampling.
        live: Episodes played at the same time.
        workers: Processes that run the worlds, see `collect`.
        progress: Show a progress bar.
        trained_on: Tasks that were trained on, or something with an attribute
            `trained_on` that lists them. That of `policy` is always looked at.

    Raises:
        ContaminationError: If one of the tasks was trained on.
        TaskError: If generated games are among games of a published data set.
        ConfigError: If a number is out of range.
        ToolkitError: If the world failed in every episode.
    """
    from toolkit.episodes.rollout import check_kinds, collect

    check_kinds(policy, tasks)
    _refuse_mixed(tasks)
    _refuse_trained(tasks, _keys(trained_on) | _keys(getattr(policy, "trained_on", ())))
    episodes = collect(
        policy,
        env,
        tasks,
        group_size=samples,
        greedy=greedy,
        seed=seed,
        live=live,
        workers=workers,
        progress=progress,
    )
    return summarise(episodes, greedy=greedy, seed=seed)


def summarise(
    episodes: Iterable[Episode], *, greedy: bool = False, seed: int = 0
) -> Evaluation:
    """Evaluate episodes that were played already.

    The interval of `success` is Wilson's. With several episodes per task its `n` is
    not the number of episodes but `statistics.effective_n`: as many independent
    episodes as would be equally informative, given how much the tasks differ, and
    never fewer than there are tasks.

    Args:
        episodes: One or more per task.
        greedy: How they were played; only noted.
        seed: With which seed; only noted.

    Raises:
        ToolkitError: If there is no episode whose world worked.
        TaskError: If generated games are among games of a published data set.
    """
    episodes = tuple(episodes)
    intact = [episode for episode in episodes if not episode.stop_reason.is_broken]
    if not intact:
        reasons = sorted({episode.stop_reason.value for episode in episodes})
        raise ToolkitError(
            "There is nothing to evaluate.",
            f"Of {len(episodes)} episodes none is intact ({', '.join(reasons)}).",
            next((e.error for e in episodes if e.error), "Play at least one task."),
        )
    _refuse_mixed({episode.task for episode in episodes})
    by_task = _by_task(episodes)
    rates = [share.value for share in by_task.values() if share.n]
    success = float(np.mean(rates))
    n = effective_n(rates, samples=len(intact) / len(rates))
    low, high = wilson(success * n, n)
    won = [len(episode.turns) for episode in intact if episode.won]
    return Evaluation(
        success=success,
        low=low,
        high=high,
        n=len(rates),
        wins=len(won),
        broken=len(episodes) - len(intact),
        mean_turns=float(np.mean([len(episode.turns) for episode in intact])),
        mean_turns_won=float(np.mean(won)) if won else None,
        points=_points(intact),
        greedy=greedy,
        seed=seed,
        by_task=by_task,
        by_verb=_by_verb(intact),
        episodes=episodes,
    )


def _by_task(episodes: Iterable[Episode]) -> dict[Task, Share]:
    won: dict[Task, list[bool]] = {}
    for episode in episodes:
        results = won.setdefault(episode.task, [])
        if not episode.stop_reason.is_broken:
            results.append(episode.won)
    return {task: Share(hits=sum(r), n=len(r)) for task, r in won.items()}


def _points(episodes: Iterable[Episode]) -> float:
    """Return the mean share of points at the end, over tasks of its mean."""
    shares: defaultdict[Task, list[float]] = defaultdict(list)
    for episode in episodes:
        info = episode.turns[-1].info if episode.turns else {}
        most = info.get("max_score") or 1.0
        share = min(1.0, float(info.get("score", 0.0)) / most)
        shares[episode.task].append(share)
    return float(np.mean([np.mean(found) for found in shares.values()]))


def _by_verb(episodes: Iterable[Episode]) -> dict[str, Share]:
    valid: defaultdict[str, list[bool]] = defaultdict(list)
    for episode in episodes:
        for turn in episode.turns:
            verb = turn.action.split()[0].lower() if turn.action.strip() else REFUSED
            valid[verb].append(bool(turn.info.get("valid_action")))
    often_first = sorted(valid.items(), key=lambda item: (-len(item[1]), item[0]))
    return {verb: Share(hits=sum(v), n=len(v)) for verb, v in often_first}


def _refuse_mixed(tasks: Iterable[Task]) -> None:
    """Refuse one score for tasks that come from several sources."""
    found = sorted(_sources(tasks))
    if len(found) > 1:
        raise TaskError(
            f"The tasks come from several sources: {', '.join(found)}.",
            "One number for games of a data set and generated ones says nothing about "
            "either.",
            "Evaluate them one after the other.",
        )


def _sources(tasks: Iterable[Task]) -> set[str]:
    """Return where the games of tasks are from, as their parameter `source` says."""
    return {str(s) for t in tasks if (s := dict(t.params).get("source")) is not None}


def _refuse_trained(tasks: Iterable[Task], trained: set[tuple[str, int]]) -> None:
    found = [task for task in tasks if (task.env, task.seed) in trained]
    if found:
        raise ContaminationError(
            f"{len(found)} of the tasks were trained on: {name_tasks(found)}.",
            "Success on them would show what was memorised, not what was learnt.",
            'Evaluate on tasks(env, split="test"), or leave these tasks out.',
        )


def _keys(source: Any) -> set[tuple[str, int]]:
    """Return environment and seed of tasks, whatever their split or parameters."""
    listed = getattr(source, "trained_on", source) or ()
    return {
        (item.env, item.seed) if isinstance(item, Task) else (item[0], item[1])
        for item in listed
    }


def name_tasks(tasks: Iterable[Task]) -> str:
    """Return the ids of the first few tasks, for messages."""
    ids = sorted({task.id for task in tasks})
    return ", ".join(ids[:3]) + (", …" if len(ids) > 3 else "")
