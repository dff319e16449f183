"""Checks of exercises: they try a learner's function and name what went wrong.

A check compares properties, never with a stored solution, and returns a `Verdict`
instead of raising, so that a notebook with an unfinished exercise runs to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.episodes.record import Episode
from toolkit.lessons.show import styled
from toolkit.page import escape

Mask = Callable[[Sequence[tuple[int, int]]], Sequence[int]]
ReturnsToGo = Callable[[Sequence[float], float], Sequence[float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a check found."""

    passed: bool
    """Whether the answer is right."""
    message: str
    """What is right, or which misconception was hit and what to think about."""

    def __repr__(self) -> str:
        return f"{'Right' if self.passed else 'Not yet'}: {self.message}"

    def _repr_html_(self) -> str:
        kind = "verdict passed" if self.passed else "verdict"
        head, _, rest = repr(self).partition(":")
        text = f"<strong>{head}:</strong>{escape(rest)}"
        return styled(f'<p class="{kind}">{text}</p>')


def check_gradient_tokens(guess: int, episode: Episode) -> Verdict:
    """Check how many tokens of an episode get a gradient.

    Args:
        guess: The learner's number.
        episode: Played by a model.
    """
    sampled = sum(len(turn.action_ids) for turn in episode.turns)
    total, turns = len(episode.ids), len(episode.turns)
    known = {
        sampled: "exactly the tokens that the policy sampled, end tokens included.",
        total: "that is every token. The policy cannot change what the world says.",
        total
        - sampled: "those are the world's tokens. The policy did not choose them.",
        turns: "that counts commands. Each command is several tokens.",
        sampled - turns: "that leaves out the token that ends each command. The policy "
        "samples it too, and must learn when to stop.",
        len(episode.turns[-1].action_ids): "that is the last command only. All turns "
        "led to the end, so all of them are trained.",
    }
    near = "close, but count the marked tokens." if abs(guess - sampled) <= 3 else ""
    message = known.get(guess, near or f"{sampled} of {total}, those marked in green.")
    return Verdict(passed=guess == sampled, message=message)


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
        (0.25, 0.25, 0.25): "every turn gets the return of the whole episode. What was "
        "paid before a turn is not its merit.",
        (0.0, 0.0, 0.25): "it discounts from the start of the episode, or adds up from "
        "the front. Seen from the last turn, its reward is not delayed at all.",
        (0.0, 0.0, 1.0): "each turn gets its own reward only. The coin is also the "
        "merit of the steps that led to it.",
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
        if len(found) != len(rewards) or not np.allclose(
            found, [r + discount * after for r, after in pairs]
        ):
            return not_yet(
                "each number must be the turn's own reward plus the discount times "
                f"the number of the next turn. Look at rewards "
                f"{[round(r, 2) for r in rewards]}, discount {discount:.2f}."
            )
    return right("each turn is paid for what follows, and less for what is far away.")


def attempt(
    function: Callable[..., Any], *args: Any, one_per: tuple[int, str] | None = None
) -> tuple[list[float], Verdict | None]:
    """Call a learner's function.

    Args:
        function: The learner's.
        *args: What it gets.
        one_per: How many numbers there must be, and of what each is one.

    Returns:
        The numbers, and a verdict if they are none or it raised.
    """
    try:
        found = list(function(*args))
        if not all(isinstance(v, (bool, int, float, np.number)) for v in found):
            return [], not_yet("the list must hold numbers.")
        if one_per and len(found) != one_per[0]:
            count, things = one_per
            return [], not_yet(
                f"{len(found)} numbers came back for {count} {things}; one each is "
                "needed."
            )
        return found, None
    except TypeError as error:
        return [], not_yet(f"a list of numbers is needed ({error}).")
    except Exception as error:  # whatever a learner's code may raise
        return [], not_yet(f"it stopped with {type(error).__name__}: {error}")


def right(message: str) -> Verdict:
    """Say that an answer is right."""
    return Verdict(passed=True, message=message)


def not_yet(message: str) -> Verdict:
    """Say what an answer lacks."""
    return Verdict(passed=False, message=message)


def caught(message: str) -> Verdict | None:
    """Say which misconception was caught, if any was."""
    return not_yet(message) if message else None
