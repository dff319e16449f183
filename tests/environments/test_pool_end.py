"""How pools end: closed, interrupted, killed, and without leaks."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.environments.test_pool import games, kill_workers, say
from tests.environments.toy_envs import (
    EchoEnv,
)
from toolkit.environments.pool import EnvPool

GONE_S = 60
"""A worker that hangs would be there for an hour."""


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    assert multiprocessing.active_children() == []


def test_close_ends_workers_even_if_a_world_hangs():
    pool = EnvPool(EchoEnv, slots=2, workers=2)
    pool.run(games(2))
    pool.send({0: "hang"})
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < GONE_S
    assert multiprocessing.active_children() == []
    pool.close()


SCRIPT = """
import signal
from tests.environments.toy_envs import EchoEnv
from toolkit.environments.base import Task
from toolkit.environments.pool import EnvPool

if __name__ == "__main__":
    # a shell lets what it runs in the background ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pool = EnvPool(EchoEnv, slots=4, workers=2)
    pool.run({i: Task(env="toy", seed=i) for i in range(4)})
    print("playing", flush=True)
    while True:
        pool.run({i: "go" for i in range(4)})
        pool.send({0: LAST})
        pool.receive([0])
"""


GUARDLESS = """
from tests.environments.toy_envs import EchoEnv
from toolkit.environments.base import Task
from toolkit.environments.pool import EnvPool

with EnvPool(EchoEnv, slots=1, workers=1) as pool:
    assert pool.run({0: Task(env="toy", seed=0)})[0].failure is None
"""


def environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def alive(processes):
    return [
        p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE
    ]


@pytest.mark.parametrize("last", ["go", "hang"])
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent(tmp_path, kill, last):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.replace("LAST", repr(last)))
    parent = subprocess.Popen(
        [sys.executable, script],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert parent.stdout.readline() == b"playing\n"
    time.sleep(0.3)
    tree = psutil.Process(parent.pid).children(recursive=True)
    assert len(tree) >= 2
    if kill is signal.SIGINT:
        os.killpg(parent.pid, kill)  # Ctrl-C goes to the whole group
    else:
        parent.send_signal(kill)
    began = time.monotonic()
    try:
        errors = parent.communicate(timeout=GONE_S)[1].decode()
    finally:
        parent.kill()
    while alive(tree) and time.monotonic() - began < GONE_S:
        time.sleep(0.02)
    assert alive(tree) == []
    # Workers die silently: the one traceback is that of the parent.
    assert errors.count("Traceback") == (kill is signal.SIGINT)
    assert "leaked" not in errors


def test_nothing_leaks():
    here = psutil.Process()
    with EnvPool(EchoEnv, slots=8, workers=1) as pool:
        for turn in range(300):
            pool.run(games(8) if turn % 10 == 0 else say("go", 8))
            if turn == 50:
                memory = here.memory_info().rss
                files = here.num_fds()
            if turn in (100, 200):
                kill_workers()
        assert here.memory_info().rss - memory < 2_000_000
        assert here.num_fds() == files
        assert pool.counts.respawns == 2


def test_a_script_needs_no_guard(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(GUARDLESS)
    subprocess.run([sys.executable, script], env=environment(), check=True, timeout=600)
