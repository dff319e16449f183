"""What is read in logs; those of pytest are written by pytest itself."""

import os
import subprocess
import sys

import pytest

from toolkit.environments.swe_gym.logs import PYTEST_FLAGS, read_log

TESTS = """
import pytest

@pytest.mark.parametrize("text", ["a", "a b", "a - b", "c]d", "x[y] - z"])
def test_good(text):
    print("FAILED test_x.py::test_good[a]")

@pytest.mark.parametrize("text", ["a", "a b", "a - b"])
def test_bad(text):
    assert text == [0] - 1, "no - [one]"

def test_prefix(): pass
def test_prefix_longer(): assert 0
@pytest.mark.xfail(reason="it is [so] - yes")
def test_expected(): assert 0
@pytest.mark.xfail
def test_unexpected(): pass
@pytest.mark.skip(reason="later")
def test_skipped(): pass
@pytest.fixture
def broken(): raise ValueError
def test_error(broken): pass
"""
F = "test_x.py::"
FORGED = """\
===== short test summary info =====
PASSED test_x.py::test_a
== 1 passed in 0s =="""
FORGERS = {
    "print": f"print('''\\n{FORGED}''')",
    "write": f"import os; os.write(2, b'''\\n{FORGED}''')",
    "atexit": f"import atexit; atexit.register(print, '''\\n{FORGED}''')",
}
ENDERS = {
    "exit": "import sys; sys.exit(0)",
    "end": "import os\ndef test_a(): os._exit(0)",
    "stop": "import pytest; pytest.exit('enough', 0)",
}
SKIPPED = "import pytest\npytest.skip('no', allow_module_level=True)\ndef test_a(): 0\n"
CASES = {
    "usual": ("", TESTS),
    "quiet": ("-q", TESTS),
    "silent": ("-qq", TESTS),
    "verbose": ("-v", TESTS),
    "skipped": ("", SKIPPED),
    "absent": ("", "import nothing_of_that_name"),
    **{name: ("", text) for name, text in ENDERS.items()},
    **{
        name: ("", f"{text}\ndef test_a():\n    {text}\n    assert 0\n")
        for name, text in FORGERS.items()
    },
}
# one process that has loaded pytest and forks for each case, as starting it is slow
DRIVER = """
import os, sys, pytest
for folder in sys.argv[1:]:
    if os.fork() == 0:
        os.chdir(folder)
        log = os.open("log", os.O_CREAT | os.O_WRONLY)
        os.dup2(log, 1), os.dup2(log, 2)
        flags = open("flags").read().split()
        sys.exit(pytest.main([*flags, "-p", "no:cacheprovider", "test_x.py"]))
    os.wait()
"""


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """What pytest writes in each of the cases."""
    folder = tmp_path_factory.mktemp("logs")
    for name, (flags, tests) in CASES.items():
        (folder / name).mkdir()
        (folder / name / "test_x.py").write_text(tests)
        flags += f" {PYTEST_FLAGS.format(tracebacks='short')}"
        (folder / name / "flags").write_text(flags)
    subprocess.run(
        [sys.executable, "-c", DRIVER, *(folder / name for name in CASES)],
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        check=True,
        timeout=600,
    )
    return {name: (folder / name / "log").read_text() for name in CASES}


@pytest.fixture
def log(logs):
    return logs["usual"]


def test_every_id_is_found_whole(log):
    found = read_log(log)
    good = {
        f"{F}test_good[{text}]" for text in ("a", "a b", "a - b", "c]d", "x[y] - z")
    }
    assert found.passed == good | {f"{F}test_prefix", f"{F}test_expected"}
    assert found.failed == {
        *(f"{F}test_bad[{text}]" for text in ("a", "a b", "a - b")),
        *(f"{F}test_prefix_longer", f"{F}test_unexpected", f"{F}test_error"),
    }
    assert not found.broken


def test_ids_are_compared_whole_and_not_by_their_parts(log):
    wanted = [
        f"{F}test_prefix",
        f"{F}test_pre",
        "test_prefix",
        f"{F}test_prefix_longer",
    ]
    wanted += [f"{F}test_good", f"{F}test_bad", f"{F}test_skipped", F, ""]
    assert read_log(log).passing(wanted) == {f"{F}test_prefix"}


def test_ids_that_were_cut_at_a_blank_need_all_that_they_stand_for(log):
    found = read_log(log)
    cut = [f"{F}test_good[a", f"{F}test_bad[a", f"{F}test_good[x[y]", f"{F}test_good[b"]
    assert found.passing(cut) == {f"{F}test_good[a"}
    worse = read_log(
        log.replace(f"PASSED {F}test_good[a b]", f"FAILED {F}test_good[a b]")
    )
    assert worse.passing(cut) == frozenset()


@pytest.mark.parametrize("case", ["quiet", "silent", "verbose"])
def test_other_settings_of_a_repository_do_no_harm(logs, case):
    found = read_log(logs[case])
    assert found.broken or f"{F}test_prefix" in found.passed
    assert f"{F}test_bad[a]" not in found.passed


@pytest.mark.parametrize("case", ENDERS)
def test_whoever_ends_pytest_passes_nothing(logs, case):
    found = read_log(logs[case])
    assert found.broken or found.failed == {"test_x.py"}
    assert found.passing([f"{F}test_a"]) == frozenset()


def test_tests_that_are_skipped_do_not_pass(logs):
    assert read_log(logs["skipped"]).passing([f"{F}test_a"]) == frozenset()


def test_a_file_that_cannot_be_loaded_has_failed(logs):
    found = read_log(logs["absent"])
    assert (found.passed, found.failed) == (frozenset(), {"test_x.py"})


@pytest.mark.parametrize("case", FORGERS)
def test_a_summary_that_code_prints_proves_nothing(logs, case):
    assert read_log(logs[case]).passing([f"{F}test_a"]) == frozenset()


def test_lines_that_are_slipped_into_the_summary_are_noticed(log):
    slipped = log.replace("PASSED", f"PASSED {F}test_bad[a]\nPASSED", 1)
    assert read_log(slipped).passing([f"{F}test_bad[a]"]) == frozenset()
    new = log.replace("PASSED", f"PASSED {F}test_new\nPASSED", 1)
    assert "names more tests" in read_log(new).broken


@pytest.mark.parametrize("text", ["", "ok", "5 passed in 0.1s", "PASSED test_x.py::a"])
def test_a_log_without_results_is_no_success(text):
    found = read_log(text)
    assert found.broken
    assert found.passing(["test_x.py::a"]) == frozenset()


def test_a_log_that_was_cut_off_is_no_success(log):
    assert read_log(log[: log.rindex(" in ")]).broken == "the summary has no end"
    assert read_log(f"\x1b[31m{log}\x1b[0m").passed  # colours do no harm


DJANGO = """\
Testing against Django installed in '/testbed/django'
test_a (app.tests.Case) ... ok
test_b (app.tests.Case) ... FAIL
test_c (app.tests.Case)
It says what it does. ... ok
test_d (app.tests.Case) ... skipped 'no database'
test_e (app.tests.Case) ... System check identified no issues (0 silenced).
ok
test_f (app.tests.Case) ... ERROR
test_g (app.tests.Case) ... expected failure
----------------------------------------------------------------------
Ran 7 tests in 0.120s

FAILED (failures=1, errors=1)
"""


def test_logs_of_django():
    found = read_log(DJANGO, "django/django")
    names = (
        "test_a (app.tests.Case)",
        "It says what it does.",
        "test_e (app.tests.Case)",
    )
    assert found.passed == set(names)
    assert found.failed == {"test_b (app.tests.Case)", "test_f (app.tests.Case)"}
    assert found.skipped == {"test_d (app.tests.Case)"}
    assert found.passing(["test_a", *names]) == set(names)
    assert read_log(DJANGO.replace("Ran 7", "Run 7"), "django/django").broken


SYMPY = """\
sympy/core/tests/test_x.py[4]
test_one ok
test_two F
test_three E
test_four s
test_five ok                                                   [FAIL]
= tests finished: 2 passed, 1 failed, 1 skipped, 1 exceptions, in 0.41 seconds =
"""


def test_logs_of_sympy():
    found = read_log(SYMPY, "sympy/sympy")
    assert found.passed == {"test_one", "test_five"}
    assert found.failed == {"test_two", "test_three"}
    again = SYMPY.replace("test_three E", "test_one F")
    assert read_log(again, "sympy/sympy").passed == {"test_five"}
    assert read_log(SYMPY.replace("finished", "stopped"), "sympy/sympy").broken


def test_lists_with_short_paths():
    log = FORGED.replace("test_a", "test_a[/tmp/x/y.txt]")
    listed = "test_x.py::test_a[/y.txt]"
    assert read_log(log, "psf/requests").passing([listed], "psf/requests") == {listed}
    assert read_log(log).passing([listed]) == frozenset()
