"""Limits that the kernel does not enforce: a thread looks, and ends what exceeds them.

What lies in the workspace is counted by walking it, for there is no quota that every
file system and every user has. Processes and memory are counted here only where no
control group could be made.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from toolkit.sandbox.limits import FILES, Limits

PAUSE_S = 0.05
"""Between two looks; one takes about a millisecond for some hundred files."""
DEPTH = 64
"""Of folders in folders; deeper ones would be slow to walk, and to delete."""
OWN_PROCESSES = 8
"""What the sandbox itself consists of outside of control groups, at most."""
FIRST = -20
"""Niceness of the thread that looks, where that may be set: before what it ends."""


class Watch(threading.Thread):
    """Looks at a sandbox until told to stop.

    Args:
        look: Returns what is exceeded, or an empty text.
        kill: Called at most once.
    """

    def __init__(self, look: Callable[[], str], kill: Callable[[], None]) -> None:
        super().__init__(name="sandbox-watch", daemon=True)
        self._look, self._kill = look, kill
        self._over = threading.Event()
        self.found = ""
        """What was exceeded."""

    def run(self) -> None:
        """Look, again and again."""
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), FIRST)
        while not self._over.wait(PAUSE_S):
            self.found = self._look()
            if self.found:
                self._kill()
                return

    def stop(self) -> None:
        """Look no more; returns when the last look is over."""
        self._over.set()
        self.join()


def exceeded_disk(folder: Path, pids: list[int], limits: Limits) -> str:
    """Return what is wrong with a writable folder, or an empty text.

    Args:
        folder: The workspace.
        pids: Processes that may hold files which are deleted but still open.
        limits: What is allowed.
    """
    allowed, count = limits.disk_mb * 2**20, 0
    try:
        for size in _sizes(folder, pids):
            allowed -= size
            count += 1
            if allowed < 0:
                return f"more than {limits.disk_mb} MB of files"
            if count > FILES:
                return f"more than {FILES:,} files"
    except RecursionError:
        return f"folders more than {DEPTH} deep"
    return ""


def exceeded_memory(place: str, ours: str, limits: Limits) -> str:
    """Return what is wrong with a file system in memory, or an empty text.

    Args:
        place: Where it is seen from here.
        ours: Where another one is seen until it is mounted.
        limits: What is allowed.
    """
    try:
        if os.stat(place).st_dev == os.stat(ours).st_dev:
            return ""
        found = os.statvfs(place)
    except OSError:  # not yet there, or no more
        return ""
    if found.f_files - found.f_ffree > FILES:
        return f"more than {FILES:,} files"
    used = (found.f_blocks - found.f_bfree) * found.f_frsize
    over = used > limits.disk_mb * 2**20
    return f"more than {limits.disk_mb} MB of files" if over else ""


def exceeded_processes(pids: list[int], limits: Limits) -> str:
    """Return whether there are too many threads or pages, or an empty text."""
    threads = pages = 0
    for pid in pids:
        try:
            threads += len(os.listdir(f"/proc/{pid}/task"))
            text = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
        except OSError:  # it has ended
            continue
        _, resident, shared, *_ = map(int, text.split())
        pages += resident - shared
    if threads > limits.processes + OWN_PROCESSES:
        return f"more than {limits.processes} processes"
    used = pages * os.sysconf("SC_PAGE_SIZE")
    over = used > limits.memory_mb * 2**20
    return f"more than {limits.memory_mb} MB of memory" if over else ""


def descendants(pid: int, limits: Limits) -> list[int]:
    """Return the ids of a process and of all that came from it and still run.

    They are told up to one more than are allowed, so that looking at a fork bomb takes
    no longer than looking at anything else.
    """
    found: list[int] = []
    new = [pid]
    while new and len(found) <= limits.processes + OWN_PROCESSES:
        found.append(new.pop())
        new += _children(found[-1])
    return found


def _children(pid: int) -> Iterator[int]:
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            path = Path(f"/proc/{pid}/task/{task}/children")
            yield from map(int, path.read_text(encoding="ascii").split())
    except OSError:  # it has ended
        return


def _sizes(folder: Path, pids: list[int]) -> Iterator[int]:
    """Yield the bytes on disk of each file, deleted ones that are open included.

    Raises:
        RecursionError: If folders are nested too deeply.
    """
    try:
        device = folder.stat().st_dev
    except OSError:
        return
    yield from _walk(folder, DEPTH)
    deleted = {}
    for pid in pids:
        for found in _open_files(pid):
            if found.st_nlink == 0 and found.st_dev == device:
                deleted[found.st_ino] = found.st_blocks * 512
    yield from deleted.values()


def _walk(folder: Path | str, depth: int) -> Iterator[int]:
    if not depth:
        raise RecursionError
    try:
        entries = list(os.scandir(folder))
    except OSError:  # gone, or not ours to read
        return
    for entry in entries:
        try:
            yield entry.stat(follow_symlinks=False).st_blocks * 512
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, depth - 1)
        except OSError:
            continue


def _open_files(pid: int) -> Iterator[os.stat_result]:
    try:
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return
    for number in numbers:
        try:
            yield os.stat(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
