"""One container: made without a network, used for commands and files, removed for sure.

Everything that was made here goes again: at `close`, when the object is dropped, when
the process ends, when a later process finds that its maker is gone (`sweep`, by a
label), and at the latest when its time is over, for its only program is a sleep and it
is made with `--rm`.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import re
import secrets
import socket
import tarfile
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.environments.swe_gym.engines import Engine, explained
from toolkit.environments.swe_gym.images import WORKDIR
from toolkit.errors import ContainerError

LABEL = "multiturn-rl-toolkit.owner"
"""Label of every container; its value is the machine, the process and its start."""
MEMORY_MB, CPUS, PROCESSES, LIFETIME_S = 4096, 2, 512, 4 * 3600
"""What a container may use, without swap, and after how many seconds it goes, whatever
has become of its maker. The engine sees to it, also for root."""
LONGEST_OUTPUT = 8_000_000
"""Bytes of the output of a command that are kept, from its end."""
GRACE_S = 15.0
"""Seconds that a command has to end after its time is over, before the container
goes."""
_SCRIPT = """\
timeout --kill-after=5 {seconds} bash -c "$1" 2>&1 | tail -c {bytes}
printf '\\n%s %s\\n' {mark} "${{PIPESTATUS[0]}}"
"""
_IDLE = "trap 'exit 0' TERM; sleep {seconds} & wait $!"
"""What a container does: nothing, for a time. Bash, unlike sleep, also buries what
orphans leave behind, so that they do not count against the limit of processes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Executed:
    """What came of a command in a container."""

    code: int
    """Exit code; 124 or 137 if its time was over."""
    output: bytes
    """The end of what it wrote to both outputs."""
    timed_out: bool
    """Whether it was ended because its time was over."""


class Container:
    """A container of an image; a context manager that removes it at the end.

    Args:
        engine: Runs it.
        image: Full name; it has to be on this machine.

    Raises:
        ContainerError: If it cannot be made or started.
    """

    def __init__(self, engine: Engine, image: str) -> None:
        sweep(engine, os.getpid())
        self._engine, self._image = engine, image
        # named here and not by the engine, so that one whose making hangs goes too
        self._name = f"toolkit-{secrets.token_hex(8)}"
        self._remove = weakref.finalize(self, _remove, engine, self._name)
        try:
            engine.do(*_creation(self._name, image))
            engine.do("start", self._name)
        except BaseException:
            self._remove()
            raise

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill everything in it and remove it. Calling it twice does no harm."""
        self._remove()

    def run(
        self,
        command: str,
        *,
        timeout_s: float,
        stdin: bytes = b"",
        most_bytes: int = LONGEST_OUTPUT,
    ) -> Executed:
        """Run a command of bash in the repository.

        If it does not end in time, not even when it is killed, the container goes.

        Args:
            command: What bash reads.
            timeout_s: Seconds that it may take.
            stdin: What the command reads.
            most_bytes: Of its output; the end counts.

        Raises:
            ContainerError: If the container has died; what is left of it is removed.
        """
        mark = secrets.token_hex(8)
        script = _SCRIPT.format(
            seconds=max(1, round(timeout_s)), bytes=most_bytes, mark=mark
        )
        args = ["exec", "--interactive", "--workdir", WORKDIR, self._name]
        args += ["bash", "-c", script, "bash", command]
        try:
            answer = self._engine.ask(*args, stdin=stdin, timeout_s=timeout_s + GRACE_S)
        except TimeoutError:
            self.close()  # the command may still be running in there
            return Executed(code=124, output=b"", timed_out=True)
        end = re.search(rb"\n%s (\d+)\n\Z" % mark.encode(), answer.output)
        if end is None:
            raise self._died(answer.complaint)
        code = int(end[1])
        output = answer.output[: end.start()]
        return Executed(code=code, output=output, timed_out=code in (124, 137))

    def put(self, files: Mapping[str, bytes | None]) -> None:
        """Write files of the repository; `None` removes one.

        Raises:
            ContainerError: If that fails.
        """
        gone = [path for path, content in files.items() if content is None]
        if gone:
            command = "xargs -0 rm -f --"
            self.must(command, stdin="\0".join(gone).encode())
        kept = {path: data for path, data in files.items() if data is not None}
        if kept:
            self._engine.do("cp", "-", f"{self._name}:{WORKDIR}", stdin=_packed(kept))

    def must(
        self,
        command: str,
        *,
        stdin: bytes = b"",
        timeout_s: float = 60.0,
        most_bytes: int = LONGEST_OUTPUT,
    ) -> bytes:
        """Run a command that has to succeed, as `run` does; return what it wrote.

        Raises:
            ContainerError: If it fails or takes too long.
        """
        done = self.run(
            command, timeout_s=timeout_s, stdin=stdin, most_bytes=most_bytes
        )
        if done.code:
            said = done.output.decode("utf-8", "replace")[-500:].strip()
            raise ContainerError(
                f"A command failed in a container of {self._image}: {command:.100}",
                "It took too long." if done.timed_out else said,
                "Is it an image of SWE-Gym, with bash, git and tar?",
            )
        return done.output

    def _died(self, complaint: str) -> ContainerError:
        """Return the error that says how the container ended, and remove it."""
        state = "{{.State.Status}}, memory used up: {{.State.OOMKilled}}"
        facts = "it is gone"
        with contextlib.suppress(ContainerError):
            facts = self._engine.do("inspect", "--format", state, self._name)
        self.close()
        found = explained(f"The container of {self._image} died.", complaint)
        return ContainerError(
            found.what,
            f"Its state: {facts}. {found.why}",
            "If that happens again, raise memory_mb, or see what the engine logs.",
        )


@functools.cache
def sweep(engine: Engine, _process: int) -> None:
    """Remove the containers of processes that are gone, once in each process.

    Those of other machines that share the engine are left alone.
    """
    filters = ("--filter", f"label={LABEL}")
    for container in engine.do("ps", "--all", "--quiet", *filters).split():
        label = f'{{{{index .Config.Labels "{LABEL}"}}}}'
        with contextlib.suppress(ContainerError):  # another process was faster
            owner = engine.do("inspect", "--format", label, container)
            machine, _, process = owner.partition("/")
            if machine == socket.gethostname() and not _is_alive(process):
                _remove(engine, container)


def _creation(name: str, image: str) -> list[str]:
    """Return the command that makes a container."""
    owner = f"{socket.gethostname()}/{_process_name(os.getpid())}"
    return [
        *("create", "--name", name, "--label", f"{LABEL}={owner}"),
        *("--rm", "--pull", "never", "--network", "none"),
        *("--memory", f"{MEMORY_MB}m", "--memory-swap", f"{MEMORY_MB}m"),
        *("--cpus", str(CPUS), "--pids-limit", str(PROCESSES)),
        *("--security-opt", "no-new-privileges", "--entrypoint", "bash"),
        *(image, "-c", _IDLE.format(seconds=LIFETIME_S)),
    ]


def _remove(engine: Engine, name: str) -> None:
    """Kill and remove a container; what cannot be removed now goes with its time."""
    with contextlib.suppress(TimeoutError, ContainerError):
        engine.ask("rm", "--force", name)


def _process_name(process: int) -> str:
    """Return the number of a process and when it started, for numbers come again."""
    with contextlib.suppress(OSError, IndexError):
        facts = Path(f"/proc/{process}/stat").read_text()
        return f"{process}:{facts.rpartition(')')[2].split()[19]}"
    return str(process)


def _is_alive(name: str) -> bool:
    """Return whether a process of `_process_name` is still there."""
    number = name.partition(":")[0]
    if not number.isdigit():
        return True  # not ours to judge
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return ":" not in name or _process_name(int(number)) == name


def _packed(files: Mapping[str, bytes]) -> bytes:
    """Return a tar archive of files that belong to root."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path, content in files.items():
            facts = tarfile.TarInfo(path)
            facts.size, facts.mode = len(content), 0o644
            archive.addfile(facts, io.BytesIO(content))
    return stream.getvalue()
