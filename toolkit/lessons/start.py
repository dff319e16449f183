"""The first cell of every notebook: `lesson = start("00_quickstart")`."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import random
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from toolkit.device import pick_device, pick_precision
from toolkit.errors import ConfigError, near_matches

if TYPE_CHECKING:
    from toolkit.lessons.exercise import Exercise

PROFILES = ("smoke", "t4", "full")
"""`smoke` ends within a minute on a laptop, `t4` fits a free Colab GPU, and `full` is
the size at which the lesson's claims hold."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lesson:
    """What a notebook knows about the machine it runs on."""

    name: str
    """File name of the notebook, without its ending."""
    seed: int
    """Of everything in the notebook that is drawn by chance."""
    profile: str
    """One of `PROFILES`."""
    device: str
    """`cpu`, `cuda` or `mps`."""
    precision: str
    """`fp32`, `bf16` or `fp16`."""

    def pick(self, *, smoke: T, t4: T, full: T) -> T:
        """Return the size for this run's profile.

        >>> from toolkit.lessons.start import Lesson
        >>> lesson = Lesson(
        ...     name="x", seed=0, profile="smoke", device="cpu", precision="fp32"
        ... )
        >>> lesson.pick(smoke=6, t4=60, full=200)
        6
        """
        return {"smoke": smoke, "t4": t4, "full": full}[self.profile]

    def exercise(self, name: str) -> Exercise:
        """Return an exercise of this lesson.

        Args:
            name: What its answer is called.

        Raises:
            ConfigError: If there is no such exercise.
        """
        from toolkit.lessons.exercises import exercise_of

        return exercise_of(self.name, name)


def start(name: str, *, seed: int = 0) -> Lesson:
    """Set threads and seeds, choose sizes and precision, and print one line.

    The profile is that of the environment variable `TOOLKIT_PROFILE`, or else `smoke`
    on a machine without a GPU and `t4` on one with.

    Args:
        name: File name of the notebook, without its ending.
        seed: Of everything that is drawn by chance.

    Raises:
        ConfigError: If there is no such profile.
    """
    device = pick_device()
    profile = pick_profile(os.environ.get("TOOLKIT_PROFILE", ""), device)
    precision = pick_precision(device)
    _quiet()
    _seed(seed)
    if profile == "smoke":
        import torch

        # a model this small gains nothing from a second thread, and with one the
        # numbers are the same on any number of cores
        torch.set_num_threads(1)
    print(
        f"{name}: profile {profile}, {device} in {precision.name} "
        f"({precision.reason}), seed {seed}; {_versions()}"
    )
    return Lesson(
        name=name, seed=seed, profile=profile, device=device, precision=precision.name
    )


def pick_profile(wanted: str, device: str) -> str:
    """Return the wanted profile, or the one that suits the device.

    >>> pick_profile("", "cpu"), pick_profile("", "cuda"), pick_profile("full", "cpu")
    ('smoke', 't4', 'full')

    Raises:
        ConfigError: If there is no such profile.
    """
    if not wanted:
        return "t4" if device == "cuda" else "smoke"
    if wanted not in PROFILES:
        raise ConfigError(
            f"TOOLKIT_PROFILE is {wanted!r}.",
            f"The profiles are {', '.join(PROFILES)}.",
            near_matches(wanted, PROFILES),
        )
    return wanted


def _seed(seed: int) -> None:
    """Seed what a learner may use in a cell; the toolkit has its own streams."""
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002  (for cells that use the global one)
    torch.manual_seed(seed)


def _quiet() -> None:
    """Keep telemetry off, and out of the cells what nothing follows from.

    That is bars of loading weights, and a warning that peft and TRL call something of
    transformers by its old name.
    """
    old_name = ".*is_gradient_checkpointing.*"
    warnings.filterwarnings("ignore", old_name, category=FutureWarning)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    from transformers.utils import logging

    logging.disable_progress_bar()


def _versions() -> str:
    """Name the versions that the numbers depend on most."""
    found = {"Python": platform.python_version()}
    for package in ("torch", "trl"):
        found[package] = importlib.metadata.version(package)
    return ", ".join(f"{name} {version}" for name, version in found.items())
