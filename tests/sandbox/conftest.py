"""A sandbox around a folder, and a look at what it left behind on this machine."""

import os
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.programs import is_required
from tests.sandbox.get_bubblewrap import HELP
from toolkit.sandbox import Level, Limits, Sandbox, open_sandbox, remove_workspace
from toolkit.sandbox.cgroups import PREFIX
from toolkit.sandbox.levels import missing

ISOLATED = [level for level in Level if level.isolated]
SMALL = Limits(
    memory_mb=256, cpu_s=10, file_mb=8, disk_mb=24, processes=24, output_kb=32
)
PATIENCE_S = 60


@dataclass(frozen=True)
class Box:
    """A sandbox, and a mark that all of its processes carry in their environment."""

    sandbox: Sandbox
    folder: Path
    mark: str

    def python(self, code, timeout_s=60, **options):
        """Run a program that an attacker might have written; stderr is output too."""
        argv = [sys.executable, "-c", code]
        return self.run(argv, timeout_s, **options)

    def run(self, argv, timeout_s=60, env=None, **options):
        env = {"MARK": self.mark, **(env or {})}
        return self.sandbox.run(argv, timeout_s=timeout_s, env=env, **options)

    def hang(self, argv):
        """Run what says something and never ends; wait longer if it says nothing."""
        for timeout_s in (1, 10, 60):
            done = self.run(argv, timeout_s)
            if done.output:
                break
        return done

    def start(self, code):
        return self.sandbox.start([sys.executable, "-c", code], env={"MARK": self.mark})


@contextmanager
def open_box(folder, level, limits=SMALL, **options):
    """Yield a box, and fail if anything of it is left afterwards."""
    mark = uuid.uuid4().hex
    folder = folder / f"workspace-{mark}"
    folder.mkdir()
    before = len(os.listdir("/proc/self/fd"))
    with open_sandbox(folder, level=level, limits=limits, **options) as sandbox:
        yield Box(sandbox, folder, mark)
    assert left_behind(mark) == []
    assert len(os.listdir("/proc/self/fd")) == before
    remove_workspace(folder)


def left_behind(mark, pid=None):
    """Return processes, mounts and control groups that are still there."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    name = f"{PREFIX}-{pid or os.getpid()}-"
    folders = [d for _, inside, _ in os.walk("/sys/fs/cgroup") for d in inside]
    groups = [d for d in folders if d.startswith(name)]
    return [*processes(mark), *(m for m in mounts if mark in m), *groups]


def processes(mark):
    """Return the command lines of the processes that carry a mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.name != str(os.getpid()):
                texts = [(process / f).read_bytes() for f in ("environ", "cmdline")]
                if any(mark.encode() in text for text in texts):
                    found.append(texts[1][:300])
        except OSError:
            continue
    return found


def comes_true(condition):
    """Wait for something that other processes bring about."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture(scope="session", params=ISOLATED, ids=lambda level: level.value)
def level(request):
    reason = missing(request.param)
    if request.param is Level.BUBBLEWRAP and reason and is_required():
        pytest.fail(f"{HELP}\n{reason}")
    if reason:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def box(tmp_path, level):
    with open_box(tmp_path, level) as opened:
        yield opened
