import dataclasses
import os

import pytest

from tests.environments.swe.shop import (
    BROKEN,
    FAILING,
    PASSING,
    PRICES,
    SOURCE,
    TEST_FILE,
)
from toolkit.environments.swe import grading
from toolkit.environments.swe.grading import Grade, grade
from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.workspace import Workspace


def put(workspace, path, text):
    (workspace.folder / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace.folder / path).write_text(text)


def graded(bug, workspace, text=BROKEN):
    put(workspace, SOURCE, text)
    return grade(bug, workspace, timeout_s=30)


# ---- honest work ---------------------------------------------------------------------


def test_the_repair_earns_everything(bug, workspace):
    found = graded(bug, workspace, PRICES + "\n# mended\n")
    assert found == Grade(fail_to_pass=1.0, pass_to_pass=1.0)
    assert found.ratio == found.binary == 1.0


@pytest.mark.parametrize("text", [BROKEN, BROKEN + "\n# harmless\n"])
def test_tests_that_passed_anyway_pay_nothing(bug, workspace, text):
    found = graded(bug, workspace, text)
    assert (found.fail_to_pass, found.pass_to_pass) == (0.0, 1.0)
    assert found.ratio == found.binary == 0.0
    assert found.still_fail == FAILING


def test_half_a_repair_earns_its_part(bug, workspace):
    half = "\n    if discount == 50:\n        return amount / 2\n    return amount +"
    text = BROKEN.replace("\n    return amount +", half)
    found = graded(bug, workspace, text)
    assert found.still_fail == ("tests/test_prices.py::test_discount[100-0]",)
    assert found.ratio == pytest.approx(2 / 3)
    assert found.binary == 0.0


def test_what_breaks_costs(bug, workspace):
    found = graded(bug, workspace, PRICES.replace("min(", "max("))
    assert found.newly_fail == PASSING[:1]
    assert found.ratio == pytest.approx(2 / 3)
    assert found.binary == 0.0


def test_a_grade_can_be_stored():
    told = Grade(fail_to_pass=0.5, pass_to_pass=0.5, still_fail=("a", "b")).to_dict(1)
    assert told["still_fail"] == ["a"]
    assert (told["ratio"], told["binary"]) == (0.25, 0.0)


# ---- whatever is done beside the sources ---------------------------------------------

PLANTED = {
    TEST_FILE: "def test_plain(): pass\n",
    "tests/conftest.py": "import pytest\n@pytest.hookimpl(tryfirst=True)\n"
    "def pytest_runtest_makereport(item, call): call.excinfo = None\n",
    "shop/conftest.py": "raise SystemExit(0)\n",
    "conftest.py": "collect_ignore = ['tests']\n",
    "pytest.ini": "[pytest]\naddopts = --collect-only\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-k nothing'\n",
    "sitecustomize.py": "import os; os._exit(0)\n",
    "usercustomize.py": "import os; os._exit(0)\n",
    "pytest.py": "def main(*args, **kwargs): return 0\n",
    "unittest.py": "class TestCase: pass\n",
    "a.pth": "import os; os._exit(0)\n",
    "shop/__pycache__/prices.cpython-311.pyc": "nothing",
    "tests/data.pickle": "cos\nsystem\n(S'true'\ntR.",
}


def test_nothing_but_the_sources_counts(bug, workspace):
    for path, text in PLANTED.items():
        put(workspace, path, text)
    found = graded(bug, workspace)
    assert (found.fail_to_pass, found.pass_to_pass) == (0.0, 1.0)
    hidden = {path for path in PLANTED if "__pycache__" in path}
    assert set(found.ignored) == PLANTED.keys() - hidden
    assert graded(bug, workspace, PRICES).binary == 1.0


def test_deleted_tests_are_there_again(bug, workspace):
    (workspace.folder / TEST_FILE).unlink()
    found = graded(bug, workspace)
    assert (found.ratio, found.ignored) == (0.0, (TEST_FILE,))
    assert graded(bug, workspace, PRICES).binary == 1.0


def test_deleted_sources_stay_deleted(bug, workspace):
    (workspace.folder / SOURCE).unlink()
    found = grade(bug, workspace, timeout_s=30)
    assert (found.fail_to_pass, found.pass_to_pass) == (0.0, 0.0)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "large"])
def test_a_source_that_is_no_file_is_none(bug, workspace, kind):
    path = workspace.folder / SOURCE
    path.unlink()
    if kind == "link":
        path.symlink_to(get_repository(bug.repository).root / SOURCE)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.write_text(PRICES + "#" * 2_000_000)
    assert grade(bug, workspace, timeout_s=30).ratio == 0.0


# ---- whatever the sources do ---------------------------------------------------------

HEAD = "import gc, os, sys, unittest\nimport pytest, _pytest.python, _pytest.runner\n"
ATTACKS = {
    "exit": "sys.exit(0)",
    "raise": "raise SystemExit(0)",
    "exit at once": "os._exit(0)",
    "kill": "os.kill(os.getpid(), 9)",
    "exit at the end": "import atexit; atexit.register(os._exit, 0)",
    "skip": "pytest.skip('no', allow_module_level=True)",
    "end the session": "pytest.exit('all is well', returncode=0)",
    "xfail": "pytest.xfail('no')",
    "no test runs": "_pytest.python.Function.runtest = lambda self: None",
    "no failure": "_pytest.runner.CallInfo.excinfo = property(\n"
    "    lambda self: None, lambda self, value: None)",
    "reports": "_pytest.reports.TestReport.failed = property(lambda self: False)\n"
    "_pytest.reports.TestReport.passed = property(lambda self: True)",
    "assertEqual": "unittest.TestCase.assertEqual = lambda *a, **k: None\n"
    "unittest.TestCase.assertTrue = lambda *a, **k: None",
    "assertions": "for thing in gc.get_objects():\n"
    "    if type(thing).__name__ == 'Function':\n"
    "        thing.obj = lambda **kwargs: None",
    "the reporter": "for thing in gc.get_objects():\n"
    "    if type(thing).__name__ == 'Plugin' and hasattr(thing, '_report'):\n"
    "        report = thing._report\n"
    "        thing._report = lambda what, value: report(\n"
    "            'passed' if what == 'failed' else what, value)",
    "code": "def nothing(self): pass\n"
    "_pytest.python.Function.runtest.__code__ = nothing.__code__",
    "trace": "sys.settrace(lambda *a: None)",
    "fork": "if os.fork() == 0:\n    while True:\n        pass",
    "other tests": f"open({TEST_FILE!r}, 'w').write('def test_plain(): pass')",
    "other tests, for a while": f"text = open({TEST_FILE!r}).read()\n"
    f"for new in ('', text):\n"
    f"    open({TEST_FILE!r}, 'w').write(new)",
}


@pytest.mark.slow
@pytest.mark.parametrize("screened", [True, False])
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_pays(bug, workspace, attack, screened, monkeypatch):
    """With the screen, and without it: there is more than one wall."""
    if not screened:
        monkeypatch.setattr(grading, "reaches", lambda before, after: [])
    found = graded(bug, workspace, f"{HEAD}{ATTACKS[attack]}\n{BROKEN}")
    assert found.ratio == found.binary == 0.0
    assert bool(found.refused) >= screened


def test_an_object_that_equals_everything_is_refused(bug, workspace):
    text = "class Any(int):\n    def __eq__(self, other):\n        return True\n"
    found = graded(
        bug, workspace, text + BROKEN.replace("return amount +", "return Any() +")
    )
    assert found.refused == f"The repair reaches for __eq__ in {SOURCE}."
    assert found.ratio == 0.0


def test_a_hang_ends_and_earns_nothing(bug, workspace):
    put(workspace, SOURCE, PRICES.replace("amount =", "while True: pass\n    amount ="))
    found = grade(bug, workspace, timeout_s=2)
    assert found.ratio == 0.0
    assert "stopped after 2 s" in found.refused


def test_no_file_is_left_and_no_process(bug, workspace):
    room = workspace.folder.parent
    before = sorted(room.iterdir())
    graded(bug, workspace, PRICES)
    assert sorted(room.iterdir()) == before


def test_tests_in_one_file_are_graded_too(bug, shop, workspace):
    repository = get_repository(bug.repository)
    alone = dataclasses.replace(repository, tests=(TEST_FILE,))
    with Workspace(shop) as pristine:
        changed, planted = grading._planted(alone, pristine)
        assert changed.tests == (TEST_FILE, planted)
        assert (pristine.folder / planted).exists()
