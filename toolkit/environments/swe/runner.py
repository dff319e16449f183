"""Runs the tests of a repository in a sandbox, again and again."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from toolkit.environments.swe.compiled import Codes, chosen, to_text
from toolkit.environments.swe.repositories import Repository, python_files
from toolkit.errors import MissingExtraError, SandboxError, SandboxTimeoutError
from toolkit.sandbox import Conversation, Level, Limits, open_sandbox

SERVER, FORKED, COMPILED = (
    Path(__file__).with_name(f"{name}.py") for name in ("server", "forked", "compiled")
)
GRACE_S = 20.0
"""Seconds that the start of the server and the end of a run may take, at most."""
RUNS = 500
"""Runs after which the server is started anew, before it uses up its own limits."""
ENVIRONMENT = {
    "COLUMNS": "80",
    "LC_ALL": "C.UTF-8",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONIOENCODING": "utf-8:backslashreplace",
    "TZ": "UTC",
}
"""What could differ between machines."""
PUBLISHED_OPTIONS = (
    *("-c", os.devnull, "-W", "ignore"),
    *("-p", "no:unraisableexception", "-p", "no:threadexception"),
)
"""Options of pytest for packages from the index: none of their settings, which ask for
plug-ins and for versions."""
OWN_OPTIONS = ("-o", "addopts=")
"""Options of pytest for a folder of the user."""


@dataclass(frozen=True, kw_only=True)
class TestReport:
    """What became of the tests of one run; tests are named by their pytest ids."""

    __test__ = False  # pytest: this is no test

    passed: frozenset[str] = frozenset()
    """Tests that passed."""
    failed: frozenset[str] = frozenset()
    """Tests that failed, or whose fixtures did."""
    skipped: frozenset[str] = frozenset()
    """Tests that were skipped, or failed as they are expected to."""
    errors: tuple[str, ...] = ()
    """Test files that could not be imported."""
    broken: str = ""
    """Why the run does not count, if it does not: it did not reach its end, or
    something tampered with pytest. Nothing in it can then be believed."""
    timed_out: bool = False
    """Whether it was stopped because it took too long."""
    output: str = ""
    """What pytest printed; of long outputs the end."""
    truncated: bool = False
    """Whether `output` is less than all."""
    seconds: float = 0.0
    """How long it took."""
    cpu_seconds: float = 0.0
    """Processor time of it."""


class TestRunner:
    """Runs tests in a folder that holds a copy of a repository.

    pytest is loaded once; each run is a fork that imports the code anew. A process that
    was killed is started again with the next run. `toolkit.environments.swe.server`
    tells how far its reports can be trusted.

    Args:
        repository: Whose tests are run.
        folder: The copy; the tests can write to it.
        level: What kind of sandbox (default: the safest one that works).
        trusted: Whether the code may run where nothing isolates it.
        limits: Of the sandbox.

    Raises:
        MissingExtraError: If pytest is not installed.
        SandboxError: If there is no such sandbox.
        DownloadError: If what the tests require has to be fetched and cannot be.
    """

    __test__ = False  # pytest: this is no test

    def __init__(
        self,
        repository: Repository,
        folder: Path,
        *,
        level: Level | None = None,
        trusted: bool = False,
        limits: Limits | None = None,
    ) -> None:
        if importlib.util.find_spec("pytest") is None:
            raise MissingExtraError("pytest", "swe")
        self._command = _command(repository)
        self._compiled = to_text(_known(repository, folder))
        self._sandbox = open_sandbox(
            folder,
            readable=(SERVER, FORKED, COMPILED, *repository.import_folders),
            level=level,
            trusted=trusted,
            limits=limits or Limits(),
        )
        self._server: Conversation | None = None
        self._runs = 0

    @property
    def level(self) -> Level:
        """What isolates the tests."""
        return self._sandbox.level

    def run(
        self,
        patterns: Iterable[str] = (),
        *,
        timeout_s: float = 60.0,
        cpu_s: int = 30,
        tracebacks: bool = True,
    ) -> TestReport:
        """Run tests.

        Args:
            patterns: Ids of tests, or parts of ids; all tests if there are none.
            timeout_s: Seconds after which the run is stopped.
            cpu_s: Seconds of processor time after which it is stopped; this depends
                less on what else the machine does.
            tracebacks: Print how tests failed, too.
        """
        try:
            answer = self._ask(
                patterns=list(patterns),
                timeout_s=timeout_s,
                cpu_s=cpu_s,
                tracebacks=tracebacks,
            )
        except SandboxError as error:
            late = isinstance(error, SandboxTimeoutError)
            return TestReport(broken=f"{error.what} {error.why}", timed_out=late)
        return _report(answer)

    def calls(self, *, timeout_s: float = 120.0) -> dict[str, frozenset[str]]:
        """Return which tests call each function; `""` stands for imports.

        Returns:
            Tests by functions, such as `src/cachetools/keys.py::hashkey`. What other
            processes call is not seen.

        Raises:
            SandboxError: If the tests did not run to their end.
        """
        answer = self._ask(timeout_s=timeout_s, cpu_s=round(timeout_s), calls=True)
        if not answer["ended"]:
            raise SandboxError(
                "The calls of tests could not be watched.",
                f"{_report(answer).broken}\n{answer['output'][-1000:]}",
                "Run the tests by themselves first.",
            )
        tests: dict[str, set[str]] = {}
        for test, functions in answer["calls"].items():
            for function in functions:
                tests.setdefault(function, set()).add(test)
        return {function: frozenset(found) for function, found in tests.items()}

    def close(self) -> None:
        """End all processes."""
        self._stop()
        self._sandbox.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _ask(self, **question: Any) -> dict[str, Any]:
        """Ask the server; stop it if it gives no answer, or a forged one."""
        secret = secrets.token_hex(16)
        defaults = {"patterns": [], "tracebacks": False, "calls": False}
        message = {**defaults, **question, "secret": secret}
        try:
            answer = self._started().ask(message, question["timeout_s"] + GRACE_S)
            if answer.get("secret") != secret:
                raise SandboxError("The answer about the tests was forged.")
        except BaseException:
            self._stop()
            raise
        return answer

    def _started(self) -> Conversation:
        if self._runs >= RUNS:
            self._stop()
        if self._server is None:
            self._server = self._sandbox.start(self._command, env=ENVIRONMENT)
            self._server.ask({"compiled": self._compiled}, GRACE_S)
        self._runs += 1
        return self._server

    def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server, self._runs = None, 0


def _known(repository: Repository, folder: Path) -> Codes:
    """Return the code of the published files that are in the workspace, too.

    Not of others: tests could read there what a file with a bug should be.
    """
    codes = repository.codes()
    folders = (folder, *repository.import_folders) if codes else ()
    return chosen(codes, (p for where in folders for p in python_files(where)))


def _command(repository: Repository) -> list[str]:
    """Return what is executed inside."""
    is_own = repository.folder is not None
    settings = {
        "tests": list(repository.tests),
        "left_out": list(repository.left_out),
        "path": [*repository.path, *map(str, repository.import_folders)],
        "site": [] if is_own else _homes_of_pytest(),
        "options": list(OWN_OPTIONS if is_own else PUBLISHED_OPTIONS),
    }
    # Not the working directory first in sys.path; without `site` for packages of the
    # index, so that nothing is imported from the packages installed here.
    flags = "-sP" if is_own else "-sPS"
    return [sys.executable, flags, str(SERVER), json.dumps(settings)]


def _homes_of_pytest() -> list[str]:
    """Return the folders that pytest and what it needs are installed in."""
    found = set()
    for name in ("pytest", "pluggy", "iniconfig", "packaging", "pygments"):
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            found.add(str(Path(spec.origin).parents[1]))
    return sorted(found)


def _report(answer: dict[str, Any]) -> TestReport:
    """Turn an answer of the server into a report."""
    broken = ""
    if answer["timed_out"]:
        broken = f"The tests were stopped after {answer['seconds']:.0f} s."
    elif not answer["ended"]:
        broken = f"The tests did not run to their end (status {answer['status']})."
    elif answer["changed"]:
        broken = f"Something replaced {answer['changed']}, on which tests rely."
    return TestReport(
        passed=frozenset(answer["passed"]),
        failed=frozenset(answer["failed"]),
        skipped=frozenset(answer["skipped"]),
        errors=tuple(answer["errors"]),
        broken=broken,
        timed_out=answer["timed_out"],
        output=answer["output"],
        truncated=answer["output_bytes"] > len(answer["output"].encode()),
        seconds=answer["seconds"],
        cpu_seconds=answer["cpu_s"],
    )
