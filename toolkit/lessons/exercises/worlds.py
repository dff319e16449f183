"""The exercises of lesson 02: chances, horizons, and what a table supports."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import comb

import numpy as np

from toolkit.lessons.checks import Verdict, attempt_number, caught, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong

WinChance = Callable[[float, int, int], float]
WonWithin = Callable[[Sequence[tuple[int, bool]], int], float]

SUPPORTED = {
    "A": "A is supported: .01 against .59 is a difference between two models in one "
         "world, 58 points on 100 games each, and chance explains about 10.",
    "E": "E is supported: .55 against .88 is 33 points on 100 games each, and chance "
         "explains about 12. It speaks of the two models that were trained so.",
}  # fmt: skip
"""Claims that the tables support, and why."""
UNSUPPORTED = {
    "B": "B rests on one training run each, 14 points apart, with 8 rooms against 12 "
         "objects; three runs each, at half the size, found the opposite. Neither "
         "tells about worlds: both tell about a reader.",
    "C": "C compares .80 with .88 on 100 games each: chance alone moves such a "
         "difference by 10 points either way, and each is one training run.",
    "D": "D takes a ratio for a gain. From .17 to .88 are 71 points, from .03 to .51 "
         "are 48. Whoever begins near zero has every ratio on their side.",
    "F": "F speaks of a world and of two players. Ours hardly noticed the rooms when "
         "it was told half of what to do; what is hard is reading them.",
}  # fmt: skip
"""Claims that they do not support, and why."""


def check_win_chance(function: WinChance) -> Verdict:
    """Check the chance that enough turns of a game go well.

    Args:
        function: Gets the chance of each turn, the length of the quest and the number
            of turns; returns the chance to have that many good turns in time.
    """
    p, length, turns = 0.3, 2, 5
    found, problem = attempt_number(function, p, length, turns)
    if problem:
        return problem
    known = _known_chances(p, length, turns)
    wrong = next((text for v, text in known if np.isclose(found, v, atol=1e-6)), "")
    return caught(wrong) or _win_chance_in_general(function)


def _known_chances(p: float, length: int, turns: int) -> list[tuple[float, str]]:
    """Return what people take for the chance, and what to say to them."""
    some = comb(turns, length) * p**length
    slips = (1 - p) ** (turns - length)
    orders = "`comb` says how many orders of good and bad turns there are."
    return [
        (p**length, "that is for a player who must not slip at all. There are more "
         "turns than commands in the quest."),
        (p**turns, "that asks for every turn to go well. Only as many as the quest is "
         "long have to."),
        (some * slips, "that is for exactly so many good turns. More of them win as "
         "well, at an earlier turn."),
        (some, "the chances of several orders are added, although they may happen "
         "together. Say for each order what the other turns do."),
        (p**length * slips, f"that is the chance of a single order. {orders}"),
        (sum(p**k * (1 - p) ** (turns - k) for k in range(length, turns + 1)),
         f"each number of good turns is counted in a single order. {orders}"),
        (comb(turns - 1, length - 1) * p**length * slips, "that is the chance to win "
         "in the very last turn. Earlier wins count as well."),
        (_at_least(p, length, turns) - p**turns, "the case that all turns go well is "
         "missing: Python's `range` stops before its end."),
        (1 - (1 - p) ** turns, "that is the chance of at least one good turn."),
        (_at_least(p, length + 1, turns), "it asks for one good turn too many: as many "
         "as the quest is long are enough."),
        (1 - _at_least(p, length, turns), "that is the chance to lose."),
        (1 - _at_least(p, length + 1, turns), "that is for at most so many good turns; "
         "at least so many win."),
        (_at_least(1 - p, length, turns), "p is the chance of a good turn, not of a "
         "slip."),
        (100 * _at_least(p, length, turns), "that is in percent; a chance from 0 to 1 "
         "is needed."),
    ]  # fmt: skip


def _at_least(p: float, length: int, turns: int) -> float:
    """Return the chance of at least `length` good turns among `turns`."""
    ways = range(length, turns + 1)
    return float(sum(comb(turns, k) * p**k * (1 - p) ** (turns - k) for k in ways))


def _win_chance_in_general(function: WinChance) -> Verdict:
    """Check other chances, lengths and horizons, one of them too short."""
    for p, length, turns in ((0.5, 4, 12), (0.9, 8, 8), (0.2, 1, 5), (0.5, 6, 4)):
        here = f"for p = {p}, a quest of {length} and {turns} turns"
        found, problem = attempt_number(function, p, length, turns)
        if problem:
            return not_yet(f"{here} {problem.message}")
        if length > turns and not np.isclose(found, 0):
            return not_yet(f"{here} it says {found:.3f}. Nobody can win so: return 0.")
        if not np.isclose(found, _at_least(p, length, turns)):
            return not_yet(
                f"{here} it says {found:.3f}. Add up the chances of exactly {length}, "
                f"of exactly {length + 1}, and so on to {turns} good turns."
            )
    return right("spare turns forgive slips, and how many depends on the player.")


def check_won_within(function: WonWithin) -> Verdict:
    """Check a function that counts wins within a number of turns.

    Args:
        function: Gets for each episode how many turns it took and whether it was won,
            and a number of turns; returns the share of the episodes that would have
            been won with so many turns.
    """
    won, lost = (2, 3, 3, 4, 5, 5, 8), (1, 2, 4, 5, 5, 7, 8, 9)
    played = [*((n, True) for n in won), *((n, False) for n in lost)]
    turns = 5
    share, problem = attempt_number(function, list(played), turns)
    if problem:
        return problem
    ended = [won for n, won in played if n <= turns]
    in_time, n = sum(ended), len(played)
    known = [
        (len(won) / n, "that is the share won in the end. Some of these took longer."),
        (4 / n, "a game that is won in the last turn is won: count it as well."),
        (2 / n, "that counts wins in exactly so many turns. Earlier ones count, too."),
        (1 / n, "it is turned round: these are the wins that came too late."),
        (5 / n, "that counts the lost games. `won` says which were won."),
        (1 - in_time / n, "that is the share of games that would *not* be won."),
        (in_time / len(won), "that is the share of the *wins* that came in time. Lost "
         "games were played as well, and belong below the line."),
        (in_time / len(ended), "it leaves out the games that went on. With so few "
         "turns they would have been lost, and they count."),
        (len(ended) / n, "games that ended in time by losing are counted as wins."),
        (float(in_time), "that is a number of games; a share of all is needed."),
        (100 * in_time / n, "that is in percent; a share from 0 to 1 is needed."),
    ]  # fmt: skip
    wrong = next((text for v, text in known if np.isclose(share, v)), "")
    return caught(wrong) or _won_within_in_general(function)


def _won_within_in_general(function: WonWithin) -> Verdict:
    """Check random records."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        size, turns = int(rng.integers(1, 9)), int(rng.integers(1, 7))
        played = [(int(rng.integers(1, 8)), bool(rng.integers(2))) for _ in range(size)]
        found, problem = attempt_number(function, list(played), turns)
        if problem:
            return problem
        if not np.isclose(found, sum(w and n <= turns for n, w in played) / size):
            return not_yet(
                "count the won games that took at most so many turns, and divide by "
                f"all games. Look at {played} with {turns} turns."
            )
    return right("one long game tells about all shorter horizons.")


def check_supported(supported: Iterable[str]) -> Verdict:
    """Check which claims the tables of the paper support.

    Args:
        supported: Letters of those that they support, such as `"AB"`.
    """
    if not isinstance(supported, str):
        return not_yet('a text of letters is needed, such as "AB".')
    said = {letter.upper() for letter in supported if letter.isalpha()}
    strange = said - SUPPORTED.keys() - UNSUPPORTED.keys()
    if strange:
        return not_yet(f"there is no claim {min(strange)}; they are A to F.")
    if not said:
        return not_yet("some are supported: look for a large difference between two "
                       "models that were both tested.")  # fmt: skip
    for letter, why in UNSUPPORTED.items():
        if letter in said:
            return not_yet(why)
    missing = SUPPORTED.keys() - said
    if missing:
        return not_yet(SUPPORTED[min(missing)])
    return right("a table of models tells about these models; about worlds, only as "
                 "far as another reader would find the same.")  # fmt: skip


# ---- reference answers ---------------------------------------------------------------


def win_chance(p, length, turns):
    good = np.arange(length, turns + 1)
    ways = np.array([comb(turns, k) for k in good])
    return float(np.sum(ways * p**good * (1 - p) ** (turns - good)))


def won_within(played, turns):
    return sum(won and needed <= turns for needed, won in played) / len(played)


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="win_chance",
        check=check_win_chance,
        reference=win_chance,
        hints=(
            "Begin small: two turns, one of which must go well, each with p. Write "
            "down all four outcomes, and add up those that win.",
            "Exactly k good turns of T have the chance comb(T, k) p^k (1-p)^(T-k). All "
            "k from the length of the quest to T win.",
        ),
        wrong=(
            Wrong(lambda p, n, t: p**n, "must not slip at all"),
            Wrong(lambda p, n, t: p**t, "every turn to go well"),
            Wrong(
                lambda p, n, t: comb(t, n) * p**n * (1 - p) ** (t - n),
                "exactly so many",
            ),
            Wrong(lambda p, n, t: comb(t, n) * p**n, "may happen together"),
            Wrong(lambda p, n, t: 1 - (1 - p) ** t, "at least one good turn"),
            Wrong(lambda p, n, t: _at_least(p, n + 1, t), "one good turn too many"),
            Wrong(lambda p, n, t: 1 - _at_least(p, n, t), "chance to lose"),
            Wrong(lambda p, n, t: 1 - _at_least(p, n + 1, t), "at most so many"),
            Wrong(lambda p, n, t: _at_least(1 - p, n, t), "not of a slip"),
            Wrong(lambda p, n, t: p**n * (1 - p) ** (t - n), "of a single order"),
            Wrong(
                lambda p, n, t: sum(p**k * (1 - p) ** (t - k) for k in range(n, t + 1)),
                "in a single order",
            ),
            Wrong(
                lambda p, n, t: comb(t - 1, n - 1) * p**n * (1 - p) ** (t - n),
                "in the very last turn",
            ),
            Wrong(lambda p, n, t: _at_least(p, n, t) - p**t, "stops before its end"),
            Wrong(lambda p, n, t: 100 * _at_least(p, n, t), "in percent"),
        ),
        difficulty=2,
        importance=3,
        minutes=10,
    ),
    Exercise(
        name="won_within",
        check=check_won_within,
        reference=won_within,
        hints=(
            "What would have become of each game if it had been stopped after so many "
            "turns? Answer for a quick win, a slow win and a loss.",
            "Count the games that were won and took at most `turns`, and divide by "
            "the number of all games.",
        ),
        wrong=(
            Wrong(lambda g, t: sum(w for _, w in g) / len(g), "won in the end"),
            Wrong(
                lambda g, t: sum(w and n < t for n, w in g) / len(g), "in the last turn"
            ),
            Wrong(
                lambda g, t: sum(w and n <= t for n, w in g) / sum(w for _, w in g),
                "share of the *wins*",
            ),
            Wrong(
                lambda g, t: np.mean([w for n, w in g if n <= t]),
                "leaves out the games",
            ),
            Wrong(lambda g, t: sum(n <= t for n, _ in g) / len(g), "by losing"),
            Wrong(
                lambda g, t: sum(not w and n <= t for n, w in g) / len(g),
                "counts the lost games",
            ),
            Wrong(
                lambda g, t: sum(w and n == t for n, w in g) / len(g), "in exactly so"
            ),
            Wrong(lambda g, t: sum(w and n > t for n, w in g) / len(g), "too late"),
            Wrong(lambda g, t: 1 - won_within(g, t), "*not* be won"),
            Wrong(lambda g, t: 100 * won_within(g, t), "in percent"),
            Wrong(lambda g, t: sum(w and n <= t for n, w in g), "a share of all"),
        ),
        difficulty=1,
        importance=3,
        minutes=5,
    ),
    Exercise(
        name="supported",
        check=check_supported,
        reference="AE",
        hints=(
            "For each claim ask: how many games, how many training runs, and does it "
            "speak of the models that were tested or of worlds as such?",
            "Chance moves a difference of two shares on 100 games each by up to 1.96 "
            "times the root of the sum of p(1-p)/100, to either side. Only two claims "
            "get past it without saying more than was measured.",
        ),
        wrong=(
            Wrong("ABE", "tell about a reader"),
            Wrong("ACE", "chance alone moves"),
            Wrong("ADE", "a ratio for a gain"),
            Wrong("AEF", "what is hard is reading"),
            Wrong("A", "E is supported"),
            Wrong("E", "A is supported"),
        ),
        difficulty=3,
        importance=5,
        minutes=10,
    ),
)
"""In the order of the lesson."""
