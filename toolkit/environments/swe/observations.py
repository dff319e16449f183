"""What a repairer is told: the task, what the tests say, and what came of it all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from toolkit.environments.swe.bugs import Bug
from toolkit.environments.swe.grading import Grade
from toolkit.environments.swe.grammar import grammar
from toolkit.environments.swe.runner import TestReport
from toolkit.environments.swe.tools import shortened, shown
from toolkit.errors import ActionError

_MOST_TESTS, _MOST_FILES, _MOST_NAMES = 5, 60, 20
_LONGEST_REASON = 200
_HEADING = re.compile(r"_+ (\S.*?) _+")
_TASK = """\
The package {name} has a bug: {failing} of its {all} tests fail{s}.
{tests}
Find the mistake in the code of the package and repair it. Then hand it in with submit,
within {turns} turns, or the repair does not count. It is graded with the tests as they
were published: changed tests earn nothing.

Files:
{files}

Every reply is one action:
{grammar}"""
_UNSTEADY = (
    (re.compile(r"\b0x[0-9a-fA-F]{6,}"), "0x…"),
    (re.compile(r"\bid='?\d{9,}'?"), "id=…"),
    (re.compile(r"\bin \d+\.\d+s( \(\d+:\d+:\d+\))?"), "in a moment"),
    (re.compile(r"/tmp/pytest-of-\w+/pytest-\d+"), "/tmp"),
    (re.compile(r"/tmp/tmp\w{6,}"), "/tmp/…"),
)
"""What differs from run to run: addresses, times, names of temporary files."""


def task_text(
    bug: Bug, says: Mapping[str, str], files: Sequence[str], form: str, turns: int
) -> str:
    """Return the first observation; nothing in it tells where the mistake is.

    Args:
        bug: What is to be repaired.
        says: What `first_failing` tests say, by their names.
        files: Of the repository.
        form: Of the actions, `text` or `json`.
        turns: Of the episode.
    """
    names = first_failing(bug)
    tests = [f"- {n}: {says[n]}" if n in says else f"- {n}" for n in names]
    more = len(bug.fail_to_pass) - len(names)
    listed = [*files[:_MOST_FILES]]
    if len(files) > _MOST_FILES:
        listed.append(f"[{len(files) - _MOST_FILES:,} more files; ls shows them]")
    return _TASK.format(
        name=bug.repository.rpartition("/")[2],
        failing=len(bug.fail_to_pass),
        s="s" * (len(bug.fail_to_pass) == 1),
        all=len(bug.fail_to_pass) + len(bug.pass_to_pass),
        tests="\n".join(tests + [f"- and {more} more"] * (more > 0)),
        turns=turns,
        files="\n".join(listed),
        grammar=grammar(form),
    )


def first_failing(bug: Bug) -> tuple[str, ...]:
    """Return the tests that the first observation names."""
    return bug.fail_to_pass[:_MOST_TESTS]


def failures(report: TestReport) -> dict[str, str]:
    """Return the first line of what each failed test says, by its name."""
    found: dict[str, str] = {}
    place = ""
    for line in steady(report.output).split("\n"):
        heading = _HEADING.fullmatch(line)
        if heading:
            place = heading[1]
        elif line.startswith("E  "):
            found.setdefault(place, shown(line[1:].strip()[:_LONGEST_REASON]))
    places = {
        name: name.partition("::")[2].replace("::", ".") for name in report.failed
    }
    return {name: found[place] for name, place in places.items() if place in found}


def report_text(report: TestReport, pattern: str, max_chars: int) -> str:
    """Return what a run of the tests showed."""
    failed, count = sorted(report.failed), len(report.failed) + len(report.passed)
    output = steady(report.output).strip().split("\n")
    if report.timed_out:
        head = "The tests took too long and were stopped; something may hang."
    elif report.broken:
        head = f"The tests did not run to their end: {steady(report.broken)}"
    elif not count:
        head = f"No test ran{f' for {pattern!r:.80}' if pattern else ''}."
    elif not failed:
        return f"All {count} tests passed." if count > 1 else "1 test passed."
    else:
        names = [f"- {shown(name)}" for name in failed[:_MOST_NAMES]]
        more = len(failed) - len(names)
        names += [f"- and {more} more"] * (more > 0)
        head = "\n".join([f"{len(failed)} of {count} tests failed.", *names])
    return f"{head}\n\n{shortened([shown(line) for line in output], max_chars)}"


def grade_text(grade: Grade) -> str:
    """Return what became of a repair."""
    if grade.refused:
        return f"Your repair earns nothing. {grade.refused}"
    if grade.binary:
        return "You have repaired it: all tests pass."
    parts = (
        (f"{len(grade.still_fail)} tests still fail", grade.still_fail),
        (
            f"{len(grade.newly_fail)} tests fail that passed before",
            grade.newly_fail,
        ),
    )
    told = (f"{what}, such as {names[0]}" for what, names in parts if names)
    return f"Not repaired: {'; '.join(told)}."


def error_text(error: ActionError) -> str:
    """Return what a player is told whose action could not be done."""
    return "\n".join(filter(None, (error.what, error.why, error.fix)))


def steady(text: str) -> str:
    """Return a text without what differs from run to run.

    >>> steady("<Shape at 0x7f33a0c1d2e0> 1 failed in 0.12s")
    '<Shape at 0x…> 1 failed in a moment'
    """
    for pattern, instead in _UNSTEADY:
        text = pattern.sub(instead, text)
    return text
