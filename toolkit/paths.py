"""Where the toolkit keeps files on this machine."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

NAME = "multiturn-rl-toolkit"
SHIPPED_MODELS = ("pocket", "pocket-house", "pocket-code")
"""In `assets_dir`, a folder each: they have read TextWorld, ALFWorld and SWE choice."""


def cache_dir() -> Path:
    """Return the folder for files that can be made again.

    It is the value of the environment variable `TOOLKIT_CACHE`, or else the place
    the platform reserves for caches. The folder need not exist yet.
    """
    chosen = os.environ.get("TOOLKIT_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / NAME
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / NAME
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache") / NAME


def assets_dir() -> Path:
    """Return the folder with the files that ship inside the package."""
    return Path(__file__).resolve().parent / "assets"


def write_at_once(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, whoever else writes it too.

    Raises:
        OSError: If the disk is full or may not be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".new-{uuid.uuid4().hex}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
