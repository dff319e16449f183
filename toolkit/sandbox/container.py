"""The command line of Docker and Podman: the same view as in a bubble.

The image is empty but for links, and made here: the system and the running Python are
this machine's own, shown read-only. So nothing is downloaded, and packages are the same
inside and outside.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from toolkit.sandbox.bubblewrap import (
    ETC,
    PUBLIC,
    SYSTEM,
    WORKSPACE,
    readable_folders,
)
from toolkit.sandbox.limits import OPEN_FILES, Limits, limited

ENGINES = ("docker", "podman")
IMAGE = "toolkit-sandbox:links"
PATIENCE_S = 60


@cache
def engine() -> str | None:
    """Return the path of the first engine that is installed and answers."""
    for name in ENGINES:
        path = shutil.which(name)
        if path and _call(path, "info"):
            return path
    return None


def make_image(program: str) -> bool:
    """Make the image, unless it is there; return whether it is.

    Args:
        program: The engine.
    """
    if _call(program, "image", "inspect", IMAGE):
        return True
    return _call(program, "import", "-", IMAGE, stdin=_archive())


def command(
    argv: Sequence[str],
    folder: Path,
    *,
    program: str,
    name: str,
    readable: Sequence[Path],
    limits: Limits,
    env: Mapping[str, str],
) -> list[str]:
    """Return a command line that runs another one in a container.

    Args:
        argv: The program inside and its arguments.
        folder: What is writable, as `/workspace`; the container has its owner's rights.
        program: The engine.
        name: What the container is called while it runs.
        readable: Further files and folders that are there, at their own paths.
        limits: How much may be used.
        env: The whole environment.
    """
    owner = folder.stat()
    rootless = Path(program).name == "podman" and os.geteuid() != 0
    memory = f"{limits.memory_mb}m"
    in_memory = f"rw,exec,nosuid,nodev,mode=1777,size={limits.disk_mb}m"
    return [
        *(program, "run", "--rm", "--interactive", "--init", "--pull", "never"),
        *("--name", name, "--hostname", "sandbox", "--network", "none"),
        *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--user", f"{owner.st_uid}:{owner.st_gid}"),
        *(["--userns", "keep-id"] if rootless else []),
        *("--memory", memory, "--memory-swap", memory),
        *("--pids-limit", str(limits.processes), "--shm-size", f"{limits.disk_mb}m"),
        *(
            "--ulimit",
            f"nofile={OPEN_FILES}:{OPEN_FILES}",
            "--tmpfs",
            f"/tmp:{in_memory}",
        ),
        *(x for volume in _volumes(folder, readable) for x in ("--volume", volume)),
        *(x for item in env.items() for x in ("--env", "=".join(item))),
        *("--workdir", WORKSPACE, IMAGE),
        *limited(list(argv), limits),
    ]


def _volumes(folder: Path, readable: Sequence[Path]) -> Iterator[str]:
    """Yield what of this machine is seen inside."""
    yield f"{folder}:{WORKSPACE}:rw"
    shown = [Path("/usr"), *(p for p in map(Path, SYSTEM) if not p.is_symlink())]
    shown += [Path("/etc", name) for name in PUBLIC]
    for path in (*shown, *readable_folders(readable)):
        if path.exists():
            yield f"{path}:{path}:ro"
    for file in sorted(ETC.iterdir()):
        yield f"{file}:/etc/{file.name}:ro"


def _archive() -> bytes:
    """Return the image: the links to what is mounted at `/usr`."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in (p for p in map(Path, SYSTEM) if p.is_symlink()):
            link = tarfile.TarInfo(path.name)
            link.type, link.linkname = tarfile.SYMTYPE, str(path.readlink())
            archive.addfile(link)
    return packed.getvalue()


def _call(*command: str, stdin: bytes = b"") -> bool:
    """Run a command silently; return whether it went well."""
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
