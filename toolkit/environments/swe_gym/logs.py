"""What a log of pytest, Django's runner or SymPy's says about each test, exactly.

Ids are compared whole. There is one exception, which the data sets force: their own
harness cut ids at the first blank, so that `test[a b]` is listed as `test[a`. Such an
id passes if there are tests that it was cut from and all of them pass. A log in which
nothing is found, which has no end or contradicts itself proves nothing: no test
passed. Formats were compared with https://github.com/SWE-bench/SWE-bench
(`swebench/harness/log_parsers/python.py`), which takes ids from any line of the log,
also from what the tested code prints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

PYTEST_FLAGS = "-rA --tb={tracebacks} --show-capture=no --color=no"
"""Flags of pytest that give the summary which is read here, and no other text that the
tested code could write."""
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SUMMARY = re.compile(r"=+ short test summary info =+")
_TOTALS = re.compile(r"(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s\b.*")
_COUNT = re.compile(r"(\d+) ([a-z]+)")
_STATUS = re.compile(r"([A-Z]+) +(\S.*)")
_PASSING = {"PASSED": "passed", "XFAIL": "xfailed"}
"""Words of the summary that count as a pass, and of the last line. An expected failure
is one, as in the harness that made the lists."""
_FAILING = ("FAILED", "ERROR", "XPASS", "SUBFAIL", "SUBFAILED")


@dataclass(frozen=True, kw_only=True, slots=True)
class TestLog:
    """What a log says."""

    __test__ = False  # pytest would take it for tests

    passed: frozenset[str] = frozenset()
    """Ids of the tests that passed, or failed as expected."""
    failed: frozenset[str] = frozenset()
    """Ids of the tests that failed, and files that could not be loaded."""
    skipped: frozenset[str] = frozenset()
    """Ids of the tests that were skipped, where the log names them."""
    broken: str = ""
    """Why the log proves nothing, `""` if it does."""

    def passing(self, wanted: Iterable[str], repo: str = "") -> frozenset[str]:
        """Return which of the wanted tests passed.

        Args:
            wanted: Ids as a data set lists them.
            repo: Repository, for those whose lists write some ids differently.

        >>> log = TestLog(passed=frozenset({"t.py::a", "t.py::b[x y]"}))
        >>> sorted(log.passing(["t.py::a", "t.py::b[x", "t.py::b", "a"]))
        ['t.py::a', 't.py::b[x']
        """
        if self.broken:
            return frozenset()
        groups: dict[str, list[str]] = {}
        for name in self.passed | self.failed | self.skipped:
            groups.setdefault(_as_listed(name, repo), []).append(name)
        found = set()
        for name in wanted:
            whole = name in self.passed
            meant = groups.get(name, []) if _is_rewritten(name, repo) else []
            if whole or (meant and self.passed.issuperset(meant)):
                found.add(name)
        return frozenset(found)


def read_log(text: str, repo: str = "") -> TestLog:
    r"""Return what a log says.

    >>> log = "= short test summary info =\nPASSED t.py::a\n= 1 passed in 0.01s =\n"
    >>> sorted(read_log(log).passed)
    ['t.py::a']
    >>> read_log("3 passed").broken
    'pytest printed no summary: it was ended before, or never started'
    """
    lines = _ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    found = _READERS.get(repo.lower(), _pytest)(lines)
    if found.broken:
        return found
    if not (found.passed or found.failed or found.skipped):
        return TestLog(broken="no test is named in it")
    # what failed once has failed, whatever else is said of it
    return TestLog(
        passed=found.passed - found.failed, failed=found.failed, skipped=found.skipped
    )


def _pytest(lines: list[str]) -> TestLog:
    """Read the summary of pytest; there has to be one, with the totals behind it."""
    heads = [i for i, line in enumerate(lines) if _SUMMARY.fullmatch(line.strip())]
    if not heads:
        return TestLog(
            broken="pytest printed no summary: it was ended before, or never started"
        )
    if len(heads) > 1:
        return TestLog(broken="there are two summaries, and pytest prints one")
    rest = lines[heads[0] + 1 :]
    end = next((i for i, line in enumerate(rest) if _TOTALS.fullmatch(line)), None)
    if end is None:
        return TestLog(broken="the summary has no end")
    counts = {word: int(n) for n, word in _COUNT.findall(rest[end])}
    named: dict[str, list[str]] = {}
    for found in filter(None, map(_STATUS.fullmatch, rest[:end])):
        named.setdefault(found[1], []).append(found[2])
    for word, total in _PASSING.items():
        if len(named.get(word, [])) > counts.get(total, 0):
            return TestLog(broken=f"it names more tests that {total} than it counts")
    passed = {*named.get("PASSED", []), *map(_id, named.get("XFAIL", []))}
    failed = {_id(text) for word in _FAILING for text in named.get(word, [])}
    return TestLog(passed=frozenset(passed), failed=frozenset(failed))


def _id(text: str) -> str:
    """Return the id at the start of a line of the summary, without the message.

    >>> _id("t.py::a[x - y] - assert 1 == 2"), _id("t.py - ImportError: no [z]")
    ('t.py::a[x - y]', 't.py')
    """
    head, bracket, rest = text.partition("[")
    if bracket and " - " not in head:
        inside, end, _ = rest.partition("] - ")
        if end or text.endswith("]"):
            return f"{head}[{inside}]" if end else text
    return text.partition(" - ")[0]


def _django(lines: list[str]) -> TestLog:
    """Read the log of Django's runner at verbosity 2: `test_x (app.Case) ... ok`."""
    results: dict[str, set[str]] = {"passed": set(), "failed": set(), "skipped": set()}
    open_test = ""
    for line in map(str.strip, lines):
        name, dots, said = line.rpartition(" ... ")
        if not dots:
            name, said = open_test, line
        result = _django_result(said)
        if result and name:
            results[result].add(name)
            open_test = ""
        elif dots:
            open_test = line.partition(" ... ")[0]
    if not any(re.match(r"Ran \d+ tests? in ", line) for line in lines):
        return TestLog(broken="Django's runner did not come to its end")
    passed, failed, skipped = map(frozenset, results.values())
    return TestLog(passed=passed, failed=failed, skipped=skipped)


def _django_result(said: str) -> str:
    """Return what a result in words means, `""` if it is none."""
    if said.lower() == "ok":
        return "passed"
    if said in ("FAIL", "ERROR", "unexpected success"):
        return "failed"
    return "skipped" if said.startswith("skipped") else ""


def _sympy(lines: list[str]) -> TestLog:
    """Read the log of SymPy's `bin/test --verbose`: `test_x ok`, `F`, `E`, `s`."""
    results: dict[str, set[str]] = {"ok": set(), "F": set(), "E": set(), "s": set()}
    for line in map(str.strip, lines):
        found = re.fullmatch(r"(test_\w+)\s+(ok|F|E|s)(\s+\[.*\])?", line)
        if found:
            results[found[2]].add(found[1])
    if not any("tests finished:" in line for line in lines):
        return TestLog(broken="SymPy's runner did not come to its end")
    return TestLog(
        passed=frozenset(results["ok"]),
        failed=frozenset(results["F"] | results["E"]),
        skipped=frozenset(results["s"]),
    )


_READERS: dict[str, Callable[[list[str]], TestLog]] = {
    "django/django": _django,
    "sympy/sympy": _sympy,
}
"""Readers of repositories that do not use pytest."""
_SHORT_PATHS = ("pydicom/pydicom", "psf/requests", "pylint-dev/pylint")
"""Repositories whose lists keep the last part alone of a path in brackets."""


def _is_rewritten(listed: str, repo: str) -> bool:
    """Return whether a listed id is not the one that the runner prints."""
    _, bracket, inside = listed.partition("[")
    cut = bool(bracket) and not listed.endswith("]")
    return cut or (repo.lower() in _SHORT_PATHS and inside.startswith("/"))


def _as_listed(name: str, repo: str) -> str:
    """Return how a list of SWE-bench or SWE-Gym writes the id of a test."""
    cut = name.split(" ", 1)[0]
    head, bracket, inside = cut.partition("[")
    is_path = inside.startswith("/") and inside[1:2] != "/" and "*" not in inside
    if repo.lower() in _SHORT_PATHS and is_path and cut.endswith("]"):
        return f"{head}[/{inside.rpartition('/')[2]}"
    return cut if bracket else name
