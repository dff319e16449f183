"""What a fork of the server does: it imports the code under test and runs its tests.

Like `toolkit.environments.swe.server` it runs inside the sandbox, without the toolkit.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import operator
import os
import random
import resource
import sys
import tempfile
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

Message = dict[str, Any]
Report = Callable[[str, Any], None]

LATE = (
    *("_pytest.assertion.util", "_pytest.unittest", "unittest.mock"),
    *("packaging.requirements", "packaging.version"),
)
"""What pytest and most tests import later."""
TRUSTED = ("_pytest", "builtins", "pluggy", "pytest", "unittest")


def import_pytest(site: list[str]) -> None:
    """Import what runs need."""
    sys.dont_write_bytecode = True
    sys.path += site
    import pytest  # noqa: F401

    for name in LATE:
        importlib.import_module(name)
    sys.path[:] = [folder for folder in sys.path if folder not in site]
    gc.collect()
    gc.freeze()


class Trusted:
    """How the modules looked that decide whether a test passes."""

    def __init__(self) -> None:
        self._modules = {
            name: module
            for name, module in sys.modules.items()
            if name.partition(".")[0] in TRUSTED
        }
        self._names = [
            (vars(module), name, value)
            for module in self._modules.values()
            for name, value in vars(module).items()
            if callable(value)
        ]
        classes = {id(v): v for _, _, v in self._names if isinstance(v, type)}
        self._classes = [
            (value, _methods(value))
            for value in classes.values()
            if value.__module__.partition(".")[0] in TRUSTED
        ]
        members = [v for _, inside in self._classes for v in inside.values()]
        functions = [*members, *(value for _, _, value in self._names)]
        self._codes = [
            (f, f.__code__, _closed_over(f))
            for f in functions
            if isinstance(f, types.FunctionType)
        ]

    def changed(self) -> str:
        """Return the name of something that was replaced, or nothing."""
        for name, module in self._modules.items():
            if sys.modules.get(name) is not module:
                return name
        for module_names, name, value in self._names:
            if module_names.get(name) is not value:
                return f"{module_names['__name__']}.{name}"
        for cls, before in self._classes:
            now = _methods(cls)
            if now.keys() != before.keys() or any(
                now[name] is not value for name, value in before.items()
            ):
                return f"{cls.__module__}.{cls.__qualname__}"
        for function, code, around in self._codes:
            now_around = _closed_over(function)
            if function.__code__ is not code or any(
                map(operator.is_not, around, now_around)
            ):
                return f"{function.__module__}.{function.__qualname__}"
        return "sys.settrace" if sys.gettrace() or sys.getprofile() else ""


def _closed_over(function: types.FunctionType) -> list[Any]:
    """Return the values that a function uses of the one around it."""
    return [cell.cell_contents for cell in function.__closure__ or ()]


def _methods(cls: type) -> dict[str, Any]:
    """Return what a class can do: its methods, properties and inner classes."""
    return {
        name: value
        for name, value in vars(cls).items()
        if callable(value) or hasattr(value, "__get__")
    }


def run_tests(
    settings: Message, trusted: Trusted, question: int, reports: int, output: int
) -> NoReturn:
    """Wait for the question, run the tests, and end this process."""
    status = 1
    try:
        with os.fdopen(question, "rb") as waiting:
            text = waiting.read()
        if text:
            asked = json.loads(text)
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os.close(output)
            _prepare(settings, asked["cpu_s"])
            report = _reporter(reports, asked.pop("key"))
            status = _pytest(settings, asked, report, trusted)
    except BaseException as error:  # such as SystemExit, when a test file is imported
        print(f"{type(error).__name__}: {error}", flush=True)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


def _prepare(settings: Message, cpu_s: int) -> None:
    """Make this process look like one that was started to run these tests."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    if most == resource.RLIM_INFINITY or most > cpu_s:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, most))
    here = Path.cwd()
    folders = [str(here / folder) for folder in settings["path"]]
    sys.path[:0] = folders
    os.environ["PYTHONPATH"] = os.pathsep.join(folders)
    sys.modules["__main__"] = types.ModuleType("__main__")
    random.seed(0)


def _reporter(fd: int, key: str) -> Report:
    """Return a function that reports the outcome of a test, from this process only."""
    getpid, write, dumps, prefix = os.getpid, os.write, json.dumps, f"{key} ".encode()
    own = getpid()

    def report(what: str, value: Any) -> None:
        if getpid() == own:
            line = prefix + dumps([what, value]).encode() + b"\n"
            while line:
                line = line[write(fd, line) :]

    return report


def _pytest(
    settings: Message,
    asked: Message,
    report: Report,
    trusted: Trusted,
) -> int:
    """Run pytest; return its exit code."""
    import pytest

    plugin = Plugin(asked["patterns"], report)
    plugins: list[Any] = [plugin]
    if asked["calls"]:
        plugins.append(CallPlugin(report))
    folder = Path(tempfile.gettempdir()) / f"pytest-{os.getppid()}"
    code = pytest.main(
        [
            *("-q", "--no-header", "-p", "no:cacheprovider", f"--basetemp={folder}"),
            *("--rootdir=.", "--continue-on-collection-errors"),
            *("--tb=short" if asked["tracebacks"] else "--tb=no", *settings["options"]),
            *(f"--ignore={name}" for name in settings["left_out"] if "::" not in name),
            *(f"--deselect={name}" for name in settings["left_out"]),
            *_files(settings["tests"], asked["patterns"]),
        ],
        plugins=plugins,
    )
    changed = trusted.changed()
    if changed:
        report("changed", changed)
    if plugin.waiting == 0:
        report("end", "")
    return int(code)


def _files(tests: list[str], patterns: list[str]) -> list[str]:
    """Return what has to be imported to find tests by patterns."""
    named = {pattern.partition("::")[0] for pattern in patterns}
    inside = all(
        any(name == test or name.startswith(f"{test}/") for test in tests)
        and Path(name).exists()
        for name in named
    )
    return sorted(named) if named and inside else tests


class Plugin:
    """Chooses tests and reports what became of them."""

    def __init__(self, patterns: list[str], report: Report) -> None:
        self._patterns, self._report = patterns, report
        self.waiting: int | None = None
        """Tests that have not run yet; not known before all are found."""

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        """Leave the tests that a pattern fits."""
        ids = {item.nodeid for item in items}
        exact = ids.intersection(self._patterns)
        parts = (
            [p for p in self._patterns if p not in exact] if self._patterns else [""]
        )
        chosen: dict[bool, list[Any]] = {True: [], False: []}
        for item in items:
            fits = item.nodeid in exact or any(part in item.nodeid for part in parts)
            chosen[fits].append(item)
        config.hook.pytest_deselected(items=chosen[False])
        items[:] = chosen[True]

    def pytest_collection_finish(self, session: Any) -> None:
        """Count the tests that are there."""
        self.waiting = len(session.items)

    def pytest_runtest_logfinish(self) -> None:
        """Count the tests that are done."""
        if self.waiting is not None:
            self.waiting -= 1

    def pytest_collectreport(self, report: Any) -> None:
        """Report a file that cannot be imported."""
        if report.failed:
            self._report("error", report.nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Report the outcome of a test, or of a part of it."""
        if report.failed:
            self._report("failed", report.nodeid)
        elif report.skipped:
            self._report("skipped", report.nodeid)
        elif report.when == "call":
            self._report("passed", report.nodeid)


class CallPlugin:
    """Reports which functions below the working directory each test calls."""

    def __init__(self, report: Report) -> None:
        self._report, self._here = report, f"{Path.cwd()}/"
        self._called: set[types.CodeType] = set()
        self._watch(self._note)

    def pytest_collection_finish(self, session: Any) -> None:
        """Report what was called by imports, for the test without a name."""
        self._tell("")

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Report what a test called."""
        self._tell(nodeid)

    def pytest_sessionfinish(self) -> None:
        """Watch no more."""
        self._watch(None)

    def _watch(self, note: Any) -> None:
        sys.setprofile(note)
        threading.setprofile(note)

    def _note(self, frame: types.FrameType, event: str, _: Any) -> None:
        if event == "call":
            self._called.add(frame.f_code)

    def _tell(self, test: str) -> None:
        called, self._called = self._called, set()  # what follows makes calls, too
        functions = {
            f"{code.co_filename.removeprefix(self._here)}::{_plain(code.co_qualname)}"
            for code in called
            if code.co_filename.startswith(self._here)
        }
        self._report("calls", {test: sorted(functions)})


def _plain(name: str) -> str:
    """Return the name of the innermost function that was defined with a name."""
    return ".".join(part for part in name.split(".") if not part.startswith("<"))
