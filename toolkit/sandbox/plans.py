"""How a command is run at each level: what its processes see and may do."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolkit.sandbox import bubblewrap, container
from toolkit.sandbox.limits import Limits, limited
from toolkit.sandbox.process import Plan, passable
from toolkit.sandbox.seccomp import build_filter

UNSHARE = (
    *("unshare", "--map-root-user", "--net", "--ipc", "--uts"),
    *("--pid", "--fork", "--kill-child", "--mount-proc"),
)


def in_bubble(
    argv: Sequence[str],
    folder: Path,
    readable: Sequence[Path],
    limits: Limits,
    env: Mapping[str, str],
) -> Plan:
    """Return how to run a command with bubblewrap.

    The plan holds open files, which are closed when it is used.

    Args:
        argv: The program and its arguments.
        folder: The writable folder.
        readable: Further files and folders that it can read.
        limits: What it may use.
        env: The whole environment.
    """
    told, telling = os.pipe()
    fds = [passable(telling)]
    options = ["--info-fd", str(fds[0])]
    if program := build_filter():
        reading, writing = os.pipe()
        with open(writing, "wb") as pipe:
            pipe.write(program)
        fds.append(passable(reading))
        options += ["--seccomp", str(fds[1])]
    return Plan(
        command=bubblewrap.command(
            argv, folder, readable=readable, limits=limits, env=env, options=options
        ),
        folder=folder,
        limits=limits,
        env={"PATH": os.defpath},
        fds=tuple(fds),
        info=told,
    )


def in_container(
    argv: Sequence[str],
    folder: Path,
    readable: Sequence[Path],
    limits: Limits,
    env: Mapping[str, str],
) -> Plan:
    """Return how to run a command with Docker or Podman; arguments as above."""
    program = container.engine() or container.ENGINES[0]
    name = f"toolkit-sandbox-{uuid.uuid4().hex}"
    return Plan(
        command=container.command(
            argv,
            folder,
            program=program,
            name=name,
            readable=readable,
            limits=limits,
            env=env,
        ),
        folder=folder,
        limits=limits,
        grouped=False,
        removal=f"{program} rm --force {name}",
    )


def unshared(
    argv: Sequence[str],
    folder: Path,
    readable: Sequence[Path],
    limits: Limits,
    env: Mapping[str, str],
) -> Plan:
    """Return how to run a command in namespaces alone; arguments as above."""
    command = [*UNSHARE, *limited(list(argv), limits, waits=True)]
    return Plan(
        command=command, folder=folder, limits=limits, env=dict(env), cwd=folder
    )


def in_the_open(
    argv: Sequence[str],
    folder: Path,
    readable: Sequence[Path],
    limits: Limits,
    env: Mapping[str, str],
) -> Plan:
    """Return how to run a command with nothing but limits; arguments as above."""
    command = limited(list(argv), limits)
    return Plan(
        command=command, folder=folder, limits=limits, env=dict(env), cwd=folder
    )
