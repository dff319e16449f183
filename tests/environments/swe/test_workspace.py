import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.environments.swe.shop import BROKEN, PRICES, SOURCE, TEST_FILE
from toolkit.environments.swe import workspace as module
from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.workspace import LARGEST, Workspace, clean_path
from toolkit.errors import ActionError


def test_it_is_a_copy_with_changes(workspace, bug):
    assert workspace.read(SOURCE) == BROKEN
    assert workspace.files() == [
        "README.md",
        "shop/__init__.py",
        SOURCE,
        "tests/conftest.py",
        TEST_FILE,
    ]
    assert workspace.files("tests") == ["tests/conftest.py", TEST_FILE]
    assert workspace.listing("") == ["README.md", "shop/", "tests/"]
    workspace.write(SOURCE, "x = 1\n")
    assert (get_repository(bug.repository).root / SOURCE).read_text() == PRICES
    assert workspace.changed() == {SOURCE: (BROKEN.encode(), b"x = 1\n")}


def test_changes_are_seen_however_they_were_made(workspace):
    assert workspace.changed() == {}
    (workspace.folder / "README.md").unlink()
    (workspace.folder / "new.py").write_text("a")
    (workspace.folder / "__pycache__").mkdir()
    (workspace.folder / "__pycache__/a.pyc").write_bytes(b"x")
    path = workspace.folder / TEST_FILE
    before, facts = path.read_bytes(), path.stat()
    time.sleep(0.02)  # clocks of files are coarse
    path.write_bytes(before[:-2] + b"#\n")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert workspace.changed() == {
        "README.md": (b"# Shop\n", None),
        "new.py": (None, b"a"),
        TEST_FILE: (before, before[:-2] + b"#\n"),
    }
    workspace.write("shop/__init__.py", "# same size and time do not hide a change")
    assert "shop/__init__.py" in workspace.changed()


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../other", "shop/../../other", "a\0b", "..", "a" * 501, "//etc"],
)
def test_paths_lead_nowhere_else(workspace, path):
    for use in (workspace.read, workspace.files, workspace.listing, clean_path):
        with pytest.raises(ActionError, match="is no path in the repository"):
            use(path)
    with pytest.raises(ActionError):
        workspace.write(path, "")


@pytest.fixture
def secret(tmp_path):
    (tmp_path / "secret").write_text("secret")
    return tmp_path / "secret"


def test_links_are_not_followed(workspace, secret):
    (workspace.folder / "link").symlink_to(secret)
    (workspace.folder / "folder").symlink_to(secret.parent)
    (workspace.folder / "loop").symlink_to("loop")
    for path in ("link", "folder/secret", "loop"):
        with pytest.raises(ActionError, match=r"cannot be used|no regular file"):
            workspace.read(path)
        with pytest.raises(ActionError):
            workspace.write(path, "overwritten")
    with pytest.raises(ActionError):
        workspace.listing("folder")
    assert not any("secret" in path for path in workspace.files())
    assert secret.read_text() == "secret"
    os.link(workspace.folder / SOURCE, workspace.folder / "hard")
    with pytest.raises(ActionError, match="no regular file"):
        workspace.write("hard", "overwritten")


def test_a_link_that_comes_and_goes_is_never_followed(workspace, secret):
    """Code that still runs could swap a folder for a link between look and use."""
    swap = f"""
        import os
        while True:
            os.rename("shop", "aside"); os.symlink({str(secret.parent)!r}, "shop")
            os.unlink("shop"); os.rename("aside", "shop")
    """
    (secret.parent / "prices.py").write_text("secret")
    command = [sys.executable, "-c", textwrap.dedent(swap)]
    other = subprocess.Popen(command, cwd=workspace.folder)
    seen, end = set(), time.monotonic() + 1
    try:
        while time.monotonic() < end or not seen:
            with contextlib.suppress(ActionError):
                seen.add(workspace.read(SOURCE))
            with contextlib.suppress(ActionError):
                workspace.write(SOURCE, BROKEN)
    finally:
        other.kill()
        other.wait()
    assert seen == {BROKEN}
    assert (secret.parent / "prices.py").read_text() == "secret"


def test_what_is_no_text_is_refused(workspace):
    folder = workspace.folder
    (folder / "binary").write_bytes(b"a\0b")
    (folder / "latin").write_bytes(b"\xe9t\xe9")
    (folder / "large").write_bytes(b"a" * (LARGEST + 1))
    os.mkfifo(folder / "pipe")
    (folder / "no\nname").write_text("")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
    for path, says in {
        "binary": "binary file",
        "latin": "no text in UTF-8",
        "large": "larger than",
        "pipe": "no regular file",
        "socket": "cannot be used",
        "shop": "no regular file",
        "nothing.py": "no such file",
        "README.md/a": "not a directory",
    }.items():
        with pytest.raises(ActionError, match=says):
            workspace.read(path)
    assert {"binary", "latin", "large"} <= set(workspace.files())
    assert not {"pipe", "socket", "no\nname"} & set(workspace.files())
    assert {"binary", "latin", "large"} <= workspace.changed().keys()
    with pytest.raises(ActionError, match="would be larger"):
        workspace.write(SOURCE, "é" * LARGEST)
    assert workspace.read(SOURCE) == BROKEN


def test_line_ends_stay_as_they_are(workspace):
    (workspace.folder / SOURCE).write_bytes(b"a\r\nb\r\n")
    assert workspace.read(SOURCE) == "a\nb\n"
    workspace.write(SOURCE, "a\nc\n")
    assert workspace.read_bytes(SOURCE) == b"a\r\nc\r\n"
    (workspace.folder / SOURCE).write_bytes(b"a\r\nb\n")
    assert workspace.read(SOURCE) == "a\r\nb\n"


def test_a_swamp_of_files_is_cut(workspace, monkeypatch):
    monkeypatch.setattr(module, "MOST_FILES", 50)
    deep = workspace.folder
    for i in range(60):
        (workspace.folder / f"f{i}").write_text("")
        deep = deep / "d"
    os.makedirs(deep)
    assert 40 <= len(workspace.files()) <= 100


@given(st.text(max_size=40) | st.text(alphabet="./\\~\0shop prices", max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hostile_paths_are_errors_or_files(workspace, path):
    for use in (workspace.read, workspace.files, workspace.listing):
        with contextlib.suppress(ActionError):
            use(path)
    with contextlib.suppress(ActionError):
        workspace.write(path, "x")
        assert clean_path(path) in workspace.files()


FILES = {"a.py": b"x = 1\n"}


def test_files_are_made_only_where_that_is_wanted():
    with Workspace(FILES) as fixed, Workspace(FILES, growing=True) as growing:
        with pytest.raises(ActionError, match="no such file"):
            fixed.write("b.py", "")
        growing.write("more/of/b.py", "x\n")
        growing.write("./more/c.py", "")
        assert growing.files() == ["a.py", "more/c.py", "more/of/b.py"]
        assert growing.changed()["more/of/b.py"] == (None, b"x\n")


@pytest.mark.parametrize(
    "path", ["../b.py", "/b.py", "a.py/b.py", ".git/config", ".git", "b" * 300, ""]
)
def test_what_cannot_be_made_is_refused(path):
    with Workspace(FILES, growing=True) as workspace:
        with pytest.raises(ActionError):
            workspace.write(path, "x")
        with pytest.raises(ActionError, match="larger"):
            workspace.write("large", "a" * (LARGEST + 1))
        assert not workspace.changed()


# ---- what is left behind -------------------------------------------------------------


def left(folder):
    return folder.exists() or folder.with_suffix(".lock").exists()


def test_close_removes_everything_whatever_is_there():
    workspace = Workspace(FILES)
    code = """
        import os
        os.mkdir("closed"); open("closed/file", "w").close(); os.chmod("closed", 0)
        for _ in range(3000):
            os.mkdir("deep"); os.chdir("deep")
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    subprocess.run(command, cwd=workspace.folder, check=True)
    assert left(workspace.folder)
    workspace.close()
    workspace.close()
    assert not left(workspace.folder)


def test_a_workspace_that_is_forgotten_is_removed():
    workspace = Workspace(FILES)
    folder = workspace.folder
    del workspace
    assert not left(folder)


HOLDER = """
import time
from toolkit.environments.swe.workspace import Workspace
made = Workspace({"a.py": b"x = 1"})
print(made.folder, flush=True)
time.sleep(60)
"""


def test_what_killed_processes_left_is_swept_by_the_next():
    command = [sys.executable, "-c", HOLDER]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    killed, living = (module.Path(p.stdout.readline().strip()) for p in processes)
    try:
        processes[0].send_signal(signal.SIGKILL)
        processes[0].wait()
        assert left(killed)
        module._sweep.cache_clear()
        Workspace(FILES).close()
        assert not left(killed)
        assert left(living)
        assert (living / "a.py").exists()
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    module._sweep.cache_clear()
    Workspace(FILES).close()
    assert not left(living)


def test_a_room_that_somebody_else_has_made_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MEMORY", tmp_path / "none")
    monkeypatch.setattr(module.tempfile, "tempdir", str(tmp_path))
    trap = tmp_path / f"{module.NAME}-{os.getuid()}"
    (tmp_path / "elsewhere").mkdir()
    trap.symlink_to(tmp_path / "elsewhere")
    with Workspace(FILES) as made:
        assert made.folder.parent.parent == tmp_path
        assert not list((tmp_path / "elsewhere").iterdir())
