import pathlib
import shutil
import subprocess
import sys

import pytest

from toolkit.sandbox.cgroups import PREFIX, make_groups, members
from toolkit.sandbox.limits import Limits

LIMITS = Limits(memory_mb=64, processes=5)


@pytest.fixture
def groups():
    made = make_groups(LIMITS)
    if not made:
        pytest.skip("no control groups can be made here")
    yield made
    for group in made:
        group.rmdir()


def test_groups_that_really_limit(groups):
    join = "".join(f"echo 0 > {group}/cgroup.procs; " for group in groups)
    forks = """
import os, time
pids = []
try:
    while len(pids) < 20:
        pids.append(os.fork())
        if not pids[-1]: time.sleep(60)
except OSError:
    print(len(pids))
for pid in pids: os.kill(pid, 9), os.waitpid(pid, 0)
"""
    command = ["sh", "-c", f'{join} exec "$@"', "sh", sys.executable, "-c", forks]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{LIMITS.processes + 1}\n"
    assert [members(group) for group in groups] == [[]] * len(groups)


def test_groups_of_dead_processes_are_removed(groups):
    with subprocess.Popen(["true"]) as dead:
        pass
    stale = [group.parent / f"{PREFIX}-{dead.pid}-0" for group in groups]
    for group in stale:
        group.mkdir()
    for group in make_groups(LIMITS):
        group.rmdir()
    assert [group for group in stale if group.exists()] == []
    assert all(group.exists() for group in groups)


def test_members_of_a_group_that_is_gone(tmp_path):
    assert members(tmp_path / "gone") == []


# ---- layouts of other machines, as folders; the kernel would make the files --------


class Tree:
    """Control groups of version 2: a new group gets what its parent grants."""

    def __init__(self, root, grants):
        self.root, self.grants = root, grants
        self.own = root.parent / "own"
        for folder in grants:
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "cgroup.controllers").touch()

    def make(self, path):
        parent = path.parent.relative_to(self.root).as_posix()
        for name in self.grants[parent]:
            (path / name).touch()


@pytest.fixture
def mkdir(monkeypatch):
    """Let the kernel of a `Tree` put files into new folders."""
    original = pathlib.Path.mkdir

    def use(tree):
        def patched(path, *args, **kwargs):
            original(path, *args, **kwargs)
            if path.is_relative_to(tree.root) and "toolkit" in path.name:
                tree.make(path)

        monkeypatch.setattr(pathlib.Path, "mkdir", patched)

    return use


def test_version_2_uses_the_nearest_group_that_grants_both(tmp_path, mkdir):
    both = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max")
    grants = {".": both, "user": both, "user/app": both, "user/app/shell": ()}
    tree = Tree(tmp_path / "cgroup", grants)
    mkdir(tree)
    tree.own.write_text("0::/user/app/shell\n")
    (group,) = make_groups(LIMITS, tree.root, tree.own)
    assert group.parent == tree.root / "user" / "app"
    found = {file.name: file.read_text() for file in group.iterdir()}
    assert found == {
        "memory.max": str(64 * 2**20),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "7",
    }


def test_version_2_without_both_has_none(tmp_path, mkdir):
    tree = Tree(tmp_path / "cgroup", {".": (), "own": ("memory.max",)})
    mkdir(tree)
    tree.own.write_text("0::/own\n")
    with pytest.MonkeyPatch.context() as patch:
        # a real group is removed with its files
        patch.setattr("pathlib.Path.rmdir", shutil.rmtree)
        assert make_groups(LIMITS, tree.root, tree.own) == []
    assert list((tmp_path / "cgroup").rglob("toolkit*")) == []


def test_a_machine_without_groups_has_none(tmp_path):
    assert make_groups(LIMITS, tmp_path, tmp_path / "none") == []
    (tmp_path / "own").write_text("3:pids:/a\n2:memory:/b\n0::/\n")
    assert make_groups(LIMITS, tmp_path, tmp_path / "own") == []
