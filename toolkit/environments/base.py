"""The environment interface: tasks, text worlds and the registry that makes them.

A `TextEnv` is a `gymnasium.Env[str, str]`: it takes one free-text command a turn and
answers with text. What it adds to Gymnasium is a `Task` (which game exactly), snapshots
by replay, a privileged expert, and one place where every command is cleaned.
"""

from __future__ import annotations

import functools
import hashlib
from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium
import numpy as np

from toolkit.environments.commands import CommandRules
from toolkit.environments.ids import FAMILIES, called, with_module, with_settings
from toolkit.errors import (
    SnapshotError,
    TaskError,
    UnknownEnvironmentError,
    near_matches,
)

if TYPE_CHECKING:
    from toolkit.environments.surroundings import Surroundings

Scalar = str | int | float | bool
SPLITS = ("train", "validation", "test", "demonstration")


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One game, fully determined: the same task gives the same game everywhere.

    >>> task = Task(env="textworld/w2-o3-q4", seed=1, split="test")
    >>> task.id
    'textworld/w2-o3-q4/test/1'
    >>> hash(task) == hash(Task.from_dict(task.to_dict()))
    True
    """

    env: str
    """Registry id of the environment, such as `textworld/w2-o3-q4`."""
    seed: int
    """Seed of the game generator, or index of the game in a fixed data set."""
    split: str = "train"
    """One of `SPLITS`; splits never share a seed."""
    params: tuple[tuple[str, Scalar], ...] = ()
    """Keyword arguments of the environment, sorted by name."""

    @property
    def id(self) -> str:
        """A readable name, unique among tasks of equal `params`."""
        return f"{self.env}/{self.split}/{self.seed}"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {**asdict(self), "params": dict(self.params)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Task:
        """Build a task from what `to_dict` returned."""
        return cls(**{**data, "params": tuple(sorted(dict(data["params"]).items()))})


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """A point in a game, restored by playing the commands again."""

    task: Task
    """The game."""
    actions: tuple[str, ...]
    """Raw actions given so far, oldest first."""
    digests: tuple[str, ...]
    """Hash of the observation after `reset` and after each action."""


class FreeText(gymnasium.Space[str]):
    """The space of all strings up to `max_chars` characters."""

    def __init__(self, max_chars: int, seed: int | None = None) -> None:
        self.max_chars = max_chars
        super().__init__(shape=None, dtype=None, seed=seed)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        """Return a random short lower-case string."""
        letters = np.array(list("abcdefghijklmnopqrstuvwxyz "))
        return "".join(self.np_random.choice(letters, size=12))

    def contains(self, x: Any) -> bool:
        """Return whether `x` is a string that is short enough."""
        return isinstance(x, str) and len(x) <= self.max_chars

    @property
    def is_np_flattenable(self) -> bool:
        """Text has no numeric form."""
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FreeText) and other.max_chars == self.max_chars

    def __hash__(self) -> int:
        return hash((FreeText, self.max_chars))


Step = tuple[str, float, bool, bool, dict[str, Any]]


class TextEnv(gymnasium.Env[str, str]):
    """A game played in text, one command a turn.

    Subclasses implement `_start`, `_advance` and `task`; they see cleaned commands
    only and need not count turns.

    `info` holds at least `won`, `lost`, `score`, `max_score` (the score so far and the
    most one can get), `valid_action` (the world understood the last command) and
    `command` (what reached the world, `""` if it was refused). It holds
    `admissible_actions` or `expert` only when asked for, because they cost time.

    Args:
        max_turns: Turns after which `step` returns `truncated`. The parameter
            `max_turns` of a task wins over it.
        admissible: Put `admissible_actions` into `info`.
        expert: Put the privileged plan into `info["expert"]`.
    """

    rules: ClassVar[CommandRules] = CommandRules()
    refusal: ClassVar[str] = "That command does nothing here."
    split_names: ClassVar[Mapping[str, str]] = {}
    """Other names of splits, such as those of a published data set."""
    step_timeout_s: float = 10.0
    """Seconds after which a step counts as hung, where worlds run in workers."""
    reset_timeout_s: float = 60.0
    """Seconds after which a reset counts as hung."""

    def __init__(
        self, *, max_turns: int, admissible: bool = False, expert: bool = False
    ) -> None:
        self.max_turns = self._given_max_turns = max_turns
        self.wants_admissible, self.wants_expert = admissible, expert
        self.observation_space = FreeText(100_000)
        self.action_space = FreeText(10_000)
        self.factory: Callable[[], TextEnv] | None = None
        self._task: Task | None = None
        self._over = False
        self._actions: list[str] = []
        self._digests: list[str] = []
        self._last_info: dict[str, Any] = {}

    # ---- what a world implements -------------------------------------------------

    @classmethod
    @abstractmethod
    def tasks(cls, env: str, split: str, n: int | None, params: Params) -> list[Task]:
        """Return the first `n` tasks of `split` (all of them for `None`)."""

    @abstractmethod
    def _start(self, task: Task) -> tuple[str, dict[str, Any]]:
        """Load the game of `task`; return the first observation and `info`."""

    @abstractmethod
    def _advance(self, command: str) -> tuple[str, float, bool, dict[str, Any]]:
        """Play one command; return observation, reward, terminated and `info`."""

    def expert(self) -> list[str] | None:
        """Return privileged commands that win from here, or `None` if unknown."""
        return None

    def surroundings(self) -> Surroundings | None:
        """Return what can be seen and is carried here, or `None` if unknown."""
        return None

    # ---- the Gymnasium interface -------------------------------------------------

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Start a game.

        Args:
            seed: Seeds `np_random`; without a task, also picks a training task.
            options: `{"task": Task}` chooses the game.

        Returns:
            The first observation and `info`.

        Raises:
            TaskError: If no task can be had.
        """
        super().reset(seed=seed)
        task = (options or {}).get("task") or self._default_task()
        # If the world cannot start, there is no game to play.
        self._task, self._over = None, False
        self.max_turns = self._given_max_turns
        observation, info = self._start(task)
        self.max_turns = int(dict(task.params).get("max_turns", self.max_turns))
        self._task, self._actions = task, []
        self._digests = [digest(observation)]
        self._last_info = self._complete(info, command="", valid=True)
        return observation, dict(self._last_info)

    def step(self, action: str) -> Step:
        """Play one turn.

        Args:
            action: Free text; `rules` clean it.

        Returns:
            Observation, reward of this turn, terminated, truncated and `info`.

        Raises:
            TaskError: If `reset` was never called, or the game has ended.
        """
        if self._task is None or self._over:
            raise TaskError(
                "step() was called without a running game.",
                "The game is over." if self._over else "There is no game to play yet.",
                "Call env.reset(options={'task': task}) first.",
            )
        command = self.rules.clean(action)
        if command:
            observation, reward, terminated, info = self._advance(command)
            info = self._complete(info, command=command, valid=True)
        else:
            observation, reward, terminated = self.refusal, 0.0, False
            info = {**self._last_info, "command": "", "valid_action": False}
        self._last_info = info
        self._actions.append(action)
        self._digests.append(digest(observation))
        self._over = terminated
        truncated = not terminated and len(self._actions) >= self.max_turns
        return observation, float(reward), terminated, truncated, dict(info)

    def snapshot(self) -> Snapshot:
        """Return the point reached, to be restored here or in another process."""
        if self._task is None:
            raise TaskError("There is no game to save.", "reset() was never called.")
        return Snapshot(
            task=self._task, actions=tuple(self._actions), digests=tuple(self._digests)
        )

    def restore(self, snapshot: Snapshot) -> tuple[str, dict[str, Any]]:
        """Replay a snapshot and check every text on the way.

        Raises:
            SnapshotError: If the world answers differently than it did before.
        """
        observation, info = self.reset(options={"task": snapshot.task})
        for action in snapshot.actions:
            observation, _, _, _, info = self.step(action)
        if tuple(self._digests) != snapshot.digests:
            pairs = zip(self._digests, snapshot.digests, strict=False)
            turn = [before == now for before, now in pairs].index(False)
            raise SnapshotError(
                f"Replay of {snapshot.task.id} differs from the record at turn {turn}.",
                "The game file or the library that plays it has changed.",
                "Play the episode again instead of restoring it.",
            )
        return observation, info

    # ---- helpers -----------------------------------------------------------------

    def _default_task(self) -> Task:
        """Pick a training task with `np_random`, for bare `reset()` calls."""
        if self.spec is None or self.factory is None:
            raise TaskError(
                "reset() needs a task.",
                "This environment was not made by make_env.",
                "Call reset(options={'task': task}).",
            )
        choices = tasks(self, split="train", n=64)
        return choices[int(self.np_random.integers(len(choices)))]

    def _complete(
        self, info: dict[str, Any], *, command: str, valid: bool
    ) -> dict[str, Any]:
        """Fill in what a world left out."""
        full: dict[str, Any] = {
            "won": False,
            "lost": False,
            "score": 0.0,
            "max_score": 1.0,
        }
        full |= {"valid_action": valid, "command": command}
        full |= info
        if self.wants_expert and "expert" not in full:
            full["expert"] = self.expert()
        return full


def digest(text: str) -> str:
    """Return a short stable hash of an observation, as `Snapshot` keeps it."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


# ---- registry --------------------------------------------------------------------

Params = Mapping[str, Scalar]
_CUSTOM: dict[str, type[TextEnv]] = {}


def register(family: str, cls: type[TextEnv]) -> None:
    """Make `cls` available as `family` and `family/<anything>` in `make_env`.

    The class is called with the id and the keyword arguments of `make_env`, and must
    be importable in other processes for `workers >= 1`.
    """
    _CUSTOM[family] = cls


def env_class(env: str) -> type[TextEnv]:
    """Return the class that serves an environment id.

    Args:
        env: Such as `textworld/w2-o3-q4`, or with the module that registers the family,
            which is imported: `my_worlds:field`.

    Raises:
        UnknownEnvironmentError: If no family of that name is registered, or there is no
            such module.
    """
    family = env.partition("/")[0]
    if family not in _CUSTOM:
        family = with_module(family)
    if family in _CUSTOM:
        return _CUSTOM[family]
    if family not in FAMILIES:
        raise UnknownEnvironmentError(
            f"There is no environment {env!r}.",
            f"No family {family!r} is registered in this process.",
            near_matches(family, [*FAMILIES, *_CUSTOM]),
        )
    module, _, name = f"toolkit.environments.{FAMILIES[family]}".partition(":")
    return getattr(__import__(module, fromlist=[name]), name)  # type: ignore[no-any-return]


def make_env(env: str, **params: Any) -> TextEnv:
    """Make an environment from its registry id.

    Args:
        env: Such as `textworld/w2-o3-q4`, or with arguments `alfworld/all?size=0.5`.
        **params: Keyword arguments of the environment, such as `max_turns`.

    Raises:
        UnknownEnvironmentError: If the id is not known; the near matches are named.
        ConfigError: If the environment takes no such argument.
    """
    env, params = with_settings(env, params)
    made: TextEnv = called(env_class(env), env, params)
    made.spec = gymnasium.envs.registration.EnvSpec(
        id=env,
        entry_point="toolkit.environments.base:make_env",
        kwargs={"env": env, **params},
        order_enforce=False,
        disable_env_checker=True,
    )
    made.factory = functools.partial(make_env, env, **params)
    return made


def tasks(
    env: str | TextEnv, *, split: str = "train", n: int | None = None, **params: Any
) -> list[Task]:
    """Return tasks of an environment.

    Args:
        env: Registry id, or an environment made by `make_env`.
        split: One of `SPLITS`, or a name that the environment has for one.
        n: How many (`None`: all of the split).
        **params: Keyword arguments of the environment that change the game.

    Raises:
        TaskError: If the split does not exist or `n` is not positive.
    """
    if isinstance(env, TextEnv):
        assert env.spec is not None, "it was not made by make_env"
        params = {**getattr(env.factory, "keywords", {}), **params}
        env = env.spec.id
    env, params = with_settings(env, params)
    names = env_class(env).split_names
    split = names.get(split, split)
    if split not in SPLITS:
        raise TaskError(
            f"There is no split {split!r}.",
            f"The splits are {', '.join((*SPLITS, *names))}.",
            near_matches(split, (*SPLITS, *names)),
        )
    if n is not None and n < 1:
        raise TaskError(f"{n} tasks were asked for.", "n must be at least 1.")
    return env_class(env).tasks(env, split, n, params)
