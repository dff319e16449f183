"""The exercises of lesson 11: mixtures, leaks, pairs of runs, a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import sub
from typing import Any

import numpy as np
import yaml

from toolkit.environments.base import Task
from toolkit.errors import ToolkitError
from toolkit.lessons.checklist import missing_in, read_recipe
from toolkit.lessons.checks import Verdict, attempt, attempt_number, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong
from toolkit.statistics import t_interval

Mixed = Callable[[Sequence[float], int, int], float]
Leaked = Callable[[Sequence[Task], Sequence[Task], Sequence[Task]], Iterable[Task]]
Gap = Callable[[Mapping[int, float], Mapping[int, float]], Sequence[float]]
Recipe = Callable[[str, str], dict[str, Any]]
Known = tuple[tuple[Callable[..., Any], str], ...]
"""Wrong answers, and what to say of each."""
EASY, HARD = "textworld/w2-o3-q4", "textworld/w4-o6-q8"


# ---- reference answers ---------------------------------------------------------------


def mixed_groups(rates, groups, size):
    mixed = [1 - p**size - (1 - p) ** size for p in rates]
    return groups * sum(mixed) / len(mixed)


def leaked(trained, tuned, exam):
    seen = {(task.env, task.seed) for task in [*trained, *tuned]}
    return [task for task in exam if (task.env, task.seed) in seen]


def gap(ours, theirs):
    from toolkit.statistics import t_interval

    seeds = ours.keys() & theirs.keys()
    return t_interval([ours[seed] - theirs[seed] for seed in seeds])


def recipe(easy, hard):
    stages = [{"env": easy, "n_tasks": 100}, {"env": hard, "n_tasks": 100}]
    easy_first = {"name": "stages", "batches": 30, "stages": stages}
    return {
        **ABOUT,
        "seeds": [0, 1, 2],
        "exams": {"hard": {"env": hard}, "easy": {"env": easy}},
        "settings": {**COMMON, "env": hard, "max_steps": 60},
        "arms": {
            "direct": {"label": "hard alone"},
            "first": {"label": "easier first", "curriculum": easy_first},
        },
    }


ABOUT = {
    "title": "Easy games first?",
    "question": "The hard world alone, or after an easier one?",
    "setting": "The shipped small model.",
}
COMMON = {
    "n_tasks": 100,
    "credit": "gae_turn",
    "num_generations": 1,
    "per_device_train_batch_size": 32,
    "learning_rate": 5e-4,
}
"""What the lesson gives: words, and settings of all arms."""


def check_mixed_groups(function: Mixed) -> Verdict:
    """Check how many groups of a mixture of worlds teach something.

    Args:
        function: Gets the success rate in each world, the number of groups in all and
            the size of a group; returns the expected number of mixed groups.
    """
    others = ([0.0, 1.0], 10, 8), ([0.3], 7, 2), ([0.2] * 4, 62, 8)
    for given in ((_RATES, 90, 4), *others):
        found, problem = attempt_number(function, list(given[0]), *given[1:])
        if problem:
            return problem
        if given[0] is _RATES:
            hit = (t for f, t in _MIXTURES if np.isclose(found, f(*given)))
            if wrong := next(hit, ""):
                return not_yet(wrong)
        if not np.isclose(found, mixed_groups(*given), atol=1e-9):
            return not_yet(
                "take each world alone: its groups times the chance that one of them "
                f"is mixed. Look at {given}."
            )
    return right("a mixture teaches what its parts teach, not what its mean would.")


_RATES = [0.05, 0.5, 0.9]
_MIXTURES: Known = (
    (lambda r, g, s: mixed_groups([sum(r) / len(r)], g, s),
     "it takes the mean of the rates first. A world that is never won and one that is "
     "always won have a mean of one half, and every group of both is silent."),
    (lambda r, g, s: len(r) * mixed_groups(r, g, s),
     "each world gets all the groups. They are shared."),
    (lambda r, g, s: g * np.mean([1 - (1 - p) ** s for p in r]),
     "a group that won every time is counted. It compares nothing."),
    (lambda r, g, s: g * np.mean([1 - p**s for p in r]),
     "a group that lost every time is counted. It compares nothing."),
    (lambda r, g, s: g * np.mean([p * (1 - p) for p in r]),
     "the size of a group is not used. One of four is enough to be mixed."),
    (lambda r, g, s: g - mixed_groups(r, g, s),
     "these are the silent ones. How many are left?"),
    (lambda r, g, s: mixed_groups(r, 1, s),
     "that is the share. Of how many groups?"),
)  # fmt: skip


def check_leaked(function: Leaked) -> Verdict:
    """Check which games of an exam were seen before it.

    Args:
        function: Gets the games that were trained on, those that settings were chosen
            by, and those of the exam; returns the games of the exam that are not
            held out.
    """
    given = _TRAINED, _TUNED, _EXAM
    try:
        answer = function(*map(list, given))
        found = list(answer) if isinstance(answer, Iterable) else None
    except Exception as error:  # whatever a learner's code may raise
        return not_yet(f"it stopped with {type(error).__name__}: {error}")
    if found is None:
        return not_yet(f"{answer!r:.60} came back; a list of games is needed.")
    wrong = next((text for f, text in _LEAKS if _same(found, f(*given))), "")
    if wrong or not _same(found, leaked(*given)):
        return not_yet(
            wrong
            or f"of six games it names {len(found)}. A game is its world and its seed. "
            "Was it trained on, or tuned on? Return the games as they stand in `exam`."
        )
    return right("the world and the seed name a game, whatever else is said of it.")


def _same(some: list[Task], others: list[Task]) -> bool:
    return len(some) == len(others) and all(task in some for task in others)


def _game(env: str, seed: int, split: str, **params: int) -> Task:
    return Task(env=env, seed=seed, split=split, params=tuple(params.items()))


_TRAINED = [_game(EASY, 7, "test"), _game(EASY, 9, "train")]
_TUNED = [_game(EASY, 8, "validation"), _game(HARD, 30001, "validation")]
_EXAM = [
    *(_game(EASY, 7, "test"), _game(EASY, 8, "test")),
    *(_game(HARD, 30001, "validation"), _game(EASY, 9, "test", max_turns=24)),
    *(_game(HARD, 9, "test"), _game(EASY, 11, "test")),
]
_LEAKS: Known = (
    (lambda a, b, exam: [t for t in exam if t in [*a, *b]],
     "only games that agree in everything are found. A game is the same whatever its "
     "split is called and however many turns it has."),
    (lambda a, b, exam: [t for t in exam if t.seed in {s.seed for s in [*a, *b]}],
     "a seed alone names no game. One of these has the same number in another world, "
     "and nobody has seen it."),
    (lambda a, b, exam: leaked(a, [], exam),
     "it looks at training alone. A game by which settings were chosen has been looked "
     "at, too: its luck is in the choice."),
    (lambda a, b, exam: leaked([], b, exam),
     "it looks at tuning alone. Look at what was trained on, too."),
    (lambda a, b, exam: [t for t in exam if t not in leaked(a, b, exam)],
     "these are the clean ones. Return those that are not."),
    (lambda a, b, exam: [t for t in exam if t.split != "test"],
     "it goes by the name of the split. What a game is called does not tell what was "
     "done with it."),
)  # fmt: skip


def check_gap(function: Gap) -> Verdict:
    """Check the interval of the difference between two ways to train.

    Args:
        function: Gets the success of each run by its seed, on both sides; returns the
            ends of the 95 % interval of the mean difference.
    """
    rng = np.random.default_rng(0)
    others = [
        [{s: float(rng.random()) for s in range(n)} for _ in "ab"] for n in (2, 6)
    ]
    for ours, theirs in ((_OURS, _THEIRS), *others):
        found, problem = attempt(function, {**ours}, {**theirs}, one_per=(2, "ends"))
        if problem:
            return problem
        if ours is _OURS:
            hit = (t for f, t in _GAPS if np.allclose(found, f(ours, theirs)))
            if wrong := next(hit, ""):
                return not_yet(wrong)
        if not np.allclose(found, gap(ours, theirs), 2e-3, 1e-3):  # tables say 4.30
            return not_yet(
                "subtract run from run where both sides have the seed, and take "
                f"Student's interval of these differences. Look at {ours}, {theirs}."
            )
    return right("what a seed does to both sides has gone from the difference.")


_OURS = {0: 0.42, 1: 0.55, 2: 0.36, 3: 0.70}
_THEIRS = {2: 0.30, 0: 0.37, 1: 0.47}


def _sides(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Any:
    """Return the runs of both sides whose seeds both have `(2, N)`."""
    seeds = sorted(ours.keys() & theirs.keys())
    return np.array([[side[s] for s in seeds] for side in (ours, theirs)])


def _normal(ours: Any, theirs: Any, *, paired: bool) -> tuple[float, float]:
    """Return the interval of many runs, as pairs or as two heaps."""
    a, b = _sides(ours, theirs)
    spread = (a - b).var(ddof=1) if paired else a.var(ddof=1) + b.var(ddof=1)
    half = 1.96 * np.sqrt(spread / len(a))
    return (a - b).mean() - half, (a - b).mean() + half


def _of_ends(ours: Any, theirs: Any) -> tuple[float, float]:
    (a, b), (c, d) = (t_interval([*side.values()]) for side in (ours, theirs))
    return a - d, b - c


_GAPS: Known = (
    (lambda a, b: [float(np.mean(gap(a, b)))] * 2,
     "a difference of two noisy numbers has no width here. How far would other seeds "
     "fall from it?"),
    (lambda a, b: t_interval([*map(sub, a.values(), b.values())]),
     "runs are paired in the order in which they are listed. Pair those with the same "
     "seed."),
    (_of_ends,
     "it subtracts the ends of two intervals. That two intervals overlap does not tell "
     "that there is no difference: what a seed does to both sides widens both."),
    (lambda a, b: _of_ends(*({s: x[s] for s in a.keys() & b.keys()} for x in (a, b))),
     "seeds are matched, but then it subtracts the ends of two intervals. Subtract run "
     "from run first: what a seed does to both sides is then gone."),
    (lambda a, b: gap(b, a), "the sign is turned: ours minus theirs."),
    (lambda a, b: _normal(a, b, paired=False),
     "the runs are not paired. Seeds are lucky and unlucky on both sides at once; "
     "subtract run from run first."),
    (lambda a, b: _normal(a, b, paired=True),
     "1.96 is for many runs. With three, the spread itself is a guess, and Student has "
     "4.30."),
)  # fmt: skip


def check_recipe(function: Recipe) -> Verdict:
    """Check an experiment that asks whether easy games first are better.

    Args:
        function: Gets the ids of an easier and a harder world; returns the experiment
            as it would stand in a YAML file.
    """
    try:
        given = function(EASY, HARD)
        if not isinstance(given, dict):
            return not_yet(f"{given!r:.60} came back; a dictionary is needed.")
        missing = missing_in(read_recipe(given), EASY, HARD)
    except yaml.representer.RepresenterError as error:
        return not_yet(
            f"a YAML file cannot hold {error.args[1]!r:.60}. It has texts, numbers, "
            "lists and dictionaries."
        )
    except ToolkitError as error:
        return not_yet(f"the toolkit refuses it. {error}")
    except Exception as error:  # whatever a learner's code may raise
        return not_yet(f"it stopped with {type(error).__name__}: {error}")
    if missing:
        return not_yet(missing)
    return right("one thing differs, and what may be forgotten is looked at.")


def _changed(**parts: Any) -> Recipe:
    """Return the reference recipe with some of its parts replaced."""
    return lambda easy, hard: {**recipe(easy, hard), **parts}


def _first(**how: Any) -> Recipe:
    return _changed(arms={"direct": {}, "first": how})


_STAGES = [{"env": EASY, "n_tasks": 100}, {"env": HARD, "n_tasks": 100}]
_ORDER = {"name": "stages", "batches": 30, "stages": _STAGES}
_NEVER = {**_ORDER, "batches": 60}
_BACK = {**_ORDER, "stages": _STAGES[::-1]}
_SEEN = {"hard": {"env": HARD, "split": "train"}}
_MIXTURE = {"name": "mixture", "parts": _STAGES}


# ---- exercises -----------------------------------------------------------------------


def _all(known: Known) -> tuple[Wrong, ...]:
    return tuple(Wrong(answer, says) for answer, says in known)


EXERCISES = (
    Exercise(
        name="mixed_groups",
        check=check_mixed_groups,
        reference=mixed_groups,
        hints=(
            "Do two worlds by hand: one that is never won and one that is always won. "
            "How many groups are mixed?",
            "The mean of 1 - p**size - (1 - p)**size over rates, times the groups.",
        ),
        wrong=_all(_MIXTURES),
        difficulty=2,
        importance=3,
        minutes=8,
    ),
    Exercise(
        name="leaked",
        check=check_leaked,
        reference=leaked,
        hints=(
            "What makes two games the same? Their world and their seed are enough to "
            "build them; the name of a split and a limit of turns are not.",
            "Collect (task.env, task.seed) of all that was trained or tuned on in a "
            "set, and keep the games of the exam whose pair is in it.",
        ),
        wrong=_all(_LEAKS),
        difficulty=2,
        importance=5,
        minutes=8,
    ),
    Exercise(
        name="gap",
        check=check_gap,
        reference=gap,
        hints=(
            "A seed that draws easy games draws them for both sides. What is left of "
            "its luck if you subtract its two runs first?",
            "Subtract runs of the same seed; toolkit.statistics.t_interval of these.",
        ),
        wrong=_all(_GAPS),
        difficulty=2,
        importance=5,
        minutes=8,
    ),
    Exercise(
        name="recipe",
        check=check_recipe,
        reference=recipe,
        hints=(
            "Go through the checklist of section 9 point by point; the check does the "
            "same and stops at the first that is missing.",
            "Three seeds, an exam in both worlds (split `test` if you say nothing), "
            "an arm without a curriculum, and one with a curriculum named `stages`, "
            "which has `stages` for `parts`, and `batches` for each.",
        ),
        wrong=(
            Wrong(_first(curriculum=_MIXTURE), "an order is another thing"),
            Wrong(_first(curriculum=_BACK), "do not go from the easier"),
            Wrong(_changed(arms={"first": {"curriculum": _ORDER}}), "is missing"),
            Wrong(_first(curriculum=_ORDER, max_steps=120), "differ in max_steps"),
            Wrong(_first(curriculum=_ORDER, learning_rate=0.01), "in learning_rate"),
            Wrong(_first(curriculum=_NEVER), "never comes"),
            Wrong(_changed(exams=_SEEN), "training or tuning may use"),
            Wrong(_changed(exams={"easy": {"env": EASY}}), "is not examined"),
            Wrong(_changed(exams={"hard": {"env": HARD}}), "forgotten meanwhile"),
            Wrong(_changed(seeds=[0]), "it has 1 seed."),
        ),
        difficulty=3,
        importance=4,
        minutes=12,
    ),
)
