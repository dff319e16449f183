import os
from pathlib import Path

import pytest

from toolkit.sandbox import SandboxError, read_inside, remove_workspace


def test_plain_files_are_read(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_bytes(b"\xff\0")
    assert read_inside(tmp_path, "a/b/c") == b"\xff\0"
    assert read_inside(tmp_path, "./a//b/c") == b"\xff\0"


LINKS = ["link", "a/link", "folder/secret", "loop"]
OUTSIDE = ["../secret", "a/../../secret", "/etc/passwd", "", ".", "x\0y"]
SPECIAL = ["a", "fifo", "a/fifo/x", "socket"]


@pytest.mark.parametrize("path", [*LINKS, *OUTSIDE, *SPECIAL])
def test_all_else_is_refused_at_once(path, tmp_path):
    inside = tmp_path / "workspace"
    (inside / "a").mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (inside / "link").symlink_to(tmp_path / "secret")
    (inside / "a" / "link").symlink_to("../link")
    (inside / "folder").symlink_to(tmp_path)
    (inside / "loop").symlink_to("loop")
    os.mkfifo(inside / "fifo")
    os.mkfifo(inside / "a" / "fifo")
    os.mknod(inside / "socket", 0o140600)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(SandboxError, match="is not read"):
        read_inside(inside, path)
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_inside(tmp_path, "nothing")


def test_a_file_that_is_too_large(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(SandboxError) as raised:
        read_inside(tmp_path, "sparse", max_mb=1)
    assert "more than 1 MB" in raised.value.why


def test_a_workspace_of_folders_in_folders_is_removed(tmp_path, monkeypatch):
    (tmp_path / "outside").touch()
    inside = tmp_path / "-workspace"
    inside.mkdir()
    (inside / "link").symlink_to(tmp_path)
    monkeypatch.chdir(inside)
    for _ in range(3000):
        os.mkdir("x")
        os.chdir("x")
    os.chdir(tmp_path)
    remove_workspace(inside)
    assert os.listdir(tmp_path) == ["outside"]


def test_a_workspace_that_cannot_be_removed():
    with pytest.raises(SandboxError, match="could not be removed"):
        remove_workspace(Path("/proc/self"))
