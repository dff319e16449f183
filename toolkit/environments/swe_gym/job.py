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
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from toolkit.environments.swe.grading import Grade
from toolkit.environments.swe.runner import TestReport
from toolkit.environments.swe.workspace import Workspace
from toolkit.environments.swe_gym.commands import (
    command,
    files_of,
    grading_command,
    is_test_path,
)
from toolkit.environments.swe_gym.containers import Container
from toolkit.environments.swe_gym.engines import Engine, find_engine
from toolkit.environments.swe_gym.images import WORKDIR, image_of
from toolkit.environments.swe_gym.logs import TestLog, read_log
from toolkit.environments.swe_gym.observations import task_text
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

_Files = dict[str, bytes | None]
"""Contents by path; `None` for a file that is not there."""


class GymJob:
    """A `Job` in containers: where it begins, how its tests run, what a repair earns.

    Args:
        record: The task.
        tests_s: Seconds after which a run of tests is stopped.

    Raises:
        ContainerError: If there is no engine, or the image cannot be had.
        TaskError: If the patch that makes the bug does not fit the image.
    """

    def __init__(self, record: Record, *, tests_s: float = 300.0) -> None:
        self.record = record
        self.mistaken = frozenset(record.files)
        self.fail_to_pass = record.fail_to_pass
        hidden = read_patch(record.test_patch)
        self._hidden = {path for change in hidden for path in (change.old, change.new)}
        self._tests_s = tests_s
        self._engine, self._image = find_engine(), image_of(record)
        if not self._engine.has(self._image):
            self._engine.pull(self._image)
        tree = _tree(self._engine, self._image)
        self._planted = self._bug(tree)
        self._begun: dict[str, bytes] = {**tree, **self._planted}
        self.workspace = Workspace(self._begun, growing=True)
        self._container: Container | None = None
        self._there: _Files = {}

    def close(self) -> None:
        """Remove the container and all files."""
        self._drop()
        self.workspace.close()

    def task_text(self, given: Mapping[str, Any]) -> str:
        """Return the first observation."""
        return task_text(self.record, self.workspace.listing(""), given)

    def run(self, pattern: str) -> TestReport:
        """Run tests on the files as they are now.

        Args:
            pattern: File, folder or id of tests, or words of their names; empty for
                the files that the task lists tests of.

        Raises:
            ActionError: If the pattern names nothing.
            ContainerError: If the container died.
        """
        line = self._command(pattern)
        start = time.monotonic()
        try:
            done = self._current().run(line, timeout_s=self._tests_s)
        except ContainerError:
            self._drop()
            raise
        if done.timed_out:
            self._drop()  # with whatever still runs in it
        text = done.output.decode("utf-8", "replace")
        log = read_log(text, self.record.repo)
        return TestReport(
            passed=log.passed,
            failed=log.failed,
            skipped=log.skipped,
            broken=self._told(log, done.timed_out),
            timed_out=done.timed_out,
            output=_without_passes(text),
            seconds=time.monotonic() - start,
        )

    def grade(self) -> Grade:
        """Return what changes are worth, in a fresh container with the hidden tests.

        Raises:
            ContainerError: If the container died or the tests cannot be put there.
        """
        self._drop()
        changed, record = self._changed(), self.record
        kept = {path: data for path, data in changed.items() if self.counts(path)}
        with Container(self._engine, self._image) as container:
            container.put({**self._planted, **kept})
            if record.test_patch:
                patch = record.test_patch.rstrip("\n") + "\n"
                container.must(_APPLY, stdin=patch.encode())
            done = container.run(grading_command(record), timeout_s=self._tests_s)
        log = read_log(done.output.decode("utf-8", "replace"), record.repo)
        ignored = tuple(sorted(changed.keys() - kept))
        return _grade(record, log, self._told(log, done.timed_out), ignored)

    def counts(self, path: str) -> bool:
        """Return whether changes of a file count: not those of tests and settings.

        What the gold patch changes counts in any case.
        """
        is_test = path in self._hidden or is_test_path(path)
        return path in self.mistaken or not is_test

    def wanted(self, changed: Collection[str]) -> dict[str, str] | None:
        """Return the texts of files after the gold patch.

        Returns:
            `None` if it removes files, or changes some that are no text.
        """
        record = self.record
        try:
            gold = apply_patch(record.gold, self._text, undo=record.is_smith)
        except (KeyError, UnicodeDecodeError, TaskError):
            return None
        kept = {path: text for path, text in gold.items() if text is not None}
        if len(kept) < len(gold):
            return None
        others = sorted(set(changed) - kept.keys())
        # a file that was made cannot be removed, but it can be emptied
        return {p: self._text(p) if p in self._begun else "" for p in others} | kept

    def facts(self) -> dict[str, Any]:
        """Return facts for `info`."""
        return {"instance": self.record.instance, "repository": self.record.repo}

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
        return self._begun[path].decode()

    def _changed(self) -> _Files:
        """Return the files that differ from the start, as they are now."""
        return {path: now for path, (_, now) in self.workspace.changed().items()}

    def _drop(self) -> None:
        """Remove the container."""
        if self._container:
            self._container.close()
            self._container, self._there = None, {}

    def _current(self) -> Container:
        """Return the container, with the files as they are now."""
        if self._container is None:
            self._container = Container(self._engine, self._image)
        wanted = {**self._planted, **self._changed()}
        for path in self._there.keys() - wanted.keys():
            wanted[path] = self._begun.get(path)
        missing = {
            path: data
            for path, data in wanted.items()
            if path not in self._there or self._there[path] != data
        }
        self._container.put(missing)
        self._there |= missing
        return self._container

    def _command(self, pattern: str) -> str:
        """Return the command for a pattern.

        Raises:
            ActionError: If it names nothing.
        """
        record, here = self.record, set(self.workspace.files())
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

    def _told(self, log: TestLog, timed_out: bool) -> str:
        """Return why a run proves nothing, `""` if it does."""
        if timed_out:
            return f"The tests were stopped after {self._tests_s:.0f} s."
        why = log.broken
        return f"The log of the tests cannot be used: {why}." if why else ""


def check_task(record: Record, *, timeout_s: float = 600.0) -> str:
    """Return what is wrong with a task on this machine, `""` if nothing is.

    A task is sound if its failing tests fail without a repair, its other tests pass,
    and everything passes with the gold patch. Tests that need a network do not pass
    here.

    Raises:
        ContainerError: If there is no engine, or the image cannot be had.
    """
    with contextlib.closing(GymJob(record, tests_s=timeout_s)) as job:
        gold = job.wanted(())
        if gold is None:
            return "The gold patch removes files, or does not fit the image."
        before = job.grade()
        for path, text in gold.items():
            job.workspace.write(path, text.replace("\r\n", "\n"))
        after = job.grade()
    if before.refused or after.refused:
        return before.refused or after.refused
    early = sorted(set(record.fail_to_pass) - set(before.still_fail))
    late = sorted({*after.still_fail, *after.newly_fail})
    told = [f"{early[0]} passes without a repair"] if early else []
    told += [f"{late[0]} fails with the gold patch"] if late else []
    return "; ".join(told)


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
