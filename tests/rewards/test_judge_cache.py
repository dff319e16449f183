import os
import signal
import subprocess
import sys
import time

import pytest

from toolkit.errors import CacheError
from toolkit.rewards import judge_cache

KEY = "ab" * 32


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))
    return tmp_path / "judgements"


def test_what_was_stored_is_loaded_exactly():
    judge_cache.store(KEY, 0.1 + 0.2)
    assert judge_cache.load(KEY) == 0.1 + 0.2
    assert judge_cache.load("cd" * 32) is None


def test_damage_of_any_kind_counts_as_missing(folder):
    judge_cache.store(KEY, 0.75)
    (path,) = folder.rglob("*.json")
    sound = path.read_bytes()
    damaged = [sound[:n] for n in range(len(sound))]
    damaged += [sound.replace(b"0.75", b"0.85"), b"[]", b"null", b"\xff", b"[" * 9999]
    for content in damaged:
        path.write_bytes(content)
        assert judge_cache.load(KEY) is None
    judge_cache.store(KEY, 0.75)
    assert judge_cache.load(KEY) == 0.75


def test_an_entry_under_a_wrong_name_is_not_believed(folder):
    judge_cache.store(KEY, 0.75)
    (path,) = folder.rglob("*.json")
    path.rename(path.with_name(f"ab{'c' * 62}.json"))
    assert judge_cache.load(f"ab{'c' * 62}") is None


def test_a_disk_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(CacheError, match="TOOLKIT_CACHE"):
        judge_cache.store(KEY, 0.5)


WRITER = """
import sys
from toolkit.rewards import judge_cache
print("ready", flush=True)
while True:
    for i in range(50):
        judge_cache.store(f"{i:064x}", i / 50)
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_writers_that_are_killed_leave_no_damaged_entry(folder):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        end = time.monotonic() + 0.7
        # readers see whole entries only
        while time.monotonic() < end or not list(folder.rglob("*.json")):
            for i in range(50):
                assert judge_cache.load(f"{i:064x}") in (None, i / 50)
    finally:
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
    entries = list(folder.rglob("*.json"))
    assert entries
    for path in entries:
        assert judge_cache.load(path.stem) == int(path.stem, 16) / 50
