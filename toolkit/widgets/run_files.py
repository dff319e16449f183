"""What a run writes, read while it grows: its events, and a few of its episodes.

Each look reads the new bytes alone. Of `samples.jsonl`, which grows large, only the
places of its lines are kept.
"""

from __future__ import annotations

import json
import lzma
import re
from pathlib import Path
from typing import Any

from toolkit.errors import ToolkitError

Event = dict[str, Any]
STEP = re.compile(rb'"step": ?(\d+)')
HEAD_BYTES = 200
"""The first line of a file holds the time, so no two files begin alike."""
NO_EVENTS: tuple[Event, ...] = ()


class GrowingFile:
    """A file of lines, which may grow, be replaced or not be there yet.

    A last line without an end is left for the next look. If the file is missing and
    stands beside it as `NAME.xz`, as in recordings that ship, that is read.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0  # bytes
        self._head = b""  # by which another file is told apart
        self._changed_ns = -1
        self._packed = b""

    def news(self) -> tuple[bool, list[tuple[int, bytes]]]:
        """Return whether the file is another one than before, and its new lines.

        Lines come with the place of their first byte, and without their end.
        """
        try:
            changed_ns = self.path.stat().st_mtime_ns
            if changed_ns == self._changed_ns:
                return False, []
            with self.path.open("rb") as file:
                head = file.read(HEAD_BYTES)
                is_new = not head.startswith(self._head)
                self._read = 0 if is_new else self._read
                file.seek(self._read)
                data = file.read()
        except OSError:
            return False, self._unpacked()
        self._head, self._changed_ns = head, changed_ns
        return is_new, self._split(data)

    def line(self, at: int, length: int) -> bytes:
        """Return a line that was there before; empty if the file is gone."""
        if self._packed:
            return self._packed[at : at + length]
        try:
            with self.path.open("rb") as file:
                file.seek(at)
                return file.read(length)
        except OSError:
            return b""

    def _unpacked(self) -> list[tuple[int, bytes]]:
        packed = self.path.with_name(f"{self.path.name}.xz")
        if self._packed or not packed.is_file():
            return []
        self._packed = lzma.decompress(packed.read_bytes())
        return self._split(self._packed)

    def _split(self, data: bytes) -> list[tuple[int, bytes]]:
        *whole, _ = data.split(b"\n")
        lines = []
        for line in whole:
            lines.append((self._read, line))
            self._read += len(line) + 1
        return lines


class RunFiles:
    """The folder of a run, of this process or another, going on or over.

    Args:
        folder: The `output_dir` of a run. It need not hold anything yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []
        """All so far. The `groups` of rollouts are left out: they are long."""
        self.places: dict[int, tuple[int, int]] = {}
        """Where in `samples.jsonl` those of a step stand, and how long they are."""
        self._event_file = GrowingFile(folder / "events.jsonl")
        self._sample_file = GrowingFile(folder / "samples.jsonl")

    def read(self) -> bool:
        """Read what is new; return whether there was anything."""
        anew, lines = self._event_file.news()
        if anew:
            self.events = []
        self.events += [e for _, line in lines for e in _event(line)]
        others, samples = self._sample_file.news()
        if others:
            self.places = {}
        for at, line in samples:
            if found := STEP.search(line[:400]):
                self.places[int(found[1])] = (at, len(line))
        return anew or others or bool(lines or samples)

    def sample(self, step: int) -> dict[str, Any]:
        """Return the line of `samples.jsonl` for a step; empty if it is damaged."""
        if step not in self.places:
            return {}
        found = _parsed(self._sample_file.line(*self.places[step]))
        return found if isinstance(found, dict) else {}


def open_run(folder: Path) -> RunFiles:
    """Return the files of a run, read.

    Raises:
        ToolkitError: If there is no such folder.
    """
    if not folder.is_dir():
        raise ToolkitError(
            f"There is no folder {folder}.",
            "A run is shown from what it has written into its output_dir.",
            "Give the output_dir of a run, such as runs/latest.",
        )
    files = RunFiles(folder)
    files.read()
    return files


def _event(line: bytes) -> tuple[Event, ...]:
    """Return the event of a line, none if it is damaged."""
    event = _parsed(_without_groups(line)) or _parsed(line)
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return NO_EVENTS
    step = event.get("step")
    return (event,) if type(step) is int and step >= 0 else NO_EVENTS


def _without_groups(line: bytes) -> bytes:
    """Cut the longest field out before the line is parsed, which takes most time."""
    start = line.find(b'"groups": [')
    end = line.find(b'}], "', start)
    if not line.startswith(b'{"event": "rollout"') or start < 0 or end < 0:
        return line
    return line[:start] + line[end + 4 :]


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
