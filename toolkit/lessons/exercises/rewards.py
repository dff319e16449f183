"""The exercises of lesson 03: a term, a reward that cannot be hacked, shaping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.errors import ToolkitError
from toolkit.lessons.checks import Verdict, agree, attempt, caught, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong
from toolkit.rewards.hacking import check_reward
from toolkit.rewards.mix import Mix
from toolkit.rewards.terms import Term

Shaping = Callable[[Sequence[float], float], Sequence[float]]

# ---- a term of one's own -------------------------------------------------------------

_AT_ANY_TIME = (
    "it charges what was said at any time before. To look again in another room is no "
    "repeat; compare with the turn before."
)


def check_repeats(function: Term) -> Verdict:
    """Check a term that charges 1 for saying the same as in the turn before.

    Args:
        function: Gets an `Episode`; returns one number per turn.
    """
    said = ["look", "look", "go east", "look", "look", "look"]
    found, problem = attempt(function, _said(said), one_per=(6, "turns"))
    if problem:
        return problem
    known: dict[tuple[float, ...], str] = {
        (0, 0, 0, 0, 0, 0): "nothing is charged yet, though three turns repeat the one "
        "before. Compare their `action`.",
        (0, 1, 0, 0, 1, 1): "that pays for repeating. A term is added, so a charge is "
        "a negative number.",
        (1, 0, 1, 1, 0, 0): "that pays every turn which is not a repeat. A bonus per "
        "turn is a bonus for playing on: charge what is unwanted instead.",
        (0, -1, 0, -1, -1, -1): _AT_ANY_TIME,
        (0, -1, 0, -2, -3, -4): _AT_ANY_TIME,
        (-1, -1, 0, 0, -1, -1): "the first turn is compared with the last one: in "
        "Python, position -1 is the end of a list. Nothing comes before the first.",
        (-1, 0, 0, -1, -1, 0): "it charges the turn that is about to be repeated. The "
        "first `look` was all right; the second one is the repeat.",
        (-1, -1, 0, -1, -1, -1): "the first of a row is charged, too. It repeats "
        "nothing.",
        (0, 0, 0, 0, 0, -3): "the sum is right, the places are not. If all is charged "
        "at the end, nobody can tell which turn it was for.",
        (-3, -3, -3, -3, -3, -3): "every turn is charged for all repeats, 18 in all "
        "instead of 3.",
    }
    rounded = tuple(round(float(v), 6) for v in found)
    return caught(known.get(rounded, "")) or _repeats_in_general(function)


def _repeats_in_general(function: Term) -> Verdict:
    """Check random episodes, one of a single turn among them."""
    rng = np.random.default_rng(0)
    for size in range(1, 16):
        said = [str(word) for word in rng.choice(["look", "go east", "wait"], size)]
        found, problem = attempt(function, _said(said))
        if problem:
            return problem
        same = [a == b for a, b in zip(said, ["", *said], strict=False)]
        if not agree(found, np.multiply(same, -1.0)):
            return not_yet(
                "each turn must be -1 if its command is that of the turn before, and "
                f"else 0. Look at an agent that says {', '.join(said)}."
            )
    return right("it charges the turns that repeat, and pays nobody for playing on.")


def _said(commands: Sequence[str]) -> Episode:
    """Return a lost episode in which this was said."""
    turns = tuple(
        Turn(observation="A room.", completion=f"{k}: {c}", action=c, reward=0.0)
        for k, c in enumerate(commands)
    )
    task = Task(env="room", seed=0)
    return Episode(task=task, turns=turns, stop_reason=StopReason.TURN_LIMIT)


# ---- a reward that cannot be hacked --------------------------------------------------

_WHY = {
    "losing_pays": "there is a way to lose that earns as much as a win.",
    "waiting_pays": "doing nothing earns something, or more than playing. A bonus for "
    "each turn must go, however small it is, and a charge must not be so large that "
    "silence is safer than trying.",
    "term_drowns": "one term is so loud that winning is not heard. Give it a smaller "
    "weight.",
    "weights_cancel": "the terms cancel: all episodes earn the same.",
}


def check_mended(reward: Mix, played: Sequence[Episode]) -> Verdict:
    """Check a reward that is to be safe and still to discourage refused commands.

    Args:
        reward: The learner's.
        played: Won and lost episodes with their facts, refused commands among them.
    """
    if not isinstance(reward, Mix):
        return not_yet("a `Mix` is needed, such as the one above with other terms.")
    try:
        found = check_reward(reward, played)
        returns = reward.score(played).returns
        understood = [e for e in played if any(_valid(e))]
        gap = reward.score(understood).returns
        gap = gap - reward.score([_once_refused(e) for e in understood]).returns
    except ToolkitError as error:
        return not_yet(f"that cannot be scored ({str(error).splitlines()[0]}).")
    won = np.array([episode.won for episode in played])
    if any(finding.code == "weights_cancel" for finding in found):
        return not_yet(_WHY["weights_cancel"])
    if np.ptp(returns) < 1e-9:
        return not_yet("it pays all episodes alike. A silent check is not enough.")
    if gap.min() < -1e-9:
        return not_yet(
            "a command that is not understood earns more than one that is. Terms such "
            "as `invalid_action` are charges already: their weight is positive."
        )
    if found:
        return not_yet(f"{_WHY[found[0].code]} {found[0].sentence}")
    if returns[won].min() <= returns[~won].max():
        return not_yet("some win earns no more than some loss of another game.")
    if gap.min() < 1e-9:
        return not_yet(
            "refused commands cost nothing any more. That is safe, but it was the "
            "point of the term: an agent should notice that it is not understood."
        )
    return right("wins earn most, a refused command costs, and waiting earns nothing.")


def _valid(episode: Episode) -> list[bool]:
    """Return for each turn whether its command was understood `(K,)`."""
    return [bool(turn.info.get("valid_action")) for turn in episode.turns]


def _once_refused(episode: Episode) -> Episode:
    """Return an episode in which one more command was not understood."""
    turns, k = list(episode.turns), _valid(episode).index(True)
    info = {**turns[k].info, "valid_action": False}
    turns[k] = replace(turns[k], info=info)
    return replace(episode, turns=tuple(turns))


# ---- potential-based shaping ---------------------------------------------------------

_TURNED = "the sign is turned: a rise is to be paid."
_WHICH = (
    "the discount is at the wrong place: it belongs to the potential after the turn, "
    "and to that alone."
)
_EARLY = (
    "each turn is compared with the turn before it, one too early: turn k leads from "
    "potential k to potential k + 1."
)


def check_shaping(function: Shaping) -> Verdict:
    """Check a function that pays changes of a potential.

    Args:
        function: Gets the potential before each turn and the discount; returns one
            number per turn. After the last turn the potential counts as 0.
    """
    found, problem = attempt(function, [0.2, 0.5, 0.9], 0.5, one_per=(3, "turns"))
    if problem:
        return problem
    known: dict[tuple[float, ...], str] = {
        (0.3, 0.4, -0.9): "the discount is not used. It belongs to the potential after "
        "the turn, which lies one turn ahead.",
        (0.3, 0.4, 0.0): "neither the discount is used, nor is the end counted as 0.",
        (0.05, -0.05, 0.0): "the last turn pays nothing. After it the potential counts "
        "as 0, so what had been paid in advance is taken back.",
        (0.05, -0.05, -0.45): "the last potential is kept after the end. There it "
        "counts as 0, however the episode ended.",
        (0.2, 0.5, 0.9): "that is the potential itself. Whoever stays where it is high "
        "is paid for staying, turn after turn.",
        (0.25, 0.45, 0.0): "that is the potential after the turn. Without the one "
        "before, staying where it is high is paid, turn after turn.",
        (-0.05, 0.05, 0.9): _TURNED,
        (-0.3, -0.4, 0.9): _TURNED,
        (0.15, 0.2, -0.45): _WHICH,
        (0.05, -0.05, -0.8): "after the last turn comes the first potential again. "
        "There it counts as 0, however the episode ended.",
        (0.05, -0.025, -0.225): "the discount is counted from the start on. In every "
        "turn it belongs to the potential after the turn, once.",
        (0.4, 0.65, -0.45): _WHICH,
        (0.2, 0.3, 0.4): _EARLY,
        (0.2, 0.4, 0.65): _EARLY,
        (0.1, 0.05, -0.05): _EARLY,
    }
    rounded = tuple(round(float(v), 6) + 0.0 for v in found)
    return caught(known.get(rounded, "")) or _shaping_in_general(function)


def _shaping_in_general(function: Shaping) -> Verdict:
    """Check that from every turn on, the discounted sum is minus the potential."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        size = int(rng.integers(1, 9))
        phi = [round(float(v), 2) for v in rng.uniform(size=size)]
        discount = round(float(rng.uniform(0.1, 1.0)), 2)
        found, problem = attempt(function, list(phi), discount)
        if problem:
            return problem
        to_go = [
            sum(discount ** (j - k) * found[j] for j in range(k, len(found)))
            for k in range(len(found))
        ]
        if not agree(to_go, np.negative(phi)):
            return not_yet(
                "from each turn on, the discounted sum must be minus the potential "
                f"there. Look at the potentials {phi} with the discount {discount}."
            )
    return right("from every turn on it adds up to the same, whatever is done there.")


# ---- reference answers ---------------------------------------------------------------


def repeats(episode):
    commands = [turn.action for turn in episode.turns]
    before = ["", *commands[:-1]]
    return [-float(a == b) for a, b in zip(before, commands, strict=True)]


def mended(played):
    return Mix({"success": 1, "invalid_action": 0.02})


def shape(potentials, discount):
    after = [*potentials[1:], 0.0]
    return [discount * b - a for a, b in zip(potentials, after, strict=True)]


# ---- wrong answers -------------------------------------------------------------------


def _commands(episode):
    return [turn.action for turn in episode.turns]


def _met_before(episode):
    said = _commands(episode)
    return [-float(command in said[:k]) for k, command in enumerate(said)]


def _wrapped(episode):
    said = _commands(episode)
    return [-float(command == said[k - 1]) for k, command in enumerate(said)]


def _whole_rows(episode):
    charged = repeats(episode)
    return [min(a, b) for a, b in zip(charged, [*charged[1:], 0.0], strict=True)]


def _before(potentials, discount):
    earlier = [0.0, *potentials[:-1]]
    return [b - discount * a for a, b in zip(earlier, potentials, strict=True)]


def _at_the_wrong_place(potentials, discount):
    after = [*potentials[1:], 0.0]
    return [b - discount * a for a, b in zip(potentials, after, strict=True)]


def _games() -> tuple[list[Episode]]:
    """Return won and lost games, some with refused commands."""
    words = [True, False, True]
    return (
        [
            _game(words, won=True),
            _game([*words, True, True], won=True, seed=1),
            _game([*words, *words]),
            _game([False] * 6, seed=1),
        ],
    )


def _game(valid: Sequence[bool], *, won: bool = False, seed: int = 0) -> Episode:
    """Return a game whose commands were understood or not."""
    facts = {"score": 0.0, "max_score": 1.0, "progress": 0.0, "room": "hall"}
    turns = tuple(
        Turn(observation="A room.", completion="go", action="go", reward=0.0,
             info={**facts, "first_room": "hall", "valid_action": v})
        for v in valid
    )  # fmt: skip
    end = StopReason.WON if won else StopReason.TURN_LIMIT
    return Episode(task=Task(env="toy", seed=seed), turns=turns, stop_reason=end)


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="repeats",
        check=check_repeats,
        reference=repeats,
        hints=(
            "Put the list of commands beside itself, moved by one turn. Where are the "
            "two alike?",
            "The first turn repeats nothing. For all others: -1 if the command is that "
            "of the turn before, and 0 if not.",
        ),
        wrong=(
            Wrong(lambda e: [0.0] * len(e.turns), "nothing is charged yet"),
            Wrong(lambda e: [-v for v in repeats(e)], "pays for repeating"),
            Wrong(lambda e: [1.0 + v for v in repeats(e)], "bonus for playing on"),
            Wrong(_met_before, "at any time before"),
            Wrong(_wrapped, "compared with the last one"),
            Wrong(lambda e: [*repeats(e)[1:], 0.0], "about to be repeated"),
            Wrong(_whole_rows, "first of a row"),
            Wrong(
                lambda e: [0.0] * (len(e.turns) - 1) + [sum(repeats(e))], "at the end"
            ),
            Wrong(lambda e: [sum(repeats(e))] * len(e.turns), "18 in all"),
        ),
        difficulty=1,
        importance=3,
        minutes=10,
    ),
    Exercise(
        name="mended",
        check=check_mended,
        context=("played",),
        example=_games,
        reference=mended,
        hints=(
            "What is unwanted is to be charged, instead of paying for its absence. "
            "Section 2 has a term for commands that are not understood.",
            "Mix success with `invalid_action`, and give that a weight so small that "
            "a game full of refused commands costs less than a win is worth.",
        ),
        wrong=(
            Wrong(lambda p: Mix({"success": 1}), "point of the term"),
            Wrong(
                lambda p: Mix({"success": 9, "invalid_action": 3}),
                "silence is safer than trying",
            ),
            Wrong(
                lambda p: Mix({"success": 1, "step_cost": 0.01}),
                "should notice that it is not understood",
            ),
            Wrong(lambda p: Mix({"success": 1, "invalid_action": -1}), "are charges"),
            Wrong(lambda p: Mix({"success": 1, "step_cost": -1}), "a way to lose"),
            Wrong(lambda p: Mix({"success": 1, "progress": -1}), "the terms cancel"),
            Wrong(lambda p: Mix({"success": 0}), "pays all episodes alike"),
            Wrong(lambda p: "success", "a `Mix` is needed"),
        ),
        difficulty=2,
        importance=5,
        minutes=15,
    ),
    Exercise(
        name="shape",
        check=check_shaping,
        reference=shape,
        hints=(
            "Write the potentials after each turn below those before it. Which one "
            "lies in the future and is discounted?",
            "The potential after turn k is that before turn k + 1, and 0 after the "
            "last. Pay the discount times that, minus the potential before.",
        ),
        wrong=(
            Wrong(lambda p, d: shape(p, 1.0), "the discount is not used"),
            Wrong(lambda p, d: [*shape(p, 1.0)[:-1], 0.0], "neither the discount"),
            Wrong(lambda p, d: [*shape(p, d)[:-1], 0.0], "last turn pays nothing"),
            Wrong(lambda p, d: shape([*p, p[-1]], d)[:-1], "potential is kept"),
            Wrong(lambda p, d: p, "the potential itself"),
            Wrong(
                lambda p, d: [d * v for v in [*p[1:], 0]],
                "the potential after the turn. Without",
            ),
            Wrong(lambda p, d: [-v for v in shape(p, d)], "sign is turned"),
            Wrong(_at_the_wrong_place, "at the wrong place"),
            Wrong(lambda p, d: shape([*p, p[0]], d)[:-1], "first potential again"),
            Wrong(
                lambda p, d: [d**k * v for k, v in enumerate(shape(p, d))],
                "from the start on",
            ),
            Wrong(_before, "too early"),
        ),
        difficulty=3,
        importance=4,
        minutes=15,
    ),
)
"""In the order of the lesson."""
