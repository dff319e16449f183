"""Control groups: limits that all processes of a sandbox share, and that bind root.

Version 1 has a tree for each controller, version 2 one tree for all. Wherever a group
cannot be made (most containers), `make_groups` returns none, and
`toolkit.sandbox.watch` counts instead.
"""

from __future__ import annotations

import os
import uuid
from contextlib import ExitStack, suppress
from pathlib import Path

from toolkit.sandbox.limits import Limits

ROOT = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")
PREFIX = "toolkit-sandbox"
OWN_PROCESSES = 2
"""Bubblewrap, and the shell that is the first process inside."""
CONTROLLERS = ("memory", "pids")


def make_groups(limits: Limits, root: Path = ROOT, own: Path = OWN) -> list[Path]:
    """Make groups with these limits; whoever gets them removes them.

    Args:
        limits: What all processes together may use.
        root: Where control groups are mounted.
        own: The file that says which groups this process is in.

    Returns:
        Two folders with version 1, one with version 2; none if either controller
        cannot be had.
    """
    name = f"{PREFIX}-{os.getpid()}-{uuid.uuid4().hex}"
    with ExitStack() as undo:
        made = []
        try:
            for parents in _parents(root, own):
                made.append(_make(parents, name, limits))
                undo.callback(made[-1].rmdir)
        except OSError:
            return []
        undo.pop_all()
    return made


def _remove_stale(parent: Path) -> None:
    """Remove what is left of processes that were killed with all that they started."""
    for group in parent.glob(f"{PREFIX}-*"):
        owner = group.name.removeprefix(PREFIX).split("-")[1]
        if not Path("/proc", owner).exists():
            with suppress(OSError):  # it is in use, or somebody was faster
                group.rmdir()


def members(group: Path) -> list[int]:
    """Return the ids of the processes in a group; of none if it is gone."""
    try:
        return [int(pid) for pid in (group / "cgroup.procs").read_text().split()]
    except OSError:
        return []


def _parents(root: Path, own: Path) -> list[list[Path]]:
    """Return, for each group that is needed, the folders it could be made in."""
    paths: dict[str, str] = {}
    for line in own.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        paths |= dict.fromkeys(controllers.split(","), path.lstrip("/"))
    if (root / "cgroup.controllers").exists():
        group = root / paths[""]
        up = [p for p in (group, *group.parents) if p.is_relative_to(root)]
        return [up]
    # In a container the path may be that of the host, and the mount begins below it.
    return [[root / c / paths.get(c, ""), root / c] for c in CONTROLLERS]


def _make(parents: list[Path], name: str, limits: Limits) -> Path:
    """Make a group in the first folder that allows it.

    Raises:
        OSError: If none does.
    """
    error = OSError("no control group")
    for parent in parents:
        _remove_stale(parent)
        try:
            (parent / name).mkdir()
        except OSError as reason:
            error = reason
            continue
        try:
            _set(parent / name, limits)
            return parent / name
        except OSError as reason:
            error = reason
            (parent / name).rmdir()
    raise error


def _set(group: Path, limits: Limits) -> None:
    """Write the limits of whatever the group controls.

    Raises:
        OSError: If it controls neither memory nor processes, or may not be written.
    """
    memory = limits.memory_mb * 2**20
    pids = limits.processes + OWN_PROCESSES
    values: dict[str, int] = {}
    if (group / "memory.max").exists():
        values = {"memory.max": memory, "pids.max": pids}
        optional = {"memory.swap.max": 0, "memory.oom.group": 1}
    elif (group / "memory.limit_in_bytes").exists():
        values = {"memory.limit_in_bytes": memory}
        optional = {"memory.memsw.limit_in_bytes": memory}
    else:
        values, optional = {"pids.max": pids}, {}
    for file, value in values.items():
        with (group / file).open("r+") as opened:  # never make one
            opened.write(str(value))
    for file, value in optional.items():
        if (group / file).exists():
            (group / file).write_text(str(value))
