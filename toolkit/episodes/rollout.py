"""Play many episodes at once: one batched policy, many worlds.

Each round, the policy answers all live episodes in one batch, the worlds take one
step each, and episodes that ended make room for waiting ones, whose worlds start while
the policy answers the others. The make-up of every batch depends on the tasks and the
seed alone, never on timing, so the result is the same for any number of workers.
"""

from __future__ import annotations

import functools
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from toolkit.environments.base import Task, TextEnv, make_env
from toolkit.environments.pool import EnvPool, Outcome
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.errors import ConfigError
from toolkit.policies.base import Action, Observation, Policy

HIDDEN = ("admissible_actions", "expert")
"""Bulky facts that are for policies and not for the record."""


def collect(
    policy: Policy,
    env: str | TextEnv,
    tasks: Sequence[Task],
    *,
    group_size: int = 1,
    live: int = 64,
    workers: int | None = None,
    greedy: bool = False,
    seed: int = 0,
    max_tokens: int | None = None,
    progress: bool = True,
    pool: EnvPool | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> list[Episode]:
    """Play `group_size` episodes of every task.

    Args:
        policy: Who acts.
        env: Registry id, or an environment made by `make_env`.
        tasks: The games.
        group_size: Episodes per task (`G`).
        live: Episodes played at the same time (a person plays one at a time).
        workers: Processes that run the worlds (0: this process; `None`: one per core,
            none for fewer than eight episodes).
        greedy: Take the most probable token instead of sampling.
        seed: Episode `i` of the list draws from the stream `(seed, i)`.
        max_tokens: End an episode that has grown longer than this many tokens.
        progress: Show a progress bar.
        pool: Worlds to use instead of making new ones; left open, but closed if the
            policy raises.
        on_episode: Called with each episode as it ends.

    Returns:
        The episodes in the order of `tasks`, samples of a task side by side.

    Raises:
        ConfigError: If a number is out of range.
        EnvironmentCrashError: If no world can be made at all. A world that fails in
            an episode is no error: the episode says so in `stop_reason`.
    """
    check_kinds(policy, tasks)
    _check(tasks=len(tasks), group_size=group_size, live=live, max_tokens=max_tokens)
    _check_seed(seed)
    todo = [(task, g) for task in tasks for g in range(group_size)]
    live = min(live, len(todo), policy.max_live or live)
    with _pool(env, policy, live, len(todo), workers, pool) as worlds:
        rollout = _Rollout(policy, worlds, seed, max_tokens, on_episode)
        policy.start(greedy=greedy)
        return rollout.play(todo, live, _bar(len(todo), progress))


def check_kinds(policy: Any, tasks: Any) -> None:
    """Refuse names where a policy and tasks are meant.

    Raises:
        ConfigError: If the policy is a name, or the tasks are no list.
    """
    if isinstance(policy, str):
        raise ConfigError(
            f"The policy is the text {policy!r}.",
            "Only environments may be given by name.",
            f"Load it first: load_policy({policy!r}).",
        )
    if isinstance(tasks, str | Task):
        raise ConfigError(
            f"The tasks are {tasks!r}.",
            "They must be a list of games.",
            "Give tasks(env, split='test', n=100), or [task].",
        )


@dataclass(slots=True)
class _Live:
    """An episode being played; its world has a command to answer."""

    number: int
    task: Task
    sample: int
    slot: int
    outcome: Outcome = field(init=False)
    """What the world answered last."""
    action: Action | None = None
    """What the policy did last, `None` before the first turn."""
    policy_s: float = 0.0
    turns: list[Turn] = field(default_factory=list)
    tokens: int = 0


class _Rollout:
    """The state of one `collect` call."""

    def __init__(
        self,
        policy: Policy,
        pool: EnvPool,
        seed: int,
        max_tokens: int | None,
        on_episode: Callable[[Episode], None] | None,
    ) -> None:
        self.policy, self.pool = policy, pool
        self.seed, self.max_tokens = seed, max_tokens
        self.on_episode = on_episode
        self.waiting: deque[tuple[int, tuple[Task, int]]] = deque()
        self.done: dict[int, Episode] = {}

    def play(self, todo: list[tuple[Task, int]], slots: int, bar: Any) -> list[Episode]:
        """Run every entry of `todo`."""
        self.waiting.extend(enumerate(todo))
        try:
            live = self._open(range(slots))
            with bar:
                while live:
                    live = self._round(live)
                    bar.update(len(self.done) - bar.n)
        except BaseException:
            self.pool.close()  # worlds at work would answer whoever asks next
            raise
        return [self.done[i] for i in range(len(todo))]

    def _open(self, slots: Iterable[int]) -> list[_Live]:
        """Start waiting episodes in free slots."""
        new = []
        for slot in slots:
            if self.waiting:
                number, (task, sample) = self.waiting.popleft()
                new.append(_Live(number, task, sample, slot))
        self.pool.send({e.slot: e.task for e in new})
        return new

    def _round(self, live: list[_Live]) -> list[_Live]:
        """Hear what came of all commands, and give the next ones."""
        outcomes = self.pool.receive(e.slot for e in live)
        for e in live:
            reason = self._hear(e, outcomes[e.slot])
            if reason:
                self._end(e, reason)
        playing, new = self._refill(live)  # new worlds start while the policy acts
        if playing:
            self._act(playing)
            playing, more = self._refill(playing)
            self.pool.send({e.slot: e.action.text for e in playing if e.action})
            new += more
        return playing + new

    def _refill(self, live: list[_Live]) -> tuple[list[_Live], list[_Live]]:
        """Return the episodes that go on, and new ones in place of the others."""
        ended = [e.slot for e in live if e.number in self.done]
        return [e for e in live if e.number not in self.done], self._open(ended)

    def _act(self, live: list[_Live]) -> None:
        """Let the policy answer every episode."""
        began = time.perf_counter()
        actions = self.policy.act([self._observe(e) for e in live])
        policy_s = (time.perf_counter() - began) / len(live)
        for e, action in zip(live, actions, strict=True):
            e.action, e.policy_s = action, policy_s
            if action.stop:
                self._end(e, action.stop)

    def _hear(self, e: _Live, outcome: Outcome) -> StopReason | None:
        """Take in what the world answered; return why the episode ended, if it did."""
        if e.action:
            return self._advance(e, e.action, outcome)
        e.outcome = outcome
        return outcome.failure

    def _end(self, e: _Live, reason: StopReason) -> None:
        """Record an episode that ended."""
        self.done[e.number] = episode = self._record(e, reason)
        self.policy.drop([e.number])
        if self.on_episode:
            self.on_episode(episode)

    def _observe(self, e: _Live) -> Observation:
        return Observation(
            episode=e.number,
            key=(self.seed, e.number),
            text=e.outcome.observation,
            info=e.outcome.info,
        )

    def _advance(self, e: _Live, action: Action, outcome: Outcome) -> StopReason | None:
        """Record a turn; return why the episode ended, if it did."""
        info = {k: v for k, v in outcome.info.items() if k not in HIDDEN}
        e.turns.append(
            Turn(
                observation=e.outcome.observation,
                completion=action.text,
                action=str(outcome.info.get("command", action.text)),
                reward=outcome.reward,
                info=info,
                observation_ids=action.observation_ids,
                hidden_ids=action.hidden_ids,
                action_ids=action.ids,
                logprobs=action.logprobs,
                policy_s=e.policy_s,
                env_s=outcome.env_s,
            )
        )
        e.tokens += len(action.observation_ids) + len(action.ids)
        e.outcome = outcome
        if outcome.failure:
            return outcome.failure
        if outcome.terminated:
            return StopReason.WON if info.get("won") else StopReason.LOST
        if outcome.truncated:
            return StopReason.TURN_LIMIT
        if self.max_tokens is not None and e.tokens >= self.max_tokens:
            return StopReason.TOKEN_LIMIT
        return None

    def _record(self, e: _Live, reason: StopReason) -> Episode:
        return Episode(
            task=e.task,
            turns=tuple(e.turns),
            stop_reason=reason,
            final_observation=e.outcome.observation,
            sample=e.sample,
            seed=self.seed,
            policy=self.policy.name,
            error=e.outcome.error,
        )


def default_workers(episodes: int) -> int:
    """Return how many worker processes pay off for this many episodes."""
    if episodes < 8:
        return 0
    if hasattr(os, "sched_getaffinity"):  # Linux only; respects containers
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def _pool(
    env: str | TextEnv,
    policy: Policy,
    slots: int,
    episodes: int,
    workers: int | None,
    pool: EnvPool | None,
) -> Iterator[EnvPool]:
    """Yield the given pool, or a new one that is closed at the end."""
    if pool is not None:
        yield pool
        return
    count = default_workers(episodes) if workers is None else workers
    world = make_env(env) if isinstance(env, str) else env
    with EnvPool(
        env_factory(world, policy),
        slots=slots,
        workers=count,
        step_timeout_s=world.step_timeout_s,
        reset_timeout_s=world.reset_timeout_s,
    ) as made:
        yield made


def env_factory(env: str | TextEnv, policy: Policy) -> Callable[[], TextEnv]:
    """Return a function that makes worlds with the facts that the policy needs."""
    if isinstance(env, str):
        env = make_env(env)
    if env.factory is None:
        raise ConfigError(
            "The environment cannot be copied for several episodes.",
            "It was not made by make_env.",
            "Register its class with toolkit.register and use make_env.",
        )
    return functools.partial(env.factory, **dict.fromkeys(policy.needs, True))


def _bar(total: int, progress: bool) -> Any:
    """Return a tqdm bar over episodes."""
    from tqdm.auto import tqdm

    return tqdm(
        total=total, desc="episodes", unit="ep", disable=not progress, leave=False
    )


def _check(**numbers: int | None) -> None:
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise ConfigError(
                f"The number {name} is {value}.",
                "It must be at least 1.",
                "Give a larger one.",
            )


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise ConfigError(
            f"The seed is {seed}.", "Seeds start at 0.", "Give a larger one."
        )
