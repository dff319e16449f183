"""How the bugs that come with the toolkit are made: which repository serves what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from toolkit.environments.swe.bugs import Bug
from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.workbench import Workbench, make_bugs

TO_LEARN = {"train": 27, "demonstration": 9}
PLAN = {
    "inflection": TO_LEARN,
    "python-slugify": TO_LEARN,
    "toolz": TO_LEARN,
    "tabulate": TO_LEARN,
    "boltons": TO_LEARN,
    "schedule": {"validation": 30},
    "parse": {"test": 30},
    "cachetools": {"test": 30},
    "humanize": {"test": 30},
}
"""Bugs of each repository and split. Policies are trained and tested on different
repositories; all numbers can be divided by that of the difficulties."""


def make_shipped(tell: Callable[[Bug], None]) -> Iterator[list[Bug]]:
    """Make the bugs of `PLAN`, one repository after the other.

    Args:
        tell: Is called with each bug, before its split is known.

    Raises:
        DownloadError: If a repository has to be fetched and cannot be.
        SandboxError: If there is no sandbox.
    """
    for name, splits in PLAN.items():
        with Workbench(get_repository(name)) as bench:
            bugs = make_bugs(bench, sum(splits.values()), tell=tell)
        of = [split for split, n in splits.items() for _ in range(n)]
        yield [replace(bug, split=split) for bug, split in zip(bugs, of, strict=True)]
