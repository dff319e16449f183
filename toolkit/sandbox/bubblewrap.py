"""The command line of bubblewrap: what a sandboxed process sees."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from toolkit.sandbox.limits import Limits, counts_by_namespace, limited

WORKSPACE = "/workspace"
SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store")
"""Programs and libraries beside `/usr`: links into it on most machines."""
PUBLIC = (
    *("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime"),
    *("mime.types", "protocols", "services", "ssl/certs", "timezone"),
)
"""Files of `/etc` that hold no secret and that programs look for."""
ETC = Path(__file__).with_name("etc")
"""Our own versions of the files that name users and hosts."""
NAMESPACES = ("user", "ipc", "pid", "net", "uts")


@cache
def program() -> str | None:
    """Return where bubblewrap is, if it is installed."""
    return shutil.which("bwrap")


@cache
def knows(option: str) -> bool:
    """Whether this version of bubblewrap has an option."""
    command = [program() or "bwrap", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    return option in shown.stdout.split() + shown.stderr.split()


def command(
    argv: Sequence[str],
    folder: Path,
    *,
    readable: Sequence[Path],
    limits: Limits,
    env: Mapping[str, str],
    options: Sequence[str] = (),
) -> list[str]:
    """Return a command line that runs another one inside of a bubble.

    Args:
        argv: The program inside and its arguments.
        folder: What is writable, as `/workspace`.
        readable: Further files and folders that are there, at their own paths.
        limits: What each process may use; sizes of what is written to memory.
        env: The whole environment.
        options: Further options of bubblewrap.
    """
    return [
        program() or "bwrap",
        *(f"--unshare-{name}" for name in NAMESPACES),
        *("--unshare-cgroup-try", "--die-with-parent", "--new-session"),
        # The first process inside is our shell, which also waits for orphans. It hides
        # the command line of bubblewrap, which does not wait for its own first process.
        "--as-pid-1",
        *(
            "--uid",
            "1000",
            "--gid",
            "1000",
            "--hostname",
            "sandbox",
            "--cap-drop",
            "ALL",
        ),
        *_system(),
        *("--proc", "/proc", "--dev", "/dev"),
        *_in_memory("/dev/shm", limits),
        *_in_memory("/tmp", limits),
        *(x for p in readable_folders(readable) for x in ("--ro-bind", str(p), str(p))),
        *("--bind", str(folder), WORKSPACE, "--chdir", WORKSPACE),
        # The first two lie in memory without a limit of their own. In the third, root
        # outside is root of /proc/sys inside, whatever it is called there.
        *("--remount-ro", "/dev", "--remount-ro", "/", "--remount-ro", "/proc"),
        "--clearenv",
        *(x for name, value in env.items() for x in ("--setenv", name, value)),
        *options,
        "--",
        *limited(list(argv), limits, count_processes=counts_by_namespace(), waits=True),
    ]


def readable_folders(given: Sequence[Path]) -> list[Path]:
    """Return what is shown at its own path: what is given, and the running Python.

    A folder comes before what lies in it. What lies in `/usr` is shown anyway.
    """
    python = map(Path, (sys.prefix, sys.base_prefix, sys.base_exec_prefix))
    named = {path.absolute() for path in (*given, *python)}
    shown = sorted(named | {path.resolve() for path in named})
    return [path for path in shown if not path.is_relative_to("/usr")]


def _system() -> Iterator[str]:
    """Yield the options that show the system, read-only."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), name)
        elif path.exists():
            yield from ("--ro-bind", name, name)
    for name in PUBLIC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for file in sorted(ETC.iterdir()):
        yield from ("--ro-bind", str(file), f"/etc/{file.name}")


def _in_memory(place: str, limits: Limits) -> Iterator[str]:
    """Yield the options that make a private folder in memory."""
    if knows("--size"):
        yield from ("--size", str(limits.disk_mb * 2**20))
    yield from ("--perms", "1777", "--tmpfs", place)
