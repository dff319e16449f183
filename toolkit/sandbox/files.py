"""Reading from outside what was written inside, without being led astray."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path, PurePosixPath

from toolkit.errors import SandboxError


def read_inside(folder: Path, path: str, *, max_mb: int = 64) -> bytes:
    """Return what a file in a workspace contains.

    Links that code inside has planted are not followed, neither as the file nor as a
    folder on the way, and what is no plain file is not waited for. All of it holds
    while that code is running and changes things.

    Args:
        folder: The workspace.
        path: The file, from there, with `/`.
        max_mb: A larger file is refused.

    Raises:
        SandboxError: If the path leads out of the workspace or through a link, or to
            what is no plain file or too large.
        FileNotFoundError: If there is nothing.
    """
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts or "\0" in path:
        raise _refusal(path, "It leads out of the workspace.")
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            at = _step(at, part, os.O_DIRECTORY)
        at = _step(at, parts[-1], os.O_NONBLOCK)
        found = os.fstat(at)
        if not stat.S_ISREG(found.st_mode):
            raise _refusal(path, "It is no plain file.")
        with open(at, "rb", closefd=False) as file:
            content = file.read(max_mb * 2**20 + 1)
    except (NotADirectoryError, IsADirectoryError) as error:
        raise _refusal(
            path, "It is a folder, or a file where one should be."
        ) from error
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise _refusal(path, f"It is a link, or cannot be read: {error}.") from error
    finally:
        os.close(at)
    if len(content) > max_mb * 2**20:
        raise _refusal(path, f"It has more than {max_mb} MB.")
    return content


def remove_workspace(folder: Path) -> None:
    """Remove a workspace, whatever code inside has made of it.

    `shutil.rmtree` fails on folders that are nested a thousand deep (before Python
    3.13), and such are made within a blink.

    Raises:
        SandboxError: If something of it is still there.
    """
    done = subprocess.run(
        ["rm", "-rf", "--", folder.absolute()], capture_output=True, check=False
    )
    if done.returncode:
        raise SandboxError(
            f"The workspace {str(folder)!r} could not be removed.",
            done.stderr.decode(errors="replace").strip()[-500:],
            "Remove it by hand.",
        )


def _step(folder: int, name: str, flags: int) -> int:
    """Open what lies in an open folder, which is closed unless that fails."""
    opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | flags, dir_fd=folder)
    os.close(folder)
    return opened


def _refusal(path: str, why: str) -> SandboxError:
    return SandboxError(
        f"The file {path!r} of the workspace is not read.",
        why,
        "Name a plain file inside of the workspace.",
    )
