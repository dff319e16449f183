"""The exercises of lesson 04: returns compared, carried over tokens, by room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

import numpy as np

from toolkit.lessons.checks import Verdict, agree, attempt, caught, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong

LeaveOneOut = Callable[[Sequence[float]], Sequence[float]]
TokenReturns = Callable[[Sequence[float], Sequence[int]], Sequence[float]]
SameRoom = Callable[[Sequence[Hashable], Sequence[float]], Sequence[float]]


def check_leave_one_out(function: LeaveOneOut) -> Verdict:
    """Check a function that compares each return with the mean of the others.

    Args:
        function: Gets the returns of a group; returns as many advantages.
    """
    returns = [1.0, 0.0, 0.0, 0.5, 2.0]
    found, problem = attempt(function, list(returns), one_per=(5, "episodes"))
    if problem:
        return problem
    group = np.array(returns)
    others = (group.sum() - group) / 4
    centred = group - group.mean()
    known = [
        (group, "these are the returns themselves. Without a baseline all episodes "
         "that earn anything are praised, however common that is."),
        (centred, "that is the mean of the whole group, with the episode itself in it. "
         "What it is compared with must not depend on what it did."),
        (centred / group.std(), "it is divided by the standard deviation, as in GRPO. "
         "RLOO divides nothing."),
        (centred / group.std(ddof=1), "it is divided by the standard deviation, as in "
         "GRPO. RLOO divides nothing."),
        (others - group, "the sign is turned: whoever earns more than the others is to "
         "be praised."),
        (group - 4 * others, "that is the sum of the others; their mean is needed."),
        (group - 4 * others / 5, "the others are one fewer than the group, and the "
         "mean is theirs: divide by that."),
        (group - group.sum() / 4, "the sum holds the episode itself, and is divided "
         "by the number of the others. Take it out of both, or of neither."),
        ([r - np.mean([o for o in returns if o != r]) for r in returns], "episodes "
         "that earned the same are left out, too. Only the episode itself is to be: "
         "go by its place, not by its value."),
        (others, "that is the baseline alone. How far is the episode above it?"),
    ]  # fmt: skip
    wrong = next((text for v, text in known if np.allclose(found, v, atol=1e-3)), "")
    return caught(wrong) or _leave_one_out_in_general(function)


def _leave_one_out_in_general(function: LeaveOneOut) -> Verdict:
    """Check on random groups that each number is return minus mean of the others."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        group = [round(float(r), 2) for r in rng.normal(size=int(rng.integers(2, 9)))]
        found, problem = attempt(function, list(group))
        if problem:
            return problem
        means = [np.mean(group[:i] + group[i + 1 :]) for i in range(len(group))]
        if not agree(found, np.subtract(group, means)):
            return not_yet(
                "each number must be the episode's return minus the mean of the "
                f"others' returns. Look at the returns {group}."
            )
    return right("each is compared with the others, and with nothing of its own.")


def check_token_returns(function: TokenReturns) -> Verdict:
    """Check a function that computes the return to go at each sampled token.

    Args:
        function: Gets one reward and one bit of the action mask per token; returns as
            many numbers, zero where the world speaks.
    """
    mask = [1, 1, 0, 0, 1, 0, 1, 1]
    rewards = [0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    found, problem = attempt(function, list(rewards), list(mask), one_per=(8, "tokens"))
    if problem:
        return problem
    known: dict[tuple[float, ...], str] = {
        (2, 2, 0, 0, 0, 0, 1, 1): "the sum is lost where the world speaks: that is the "
        "published mistake. Only the result may be masked, not what is carried on.",
        (3, 3, 1, 1, 1, 1, 1, 1): "the world's tokens have numbers as well. The policy "
        "did not choose them, so they must get 0.",
        tuple(rewards): "each token gets its own reward only. What came later was its "
        "merit as well.",
        (3, 3, 0, 0, 3, 0, 3, 3): "every token gets the return of the whole episode. "
        "What was paid before a token is not its merit.",
        (0, 2, 0, 0, 2, 0, 2, 3): "it adds up from the front: that is what was paid so "
        "far, not what is still to come.",
        (3, 1, 0, 0, 1, 0, 1, 0): "a token's own reward is left out. It is paid at "
        "once, so it counts in full.",
        (1, 1, 0, 1, 0, 0, 3, 3): "it is the right sum, back to front: what was "
        "collected from the end has to be turned round.",
        (0, 0, 1, 1, 0, 1, 0, 0): "the mask is inverted: 1 is where the policy speaks.",
    }
    rounded = tuple(round(float(v), 6) for v in found)
    return caught(known.get(rounded, "")) or _token_returns_in_general(function)


def _token_returns_in_general(function: TokenReturns) -> Verdict:
    """Check sums over random episodes."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        mask = [int(m) for m in rng.integers(0, 2, size=int(rng.integers(1, 12)))]
        rewards = [round(float(rng.normal()), 2) if m else 0.0 for m in mask]
        found, problem = attempt(function, list(rewards), list(mask))
        if problem:
            return problem
        wanted = [m * sum(rewards[t:]) for t, m in enumerate(mask)]
        if not agree(found, wanted):
            return not_yet(
                "each token of the policy must get the sum of all rewards from it on. "
                f"Look at the rewards {rewards} with the mask {mask}."
            )
    return right("pay reaches back over the world's words, and stays out of them.")


def check_same_room(function: SameRoom) -> Verdict:
    """Check a function that compares turns which began in the same room.

    Args:
        function: Gets the room in which each turn of a group began, and its return to
            go; returns as many differences to the mean of the turns in that room.
    """
    rooms, to_go = ["hall", "attic", "hall", "yard", "hall", "yard"], [4, 5, 1, 2, 1, 6]
    found, problem = attempt(
        function, list(rooms), [float(v) for v in to_go], one_per=(6, "turns")
    )
    if problem:
        return problem
    mean = sum(to_go) / 6
    known: list[tuple[list[float], str]] = [
        ([v - mean for v in to_go], "all turns are compared with one mean. A turn is "
         "to be compared with those that began in the same room."),
        ([2, 5, -1, -2, -1, 2], "a room that was met once keeps its whole return to "
         "go. Alone, there is nothing to compare with: it must be 0."),
        ([2, 5, 2, 4, 2, 4], "these are the means of the rooms alone. How far is each "
         "turn above its own?"),
        ([3, 5, -1.5, -4, -1.5, 4], "the turn itself is left out of its mean, and a "
         "room met once keeps its return. GiGPO takes the mean of all in the room."),
        ([3, 0, -1.5, -4, -1.5, 4], "the turn itself is left out of its mean. That is "
         "RLOO's way; GiGPO takes the mean of all in the room."),
        ([-2, 0, 1, 2, 1, -2], "the sign is turned: a turn that earns more than the "
         "others in its room is to be praised."),
        ([2, -1, -1, 0, -2, 2], "the numbers stand room by room. Turns have to stay "
         "in the order in which they came."),
        ([2**0.5, 0, -(2**-0.5), -1, -(2**-0.5), 1], "it is divided by the deviation "
         "of the room. Here the plain difference is asked."),
        ([-2, 0, -5, -6, -5, -2], "that is the sum of the room; its mean is needed."),
        ([3, 5 - 5 / 6, 0, 2 / 3, 0, 14 / 3], "the room's sum is divided by the number "
         "of all turns. Divide by that of the turns in the room."),
        ([0, 0, -1.5, 0, -1, 2], "a turn is compared with the room's turns so far "
         "only. Go through all turns first, and then compare."),
    ]  # fmt: skip
    wrong = next((text for v, text in known if np.allclose(found, v, atol=1e-3)), "")
    return caught(wrong) or _same_room_in_general(function)


def _same_room_in_general(function: SameRoom) -> Verdict:
    """Check on random groups."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        size = int(rng.integers(1, 10))
        rooms = [str(room) for room in rng.choice(["hall", "attic", "yard"], size)]
        to_go = [round(float(v), 2) for v in rng.normal(size=size)]
        found, problem = attempt(function, list(rooms), list(to_go))
        if problem:
            return problem
        met = defaultdict(list)
        for room, value in zip(rooms, to_go, strict=True):
            met[room].append(value)
        means = [np.mean(met[room]) for room in rooms]
        if not agree(found, np.subtract(to_go, means)):
            return not_yet(
                "each number must be the turn's return to go minus the mean of all "
                f"turns in that room. Look at the rooms {rooms} with {to_go}."
            )
    return right("each turn is compared with what others did in the same place.")


# ---- reference answers ---------------------------------------------------------------


def leave_one_out(returns):
    total, others = sum(returns), len(returns) - 1
    return [value - (total - value) / others for value in returns]


def returns_over_tokens(rewards, mask):
    running, found = 0.0, []
    for reward, sampled in zip(reversed(rewards), reversed(mask), strict=True):
        running += reward
        found.append(running * sampled)
    return found[::-1]


def same_room(rooms, to_go):
    met = {room: [] for room in rooms}
    for room, value in zip(rooms, to_go, strict=True):
        met[room].append(value)
    means = {room: sum(values) / len(values) for room, values in met.items()}
    return [value - means[room] for room, value in zip(rooms, to_go, strict=True)]


# ---- wrong answers -------------------------------------------------------------------


def _others(returns):
    return [(sum(returns) - r) / (len(returns) - 1) for r in returns]


def _standardised(returns, ddof):
    return (np.array(returns) - np.mean(returns)) / (np.std(returns, ddof=ddof) + 1e-4)


def _lost_at_the_world(rewards, mask):
    running, found = 0.0, []
    for reward, sampled in zip(reversed(rewards), reversed(mask), strict=True):
        running = (running + reward) * sampled
        found.insert(0, running)
    return found


def _in_room(rooms, values, room):
    return [v for r, v in zip(rooms, values, strict=True) if r == room]


def _of_rooms(what, rooms, values):
    return [what(_in_room(rooms, values, room)) for room in rooms]


def _room_by_room(rooms, values):
    advantages = same_room(rooms, values)
    return [
        a for room in dict.fromkeys(rooms) for a in _in_room(rooms, advantages, room)
    ]


def _without_itself(rooms, values, alone):
    found = []
    for i, (room, value) in enumerate(zip(rooms, values, strict=True)):
        rest = _in_room(rooms[:i] + rooms[i + 1 :], values[:i] + values[i + 1 :], room)
        found.append(value - np.mean(rest) if rest else alone(value))
    return found


def _alone_keeps_all(rooms, values):
    found = zip(rooms, values, same_room(rooms, values), strict=True)
    return [v if rooms.count(room) == 1 else a for room, v, a in found]


def _so_far(rooms, values):
    return [
        v - np.mean(_in_room(rooms[: i + 1], values[: i + 1], rooms[i]))
        for i, v in enumerate(values)
    ]


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="leave_one_out",
        check=check_leave_one_out,
        reference=leave_one_out,
        hints=(
            "Do the group [1, 0, 0, 0] by hand. The others of the first episode have a "
            "mean of 0, so it gets 1. What is the mean of the others of the second?",
            "The others' sum is the sum of all minus the episode's own return, and "
            "there are len(returns) - 1 of them.",
        ),
        wrong=(
            Wrong(lambda g: g, "returns themselves"),
            Wrong(
                lambda g: [r - np.mean(g) for r in g], "with the episode itself in it"
            ),
            Wrong(lambda g: _standardised(g, 1), "as in GRPO"),
            Wrong(lambda g: _standardised(g, 0), "divided by the standard deviation"),
            Wrong(lambda g: [-a for a in leave_one_out(g)], "sign is turned"),
            Wrong(lambda g: [r - (sum(g) - r) for r in g], "sum of the others"),
            Wrong(
                lambda g: [r - (sum(g) - r) / len(g) for r in g],
                "one fewer than the group",
            ),
            Wrong(
                lambda g: [r - sum(g) / (len(g) - 1) for r in g], "both, or of neither"
            ),
            Wrong(
                lambda g: [r - np.mean([o for o in g if o != r]) for r in g],
                "by its place, not by its value",
            ),
            Wrong(_others, "baseline alone"),
        ),
        difficulty=1,
        importance=3,
        minutes=5,
    ),
    Exercise(
        name="returns_over_tokens",
        check=check_token_returns,
        reference=returns_over_tokens,
        hints=(
            "From rewards 0, 0, 1 and mask 1, 0, 1 must come 1, 0, 1. Two things "
            "happen to the running sum: it is carried on to the token before, and it "
            "is written down. Which of the two may the mask touch?",
            "Add the reward to the running sum and leave that as it is; append the "
            "sum times the mask.",
        ),
        wrong=(
            Wrong(_lost_at_the_world, "published mistake"),
            Wrong(
                lambda r, m: returns_over_tokens(r, [1] * len(m)),
                "world's tokens have numbers as well",
            ),
            Wrong(lambda r, m: r, "own reward only"),
            Wrong(lambda r, m: [sum(r) * b for b in m], "return of the whole episode"),
            Wrong(
                lambda r, m: [sum(r[: t + 1]) * b for t, b in enumerate(m)],
                "from the front",
            ),
            Wrong(
                lambda r, m: [sum(r[t + 1 :]) * b for t, b in enumerate(m)],
                "own reward is left out",
            ),
            Wrong(lambda r, m: returns_over_tokens(r, m)[::-1], "back to front"),
            Wrong(
                lambda r, m: returns_over_tokens(r, [1 - b for b in m]),
                "mask is inverted",
            ),
        ),
        difficulty=2,
        importance=5,
        minutes=10,
    ),
    Exercise(
        name="same_room",
        check=check_same_room,
        reference=same_room,
        hints=(
            "Two turns in the hall with 1 and 0 must get +0.5 and -0.5. The first can "
            "be compared only when the second is known, so go through the turns twice.",
            "First collect for each room the list of its returns to go; then subtract "
            "from each turn the mean of its room's list.",
        ),
        wrong=(
            Wrong(lambda r, v: np.subtract(v, np.mean(v)), "compared with one mean"),
            Wrong(_alone_keeps_all, "met once keeps its whole"),
            Wrong(lambda r, v: _of_rooms(np.mean, r, v), "means of the rooms alone"),
            Wrong(
                lambda r, v: _without_itself(r, v, lambda x: x),
                "and a room met once keeps",
            ),
            Wrong(
                lambda r, v: _without_itself(r, v, lambda x: 0.0), "That is RLOO's way"
            ),
            Wrong(lambda r, v: np.negative(same_room(r, v)), "sign is turned"),
            Wrong(_so_far, "so far only"),
            Wrong(_room_by_room, "stand room by room"),
            Wrong(
                lambda r, v: [
                    a / (s or 1)
                    for a, s in zip(
                        same_room(r, v), _of_rooms(np.std, r, v), strict=True
                    )
                ],
                "divided by the deviation",
            ),
            Wrong(
                lambda r, v: np.subtract(v, _of_rooms(sum, r, v)), "sum of the room;"
            ),
            Wrong(
                lambda r, v: np.subtract(v, np.divide(_of_rooms(sum, r, v), len(v))),
                "by the number of all turns",
            ),
        ),
        difficulty=3,
        importance=3,
        minutes=15,
    ),
)
"""In the order of the lesson."""
