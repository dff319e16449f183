"""Game files on disk, and packs of them that ship with the package.

A game is a folder that appears all at once (it is filled under another name and then
renamed), so any number of processes may make the same game at the same time:

    <cache>/games/w2-o3-q4-<key>/<seed>/game.z8     what the interpreter plays
                                       /game.json   the same game as logic
                                       /sha256      checksums of both

A pack is a `.tar.xz` archive of such files, `<world>-<key>/<seed>/<file>`, whose first
member, the index, lists the games. It only pre-fills the cache.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import CacheError
from toolkit.paths import assets_dir, cache_dir

FILES = ("game.z8", "game.json")
SUMS = "sha256"
INDEX = "index.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class GameFile:
    """A game on disk whose checksums are right."""

    z8: Path
    """What the interpreter plays."""
    data: dict[str, Any]
    """Content of the `.json` file beside it."""


def games_dir() -> Path:
    """Return the folder of the cache with all games."""
    return cache_dir() / "games"


@contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the file system into `CacheError`."""
    try:
        yield
    except OSError as error:
        raise CacheError(
            f"The game cache {folder} cannot be used: {error.strerror or error}.",
            "The disk is full, or the folder may not be written.",
            "Free some space, or set TOOLKIT_CACHE to a folder on another disk.",
        ) from error


def load(folder: Path) -> GameFile | None:
    """Read a game, `None` if it is not there; a damaged one is removed.

    Raises:
        OSError: If the disk cannot be read.
    """
    try:
        sums = (folder / SUMS).read_bytes()
        contents = [(folder / name).read_bytes() for name in FILES]
    except FileNotFoundError:
        contents = []
    if contents and sums == _checksums(contents):
        return GameFile(z8=folder / FILES[0], data=json.loads(contents[1]))
    if folder.exists():
        discard(folder)
    return None


def store(folder: Path, contents: Iterable[bytes]) -> None:
    """Write the `FILES` of a game into the cache, so that it appears all at once.

    Raises:
        OSError: If the disk is full or may not be written.
    """
    contents = list(contents)
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
    try:
        for name, content in zip(FILES, contents, strict=True):
            (new / name).write_bytes(content)
        (new / SUMS).write_bytes(_checksums(contents))
        _rename(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def discard(folder: Path) -> None:
    """Remove a game at once, whatever other processes do with it."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".old-") as old:
        _rename(folder, Path(old) / folder.name)


def _rename(source: Path, target: Path) -> None:
    """Rename a folder, unless another process has done the same just before."""
    try:
        source.rename(target)
    except OSError:
        if source.exists() and not target.exists():
            raise


def _checksums(contents: Iterable[bytes]) -> bytes:
    """Return checksums in the format that `sha256sum --check` reads."""
    pairs = zip(FILES, contents, strict=True)
    lines = (f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, c in pairs)
    return "".join(lines).encode()


# ---- packs -----------------------------------------------------------------------


def write_pack(folders: Iterable[Path], path: Path) -> None:
    """Write games of the cache into one archive.

    All story files come first and all logic files after them, because files of one
    kind are nearly alike and the compressor then says most of them in one word.

    Args:
        folders: Folders of games below `games_dir()`.
        path: The archive, `.tar.xz`.

    Raises:
        OSError: If a game is missing or the disk is full.
    """
    games = sorted(folder.relative_to(games_dir()).as_posix() for folder in folders)
    new = path.with_name(f".{path.name}.new")
    with tarfile.open(new, "w:xz", preset=9) as tar:
        _add(tar, INDEX, json.dumps(games).encode())
        for name in FILES:
            for game in games:
                member = f"{game}/{name}"
                _add(tar, member, (games_dir() / member).read_bytes())
    os.replace(new, path)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Add a file without owner and date, so that equal packs are equal bytes."""
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


@functools.lru_cache(maxsize=1)
def packed_games() -> dict[str, Path]:
    """Return `{"<world>-<key>/<seed>": pack}` for the packs inside the package."""
    found = {}
    for path in sorted((assets_dir() / "games").glob("*.tar.xz")):
        with tarfile.open(path, "r|xz") as tar:
            index = tar.extractfile(tar.next())  # type: ignore[arg-type]
            found.update(dict.fromkeys(json.load(index), path))  # type: ignore[arg-type]
    return found


def unpack_for(folder: Path) -> bool:
    """Unpack the pack that holds a game into the cache.

    All games of the pack that the cache lacks come with it, because a solid archive
    has to be read from its beginning anyway.

    Returns:
        Whether there is such a pack.
    """
    path = packed_games().get(folder.relative_to(games_dir()).as_posix())
    if path is None:
        return False
    unpack(path)
    return True


def unpack(path: Path) -> None:
    """Unpack the games of a pack that the cache lacks.

    Raises:
        OSError: If the disk is full or may not be written.
    """
    waiting: dict[str, list[bytes]] = {}
    with tarfile.open(path, "r|xz") as tar:
        for member in tar:
            if member.name == INDEX:
                continue
            game, _, _ = member.name.rpartition("/")
            content = tar.extractfile(member).read()  # type: ignore[union-attr]
            waiting.setdefault(game, []).append(content)
            if len(waiting[game]) == len(FILES):
                contents = waiting.pop(game)
                if not (games_dir() / game).exists():
                    store(games_dir() / game, contents)
