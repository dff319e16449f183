import dataclasses

import pytest

from tests.environments.swe.conftest import CALC, PASSING, TESTS, make_calc
from toolkit.environments.swe import workbench as module
from toolkit.environments.swe.mutations import is_sound
from toolkit.environments.swe.repositories import get_repository, register_repository
from toolkit.environments.swe.workbench import Workbench, make_bugs, validate
from toolkit.environments.swe.workspace import Workspace
from toolkit.errors import RepositoryError

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture(scope="module")
def bench(tmp_path_factory, sandbox):
    """A workbench of the small repository."""
    repository = make_calc(tmp_path_factory.mktemp("workbench") / "calc")
    with Workbench(repository) as bench:
        yield bench


@pytest.fixture(scope="module")
def bugs(bench):
    """Three bugs of the small repository, one of each difficulty."""
    return make_bugs(bench, 3)


def test_bugs_are_valid(bench, bugs):
    assert [bug.difficulty for bug in bugs] == [1, 2, 3]
    for bug in bugs:
        assert {*bug.fail_to_pass} | {*bug.pass_to_pass} == PASSING
        assert not {*bug.fail_to_pass} & {*bug.pass_to_pass}
        assert 1 <= len(bug.fail_to_pass) <= len(PASSING) / 2
        assert is_sound(bench.sources(["calc.py"])["calc.py"], bug.mutations)
        assert bug.broken_sources()["calc.py"] != CALC.encode()


def test_a_bug_in_two_places_needs_two_repairs(bench, bugs):
    first, second = bugs[2].mutations
    assert first.function != second.function
    for one in (first, second):
        report = bench.report_with([one])
        assert bench.tests - report.passed


def test_the_seed_decides(bench, bugs):
    assert make_bugs(bench, 3) == bugs
    other = make_bugs(bench, 3, seed=1)
    assert [b.mutations for b in other] != [b.mutations for b in bugs]


def test_no_place_is_used_twice(bench):
    with pytest.raises(RepositoryError, match="no more than") as error:
        make_bugs(bench, 50, difficulties=(1,))
    n = int(error.value.fix.split()[2].rstrip(","))
    made = make_bugs(bench, n, difficulties=(1,))
    assert len({bug.mutations for bug in made}) == n >= 2


def test_bugs_are_as_they_were_written_down(bench, bugs):
    assert all(validate(bug, bench).same for bug in bugs)
    lost = dataclasses.replace(bugs[0], fail_to_pass=bugs[0].fail_to_pass[1:])
    verdict = validate(lost, bench)
    assert not verdict.same
    assert verdict.difference == bugs[0].fail_to_pass[0]
    assert validate(bugs[0]).same  # with a workbench of its own


def test_the_copy_is_right_again_after_each_run(bench, bugs):
    bench.report_with(bugs[0].mutations)
    assert bench.report_with([]).passed >= PASSING
    assert bench.sources(["calc.py"])["calc.py"] == CALC.encode()


def test_tests_that_reach_a_mistake(bench, bugs):
    mutation = bugs[0].mutations[0]
    reached = bench.reaching(mutation)
    assert {*bugs[0].fail_to_pass} <= reached < PASSING
    nowhere = dataclasses.replace(mutation, function="nobody_calls_it")
    assert bench.reaching(nowhere) == frozenset()
    by_import = dataclasses.replace(mutation, function="")
    assert bench.reaching(by_import) == PASSING


def test_a_bug_that_makes_tests_hang_is_not_valid(tmp_path):
    code = "def count(n):\n    while n > 0:\n        n -= 1\n    return n\n"
    tests = "from calc import count\ndef test_count(): assert count(3) == 0\n"
    tests += "".join(f"def test_{i}(): pass\n" for i in range(3))
    with Workbench(make_calc(tmp_path / "calc", code, tests)) as bench:
        bench._cpu_s = 1
        found = make_bugs(bench, 1, difficulties=(1,))
    assert [m.new for m in found[0].mutations] != ["+"]
    assert found[0].fail_to_pass == ("tests/test_calc.py::test_count",)


def test_a_bug_that_breaks_most_is_not_valid(tmp_path):
    code = "def half(x):\n    return x // 2\n"
    tests = "from calc import half\n"
    tests += "".join(f"def test_{i}(): assert half({i}) == {i // 2}\n" for i in (2, 4))
    with (
        Workbench(make_calc(tmp_path / "calc", code, tests)) as bench,
        pytest.raises(RepositoryError, match="no more than 0 valid bugs"),
    ):
        make_bugs(bench, 1)


def test_tests_that_pass_by_chance_are_left_out(tmp_path):
    """A test that skips itself in every second run."""
    chance = """
def test_chance():
    import os
    if os.path.exists("marker"):
        os.remove("marker")
        pytest.skip("the second time")
    open("marker", "w").close()
"""
    with Workbench(make_calc(tmp_path / "calc", tests=TESTS + chance)) as bench:
        assert bench.tests == PASSING


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        ("x = 1\n", "has no test that passes"),
        ("def test_wrong(): assert False\n", "1 tests of .* fail before"),
        ("import nothing_of_that_name\n", "fail before .*test_calc"),
        (
            "import socket\n"
            "def test_net(): socket.create_connection(('1.1.1.1', 53), 5)\n",
            "(?s)fail before .*no network",
        ),
        ("import os\nos._exit(0)\n", "do not run to their end"),
    ],
)
def test_repositories_that_are_no_good(tmp_path, tests, message):
    with pytest.raises(RepositoryError, match=message):
        Workbench(make_calc(tmp_path / "calc", tests=tests))


def test_a_repository_whose_tests_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "HANGING_S", 3.0)
    hang = "import time\ndef test_hang(): time.sleep(60)\n"
    with pytest.raises(RepositoryError, match=r"stopped after 3 s"):
        Workbench(make_calc(tmp_path / "calc", tests=hang))


def test_nothing_is_left_when_a_repository_is_no_good(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(
        module,
        "Workspace",
        lambda files: made.append(Workspace(files)) or made[0],
    )
    with pytest.raises(RepositoryError):
        Workbench(make_calc(tmp_path / "calc", tests="x = 1\n"))
    assert not made[0].folder.exists()


def test_a_registered_repository_can_leave_tests_out(tmp_path):
    wrong = f"{TESTS}\n\ndef test_wrong():\n    assert False\n"
    found = make_calc(tmp_path / "calc", tests=wrong)
    left_out = ("tests/test_calc.py::test_wrong",)
    register_repository(dataclasses.replace(found, name="calc", left_out=left_out))
    with Workbench(get_repository("calc")) as bench:
        assert bench.tests == PASSING
        (bug,) = make_bugs(bench, 1)
    assert bug.repository == "calc"
