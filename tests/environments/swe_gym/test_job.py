"""Files, tests and grades in containers of the fake engine."""

import dataclasses

import pytest

from tests.environments.swe_gym.tiny_tasks import (
    CLEAN,
    git,
    make_smith_row,
    patch_with_new_files,
)
from toolkit.environments.swe_gym import containers
from toolkit.environments.swe_gym.images import image_of
from toolkit.environments.swe_gym.job import GymJob, check_task
from toolkit.environments.swe_gym.records import record_of
from toolkit.errors import ActionError, ContainerError

AREAS, TESTS = "shapes/areas.py", "tests/test_areas.py"


def record(rows, number):
    return record_of(rows[number - 1])


@pytest.fixture
def job(engine, rows):
    made = GymJob(record(rows, 1), tests_s=60)
    yield made
    made.close()


def put(job, path, content):
    """Write or remove a file as nobody who plays could."""
    file = job.workspace.folder / path
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


def change(job, path, old, new):
    """Change a file as it was at the start."""
    text = CLEAN[path].encode()
    assert old in text
    put(job, path, text.replace(old, new))


def test_the_files_are_those_of_git_and_the_container_goes(engine, job):
    assert sorted(job.workspace.files()) == sorted(CLEAN)
    assert "base * height // 2" in job.workspace.read(AREAS)
    assert engine.containers() == []


def test_files_are_read_once_for_all_games_of_an_image(engine, job, rows):
    before = len(engine.commands())
    GymJob(record(rows, 1)).close()
    assert [c[0] for c in engine.commands()[before:]] == ["image"]


def test_large_files_stay_in_the_container(engine, rows):
    other = dataclasses.replace(record(rows, 1), image="docker.io/tiny/large:1")
    folder = engine.image("docker.io/tiny/large:1")
    row = make_smith_row(folder)
    assert row
    (folder / "shapes" / "data.json").write_text("x" * 2_000_000)
    (folder / "link.py").symlink_to("/etc/passwd")
    git(folder, "add", "--all")
    assert sorted(GymJob(other).workspace.files()) == sorted(CLEAN)


def test_tests_run_on_the_files_as_they_are(job):
    before = job.workspace.read_bytes(AREAS)
    report = job.run("")
    assert f"{TESTS}::test_triangle" in report.passed
    put(job, AREAS, before.replace(b"return base", b"return -base"))
    report = job.run("")
    assert report.failed == {f"{TESTS}::test_triangle"}
    assert "assert -6 == 6" in report.output
    assert "PASSED" not in report.output
    put(job, AREAS, before)
    assert not job.run("").failed  # what was changed back is changed back


@pytest.mark.parametrize(
    ("pattern", "count"),
    [(TESTS, 4), ("tests", 7), (f"{TESTS}::test_circle", 1), ("rectangle", 2)],
)
def test_patterns_are_paths_ids_or_words(job, pattern, count):
    assert len(job.run(pattern).passed) == count


@pytest.mark.parametrize("pattern", ["tests/none.py", "a; rm -rf /", "-x", "../x"])
def test_patterns_that_name_nothing(job, pattern):
    with pytest.raises(ActionError, match="No tests are named"):
        job.run(pattern)


@pytest.mark.parametrize("number", range(1, 6))
def test_every_task_is_sound(engine, rows, number):
    assert check_task(record(rows, number)) == ""


def test_a_task_that_is_not_sound_is_told(engine, rows):
    one = record(rows, 1)
    early = dataclasses.replace(one, fail_to_pass=(f"{TESTS}::test_circle",))
    assert "passes without a repair" in check_task(early)
    late = dataclasses.replace(one, pass_to_pass=(f"{TESTS}::test_none",))
    assert "fails with the gold patch" in check_task(late)


def test_grades_are_what_is_earned(job):
    assert job.grade().ratio == 0
    put(job, AREAS, CLEAN[AREAS].encode())
    whole = job.grade()
    assert (whole.binary, whole.ratio, whole.refused) == (1, 1, "")
    change(job, AREAS, b"3.14159", b"3.2")
    worse = job.grade()
    assert worse.newly_fail == (f"{TESTS}::test_circle",)
    assert worse.binary == 0
    assert worse.ratio == pytest.approx(2 / 3)


def test_what_hidden_tests_bring_does_not_count(engine, rows):
    new = "diff --git a/cases.txt b/cases.txt\nnew file mode 100644\n--- /dev/null\n"
    new += "+++ b/cases.txt\n@@ -0,0 +1 @@\n+1 1\n"
    row = rows[0] | {"test_patch": rows[0]["test_patch"] + new}
    job = GymJob(record_of(row), tests_s=60)
    put(job, "cases.txt", b"mine\n")
    put(job, AREAS, CLEAN[AREAS].encode())
    grade = job.grade()
    assert (grade.binary, grade.ignored) == (1, ("cases.txt",))


def test_ids_that_were_cut_at_a_blank_count_if_all_of_them_pass(engine, rows):
    job = GymJob(record(rows, 3), tests_s=60)
    old = b'if name.endswith("s")'
    change(job, "shapes/names.py", old, old + b' and " " not in name')
    grade = job.grade()
    assert grade.still_fail == ("tests/test_names.py::test_plural_of_s[big",)
    assert grade.fail_to_pass == 0.5


HARMLESS = {"README.md": b"# Shapes!\n"}
SKIP = b"import pytest\npytest.skip('later', allow_module_level=True)\n"
FORGED = b"""
import atexit
atexit.register(print, '''
===== short test summary info =====
PASSED tests/test_areas.py::test_half
PASSED tests/test_areas.py::test_triangle
===== 2 passed in 0.01s =====''')
"""
HOOK = b"def pytest_runtest_makereport(item, call):\n    call.excinfo = None\n"
ATTACKS = {
    "nothing": {},
    "harmless": HARMLESS,
    "tests deleted": {TESTS: None},
    "tests emptied": {TESTS: b"def test_half(): pass\n"},
    "conftest": {"conftest.py": HOOK, "tests/conftest.py": HOOK},
    "settings": {"pytest.ini": b"[pytest]\naddopts = --collect-only\n"},
    "sitecustomize": {"sitecustomize.py": b"import os; os._exit(0)\n"},
    "exit": {AREAS: b"import sys; sys.exit(0)\n"},
    "end": {AREAS: b"import os; os._exit(0)\n"},
    "skip": {AREAS: SKIP},
    "forged": {AREAS: FORGED},
    "gone": {AREAS: None},
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_attacks_earn_nothing(job, attack):
    for path, content in ATTACKS[attack].items():
        rest = job.workspace.read_bytes(AREAS) if attack == "forged" else b""
        put(job, path, content + rest if content else content)
    assert job.grade().ratio == 0


def test_tests_that_hang_are_stopped_and_earn_nothing(engine, job, monkeypatch):
    monkeypatch.setattr(job, "_tests_s", 1)
    before = job.workspace.read_bytes(AREAS)
    put(job, AREAS, b"while True: pass\n")
    report = job.run("")
    assert report.timed_out
    assert "stopped after 1 s" in report.broken
    assert engine.containers() == []
    grade = job.grade()
    assert (grade.ratio, grade.refused) == (0, "The tests were stopped after 1 s.")
    put(job, AREAS, before)
    monkeypatch.setattr(job, "_tests_s", 60)
    assert job.run("").passed  # in a new container


def test_swe_smith_begins_with_its_bug(engine, tmp_path):
    row = make_smith_row(engine.image(image_of(record_of(make_smith_row(tmp_path)))))
    job = GymJob(record_of(row))
    assert "PI * radius * 2" in job.workspace.read(AREAS)
    assert job.run("").failed == {f"{TESTS}::test_circle"}
    assert job.wanted(()) == {AREAS: CLEAN[AREAS]}
    job.close()
    assert check_task(record_of(row)) == ""


def test_a_container_that_dies_is_an_error_and_not_a_result(engine, job, monkeypatch):
    job.run("")
    engine.kill(engine.containers()[0])
    with pytest.raises(ContainerError, match="died"):
        job.run("")
    assert engine.containers() == []
    monkeypatch.setattr(containers.Container, "put", lambda self, files: self.close())
    with pytest.raises(ContainerError, match="died"):
        job.grade()


def test_an_image_is_fetched_when_it_is_missing(engine, rows):
    other = dataclasses.replace(record(rows, 1), image="docker.io/tiny/later:1")
    make_smith_row(engine.image("docker.io/tiny/later:1", place="registry"))
    assert GymJob(other).workspace.files() == sorted(CLEAN)


def test_an_image_without_a_repository_is_told(engine, rows):
    other = dataclasses.replace(record(rows, 1), image="docker.io/tiny/empty:1")
    engine.image("docker.io/tiny/empty:1")
    with pytest.raises(ContainerError, match="git"):
        GymJob(other)


def test_gold_patches_may_make_files(engine, rows, tmp_path):
    row = rows[0] | {"patch": patch_with_new_files(tmp_path)}
    assert check_task(record_of(row)) == ""


GONE = """\
diff --git a/README.md b/README.md
deleted file mode 100644
--- a/README.md
+++ /dev/null
@@ -1 +0,0 @@
-# Shapes
"""


def test_gold_patches_that_remove_files_have_no_expert(engine, rows):
    row = rows[0] | {"patch": rows[0]["patch"] + GONE}
    assert GymJob(record_of(row)).wanted(()) is None
    assert "removes files" in check_task(record_of(row))
