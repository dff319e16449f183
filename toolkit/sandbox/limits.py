"""How much of the machine a sandboxed command may use."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, fields

from toolkit.errors import ConfigError

OPEN_FILES = 256
"""Files that one process may have open."""
FILES = 20_000
"""Files and folders there may be in each writable place."""

SET_LIMITS = """\
{{
  ulimit -c 0
  ulimit -n {files}
  ulimit -t {cpu_s}
  ulimit -f {file_blocks}
  ulimit -v {memory_kb}
  {processes}
}} 2>/dev/null
{run}
"""
"""A shell sets the limits of the command that it then becomes.

This takes a millisecond, works in every sandbox, and needs no Python code between fork
and exec, where threads make that unsafe. What it cannot set is lower already.
"""
PROCESSES = "ulimit -u {0} || ulimit -p {0}"
"""Shells disagree about the letter."""
WAIT = 'exec 3>&2 2>/dev/null; "$@" 2>&3 3>&-; exit $?'
"""A shell that stays says nothing when a signal ends the command."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How much a command and all that it starts may use."""

    memory_mb: int = 1024
    """Memory of each process; of all together where that can be counted."""
    cpu_s: int = 30
    """Processor time of each process, in seconds."""
    file_mb: int = 64
    """Size of each file."""
    disk_mb: int = 256
    """Size of all files in the workspace; as much again may lie in `/tmp`."""
    processes: int = 64
    """Processes and threads at the same time."""
    output_kb: int = 256
    """Output that is kept: its beginning and its end."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (isinstance(value, int) and value > 0):
                raise ConfigError(
                    f"The limit {field.name} is {value!r}.",
                    "A limit is a whole number above 0.",
                    f"Leave it out for {field.default}.",
                )


def limited(
    command: list[str],
    limits: Limits,
    *,
    count_processes: bool = False,
    waits: bool = False,
) -> list[str]:
    """Return a command that limits itself and then becomes the given one.

    Args:
        command: A program and its arguments.
        limits: What each of its processes may use.
        count_processes: Whether the kernel is to count them; it counts all of the
            same user in the same user namespace, and never stops root.
        waits: Whether the shell stays, as the first process of a namespace should.
    """
    kb = limits.memory_mb * 1024
    lines = SET_LIMITS.format(
        files=OPEN_FILES,
        cpu_s=limits.cpu_s,
        file_blocks=limits.file_mb * 2048,  # of 512 bytes
        memory_kb=kb,
        processes=PROCESSES.format(limits.processes) if count_processes else ":",
        run=WAIT if waits else 'exec "$@"',
    )
    return ["/bin/sh", "-c", lines, "sh", *command]


def counts_by_namespace() -> bool:
    """Whether the kernel counts a user's processes anew in each user namespace."""
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    new = version is not None and tuple(map(int, version.groups())) >= (5, 14)
    return new and os.geteuid() != 0
