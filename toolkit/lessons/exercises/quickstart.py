"""The exercises of lesson 00: which tokens are trained, and what a turn earned."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode, StopReason, Turn
from toolkit.lessons.checks import Verdict, agree, attempt, caught, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong

Mask = Callable[[Sequence[tuple[int, int]]], Sequence[int]]
ReturnsToGo = Callable[[Sequence[float], float], Sequence[float]]


def check_gradient_tokens(guess: int, episode: Episode) -> Verdict:
    """Check how many tokens of an episode get a gradient.

    Args:
        guess: The learner's number.
        episode: Played by a model.
    """
    sampled = sum(len(turn.action_ids) for turn in episode.turns)
    total, turns = len(episode.ids), len(episode.turns)
    known = {
        total: "that is every token. The policy cannot change what the world says.",
        total
        - sampled: "those are the world's tokens. The policy did not choose them.",
        turns: "that counts commands. Each command is several tokens.",
        sampled - turns: "that leaves out the token that ends each command. The policy "
        "samples it too, and must learn when to stop.",
        len(episode.turns[-1].action_ids): "that is the last command only. All turns "
        "led to the end, so all of them are trained.",
    }
    if not isinstance(guess, (int, float, np.number)):
        return not_yet("one number is needed.")
    if guess == sampled:
        return right("exactly the tokens that the policy sampled, end tokens included.")
    near = "close, but count the marked tokens." if abs(guess - sampled) <= 3 else ""
    return not_yet(
        known.get(guess, near or f"{sampled} of {total}, those marked in green.")
    )


def check_action_mask(function: Mask) -> Verdict:
    """Check a function that builds the action mask of an episode.

    Args:
        function: Gets for each turn the number of tokens of the observation and of
            the action; returns one number per token, 1 where it is trained.
    """
    turns = [(3, 2), (4, 1), (2, 3)]
    found, problem = attempt(function, turns)
    if problem:
        return problem
    total, sampled = 15, 6
    wrong = ""
    if len(found) == total - turns[0][0]:
        wrong = "the first observation is missing; it needs its zeros as well."
    elif len(found) != total:
        wrong = (
            f"{len(found)} numbers came back for {total} tokens; one each is needed."
        )
    elif set(found) - {0, 1}:
        wrong = "a mask holds only 0 and 1."
    elif list(found) == [1 - m for m in _mask(turns)]:
        wrong = "it is inverted: 1 belongs on what the policy sampled."
    elif sum(found) == total:
        wrong = (
            "the world's tokens are trained as well; the policy did not choose them."
        )
    elif list(found) == [0] * (total - turns[-1][1]) + [1] * turns[-1][1]:
        wrong = "only the last action is trained; every turn needs its share."
    elif sum(found) != sampled:
        wrong = f"{sum(found)} tokens are trained, but {sampled} were sampled."
    elif list(found) != _mask(turns):
        wrong = "the count is right, the places are not: in each turn the observation "
        wrong += "comes first, then the action."
    return caught(wrong) or _mask_in_general(function)


def _mask(turns: Sequence[tuple[int, int]]) -> list[int]:
    """Lay each turn out: zeros for what was read, ones for what was said."""
    return [bit for seen, said in turns for bit in [0] * seen + [1] * said]


def _mask_in_general(function: Mask) -> Verdict:
    """Check on random episodes that nothing was fitted to the example."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        size = int(rng.integers(1, 7))
        turns = [(int(a), int(b)) for a, b in rng.integers(1, 9, size=(size, 2))]
        found, problem = attempt(function, turns)
        if problem:
            return problem
        if list(found) != _mask(turns):
            return not_yet(f"it works on one example, but not on {turns}.")
    return right("zeros where the world speaks, ones where the policy does.")


def check_returns_to_go(function: ReturnsToGo) -> Verdict:
    """Check a function that computes the discounted return from each turn on.

    Args:
        function: Gets the rewards of the turns and the discount; returns as many
            numbers.
    """
    found, problem = attempt(function, [0.0, 0.0, 1.0], 0.5, one_per=(3, "turns"))
    if problem:
        return problem
    known: dict[tuple[float, ...], str] = {
        (1.0, 1.0, 1.0): "the discount is not used: a coin two turns away is worth as "
        "much as one at hand.",
        (0.25, 0.25, 0.25): "every turn gets what the whole episode is worth at its "
        "start. For each turn, add up from there on, and discount from there on.",
        (0.0, 0.0, 0.25): "it discounts from the start of the episode, or adds up from "
        "the front. Seen from the last turn, its reward is not delayed at all.",
        (0.0, 0.0, 1.0): "each turn gets its own reward only, or also what was paid "
        "before it. The coin is also the merit of the steps that led to it.",
        (0.5, 1.0, 0.0): "a turn's own reward is left out. It is not delayed, so it "
        "counts in full.",
        (1.0, 0.5, 0.25): "the order is reversed: the turn next to the coin deserves "
        "the most.",
    }
    rounded = tuple(round(float(v), 6) for v in found)
    return caught(known.get(rounded, "")) or _returns_in_general(function)


def _returns_in_general(function: ReturnsToGo) -> Verdict:
    """Check the recurrence G_k = r_k + discount * G_(k+1) on random rewards."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        rewards = [float(r) for r in rng.normal(size=int(rng.integers(1, 8)))]
        discount = float(rng.uniform(0.1, 1.0))
        found, problem = attempt(function, list(rewards), discount)
        if problem:
            return problem
        following = [*found[1:], 0.0]
        pairs = zip(rewards, following, strict=False)
        if not agree(found, [r + discount * after for r, after in pairs]):
            return not_yet(
                "each number must be the turn's own reward plus the discount times "
                f"the number of the next turn. Look at rewards "
                f"{[round(r, 2) for r in rewards]}, discount {discount:.2f}."
            )
    return right("each turn is paid for what follows, and less for what is far away.")


# ---- reference answers ---------------------------------------------------------------


def guess(episode):
    return sum(len(turn.action_ids) for turn in episode.turns)


def action_mask(turns):
    mask = []
    for seen, sampled in turns:
        mask += [0] * seen + [1] * sampled
    return mask


def returns_to_go(rewards, discount):
    following, found = 0.0, []
    for reward in reversed(rewards):
        following = reward + discount * following
        found.append(following)
    return found[::-1]


# ---- wrong answers -------------------------------------------------------------------


def _only_last(turns):
    total, last = sum(map(sum, turns)), turns[-1][1]
    return [0] * (total - last) + [1] * last


def _without_ends(turns):
    return [b for seen, said in turns for b in [0] * seen + [1] * (said - 1) + [0]]


def _from_the_start(rewards, discount):
    paid = [discount**i * r for i, r in enumerate(rewards)]
    return [sum(paid[: k + 1]) for k in range(len(rewards))]


def _played():
    """Return an episode of three turns, with numbers in place of tokens."""
    turns = [
        Turn(
            observation="o", completion="c", action="c", reward=0.0,
            observation_ids=(1,) * seen, action_ids=(2,) * said,
            logprobs=(0.0,) * said,
        )
        for seen, said in [(10, 4), (6, 5), (7, 2)]
    ]  # fmt: skip
    task = Task(env="toy", seed=1)
    return (Episode(task=task, turns=tuple(turns), stop_reason=StopReason.LOST),)


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="guess",
        check=check_gradient_tokens,
        context=("episode",),
        example=_played,
        reference=guess,
        hints=(
            "Who wrote a token: the world, or the model? Only one of them is trained.",
            "Each turn of the episode has `action_ids`, the tokens that the model "
            "sampled. Count them in all turns.",
        ),
        wrong=(
            Wrong(lambda e: len(e.ids), "every token"),
            Wrong(lambda e: len(e.ids) - guess(e), "the world's tokens"),
            Wrong(lambda e: len(e.turns), "counts commands"),
            Wrong(lambda e: guess(e) - len(e.turns), "ends each command"),
            Wrong(lambda e: len(e.turns[-1].action_ids), "last command only"),
        ),
        difficulty=1,
        importance=4,
        minutes=3,
    ),
    Exercise(
        name="action_mask",
        check=check_action_mask,
        reference=action_mask,
        hints=(
            "For a turn of 3 tokens seen and 2 sampled the mask is 0 0 0 1 1. What is "
            "it for two such turns?",
            "In each turn, add `seen` zeros first, and then `sampled` ones.",
        ),
        wrong=(
            Wrong(lambda turns: [1 - m for m in action_mask(turns)], "inverted"),
            Wrong(
                lambda turns: [1] * sum(map(sum, turns)),
                "the world's tokens are trained",
            ),
            Wrong(_only_last, "only the last action"),
            Wrong(
                lambda turns: action_mask(turns)[turns[0][0] :],
                "first observation is missing",
            ),
            Wrong(lambda turns: [2 * m for m in action_mask(turns)], "only 0 and 1"),
            Wrong(
                lambda turns: [b for o, a in turns for b in [1] * a + [0] * o],
                "places are not",
            ),
            Wrong(_without_ends, "3 tokens are trained"),
        ),
        difficulty=1,
        importance=5,
        minutes=5,
    ),
    Exercise(
        name="returns_to_go",
        check=check_returns_to_go,
        reference=returns_to_go,
        hints=(
            "Begin with the last turn: nothing comes after it. Then ask what the turn "
            "before it adds.",
            "Walk through the rewards from the end. Each number is the turn's own "
            "reward plus the discount times the number of the turn after it.",
        ),
        wrong=(
            Wrong(lambda r, d: returns_to_go(r, 1.0), "the discount is not used"),
            Wrong(
                lambda r, d: [returns_to_go(r, d)[0]] * len(r),
                "discount from there on",
            ),
            Wrong(_from_the_start, "from the start"),
            Wrong(lambda r, d: r, "own reward only"),
            Wrong(
                lambda r, d: [*returns_to_go(r, d)[1:], 0.0], "own reward is left out"
            ),
            Wrong(lambda r, d: returns_to_go(r, d)[::-1], "order is reversed"),
        ),
        difficulty=2,
        importance=4,
        minutes=10,
    ),
)
"""In the order of the lesson."""
