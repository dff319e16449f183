import dataclasses
import shlex

import pytest

from toolkit.environments.swe_gym.commands import command, grading_command, is_test_path
from toolkit.environments.swe_gym.records import record_of


@pytest.fixture
def record(rows):
    return record_of(rows[0])


def words(line):
    return shlex.split(line.rpartition("; ")[2])


def test_pytest_runs_the_files_of_the_lists(record):
    said = words(grading_command(record))
    assert said[0] == "pytest"
    assert {"-rA", "--tb=no", "--show-capture=no"} <= set(said)
    assert said[-1:] == ["tests/test_areas.py"]
    assert "-n0" not in said


def test_repositories_that_spread_their_tests_are_kept_together(record):
    assert "-n0" in words(command("getmoto/moto", ["a.py"]))
    assert words(command("Getmoto/Moto", ["a b.py"]))[-1] == "a b.py"
    assert 'PYTHONPATH="${PYTHONPATH:-}:$PWD"' in command("conan-io/conan", ["a.py"])


def test_of_mypy_the_listed_cases_run(record):
    suite = "mypy/test/testcheck.py::TypeCheckSuite::check-modules.test::"
    mypy = dataclasses.replace(
        record,
        repo="python/mypy",
        fail_to_pass=(f"{suite}testReExport",),
        pass_to_pass=(f"{suite}testNoReExport",),
    )
    said = words(grading_command(mypy))
    assert said[said.index("-k") + 1] == "testReExport or testNoReExport"
    assert said[-1] == "mypy/test/testcheck.py"


def test_django_and_sympy_have_runners_of_their_own(record):
    django = dataclasses.replace(record, repo="django/django")
    assert words(grading_command(django))[-1] == "test_areas"
    sympy = dataclasses.replace(record, repo="sympy/sympy")
    assert words(grading_command(sympy))[-2:] == ["--verbose", "tests/test_areas.py"]


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("moto/s3/models.py", True),
        ("dvc/testing.py", True),
        ("src/contest.py", True),
        ("tests/helper.py", False),
        ("pandas/tests/frame/common.py", False),
        ("a/test_b.py", False),
        ("conftest.py", False),
        ("setup.cfg", False),
        (".pytest.ini", False),
        ("pytest.toml", False),
        ("sitecustomize.py", False),
        ("x.pth", False),
    ],
)
def test_files_with_tests_are_known(path, counts):
    assert is_test_path(path) is not counts
