"""One run at a time in a process, and a policy that only the run may use."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from toolkit.errors import ConfigError

if TYPE_CHECKING:
    from toolkit.policies.models import ModelPolicy

_ALIVE = threading.Lock()


def is_claimed() -> bool:
    """Return whether a run is going on."""
    return _ALIVE.locked()


@contextmanager
def claimed(policy: ModelPolicy) -> Iterator[None]:
    """Keep everybody else from training meanwhile, and from using the policy.

    Raises:
        ConfigError: If a run is going on.
    """
    if not _ALIVE.acquire(blocking=False):
        raise ConfigError(
            "Another run is going on in this process.",
            "Two would share random numbers and the state of accelerate.",
            "Stop it with controls.stop(), or wait for its result().",
        )
    policy.trained_by = threading.get_ident()
    try:
        yield
    finally:
        policy.trained_by = None
        _ALIVE.release()
