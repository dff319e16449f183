"""Judgements on disk, so that no question is paid for twice.

An entry is one small file that appears all at once; any number of processes may read
and write. A damaged entry counts as missing.

    <cache>/judgements/3f/3f9a….json    {"grade": 0.75, "check": "…"}
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from toolkit.errors import CacheError
from toolkit.paths import cache_dir, write_at_once


def load(key: str) -> float | None:
    """Return the grade stored under a key, `None` if there is no sound one."""
    try:
        entry = json.loads(_path(key).read_bytes())
        grade = float(entry["grade"])
        return grade if entry["check"] == _check(key, grade) else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def store(key: str, grade: float) -> None:
    """Write a grade, replacing an earlier entry in one move.

    Raises:
        CacheError: If the disk is full or may not be written.
    """
    path = _path(key)
    content = json.dumps({"grade": grade, "check": _check(key, grade)})
    try:
        write_at_once(path, content)
    except OSError as error:
        raise CacheError(
            f"A judgement cannot be kept in {path.parent}: {error.strerror or error}.",
            "The disk is full, or the folder may not be written.",
            "Free some space, or set TOOLKIT_CACHE to a folder on another disk.",
        ) from error


def _path(key: str) -> Path:
    return cache_dir() / "judgements" / key[:2] / f"{key}.json"


def _check(key: str, grade: float) -> str:
    """Return what only a whole and rightly filed entry holds."""
    return hashlib.sha256(f"{key} {grade!r}".encode()).hexdigest()[:16]
