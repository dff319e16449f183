"""The exercises of lesson 08: what teaches, what turns earn, and what they tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations

import numpy as np

from toolkit.lessons.checks import (
    Verdict,
    attempt,
    attempt_number,
    caught,
    not_yet,
    right,
)
from toolkit.lessons.exercise import Exercise, Wrong

Teaches = Callable[[Sequence[float]], bool]
ExpectedPay = Callable[[int, int, float], float]
TakeAway = Callable[[Sequence[int], int], Sequence[int]]

GROUPS = (
    ((0.1, 0.0, 0.1, 0.0), False, "the rewards 0.1 and 0 differ, and nobody has solved "
     "anything. Such a group teaches the form and not the game."),
    ((1.0, 1.0, 1.0, 1.0), False, "all have solved the game, and there is nothing to "
     "compare a solution with."),
    ((0.0, 0.0, 0.0, 0.0), False, "nobody has solved anything, and all are paid "
     "alike."),
    ((0.1, 0.1, 0.1, 0.1), False, "all have answered and nobody was right: the form is "
     "known, and nothing is said about the game."),
    ((1.0, 0.1, 0.1, 0.1), True, "one of four has solved it and the others have not: "
     "that is what a group is for."),
    ((1.0, 1.0, 1.0, 0.1), True, "three have solved it and one has not. A wrong answer "
     "among right ones teaches as well."),
    ((1.0, 0.0, 0.0, 0.0), True, "the solution stands beside replies without an "
     "answer. These have not solved it either, so it can be told from them."),
    ((1.0, 1.0, 0.0, 1.0), True, "one reply without an answer stands beside solutions. "
     "It has not solved the game, so it can be told from them."),
)  # fmt: skip
"""Rewards, whether they teach to solve, and what to say to who thinks otherwise."""

_TRUTH = "True or False, one for the group,"


def check_teaches_to_solve(function: Teaches) -> Verdict:
    """Check a function that finds groups in which a solution can be told apart.

    Args:
        function: Gets the rewards of a group; returns whether it has both.
    """
    for rewards, wanted, why in GROUPS:
        found, problem = attempt_number(function, list(rewards), needed=_TRUTH)
        if problem:
            return problem
        if bool(found) != wanted:
            return not_yet(f"look at {list(rewards)}: {why}")
    rng = np.random.default_rng(0)
    for _ in range(50):
        rewards = rng.choice([0.0, 0.1, 1.0], size=int(rng.integers(2, 9))).tolist()
        found, problem = attempt_number(function, list(rewards), needed=_TRUTH)
        if problem:
            return problem
        if bool(found) != (0 < rewards.count(1.0) < len(rewards)):
            return not_yet(f"it works on groups of four, but not on {rewards}.")
    return right("solved means paid 1, and a group needs both.")


def check_expected_pay(function: ExpectedPay) -> Verdict:
    """Check the pay of a player that checks in every turn but the last.

    Args:
        function: Gets the number of candidates, of turns and the pay of a wrong
            answer; returns the expected pay.
    """
    n, turns, wrong = 8, 4, 0.1
    found, problem = attempt_number(function, n, turns, wrong)
    if problem:
        return problem
    hit = turns / n
    repeated = 1 - (1 - 1 / n) ** turns
    blind = (turns - 1) / n + (1 - (turns - 1) / n) / n
    known = [
        ((turns - 1) / n, "that counts the checks. The last turn has an answer, and "
         "this too may be right; and a wrong one is paid as well."),
        ((turns - 1) / n + wrong * (1 - (turns - 1) / n), "the last answer may be "
         "right: it is one more candidate tried, only blind."),
        (blind + wrong * (1 - blind), "when it answers blindly, fewer candidates are "
         "left than in the beginning."),
        (hit, "whoever fails answers as well, in the last turn, and is paid for it."),
        (hit + wrong, "winners do not get the pay of a wrong answer on top."),
        (hit + wrong * turns * (1 - hit), "a game has one answer, and checks pay "
         "nothing."),
        (repeated, "that is for a player who forgets what it has tried; and a wrong "
         "answer is paid as well."),
        (repeated + wrong * (1 - repeated), "that is for a player who forgets what it "
         "has tried. This one never tries the same twice."),
        (1 / n + wrong * (1 - 1 / n), "that is what the guesser is paid. The checks "
         "have to be worth something."),
        (turns / 2 / n + wrong * (1 - turns / 2 / n), "a try costs one turn, not two: "
         "an answer follows only on a hit."),
    ]  # fmt: skip
    named = next((text for v, text in known if np.isclose(found, v, atol=1e-6)), "")
    return caught(named) or _pay_in_general(function)


def _pay_in_general(function: ExpectedPay) -> Verdict:
    """Check other numbers, the certain win among them."""
    for n, turns, wrong in ((8, 1, 0.1), (8, 8, 0.1), (4, 3, 0.0), (30, 12, 0.25)):
        found, problem = attempt_number(function, n, turns, wrong)
        if problem:
            return problem
        hit = turns / n
        if not np.isclose(found, hit + wrong * (1 - hit)):
            return not_yet(
                f"for candidates = {n}, turns = {turns} and wrong_pay = {wrong} it "
                f"says {found:.3f}. How many different candidates are tried in all, "
                "and what is paid if none of them is right?"
            )
    return right("every turn is a try, the last one blind, and who fails is paid too.")


def check_to_take_away(function: TakeAway) -> Verdict:
    """Check a function that finds which numbers change sides.

    Args:
        function: Gets the numbers and how far their sum is above the target; returns
            those to subtract.
    """
    cases: tuple[tuple[tuple[int, ...], int], ...] = (
        ((7, 4, 2), 4), ((10, 5, 1), 2), ((16, 9, 16), 32), ((7, 4, 2), 0),
        ((6, 5, 4), 18), ((9, 6, 5, 4), 18), ((3, 3, 8), 12),
    )  # fmt: skip
    for numbers, above in (*cases, *_more_cases()):
        found, problem = attempt(function, list(numbers), above)
        wrong = problem.message if problem else _what_is_off(numbers, above, found)
        if wrong:
            return not_yet(f"for {list(numbers)}, {above} above: {wrong}")
    return right("the world did the sum, and told which numbers have to change sides.")


def _more_cases() -> list[tuple[tuple[int, ...], int]]:
    """Return games with a known way to set the signs."""
    rng = np.random.default_rng(0)
    cases = []
    for size in rng.integers(2, 6, size=30):
        numbers = tuple(map(int, rng.integers(1, 21, size=size)))
        off = rng.random(size) < 0.4
        taken = [n for n, is_off in zip(numbers, off, strict=True) if is_off]
        cases.append((numbers, 2 * sum(taken)))
    return cases


def _what_is_off(numbers: Sequence[int], above: int, found: list[float]) -> str:
    """Say what is wrong with the numbers taken away, nothing if they are right."""
    if Counter(found) - Counter(numbers):
        return f"{found} has numbers that are not there, or not so often."
    total = 2 * sum(found)
    if total == above:
        return ""
    if any(2 * sum(part) == above for part in _parts(found)):
        return f"{found} takes {total} off. Fewer of these are enough."
    if sum(found) == above:
        return (
            f"{found} adds up to {above}. But a number that changes sides is missing "
            "from the sum and taken from it: that counts twice."
        )
    if not found:
        return "nothing is taken away, though some numbers add up to half of it."
    return f"{found} takes {total} off instead of {above}. Try other sets as well."


def _parts(found: list[float]) -> list[tuple[float, ...]]:
    """Return all sets of some of these numbers."""
    return [part for k in range(len(found)) for part in combinations(found, k)]


# ---- reference answers ---------------------------------------------------------------


def teaches_to_solve(rewards):
    solved = rewards.count(1)
    return 0 < solved < len(rewards)


def expected_pay(candidates, turns, wrong_pay):
    hit = turns / candidates
    return hit + (1 - hit) * wrong_pay


def to_take_away(numbers, above):
    from itertools import combinations

    for size in range(len(numbers) + 1):
        for taken in combinations(numbers, size):
            if 2 * sum(taken) == above:
                return list(taken)


# ---- wrong answers -------------------------------------------------------------------


def _mixed(rewards):
    return 0 < rewards.count(1) < len(rewards)


def _above_itself(numbers, above):
    for size in range(len(numbers) + 1):
        for taken in combinations(numbers, size):
            if sum(taken) == above:
                return list(taken)
    return []


def _greedy(numbers, above):
    taken = []
    for number in sorted(numbers, reverse=True):
        if 2 * (sum(taken) + number) <= above:
            taken.append(number)
    return taken


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="teaches_to_solve",
        check=check_teaches_to_solve,
        reference=teaches_to_solve,
        hints=(
            "Take the group [0.1, 0, 0, 0]. Its rewards differ; what would be praised?",
            "Count the rewards that are 1. A group teaches to solve if there is at "
            "least one of them, and at least one other reward.",
        ),
        wrong=(
            Wrong(lambda r: max(r) > min(r), "teaches the form and not the game"),
            Wrong(lambda r: 1 in r, "nothing to compare a solution with"),
            Wrong(lambda r: 0 < r.count(1) <= len(r) / 2, "among right ones teaches"),
            Wrong(lambda r: 1 in r and 0.1 in r, "have not solved it either"),
            Wrong(lambda r: 1 not in r, "nobody has solved anything"),
            Wrong(lambda r: not any(r) or _mixed(r), "all are paid alike"),
            Wrong(lambda r: set(r) == {0.1} or _mixed(r), "the form is known"),
            Wrong(lambda r: 1 < r.count(1) < len(r), "what a group is for"),
            Wrong(
                lambda r: _mixed(r) and (0.1 in r or r.count(1) == 1),
                "stands beside solutions",
            ),
        ),
        difficulty=1,
        importance=4,
        minutes=5,
    ),
    Exercise(
        name="expected_pay",
        check=check_expected_pay,
        reference=expected_pay,
        hints=(
            "Take 8 candidates and 2 turns: a check, and then an answer that is either "
            "known to be right or blind. In how many of the 8 cases is it right?",
            "In T turns T different candidates are tried, so a share of T / candidates "
            "of the games is won. All others end with a wrong answer.",
        ),
        wrong=(
            Wrong(lambda n, t, w: (t - 1) / n, "that counts the checks"),
            Wrong(
                lambda n, t, w: (t - 1) / n + w * (1 - (t - 1) / n),
                "one more",
            ),
            Wrong(
                lambda n, t, w: 1 - (1 - w) * (1 - (t - 1) / n) * (1 - 1 / n),
                "fewer candidates are left",
            ),
            Wrong(lambda n, t, w: t / n, "whoever fails answers as well"),
            Wrong(lambda n, t, w: t / n + w, "on top"),
            Wrong(lambda n, t, w: t / n + w * t * (1 - t / n), "checks pay nothing"),
            Wrong(lambda n, t, w: w + (1 - w) * (1 - (1 - 1 / n) ** t), "never tries"),
            Wrong(lambda n, t, w: 1 - (1 - 1 / n) ** t, "is paid as well"),
            Wrong(lambda n, t, w: t / 2 / n + w * (1 - t / 2 / n), "one turn, not two"),
            Wrong(lambda n, t, w: 1 / n + w * (1 - 1 / n), "what the guesser is paid"),
        ),
        difficulty=2,
        importance=3,
        minutes=10,
    ),
    Exercise(
        name="to_take_away",
        check=check_to_take_away,
        reference=to_take_away,
        hints=(
            "10 + 5 + 1 is 16. What is 10 + 5 - 1, and by how much has it fallen?",
            "Go through the sets of numbers, the empty one first, and return the one "
            "whose sum, taken twice, is `above`.",
        ),
        wrong=(
            Wrong(_above_itself, "that counts twice"),
            Wrong(
                lambda ns, above: [n for n in ns if 2 * n == above][:1],
                "nothing is taken away",
            ),
            Wrong(_greedy, "Try other sets"),
            Wrong(lambda ns, above: [above // 2], "numbers that are not there"),
            Wrong(lambda ns, above: [min(ns)], "takes"),
        ),
        difficulty=3,
        importance=2,
        minutes=15,
    ),
)
"""In the order of the lesson."""
