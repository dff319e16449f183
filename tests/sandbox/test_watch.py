import os
import signal
import subprocess
import sys
import threading

import pytest

from toolkit.sandbox import watch
from toolkit.sandbox.limits import Limits

LIMITS = Limits(disk_mb=2, memory_mb=50, processes=3)


def test_files_are_counted_with_what_they_take_on_disk(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one").write_bytes(bytes(2**20))
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    (tmp_path / "link").symlink_to("/usr")
    assert watch.exceeded_disk(tmp_path, [], LIMITS) == ""
    (tmp_path / "a" / "two").write_bytes(bytes(2**20))
    assert watch.exceeded_disk(tmp_path, [], LIMITS) == "more than 2 MB of files"


def test_deleted_files_count_while_they_are_open(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write(bytes(3 * 2**20))
        file.flush()
        (tmp_path / "file").unlink()
        assert watch.exceeded_disk(tmp_path, [], LIMITS) == ""
        assert "2 MB" in watch.exceeded_disk(tmp_path, [os.getpid()], LIMITS)
    assert watch.exceeded_disk(tmp_path, [os.getpid()], LIMITS) == ""


def test_the_number_of_files_and_the_depth_are_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "FILES", 10)
    for number in range(10):
        (tmp_path / str(number)).touch()
    assert watch.exceeded_disk(tmp_path, [], LIMITS) == ""
    (tmp_path / "x").mkdir()
    assert watch.exceeded_disk(tmp_path, [], LIMITS) == "more than 10 files"
    monkeypatch.setattr(watch, "FILES", 1000)
    (tmp_path / "/".join("x" * watch.DEPTH)).mkdir(parents=True)
    assert "deep" in watch.exceeded_disk(tmp_path, [], LIMITS)


def test_a_folder_that_is_gone_holds_nothing(tmp_path):
    assert watch.exceeded_disk(tmp_path / "gone", [2**22 + 1], LIMITS) == ""


@pytest.mark.skipif(not os.path.isdir("/dev/shm"), reason="no file system in memory")
def test_file_systems_in_memory(tmp_path):
    assert watch.exceeded_memory("/dev/shm", "/dev/shm", Limits()) == ""  # not its own
    assert watch.exceeded_memory("/gone", "/dev/shm", Limits()) == ""
    with open(f"/dev/shm/toolkit-test-{os.getpid()}", "wb") as file:
        os.unlink(file.name)
        file.write(bytes(3 * 2**20))
        file.flush()
        assert "2 MB" in watch.exceeded_memory("/dev/shm", "/", LIMITS)


def test_processes_and_memory_are_counted():
    code = "x = bytearray(b'1') * 60 * 2**20; print(flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=pipe, stdout=pipe
    ) as process:
        process.stdout.readline()
        pids = watch.descendants(process.pid, Limits())
        assert pids == [process.pid]
        assert process.pid in watch.descendants(os.getpid(), Limits())
        assert watch.exceeded_processes(pids, Limits()) == ""
        assert watch.exceeded_processes(pids, LIMITS) == "more than 50 MB of memory"
        found = watch.exceeded_processes(pids * 12, LIMITS)
        assert found == "more than 3 processes"
        process.communicate(b"\n")
    assert watch.exceeded_processes(pids, LIMITS) == ""


def test_no_more_processes_are_listed_than_it_takes_to_say_that_they_are_too_many():
    pipe = subprocess.PIPE
    code = "(for i in $(seq 30); do sleep 60 & done; echo up; wait)"
    with subprocess.Popen(["sh", "-c", code], stdout=pipe, process_group=0) as process:
        process.stdout.readline()
        pids = watch.descendants(process.pid, LIMITS)
        assert len(pids) == LIMITS.processes + watch.OWN_PROCESSES + 1
        found = watch.exceeded_processes(pids, LIMITS)
        os.killpg(process.pid, signal.SIGKILL)
    assert found == "more than 3 processes"


def test_a_watch_ends_once_and_says_why(monkeypatch):
    monkeypatch.setattr(watch, "PAUSE_S", 0.001)
    findings, killed = iter(["", "", "too much"]), threading.Event()
    watching = watch.Watch(lambda: next(findings), killed.set)
    watching.start()
    assert killed.wait(10)
    watching.stop()
    assert watching.found == "too much"


def test_a_watch_that_finds_nothing_stops():
    watching = watch.Watch(lambda: "", lambda: pytest.fail("nothing was exceeded"))
    watching.start()
    watching.stop()
    assert not watching.is_alive()
