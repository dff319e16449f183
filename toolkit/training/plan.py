"""What a run plays when: laid out in advance, or chosen by a curriculum as it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.environments.base import Task, env_class
from toolkit.environments.base import tasks as tasks_of
from toolkit.errors import ConfigError, near_matches
from toolkit.training.curriculum import (
    Curriculum,
    Group,
    Mixture,
    Prioritised,
    Shuffled,
    Stages,
    horizon,
)

if TYPE_CHECKING:
    from toolkit.training.config import TrainConfig

KINDS: dict[str, Callable[..., Curriculum]] = {
    "shuffled": Shuffled,
    "prioritised": Prioritised,
    "stages": Stages,
    "mixture": Mixture,
    "horizon": horizon,
}
"""Curricula by the name they have in files."""
NESTED = {"stages": "stages", "mixture": "parts"}
"""Kinds that are made of others, and the setting that lists them."""


def schedule(tasks: Sequence[Task], config: TrainConfig) -> list[Task]:
    """Lay out which games are played when: shuffled rounds through `tasks`.

    One row per group, as many as the run can ask for, so that the position in the
    list is all the state there is and a resumed run finds its place.

    Raises:
        ConfigError: If there are no tasks.
    """
    if not tasks:
        raise ConfigError("There are no games to train on.", "The list is empty.")
    rng = np.random.default_rng(config.seed)
    rows: list[Task] = []
    while len(rows) < config.groups_needed:
        rows += [tasks[i] for i in rng.permutation(len(tasks))]
    return rows[: config.groups_needed]


class Plan:
    """A schedule whose rows are known only when the batches before were played.

    Every process asks for its own rows of a batch and sees the groups of all, so all
    make the same choices.

    Args:
        curriculum: Who chooses.
        config: Says how many rows there are, and how many of them make a batch.

    Raises:
        ConfigError: If games are not of the environment's family.
    """

    def __init__(self, curriculum: Curriculum, config: TrainConfig) -> None:
        self.curriculum = curriculum
        self._seed, self._length = config.seed, config.groups_needed
        self._width: int = config.generation_batch_size // config.num_generations
        self._past: list[list[Group]] = []
        self._chosen: dict[int, list[Task]] = {}  # by batch; the latest alone
        _check_family(curriculum.tasks, config.env)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, row: int) -> Task:
        """Return what a row plays.

        Raises:
            ConfigError: If an earlier batch is not known.
        """
        batch, place = row // self._width, row % self._width
        if batch not in self._chosen:
            if batch != len(self._past):
                raise ConfigError(
                    f"The games of batch {batch} cannot be chosen.",
                    f"What was played is known of {len(self._past)} batches alone.",
                    "Keep events.jsonl with the checkpoints, or start anew.",
                )
            rng = np.random.default_rng((self._seed, batch, 1))
            games = self.curriculum.choose(self._past, self._width, rng)
            self._chosen = {batch: list(games)}
        return self._chosen[batch][place]

    def see(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Take in the groups of one batch, as they are in its `rollout` event."""
        ordered = sorted(groups, key=lambda facts: facts["row"])
        self._past.append([Group.from_event(facts) for facts in ordered])

    def recall(self, events: Sequence[Mapping[str, Any]], step: int) -> None:
        """Take in what was played before a checkpoint.

        Args:
            events: All events of the run, oldest first.
            step: That of the checkpoint; what was played later will be played again.
        """
        rows = {
            facts["row"]: facts
            for event in events
            if event["event"] == "rollout" and event["step"] < step
            for facts in event["groups"]
        }
        for first in range(0, len(rows), self._width):
            batch = [rows.get(first + i) for i in range(self._width)]
            self.see([facts for facts in batch if facts is not None])


def make_curriculum(
    recipe: str | Mapping[str, Any], tasks: Sequence[Task]
) -> Curriculum:
    """Build a curriculum from plain data, as it stands in a file.

    A recipe is the name of one of `KINDS`, or a mapping with `name` (without one:
    `shuffled`) and the settings of that curriculum. Parts of `stages` and `mixture`
    are recipes. Games are those of the run, unless a recipe names its own by `env`,
    `n_tasks` and `params`.

    >>> from toolkit.environments.base import tasks
    >>> easy, hard = "textworld/w2-o3-q4", "textworld/w4-o6-q8"
    >>> stages = [{"env": easy, "n_tasks": 5}, {"env": hard, "n_tasks": 3}]
    >>> recipe = {"name": "stages", "stages": stages, "success": 0.7}
    >>> len(make_curriculum(recipe, []).tasks)
    8

    Args:
        recipe: What to build.
        tasks: The games of the run.

    Raises:
        ConfigError: If a name or a value is wrong.
    """
    named = {"name": recipe} if isinstance(recipe, str) else recipe
    given: dict[str, Any] = dict(named)
    name = given.pop("name", "shuffled")
    if name not in KINDS:
        raise ConfigError(
            f"There is no curriculum {name!r}.",
            f"Known: {', '.join(KINDS)}.",
            near_matches(str(name), KINDS),
        )
    if "env" in given:
        env, n = given.pop("env"), given.pop("n_tasks", None)
        tasks = tasks_of(env, n=n, **given.pop("params", {}))
    if name in NESTED:
        inner = given.get(NESTED[name], ())
        given[NESTED[name]] = [make_curriculum(part, tasks) for part in inner]
    else:
        given["tasks"] = tasks
    try:
        return KINDS[name](**given)
    except TypeError as error:
        raise ConfigError(
            f"The curriculum {name!r} cannot be made of {sorted(given)}.",
            f"{error}.",
            "Its settings are told in toolkit.training.curriculum.",
        ) from error


def _check_family(tasks: Sequence[Task], env: str) -> None:
    """Raise if one set of worlds cannot play all tasks."""
    family = env_class(env)
    strange = {t.env for t in tasks if env_class(t.env) is not family}
    if strange:
        raise ConfigError(
            f"A run in {env!r} cannot play {', '.join(sorted(strange))}.",
            "One set of worlds plays all games, and these need worlds of another kind.",
            "Use games of one family, or train one run after the other.",
        )
