"""Which sandboxes this machine can have, and what would give a better one."""

from __future__ import annotations

import enum
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from toolkit.sandbox import container, plans
from toolkit.sandbox.limits import Limits
from toolkit.sandbox.process import Plan, Process


class Level(enum.Enum):
    """What stands between the code of a model and this machine, safest first."""

    BUBBLEWRAP = "bubblewrap"
    """Namespaces: no network, no other processes, nothing writable outside."""
    CONTAINER = "container"
    """The same by Docker or Podman."""
    UNSHARE = "unshare"
    """No network, other processes out of reach; but all files as outside."""
    LIMITS = "limits"
    """Limits of time and memory alone."""

    @property
    def label(self) -> str:
        """What to show to people."""
        return self.value if self.isolated else f"{self.value} (trusted code only)"

    @property
    def isolated(self) -> bool:
        """Whether code that is not trusted may run at this level."""
        return self in (Level.BUBBLEWRAP, Level.CONTAINER)


PATIENCE_S = 30
PLANS = {
    Level.BUBBLEWRAP: plans.in_bubble,
    Level.CONTAINER: plans.in_container,
    Level.UNSHARE: plans.unshared,
    Level.LIMITS: plans.in_the_open,
}
PROBE = "probe"
GET_BETTER = {
    Level.BUBBLEWRAP: "On Debian and Ubuntu: sudo apt-get install bubblewrap.",
    Level.CONTAINER: "Install Docker or Podman and start it.",
    Level.UNSHARE: "Ask whoever runs this machine for user namespaces.",
    Level.LIMITS: "Use Linux or macOS.",
}
"""What to do where a level cannot be had."""


def make_plan(
    level: Level,
    argv: Sequence[str],
    folder: Path,
    *,
    readable: Sequence[Path] = (),
    limits: Limits,
    env: Mapping[str, str] | None = None,
) -> Plan:
    """Return how to run a command; the plan holds open files until it is used.

    Args:
        level: What isolates it.
        argv: The program and its arguments.
        folder: The writable folder.
        readable: Further files and folders that it can read.
        limits: What it may use.
        env: Environment variables, beside a clean few.
    """
    path = os.pathsep.join([str(Path(sys.prefix, "bin")), os.defpath])
    clean = {
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "PATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": "/tmp",
    }
    return PLANS[level](argv, folder, readable, limits, clean | dict(env or {}))


@cache
def detect_level() -> Level:
    """Return the safest level that works here; tried once in each process."""
    working = (level for level in Level if not missing(level))
    return next(working, Level.LIMITS)


@cache
def missing(level: Level) -> str:
    """Return why a level cannot be had here, or an empty text.

    A program may be installed and yet be forbidden by the kernel, as in most
    containers. So a command is really run, and looks for a file of ours.
    """
    if level is Level.LIMITS:
        return "" if os.path.exists("/bin/sh") else "There is no /bin/sh."
    if platform.system() != "Linux":
        return "It needs Linux."
    return _lacking(level) or _failure(level, "test", "-f", PROBE)


@cache
def python_unreadable(level: Level) -> str:
    """Return why the running Python does not work inside, or an empty text."""
    return _failure(level, sys.executable, "-c", "")


def _lacking(level: Level) -> str:
    """Return which program is missing, or an empty text."""
    if level is Level.CONTAINER:
        program = container.engine()
        if not program:
            return "No engine answers: neither Docker nor Podman."
        return "" if container.make_image(program) else "It makes no image."
    name = "unshare" if level is Level.UNSHARE else "bwrap"
    return "" if shutil.which(name) else f"The program {name} is not installed."


def _failure(level: Level, *argv: str) -> str:
    """Run a command; return what it says if it fails."""
    with tempfile.TemporaryDirectory(prefix="toolkit-sandbox-") as folder:
        Path(folder, PROBE).touch()
        plan = make_plan(level, argv, Path(folder).resolve(), limits=Limits())
        with Process(plan, stdin=subprocess.DEVNULL) as process:
            done = process.finish(PATIENCE_S)
    said = done.output.strip() or f"It ended with status {done.returncode}."
    return said if done.returncode else ""
