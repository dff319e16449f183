import contextlib
from pathlib import Path

import pytest

from tests.environments.swe.conftest import CALC, PASSING, TESTS, make_calc
from toolkit.environments.swe import runner as module
from toolkit.environments.swe.runner import TestRunner
from toolkit.errors import MissingExtraError

pytestmark = pytest.mark.usefixtures("sandbox")
LAST = "tests/test_calc.py::TestGreet::test_nobody"


@pytest.fixture(scope="module")
def place(tmp_path_factory, sandbox):
    """A running runner and its folder, shared by the tests of this file."""
    folder = tmp_path_factory.mktemp("runner") / "calc"
    with TestRunner(make_calc(folder), folder) as runner:
        yield runner, folder


@pytest.fixture
def run(place):
    """Run the tests with other code, and then put the right code back."""
    runner, folder = place

    def run(code=CALC, tests=TESTS, **options):
        (folder / "calc.py").write_text(code, encoding="utf-8")
        (folder / "tests" / "test_calc.py").write_text(tests, encoding="utf-8")
        return runner.run(**options)

    return run


def test_each_outcome_is_told_by_the_id_of_its_test(run):
    report = run(CALC.replace("x < low", "x > low"))
    failed = {t for t in PASSING if "clamp" in t}
    assert report.passed == PASSING - failed
    assert report.failed == failed
    assert {t.partition("::")[2] for t in report.skipped} == {
        "test_skipped",
        "test_expected_to_fail",
    }
    assert not report.broken
    assert "assert 0 == 3" in report.output


def test_a_change_of_equal_size_within_a_second_is_seen(run):
    assert run().passed == PASSING
    assert LAST in run(CALC.replace("hello", "jello")).failed
    assert run().passed == PASSING


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        (LAST, 1),
        ("tests/test_calc.py::test_add[a::b [c]]", 1),
        ("tests/test_calc.py::test_add[\\xfc]", 1),
        ("clamp", 3),
        ("TestGreet", 2),
        ("tests/test_calc.py", 10),
        ("../../etc/passwd", 0),
        ("--collect-only", 0),
    ],
)
def test_patterns_choose_tests(run, pattern, count):
    report = run(patterns=[pattern])
    assert len(report.passed) == count
    assert not report.failed
    assert not report.broken


def test_a_file_that_cannot_be_imported(run):
    report = run(CALC + "\nnothing\n")
    assert report.errors == ("tests/test_calc.py",)
    assert not report.passed
    assert "NameError" in report.output


def planted(statement, where="add"):
    """Return the code with a statement at the beginning of a function, or on top."""
    if where == "top":
        return f"{statement}\n{CALC}"
    return CALC.replace(
        f"def {where}(a, b):\n", f"def {where}(a, b):\n    {statement}\n"
    )


@pytest.mark.parametrize("where", ["top", "add"])
@pytest.mark.parametrize(
    "statement",
    [
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os, signal; os.killpg(0, signal.SIGTERM)",
        "import ctypes; ctypes.string_at(0)",
    ],
)
def test_code_that_ends_the_run_breaks_it(run, statement, where):
    report = run(planted(statement, where))
    assert report.broken
    assert not report.passed & {t for t in PASSING if "test_add" in t}
    assert run().passed == PASSING


@pytest.mark.parametrize("where", ["top", "add"])
@pytest.mark.parametrize(
    "statement",
    [
        "import sys; sys.exit(0)",
        "import pytest; pytest.skip('no', allow_module_level=True)",
        "import pytest; pytest.exit('enough', 0)",
        "raise KeyboardInterrupt",
        "raise GeneratorExit",
    ],
)
def test_code_that_avoids_its_tests_does_not_pass_them(run, statement, where):
    report = run(planted(statement, where))
    assert not report.passed & {t for t in PASSING if "test_add" in t}
    assert not (where == "top" and report.passed)


def test_a_run_that_leaves_tests_out_is_broken(run):
    report = run(planted("import pytest; pytest.exit('enough', 0)"))
    assert report.broken


def test_a_fixture_that_fails_fails_its_test(run):
    fixtures = """
import pytest
@pytest.fixture
def before(): assert False
@pytest.fixture
def after():
    yield
    assert False
def test_before(before): pass
def test_after(after): pass
"""
    report = run(tests=fixtures)
    assert {test.partition("::")[2] for test in report.failed} == {
        "test_before",
        "test_after",
    }
    assert not report.passed


@pytest.mark.parametrize(
    "attack",
    [
        "import unittest; unittest.TestCase.assertEqual = lambda *_: None",
        "import _pytest.python as p; p.Function.runtest = lambda self: None",
        "import _pytest.runner as r; r.pytest_runtest_call = lambda item: None",
        "import _pytest.runner as r; r.pytest_runtest_makereport.__code__ = "
        "(lambda item, call: None).__code__",
        "import _pytest.reports as r; r.TestReport.failed = property(lambda s: False)",
        "import builtins; builtins.AssertionError = Warning",
        "import sys; sys.settrace(lambda *_: None)",
        "import sys; sys.modules['pytest'] = sys",
    ],
)
def test_code_that_changes_how_tests_work_is_noticed(run, attack):
    report = run(f"{attack}\n{CALC.replace('a + b', 'a - b')}")
    assert report.broken


def test_nothing_is_believed_that_is_written_into_open_pipes(run):
    forged = """
import json, os
for fd in range(3, 64):
    for line in ('x ["passed", "tests/test_calc.py::forged"]', '["end", ""]', '{}'):
        try:
            os.write(fd, line.encode() + b"\\n")
        except OSError:
            pass
os._exit(0)
"""
    report = run(forged)
    assert report.broken
    assert not report.passed
    assert run().passed == PASSING


def test_the_server_cannot_be_looked_into(run):
    look = """
import os
def test_look():
    server = f"/proc/{os.getppid()}"
    fds = [f"fd/{fd}" for fd in os.listdir(f"{server}/fd")]
    assert fds
    for name in ("mem", "environ", "maps", *fds):
        for mode in ("rb", "wb"):
            try:
                open(f"{server}/{name}", mode).read(1)
            except OSError:
                continue
            raise AssertionError(name)
"""
    report = run(tests=look)
    assert report.passed == {"tests/test_calc.py::test_look"}, report.output


def test_a_killed_server_is_started_again(run):
    report = run(planted("import os; os.kill(os.getppid(), 9)"))
    assert report.broken
    assert not report.passed
    assert run().passed == PASSING


def test_what_is_left_running_is_killed(run):
    daemon = """
import os, time
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    while True:
        time.sleep(1)
"""
    alone = """
import pathlib
def test_alone():
    others = [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline")
              if b"server.py" in p.read_bytes()]
    assert len(others) <= 4, others
"""
    before = run(tests=alone)
    assert run(daemon + CALC).passed == PASSING
    assert run(tests=alone).passed == before.passed != set()


@pytest.mark.parametrize(
    "statement", ["while True: pass", "import time; time.sleep(999)"]
)
def test_tests_that_hang_are_stopped(run, statement):
    report = run(planted(statement), timeout_s=3)
    assert report.timed_out
    assert report.broken
    assert run().passed == PASSING


def test_processor_time_has_its_own_limit(run):
    report = run(planted("while True: pass"), timeout_s=100, cpu_s=1)
    assert report.timed_out
    assert report.seconds < 60


FLOOD = "[os.write(fd, bytes([255, 254]) * 500_000) for _ in range(100)]"


@pytest.mark.slow
def test_much_output_that_is_no_text(run):
    report = run(planted(f"import os; fd = 1; {FLOOD}"))
    assert {t for t in PASSING if "test_add" in t} <= report.failed
    assert len(report.passed) == len(PASSING) - 2
    assert len(report.output) < 70_000
    assert report.truncated


def test_much_output_past_pytest(run):
    """100 MB into the first pipe that is open, and into all of them."""
    pipes = "[fd for fd in range(3, 64) if os.path.exists(f'/proc/self/fd/{fd}')]"
    top = f"import os\nfor fd in {pipes}:\n  try: {FLOOD}\n  except OSError: pass\n"
    report = run(top + CALC)
    assert report.broken
    assert len(report.output) < 70_000
    assert run().passed == PASSING


def test_runs_are_alike(run):
    look = """
import os, random, socket, sys, time, pytest
def test_look(capsys):
    assert os.environ["PYTHONHASHSEED"] == "0"
    assert hash("a") == int(open("hash").read())
    assert (time.timezone, os.environ["LC_ALL"]) == (0, "C.UTF-8")
    assert random.random() == float(open("random").read())
    with pytest.raises(OSError):
        socket.create_connection(("1.1.1.1", 53), 1)
"""
    write = """
import random
def test_write():
    open("hash", "w").write(str(hash("a")))
    open("random", "w").write(str(random.random()))
"""
    assert run(tests=write).passed
    assert run(tests=look).passed


def test_calls_name_the_tests_of_each_function(place, run):
    run()
    calls = place[0].calls()
    assert calls["calc.py::add"] == {
        *(t for t in PASSING if "test_add" in t),
        "tests/test_calc.py::test_expected_to_fail",
    }
    assert calls["calc.py::greet"] == {t for t in PASSING if "Greet" in t}


def test_the_server_is_renewed_before_its_limits_are_used_up(run, monkeypatch):
    monkeypatch.setattr(module, "RUNS", 1)
    assert [run().passed for _ in range(3)] == [PASSING] * 3


def test_nothing_is_left_behind(calc):
    with TestRunner(calc, calc.root) as runner:
        assert runner.run().passed == PASSING
        assert running(calc.root)
    assert not running(calc.root)


def running(folder):
    """Return the processes that name a folder: those of its sandbox."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def test_pytest_has_to_be_installed(calc, monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"\[swe\]"):
        TestRunner(calc, calc.root)


def test_packages_of_the_index_see_the_standard_library_alone(inflection, tmp_path):
    folder = tmp_path / "inflection"
    inflection.copy_to(folder)
    sought = "[p for p in sys.path if 'site-' in p]"
    look = f"def test_look():\n    import sys\n    assert not {sought}\n"
    (folder / "test_inflection.py").write_text(look)
    with TestRunner(inflection, folder) as runner:
        assert len(runner.run().passed) == 1
