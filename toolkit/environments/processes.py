"""How the toolkit starts its worker processes."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def main_left_alone() -> Iterator[None]:
    """Let processes that are spawned here not import the main script again.

    `multiprocessing` imports the main module in each spawned process, so that what is
    defined there can be unpickled. Our workers need nothing of it, and a notebook or
    script that has loaded torch would make every one of them load it too.
    """
    main = sys.modules["__main__"]
    bare = types.ModuleType("__main__")
    bare.__spec__ = None
    sys.modules["__main__"] = bare
    try:
        yield
    finally:
        sys.modules["__main__"] = main
