"""Curricula: which games a run plays next, given what became of those before.

A curriculum is a pure function of the run's own past, which `events.jsonl` records,
and of a random generator that is seeded per batch. So nothing else has to be saved,
and a run that was killed goes on with the choices that it would have made.

Parts may be nested: a stage or a part of a mixture is a list of tasks (played in
shuffled rounds) or again a curriculum. All games of a run must come from one family of
environments, because one set of worlds plays them; `textworld/w2-o3-q4` and
`textworld/w4-o6-q8` are of one family.

>>> from toolkit.environments.base import tasks
>>> games = tasks("textworld/w2-o3-q4", n=100)
>>> [task.params for task in with_turns(games, 6)[:1]]
[(('max_turns', 6),)]
>>> growing = horizon(games, limits=(6, 12, 24), success=0.7)
>>> mazes = tasks("textworld/coin_collector-5", n=50)
>>> both = Mixture(parts=(Prioritised(tasks=games), mazes), weights=(0.7, 0.3))
>>> len(growing.tasks), len(both.tasks)
(300, 150)
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.environments.base import Task
from toolkit.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """What became of the episodes of one game."""

    task: Task
    """The game, its turn limit included."""
    won: int
    """Episodes won."""
    played: int
    """Episodes whose world did not break."""

    @classmethod
    def from_event(cls, facts: Mapping[str, Any]) -> Group:
        """Read an entry of `groups` in a `rollout` event."""
        env, split, seed = facts["task"].rsplit("/", 2)
        params = tuple(sorted(facts["params"].items()))
        task = Task(env=env, split=split, seed=int(seed), params=params)
        wins, broken = facts["won"], facts["broken"]
        return cls(task=task, won=sum(wins), played=len(wins) - broken)


Past = Sequence[Sequence[Group]]
"""The groups of each batch of episodes, oldest batch first."""


class Curriculum(ABC):
    """Chooses games. Subclasses of your own are dataclasses too, as `describe` asks."""

    tasks: Sequence[Task]
    """All games that may be chosen."""

    @abstractmethod
    def choose(self, past: Past, n: int, rng: np.random.Generator) -> list[Task]:
        """Return the games of the next batch.

        Args:
            past: What was played; games that are not of this curriculum included.
            n: How many groups the batch has.
            rng: The only source of chance.
        """

    def describe(self) -> dict[str, Any]:
        """Return name and settings as plain data, by which runs are told apart."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]
        return {"name": type(self).__name__.lower(), **_plain(found)}


@dataclass(frozen=True, kw_only=True)
class Shuffled(Curriculum):
    """Plays every game once before any again, in random order.

    Raises:
        ConfigError: If there are no tasks.
    """

    tasks: Sequence[Task]
    """The games."""

    def __post_init__(self) -> None:
        _check_tasks(self.tasks)

    def choose(self, past: Past, n: int, rng: np.random.Generator) -> list[Task]:
        """Return games that were played least often."""
        played = Counter(g.task for batch in past for g in batch)
        chosen: list[Task] = []
        while len(chosen) < n:
            shuffled = [self.tasks[i] for i in rng.permutation(len(self.tasks))]
            shuffled.sort(key=lambda task: played[task])
            chosen += shuffled[: n - len(chosen)]
            played.update(shuffled)
        return chosen


@dataclass(frozen=True, kw_only=True)
class Prioritised(Curriculum):
    """Prefers games of which a group is likely to be neither all won nor all lost.

    Episodes of a group that end alike are equally good, and teach nothing under an
    estimator that compares them. A game's weight is the chance, from its latest
    groups, that its next group is mixed (`mixed_chance`); games that were not played
    yet lie in between. Sampling without such weights is the `floor`.

    Raises:
        ConfigError: If there are no tasks or a number is out of range.
    """

    tasks: Sequence[Task]
    """The games."""
    floor: float = 0.2
    """Part of the probability that is shared equally by all games, above 0."""
    memory: int = 4
    """How many of its latest groups speak for a game; the policy of older ones is no
    more."""

    def __post_init__(self) -> None:
        _check_tasks(self.tasks)
        _check(floor=self.floor, within=0 < self.floor <= 1, range_="in (0, 1]")
        _check(memory=self.memory, within=self.memory >= 1, range_=">= 1")

    def choose(self, past: Past, n: int, rng: np.random.Generator) -> list[Task]:
        """Draw games by their shares, none twice unless there are fewer than `n`."""
        shares, again = self.shares(past), n > len(self.tasks)
        drawn = rng.choice(len(self.tasks), size=n, replace=again, p=shares)
        return [self.tasks[i] for i in drawn]

    def shares(self, past: Past) -> NDArray[np.float64]:
        """Return the probability of each game to be drawn first `(N,)`."""
        latest: defaultdict[Task, deque[Group]]
        latest = defaultdict(lambda: deque(maxlen=self.memory))
        size = 2  # of a group; that of the latest, whose number may have been others'
        for batch in past:
            for group in batch:
                latest[group.task].append(group)
                size = max(2, group.played)
        weights = np.array([self._weight(latest[t], size) for t in self.tasks])
        weights *= (1 - self.floor) / weights.sum()
        return weights + self.floor / len(weights)

    @staticmethod
    def _weight(groups: Sequence[Group], size: int) -> float:
        won, played = sum(g.won for g in groups), sum(g.played for g in groups)
        return mixed_chance(won, played, size)


@dataclass(frozen=True, kw_only=True)
class Stages(Curriculum):
    """Goes through stages, by success, after a number of batches, or by either.

    Never goes back; the last stage stays. To guard against forgetting, let a later
    stage be a `Mixture` with an earlier one.

    Raises:
        ConfigError: If a stage has no tasks, nothing ends a stage, or a number is out
            of range.
    """

    stages: Sequence[Curriculum | Sequence[Task]]
    """What is played, easiest first."""
    success: float | None = None
    """Go on when this share of the episodes of the last `window` groups was won."""
    window: int = 16
    """Groups, of this stage alone, over which success is taken."""
    batches: int | None = None
    """Go on after so many batches of episodes (one per step, if not set otherwise)."""

    def __post_init__(self) -> None:
        _set_parts(self, "stages", self.stages)
        if self.success is None and self.batches is None:
            raise ConfigError(
                "Nothing ends a stage.",
                "Neither success nor batches is given.",
                "Give success=0.7, batches=50, or both.",
            )
        share, most = self.success, self.batches
        _check(success=share, within=share is None or 0 < share <= 1, range_="in (0,1]")
        _check(window=self.window, within=self.window >= 1, range_=">= 1")
        _check(batches=most, within=most is None or most >= 1, range_=">= 1")

    def choose(self, past: Past, n: int, rng: np.random.Generator) -> list[Task]:
        """Let the stage that was reached choose."""
        stage = self.stages[self.stage(past)]
        assert isinstance(stage, Curriculum)
        return stage.choose(past, n, rng)

    def stage(self, past: Past) -> int:
        """Return the index of the stage that was reached."""
        own, stage, batches = set(self.tasks), 0, 0
        recent: deque[Group] = deque(maxlen=self.window)
        for batch in past:
            groups = [g for g in batch if g.task in own]
            recent += groups
            batches += bool(groups)  # inside a mixture, a batch may hold none
            if batches and self._is_over(recent, batches):
                stage, batches = min(stage + 1, len(self.stages) - 1), 0
                recent.clear()
        return stage

    def _is_over(self, recent: Sequence[Group], batches: int) -> bool:
        if self.batches is not None and batches >= self.batches:
            return True
        if self.success is None or len(recent) < self.window:
            return False
        played = sum(g.played for g in recent)
        return played > 0 and sum(g.won for g in recent) >= self.success * played


@dataclass(frozen=True, kw_only=True)
class Mixture(Curriculum):
    """Draws each group's part by weight, and lets the part choose the game.

    Raises:
        ConfigError: If a part has no tasks, or the weights do not fit.
    """

    parts: Sequence[Curriculum | Sequence[Task]]
    """What is mixed."""
    weights: Sequence[float] | None = None
    """One per part, above 0 (`None`: equal)."""

    def __post_init__(self) -> None:
        _set_parts(self, "parts", self.parts)
        weights = self.weights if self.weights is not None else [1.0] * len(self.parts)
        if len(weights) != len(self.parts) or not all(w > 0 for w in weights):
            raise ConfigError(
                f"The weights {list(weights)} do not fit {len(self.parts)} parts.",
                "Each part needs one weight above 0.",
            )
        object.__setattr__(self, "weights", tuple(weights))

    def choose(self, past: Past, n: int, rng: np.random.Generator) -> list[Task]:
        """Return games of parts that were drawn at random."""
        assert self.weights is not None
        weights = np.array(self.weights, float)
        drawn = rng.choice(len(weights), size=n, p=weights / weights.sum())
        chosen = []
        for part, count in zip(self.parts, np.bincount(drawn).tolist(), strict=False):
            assert isinstance(part, Curriculum)
            chosen += part.choose(past, count, rng) if count else []
        return chosen


def horizon(tasks: Sequence[Task], limits: Sequence[int], **rule: Any) -> Stages:
    """Play the same games with more and more turns.

    Args:
        tasks: The games.
        limits: Turn limits, each larger than the one before, such as 6, 12 and 24.
        **rule: What ends a stage: `success`, `window` and `batches` of `Stages`.

    Raises:
        ConfigError: If the limits do not grow, or as `Stages` does.
    """
    limits = list(limits)
    if limits != sorted(set(limits)) or not limits or limits[0] < 1:
        raise ConfigError(
            f"The turn limits {limits} do not grow.",
            "Each stage allows more turns than the one before, the first at least one.",
            "Use for instance limits=(6, 12, 24).",
        )
    return Stages(stages=[with_turns(tasks, turns) for turns in limits], **rule)


def with_turns(tasks: Sequence[Task], turns: int) -> list[Task]:
    """Return the same games with another turn limit."""
    return [
        replace(t, params=tuple(sorted({**dict(t.params), "max_turns": turns}.items())))
        for t in tasks
    ]


def mixed_chance(won: int, played: int, size: int) -> float:
    """Return the chance that a group of `size` episodes is neither all won nor lost.

    The chance to win one episode is unknown; with Jeffreys' prior, Beta(½, ½), it is
    distributed as Beta(½ + won, ½ + played - won) after what was seen, and the chance
    that `size` more are all won is the ratio B(½ + won + size, ½ + lost) / B(½ + won,
    ½ + lost), see Gelman et al. (2013), "Bayesian data analysis", chapter 2.

    By hand, for nothing seen and two episodes: both are won with ½·(3/2)/(1·2) = 3/8,
    and so are both lost; 1/4 is left. After two wins of two, both are won with
    (5/2)(7/2)/(3·4) = 35/48 and lost with (1/2)(3/2)/(3·4) = 3/48; 10/48 is left.

    >>> round(mixed_chance(0, 0, 2), 6), round(mixed_chance(2, 2, 2) * 48, 6)
    (0.25, 10.0)
    """
    a, b = 0.5 + won, 0.5 + played - won
    alike = math.exp(_log_beta(a + size, b) - _log_beta(a, b))
    alike += math.exp(_log_beta(a, b + size) - _log_beta(a, b))
    return 1 - alike


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _set_parts(
    curriculum: Curriculum, name: str, parts: Sequence[Curriculum | Sequence[Task]]
) -> None:
    """Turn lists of tasks into curricula, and list all tasks once."""
    made = [p if isinstance(p, Curriculum) else Shuffled(tasks=p) for p in parts]
    tasks = tuple(dict.fromkeys(task for part in made for task in part.tasks))
    _check_tasks(tasks)
    object.__setattr__(curriculum, name, tuple(made))
    object.__setattr__(curriculum, "tasks", tasks)


def _plain(value: Any) -> Any:
    """Return settings as JSON-ready data; of tasks, how many there are."""
    if isinstance(value, Curriculum):
        return value.describe()
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        listed = list(value)
        are_tasks = bool(listed) and isinstance(listed[0], Task)
        return len(listed) if are_tasks else [_plain(v) for v in listed]
    return value


def _check_tasks(tasks: Sequence[Task]) -> None:
    if not tasks:
        raise ConfigError("A curriculum has no games.", "A list of tasks is empty.")


def _check(*, within: bool, range_: str, **named: Any) -> None:
    """Raise if a number is not within its range."""
    ((name, value),) = named.items()
    if not within:
        raise ConfigError(f"{name} is {value}.", f"It must be {range_}.")
