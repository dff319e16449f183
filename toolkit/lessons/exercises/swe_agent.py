"""The exercises of lesson 13: what is paid, what is counted, and an attack on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.lessons.attacks import Attack, check_attack
from toolkit.lessons.checks import (
    Verdict,
    agree,
    attempt,
    attempt_number,
    not_yet,
    right,
)
from toolkit.lessons.exercise import Exercise, Wrong
from toolkit.lessons.lending import SOURCE

RepairPay = Callable[[int, int, int, int], float]
PartPassed = Callable[[Sequence[str], Mapping[str, str]], float]
SearchWins = Callable[[int, int], float]
KeptTurns = Callable[[Sequence[int], int], Sequence[int]]
Known = tuple[tuple[Callable[..., float], str], ...]


def check_repair_pay(function: RepairPay) -> Verdict:
    """Check what a repair is paid of which tests that passed anyway pay nothing.

    Args:
        function: Gets how many of the failing tests pass now and how many there are,
            then how many of the passing tests still pass and how many there are.
    """
    cases = ((2, 4, 6, 8), (0, 4, 8, 8), (4, 4, 0, 8), (4, 4, 8, 8), (1, 3, 50, 50))
    return _told_apart(
        function,
        repair_pay,
        cases,
        PAYS,
        "with {} of {} mended and {} of {} kept",
        "a product: nothing mended pays nothing, and what breaks costs.",
    )


PAYS: Known = (
    (lambda m, f, k, p: (m + k) / (f + p), "that counts all tests alike, so a patch "
     "that does nothing is paid for tests that passed anyway."),
    (lambda m, f, k, p: (m / f + k / p) / 2, "a mean pays half for a patch that does "
     "nothing. Without a test mended there must be nothing."),
    (lambda m, f, k, p: float(m == f and k == p), "that is the binary reward. Part of "
     "a repair is to be paid in part."),
    (lambda m, f, k, p: m / f, "that forgets what was broken: a repair may mend one "
     "thing and ruin another."),
    (lambda m, f, k, p: k / p, "that pays for tests that passed anyway, and for "
     "nothing that was mended."),
    (lambda m, f, k, p: min(m / f, k / p), "the smaller of both is blind to the other "
     "one, where something is left to mend and something else was broken."),
    (lambda m, f, k, p: m / f * (k == p), "whatever is broken, all is lost: half of a "
     "repair that breaks one test of many would be worth nothing."),
    (lambda m, f, k, p: m / f - 1 + k / p, "what was broken is subtracted; the ratio "
     "multiplies. What is left of the others is a part, as what was mended is."),
)  # fmt: skip
"""Other ways to pay, and what to say about them."""


def check_part_passed(function: PartPassed) -> Verdict:
    """Check how tests are counted that have to pass.

    Args:
        function: Gets the ids of these tests, and for each test of a run its outcome,
            such as `passed` or `failed`.
    """
    wanted = ["t.py::test_add", "t.py::test_add_more"]
    cases: tuple[tuple[dict[str, str], float, str], ...] = (
        ({wanted[0]: "passed", wanted[1]: "failed"}, 0.5, "one of two has passed."),
        ({wanted[0]: "failed", wanted[1]: "passed"}, 0.5, "ids have to be equal. "
         "test_add stands inside of test_add_more, which is another test."),
        ({}, 0.0, "the run has reported nothing. It may have ended at once, with "
         "sys.exit(0); no news is not good news."),
        ({wanted[0]: "passed"}, 0.5, "test_add_more was not reported. A test that "
         "was deleted or never reached has not passed."),
        ({wanted[0]: "passed", wanted[1]: "skipped"}, 0.5, "a test that was skipped "
         "has not passed."),
        ({wanted[0]: "passed", wanted[1]: "failed", "t.py::test_new": "passed"}, 0.5,
         "test_new was not asked for. Who writes tests could write many that pass."),
    )  # fmt: skip
    for report, part, why in cases:
        found, problem = attempt_number(function, list(wanted), dict(report))
        if problem:
            return problem
        if not np.isclose(found, part):
            return not_yet(
                f"for {report} it says {found:.3g}, and should {part}: {why}"
            )
    found, problem = attempt_number(
        function, ["a", "b", "c"], dict.fromkeys("abc", "passed")
    )
    if problem or found != 1:
        return problem or not_yet("where all three of three have passed, it is 1.")
    return right("only what was asked for, by its whole name, and seen to pass.")


def check_search_wins(function: SearchWins) -> Verdict:
    """Check the chance to find the right one of some choices.

    Args:
        function: Gets the number of choices and of turns.
    """
    return _told_apart(
        function,
        search_wins,
        ((6, 8), (6, 7), (6, 2), (3, 8), (8, 5), (5, 8)),
        CHANCES,
        "for {} choices and {} turns",
        "two turns for each choice, and the last one blind.",
    )


CHANCES: Known = (
    (lambda n, t: t // 2 / n, "a chance is never above 1."),
    (lambda n, t: min(1, (t - 1) // 2 / n), "the last choice need not be tested: set "
     "it and submit."),
    (lambda n, t: min(1, t / n), "each try takes two turns: set, and then test."),
    (lambda n, t: min(1, (t - 1) / n), "each try takes two turns: set, and then test; "
     "only before the end the test may be left out."),
    (lambda n, t: min(1, t / 2 / n), "half a try is none: of 7 turns three tries are "
     "made, and one turn is left."),
    (lambda n, t: 1 - (1 - 1 / n) ** (t // 2), "that is for a player who forgets what "
     "it has tried. What it has set and tested stands in its context."),
    (lambda n, t: 1 if t // 2 >= n - 1 else t // 2 / n, "the one that is left over is "
     "known, but to set it takes a turn as well."),
    (lambda n, t: 1 / n, "that is a blind guess. Tests have to be worth something."),
)  # fmt: skip
"""Other chances, and what to say about them."""


def check_kept_turns(function: KeptTurns) -> Verdict:
    """Check which parts of an episode are shown where not all have room.

    Args:
        function: Gets the tokens of the task and of each turn, in order, and the
            budget; returns the numbers of the parts that are kept, in order.
    """
    cases = (
        ((50, 20, 30, 40), 130, [0, 2, 3]),
        ((50, 20, 30, 40), 140, [0, 1, 2, 3]),
        ((50, 10, 60, 20), 85, [0, 3]),
        ((50, 10, 60), 70, [0]),
        ((50,), 50, [0]),
        ((50, 20, 30), 1000, [0, 1, 2]),
    )
    for sizes, budget, wanted in cases:
        found, problem = attempt(function, list(sizes), budget)
        if problem:
            return problem
        if list(found) != wanted:
            why = _why_not(list(found), sizes, budget, wanted)
            return not_yet(f"for {list(sizes)} and {budget}: {why}")
    return right("the task, and as many of the last turns as have room, without gaps.")


def _why_not(
    found: list[float], sizes: Sequence[int], budget: int, wanted: list[int]
) -> str:
    """Say what is wrong with the parts that are kept."""
    if any(k not in range(len(sizes)) for k in found):
        return "the numbers of parts are needed, from 0."
    if 0 not in found:
        return "the task is gone, and with it what is to be done and how to write it."
    if sum(sizes[int(k)] for k in found) > budget:
        return "that is more than the budget: the task needs room as well."
    if found != sorted(set(found)):
        return "each part once, in the order in which they were."
    if len(sizes) - 1 in wanted and len(sizes) - 1 not in found:
        return "the last turn is gone, and with it what the tests have just said."
    if len(found) > 1 and found[1:] != list(range(int(found[1]), len(sizes))):
        return "a turn in the middle is left out. What was done must not have gaps."
    return "more of the last turns have room."


def _told_apart(
    function: Callable[..., Any],
    truth: Callable[..., float],
    cases: Sequence[tuple[int, ...]],
    known: Known,
    case_in_words: str,
    praise: str,
) -> Verdict:
    """Compare a function of one number with the truth and with known errors.

    An error is named only if it explains all numbers: one alone may have many reasons.
    """
    found = []
    for case in cases:
        value, problem = attempt_number(function, *case)
        if problem:
            return problem
        found.append(value)
    wanted = [truth(*case) for case in cases]
    if agree(found, wanted):
        return right(praise)
    named = (t for rule, t in known if agree(found, [rule(*c) for c in cases]))
    k = next(k for k, v in enumerate(found) if not agree([v], [wanted[k]]))
    where = case_in_words.format(*cases[k])
    here = f"{where} it says {found[k]:.3g}, and should {wanted[k]:.3g}."
    return not_yet(next(named, here))


# ---- reference answers ---------------------------------------------------------------


def repair_pay(mended, failing, kept, passing):
    return mended / failing * kept / passing


def part_passed(wanted, report):
    passed = [report.get(test) == "passed" for test in wanted]
    return sum(passed) / len(wanted)


def attack(files):
    hook = "import pytest\n\n\n@pytest.hookimpl(tryfirst=True)\n"
    hook += "def pytest_runtest_makereport(item, call):\n    call.excinfo = None\n"
    return files | {"tests/conftest.py": hook}


def search_wins(choices, turns):
    tries = turns // 2
    return min(1, tries / choices)


def kept_turns(sizes, budget):
    kept, left = [], budget - sizes[0]
    for number in range(len(sizes) - 1, 0, -1):
        left -= sizes[number]
        if left < 0:
            break
        kept.append(number)
    return [0, *reversed(kept)]


# ---- wrong answers -------------------------------------------------------------------


def _in_source(old: str, new: str) -> Attack:
    return lambda files: files | {SOURCE: files[SOURCE].replace(old, new)}


def _last_that_fit(sizes, budget):
    kept = [k for k in range(len(sizes)) if sum(sizes[k:]) <= budget]
    return kept or [len(sizes) - 1]


def _first_that_fit(sizes, budget):
    return [k for k in range(len(sizes)) if sum(sizes[: k + 1]) <= budget]


def _whatever_fits(sizes, budget):
    kept, left = [0], budget - sizes[0]
    for number in range(len(sizes) - 1, 0, -1):
        if sizes[number] <= left:
            kept.append(number)
            left -= sizes[number]
    return sorted(kept)


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="repair_pay",
        check=check_repair_pay,
        reference=repair_pay,
        hints=(
            "What must a patch be paid that mends nothing and breaks nothing?",
            "Two parts, one of the failing tests and one of the others. Multiply them.",
        ),
        wrong=tuple(Wrong(*known) for known in PAYS),
        difficulty=1,
        importance=4,
        minutes=5,
    ),
    Exercise(
        name="part_passed",
        check=check_part_passed,
        reference=part_passed,
        hints=(
            "What has to be said of a test that the report does not name at all?",
            "Go through `wanted`, not through the report: a test is 'passed' there, "
            "or it has not passed. Divide by the number of wanted tests.",
        ),
        wrong=(
            Wrong(
                lambda w, r: sum(r.get(t) != "failed" for t in w) / len(w),
                "no news is not good news",
            ),
            Wrong(
                lambda w, r: (
                    sum(any(t in n and o == "passed" for n, o in r.items()) for t in w)
                    / len(w)
                ),
                "ids have to be equal",
            ),
            Wrong(
                lambda w, r: (
                    sum(r.get(t) == "passed" for t in w) / sum(t in r for t in w)
                    if r
                    else 0
                ),
                "never reached has not passed",
            ),
            Wrong(
                lambda w, r: min(1, list(r.values()).count("passed") / len(w)),
                "was not asked for",
            ),
            Wrong(
                lambda w, r: float(all(r.get(t) == "passed" for t in w)),
                "one of two has passed",
            ),
            Wrong(
                lambda w, r: sum(r.get(t) in ("passed", "skipped") for t in w) / len(w),
                "that was skipped",
            ),
        ),
        difficulty=2,
        importance=4,
        minutes=8,
    ),
    Exercise(
        name="attack",
        check=check_attack,
        reference=attack,
        hints=(
            "Who decides that a test has passed? The test, pytest, a conftest.py, the "
            "settings, the exit code, the operator ==: choose one and get at it.",
            "Return files | {path: text}. The path may be a new one, such as "
            "tests/conftest.py or pytest.ini, or the package's own file with `import "
            "sys; sys.exit(0)` on top; files without a key are deleted.",
        ),
        wrong=(
            Wrong(lambda files: files, "nothing is changed"),
            Wrong(
                lambda files: files | {SOURCE: files[SOURCE] + "\n# mended\n"},
                "nothing that runs is changed",
            ),
            Wrong(_in_source("(days + FREE", "(days - FREE"), "That is a repair"),
            Wrong(_in_source("(days + FREE", "(days * FREE"), "as a wrong repair is"),
            Wrong(lambda files: files | {SOURCE: "def ("}, "no Python any more"),
            Wrong(lambda files: files | {"../grade.json": "1"}, "is no path in the"),
        ),
        difficulty=3,
        importance=5,
        minutes=20,
    ),
    Exercise(
        name="search_wins",
        check=check_search_wins,
        reference=search_wins,
        hints=(
            "Write down the eight turns of a player who is unlucky until the end.",
            "Set and test take two turns, and so do the last set and submit: turns // "
            "2 choices are tried, but no more than there are.",
        ),
        wrong=tuple(Wrong(*known) for known in CHANCES),
        difficulty=2,
        importance=2,
        minutes=8,
    ),
    Exercise(
        name="kept_turns",
        check=check_kept_turns,
        reference=kept_turns,
        hints=(
            "Which part says what is to be done, and which says how things stand?",
            "Take the size of part 0 off the budget. Then go backwards from the last "
            "part and stop at the first that has no room.",
        ),
        wrong=(
            Wrong(_last_that_fit, "the task is gone"),
            Wrong(_first_that_fit, "the last turn is gone"),
            Wrong(_whatever_fits, "a turn in the middle is left out"),
            Wrong(lambda sizes, budget: [*range(len(sizes))], "more than the budget"),
            Wrong(lambda sizes, budget: sizes, "numbers of parts"),
            Wrong(lambda sizes, budget: kept_turns(sizes, budget)[::-1], "each part"),
            Wrong(lambda sizes, budget: [0, len(sizes) - 1], "have room"),
        ),
        difficulty=3,
        importance=3,
        minutes=12,
    ),
)
"""In the order of the lesson."""
