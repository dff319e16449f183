"""Episodes on disk: JSONL to append to, Parquet to analyse; never pickle.

Both formats give back exactly what was saved: every float, id and character. NaN
and infinities are refused, because they are not JSON and nothing can be learnt from
them. `info` must be JSON-ready, as `Turn` demands; tuples in it come back as lists.

A JSONL file holds one episode a line, so it can be read while it is being written
and survives a kill of the writer. A Parquet file also opens with
`datasets.load_dataset("parquet", data_files=…)`; `info` and the parameters of the
task are JSON strings in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from toolkit.episodes.record import Episode
from toolkit.episodes.schema import (
    episode_from_dict,
    episode_to_dict,
    parquet_features,
    to_json,
)
from toolkit.errors import EpisodeError


def save_episodes(episodes: Iterable[Episode], path: str | Path) -> None:
    """Write episodes to a `.jsonl` or `.parquet` file, replacing it in one move.

    Args:
        episodes: What to save, in this order.
        path: The suffix chooses the format. Missing folders are made.

    Raises:
        EpisodeError: If an episode cannot be saved, the suffix is unknown or the file
            cannot be written; an older file at `path` is then left as it was.
    """
    path = Path(path)
    _check_suffix(path, ".jsonl", ".parquet")
    rows = map(episode_to_dict, episodes)
    draft = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".parquet":
                _save_parquet(rows, draft)
            else:
                with draft.open("w", encoding="ascii", newline="\n") as file:
                    file.writelines(to_json(row) + "\n" for row in rows)
            draft.replace(path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def load_episodes(path: str | Path) -> list[Episode]:
    """Read episodes from a `.jsonl` or `.parquet` file, in the order saved.

    A last line that was cut off, because its writer was killed, is skipped with a
    warning.

    Raises:
        EpisodeError: If the file is missing or damaged; the message names the line
            (or the row).
    """
    path = Path(path)
    _check_suffix(path, ".jsonl", ".parquet")
    try:
        return list(
            _load_parquet(path) if path.suffix == ".parquet" else _load_jsonl(path)
        )
    except OSError as error:
        raise EpisodeError(
            f"{path} cannot be read.", f"{error}.", "Check the path."
        ) from error


class EpisodeWriter:
    """Append episodes to a JSONL file, one flushed line each.

    What `write` has returned from survives a kill of this process. A line that an
    earlier writer left half-written is removed first.

    Args:
        path: A `.jsonl` file; it and its folder are made if missing.

    Raises:
        EpisodeError: If the suffix is another one or the file cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        _check_suffix(self.path, ".jsonl")
        with _writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _mend(self.path)
            self._file = self.path.open("ab", buffering=0)

    def write(self, episode: Episode) -> None:
        """Append one episode.

        Raises:
            EpisodeError: If it cannot be saved; the file is then as it was before.
        """
        line = to_json(episode_to_dict(episode)).encode() + b"\n"
        with _writing(self.path):
            end = os.fstat(self._file.fileno()).st_size
            if self._file.write(line) != len(line):
                self._file.truncate(end)
                raise OSError("only a part of the line could be written")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> EpisodeWriter:
        """Return the writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()


def _load_jsonl(path: Path) -> Iterator[Episode]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if _is_cut(line):
                warnings.warn(
                    f"{path}: line {number} was cut off while it was written; skipped.",
                    stacklevel=3,
                )
            elif line.strip():
                with _reading(path, f"line {number}"):
                    yield episode_from_dict(json.loads(line))


def _is_cut(line: bytes) -> bool:
    """Return whether this is a last line whose writer was killed."""
    if line.endswith(b"\n"):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return True
    return False


def _mend(path: Path) -> None:
    """Make a file end with a complete line, so that one can be appended."""
    if not path.is_file():
        return
    with path.open("r+b") as file:
        last = b"\n"
        for line in file:
            last = line
        if _is_cut(last):
            file.truncate(file.tell() - len(last))
        elif not last.endswith(b"\n"):
            file.write(b"\n")


def _save_parquet(rows: Iterable[dict[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Dataset.to_parquet writes the same table but shows a progress bar.
    stored = [_convert_json(row, to_json) for row in rows]
    try:
        table = pa.Table.from_pylist(stored, parquet_features().arrow_schema)
    except UnicodeEncodeError as error:
        raise EpisodeError(
            "The episodes cannot be saved as Parquet.",
            f"A text holds a character that UTF-8 cannot write: {error}.",
            "Save them as .jsonl.",
        ) from error
    pq.write_table(table, path, write_page_checksum=True)


def _load_parquet(path: Path) -> Iterator[Episode]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Dataset.from_parquet would leave a second copy in the cache of `datasets`.
    try:
        rows = pq.read_table(path, page_checksum_verification=True).to_pylist()
    except (pa.ArrowException, ValueError) as error:
        raise EpisodeError(
            f"{path} is damaged.", f"{error}", "Collect the episodes again."
        ) from error
    for number, row in enumerate(rows, 1):
        with _reading(path, f"row {number}"):
            yield episode_from_dict(_convert_json(row, json.loads))


def _convert_json(row: dict[str, Any], convert: Callable[[Any], Any]) -> dict[str, Any]:
    """Apply `convert` to the fields that are JSON strings in Parquet."""
    row["task"]["params"] = convert(row["task"]["params"])
    for turn in row["turns"]:
        turn["info"] = convert(turn["info"])
    return row


@contextlib.contextmanager
def _reading(path: Path, place: str) -> Iterator[None]:
    try:
        yield
    except (EpisodeError, KeyError, TypeError, ValueError, RecursionError) as error:
        why = error.why if isinstance(error, EpisodeError) else f"{error!r}."
        raise EpisodeError(
            f"{path}, {place}: this episode cannot be read.",
            why,
            "Remove it, read it with the toolkit that wrote it, or collect it again.",
        ) from error


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EpisodeError(
            f"Episodes cannot be written to {path}.",
            f"{error}.",
            "Free some space or choose another path.",
        ) from error


def _check_suffix(path: Path, *known: str) -> None:
    if path.suffix not in known:
        raise EpisodeError(
            f"{path} is not a possible file of episodes.",
            f"Its suffix {path.suffix!r} names no format that can be used here.",
            f"End the name with {' or '.join(known)}.",
        )
