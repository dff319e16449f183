"""The exercises of lesson 10: surprises, chains over tokens, a critic and its loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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

Numbers = Sequence[float]
Bits = Sequence[int]
Surprises = Callable[[Numbers, Numbers, Bits], Numbers]
Chain = Callable[[Numbers, Bits, float], Numbers]
Explained = Callable[[np.ndarray, np.ndarray], float]
ValueLoss = Callable[[float, float, float, float], float]
Known = Sequence[tuple[Any, str]]


def check_surprises(function: Surprises) -> Verdict:
    """Check a function that computes the surprise of each turn.

    Args:
        function: Gets the rewards and values of turns, episode after episode, and 1
            for the last turn of each; returns as many surprises.
    """
    rewards, values = [0.0, 0.0, 1.0, 0.0, 0.5], [0.2, 0.5, 0.7, 0.3, 0.1]
    last = [0, 0, 1, 0, 1]
    given = list(rewards), list(values), list(last)
    found, problem = attempt(function, *given, one_per=(5, "turns"))
    if problem:
        return problem
    known = [
        ([0.3, 0.2, 0.6, -0.2, 0.4], "after its last turn an episode has nothing left "
         "to expect, and here stands the value of the next episode, or the last of "
         "all."),
        ([0.3, 0.2, 1.0, -0.2, 0.5], "after the last turn you expect what you expected "
         "before it. The game is over: nothing more is to come."),
        ([0.3, 0.2, 0.0, -0.2, 0.0], "the last turns are left out. They are what the "
         "critic learns most from: the game has ended and all is known."),
        ([-0.2, -0.5, 0.3, -0.3, 0.4], "what is expected after the turn is missing. So "
         "a good step is blamed because its pay comes later."),
        ([0.3, 0.2, -0.7, -0.2, -0.1], "what was paid is missing."),
        ([-0.3, -0.2, -0.3, 0.2, -0.4], "the sign is turned: what came, minus what was "
         "expected."),
    ]  # fmt: skip
    return caught(_recognised(found, known)) or _agrees(
        function,
        surprises,
        _some_turns,
        "a surprise is pay plus the value after the turn minus the value before it, "
        "and after a last turn there is no value",
        "each turn answers for what it changed, and the last for the end.",
    )


def check_chain(function: Chain) -> Verdict:
    """Check a function that adds up surprises over the tokens of an agent.

    Args:
        function: Gets one surprise and one bit of the action mask per token, and the
            factor per step; returns as many advantages.
    """
    mask, paid = [1, 1, 0, 0, 1, 1], [2.0, 4.0, 0.0, 0.0, 0.0, 8.0]
    given = list(paid), list(mask), 0.5
    found, problem = attempt(function, *given, one_per=(6, "tokens"))
    if problem:
        return problem
    known = [
        ([4, 4, 0, 0, 4, 8], "the chain breaks where the world speaks, and the first "
         "turn hears nothing of the second. Mask what you write down, not what you "
         "carry."),
        ([4.25, 4.5, 0, 0, 4, 8], "the world's tokens count as steps: at each, what is "
         "carried is multiplied. Long texts would make an agent short-sighted."),
        ([5, 6, 4, 4, 4, 8], "the world's tokens have advantages. Nobody chose them."),
        ([4.25, 4.5, 1, 2, 4, 8], "the world's tokens count as steps and have "
         "advantages. The chain is to pass over them."),
        ([14, 12, 0, 0, 8, 8], "nothing becomes smaller on its way. Each step back "
         "multiplies by the factor."),
        ([2.5, 3, 0, 0, 2, 4], "a token's own surprise is multiplied, too. It counts "
         "in full; the factor is for what came later."),
        ([2, 5, 0, 0, 2.5, 9.25], "it adds up from the front: a token is not to be "
         "praised for what came before it."),
        (paid, "each token has its own surprise only: that is a factor of 0."),
    ]  # fmt: skip
    return caught(_recognised(found, known)) or _agrees(
        function,
        chain_over_tokens,
        _some_tokens,
        "an advantage is the token's surprise plus the factor times the advantage of "
        "the agent's next token",
        "the chain runs over the agent's tokens alone, from the end to the start.",
    )


def check_explained(function: Explained) -> Verdict:
    """Check a function that computes the explained variance.

    Args:
        function: Gets values and what was earned after each, as arrays `(N,)`, which
            the lesson has, too; returns one number.
    """
    v, r = np.array([3.0, 1.0, 0.5, 2.0]), np.array([0.0, 2.0, 1.0, 1.5])
    found, problem = attempt_number(function, v.copy(), r.copy())
    if problem:
        return problem
    known = [
        ((r - v).var() / r.var(), "that share was not foreseen. Take it from 1."),
        (1 - ((r - v) ** 2).mean() / r.var(), "a critic that is always too high by "
         "the same number would be blamed for it. Take the variance of what is left, "
         "which does not see that."),
        (1 - (r - v).var() / v.var(), "it is divided by the variance of the values. A "
         "critic could make that large by itself. What was there to explain?"),
        (np.corrcoef(v, r)[0, 1] ** 2, "that is the correlation squared. It gives 1 to "
         "a critic that has everything upside down."),
        (v.var() / r.var(), "that says how much the values vary, not whether they "
         "vary with what was earned."),
        (1 - (r - v).std() / r.std(), "these are deviations; take their squares."),
        (1 - (r - v).var(), "what is left is no share yet. How much was there to "
         "explain?"),
    ]  # fmt: skip
    return caught(_recognised(found, known)) or _agrees(
        function,
        explained,
        _some_values,
        "it is 1 minus the variance of what is left over the variance of what was "
        "earned",
        "1 is perfect, 0 is what a constant does, and below 0 a constant is better.",
    )


def check_value_loss(function: ValueLoss) -> Verdict:
    """Check a function that computes PPO's clipped loss of one value.

    Args:
        function: Gets the value now and when the game was played, the target and how
            far a value may move; returns the loss.
    """
    cases = (0.5, 0.0, 1.0), (0.3, 0.0, -1.0), (0.6, 0.5, 0.9), (-0.5, 0.0, -1.0)
    tried = [attempt_number(function, *case, 0.2) for case in cases]
    if problem := next((problem for _, problem in tried if problem), None):
        return problem
    found = [number for number, _ in tried]
    known = [
        ([0.125, 0.845, 0.045, 0.125], "nothing is clipped. The first value moved by "
         "0.5, where 0.2 are allowed."),
        ([0.125, 0.72, 0.045, 0.125], "you take the smaller error. That lets a value "
         "go far, and forgets one that went the wrong way."),
        ([0.32, 0.72, 0.045, 0.32], "only the clipped error is left. A value that "
         "moved away from its target (the second) must still be drawn back."),
        ([0.32, 0.845, 0.245, 0.32], "the value is clipped around 0. It is to stay "
         "near what it was when the game was played."),
        ([0.02] * 4, "the value is held near its target. It is to stay near what it "
         "was when the game was played."),
        ([0.2225, 0.7825, 0.045, 0.2225], "that is the mean of both errors, which "
         "draws a value on that has gone far enough. Take the larger one."),
        ([0.64, 1.69, 0.09, 0.64], "the half is missing."),
        ([0.4, 0.65, 0.15, 0.4], "errors are to be squared."),
    ]  # fmt: skip
    return caught(_recognised(found, known)) or _agrees(
        function,
        value_loss,
        _some_value,
        "it is half of the larger of two squared errors: of the value, and of the "
        "value held within the clip of what it was",
        "far enough towards the target is enough; away from it is never free.",
    )


# ---- parts of checks -----------------------------------------------------------------


def _recognised(found: Sequence[float] | float, known: Known) -> str:
    """Return what to say to an answer that is one of those known."""
    return next((t for v, t in known if np.allclose(found, v, atol=1e-6)), "")


def _agrees(
    function: Callable[..., Any],
    truth: Callable[..., Any],
    draw: Callable[[np.random.Generator], tuple[Any, ...]],
    rule: str,
    praise: str,
) -> Verdict:
    """Compare with the right answer on random arguments."""
    rng = np.random.default_rng(0)
    for _ in range(30):
        given = draw(rng)
        wanted = truth(*given)
        copies = [list(v) if isinstance(v, list) else v for v in given]
        one = np.ndim(wanted) == 0
        found, problem = (attempt_number if one else attempt)(function, *copies)
        if problem:
            return problem
        if not agree([*np.ravel(found)], np.ravel(wanted)):
            return not_yet(f"{rule}. Look at {', '.join(map(str, given))}.")
    return right(praise)


def _numbers(rng: np.random.Generator, size: int) -> list[float]:
    return [round(float(v), 2) for v in rng.normal(size=size)]


def _some_turns(rng: np.random.Generator) -> tuple[Any, ...]:
    size = int(rng.integers(1, 9))
    last = [*(int(b) for b in rng.integers(0, 2, size=size - 1)), 1]
    return _numbers(rng, size), _numbers(rng, size), last


def _some_tokens(rng: np.random.Generator) -> tuple[Any, ...]:
    size = int(rng.integers(1, 12))
    mask = [int(b) for b in rng.integers(0, 2, size=size)]
    paid = [v if b else 0.0 for v, b in zip(_numbers(rng, size), mask, strict=True)]
    return paid, mask, round(float(rng.uniform()), 2)


def _some_values(rng: np.random.Generator) -> tuple[Any, ...]:
    size = int(rng.integers(3, 9))
    return np.array(_numbers(rng, size)), np.array(_numbers(rng, size))


def _some_value(rng: np.random.Generator) -> tuple[Any, ...]:
    return *_numbers(rng, 3), round(float(rng.uniform(0.1, 1)), 2)


# ---- reference answers ---------------------------------------------------------------


def surprises(rewards, values, last):
    after = [*values[1:], 0.0]
    return [
        reward + (0.0 if ends else then) - now
        for reward, now, then, ends in zip(rewards, values, after, last, strict=True)
    ]


def chain_over_tokens(surprises, mask, factor):
    running, found = 0.0, []
    for surprise, sampled in zip(reversed(surprises), reversed(mask), strict=True):
        if sampled:
            running = surprise + factor * running
        found.append(running if sampled else 0.0)
    return found[::-1]


def explained(values, earned):
    left = np.subtract(earned, values)
    return 1 - np.var(left) / np.var(earned)


def value_loss(now, then, target, clip):
    near = then + min(max(now - then, -clip), clip)
    return max((now - target) ** 2, (near - target) ** 2) / 2


# ---- wrong answers -------------------------------------------------------------------


def _ends(rewards, values, last, at_end):
    """Return surprises with something else at last turns."""
    found = surprises(rewards, values, last)
    rows = zip(found, rewards, values, last, strict=True)
    return [at_end(r, v) if ends else d for d, r, v, ends in rows]


def _stepped(paid, mask, factor, *, resets=False, steps=False, shown=False):
    """Return the chain with mistakes."""
    running, found = 0.0, []
    for surprise, sampled in zip(reversed(paid), reversed(mask), strict=True):
        if sampled or steps:
            running = surprise + factor * running
        elif resets:
            running = 0.0
        found.append(running if sampled or shown else 0.0)
    return found[::-1]


def _from_the_front(paid, mask, factor):
    return chain_over_tokens(paid[::-1], mask[::-1], factor)[::-1]


def _held(now, then, target, clip):
    """Return the errors of the value, and of the value within the clip."""
    near = then + float(np.clip(now - then, -clip, clip))
    return (now - target) ** 2, (near - target) ** 2


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="surprises",
        check=check_surprises,
        reference=surprises,
        hints=(
            "Three numbers make a surprise: what was paid, what is expected after the "
            "turn, what was expected before. Which of them is different at an end?",
            "The value after turn k is values[k + 1], but 0 if last[k] is 1.",
        ),
        wrong=(
            Wrong(lambda r, v, e: surprises(r, v, [0] * len(r)), "the next episode"),
            Wrong(lambda r, v, e: _ends(r, v, e, lambda pay, now: pay), "game is over"),
            Wrong(lambda r, v, e: _ends(r, v, e, lambda pay, now: 0.0), "left out"),
            Wrong(lambda r, v, e: np.subtract(r, v), "after the turn is missing"),
            Wrong(lambda r, v, e: surprises([0.0] * len(r), v, e), "paid is missing"),
            Wrong(lambda r, v, e: np.negative(surprises(r, v, e)), "sign is turned"),
        ),
        difficulty=2,
        importance=4,
        minutes=10,
    ),
    Exercise(
        name="chain_over_tokens",
        check=check_chain,
        reference=chain_over_tokens,
        hints=(
            "Go from the last token to the first and carry one number. What may happen "
            "to it at a token of the world? Nothing at all.",
            "At a sampled token: running = surprise + factor * running, and write it "
            "down. At any other write 0 and leave running as it is.",
        ),
        wrong=(
            Wrong(lambda p, m, f: _stepped(p, m, f, resets=True), "chain breaks"),
            Wrong(lambda p, m, f: _stepped(p, m, f, steps=True), "short-sighted"),
            Wrong(lambda p, m, f: _stepped(p, m, f, shown=True), "Nobody chose them"),
            Wrong(
                lambda p, m, f: _stepped(p, m, f, steps=True, shown=True),
                "count as steps and have advantages",
            ),
            Wrong(lambda p, m, f: chain_over_tokens(p, m, 1.0), "nothing becomes"),
            Wrong(
                lambda p, m, f: np.multiply(chain_over_tokens(p, m, f), f),
                "own surprise is multiplied",
            ),
            Wrong(_from_the_front, "from the front"),
            Wrong(lambda p, m, f: p, "factor of 0"),
        ),
        difficulty=3,
        importance=5,
        minutes=10,
    ),
    Exercise(
        name="explained",
        check=check_explained,
        reference=explained,
        hints=(
            "Begin with what is left when the values are subtracted from what was "
            "earned. How much does it vary, compared with what there was?",
            "1 - np.var(earned - values) / np.var(earned), with arrays.",
        ),
        wrong=(
            Wrong(lambda v, r: np.var(np.subtract(r, v)) / np.var(r), "Take it from 1"),
            Wrong(lambda v, r: 1 - np.mean((r - v) ** 2) / np.var(r), "by the same"),
            Wrong(lambda v, r: 1 - np.var(r - v) / np.var(v), "variance of the values"),
            Wrong(lambda v, r: np.corrcoef(v, r)[0, 1] ** 2, "upside down"),
            Wrong(lambda v, r: np.var(v) / np.var(r), "not whether they vary"),
            Wrong(lambda v, r: 1 - np.std(np.subtract(r, v)) / np.std(r), "deviations"),
            Wrong(lambda v, r: 1 - np.var(r - v), "no share yet"),
        ),
        difficulty=2,
        importance=4,
        minutes=5,
    ),
    Exercise(
        name="value_loss",
        check=check_value_loss,
        reference=value_loss,
        hints=(
            "There are two errors: of the value as it is, and of the value held within "
            "`clip` of what it was. Which of the two keeps a value from running away?",
            "near = then + (now - then cut to -clip … clip); half of the larger of "
            "(now - target)² and (near - target)².",
        ),
        wrong=(
            Wrong(lambda *c: _held(*c)[0] / 2, "nothing is clipped"),
            Wrong(lambda *c: min(_held(*c)) / 2, "smaller error"),
            Wrong(lambda *c: _held(*c)[1] / 2, "only the clipped error"),
            Wrong(lambda n, t, g, c: max(_held(n, 0.0, g, c)) / 2, "clipped around 0"),
            Wrong(lambda n, t, g, c: min(abs(n - g), c) ** 2 / 2, "near its target"),
            Wrong(lambda *c: sum(_held(*c)) / 4, "mean of both errors"),
            Wrong(lambda *c: max(_held(*c)), "half is missing"),
            Wrong(lambda *c: max(_held(*c)) ** 0.5 / 2, "to be squared"),
        ),
        difficulty=3,
        importance=3,
        minutes=10,
    ),
)
"""In the order of the lesson."""
