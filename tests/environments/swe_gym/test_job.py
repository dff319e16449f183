"""Files, tests and grades in containers of the fake engine."""

import dataclasses

import pytest

from tests.environments.swe_gym.tiny_tasks import BUGS, CLEAN, git, make_smith_row
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
    made = GymJob(record(rows, 1))
    yield made
    made.close()


def repaired(number):
    path = BUGS[f"tiny__shapes-{number}"][0]
    return {path: CLEAN[path].encode()}


def test_the_files_are_those_of_git_and_the_container_goes(engine, job):
    assert sorted(job.files) == sorted(CLEAN)
    assert b"base * height // 2" in job.files[AREAS]
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
    assert sorted(GymJob(other).files) == sorted(CLEAN)


def test_tests_run_on_the_files_as_they_are(job):
    report = job.run({}, "", 60)
    assert f"{TESTS}::test_triangle" in report.passed
    broken = {AREAS: job.files[AREAS].replace(b"return base", b"return -base")}
    report = job.run(broken, "", 60)
    assert report.failed == {f"{TESTS}::test_triangle"}
    assert "assert -6 == 6" in report.output
    assert "PASSED" not in report.output
    assert not job.run({}, "", 60).failed  # what was changed back is changed back


@pytest.mark.parametrize(
    ("pattern", "count"),
    [(TESTS, 4), ("tests", 7), (f"{TESTS}::test_circle", 1), ("rectangle", 2)],
)
def test_patterns_are_paths_ids_or_words(job, pattern, count):
    assert len(job.run({}, pattern, 60).passed) == count


@pytest.mark.parametrize("pattern", ["tests/none.py", "a; rm -rf /", "-x", "../x"])
def test_patterns_that_name_nothing(job, pattern):
    with pytest.raises(ActionError, match="No tests are named"):
        job.run({}, pattern, 60)


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
    assert job.grade({}, 60).ratio == 0
    whole = job.grade(repaired(1), 60)
    assert (whole.binary, whole.ratio, whole.refused) == (1, 1, "")
    worse = {AREAS: repaired(1)[AREAS].replace(b"3.14159", b"3.2")}
    worse_grade = job.grade(worse, 60)
    assert worse_grade.newly_fail == (f"{TESTS}::test_circle",)
    assert worse_grade.binary == 0
    assert worse_grade.ratio == pytest.approx(2 / 3)


def test_ids_that_were_cut_at_a_blank_count_if_all_of_them_pass(engine, rows):
    job = GymJob(record(rows, 3))
    half = CLEAN["shapes/names.py"].replace(
        'if name.endswith("s")', 'if name.endswith("s") and " " not in name'
    )
    grade = job.grade({"shapes/names.py": half.encode()}, 60)
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
    changed = dict(ATTACKS[attack])
    if attack == "forged":
        changed[AREAS] += job.files[AREAS]
    assert job.grade(changed, 60).ratio == 0


def test_tests_that_hang_are_stopped_and_earn_nothing(engine, job):
    hung = {AREAS: b"while True: pass\n"}
    report = job.run(hung, "", 1)
    assert report.timed_out
    assert "stopped after 1 s" in report.broken
    assert engine.containers() == []
    grade = job.grade(hung, 1)
    assert (grade.ratio, grade.refused) == (0, "The tests were stopped after 1 s.")
    assert job.run({}, "", 60).passed  # in a new container


def test_swe_smith_begins_with_its_bug(engine, tmp_path):
    row = make_smith_row(engine.image(image_of(record_of(make_smith_row(tmp_path)))))
    job = GymJob(record_of(row))
    assert b"PI * radius * 2" in job.files[AREAS]
    assert job.run({}, "", 60).failed == {f"{TESTS}::test_circle"}
    assert job.gold() == {AREAS: CLEAN[AREAS]}
    job.close()
    assert check_task(record_of(row)) == ""


def test_a_container_that_dies_is_an_error_and_not_a_result(engine, job, monkeypatch):
    job.run({}, "", 60)
    engine.kill(engine.containers()[0])
    with pytest.raises(ContainerError, match="died"):
        job.run({}, "", 60)
    assert engine.containers() == []
    monkeypatch.setattr(containers.Container, "put", lambda self, files: self.close())
    with pytest.raises(ContainerError, match="died"):
        job.grade({}, 60)


def test_an_image_is_fetched_when_it_is_missing(engine, rows):
    other = dataclasses.replace(record(rows, 1), image="docker.io/tiny/later:1")
    make_smith_row(engine.image("docker.io/tiny/later:1", place="registry"))
    assert GymJob(other).files.keys() == CLEAN.keys()


def test_an_image_without_a_repository_is_told(engine, rows):
    other = dataclasses.replace(record(rows, 1), image="docker.io/tiny/empty:1")
    engine.image("docker.io/tiny/empty:1")
    with pytest.raises(ContainerError, match="git"):
        GymJob(other)


def test_gold_patches_that_make_files_have_no_expert(engine, rows):
    new = "diff --git a/n.py b/n.py\nnew file mode 100644\n--- /dev/null\n+++ b/n.py\n"
    row = rows[0] | {"patch": rows[0]["patch"] + new + "@@ -0,0 +1 @@\n+x = 1\n"}
    assert GymJob(record_of(row)).gold() is None
