"""The random numbers that the libraries below share, put back where they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def random_state() -> tuple[Any, ...]:
    """Return where the streams of Python, NumPy and torch are, on all devices."""
    return (
        random.getstate(),
        np.random.get_state(),  # noqa: NPY002  (what transformers saves and seeds)
        torch.get_rng_state(),
        torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
    )


def set_random_state(state: tuple[Any, ...]) -> None:
    """Put all streams where they were when `random_state` was called."""
    of_python, of_numpy, of_torch, of_cuda, of_mps = state
    random.setstate(of_python)
    np.random.set_state(of_numpy)  # noqa: NPY002
    torch.set_rng_state(of_torch)
    if of_cuda:
        torch.cuda.set_rng_state_all(of_cuda)
    if of_mps is not None:
        torch.mps.set_rng_state(of_mps)


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Let what is drawn inside leave no trace."""
    before = random_state()
    try:
        yield
    finally:
        set_random_state(before)
