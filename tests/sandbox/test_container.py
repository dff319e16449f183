import json
import os
import sys
from pathlib import Path

import pytest

from tests.sandbox.conftest import SMALL, comes_true, open_box, processes
from toolkit.sandbox import Level, SandboxError, container, levels, open_sandbox

ENGINE = Path(__file__).with_name("engine.py")


def forget():
    for cached in (container.engine, levels.missing, levels.python_unreadable):
        cached.cache_clear()


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """Let `tests/sandbox/engine.py` be the machine's Docker; return its state."""
    if levels.missing(Level.BUBBLEWRAP):
        pytest.skip("it runs what it is told in bubblewrap")
    programs, state = tmp_path / "bin", tmp_path / "state"
    programs.mkdir()
    state.mkdir()
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\nexec {sys.executable} {ENGINE} "$@"\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("ENGINE_STATE", str(state))
    forget()
    yield state
    forget()


@pytest.fixture
def contained(engine, tmp_path):
    with open_box(tmp_path, Level.CONTAINER) as opened:
        yield opened


def given(engine):
    """Return the options of the container that was run last."""
    return json.loads(max(engine.glob("*.json"), key=os.path.getmtime).read_text())


def test_a_command_runs_in_a_container(contained, engine):
    done = contained.run(["sh", "-c", "cat; pwd; touch made"], stdin=b"read ")
    assert (done.returncode, done.output) == (0, "read /workspace\n")
    assert (contained.folder / "made").exists()
    assert contained.python("import pytest; print('well')").output == "well\n"
    options = given(engine)
    assert options["--network"] == ["none"]
    assert options["--cap-drop"] == ["ALL"]
    assert options["--security-opt"] == ["no-new-privileges"]
    assert options["--read-only"] == options["--rm"] == [True]
    assert options["--pids-limit"] == [str(SMALL.processes)]
    assert options["--memory"] == options["--memory-swap"] == [f"{SMALL.memory_mb}m"]
    owner = contained.folder.stat()
    assert options["--user"] == [f"{owner.st_uid}:{owner.st_gid}"]
    writable = [v for v in options["--volume"] if not v.endswith(":ro")]
    assert writable == [f"{contained.folder}:/workspace:rw"]
    for hidden in ("/etc/shadow", "/etc/passwd:/etc", str(Path.home()) + ":", "/:/"):
        assert not any(v.startswith(hidden) for v in options["--volume"])


def test_a_container_that_hangs_is_removed(contained):
    done = contained.run(["sleep", "60"], timeout_s=1)
    assert done.timed_out
    assert comes_true(lambda: not processes(contained.mark))


def test_a_conversation_in_a_container(contained):
    code = 'while True: print(\'{"got": "%s"}\' % input()[:1], flush=True)'
    with contained.start(code) as conversation:
        assert conversation.ask({}, 30) == {"got": "{"}
    assert comes_true(lambda: not processes(contained.mark))


def test_files_are_counted_here_too(contained):
    code = "for n in range(10**4): open(str(n), 'wb').write(bytes(2**20))"
    assert contained.python(code).stopped == f"more than {SMALL.disk_mb} MB of files"


def test_the_image_is_made_once(engine, tmp_path):
    assert levels.missing(Level.CONTAINER) == ""
    made = engine / container.IMAGE
    before = made.stat().st_mtime_ns
    forget()
    assert levels.missing(Level.CONTAINER) == ""
    assert made.stat().st_mtime_ns == before


def test_an_engine_that_does_not_answer(engine, tmp_path):
    engine.rmdir()
    with pytest.raises(SandboxError) as raised:
        open_sandbox(tmp_path, level=Level.CONTAINER)
    assert raised.value.why == "No engine answers: neither Docker nor Podman."
    assert "Docker or Podman" in raised.value.fix


def test_a_daemon_that_sees_other_files(engine, tmp_path):
    (engine.parent / "bin" / "docker").write_text(
        f'#!/bin/sh\n[ "$1" != run ] && exec {sys.executable} {ENGINE} "$@"\nexit 1\n'
    )
    with pytest.raises(SandboxError, match="level container"):
        open_sandbox(tmp_path, level=Level.CONTAINER)
