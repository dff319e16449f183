"""Which tasks `swe-gym/…` ids stand for: data sets, the paper's subset, difficulty.

The paper (A Practitioner's Guide to Multi-turn Agentic RL, arXiv 2510.01132, §4 and
B.1) draws 90 training and 25 test tasks at random: of getmoto alone, or 18 and 5 of
each of five repositories. Its lists of instances are not public. Ours is a draw of our
own, by a hash of the name of each task: the same for everybody, and the same after a
data set has grown. A task is in the same split in every preset of SWE-Gym, so nothing
that `full` trains on is among the tests of `lite`, `getmoto` or `paper`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.environments.swe_gym.records import Record, Records, from_file, from_hub
from toolkit.errors import (
    ConfigError,
    TaskError,
    UnknownEnvironmentError,
    near_matches,
)

DATA_VARIABLE = "SWE_GYM_DATA"
"""Environment variable that names a folder with data sets as files, for machines
without the hub: `SWE-Gym-Lite.jsonl` or `.parquet` there is read in its place."""
FIVE = {
    "getmoto": "getmoto/moto",
    "pydantic": "pydantic/pydantic",
    "mypy": "python/mypy",
    "pandas": "pandas-dev/pandas",
    "dvc": "iterative/dvc",
}
"""The paper's five repositories, by the name of their preset."""
SHARES = {"test": 0.2, "validation": 0.25, "demonstration": 0.3, "train": 1.0}
"""Where each split ends, in parts of all tasks."""
LEVELS = ("easy", "medium", "hard")
BOUNDS = {"lines": (8, 31), "tests": (17, 53)}
"""Most lines of the gold patch (added and taken away), and most tests that decide, of
an easy and of a medium task: the paper's Table 2."""
_SALT = "swe-gym"


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """A data set and which of its tasks are played."""

    data: str
    """Its name on the Hugging Face hub, `""` for a file of one's own."""
    hub_split: str = "train"
    """The split of the hub that holds the rows."""
    repos: tuple[str, ...] = ()
    """Repositories whose tasks count; none stands for all."""
    each: tuple[tuple[str, int], ...] = ()
    """Most tasks of a repository by split; the other splits have all."""
    only_test: bool = False
    """Whether it is a benchmark, which is not trained on."""


_GYM, _SINGLE = "SWE-Gym/SWE-Gym", (("train", 90), ("test", 25))
PRESETS = {
    "full": Preset(data=_GYM),
    "lite": Preset(data="SWE-Gym/SWE-Gym-Lite"),
    "paper": Preset(
        data=_GYM, repos=tuple(FIVE.values()), each=(("train", 18), ("test", 5))
    ),
    **{
        name: Preset(data=_GYM, repos=(repo,), each=_SINGLE)
        for name, repo in FIVE.items()
    },
    "bench-lite": Preset(
        data="SWE-bench/SWE-bench_Lite", hub_split="test", only_test=True
    ),
    "bench-verified": Preset(
        data="SWE-bench/SWE-bench_Verified", hub_split="test", only_test=True
    ),
    "smith": Preset(data="SWE-bench/SWE-smith"),
    "file": Preset(data=""),
}
"""What may stand after `swe-gym/`."""


def preset_of(env: str) -> Preset:
    """Return the preset that an id names.

    Raises:
        UnknownEnvironmentError: If there is none of that name.
    """
    name = env.partition("/")[2]
    if name not in PRESETS:
        raise UnknownEnvironmentError(
            f"There is no environment {env!r}.",
            f"An id is swe-gym/ and one of {', '.join(PRESETS)}.",
            near_matches(name, PRESETS),
        )
    return PRESETS[name]


def records_of(preset: Preset, path: str | None) -> Records:
    """Return all tasks of the data set of a preset.

    Raises:
        ConfigError: If a path is missing, or given where there is none.
        DownloadError, TaskError: If the data set cannot be had or used.
    """
    if bool(path) == bool(preset.data):
        raise ConfigError(
            f"path is {path!r}.",
            "swe-gym/file needs one, and the other ids have their data set.",
            "Write swe-gym/file?path=tasks.jsonl.",
        )
    if path:
        return from_file(Path(path))
    file = local_copy(preset.data)
    return from_file(file) if file else from_hub(preset.data, preset.hub_split)


def local_copy(data: str) -> Path | None:
    """Return the file in `$SWE_GYM_DATA` that stands for a data set, if there is one.

    Raises:
        TaskError: If the variable names no folder.
    """
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        return None
    if not Path(folder).expanduser().is_dir():
        raise TaskError(
            f"{DATA_VARIABLE} is {folder}, and that is no folder.",
            "It names the folder with copies of data sets, such as SWE-Gym-Lite.jsonl.",
            "Make the folder or unset the variable.",
        )
    name = data.rpartition("/")[2]
    files = (
        Path(folder).expanduser() / f"{name}.{end}" for end in ("jsonl", "parquet")
    )
    return next((file for file in files if file.is_file()), None)


def draw(
    preset: Preset, records: Sequence[Record], split: str, levels: Mapping[str, Any]
) -> list[Record]:
    """Return the tasks of a split, in the order of their hashes.

    Args:
        preset: Which of the tasks it plays.
        records: The tasks of its data set.
        split: A key of `SHARES`.
        levels: `lines` and `tests`, each one of `LEVELS` or `None`.

    Raises:
        TaskError: If there is none.
    """
    repos = {repo.lower() for repo in preset.repos}
    ordered = sorted(records, key=lambda record: hash_of(record.instance))
    most, found = dict(preset.each).get(split), list[Record]()
    counts: dict[str, int] = {}
    for place, record in enumerate(ordered):
        repo = record.repo.lower()
        if (repos and repo not in repos) or not is_of(record, levels):
            continue
        part = hash_of(record.instance) / 2**63
        if not preset.data:  # a file may be small, so parts of it are counted off
            part = (place + 0.5) / len(ordered)
        if ("test" if preset.only_test else split_at(part)) != split:
            continue
        counts[repo] = counts.get(repo, 0) + 1
        if most is None or counts[repo] <= most:
            found.append(record)
    if not found:
        raise _none_left(preset, split, levels)
    return found


def hash_of(instance: str) -> int:
    """Return a number from 0 to 2**63 - 1 that belongs to the name of a task."""
    digest = hashlib.blake2b(f"{_SALT}:{instance}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def split_at(part: float) -> str:
    """Return the split in which a place among all tasks, from 0 to 1, falls.

    >>> split_at(0.1), split_at(0.9)
    ('test', 'train')
    """
    return next(name for name, end in SHARES.items() if part < end or end == 1)


def level(size: int, by: str) -> str:
    """Return how hard a size is, by `lines` or by `tests`.

    >>> level(8, "lines"), level(9, "lines"), level(54, "tests")
    ('easy', 'medium', 'hard')
    """
    return LEVELS[sum(size > bound for bound in BOUNDS[by])]


def is_of(record: Record, levels: Mapping[str, Any]) -> bool:
    """Return whether a task is as hard as it should be."""
    lines, tests = levels.get("lines"), levels.get("tests")
    return (lines is None or level(record.gold_lines, "lines") == lines) and (
        tests is None or level(record.test_count, "tests") == tests
    )


def _none_left(preset: Preset, split: str, levels: Mapping[str, Any]) -> TaskError:
    if preset.only_test and split != "test":
        return TaskError(
            f"{preset.data} has no split {split!r}.",
            "It is a benchmark; who trains on it cannot be compared with anybody.",
            "Train on swe-gym/full, or ask for split='test'.",
        )
    wanted = [f"{by}={levels[by]}" for by in BOUNDS if levels.get(by)]
    return TaskError(
        f"{preset.data or 'The file'} has no task of the split {split!r}"
        f"{f' with {chr(32).join(wanted)}' if wanted else ''}.",
        "A fifth of the tasks are tests, a twentieth each validation and "
        "demonstration, the rest training.",
        "Ask for another split or difficulty, or use a larger data set.",
    )
