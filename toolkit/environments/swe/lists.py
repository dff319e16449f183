"""Lists of tasks that ship with the toolkit: small files, and what is in them."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from toolkit.errors import RepositoryError, UnknownEnvironmentError, near_matches


class _OfRepository(Protocol):
    @property
    def repository(self) -> str: ...


T = TypeVar("T")
S = TypeVar("S", bound=_OfRepository)


def read_list(
    path: Path, unpack: Callable[[Any], list[T]], *, what: str, remedy: str
) -> list[T]:
    """Read a file that `write_list` wrote.

    Args:
        path: The file.
        unpack: Makes tasks of what was written.
        what: How they are called, in the plural.
        remedy: How such a file is made again.

    Raises:
        RepositoryError: If it is not there, or is damaged.
    """
    try:
        return unpack(json.loads(lzma.decompress(path.read_bytes())))
    except (
        *(OSError, ValueError, KeyError, TypeError),
        *(IndexError, EOFError, lzma.LZMAError),
    ) as error:
        raise RepositoryError(
            f"No {what} can be read from {path}.",
            f"{type(error).__name__}: {error}",
            f"Make the file again: {remedy}",
        ) from error


def write_list(path: Path, data: Any) -> None:
    """Write data that JSON can hold to a file, small.

    Raises:
        OSError: If the disk is full or may not be written.
    """
    text = json.dumps(data, separators=(",", ":"), sort_keys=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(text.encode(), preset=9))


def of_repository(env: str, known: Mapping[int, S]) -> dict[int, S]:
    """Return the tasks of an environment by their seeds.

    Args:
        env: Its id: a family, and `all` or the name of a repository.
        known: All tasks of the family by their seeds.

    Raises:
        UnknownEnvironmentError: If there are none of such a repository.
    """
    name = env.partition("/")[2]
    names = ("all", *sorted({task.repository for task in known.values()}))
    if name not in names:
        raise UnknownEnvironmentError(
            f"There is no environment {env!r}.",
            f"There are tasks of {', '.join(names[1:])}.",
            near_matches(name, names),
        )
    return {k: task for k, task in known.items() if name in ("all", task.repository)}
