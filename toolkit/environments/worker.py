"""A worker process from both sides: many worlds in it, one command at a time.

Every worker imports this file, so it imports neither torch nor the rest of the
toolkit beyond what worlds need. What travels over the pipe is pickled tuples. A
worker sends

- `None` as a sign of life: once when it is ready, then after every replayed command,
- an `Answer` for every command, in the order in which they came,
- a `str` if the environment cannot be made at all; it says why.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import pickle
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing import connection, resource_tracker
from pathlib import Path
from typing import Any

from toolkit.environments.base import Task, TextEnv, env_class, make_env, register
from toolkit.environments.processes import main_left_alone
from toolkit.errors import ConfigError, EnvironmentCrashError

Past = tuple[Task, tuple[str, ...]]
Message = tuple[int, Task | str, Past | None]
"""Slot, command, and the game to replay first if this process does not have it."""
Answer = tuple[str, float, bool, bool, dict[str, Any], float, str]
"""Observation, reward, terminated, truncated, `info`, seconds and error."""
SIGN_OF_LIFE = pickle.dumps(None)
START_TIMEOUT_S = 120.0  # a worker imports the main script, which may be slow


class FactoryError(Exception):
    """The environment cannot be made; the text says why."""


class EnvHost:
    """The worlds of one process, one per slot, made when a slot is first used."""

    def __init__(self, factory: Callable[[], TextEnv]) -> None:
        self._factory = factory
        self._envs: dict[int, TextEnv] = {}

    def play(
        self,
        slot: int,
        command: Task | str,
        past: Past | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> Answer:
        """Run one command in one world; whatever it raises becomes an error text.

        Args:
            slot: Which world.
            command: A task to reset to or an action to step with.
            past: Game to replay before the command.
            alive: Called after every replayed command.

        Raises:
            FactoryError: If the world cannot be made.
        """
        env = self._envs.get(slot) or self._make(slot)
        try:
            if past is not None:
                _replay(env, past, alive)
            return _apply(env, command)
        except (Exception, SystemExit) as error:  # some games end the process
            _close(self._envs.pop(slot))
            return failed(describe(error))

    def close(self) -> None:
        """Close every world."""
        while self._envs:
            _close(self._envs.popitem()[1])

    def _make(self, slot: int) -> TextEnv:
        try:
            env = self._envs[slot] = self._factory()
        except (Exception, SystemExit) as error:
            raise FactoryError(describe(error)) from error
        return env


class Worker:
    """One worker process and the slots whose commands wait for it.

    Args:
        factory: What `pack_factory` returned.
    """

    def __init__(self, factory: bytes) -> None:
        self._factory = factory
        self._process: Any = None
        self.false_starts = 0
        self.waiting: deque[int] = deque()
        self.running: deque[int] = deque()
        self.start()

    def start(self) -> None:
        """Start a process; `ready` becomes true when it has said so."""
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.ready = False
        self.deadline = time.monotonic() + START_TIMEOUT_S
        process = context.Process(
            target=serve, args=(theirs, self._factory), daemon=True
        )
        # a class that was defined in the main script can only be found there
        needs_main = b"__main__" in self._factory
        with (
            _for_children(),
            contextlib.nullcontext() if needs_main else main_left_alone(),
        ):
            process.start()
        self._process = process
        theirs.close()  # or the end of the process would not close the pipe

    @property
    def owes(self) -> bool:
        """Whether a message must come from the process."""
        return bool(self.running or (self.waiting and not self.ready))

    def hear(self) -> Answer | str | None:
        """Read one message.

        Raises:
            EOFError, OSError: If the process has died.
        """
        message: Answer | str | None = pickle.loads(self.pipe.recv_bytes())
        if message is None and not self.ready:
            self.ready, self.false_starts = True, 0
        return message

    def tell(self, batch: list[Message]) -> None:
        """Send the commands of all waiting slots.

        Raises:
            OSError: If the process has died.
        """
        self.pipe.send_bytes(pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))
        self.running, self.waiting = self.waiting, self.running

    def end(self, patience_s: float) -> str:
        """End the process, by force after `patience_s`; return how it ended."""
        self.pipe.close()
        if self._process is None:
            return "it was never started"
        self._process.join(patience_s)
        self._process.kill()
        self._process.join()
        code = self._process.exitcode
        self._process.close()
        self._process = None
        if code < 0:
            return f"its process got signal {-code} ({signal.strsignal(-code)})"
        return f"its process ended with exit code {code}"


def serve(pipe: connection.Connection, factory: bytes) -> None:
    """Answer commands until the other end of `pipe` closes: the life of a worker."""
    # Ctrl-C is for the parent to handle; it was blocked until here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(EOFError, OSError):  # the pool was closed
        try:
            _converse(pipe, factory)
        except FactoryError as error:
            pipe.send_bytes(pickle.dumps(str(error)))


def _converse(pipe: connection.Connection, factory: bytes) -> None:
    """Play what is asked for until the pipe breaks."""
    host = EnvHost(_unpack_factory(factory))

    def alive() -> None:
        pipe.send_bytes(SIGN_OF_LIFE)

    alive()
    try:
        while True:
            for slot, command, past in pickle.loads(pipe.recv_bytes()):
                pipe.send_bytes(_pack(host.play(slot, command, past, alive)))
    finally:
        host.close()


def pack_factory(factory: Callable[[], TextEnv]) -> bytes:
    """Pickle a factory, together with the class that `make_env` looks up by name.

    A class that was given to `register` is known in the parent alone.

    Raises:
        UnknownEnvironmentError: If `make_env` does not know the environment.
        ConfigError: If the factory cannot be pickled.
    """
    registered = None
    if isinstance(factory, functools.partial) and factory.func is make_env:
        env = factory.args[0]
        registered = env.partition("/")[0], env_class(env)
    try:
        return pickle.dumps((registered, factory))
    except Exception as error:  # pickle lets through whatever an object raises
        raise ConfigError(
            "The factory cannot be sent to worker processes.",
            f"Pickling it failed: {error}.",
            "Use workers=0, or move the function or class into a module.",
        ) from error


def _unpack_factory(packed: bytes) -> Callable[[], TextEnv]:
    try:
        registered, factory = pickle.loads(packed)
    except Exception as error:  # importing the factory's module can raise anything
        raise FactoryError(describe(error)) from error
    if registered:
        register(*registered)
    made: Callable[[], TextEnv] = factory
    return made


def unusable(reason: str) -> EnvironmentCrashError:
    """Return the error that says that no world can be made."""
    return EnvironmentCrashError(
        "The environment cannot be made in the pool.",
        reason,
        "Call the factory yourself to see where it fails. Workers import the main "
        'script: start its work below `if __name__ == "__main__":`, and keep classes '
        "they need in a module (with workers=0 they may be anywhere).",
    )


def failed(error: str) -> Answer:
    """Return the answer that stands for a failure."""
    return "", 0.0, False, True, {}, 0.0, error


def describe(error: BaseException) -> str:
    """Return type, text and place of an exception in one line."""
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return text
    last = frames[-1]
    return f"{text} ({Path(last.filename).name}, line {last.lineno}, in {last.name})"


def _apply(env: TextEnv, command: Task | str) -> Answer:
    """Reset or step; the seed makes a world that draws random numbers repeatable."""
    start = time.perf_counter()
    if isinstance(command, Task):
        text, info = env.reset(seed=command.seed, options={"task": command})
        reward, terminated, truncated = 0.0, False, False
    else:
        text, reward, terminated, truncated, info = env.step(command)
    seconds = time.perf_counter() - start
    return text, float(reward), bool(terminated), bool(truncated), info, seconds, ""


def _replay(env: TextEnv, past: Past, alive: Callable[[], None]) -> None:
    """Bring `env` to where the game was before its process died."""
    task, actions = past
    _apply(env, task)
    alive()
    for action in actions:
        _apply(env, action)
        alive()


def _pack(answer: Answer) -> bytes:
    """Pickle an answer, or the reason why that cannot be done."""
    try:
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # pickle lets through whatever an object raises
        return pickle.dumps(failed(f"info cannot be pickled: {error}"))


def _close(env: TextEnv) -> None:
    """Close a world that may be broken already."""
    try:
        env.close()
    except (Exception, SystemExit):
        return  # nothing is left to be saved


@contextlib.contextmanager
def _for_children() -> Iterator[None]:
    """Let processes started here use one thread each and be deaf to Ctrl-C."""
    resource_tracker.ensure_running()  # starting it later would undo the mask
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _end_with_parent() -> None:
    """End this process when the parent has gone, even while a world hangs."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
