"""A copy of a repository in memory, which a player may change and nobody else sees.

Code that runs inside of it is not trusted: it may have left links, pipes, huge files
or names that are no text. So every path is opened folder by folder without following
links, and only regular files of a fair size are read or written.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import secrets
import shutil
import stat
import subprocess
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from toolkit.environments.swe.repositories import Repository
from toolkit.errors import ActionError
from toolkit.paths import NAME

LARGEST = 1_000_000
"""Bytes of a file that is read or written."""
MOST_FILES, DEEPEST = 5_000, 20
"""Files that are listed, and folders inside each other."""
INSIDE = "/workspace/"
"""What a path may begin with: the place of the workspace in a sandbox."""
_MEMORY, _MEMORY_NEEDED = Path("/dev/shm"), 512 << 20
_HIDDEN = ("__pycache__", ".pytest_cache")


class Workspace:
    """Files to work on; a context manager that removes them at the end.

    Args:
        files: What is in them at the start, by their paths.
        growing: Whether `write` makes files; only where no code runs that could plant
            links.
    """

    def __init__(self, files: Mapping[str, bytes], *, growing: bool = False) -> None:
        self._growing = growing
        self.folder, lock = _claim(_room())
        # also when it is forgotten, and when this process ends
        self._end = weakref.finalize(self, _end, self.folder, lock, os.getpid())
        try:
            self.folder.chmod(0o755)
            self._before = dict(files)
            for path, data in self._before.items():
                (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / path).write_bytes(data)
            self._stamps = {path: self._stamp(path) for path in self._before}
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files."""
        self._end()

    # ---- files -----------------------------------------------------------------------

    def files(self, folder: str = "") -> list[str]:
        """Return the paths of the regular files in a folder, in order.

        Raises:
            ActionError: If there is no such folder.
        """
        found: list[str] = []
        waiting = [clean_path(folder)]
        while waiting and len(found) < MOST_FILES:
            here = waiting.pop()
            for name, kind in self._entries(here):
                path = f"{here}/{name}".lstrip("/")
                if stat.S_ISREG(kind):
                    found.append(path)
                elif stat.S_ISDIR(kind) and path.count("/") < DEEPEST:
                    waiting.append(path)
        return sorted(found)

    def listing(self, folder: str) -> list[str]:
        """Return the names in a folder, those of folders with a `/` behind.

        Raises:
            ActionError: If there is no such folder.
        """
        entries = self._entries(clean_path(folder))
        return sorted(n + "/" * stat.S_ISDIR(kind) for n, kind in entries)

    def read_bytes(self, path: str) -> bytes:
        """Return what is in a file.

        Raises:
            ActionError: If it is no regular file, or too large.
        """
        with self._opened(path, os.O_RDONLY) as file:
            found = os.read(file, LARGEST + 1)
            while len(found) <= LARGEST and (more := os.read(file, LARGEST)):
                found += more
        if len(found) > LARGEST:
            raise ActionError(
                f"{path} is larger than {LARGEST:,} bytes.",
                "Such files are neither shown nor changed here.",
            )
        return found

    def read(self, path: str) -> str:
        r"""Return the text of a file, with `\n` for its line ends.

        Raises:
            ActionError: If it is no text in UTF-8, or cannot be read.
        """
        data = self.read_bytes(path)
        if b"\0" in data:
            raise ActionError(f"{path} is a binary file.", "Only text can be read.")
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise ActionError(
                f"{path} is no text in UTF-8.", f"Byte {error.start} belongs to none."
            ) from error
        return text.replace("\r\n", "\n") if _has_windows_ends(text) else text

    def write(self, path: str, text: str) -> None:
        """Change the text of a file; its kind of line ends stays.

        Raises:
            ActionError: If there is none and it cannot be made, or it would become too
                large.
        """
        is_new = self.may_make(path)
        before = "" if is_new else self.read_bytes(path).decode("utf-8", "replace")
        data = text.replace(
            "\n", "\r\n" if _has_windows_ends(before) else "\n"
        ).encode()
        if len(data) > LARGEST:
            raise ActionError(f"{path} would be larger than {LARGEST:,} bytes.")
        if is_new:
            self._make(path)
        self._stamps.pop(path, None)  # clocks of files are coarse
        with self._opened(path, os.O_WRONLY | os.O_TRUNC) as file:
            while data:
                data = data[os.write(file, data) :]

    def may_make(self, path: str) -> bool:
        """Return whether there is no such file and `write` would make one.

        Raises:
            ActionError: If the path leads out of the workspace.
        """
        inner = clean_path(path)
        is_there = os.path.lexists(self.folder / inner)
        return self._growing and not is_there and ".git" not in inner.split("/")

    def changed(self) -> dict[str, tuple[bytes | None, bytes | None]]:
        """Return what is different: contents before and now, `None` for no file."""
        now = set(self.files())
        found = {}
        for path in sorted(now | self._before.keys()):
            if path in now and self._stamps.get(path) == self._stamp(path):
                continue
            before = self._before.get(path)
            after = self._now(path) if path in now else None
            if before != after:
                found[path] = before, after
        return found

    def touched(self) -> set[str]:
        """Return the files that were written to, even if it was undone."""
        return {p for p, stamp in self._stamps.items() if self._stamp(p) != stamp}

    # ---- with nothing to follow out of the workspace ---------------------------------

    def _stamp(self, path: str) -> tuple[int, ...] | None:
        """Return what tells that a file was not touched; code inside cannot fake it."""
        try:
            with self._opened(path, os.O_RDONLY) as file:
                facts = os.fstat(file)
        except ActionError:
            return None
        return facts.st_ino, facts.st_size, facts.st_ctime_ns

    def _make(self, path: str) -> None:
        """Make an empty file, and the folders that it is in."""
        file = self.folder / clean_path(path)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(exist_ok=False)
        except OSError as error:
            raise _unusable(path, error) from error

    def _now(self, path: str) -> bytes | None:
        try:
            return self.read_bytes(path)
        except ActionError:
            return b"" if path not in self._before else None

    def _entries(self, folder: str) -> list[tuple[str, int]]:
        """Return the names in a folder that can be written, with their kinds."""
        with self._opened(folder, os.O_RDONLY | os.O_DIRECTORY) as opened:
            try:
                with os.scandir(opened) as entries:
                    names = [e.name for e in entries if e.name not in _HIDDEN]
                return [
                    (n, os.lstat(n, dir_fd=opened).st_mode)
                    for n in names[:MOST_FILES]
                    if n.isprintable()
                ]
            except OSError as error:
                raise _unusable(folder, error) from error

    @contextlib.contextmanager
    def _opened(self, path: str, flags: int) -> Iterator[int]:
        """Open a file or a folder; no link on the way is followed."""
        parts = [part for part in clean_path(path).split("/") if part]
        with contextlib.ExitStack() as stack:
            try:
                file = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
                stack.callback(os.close, file)
                for i, part in enumerate(parts):
                    way = flags if i == len(parts) - 1 else os.O_RDONLY | os.O_DIRECTORY
                    # without O_NONBLOCK, a pipe that nobody writes to would hang us
                    way |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                    file = os.open(part, way, dir_fd=file)
                    stack.callback(os.close, file)
            except OSError as error:
                raise _unusable(path, error) from error
            facts = os.fstat(file)
            regular = stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1
            if not (regular or flags & os.O_DIRECTORY):
                raise ActionError(f"{path} is no regular file.")
            yield file


def clean_path(path: str) -> str:
    """Return a path relative to the workspace, without `.` in it.

    Raises:
        ActionError: If it leads out of it, or is none.

    >>> clean_path("./src//shapes.py"), clean_path("/workspace/src"), clean_path(".")
    ('src/shapes.py', 'src', '')
    """
    inner = "" if f"{path}/" == INSIDE else path.removeprefix(INSIDE)
    parts = [part for part in inner.split("/") if part not in ("", ".")]
    if inner.startswith("/") or ".." in parts or "\0" in path or len(path) > 500:
        raise ActionError(
            f"{path!r:.80} is no path in the repository.",
            "Paths begin at its root, without / in front and without ..",
            "`ls` shows what is there.",
        )
    return "/".join(parts)


def _unusable(path: str, error: OSError) -> ActionError:
    """Say why a path cannot be opened; the system's words, not its paths."""
    return ActionError(
        f"{path or 'The root'} cannot be used: {(error.strerror or 'failed').lower()}.",
        "",
        "`ls FOLDER` shows what is there; links cannot be used.",
    )


def _has_windows_ends(text: str) -> bool:
    return "\r\n" in text and text.count("\r\n") == text.count("\n")


def contents(repository: Repository) -> dict[str, bytes]:
    """Return all files of a repository, by their paths.

    Raises:
        DownloadError: If it has to be fetched and cannot be.
    """
    # a folder of the user may change; what was published does not
    return dict(_read(repository) if repository.folder else _kept(repository))


def _read(repository: Repository) -> Mapping[str, bytes]:
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as name:
        folder = Path(name)
        repository.copy_to(folder)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


_kept = functools.lru_cache(maxsize=32)(_read)


# ---- where workspaces are kept, and what others have left there ----------------------


def _room() -> Path:
    """Return the folder of all workspaces of this user, in memory if there is room."""
    base = Path(tempfile.gettempdir())
    with contextlib.suppress(OSError, AttributeError):
        facts = os.statvfs(_MEMORY)
        if facts.f_bavail * facts.f_frsize > _MEMORY_NEEDED and os.access(
            _MEMORY, os.W_OK | os.X_OK
        ):
            base = _MEMORY
    room = base / f"{NAME}-{os.getuid()}"
    room.mkdir(mode=0o700, exist_ok=True)
    facts_of_room = room.lstat()
    if not stat.S_ISDIR(facts_of_room.st_mode) or facts_of_room.st_uid != os.getuid():
        return Path(tempfile.mkdtemp(prefix=f"{NAME}-"))  # somebody else made it
    _sweep(room, os.getpid())
    return room


def _claim(room: Path) -> tuple[Path, int]:
    """Make a folder and lock it; the lock ends with this process, however that dies."""
    while True:
        folder = room / secrets.token_hex(8)
        lock = os.open(_lock_of(folder), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with contextlib.suppress(BlockingIOError):  # another process sweeps just now
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(lock).st_nlink:
                folder.mkdir()
                return folder, lock
        os.close(lock)


@functools.cache
def _sweep(room: Path, _process: int) -> None:
    """Remove the workspaces of processes that are gone, once in each process."""
    for path in room.glob("*.lock"):
        with contextlib.suppress(OSError):
            lock = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path.with_suffix(""))
            finally:
                os.close(lock)


def _end(folder: Path, lock: int, owner: int) -> None:
    """Remove a workspace, unless this process is a fork of its owner."""
    if os.getpid() == owner:
        _remove(folder)
        os.close(lock)


def _lock_of(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _remove(folder: Path) -> None:
    """Remove a workspace, whatever untrusted code has made of it, and its lock."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):  # too deep, or folders without rights
        for command in ("chmod -R u+rwx --", "rm -rf --"):
            subprocess.run(
                [*command.split(), str(folder)], check=False, capture_output=True
            )
    _lock_of(folder).unlink(missing_ok=True)
