"""Repair tasks of SWE-Gym, SWE-bench and SWE-smith in one typed record.

The three data sets share a core of columns; what they do differently is told at
`KINDS` and ends in `record_of`. Columns were compared with the data sets' own cards
(https://huggingface.co/SWE-Gym, https://huggingface.co/SWE-bench) and with the code
that reads them (https://github.com/SWE-bench/SWE-bench,
https://github.com/SWE-bench/SWE-smith).
"""

from __future__ import annotations

import functools
import importlib
import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.environments.swe_gym.patches import changed_lines, read_patch
from toolkit.errors import DownloadError, TaskError

KINDS = {
    "swe-gym": "lists of tests as lists; no environment_setup_commit",
    "swe-bench": "lists of tests as JSON in a text; environment_setup_commit",
    "swe-smith": "the patch makes the bug, the tests are in the repository already; "
    "image_name, but no base_commit, test_patch, version; often no problem_statement",
}
"""Families of data sets and how their rows differ. Lists of tests may be lists or
JSON in any of them."""
_INSTANCE = re.compile(r"[A-Za-z0-9_.-]+__[A-Za-z0-9_.-]+")
_MOST_NAMED = 5
"""Bad rows that a warning names; it counts the others."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A bug, how it is told, and the tests that decide whether it is repaired."""

    instance: str
    """Name of the task, such as `getmoto__moto-5406`; unique in a data set."""
    kind: str
    """One of `KINDS`."""
    repo: str
    """Repository on GitHub, such as `getmoto/moto`."""
    problem: str
    """The issue in words; `""` in some rows of SWE-smith."""
    gold: str
    """Patch that repairs the bug (of SWE-smith: to be applied backwards)."""
    test_patch: str
    """Patch that adds the hidden tests, `""` where they are there already."""
    fail_to_pass: tuple[str, ...]
    """Ids of the tests that fail before the repair and pass after it."""
    pass_to_pass: tuple[str, ...]
    """Ids of the tests that pass before and after."""
    base_commit: str = ""
    """Commit that the image has checked out."""
    version: str = ""
    """Version of the package."""
    image: str = ""
    """Name of the image, where the row has one."""

    @property
    def is_smith(self) -> bool:
        """Whether the image holds sound code, into which the patch puts the bug."""
        return self.kind == "swe-smith"

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files that the gold patch changes."""
        return tuple(change.path for change in read_patch(self.gold))

    @property
    def gold_lines(self) -> int:
        """Lines that the gold patch adds and takes away."""
        return changed_lines(self.gold)

    @property
    def test_count(self) -> int:
        """Tests that decide: fail-to-pass and pass-to-pass."""
        return len(self.fail_to_pass) + len(self.pass_to_pass)


@dataclass(frozen=True, kw_only=True, slots=True)
class Records:
    """What a data set holds."""

    records: tuple[Record, ...]
    """Its good rows, in their order."""
    refused: tuple[str, ...]
    """Its bad rows, each with its number, its name and what is wrong."""

    def get(self, instance: str) -> Record:
        """Return the record of a name.

        Raises:
            TaskError: If there is none.
        """
        for record in self.records:
            if record.instance == instance:
                return record
        raise TaskError(
            f"There is no task {instance!r} in this data set.",
            f"It has {len(self.records)} tasks"
            f"{f', and {len(self.refused)} bad rows' if self.refused else ''}.",
            "Make the tasks again with tasks(...): the data set has changed.",
        )


def record_of(row: Mapping[str, Any]) -> Record:
    """Return the record of a row.

    Raises:
        TaskError: If something is missing or is not what it should be; all of it is
            named.
    """
    kind = kind_of(row)
    wrong: list[str] = []
    tests = {name: _ids(row, name, wrong) for name in ("FAIL_TO_PASS", "PASS_TO_PASS")}
    texts = {name: _text(row, name, kind, wrong) for name in _TEXTS}
    _check(texts, tests, kind, wrong)
    if wrong:
        why = "; ".join(sorted(wrong))
        raise TaskError("The row cannot be used.", f"{why}.", "Mend or leave out it.")
    kept = tests["PASS_TO_PASS"]
    if kind == "swe-smith":  # it lists the whole suite; its harness runs these files
        files = {name.partition("::")[0] for name in tests["FAIL_TO_PASS"]}
        kept = tuple(name for name in kept if name.partition("::")[0] in files)
    return Record(
        instance=texts["instance_id"],
        kind=kind,
        repo=texts["repo"],
        problem=texts["problem_statement"],
        gold=texts["patch"],
        test_patch=texts["test_patch"],
        fail_to_pass=tests["FAIL_TO_PASS"],
        pass_to_pass=kept,
        base_commit=texts["base_commit"],
        version=texts["version"],
        image=texts["image_name"],
    )


def kind_of(row: Mapping[str, Any]) -> str:
    """Return which of `KINDS` a row is written like."""
    if row.get("image_name") and not row.get("base_commit"):
        return "swe-smith"
    return "swe-bench" if "environment_setup_commit" in row else "swe-gym"


def read_records(rows: Iterable[tuple[str, Any]], source: str) -> Records:
    """Return the records of rows; warn of the bad ones.

    Args:
        rows: Where a row stands (`line 3`), and the row, or a text that says why it
            cannot be read.
        source: What they come from, for messages.

    Raises:
        TaskError: If no row is good.
    """
    records: dict[str, Record] = {}
    refused: list[str] = []
    for place, row in rows:
        try:
            record = _row(row)
            if record.instance in records:
                raise TaskError("", f"{record.instance} is there twice.")
            records[record.instance] = record
        except TaskError as error:
            name = row.get("instance_id", "") if isinstance(row, Mapping) else ""
            refused.append(f"{place}{f' ({name!s:.80})' if name else ''}: {error.why}")
    if not records:
        raise TaskError(
            f"{source} has no task that can be used.",
            refused[0] if refused else "It is empty.",
            "The columns are those of SWE-Gym, see docs/environments/swe-gym.md.",
        )
    if refused:
        more = len(refused) - _MOST_NAMED
        named = "\n".join(refused[:_MOST_NAMED])
        warnings.warn(
            f"{len(refused)} rows of {source} are left out:\n{named}"
            f"{f'{chr(10)}and {more} more' if more > 0 else ''}",
            stacklevel=2,
        )
    return Records(records=tuple(records.values()), refused=tuple(refused))


def from_file(path: Path) -> Records:
    """Return the records of a JSON-lines or Parquet file.

    Raises:
        TaskError: If there is no such file, it is of another format, or no row is good.
    """
    path = path.expanduser().resolve()
    try:
        state = path.stat()
    except OSError as error:
        raise TaskError(
            f"There is no file {path}.",
            f"{error.strerror}.",
            "Give the path of a .jsonl or .parquet file with rows of SWE-Gym.",
        ) from error
    return _from_file(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=4)
def _from_file(path: Path, changed: int, size: int) -> Records:
    """Read a file; the time and size of its last change tell whether it is another."""
    if path.suffix == ".jsonl":
        return read_records(_json_lines(path), path.name)
    if path.suffix == ".parquet":
        return read_records(_parquet_rows(path), path.name)
    raise TaskError(
        f"{path.name} is of no known format.",
        f"Its name ends in {path.suffix or 'nothing'!r}.",
        "Give a .jsonl or .parquet file.",
    )


@functools.lru_cache(maxsize=4)
def from_hub(name: str, split: str) -> Records:
    """Return the records of a data set on the Hugging Face hub, or of its cached copy.

    Raises:
        DownloadError: If it cannot be had.
        TaskError: If no row of it is good.
    """
    try:
        rows = importlib.import_module("datasets").load_dataset(name, split=split)
    except Exception as error:  # it raises whatever its many libraries raise
        raise DownloadError(
            f"The data set {name} could not be had from huggingface.co.",
            f"{type(error).__name__}: {error!s:.300}",
            "Check the connection, or get its .parquet file by other means and name "
            "its folder in the environment variable SWE_GYM_DATA.",
        ) from error
    return read_records(_numbered("row", rows), name)


def _row(row: Any) -> Record:
    """Return the record of what should be a row."""
    if isinstance(row, str):
        raise TaskError("", row)
    if not isinstance(row, Mapping):
        raise TaskError("", f"It is {type(row).__name__}, not an object.")
    return record_of(row)


def _json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                yield f"line {number}", json.loads(line)
            except ValueError as error:  # no JSON or no UTF-8
                yield f"line {number}", f"It is no JSON: {error}."


def _parquet_rows(path: Path) -> Iterator[tuple[str, Any]]:
    parquet = importlib.import_module("pyarrow.parquet")
    arrow_error = importlib.import_module("pyarrow").ArrowException
    try:
        batches = parquet.ParquetFile(path).iter_batches(batch_size=64)
        rows = (row for batch in batches for row in batch.to_pylist())
        yield from _numbered("row", rows)
    except (arrow_error, OSError) as error:
        raise TaskError(
            f"{path.name} is no Parquet file.",
            f"{error!s:.200}",
            "Get it again; of files in Git LFS get the content, not the pointer.",
        ) from error


def _numbered(word: str, rows: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for number, row in enumerate(rows, start=1):
        yield f"{word} {number}", row


# ---- the columns -----------------------------------------------------------------

_TEXTS = {
    "instance_id": KINDS.keys(),
    "repo": KINDS.keys(),
    "patch": KINDS.keys(),
    "problem_statement": ("swe-gym", "swe-bench"),
    "test_patch": ("swe-gym", "swe-bench"),
    "base_commit": ("swe-gym", "swe-bench"),
    "version": (),
    "image_name": ("swe-smith",),
}
"""Columns with text, and the kinds of rows that need them."""


def _text(row: Mapping[str, Any], name: str, kind: str, wrong: list[str]) -> str:
    """Return a text of a row; note what is wrong with it."""
    value = row.get(name)
    if isinstance(value, str) and value.strip():
        return value
    if value is not None and not isinstance(value, str):
        wrong.append(f"{name} is {type(value).__name__}, not text")
    elif kind in _TEXTS[name]:
        wrong.append(f"{name} is {'missing' if value is None else 'empty'}")
    return ""


def _ids(row: Mapping[str, Any], name: str, wrong: list[str]) -> tuple[str, ...]:
    """Return a list of tests of a row; note what is wrong with it."""
    value = row.get(name)
    if value is None:
        wrong.append(f"{name} is missing")
        return ()
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            wrong.append(f"{name} is neither a list nor JSON")
            return ()
    if not isinstance(value, list) or not all(isinstance(i, str) and i for i in value):
        wrong.append(f"{name} is no list of names of tests")
        return ()
    return tuple(dict.fromkeys(value))


def _check(
    texts: Mapping[str, str],
    tests: Mapping[str, tuple[str, ...]],
    kind: str,
    wrong: list[str],
) -> None:
    """Note what is wrong with values that are there."""
    instance, failing = texts["instance_id"], tests["FAIL_TO_PASS"]
    if instance and not _INSTANCE.fullmatch(instance):
        wrong.append(f"instance_id {instance!r:.80} is not like owner__name-number")
    if not failing and not any(text.startswith("FAIL_TO_PASS") for text in wrong):
        wrong.append("FAIL_TO_PASS is empty, so there is nothing to repair")
    both = sorted(set(failing) & set(tests["PASS_TO_PASS"]))
    if both:
        wrong.append(f"{both[0]!r:.80} is in FAIL_TO_PASS and in PASS_TO_PASS")
    for name in ("patch", "test_patch"):
        try:
            read_patch(texts[name])
        except TaskError as error:
            wrong.append(f"{name} cannot be read: {error.why.rstrip('.')}")
