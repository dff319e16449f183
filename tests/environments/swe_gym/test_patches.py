import random

import pytest

from tests.environments.swe_gym.tiny_tasks import git, make_repository, write
from toolkit.environments.swe_gym.patches import apply_patch, changed_lines, read_patch
from toolkit.errors import TaskError


def patch_of(folder, before, after):
    """Return the patch that git makes of two versions of some files."""
    make_repository(folder, before)
    for path in before.keys() - after.keys():
        (folder / path).unlink()
    write(folder, after)
    git(folder, "add", "--all")
    return git(folder, "diff", "--cached")


def apply(patch, files, **how):
    changed = apply_patch(patch, files.__getitem__, **how)
    after = {**files, **changed}
    return {path: text for path, text in after.items() if text is not None}


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({"a.py": "x = 1\n"}, {"a.py": "x = 2\n"}, 2),
        ({"a.py": "x = 1"}, {"a.py": "x = 1\n"}, 2),
        ({"a.py": "x = 1\n"}, {"a.py": "x = 1\ny = 2"}, 1),
        ({"a.py": "x\n"}, {"a.py": "x\n", "b/c.py": "new\nfile\n"}, 2),
        ({"a.py": "x\n", "b.py": "y\nz\n"}, {"a.py": "x\n"}, 2),
        ({"a.py": "x\n" * 9}, {"b.py": "x\n" * 9}, 0),
        ({"a.py": "a\r\nb\r\n"}, {"a.py": "a\r\nc\r\n"}, 2),
        ({"a.py": "a\fb\n\x0bc\n"}, {"a.py": "a\fb\n\x0bd\n"}, 2),
        ({"a.py": "", "z": "1\n"}, {"a.py": "now\n", "z": "1\n"}, 1),
        ({"a.md": "-- x\n++ y\n"}, {"a.md": "-- z\n++ y\n"}, 2),
    ],
)
def test_patches_of_git_are_applied_both_ways(tmp_path, before, after, lines):
    patch = patch_of(tmp_path, before, after)
    assert apply(patch, before) == after
    assert apply(patch, after, undo=True) == before
    assert changed_lines(patch) == lines


def test_many_hunks_both_ways(tmp_path):
    rng = random.Random(0)
    for case in range(20):
        lines = [f"line {rng.randrange(9)}\n" for _ in range(rng.randrange(1, 80))]
        other = [line for line in lines if rng.random() > 0.1]
        for _ in range(rng.randrange(4)):
            other.insert(rng.randrange(len(other) + 1), f"new {rng.random()}\n")
        before, after = {"a.py": "".join(lines)}, {"a.py": "".join(other)}
        (tmp_path / str(case)).mkdir()
        patch = patch_of(tmp_path / str(case), before, after)
        assert apply(patch, before) == after
        assert apply(patch, after, undo=True) == before


def test_a_hunk_is_found_where_lines_have_moved(tmp_path):
    before = {"a.py": "".join(f"{i}\n" for i in range(20))}
    patch = patch_of(tmp_path, before, {"a.py": before["a.py"].replace("15\n", "x\n")})
    moved = "top\n" * 3 + before["a.py"]
    assert apply(patch, {"a.py": moved})["a.py"] == moved.replace("15\n", "x\n")


def test_what_does_not_fit_is_refused(tmp_path):
    patch = patch_of(tmp_path, {"a.py": "x = 1\n"}, {"a.py": "x = 2\n"})
    with pytest.raises(TaskError, match=r"place near line 1 of a\.py"):
        apply(patch, {"a.py": "x = 3\n"})


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ("x = 2\n", "begins with 'diff --git'"),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n", "cut off"),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n?\n", "between"),
        ("diff --git x\n", "names no file"),
    ],
)
def test_damaged_patches_are_refused(patch, why):
    with pytest.raises(TaskError, match=why):
        read_patch(patch)


def test_binary_files_are_known_and_not_applied(tmp_path):
    make_repository(tmp_path, {"a.py": "x\n"})
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    git(tmp_path, "add", "--all")
    patch = git(tmp_path, "diff", "--cached", "--binary")
    assert [file.binary for file in read_patch(patch)] == [True]
    with pytest.raises(TaskError, match=r"file b\.bin is binary"):
        apply(patch, {})
