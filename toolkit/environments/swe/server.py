"""Runs tests again and again, fast: pytest is imported once, each run is a fork of it.

This file runs inside the sandbox, where there is no toolkit: beside Python and pytest
it needs `forked.py` and `compiled.py` alone. It reads a line of JSON with compiled
code, then one for each run, and answers each with one.

**What an answer is worth.** Tests and the code that they test share a process, and that
code is not to be trusted. The process that answers never runs any of it:

* It hears of each test through a pipe, in lines that begin with a key of this run. A
  run that ends early (`os._exit`, a signal, `sys.exit` at import) lacks the last line.
* The answer repeats a secret of the question. Only this process ever knew it: the fork
  that runs the tests was made before the question came.
* Other processes of the same user cannot look into it (it is not dumpable), and all
  that a run started is killed before its answer is given.
* When the tests have run, what pytest, pluggy, unittest and builtins consist of is
  compared with what it was before the fork. If anything was replaced, the answer says
  so.

What remains possible: code that searches its own process (frames, `gc`) for the key can
report what it likes; code that replaces a part of pytest and puts it back before the
end is not noticed; and a function can return an object that equals everything.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.environments.swe import compiled, forked

Message = dict[str, Any]

KEPT = 64 * 1024
"""Bytes of output that are kept: the last ones."""
REPORTED = 32 * 1024 * 1024
"""Bytes of reports after which a run is stopped."""
LEFTOVERS_S = 5.0
"""Seconds that killing what a run started may take."""
SET_DUMPABLE, SET_CHILD_SUBREAPER = 4, 36
"""Numbers of Linux for `prctl`."""


def main(settings: Message) -> None:
    """Answer questions until there are no more.

    Args:
        settings: What is the same in all runs: `tests`, below the working directory;
            `left_out`, files of them and ids; `path`, put before `sys.path`; `site`,
            where pytest is (if empty, all that is installed can be imported);
            `options` of pytest.
    """
    answers = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)
    _protect()
    forked.import_pytest(settings["site"])
    with os.fdopen(0, "rb", closefd=False) as questions:
        compiled.use(compiled.from_text(json.loads(questions.readline())["compiled"]))
        trusted = forked.Trusted()
        _write(answers, b"{}\n")
        while True:
            run = Run(settings, trusted, others=(0, answers))
            line = questions.readline()
            if not line:
                return  # the fork reads that its question will never come
            question = json.loads(line)
            secret = question.pop("secret")
            answer = {**run.answer(question), "secret": secret}
            _write(answers, json.dumps(answer).encode() + b"\n")


# ---- the process that answers ----------------------------------------------------


class Run:
    """One fork: it waits for its question, and then runs the tests."""

    def __init__(
        self, settings: Message, trusted: forked.Trusted, others: Sequence[int]
    ) -> None:
        question, self._question = os.pipe()
        self._reports, reports = os.pipe()
        self._output, output = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            for fd in (*others, self._question, self._reports, self._output):
                os.close(fd)
            forked.run_tests(settings, trusted, question, reports, output)
        for fd in (question, reports, output):
            os.close(fd)
        self._status: int | None = None
        self._cpu_s = 0.0

    def answer(self, question: Message) -> Message:
        """Let it run; return what there is to know about it."""
        key = os.urandom(16).hex()
        start = time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # somebody killed it
            _write(self._question, json.dumps({**question, "key": key}).encode())
        os.close(self._question)
        reports, output = Stream(self._reports, None), Stream(self._output, KEPT)
        timed_out = self._listen(reports, output, start + question["timeout_s"])
        self._end()
        os.close(self._reports)
        os.close(self._output)
        return {
            **_results(bytes(reports.data), key.encode()),
            "timed_out": timed_out or self._status == -signal.SIGXCPU,
            "status": self._status,
            "cpu_s": self._cpu_s,
            "output": bytes(output.data).decode(errors="replace"),
            "output_bytes": output.total,
            "seconds": time.monotonic() - start,
        }

    def _listen(self, reports: Stream, output: Stream, deadline: float) -> bool:
        """Read until the process has ended; return whether that took too long."""
        with selectors.DefaultSelector() as selector:
            for stream in (reports, output):
                selector.register(stream.fd, selectors.EVENT_READ, stream)
            while not self._has_ended() and reports.total < REPORTED:
                if time.monotonic() > deadline:
                    return True
                if selector.get_map():
                    _read(selector, 0.05)
                else:
                    time.sleep(0.001)
            # What it wrote at last; a process that it left behind may write for ever.
            while reports.total < REPORTED and _read(selector, 0.0):
                if time.monotonic() > deadline:
                    return True
        return False

    def _has_ended(self) -> bool:
        if self._status is None:
            pid, status, used = os.wait4(self._pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
                self._cpu_s = used.ru_utime + used.ru_stime
        return self._status is not None

    def _end(self) -> None:
        """Kill the process and everything that it started."""
        deadline = time.monotonic() + LEFTOVERS_S
        if not self._has_ended():
            os.kill(self._pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # none is left
            while time.monotonic() < deadline:
                if not os.waitpid(-1, os.WNOHANG)[0]:
                    for pid in _children():
                        os.kill(pid, signal.SIGKILL)
            os._exit(1)  # whoever runs this in a sandbox ends them with it


class Stream:
    """What was read from a pipe: all of it, or its last bytes."""

    def __init__(self, fd: int, kept: int | None) -> None:
        self.fd, self._kept = fd, kept
        self.data, self.total = bytearray(), 0

    def read(self) -> bool:
        """Read what is there; return whether the pipe is still open."""
        part = os.read(self.fd, 1 << 16)
        self.data += part
        self.total += len(part)
        if self._kept is not None and len(self.data) > self._kept:
            del self.data[: -self._kept]
        return bool(part)


def _read(selector: selectors.BaseSelector, timeout: float) -> bool:
    """Read from the pipes that have something; return whether one had."""
    ready = selector.select(timeout) if selector.get_map() else []
    for key, _ in ready:
        if not key.data.read():
            selector.unregister(key.fd)
    return bool(ready)


def _results(reports: bytes, key: bytes) -> Message:
    """Read reports of tests; a test that once failed has failed."""
    outcomes: dict[str, str] = {}
    answer: Message = {"ended": False, "changed": "", "errors": [], "calls": {}}
    for line in reports.split(b"\n"):
        said, _, report = line.partition(b" ")
        if said != key:
            continue
        what, value = json.loads(report)
        if what == "end":
            answer["ended"] = True
        elif what == "changed":
            answer["changed"] = value
        elif what == "error":
            answer["errors"].append(value)
        elif what == "calls":
            answer["calls"].update(value)
        elif outcomes.get(value) != "failed":
            outcomes[value] = what
    for wanted in ("passed", "failed", "skipped"):
        answer[wanted] = [test for test, what in outcomes.items() if what == wanted]
    return answer


def _protect() -> None:
    """Adopt what a run leaves behind, and let nobody look into this process."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(SET_DUMPABLE, 0, 0, 0, 0)


def _children() -> list[int]:
    """Return the processes whose parent is this one."""
    own, found = str(os.getpid()), []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if path.read_text(errors="replace").rpartition(")")[2].split()[1] == own:
                found.append(int(path.parent.name))
    return found


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _beside(name: str) -> Any:
    """Import a file from the folder of this one."""
    file = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    compiled, forked = _beside("compiled"), _beside("forked")
    main(json.loads(sys.argv[1]))
