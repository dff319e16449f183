"""Many worlds at once, in processes that may die.

Text worlds are C programs under the hood: they hang, crash and corrupt their memory.
An `EnvPool` keeps them in worker processes, notices when one hangs or dies, starts a
new one and replays the games that were in it, so that an episode goes on as if
nothing had happened. A world that dies twice at the same place becomes an `Outcome`
with a `failure`: errors are data here, and training goes on.

Workers are started by `spawn` and do not import the main script again, unless the
factory was defined there; only then must the script start its work below
`if __name__ == "__main__":`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing import connection
from typing import Any, Self

from toolkit.environments.base import Task, TextEnv
from toolkit.environments.worker import (
    Answer,
    EnvHost,
    FactoryError,
    Message,
    Worker,
    failed,
    pack_factory,
    unusable,
)
from toolkit.episodes.record import StopReason
from toolkit.errors import ConfigError, EnvironmentCrashError, TaskError

MAX_FALSE_STARTS = 3  # deaths in a row before a worker was ready
MAX_DEATHS = 2  # of one world at one place
CLOSE_GRACE_S = 1.0  # for worlds to be closed properly


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one reset or step gave; errors are data."""

    observation: str
    """Text of the world, `""` after a failure."""
    reward: float
    """Reward of this turn, 0 for a reset."""
    terminated: bool
    """Whether the game is won or lost."""
    truncated: bool
    """Whether the game was cut off, by its turn limit or by a failure."""
    info: dict[str, Any]
    """Facts after the turn, as the environment returned them."""
    env_s: float
    """Seconds spent in `reset` or `step` alone, replays not counted."""
    failure: StopReason | None = None
    """`ENVIRONMENT_ERROR` or `ENVIRONMENT_TIMEOUT`; the slot then needs a reset."""
    error: str = ""
    """What broke."""


@dataclass(kw_only=True, slots=True)
class PoolCounts:
    """What went wrong in a pool since it was made."""

    crashes: int = 0
    """Workers that died."""
    timeouts: int = 0
    """Workers that were killed because a world hung."""
    respawns: int = 0
    """Workers that were started again."""
    replays: int = 0
    """Games that went on in a new worker after a replay."""
    failed: int = 0
    """Outcomes with a `failure`."""


@dataclass(slots=True)
class _Slot:
    """One world, as the parent knows it."""

    task: Task | None = None
    actions: list[str] = field(default_factory=list)
    lost: bool = False  # its process died: replay before the next step
    command: Task | str | None = None  # given and not answered yet
    deaths: int = 0  # of its process while it ran `command`
    outcome: Outcome | None = None  # answered and not received yet

    @property
    def busy(self) -> bool:
        return self.command is not None or self.outcome is not None


class EnvPool:
    """Run many worlds at once, in this process or in workers.

    Slot `i` is one world that plays game after game; it lives in worker
    `i % workers`. Give commands with `send`, fetch what came of them with `receive`,
    and do something useful in between.

    Args:
        factory: Makes one world; must be picklable for `workers >= 1`. `env.factory`
            of what `make_env` returned is.
        slots: Number of worlds.
        workers: Number of processes. 0 plays in this process: good for notebooks and
            debugging, but nothing guards against a world that hangs or crashes.
        step_timeout_s: Seconds after which a step counts as hung.
        reset_timeout_s: Seconds after which a reset counts as hung.

    Raises:
        ConfigError: If a number is out of range or `factory` cannot be pickled.

    >>> import functools
    >>> from toolkit.environments.base import make_env
    >>> factory = functools.partial(make_env, "textworld/w2-o3-q4", max_turns=12)
    >>> with EnvPool(factory, slots=8) as pool:
    ...     pool.counts.crashes
    0
    """

    def __init__(
        self,
        factory: Callable[[], TextEnv],
        *,
        slots: int,
        workers: int = 0,
        step_timeout_s: float = 10.0,
        reset_timeout_s: float = 60.0,
    ) -> None:
        if slots < 1 or workers < 0 or min(step_timeout_s, reset_timeout_s) <= 0:
            raise ConfigError(
                f"A pool cannot have slots={slots}, workers={workers}, "
                f"step_timeout_s={step_timeout_s}, reset_timeout_s={reset_timeout_s}.",
                "It needs at least 1 slot, 0 or more workers, time-outs above 0.",
                "Set the number that is out of range.",
            )
        self.counts = PoolCounts()
        self._step_timeout_s, self._reset_timeout_s = step_timeout_s, reset_timeout_s
        self._slots = [_Slot() for _ in range(slots)]
        self._host = EnvHost(factory)
        self._closed = False
        packed = pack_factory(factory) if workers else b""
        self._workers = [Worker(packed) for _ in range(min(workers, slots))]

    def send(self, commands: Mapping[int, Task | str]) -> None:
        """Give one command to each of some slots.

        With workers this returns at once; without, it plays the commands.

        Args:
            commands: Slot to `Task` (reset) or action (step).

        Raises:
            ConfigError: If a slot does not exist or has a command already.
            TaskError: If a slot is to step without a game.
            EnvironmentCrashError: If no world can be made, or the pool is closed.
        """
        self._check_open()
        for index, command in commands.items():
            if not self._slot(index, busy=False).task and isinstance(command, str):
                raise TaskError(
                    f"Slot {index} was told to step, but it has no game.",
                    "It was never reset, or its world failed.",
                    "Send a Task to this slot first.",
                )
        with self._closed_on_error():
            for slot, command in commands.items():
                self._slots[slot].command = command
                if self._workers:
                    self._workers[slot % len(self._workers)].waiting.append(slot)
                else:
                    self._play_here(slot, command)
            while self._workers and self._listen(block=False):
                continue
            for worker in self._workers:
                self._hand_out(worker)

    def receive(self, slots: Iterable[int]) -> dict[int, Outcome]:
        """Wait until some slots have answered; the others go on meanwhile.

        Args:
            slots: Slots to which a command was sent.

        Returns:
            Outcome of each slot, in the order of `slots`.

        Raises:
            ConfigError: If nothing was sent to a slot.
            EnvironmentCrashError: If no world can be made, or the pool is closed.
        """
        self._check_open()
        wanted = {index: self._slot(index, busy=True) for index in slots}
        with self._closed_on_error():
            return {index: self._fetch(slot) for index, slot in wanted.items()}

    def run(self, commands: Mapping[int, Task | str]) -> dict[int, Outcome]:
        """Send commands and wait for all of their outcomes."""
        self.send(commands)
        return self.receive(commands)

    def close(self) -> None:
        """End all workers within about a second. Calling it twice does no harm."""
        self._closed = True
        self._host.close()
        for worker in self._workers:
            worker.pipe.close()
        deadline = time.monotonic() + CLOSE_GRACE_S
        while self._workers:
            self._workers[-1].end(max(0.0, deadline - time.monotonic()))
            self._workers.pop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    # ---- commands and answers ----------------------------------------------------

    def _play_here(self, slot: int, command: Task | str) -> None:
        try:
            self._answer(slot, self._host.play(slot, command))
        except FactoryError as error:
            raise unusable(str(error)) from error

    def _fetch(self, slot: _Slot) -> Outcome:
        while slot.outcome is None:
            self._listen(block=True)
        outcome, slot.outcome = slot.outcome, None
        return outcome

    def _answer(
        self, index: int, answer: Answer, failure: StopReason | None = None
    ) -> None:
        """Turn an answer into the outcome of a slot and remember the game so far."""
        slot = self._slots[index]
        text, reward, terminated, truncated, info, env_s, error = answer
        if error:
            failure = failure or StopReason.ENVIRONMENT_ERROR
            self.counts.failed += 1
            slot.task = None
        elif isinstance(slot.command, Task):
            slot.task, slot.actions = slot.command, []
        elif slot.command is not None:
            slot.actions.append(slot.command)
            self.counts.replays += slot.lost
        slot.command, slot.deaths, slot.lost = None, 0, False
        slot.outcome = Outcome(
            observation=text,
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            info=info,
            env_s=env_s,
            failure=failure,
            error=error,
        )

    def _listen(self, *, block: bool) -> bool:
        """Take in what workers say; end those that are silent for too long.

        Returns:
            Whether any worker said something.
        """
        owing: dict[Any, Worker] = {
            worker.pipe: worker for worker in self._workers if worker.owes
        }
        patience = 0.0
        if block:
            first = min(worker.deadline for worker in owing.values())
            patience = max(0.0, first - time.monotonic())
        heard = connection.wait(list(owing), patience)
        now = time.monotonic()
        for pipe in heard:
            self._hear(owing.pop(pipe))
        for worker in owing.values():
            if now >= worker.deadline:
                self._lose(worker, hung=True)
        return bool(heard)

    def _hear(self, worker: Worker) -> None:
        """Take in one message of a worker."""
        try:
            message = worker.hear()
        except (EOFError, OSError):
            self._lose(worker, hung=False)
            return
        if isinstance(message, str):
            raise unusable(message)
        if message is None:
            worker.deadline = time.monotonic() + self._step_timeout_s
        else:
            self._answer(worker.running.popleft(), message)
            self._set_deadline(worker)
        self._hand_out(worker)

    def _hand_out(self, worker: Worker) -> None:
        """Give a worker its waiting commands once it has answered all earlier ones.

        Never sooner: if both sides wrote into full pipes, both would wait for ever.
        """
        if not worker.waiting or worker.running or not worker.ready:
            return
        try:
            worker.tell([self._message(slot) for slot in worker.waiting])
        except OSError:
            self._lose(worker, hung=False)  # it died while it had nothing to do
            return
        self._set_deadline(worker)

    def _message(self, index: int) -> Message:
        """Return what to tell a worker about the command of a slot."""
        slot = self._slots[index]
        assert slot.command is not None
        past = None
        if slot.lost and slot.task and isinstance(slot.command, str):
            past = slot.task, tuple(slot.actions)
        return index, slot.command, past

    def _set_deadline(self, worker: Worker) -> None:
        """Give the command that a worker is at now the time it may take."""
        if not worker.running:
            return
        slot = self._slots[worker.running[0]]
        resets = slot.lost or isinstance(slot.command, Task)
        limit = self._reset_timeout_s if resets else self._step_timeout_s
        worker.deadline = time.monotonic() + limit

    # ---- processes ---------------------------------------------------------------

    def _lose(self, worker: Worker, *, hung: bool) -> None:
        """Replace a worker that died or hangs; its commands wait for the new one."""
        reason = worker.end(0.0 if hung else CLOSE_GRACE_S)
        if hung:
            self.counts.timeouts += 1
            reason = "it did not answer in time"
        else:
            self.counts.crashes += 1
        if not worker.ready:
            worker.false_starts += 1
            if worker.false_starts >= MAX_FALSE_STARTS:
                raise unusable(f"Workers ended before they were ready: {reason}.")
        if worker.running:
            self._blame(worker, reason, hung=hung)
        worker.waiting.extendleft(reversed(worker.running))
        worker.running.clear()
        for slot in self._slots[self._workers.index(worker) :: len(self._workers)]:
            slot.lost = True
        worker.start()
        self.counts.respawns += 1

    def _blame(self, worker: Worker, reason: str, *, hung: bool) -> None:
        """Hold the world that was being played responsible; twice is once too often."""
        slot = self._slots[worker.running[0]]
        slot.deaths += 1
        if slot.deaths < MAX_DEATHS:
            return
        kind = StopReason.ENVIRONMENT_TIMEOUT if hung else StopReason.ENVIRONMENT_ERROR
        at = slot.command.id if isinstance(slot.command, Task) else repr(slot.command)
        error = failed(f"The world died {slot.deaths} times at {at}: {reason}.")
        self._answer(worker.running.popleft(), error, kind)

    # ---- checks ------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise EnvironmentCrashError(
                "The pool is closed.",
                "close() was called, or an error or Ctrl-C ended its workers.",
                "Make a new EnvPool.",
            )

    def _slot(self, index: int, *, busy: bool) -> _Slot:
        """Return a slot that exists and has (or has not) a command or an outcome."""
        if not 0 <= index < len(self._slots):
            raise ConfigError(
                f"There is no slot {index}.",
                f"The pool has {len(self._slots)} slots, counted from 0.",
                "Make the pool with more slots.",
            )
        slot = self._slots[index]
        if slot.busy != busy:
            raise ConfigError(
                f"Slot {index} {'has no' if busy else 'already has a'} command.",
                "A world plays one command at a time, and each gives one outcome.",
                "Call send() and receive() for a slot in turn.",
            )
        return slot

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """Close the pool if Ctrl-C or an error left a message half read."""
        try:
            yield
        except BaseException:
            self.close()
            raise
