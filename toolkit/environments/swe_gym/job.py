"""The files and the tests of one task of SWE-Gym, in containers of its image.

A player looks at and edits a copy on this machine, which costs milliseconds; a
container is made when tests run for the first time, and gets the files that have
changed. A repair is graded in another, fresh container, with the hidden tests. Nothing
comes back out of a container but the log of the tests.
"""

from __future__ import annotations

import contextlib
import functools
import io
import re
import tarfile
import time
from collections.abc import Mapping, Sequence

from toolkit.environments.swe.grading import Grade
from toolkit.environments.swe.runner import TestReport
from toolkit.environments.swe_gym.commands import (
    command,
    files_of,
    grading_command,
    is_test_path,
)
from toolkit.environments.swe_gym.containers import Container, ContainerLimits
from toolkit.environments.swe_gym.engines import Engine, find_engine
from toolkit.environments.swe_gym.images import WORKDIR, image_of
from toolkit.environments.swe_gym.logs import TestLog, read_log
from toolkit.environments.swe_gym.patches import apply_patch, read_patch
from toolkit.environments.swe_gym.records import Record
from toolkit.errors import ActionError, ContainerError, TaskError

LARGEST_FILE, MOST_FILES = 999, 5_000
"""Kilobytes of a file and number of files that a player sees; the rest is in the
container alone."""
_FILES = """\
exec 2> /dev/null
git config --global --add safe.directory '*'
git ls-files -z | grep --null-data '\\.py$' > /tmp/toolkit-files
git ls-files -z | grep --null-data --invert-match '\\.py$' >> /tmp/toolkit-files
head --zero-terminated --lines {files} /tmp/toolkit-files \
| xargs -0 -r sh -c 'find "$@" -maxdepth 0 -type f -size -{size}k -print0' sh \
| tar --create --null --no-recursion --files-from - --file -
"""
_APPLY = "git apply --whitespace=nowarn -"
_TREE_BYTES, _TREE_S = 400_000_000, 120.0

Files = Mapping[str, bytes | None]
"""Contents by path; `None` for a file that is not there."""


class GymJob:
    """One task: where it begins, how its tests run, what a repair is worth.

    Args:
        record: The task.
        limits: Of its containers.

    Raises:
        ContainerError: If there is no engine, or the image cannot be had.
        TaskError: If the patch that makes the bug does not fit the image.
    """

    def __init__(self, record: Record, limits: ContainerLimits | None = None) -> None:
        self.record = record
        self._limits = limits or ContainerLimits()
        self._engine, self._image = find_engine(), image_of(record)
        if not self._engine.has(self._image):
            self._engine.pull(self._image)
        tree = _tree(self._engine, self._image)
        self._planted = self._bug(tree)
        self.files: dict[str, bytes] = {**tree, **self._planted}
        """The files that a player begins with."""
        self._container: Container | None = None
        self._there: dict[str, bytes | None] = {}

    def close(self) -> None:
        """Remove the container."""
        if self._container:
            self._container.close()
            self._container, self._there = None, {}

    def run(self, changed: Files, pattern: str, timeout_s: float) -> TestReport:
        """Run tests on the files as they are now.

        Args:
            changed: Files that are different from `files`.
            pattern: File, folder or id of tests, or words of their names; empty for
                the files that the task lists tests of.
            timeout_s: Seconds after which they are stopped.

        Raises:
            ActionError: If the pattern names nothing.
            ContainerError: If the container died.
        """
        line = self._command(changed, pattern)
        start = time.monotonic()
        try:
            done = self._current(changed).run(line, timeout_s=timeout_s)
        except ContainerError:
            self.close()
            raise
        if done.timed_out:
            self.close()  # with whatever still runs in it
        text = done.output.decode("utf-8", "replace")
        log = read_log(text, self.record.repo)
        return TestReport(
            passed=log.passed,
            failed=log.failed,
            skipped=log.skipped,
            broken=_told(log, done.timed_out, timeout_s),
            timed_out=done.timed_out,
            output=_without_passes(text),
            seconds=time.monotonic() - start,
        )

    def counts(self, path: str) -> bool:
        """Return whether changes of a file count: not those of tests and settings.

        What the gold patch changes counts in any case.
        """
        gold = {change.path for change in read_patch(self.record.gold)}
        return path in gold or not is_test_path(path)

    def gold(self) -> dict[str, str] | None:
        """Return the files that the gold patch changes, as they are after it.

        Returns:
            `None` if it makes or removes files, or some that are no text.
        """
        record = self.record
        try:
            found = apply_patch(record.gold, self._text, undo=record.is_smith)
        except (KeyError, UnicodeDecodeError, TaskError):
            return None
        kept = {k: text for k, text in found.items() if text is not None}
        whole = len(kept) == len(found) and kept.keys() <= self.files.keys()
        return kept if whole else None

    def grade(self, changed: Files, timeout_s: float) -> Grade:
        """Return what changes are worth, in a fresh container with the hidden tests.

        Raises:
            ContainerError: If the container died or the tests cannot be put there.
        """
        self.close()
        kept = {path: data for path, data in changed.items() if self.counts(path)}
        ignored = tuple(sorted(changed.keys() - kept))
        record = self.record
        with Container(self._engine, self._image, self._limits) as container:
            container.put({**self._planted, **kept})
            if record.test_patch:
                patch = record.test_patch.rstrip("\n") + "\n"
                container.must(_APPLY, stdin=patch.encode())
            done = container.run(grading_command(record), timeout_s=timeout_s)
        log = read_log(done.output.decode("utf-8", "replace"), record.repo)
        return _grade(record, log, _told(log, done.timed_out, timeout_s), ignored)

    # ---- how it is done --------------------------------------------------------------

    def _bug(self, tree: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return the files that have to be broken first: those of SWE-smith."""
        if not self.record.is_smith:
            return {}
        try:
            found = apply_patch(self.record.gold, lambda path: tree[path].decode())
        except (KeyError, UnicodeDecodeError) as error:
            raise TaskError(
                f"The bug of {self.record.instance} cannot be made.",
                f"Its patch changes a file that cannot be read in {self._image}.",
                "Leave out this task.",
            ) from error
        return {k: text.encode() for k, text in found.items() if text is not None}

    def _text(self, path: str) -> str:
        return self.files[path].decode()

    def _current(self, changed: Files) -> Container:
        """Return the container, with the files as they are now."""
        if self._container is None:
            self._container = Container(self._engine, self._image, self._limits)
        wanted: dict[str, bytes | None] = {**self._planted, **changed}
        for path in self._there.keys() - wanted.keys():
            wanted[path] = self.files.get(path)
        missing = {
            path: data
            for path, data in wanted.items()
            if path not in self._there or self._there[path] != data
        }
        self._container.put(missing)
        self._there |= missing
        return self._container

    def _command(self, changed: Files, pattern: str) -> str:
        """Return the command for a pattern.

        Raises:
            ActionError: If it names nothing.
        """
        here = self.files.keys() | {
            k for k, data in changed.items() if data is not None
        }
        record = self.record
        listed = files_of((*record.pass_to_pass, *record.fail_to_pass))
        usual = [path for path in listed if path in here]
        path = pattern.partition("::")[0].rstrip("/")
        if not pattern and usual:
            return command(record.repo, usual, tracebacks="short")
        if pattern and (path in here or any(p.startswith(f"{path}/") for p in here)):
            return command(record.repo, [pattern], tracebacks="short")
        if usual and re.fullmatch(r"\w[\w.\[\]-]*", pattern):
            return command(record.repo, usual, tracebacks="short", words=pattern)
        raise ActionError(
            f"No tests are named by {pattern!r:.80}.",
            "A pattern is a file or folder with tests, the id of a test, or a part of "
            "its name.",
            "Try run_tests tests, or search for 'def test_'.",
        )


def check_task(record: Record, *, timeout_s: float = 600.0) -> str:
    """Return what is wrong with a task on this machine, `""` if nothing is.

    A task is sound if its failing tests fail without a repair, its other tests pass,
    and everything passes with the gold patch. Tests that need a network do not pass
    here.

    Raises:
        ContainerError: If there is no engine, or the image cannot be had.
    """
    job = GymJob(record)
    gold = job.gold()
    if gold is None:
        return "The gold patch makes or removes files, or does not fit the image."
    before = job.grade({}, timeout_s)
    after = job.grade({path: text.encode() for path, text in gold.items()}, timeout_s)
    if before.refused or after.refused:
        return before.refused or after.refused
    early = sorted(set(record.fail_to_pass) - set(before.still_fail))
    late = sorted({*after.still_fail, *after.newly_fail})
    told = [f"{early[0]} passes without a repair"] if early else []
    told += [f"{late[0]} fails with the gold patch"] if late else []
    return "; ".join(told)


def _told(log: TestLog, timed_out: bool, timeout_s: float) -> str:
    """Return why a run proves nothing, `""` if it does."""
    if timed_out:
        return f"The tests were stopped after {timeout_s:.0f} s."
    return f"The log of the tests cannot be used: {log.broken}." if log.broken else ""


def _grade(
    record: Record, log: TestLog, refused: str, ignored: tuple[str, ...]
) -> Grade:
    """Return the grade that belongs to a log."""

    def failing(names: Sequence[str]) -> tuple[str, ...]:
        passed = frozenset() if refused else log.passing(names, record.repo)
        return tuple(name for name in names if name not in passed)

    still, newly = failing(record.fail_to_pass), failing(record.pass_to_pass)
    return Grade(
        fail_to_pass=1 - len(still) / len(record.fail_to_pass),
        pass_to_pass=1 - len(newly) / max(1, len(record.pass_to_pass)),
        still_fail=still,
        newly_fail=newly,
        ignored=ignored,
        refused=refused,
    )


def _without_passes(text: str) -> str:
    """Return a log without the lines that name tests which passed."""
    lines = text.split("\n")
    return "\n".join(x for x in lines if not x.startswith(("PASSED ", "XFAIL ")))


@functools.lru_cache(maxsize=2)
def _tree(engine: Engine, image: str) -> Mapping[str, bytes]:
    """Return the files of the repository in an image: those that git knows, if small.

    Python files come first where there are too many.

    Raises:
        ContainerError: If they cannot be had.
    """
    listing = _FILES.format(files=MOST_FILES, size=LARGEST_FILE)
    with Container(engine, image) as container:
        packed = container.must(listing, timeout_s=_TREE_S, most_bytes=_TREE_BYTES)
    found: dict[str, bytes] = {}
    with (
        contextlib.suppress(tarfile.TarError),
        tarfile.open(fileobj=io.BytesIO(packed)) as archive,
    ):
        for member in archive:
            file = archive.extractfile(member) if member.isreg() else None
            if file:
                found[member.name.removeprefix("./")] = file.read()
    if not found:
        raise ContainerError(
            f"No files can be read in {image}.",
            f"There is no git repository in {WORKDIR}, or git or tar is missing.",
            "Is it an image of SWE-Gym?",
        )
    return found
