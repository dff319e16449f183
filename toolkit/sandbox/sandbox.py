"""A folder in which code of a model may run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from toolkit.errors import SandboxError
from toolkit.sandbox.bubblewrap import WORKSPACE
from toolkit.sandbox.conversation import Conversation
from toolkit.sandbox.levels import (
    GET_BETTER,
    Level,
    detect_level,
    make_plan,
    missing,
    python_unreadable,
)
from toolkit.sandbox.limits import Limits
from toolkit.sandbox.process import Finished, Plan, Process


def open_sandbox(
    folder: Path,
    *,
    readable: Sequence[Path] = (),
    level: Level | None = None,
    trusted: bool = False,
    limits: Limits | None = None,
) -> Sandbox:
    """Return a sandbox around a folder.

    Args:
        folder: The workspace: the only place that can be written to, beside a private
            `/tmp`.
        readable: Further files and folders that can be read, at their own paths. The
            system's programs, the running Python and its packages always can.
        level: What kind of sandbox; the safest one that works here by default.
        trusted: Whether the code comes from somebody who may harm this machine. Without
            it, levels that isolate nothing are refused.
        limits: How much may be used.

    Raises:
        SandboxError: If a path does not exist, or if the level cannot be had, or
            isolates nothing and the code is not trusted.
    """
    if not folder.is_dir():
        raise SandboxError(
            f"The workspace {str(folder)!r} is no folder.",
            "A sandbox is put around a folder that exists.",
            "Make it first.",
        )
    for path in readable:
        if not path.exists():
            raise SandboxError(
                f"{str(path)!r} cannot be shown in a sandbox.",
                "It does not exist.",
                "Leave it out of what is readable.",
            )
    level = level or detect_level()
    _check(level, trusted)
    return Sandbox(folder, readable, level, limits or Limits())


def _check(level: Level, trusted: bool) -> None:
    """Refuse a level that cannot be had, or that protects nothing.

    Raises:
        SandboxError: Says why.
    """
    if reason := missing(level):
        raise SandboxError(
            f"There is no sandbox of the level {level.value} on this machine.",
            reason,
            GET_BETTER[level],
        )
    if not (level.isolated or trusted):
        raise SandboxError(
            f"A sandbox of the level {level.value} isolates nothing, so it is refused.",
            f"{Level.BUBBLEWRAP.value}: {missing(Level.BUBBLEWRAP) or 'not asked for'}",
            f"{GET_BETTER[Level.BUBBLEWRAP]} Where the code comes from a model that "
            "you trust with your files, pass trusted=True.",
        )
    if reason := python_unreadable(level):
        raise SandboxError(
            f"The Python {sys.executable} does not run in a sandbox.",
            reason,
            "Use a virtual environment whose Python lies in a folder that can be read.",
        )


class Sandbox:
    """A folder in which commands run; made by `open_sandbox`.

    As a context manager it ends what is still running when it is left.
    """

    def __init__(
        self, folder: Path, readable: Sequence[Path], level: Level, limits: Limits
    ) -> None:
        self.folder = folder.resolve()
        """The workspace, as seen from outside."""
        self.level = level
        """What isolates it."""
        self.limits = limits
        """How much may be used."""
        self._readable = tuple(readable)
        self._conversations: list[Conversation] = []

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run a command in the workspace until it ends.

        When this returns, all that the command started is dead.

        Args:
            argv: The program and its arguments.
            timeout_s: Seconds after which it is ended.
            stdin: What it reads from its standard input.
            env: Environment variables, beside a clean few; those of this process are
                not passed on.
        """
        with tempfile.TemporaryFile() as source:  # a pipe could fill up
            source.write(stdin)
            source.seek(0)
            with Process(self._plan(argv, env), stdin=source.fileno()) as process:
                return process.finish(timeout_s)

    def start(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None = None
    ) -> Conversation:
        """Start a command that answers each line of JSON with one line of JSON."""
        pipe = subprocess.PIPE
        process = Process(self._plan(argv, env), stdin=pipe, stderr=pipe)
        conversation = Conversation(process, self.limits.output_kb)
        self._conversations.append(conversation)
        return conversation

    def inside(self, path: Path) -> str:
        """Return what a path is called inside of the sandbox."""
        for name in (path.absolute(), path.resolve()):
            if self.level.isolated and name.is_relative_to(self.folder):
                return str(Path(WORKSPACE, name.relative_to(self.folder)))
        return str(path.absolute())

    def close(self) -> None:
        """End what is still running."""
        while self._conversations:
            self._conversations.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _plan(self, argv: Sequence[str], env: Mapping[str, str] | None) -> Plan:
        return make_plan(
            self.level,
            argv,
            self.folder,
            readable=self._readable,
            limits=self.limits,
            env=env,
        )
