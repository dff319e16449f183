"""What a repairer of SWE-Gym is told first; the rest is as for local bugs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.environments.swe.grammar import grammar
from toolkit.environments.swe.tools import shortened, shown
from toolkit.environments.swe_gym.records import Record

_MOST_TESTS = 5
_TASK = """\
You work on {repo}. {problem}

Find the mistake in the code and repair it. Then hand it in with submit, within \
{turns} turns, or the repair does not count. It is graded with {tests}: changed tests \
earn nothing. To make a file, insert at its line 0.

At the root of the repository:
{listing}

Every reply is one action:
{grammar}"""


def task_text(record: Record, names: list[str], given: Mapping[str, Any]) -> str:
    """Return the first observation: the issue, never the patch or hidden tests.

    Args:
        record: The task.
        names: What is at the root of the repository.
        given: Arguments of the environment.
    """
    hidden = "tests that are not shown" if record.test_patch else "its own tests"
    return _TASK.format(
        repo=record.repo,
        problem=_problem(record, given["max_chars"]),
        turns=given["max_turns"],
        tests=hidden,
        listing=shortened(names, given["max_chars"]),
        grammar=grammar(given["format"]),
    )


def _problem(record: Record, max_chars: int) -> str:
    """Return the issue, or the failing tests where there is none."""
    if record.problem.strip():
        lines = [shown(line) for line in record.problem.strip().splitlines()]
        return f"This was reported:\n\n{shortened(lines, max_chars)}"
    names = [f"- {shown(name)}" for name in record.fail_to_pass[:_MOST_TESTS]]
    more = len(record.fail_to_pass) - len(names)
    names += [f"- and {more} more"] * (more > 0)
    return "\n".join(["These tests fail:", *names])
