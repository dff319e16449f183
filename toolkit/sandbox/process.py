"""One command in a sandbox: started, watched, read from and ended."""

from __future__ import annotations

import os
import re
import selectors
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from toolkit.sandbox import watch
from toolkit.sandbox.cgroups import make_groups, members
from toolkit.sandbox.limits import Limits
from toolkit.sandbox.output import Output

SUPERVISE = Path(__file__).with_name("supervise.sh")
PATIENCE_S = 10.0
"""For what the kernel is to end; only a machine in trouble takes so long."""
LOOK_S = 0.5
"""Between looks at whether a command that writes nothing has ended."""
CHUNK = 2**16
FIRST = re.compile(rb'"child-pid": (\d+)')
IN_MEMORY = ("/tmp", "/dev/shm")
"""Folders inside of a bubble that are file systems of their own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """What became of a command."""

    returncode: int
    """Its exit status; 128 and the number of the signal that ended it."""
    output: str
    """What it wrote, errors among it; bytes that are no UTF-8 are replaced."""
    timed_out: bool
    """Whether it was ended because it took too long."""
    truncated: bool
    """Whether some of its output is left out; a line in its middle says so."""
    seconds: float
    """How long it took, start and end of the sandbox included."""
    stopped: str = ""
    """Which limit it was ended for, such as "more than 256 MB of files"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """How a command is to be run."""

    command: list[str]
    """The whole command line."""
    folder: Path
    """The writable folder."""
    limits: Limits
    """What it may use."""
    env: dict[str, str] | None = None
    """The environment of the outer command; that of this process by default."""
    fds: tuple[int, ...] = ()
    """Files that the outer command needs; they are closed once it has them."""
    cwd: Path = Path("/")
    """Where the outer command runs."""
    info: int = -1
    """A pipe on which bubblewrap tells the id of the first process inside."""
    grouped: bool = True
    """Whether control groups of ours are to be used, where there are some."""
    removal: str = ""
    """A command that removes the container."""


def passable(fd: int) -> int:
    """Return a file under a number that no shell script uses, in place of another."""
    import fcntl  # Windows has none

    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    finally:
        os.close(fd)


def _readable(fd: int, wait_s: float) -> bool:
    """Whether there is something to read, or soon will be."""
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        return bool(selector.select(wait_s))


class Process:
    """A command and all that it starts; a context manager that ends them.

    Args:
        plan: What to run.
        stdin: An open file, `subprocess.PIPE` for a pipe to write to, or
            `subprocess.DEVNULL`.
        stderr: `subprocess.PIPE` for a pipe of its own; else it goes where the output
            goes.
    """

    def __init__(
        self, plan: Plan, *, stdin: int, stderr: int = subprocess.STDOUT
    ) -> None:
        self._plan = plan
        self._started = time.perf_counter()
        self._groups = make_groups(plan.limits) if plan.grouped else []
        self._lock = threading.Lock()
        self._info, self._told = plan.info, b""
        self._first: int | None = None
        self._handle = self._lifeline = -1
        self.stdin = -1
        """Where to write to, if that is a pipe."""
        if stdin == subprocess.PIPE:
            stdin, self.stdin = os.pipe()
        elif stdin == subprocess.DEVNULL:
            stdin = os.open(os.devnull, os.O_RDONLY)
        else:
            stdin = os.dup(stdin)
        self._popen = self._start(passable(stdin), stderr)
        self._watch = watch.Watch(self._exceeded, self.kill)
        self._watch.start()

    def _start(self, stdin: int, stderr: int) -> subprocess.Popen[bytes]:
        ours, self._lifeline = os.pipe()
        groups = "\n".join(map(str, self._groups))
        arguments = ["/bin/sh", str(SUPERVISE), str(stdin), groups, self._plan.removal]
        try:
            return subprocess.Popen(
                [*arguments, *self._plan.command],
                stdin=ours,
                stdout=subprocess.PIPE,
                stderr=stderr,
                bufsize=0,
                cwd=self._plan.cwd,
                env=self._plan.env,
                pass_fds=(stdin, *self._plan.fds),
                process_group=0,
            )
        except BaseException:
            for group in self._groups:
                group.rmdir()
            raise
        finally:
            for fd in (ours, stdin, *self._plan.fds):
                os.close(fd)

    @property
    def stdout(self) -> IO[bytes]:
        """Where its output is read from."""
        assert self._popen.stdout
        return self._popen.stdout

    @property
    def stderr(self) -> IO[bytes]:
        """Where its error output is read from, if that has a pipe of its own."""
        assert self._popen.stderr
        return self._popen.stderr

    @property
    def stopped(self) -> str:
        """Which limit it was ended for; an empty text if it was not."""
        return self._watch.found

    def finish(self, timeout_s: float) -> Finished:
        """Wait until it ends, or end it.

        Args:
            timeout_s: Seconds from its start.
        """
        output = Output(self._plan.limits.output_kb * 1024)
        timed_out = not self._read(output, self._started + timeout_s)
        if timed_out:
            self.kill()
            self._read(output, time.perf_counter() + PATIENCE_S)
        return Finished(
            returncode=self.close(),
            output=output.text(),
            timed_out=timed_out,
            truncated=output.left_out > 0,
            seconds=time.perf_counter() - self._started,
            stopped=self.stopped,
        )

    def _read(self, output: Output, deadline: float) -> bool:
        """Read until the command has ended; return whether it did so in time."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.stdout, selectors.EVENT_READ)
            while (left := deadline - time.perf_counter()) > 0:
                if selector.select(min(left, LOOK_S)):
                    part = os.read(self.stdout.fileno(), CHUNK)
                    if not part:
                        return True
                    output.add(part)
                elif self._popen.poll() is not None:  # what it left behind has the pipe
                    return True
        return False

    def kill(self) -> None:
        """End the command and all that it started; they may be gone a bit later."""
        with self._lock:
            handle = self._find_first(wait_s=LOOK_S)
            if handle >= 0:  # with it, the kernel ends all that is in the bubble
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            elif self._lifeline >= 0:
                os.close(self._lifeline)
                self._lifeline = -1

    def close(self) -> int:
        """End what still runs, wait for that, and return the exit status."""
        try:
            self._popen.wait(0.0 if self.stdin >= 0 else LOOK_S)
        except subprocess.TimeoutExpired:
            self.kill()
        try:
            code = self._popen.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._popen.pid, signal.SIGKILL)
            code = self._popen.wait()
        self._watch.stop()
        self._close_files()
        return code if code >= 0 else 128 - code

    def _close_files(self) -> None:
        for pipe in (self._popen.stdout, self._popen.stderr):
            if pipe:
                pipe.close()
        for fd in {self.stdin, self._lifeline, self._handle, self._info} - {-1}:
            os.close(fd)
        self.stdin = self._lifeline = self._handle = self._info = -1

    def _find_first(self, wait_s: float = 0.0) -> int:
        """Return a handle on the first process in the bubble, or -1."""
        while self._info >= 0 and self._first is None:
            part = os.read(self._info, CHUNK) if _readable(self._info, wait_s) else b""
            if not part:
                break
            self._told += part
            if told := FIRST.search(self._told):
                self._first = int(told[1])
                with suppress(ProcessLookupError):
                    self._handle = os.pidfd_open(self._first)
        return self._handle

    def _exceeded(self) -> str:
        """Return which limit is exceeded that the kernel does not enforce."""
        plan, groups = self._plan, self._groups
        pid, found = self._popen.pid, ""
        pids = members(groups[0]) if groups else watch.descendants(pid, plan.limits)
        if plan.grouped and not groups:  # first, for they may become more by the moment
            found = watch.exceeded_processes(pids, plan.limits)
        found = found or watch.exceeded_disk(plan.folder, pids, plan.limits)
        with self._lock:
            bubble = self._find_first() >= 0
        if bubble:
            for place in IN_MEMORY:
                inside = f"/proc/{self._first}/root{place}"
                found = found or watch.exceeded_memory(inside, place, plan.limits)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()
