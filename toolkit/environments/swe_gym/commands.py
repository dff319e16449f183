"""How the tests of a repository of SWE-Gym or SWE-bench are started.

Commands were compared with the constants of https://github.com/SWE-Gym/SWE-Bench-Fork
and https://github.com/SWE-bench/SWE-bench (`harness/constants`, `harness/test_spec`).
Three things are different on purpose. The package is not installed again before its
tests run, because that needs a network. Flags keep what the tested code prints out of
the log. And as many test files run as the lists of tests name, not those alone that the
test patch changes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from toolkit.environments.swe_gym.images import ACTIVATE, CONDA_ENV
from toolkit.environments.swe_gym.logs import PYTEST_FLAGS
from toolkit.environments.swe_gym.patches import read_patch
from toolkit.environments.swe_gym.records import Record

ONE_PROCESS = (
    *("getmoto/moto", "python/mypy", "dask/dask", "conan-io/conan", "bokeh/bokeh"),
    *("modin-project/modin", "hypothesisworks/hypothesis", "spyder-ide/spyder"),
)
"""Repositories whose settings spread tests over processes, unless `-n0` says not to."""
_ENTER = (
    f"if [ -f {ACTIVATE} ]; then . {ACTIVATE}; conda activate {CONDA_ENV}; fi; "
    "export LANG=C.UTF-8 LC_ALL=C.UTF-8 PYTHONHASHSEED=0 PYTHONIOENCODING=utf-8"
)
_BEFORE = {"conan-io/conan": 'export PYTHONPATH="${PYTHONPATH:-}:$PWD"'}
_DJANGO = "python tests/runtests.py --verbosity 2 --settings=test_sqlite --parallel 1"
_SYMPY = "PYTHONWARNINGS=ignore python bin/test -C --verbose"


def command(
    repo: str, targets: Sequence[str], *, tracebacks: str = "no", words: str = ""
) -> str:
    """Return the command of bash that runs tests.

    Args:
        repo: Repository.
        targets: Files, folders or ids of tests; for Django modules.
        tracebacks: How pytest shows failures: `no`, `short`, `long`.
        words: Parts of names, for pytest's `-k`.
    """
    repo = repo.lower()
    if repo == "django/django":
        run = _DJANGO
    elif repo == "sympy/sympy":
        run = _SYMPY
    else:
        run = f"pytest {PYTEST_FLAGS.format(tracebacks=tracebacks)}"
        run += " -n0" * (repo in ONE_PROCESS)
        run += f" -k {shlex.quote(words)}" if words else ""
    steps = [_ENTER, _BEFORE.get(repo), " ".join([run, *map(shlex.quote, targets)])]
    return "; ".join(filter(None, steps))


def grading_command(record: Record) -> str:
    """Return the command that runs the tests which decide about a task."""
    repo = record.repo.lower()
    listed = (*record.fail_to_pass, *record.pass_to_pass)
    if repo == "django/django":
        return command(repo, sorted({_module(path) for path in _patched(record)}))
    if repo == "sympy/sympy":
        return command(repo, _patched(record))
    words = ""
    if repo == "python/mypy":  # one file of it runs thousands of cases
        words = " or ".join(dict.fromkeys(name.rpartition("::")[2] for name in listed))
    return command(repo, files_of(listed), words=words)


def files_of(names: Sequence[str]) -> list[str]:
    """Return the files of tests that are named by their pytest ids, sorted."""
    return sorted({name.partition("::")[0] for name in names if ".py" in name})


def is_test_path(path: str) -> bool:
    """Return whether a file holds tests or decides how tests run.

    >>> is_test_path("moto/s3/models.py"), is_test_path("tests/test_s3/test_s3.py")
    (False, True)
    >>> is_test_path("pandas/conftest.py"), is_test_path("setup.cfg")
    (True, True)
    """
    *folders, name = path.split("/")
    return bool(_NAMES.fullmatch(name)) or not {"test", "tests"}.isdisjoint(folders)


_NAMES = re.compile(
    r"test_.*|.*_tests?\.py|tests\.py|conftest\.py|\.?pytest\.(ini|toml)|tox\.ini|"
    r"setup\.cfg|pyproject\.toml|(site|user)customize\.py|.*\.pth"
)


def _patched(record: Record) -> list[str]:
    """Return the Python files that the test patch changes."""
    changes = read_patch(record.test_patch)
    return sorted(change.path for change in changes if change.path.endswith(".py"))


def _module(path: str) -> str:
    """Return how Django's runner names a file.

    >>> _module("tests/auth_tests/test_forms.py")
    'auth_tests.test_forms'
    """
    return path.removesuffix(".py").removeprefix("tests/").replace("/", ".")
