"""The exercises of lesson 07: sub-goals paid once, searching, and what is known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from toolkit.lessons.checks import (
    Verdict,
    agree,
    attempt,
    attempt_number,
    caught,
    not_yet,
    right,
)
from toolkit.lessons.exercise import Exercise, Wrong

PayOnce = Callable[[Sequence[float]], Sequence[float]]
SearchCost = Callable[[int, int], float]

CARRIED = {
    "A": "A is carried: a won game can be won, whoever won it.",
    "E": "E is carried: nothing about these floor plans could be learnt by heart, and "
    "70 of 100 is far from nothing.",
}
"""Conclusions that hold, and why."""
NOT_CARRIED = {
    "B": "B takes one source for the other. Things lie elsewhere in ALFWorld's houses, "
    "and what a model has learnt of where to look may not hold there.",
    "C": "C counts two games more out of ten. Of ten games chance alone moves such a "
    "difference by about four either way.",
    "D": "D takes the part of the way for the end. Sub-goals that are easy to reach "
    "may be reached more often and the last one as seldom as before.",
    "F": "F speaks of training in general and has one run. Two points are within "
    "what another seed would change, too.",
}
"""Conclusions that do not, and why."""


def check_pay_once(function: PayOnce) -> Verdict:
    """Check a function that pays each sub-goal when it is reached for the first time.

    Args:
        function: Gets which part of the sub-goals holds after each turn; returns what
            each turn is paid.
    """
    part = [0.0, 0.25, 0.0, 0.25, 0.75, 0.5, 1.0]
    found, problem = attempt(function, list(part), one_per=(7, "turns"))
    if problem:
        return problem
    change = np.diff([0.0, *part])
    best = np.maximum.accumulate(part)
    once = np.diff([0.0, *best])
    known = [
        (part, "that is paid as it stands: who waits with the thing in the hand earns "
         "in every turn."),
        (change, "falls are charged as well. That is sound, too, but whoever puts a "
         "thing down pays back what a sub-goal has earned."),
        (change.clip(0), "rises are paid again and again: who puts the thing down and "
         "takes it again is paid twice."),
        (best, "that is the best so far itself. By how much has it grown in a turn?"),
        ([0.0] * 6 + [1.0], "all is paid in the last turn. The way there should be "
         "paid when it is gone."),
        (np.diff([*best, best[-1]]), "everything is one turn early: a turn is paid for "
         "what holds *after* it."),
        ((change > 0) * 1.0, "each rise pays 1, however much was reached, and again "
         "when it comes back."),
        ((once > 0) * 1.0, "each new best pays 1. Pay by how much the best has grown."),
        ((once > 0) * best, "a new best is paid in full, with what was paid before. "
         "Pay by how much the best has grown."),
        (part - np.array([0.0, *best[:-1]]), "a turn that stays below the best is "
         "charged. It is to be paid nothing."),
        (abs(change), "falls are paid as if they were rises."),
    ]  # fmt: skip
    wrong = next(
        (text for v, text in known if np.allclose(found, np.array(v), atol=1e-6)), ""
    )
    return caught(wrong) or _pay_once_in_general(function)


def _pay_once_in_general(function: PayOnce) -> Verdict:
    """Check on random games, some of which begin with a sub-goal in the first turn."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        part = [float(p) / 4 for p in rng.integers(0, 5, size=int(rng.integers(1, 9)))]
        found, problem = attempt(function, list(part))
        if problem:
            return problem
        wanted = np.diff(np.maximum.accumulate([0.0, *part]))
        if not agree(found, wanted):
            return not_yet(
                f"for {part} it pays {[round(float(x), 2) for x in found]}. A turn is "
                "paid by how far it has gone beyond the best of all turns before, and "
                "nothing holds at the start."
            )
    return right("each sub-goal pays once, when it is reached for the first time.")


def check_search_cost(function: SearchCost) -> Verdict:
    """Check the mean number of commands until a thing is seen.

    Args:
        function: Gets the number of places and how many of them are closed.
    """
    found, problem = attempt_number(function, 11, 4)
    if problem:
        return problem
    known = [
        (5.5, "that is half of the places. The last one counts in full: with a single "
         "place it takes one visit, not a half. And doors have to be opened."),
        (6.0, "the visits are right. But some of the places are closed, and opening "
         "one takes a command."),
        (7.5, "half of the places, half of the doors: but the last place counts in "
         "full. Think of a single place."),
        (15.0, "that is the price of looking everywhere. On average the thing is found "
         "half way."),
        (10.0, "not all doors are opened on the way, only those of the places that "
         "are visited."),
        (8.0, "so many visits, and half of the doors: but of the doors, too, a little "
         "more than half are met, as the last place may have one."),
        (12.0, "every place is counted with a door. How many of those that are visited "
         "have one?"),
        (6 + 20 / 11, "the place in which the thing is may be closed as well, and has "
         "to be opened before the thing is seen."),
        (8.5, "so many visits. But a house without doors has none to open, and "
         "(doors + 1) / 2 would count half a door."),
        (11.0, "that is every place. On average the thing is found half way, and doors "
         "have to be opened."),
    ]  # fmt: skip
    wrong = next((text for v, text in known if np.isclose(found, v, atol=1e-6)), "")
    return caught(wrong) or _search_cost_in_general(function)


def _search_cost_in_general(function: SearchCost) -> Verdict:
    """Check other houses, down to a single place."""
    for places, doors in ((1, 0), (1, 1), (5, 0), (5, 5), (30, 26)):
        found, problem = attempt_number(function, places, doors)
        if problem:
            return problem
        if not np.isclose(found, (places + 1) / 2 * (1 + doors / places)):
            return not_yet(
                f"for {places} places and {doors} doors it says {found:.2f}. How many "
                "places are visited on average, the last one included, and which part "
                "of them has a door?"
            )
    return right("half of the places and a half, and a door for each that has one.")


def check_sound(letters: Iterable[str]) -> Verdict:
    """Check which conclusions about chores hold.

    Args:
        letters: Letters of those that do, such as `"AB"`.
    """
    if not isinstance(letters, str):
        return not_yet("a string of letters is needed.")
    said = {letter.upper() for letter in letters if letter.isalpha()}
    strange = said - CARRIED.keys() - NOT_CARRIED.keys()
    if strange:
        return not_yet(f"there is no conclusion {min(strange)}; they are A to F.")
    for letter, why in NOT_CARRIED.items():
        if letter in said:
            return not_yet(why)
    missing = CARRIED.keys() - said
    if missing:
        return not_yet(CARRIED[min(missing)])
    return right("what was seen is said of those games, and of no others.")


# ---- reference answers ---------------------------------------------------------------


def pay_once(progress):
    best, paid = 0.0, []
    for part in progress:
        paid.append(max(part - best, 0.0))
        best = max(best, part)
    return paid


def search_cost(places, doors):
    visits = (places + 1) / 2
    return visits * (1 + doors / places)


# ---- wrong answers -------------------------------------------------------------------


def _rises(progress):
    return np.diff([0.0, *progress]).clip(0)


def _early(progress):
    best = np.maximum.accumulate(progress)
    return np.diff([*best, best[-1]])


def _in_full(progress):
    paid = pay_once(progress)
    return [part * (v > 0) for part, v in zip(progress, paid, strict=True)]


def _below(progress):
    return [p - max(progress[:k], default=0.0) for k, p in enumerate(progress)]


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="pay_once",
        check=check_pay_once,
        reference=pay_once,
        hints=(
            "Keep in a variable how much held at best in all turns so far. What does "
            "a turn pay that stays below it?",
            "A turn pays part - best if that is above 0, and nothing otherwise; then "
            "best becomes the larger of the two.",
        ),
        wrong=(
            Wrong(lambda p: p, "as it stands"),
            Wrong(lambda p: np.diff([0.0, *p]), "falls are charged"),
            Wrong(_rises, "again and again"),
            Wrong(np.maximum.accumulate, "best so far itself"),
            Wrong(lambda p: [0.0] * (len(p) - 1) + [max(p)], "in the last turn"),
            Wrong(_early, "one turn early"),
            Wrong(lambda p: 1.0 * (_rises(p) > 0), "each rise pays 1"),
            Wrong(lambda p: [float(v > 0) for v in pay_once(p)], "new best pays 1"),
            Wrong(_in_full, "paid in full"),
            Wrong(_below, "below the best is charged"),
            Wrong(lambda p: abs(np.diff([0.0, *p])), "falls are paid"),
        ),
        difficulty=2,
        importance=5,
        minutes=10,
    ),
    Exercise(
        name="search_cost",
        check=check_search_cost,
        reference=search_cost,
        hints=(
            "First without doors: with one place it takes 1 visit, with two 1 or 2. "
            "What is the mean for three?",
            "(places + 1) / 2 places are visited on average, and a share of "
            "doors / places of them costs a second command.",
        ),
        wrong=(
            Wrong(lambda n, d: n / 2, "half of the places. The last"),
            Wrong(lambda n, d: (n + 1) / 2, "opening one takes a command"),
            Wrong(lambda n, d: (n + d) / 2, "half of the doors: but the last place"),
            Wrong(lambda n, d: (n + 1 + d) / 2, "a little more than half"),
            Wrong(lambda n, d: (n + 1) / 2 + (d + 1) / 2, "half a door"),
            Wrong(lambda n, d: n, "every place. On"),
            Wrong(lambda n, d: n + d, "looking everywhere"),
            Wrong(lambda n, d: (n + 1) / 2 + d, "not all doors"),
            Wrong(lambda n, d: n + 1, "counted with a door"),
            Wrong(lambda n, d: (n + 1) / 2 + (n - 1) / 2 * d / n, "may be closed as"),
        ),
        difficulty=2,
        importance=2,
        minutes=10,
    ),
    Exercise(
        name="sound",
        check=check_sound,
        reference="AE",
        hints=(
            "Ask of each: which games were played, how many, and does the sentence "
            "speak of exactly these?",
            "Two of them are carried. One speaks of games that were won, the other of "
            "floor plans that nobody trained on.",
        ),
        wrong=(
            Wrong("ABE", "one source for the other"),
            Wrong("ACE", "two games more out of ten"),
            Wrong("ADE", "part of the way for the end"),
            Wrong("AEF", "has one run"),
            Wrong("A", "nothing about these floor plans"),
            Wrong("E", "a won game can be won"),
        ),
        difficulty=1,
        importance=4,
        minutes=5,
    ),
)
"""In the order of the lesson."""
