"""Play many episodes at once: one batched policy, many worlds.

Each round, the policy answers all live episodes in one batch, the worlds take one
step each, and episodes that ended make room for waiting ones. The make-up of every
batch depends on the tasks and the seed alone, never on timing, so the result is the
same for any number of workers.
"""

from __future__ import annotations

import functools
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
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
        pool: Worlds to use instead of making new ones; left open.
        on_episode: Called with each episode as it ends.

    Returns:
        The episodes in the order of `tasks`, samples of a task side by side.

    Raises:
        ConfigError: If a number is out of range.
        EnvironmentCrashError: If no world can be made at all. A world that fails in
            an episode is no error: the episode says so in `stop_reason`.
    """
    _check(tasks=len(tasks), group_size=group_size, live=live, max_tokens=max_tokens)
    _check_seed(seed)
    todo = [(task, g) for task in tasks for g in range(group_size)]
    live = min(live, len(todo), policy.max_live or live)
    with _pool(env, policy, live, len(todo), workers, pool) as worlds:
        rollout = _Rollout(policy, worlds, seed, max_tokens)
        policy.start(greedy=greedy)
        return rollout.play(todo, live, _bar(len(todo), progress), on_episode)


@dataclass(slots=True)
class _Live:
    """An episode being played."""

    number: int
    task: Task
    sample: int
    slot: int
    outcome: Outcome
    turns: list[Turn] = field(default_factory=list)
    tokens: int = 0


class _Rollout:
    """The state of one `collect` call."""

    def __init__(
        self, policy: Policy, pool: EnvPool, seed: int, max_tokens: int | None
    ) -> None:
        self.policy, self.pool = policy, pool
        self.seed, self.max_tokens = seed, max_tokens

    def play(
        self,
        todo: list[tuple[Task, int]],
        slots: int,
        bar: Any,
        on_episode: Callable[[Episode], None] | None,
    ) -> list[Episode]:
        """Run every entry of `todo`."""
        waiting = deque(enumerate(todo))
        free = deque(range(slots))
        live: list[_Live] = []
        done: dict[int, Episode] = {}
        with bar:
            while waiting or live:
                live += self._reset(waiting, free)
                ended = [(e, r) for e in live if (r := self._reset_failure(e))]
                playing = [e for e in live if not self._reset_failure(e)]
                ended += self._turn(playing) if playing else []
                gone = {e.number for e, _ in ended}
                self.policy.drop(gone)
                for e, reason in ended:
                    free.append(e.slot)
                    done[e.number] = self._record(e, reason)
                    if on_episode:
                        on_episode(done[e.number])
                    bar.update()
                live = [e for e in live if e.number not in gone]
        return [done[i] for i in range(len(todo))]

    def _reset(
        self, waiting: deque[tuple[int, tuple[Task, int]]], free: deque[int]
    ) -> list[_Live]:
        """Start waiting episodes in free slots."""
        new = []
        while waiting and free:
            number, (task, sample) = waiting.popleft()
            new.append((number, task, sample, free.popleft()))
        if not new:
            return []
        outcomes = self.pool.run({slot: task for _, task, _, slot in new})
        return [
            _Live(number=n, task=t, sample=g, slot=s, outcome=outcomes[s])
            for n, t, g, s in new
        ]

    @staticmethod
    def _reset_failure(e: _Live) -> StopReason | None:
        return e.outcome.failure if not e.turns else None

    def _turn(self, live: list[_Live]) -> list[tuple[_Live, StopReason]]:
        """Play one turn of every live episode; return those that ended."""
        began = time.perf_counter()
        actions = self.policy.act([self._observe(e) for e in live])
        policy_s = (time.perf_counter() - began) / len(live)
        stuck = [(e, a.stop) for e, a in zip(live, actions, strict=True) if a.stop]
        moves = [(e, a) for e, a in zip(live, actions, strict=True) if not a.stop]
        outcomes = self.pool.run({e.slot: a.text for e, a in moves}) if moves else {}
        ended: list[tuple[_Live, StopReason]] = list(stuck)
        for e, action in moves:
            reason = self._advance(e, action, outcomes[e.slot], policy_s)
            if reason:
                ended.append((e, reason))
        return ended

    def _observe(self, e: _Live) -> Observation:
        return Observation(
            episode=e.number,
            key=(self.seed, e.number),
            text=e.outcome.observation,
            info=e.outcome.info,
        )

    def _advance(
        self, e: _Live, action: Action, outcome: Outcome, policy_s: float
    ) -> StopReason | None:
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
                action_ids=action.ids,
                logprobs=action.logprobs,
                policy_s=policy_s,
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
    with EnvPool(env_factory(env, policy), slots=slots, workers=count) as made:
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
