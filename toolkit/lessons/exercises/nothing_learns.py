"""The exercises of lesson 09: causes, remedies, and a detector of silent groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.lessons.broken_runs import BROKEN
from toolkit.lessons.checks import Verdict, attempt, caught, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong

SilentGroups = Callable[[Sequence[float], int], Sequence[float]]
TRUE = {run.case: run.cause for run in BROKEN.values()}

CONFUSED = {
    ("zero-variance groups", "cancelling terms"): "both have no gradient, but here no "
    "game is won and nothing is paid that could cancel. Look at the games won.",
    ("cancelling terms", "zero-variance groups"): "both have no gradient, but here "
    "some games are won and others lost. Who made wins and losses worth the same?",
    ("truncation", "zero-variance groups"): "its groups are not even silent; but "
    "nobody wins. Look at how episodes end.",
    ("truncation", "dead environments"): "in both, episodes end early. Here the "
    "worlds are well; it is the token limit that cuts.",
    ("dead environments", "truncation"): "in both, episodes end early. Here they end "
    "with environment_error: no limit was reached.",
    ("dead environments", "zero-variance groups"): "no groups are left to compare. "
    "Look at how episodes end.",
    ("too high a rate", "entropy collapse"): "the entropy falls here too, but look at "
    "the commands first: does the world still understand them?",
    ("entropy collapse", "too high a rate"): "the steps may well be large, but the "
    "commands are still understood. What is gone is choice.",
    ("wrong mask", "too high a rate"): "the policy drifts, but with a usual step "
    "size. One sign is far from that of every other run: the sampling gap.",
    ("too high a rate", "wrong mask"): "the sampling gap is as it should be, so the "
    "right tokens are trained. They are pushed too far.",
    ("wrong mask", "entropy collapse"): "look at the sampling gap: other tokens are "
    "trained than those that were sampled.",
    ("reward hacking", "too high a rate"): "commands are still understood, and the "
    "pay is high. The policy does very well what it is paid for.",
    ("reward hacking", "entropy collapse"): "look at pay and games won side by side: "
    "the one is high without the other.",
    ("entropy collapse", "zero-variance groups"): "its groups have no variance, true, "
    "but games are won. Why is one attempt like the other? Look at the entropy.",
    ("entropy collapse", "cancelling terms"): "both have no gradient, and win some "
    "games. Here the pay is not 0; it is the entropy that is.",
    ("zero-variance groups", "entropy collapse"): "the entropy is as in the healthy "
    "run, so there was choice. What did it ever lead to?",
    ("too high a rate", "zero-variance groups"): "some groups are silent, but only "
    "because nothing works any more. Look at the commands.",
    ("entropy collapse", "reward hacking"): "the pay is no higher than the wins. Look "
    "at the entropy.",
}
"""What to say to who takes the first for the second."""

WOULD = {
    "dead environments": "episodes would end with environment_error.",
    "truncation": "episodes would end with token_limit. The turn_limit is the clock of "
    "the game; the healthy run meets it as well.",
    "zero-variance groups": "all groups would be silent, and the gradient would be 0.",
    "cancelling terms": "won games would be paid 0, and all groups would be silent.",
    "reward hacking": "the pay would be high, and no more games won for it.",
    "wrong mask": "the sampling gap would be far from 0.",
    "too high a rate": "the world would soon understand the commands no more.",
    "entropy collapse": "the commands would be right, and their entropy almost 0.",
}
"""What would be seen, for causes that are not easily taken for the true one."""


# ---- checks --------------------------------------------------------------------------


def check_diagnosis(answer: Any, causes: Sequence[str]) -> Verdict:
    """Check which cause was given to each of the eight runs.

    Args:
        answer: A cause for each letter.
        causes: All there are, as they are written.
    """
    if not isinstance(answer, Mapping) or set(answer) != set(TRUE):
        letters = ", ".join(TRUE)
        return not_yet(
            f'a cause is needed for each of {letters}, as in {{"A": "truncation", …}}.'
        )
    for case, cause in answer.items():
        if cause not in causes:
            return not_yet(
                f"{case}: {cause!r} is none of the eight causes, as they stand in "
                f"`causes`: {', '.join(causes)}."
            )
    wrong = {case: cause for case, cause in answer.items() if cause != TRUE[case]}
    if not wrong:
        return right("each of the eight is told from the others by one sign.")
    case, cause = next(iter(wrong.items()))
    hint = CONFUSED.get((TRUE[case], cause), WOULD[cause])
    many = f" (Right so far: {len(TRUE) - len(wrong)} of 8.)"
    return not_yet(f"{case} is not {cause}: {hint}{many}")


def check_remedies(answer: Any, broken: Mapping[str, Mapping[str, Any]]) -> Verdict:
    """Check settings that are to take the place of broken ones.

    Args:
        answer: Settings for the cases in `broken`.
        broken: The settings at fault.
    """
    if not isinstance(answer, Mapping) or set(answer) != set(broken):
        return not_yet(f"settings are needed for each of {', '.join(broken)}.")
    for case, settings in broken.items():
        given = answer[case]
        if not isinstance(given, Mapping) or set(given) != set(settings):
            return not_yet(f"{case}: the setting to change is {', '.join(settings)}.")
    try:
        wrong = next(filter(None, (SOUND[n](v) for s in answer.values()
                                   for n, v in s.items())), "")  # fmt: skip
    except (TypeError, ValueError, AttributeError) as error:
        return not_yet(f"a value is of another kind than it was ({error}).")
    return caught(wrong) or right("each fault is gone, and nothing else has changed.")


def _rate(value: float) -> str:
    if value >= 5e-3:
        return f"a rate of {value:g} is still far above the 7e-4 that learns."
    if value <= 1e-5:
        return (
            f"a rate of {value:g} breaks nothing, and in some dozen steps it moves "
            "nothing either. Divide by 10 to 30."
        )
    return ""


def _weights(value: Mapping[str, float]) -> str:
    if added := sorted(set(value) - {"success", "progress"}):
        return (
            f"{', '.join(added)} is a new term. It may help, but then nobody knows "
            "what did. Mend the two that are there."
        )
    total = value.get("success", 0) + value.get("progress", 0)
    if total == 0:
        return (
            "a win still adds up to 0. All weights multiplied by the same number "
            "cancel as before; the sign of one is wrong."
        )
    if total < 0:
        return "now a win costs more than a loss. The policy would learn to lose."
    return ""


def _length(value: float) -> str:
    if value <= 60:
        return "that cuts the episodes even earlier."
    if value < 300:
        return (
            f"{value:g} tokens are not enough: the limit counts the whole episode with "
            "the words of the world, not one command."
        )
    return ""


SOUND: dict[str, Callable[[Any], str]] = {
    "learning_rate": _rate,
    "reward": _weights,
    "max_completion_length": _length,
}


def check_silent_groups(function: SilentGroups) -> Verdict:
    """Check a function that finds the groups without any difference.

    Args:
        function: Gets the returns of all episodes, group after group, and how many a
            group has; returns the places of the silent groups, counted from 0.
    """
    returns = [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, -1.0, 1.0, 0.3, 0.3, 0.0, 0.1]
    found, problem = attempt(function, list(returns), 2)
    if problem:
        return problem
    known = {
        (0,): "you find the groups that lost. One in which all won is as silent.",
        (0, 1): "you compare with 0 and 1. Any return will do, if all have it: the "
        "fifth group has 0.3 twice.",
        (0, 3): "you look for a sum of 0. The fourth group has -1 and 1, and a lot to "
        "say.",
        (2, 3, 5): "these are the groups that teach. Which are silent?",
        (0, 2, 8): "these are places of episodes, not of groups.",
        (1, 1, 0, 0, 1, 0): "this says yes or no for each group. Asked are the places "
        "of the silent ones.",
        (0, 0, 1, 1, 0, 1): "this says yes or no for each group, and yes to those that "
        "teach. Asked are the places of the silent ones.",
        (0, 1, 3): "you look at the sum. The fourth group has -1 and 1: a sum like "
        "that of two losses, and a lot to say.",
        (0, 1, 4, 5): "0 and 0.1 are both losses and near to each other, but not "
        "equal. Who earned 0.1 is praised.",
        (1, 2, 5): "groups are counted from 0.",
        (): "no group was found. Are you comparing all episodes at once?",
    }
    wrong = known.get(tuple(int(v) for v in found), "")
    return caught(wrong) or _silent_in_general(function)


def _silent_in_general(function: SilentGroups) -> Verdict:
    """Check random groups of several sizes."""
    found, problem = attempt(function, [1.0, 1.0, 0.0, 0.0, 1.0, 0.0], 3)
    if problem or found in ([0], [1]):
        return problem or not_yet(
            "none of 1, 1, 0 and 0, 1, 0 is silent, in groups of three. Compare all of "
            "a group, not two of it."
        )
    rng = np.random.default_rng(0)
    for _ in range(30):
        size = int(rng.integers(2, 6))
        returns = [float(v) for v in rng.integers(0, 2, size=size * 6) / 2]
        returns[:size] = [0.5] * size
        found, problem = attempt(function, list(returns), size)
        if problem:
            return problem
        groups = [returns[size * k : size * (k + 1)] for k in range(6)]
        wanted = [k for k, group in enumerate(groups) if len(set(group)) == 1]
        if sorted(found) != wanted:
            return not_yet(
                "a group is silent if all of its returns are equal. Look at "
                f"{returns} in groups of {size}: {wanted} are."
            )
    return right("this is the first number to look at when nothing learns.")


# ---- reference answers ---------------------------------------------------------------


def diagnosis(causes):
    return {
        "A": "too high a rate",
        "B": "dead environments",
        "C": "cancelling terms",
        "D": "wrong mask",
        "E": "truncation",
        "F": "zero-variance groups",
        "G": "reward hacking",
        "H": "entropy collapse",
    }


def remedies(broken):
    return {
        "A": {"learning_rate": 7e-4},
        "C": {"reward": {"success": 1.0, "progress": 1.0}},
        "E": {"max_completion_length": 1024},
    }


def silent_groups(returns, size):
    groups = [returns[i : i + size] for i in range(0, len(returns), size)]
    return [k for k, group in enumerate(groups) if max(group) == min(group)]


# ---- wrong answers -------------------------------------------------------------------


def _taken(cause, said):
    """Return the diagnosis with one cause taken for another one."""
    return lambda causes: {k: said if v == cause else v for k, v in TRUE.items()}


UNLIKE = (
    ("cancelling terms", "dead environments"),
    ("reward hacking", "truncation"),
    ("reward hacking", "zero-variance groups"),
    ("truncation", "cancelling terms"),
    ("wrong mask", "reward hacking"),
    ("entropy collapse", "wrong mask"),
    ("cancelling terms", "too high a rate"),
    ("truncation", "entropy collapse"),
)
"""Pairs that nobody takes for each other who looks at the signs."""


def _with(case, **settings):
    """Return the mended settings with other ones for a case."""
    return lambda broken: remedies(broken) | {case: settings}


def _by_group(holds):
    """Return a detector that asks something of each group."""

    def detect(returns, size):
        groups = [returns[i : i + size] for i in range(0, len(returns), size)]
        return [k for k, group in enumerate(groups) if holds(group)]

    return detect


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="diagnosis",
        check=check_diagnosis,
        reference=diagnosis,
        context=("causes",),
        example=lambda: (list(TRUE.values()),),
        hints=(
            "Begin with how episodes end: that alone settles two of the eight.",
            "A gradient of 0 from the first step on leaves three: one never wins, one "
            "is paid 0 for its wins, one has no entropy. Of the others, one has a "
            "sampling gap, one high pay without wins, one has lost its commands.",
        ),
        wrong=(
            *(Wrong(_taken(*pair), text) for pair, text in CONFUSED.items()),
            *(Wrong(_taken(*pair), WOULD[pair[1]]) for pair in UNLIKE),
            Wrong(lambda causes: dict.fromkeys(TRUE, "?"), "none of the eight causes"),
        ),
        difficulty=2,
        importance=5,
        minutes=15,
    ),
    Exercise(
        name="remedies",
        check=check_remedies,
        reference=remedies,
        context=("broken",),
        example=lambda: (
            {
                "A": {"learning_rate": 0.02},
                "C": {"reward": {"success": 1.0, "progress": -1.0}},
                "E": {"max_completion_length": 60},
            },
        ),
        hints=(
            "Each alert begins its list of remedies with the best one. How large the "
            "change must be follows from what is seen.",
            "`learns` was trained with a rate of 7e-4; a whole game takes some hundred "
            "tokens; and a sign was lost in the reward.",
        ),
        wrong=(
            Wrong(_with("A", learning_rate=0.01), "still far above"),
            Wrong(_with("A", learning_rate=1e-6), "moves nothing"),
            Wrong(
                _with("C", reward={"success": 2.0, "progress": -2.0}),
                "cancel as before",
            ),
            Wrong(_with("C", reward={"success": 1.0, "progress": -2.0}), "to lose"),
            Wrong(
                _with("C", reward={"success": 1.0, "discovery": 0.1}), "is a new term"
            ),
            Wrong(_with("E", max_completion_length=30), "even earlier"),
            Wrong(_with("E", max_completion_length=100), "the whole episode"),
        ),
        difficulty=2,
        importance=4,
        minutes=5,
    ),
    Exercise(
        name="silent_groups",
        check=check_silent_groups,
        reference=silent_groups,
        hints=(
            "Cut the returns into groups first; then ask of each group whether its "
            "returns differ at all.",
            "A group is silent if its largest return is its smallest.",
        ),
        wrong=(
            Wrong(_by_group(lambda g: not any(g)), "groups that lost"),
            Wrong(
                _by_group(lambda g: set(g) in ({0.0}, {1.0})), "compare with 0 and 1"
            ),
            Wrong(_by_group(lambda g: sum(g) == 0), "sum of 0"),
            Wrong(_by_group(lambda g: len(set(g)) > 1), "groups that teach"),
            Wrong(_by_group(lambda g: g[0] == g[1]), "not two of it"),
            Wrong(_by_group(lambda g: sum(g) in (0, len(g))), "you look at the sum"),
            Wrong(_by_group(lambda g: len({v == 1 for v in g}) == 1), "not equal"),
            Wrong(
                lambda r, n: [len(set(r[i : i + n])) == 1 for i in range(0, len(r), n)],
                "yes or no for each group. Asked",
            ),
            Wrong(
                lambda r, n: [len(set(r[i : i + n])) > 1 for i in range(0, len(r), n)],
                "yes to those that teach",
            ),
            Wrong(
                lambda r, n: [n * k for k in silent_groups(r, n)], "places of episodes"
            ),
            Wrong(lambda r, n: [0] if len(set(r)) == 1 else [], "all episodes at once"),
        ),
        difficulty=2,
        importance=4,
        minutes=10,
    ),
)
"""In the order of the lesson."""
