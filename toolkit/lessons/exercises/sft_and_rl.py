"""The exercises of lesson 06: waiting times, a table of results, a weight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from toolkit.lessons.checks import (
    Verdict,
    attempt_number,
    caught,
    not_yet,
    right,
)
from toolkit.lessons.exercise import Exercise, Wrong

Signal = Callable[[float, int, int], float]
Weight = Callable[[float], float]

CARRIED = {
    "A": "A is carried: .95 against .59 on 100 games each is 36 points, and chance "
    "explains about 11. It speaks of two models only, and they are here.",
    "E": "E is carried: from .17 to .54 is 37 points on 100 games, and chance explains "
    "about 12. It speaks of one model before and after.",
}
"""Conclusions that the paper's table allows, and why."""
NOT_CARRIED = {
    "B": "B compares .59 with .55. Their intervals overlap almost wholly: chance alone "
    "moves such a difference by 14 points either way.",
    "C": "C speaks of .75 and .72, and of .51 and .44. The intervals overlap: both "
    "differences are smaller than what chance does with 100 games.",
    "D": "D speaks of numbers of demonstrations, and each was tried with one seed. .53 "
    "and .29 are two models that differ; another seed of each may turn them round, as "
    "the .55 for 100 demonstrations suggests.",
    "F": "F takes success on the games it was trained on for success elsewhere. On the "
    "larger houses the same split has .35, and 60 + 400 has .59.",
}
"""Conclusions that it does not allow, and why."""


def check_episodes_until_signal(function: Signal) -> Verdict:
    """Check the expected number of episodes until a group is neither won nor lost.

    Args:
        function: Gets the chance to take one turn right, the number of turns that must
            all be right, and the size of a group; returns a number of episodes.
    """
    p, turns, size = 0.8, 3, 4
    found, problem = attempt_number(function, p, turns, size)
    if problem:
        return problem
    q = p**turns
    mixed = _mixed(q, size)
    lost = ("a group that lost every time is silent as well, and one wrong turn loses "
            "an episode: with chance 1 - p**turns.")  # fmt: skip
    known = [
        (size / _mixed(p, size), "the number of turns is not used: one right turn is "
         "no win. All of them must be right."),
        (1 / q, "that is the number of episodes until the first win. A win in a group "
         "where all win compares with nothing; count groups."),
        (size / q, "it takes a group for won with the chance of one episode. A group "
         "has several attempts, and must be mixed."),
        (1 / mixed, "that is the number of groups. Each of them costs several "
         "episodes."),
        (size / (1 - (1 - q) ** size), "a group that won every time is silent as well: "
         "there is nothing to compare in it."),
        (size / (1 - q**size), lost),
        (size / (1 - q**size - (1 - p) ** size), lost),
        (mixed, "that is the chance of a signal. If it is one in ten, how many groups "
         "do you expect to play?"),
        (size * mixed, "it multiplies by the chance. The smaller the chance, the "
         "longer you wait: divide by it."),
    ]  # fmt: skip
    wrong = next((text for v, text in known if np.isclose(found, v, atol=1e-3)), "")
    return caught(wrong) or _signal_in_general(function)


def _mixed(q: Any, size: int) -> Any:
    """Return the chance that a group with win chance `q` is neither won nor lost."""
    return 1 - q**size - (1 - q) ** size


def _signal_in_general(function: Signal) -> Verdict:
    """Check other chances, lengths and sizes."""
    for p, turns, size in ((0.5, 1, 2), (0.9, 8, 8), (1 / 3, 5, 8), (0.6, 2, 16)):
        found, problem = attempt_number(function, p, turns, size)
        if problem:
            return problem
        wanted = size / _mixed(p**turns, size)
        if not np.isclose(found, wanted):
            return not_yet(
                f"for p = {p:.2f}, turns = {turns} and size = {size} it says "
                f"{found:.2f}. With q, the chance to win one episode, a group is mixed "
                "unless all its episodes are won or all are lost."
            )
    return right("silent groups cost as much as the others, and this is their price.")


def check_conclusions(carried: Iterable[str] | None) -> Verdict:
    """Check which conclusions the paper's table of budgets allows.

    Args:
        carried: Letters of those that it allows, such as `"AB"`.
    """
    listed = carried if isinstance(carried, Iterable) else ()
    text = carried if isinstance(carried, str) else " ".join(map(str, listed))
    said = {letter for letter in text.upper().replace("AND", "") if letter.isalpha()}
    strange = said - CARRIED.keys() - NOT_CARRIED.keys()
    if strange:
        return not_yet(f"there is no conclusion {min(strange)}; they are A to F.")
    if not said:
        return not_yet("some of them are carried. Look for large differences between "
                       "two models that were both tested.")  # fmt: skip
    for letter, why in NOT_CARRIED.items():
        if letter in said:
            return not_yet(why)
    missing = CARRIED.keys() - said
    if missing:
        return not_yet(CARRIED[min(missing)])
    return right("what it says of these models is known; what it says of numbers of "
                 "demonstrations would need more seeds.")  # fmt: skip


def check_sampling_weight(function: Weight) -> Verdict:
    """Check a weight that grows with the chance that two attempts end differently.

    Args:
        function: Gets the chance to win a game; returns its weight. A common factor
            does not matter.
    """
    grid = np.array([0.0, 0.1, 0.25, 0.5, 0.8, 1.0])
    values = []
    for p in grid:
        found, problem = attempt_number(function, float(p))
        if problem:
            return problem
        values.append(found)
    right_shape = grid * (1 - grid)
    if min(values) < 0:
        return not_yet("a weight is below 0 somewhere. It stands for a probability.")
    known = [
        (grid, "it prefers what is won already. A game that is always won has the "
         "largest weight, and all its groups are silent."),
        (1 - grid, "it prefers what is never won. The hardest games have the largest "
         "weight, and all their groups are silent."),
        (abs(grid - 0.5), "it is upside down: sure wins and sure losses have the most, "
         "and a game that is won half of the time has nothing."),
        (np.ones(6), "all games count alike: that is the shuffled order."),
        (0.5 - abs(grid - 0.5), "the right ends and the right top, but not the chance. "
         "The first is won and the second lost, or the other way about."),
        (np.sqrt(right_shape), "that is the standard deviation of one attempt. The "
         "chance that two differ is in proportion to its square."),
        (_mixed(grid, 8), "that is for a group of eight. Two attempts are compared."),
        (1 - 2 * right_shape, "that is the chance that two attempts end alike."),
        (right_shape**2, "that is a chance of two wins and two losses of four. Only "
         "two attempts are compared."),
    ]  # fmt: skip
    wrong = next((text for v, text in known if _same_shape(values, v)), "")
    if wrong or not _same_shape(values, right_shape):
        return not_yet(
            wrong
            or "one attempt is won with chance p, another lost with chance "
            "1 - p. How often do both happen?"
        )
    return right("largest where wins and losses meet, and nothing where all is sure.")


def _same_shape(values: Iterable[float], shape: Iterable[float]) -> bool:
    """Return whether numbers are a positive multiple of a shape."""
    found, wanted = np.array(list(values)), np.array(list(shape))
    total = found.sum()
    return bool(
        0 < total < np.inf and np.allclose(found / total, wanted / wanted.sum())
    )


# ---- reference answers ---------------------------------------------------------------


def episodes_until_signal(p, turns, size):
    win = p**turns
    mixed = 1 - win**size - (1 - win) ** size
    return size / mixed


def sampling_weight(p):
    return p * (1 - p)


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="episodes_until_signal",
        check=check_episodes_until_signal,
        reference=episodes_until_signal,
        hints=(
            "Go up three steps: the chance to win one episode, the chance that a group "
            "of them is mixed, and how many groups that makes.",
            "With q = p**turns a group is mixed with chance 1 - q**size - "
            "(1 - q)**size. One in how many groups is that, and how many episodes?",
        ),
        wrong=(
            Wrong(
                lambda p, t, size: size / _mixed(p, size), "number of turns is not used"
            ),
            Wrong(lambda p, t, size: 1 / p**t, "until the first win"),
            Wrong(lambda p, t, size: size / p**t, "with the chance of one episode"),
            Wrong(lambda p, t, size: 1 / _mixed(p**t, size), "number of groups"),
            Wrong(
                lambda p, t, size: size / (1 - (1 - p**t) ** size),
                "that won every time",
            ),
            Wrong(lambda p, t, size: size / (1 - p ** (t * size)), "lost every time"),
            Wrong(lambda p, t, size: _mixed(p**t, size), "the chance of a signal"),
            Wrong(
                lambda p, t, size: size * _mixed(p**t, size), "multiplies by the chance"
            ),
        ),
        difficulty=3,
        importance=4,
        minutes=10,
    ),
    Exercise(
        name="carried",
        check=check_conclusions,
        reference="AE",
        hints=(
            "For each letter: which two rates does it compare, and do their intervals "
            "overlap in the picture? Then ask whether it speaks of a model or of a "
            "number of demonstrations.",
            "Two of the six are carried. Both compare two models that are in the "
            "table, by more than thirty points.",
        ),
        wrong=(
            Wrong("ABE", "intervals overlap almost wholly"),
            Wrong("ACE", "intervals overlap: both"),
            Wrong("ADE", "one seed"),
            Wrong("AEF", "games it was trained on for success elsewhere"),
            Wrong("E", ".95 against .59"),
            Wrong("a", "from .17 to .54"),
        ),
        difficulty=3,
        importance=5,
        minutes=10,
    ),
    Exercise(
        name="sampling_weight",
        check=check_sampling_weight,
        reference=sampling_weight,
        hints=(
            "There are two ways in which two attempts end differently. What is the "
            "chance of each?",
            "Won and then lost: p times (1 - p). The other way about is the same, and "
            "a common factor does not matter.",
        ),
        wrong=(
            Wrong(lambda p: p, "won already"),
            Wrong(lambda p: 1 - p, "never won"),
            Wrong(lambda p: abs(p - 0.5), "upside down"),
            Wrong(lambda p: 1, "count alike"),
            Wrong(lambda p: min(p, 1 - p), "not the chance"),
            Wrong(lambda p: (p * (1 - p)) ** 0.5, "standard deviation"),
            Wrong(lambda p: (p * (1 - p)) ** 2, "of four"),
            Wrong(lambda p: _mixed(p, 8), "group of eight"),
            Wrong(lambda p: 1 - 2 * p * (1 - p), "end alike"),
        ),
        difficulty=1,
        importance=3,
        minutes=5,
    ),
)
"""In the order of the lesson."""
