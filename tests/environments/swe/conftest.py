import pytest

from tests.environments.swe.shop import make_shop
from tests.programs import is_required
from toolkit.environments.swe.repositories import get_repository
from toolkit.environments.swe.workspace import Workspace, contents
from toolkit.errors import DownloadError, SandboxError
from toolkit.sandbox import open_sandbox

CALC = '''\
"""Arithmetic, for tests of tests."""


def add(a, b):
    return a + b


def clamp(x, low, high):
    if x < low:
        return low
    return min(x, high)


def is_even(n):
    return n % 2 == 0


def larger(a, b):
    if a > b:
        return a
    return b


def greet(name="Zoë"):
    # says hello – politely
    return "hello " + name
'''
TESTS = """\
import pytest
from calc import add, clamp, greet, is_even, larger


@pytest.mark.parametrize("b", [1, 2], ids=["a::b [c]", "ü"])
def test_add(b):
    assert add(1, b) == 1 + b


def test_clamp_below():
    assert clamp(-1, 0, 5) == 0


def test_clamp_inside():
    assert clamp(3, 0, 5) == 3


def test_clamp_above():
    assert clamp(9, 0, 5) == 5


@pytest.mark.parametrize("n", [0, 7])
def test_is_even(n):
    assert is_even(n) == (n == 0)


def test_larger():
    assert larger(2, 1) == larger(1, 2) == 2


class TestGreet:
    def test_name(self):
        assert greet("Ann") == "hello Ann"

    def test_nobody(self):
        assert greet() == "hello Zoë"


def test_skipped():
    pytest.skip("not today")


@pytest.mark.xfail
def test_expected_to_fail():
    assert add(1, 1) == 3
"""
PASSING = {
    "tests/test_calc.py::test_add[a::b [c]]",
    "tests/test_calc.py::test_add[\\xfc]",
    "tests/test_calc.py::test_clamp_below",
    "tests/test_calc.py::test_clamp_inside",
    "tests/test_calc.py::test_clamp_above",
    "tests/test_calc.py::test_is_even[0]",
    "tests/test_calc.py::test_is_even[7]",
    "tests/test_calc.py::test_larger",
    "tests/test_calc.py::TestGreet::test_name",
    "tests/test_calc.py::TestGreet::test_nobody",
}


def make_calc(folder, code=CALC, tests=TESTS):
    """Write a small repository into a folder; return it."""
    (folder / "tests").mkdir(parents=True)
    (folder / "calc.py").write_text(code, encoding="utf-8")
    (folder / "tests" / "test_calc.py").write_text(tests, encoding="utf-8")
    return get_repository(f"folder:{folder}")


@pytest.fixture
def calc(tmp_path):
    """A repository of two files with ten tests that pass."""
    return make_calc(tmp_path / "calc")


@pytest.fixture(scope="session")
def bug(tmp_path_factory):
    """The bug of the shop."""
    return make_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def shop(bug):
    """The files of the shop, as they were published."""
    return contents(get_repository(bug.repository))


@pytest.fixture
def workspace(bug, shop):
    """A workspace with the bug."""
    with Workspace(shop | bug.broken_sources()) as made:
        yield made


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory):
    """Skip where there is no sandbox; in CI there has to be one."""
    try:
        open_sandbox(tmp_path_factory.mktemp("sandbox")).close()
    except SandboxError as error:
        unavailable(error)


@pytest.fixture(scope="session")
def inflection():
    """The smallest repository of the index; needs the network once."""
    repository = get_repository("inflection")
    try:
        assert repository.root.is_dir()
    except DownloadError as error:
        unavailable(error)
    return repository


def unavailable(error):
    """Skip a test that this machine cannot run, unless it is that of CI."""
    if is_required():
        pytest.fail(str(error))
    pytest.skip(str(error))
