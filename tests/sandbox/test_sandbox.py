import os
import sys
import threading
from pathlib import Path

import pytest

from tests.sandbox.conftest import SMALL, open_box
from toolkit.sandbox import Level, SandboxError, open_sandbox, process, sandbox
from toolkit.sandbox.levels import missing

WORKING = [level for level in Level if not missing(level)]


@pytest.fixture(params=WORKING, ids=lambda level: level.value)
def any_box(request, tmp_path):
    with open_box(tmp_path, request.param, trusted=True) as opened:
        yield opened


def test_a_command_runs_in_the_workspace(any_box):
    (any_box.folder / "given").write_text("from outside")
    done = any_box.run(["sh", "-c", "cat given; echo from inside > made; exit 3"])
    assert (done.returncode, done.output) == (3, "from outside")
    assert (done.timed_out, done.truncated, done.stopped) == (False, False, "")
    assert 0 < done.seconds < 60
    assert (any_box.folder / "made").read_text() == "from inside\n"


def test_errors_are_part_of_the_output_in_their_order(any_box):
    done = any_box.run(["sh", "-c", "echo 1; echo 2 >&2; echo 3"])
    assert done.output == "1\n2\n3\n"


def test_input_is_read_to_its_end(any_box):
    sent = bytes(range(256)) * 4096  # more than a pipe holds
    assert any_box.run(["wc", "-c"], stdin=sent).output.strip() == str(len(sent))
    assert any_box.run(["wc", "-c"]).output.strip() == "0"
    assert any_box.run(["true"], stdin=sent).returncode == 0


def test_output_that_is_no_text(any_box):
    assert any_box.run(["printf", r"a\377\000b"]).output == "a\ufffd\0b"


def test_the_environment_is_what_is_given(any_box):
    os.environ["OF_THE_HOST"] = "secret"
    try:
        shown = any_box.run(["env"], env={"GIVEN": "a b\nc"}).output
    finally:
        del os.environ["OF_THE_HOST"]
    assert "GIVEN=a b\nc\n" in shown
    assert "HOME=/tmp\n" in shown
    assert "OF_THE_HOST" not in shown


def test_a_command_that_hangs_is_ended(any_box):
    done = any_box.hang(["sh", "-c", "echo begun; sleep 600; echo over"])
    assert (done.timed_out, done.output) == (True, "begun\n")
    assert 1 <= done.seconds < 300


def test_a_program_that_is_not_there(any_box):
    assert any_box.run(["no-such-program"]).returncode == 127


def test_a_signal_is_told_as_shells_do(any_box):
    if any_box.sandbox.level is not Level.UNSHARE:  # its first process has no parent
        assert any_box.python("import os; os.kill(os.getpid(), 9)").returncode == 137
    assert any_box.python("import os; os.abort()").returncode == 134


def test_paths_inside(any_box, tmp_path):
    inside = any_box.sandbox.inside(any_box.folder / "file")
    assert any_box.run(["touch", inside]).returncode == 0
    assert (any_box.folder / "file").exists()
    assert any_box.sandbox.inside(tmp_path) == str(tmp_path)
    if any_box.sandbox.level.isolated:
        assert inside == "/workspace/file"


def test_a_workspace_behind_a_link(tmp_path, level):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with open_sandbox(tmp_path / "link", level=level) as box:
        assert box.run(["touch", "made"], timeout_s=30).returncode == 0
        assert box.inside(tmp_path / "link" / "made") == "/workspace/made"
    assert (tmp_path / "real" / "made").exists()


def test_packages_of_this_environment_are_there(box):
    done = box.python("import pytest, sys; print(pytest.__file__, sys.prefix)")
    assert done.output == f"{pytest.__file__} {sys.prefix}\n"


def test_without_its_limits_nothing_is_run(box, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "make_groups", lambda limits: [tmp_path / "gone"])
    assert box.run(["echo", "unlimited"]).output == ""


def test_many_at_once(box):
    done = []
    threads = [
        threading.Thread(target=lambda n=n: done.append(box.run(["echo", str(n)])))
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(d.output for d in done) == [f"{n}\n" for n in range(6)]


def test_leaving_a_sandbox_ends_its_conversations(tmp_path, level):
    with open_box(tmp_path, level) as box:  # looks for processes when it is left
        conversation = box.start("print('{}', flush=True); input(); input()")
        assert conversation.ask({}, 30) == {}
    with pytest.raises(SandboxError, match="has ended"):
        conversation.ask({}, 30)


def test_a_process_outlives_the_thread_that_started_it(box):
    started = []
    code = "while True: input(); print('{}', flush=True)"
    thread = threading.Thread(target=lambda: started.append(box.start(code)))
    thread.start()
    thread.join()
    assert started[0].ask({}, 30) == {}
    assert started[0].ask({}, 30) == {}


@pytest.mark.parametrize("level", [Level.UNSHARE, Level.LIMITS])
def test_levels_that_isolate_nothing_are_for_trusted_code(level, tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "missing", lambda level: "")
    with pytest.raises(SandboxError, match="isolates nothing") as raised:
        open_sandbox(tmp_path, level=level)
    assert "trusted=True" in raised.value.fix
    assert open_sandbox(tmp_path, level=level, trusted=True).level is level


def test_where_nothing_better_works_code_must_be_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "detect_level", lambda: Level.LIMITS)
    reasons = {Level.BUBBLEWRAP: "bwrap: No permissions to create new namespace"}
    monkeypatch.setattr(sandbox, "missing", lambda level: reasons.get(level, ""))
    with pytest.raises(SandboxError) as raised:
        open_sandbox(tmp_path)
    assert reasons[Level.BUBBLEWRAP] in raised.value.why
    assert "apt-get install bubblewrap" in raised.value.fix


def test_a_level_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "missing", lambda level: "No engine answers.")
    with pytest.raises(
        SandboxError, match="no sandbox of the level container"
    ) as raised:
        open_sandbox(tmp_path, level=Level.CONTAINER)
    assert (raised.value.why, "Docker" in raised.value.fix) == (
        "No engine answers.",
        True,
    )


def test_a_python_that_cannot_be_read(tmp_path, level, monkeypatch):
    monkeypatch.setattr(sandbox, "python_unreadable", lambda level: "Not found")
    with pytest.raises(SandboxError, match="does not run in a sandbox"):
        open_sandbox(tmp_path, level=level)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_workspace_that_is_no_folder(name, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SandboxError, match="is no folder"):
        open_sandbox(tmp_path / name)


def test_something_readable_that_is_not_there(tmp_path, level):
    with pytest.raises(SandboxError, match="nowhere"):
        open_sandbox(tmp_path, level=level, readable=[Path("/nowhere")], limits=SMALL)
