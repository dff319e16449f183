"""Gets the games of ALFWorld: one archive of its releases, checked before its use."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

from tqdm.auto import tqdm

from toolkit.environments.alfworld.goal import TASK_TYPES
from toolkit.errors import DownloadError

URL = (
    "https://github.com/alfworld/alfworld/releases/download/0.4.2/"
    "json_2.1.3_tw-pddl.zip"
)
"""The archive with the game files of ALFWorld 0.4.2, 37 MB."""
SHA256 = "5df77ea759f2211a4106082839ddbbb790f1ba4e7d097ed732cf453f72aa36cf"
"""Checksum of the archive."""
TIMEOUT_S = 30.0
"""Seconds without a byte after which the download counts as failed."""
MAX_BYTES = 200_000_000
"""Longest archive that is read; the real one has 36,507,267 bytes."""
_BLOCK = 1 << 20


def download(
    target: Path, *, url: str = URL, sha256: str = SHA256, progress: bool = True
) -> int:
    """Put the games of ALFWorld into a folder, to be named by `$ALFWORLD_DATA`.

    Nothing is unpacked unless the whole archive has the right checksum.

    Args:
        target: The folder; it is made if it is not there.
        url: Where the archive is.
        sha256: Its checksum.
        progress: Show a progress bar.

    Returns:
        How many games there are now for the six kinds of tasks.

    Raises:
        DownloadError: If there is no connection, the archive is another one, or the
            disk is full.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "games.zip"
            found = _fetch(url, archive, progress=progress)
            if found != sha256:
                raise DownloadError(
                    f"The archive from {url} is not the one that is expected.",
                    f"Its SHA-256 is {found}, and not {sha256}.",
                    "Try again later; if it stays so, the release was changed.",
                )
            return _unpack(archive, target)
    except (OSError, zipfile.BadZipFile) as error:
        raise DownloadError(
            f"The games of ALFWorld could not be put into {target}: {error}.",
            f"They come from {url}: this needs a connection to the internet and "
            "300 MB of disk space.",
            "Check both, and try again. Without the files, games are generated.",
        ) from error


def _fetch(url: str, path: Path, *, progress: bool) -> str:
    """Write what is at a URL to a file; return its checksum."""
    digest = hashlib.sha256()
    with (
        urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer,
        path.open("wb") as file,
        tqdm(
            total=int(answer.headers.get("Content-Length", 0)) or None,
            unit="B",
            unit_scale=True,
            desc="Games of ALFWorld",
            disable=not progress,
        ) as bar,
    ):
        while block := answer.read(_BLOCK):
            bar.update(len(block))
            digest.update(block)
            if file.tell() + file.write(block) > MAX_BYTES:
                raise OSError("the archive does not end")
    return digest.hexdigest()


def _unpack(archive: Path, target: Path) -> int:
    """Unpack the games of an archive; return how many they are."""
    count = 0
    with zipfile.ZipFile(archive) as files:
        for member, inside in _games(files):
            path = target / inside
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_name(".new")
            with files.open(member) as source, draft.open("wb") as file:
                shutil.copyfileobj(source, file)
            draft.replace(path)
            count += 1
    return count


def _games(files: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, Path]]:
    """Yield the games that are played, with their places below the target."""
    for member in files.infolist():
        parts = Path(member.filename).parts
        if ".." in parts or len(parts) < 4 or parts[-1] != "game.tw-pddl":
            continue
        if parts[-3].split("-")[0] in TASK_TYPES:
            yield member, Path("json_2.1.1", *parts[-4:])
