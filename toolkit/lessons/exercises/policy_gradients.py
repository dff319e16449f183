"""The exercises of lesson 05: a push, the loss of PPO, a KL divergence."""

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
from toolkit.training.returns import Array

Push = Callable[[Sequence[float], int, float], Sequence[float]]
ClippedLoss = Callable[[Array, Array, Array, float], float]
K3 = Callable[[Array, Array], Sequence[float]]


def check_push(function: Push) -> Verdict:
    """Check a function that says how one word pushes the logits it was sampled from.

    Args:
        function: Gets the chances of all words, the number of the word that was said,
            and its advantage; returns one push per logit, upwards positive.
    """
    chances, said, advantage = _WORD
    args = list(chances), said, advantage
    found, problem = attempt(function, *args, one_per=(3, "logits"))
    if problem:
        return problem
    p, hit = np.array(chances), np.array([0.0, 1.0, 0.0])
    push = advantage * (hit - p)
    alone = ("only the word that was said is pushed. Chances add up to 1: what one "
             "gains, the others lose, each as much as its chance.")  # fmt: skip
    known = [
        (-push, "the sign is turned. That is the gradient of the loss, which an "
         "optimiser walks down; asked is which way the logits are to go."),
        (advantage * hit, alone),
        (push * hit, alone),
        (advantage * np.where(hit, 1, -p), "the word that was said gets 1 minus its "
         "own chance: pushes add up to 0."),
        (hit - p, "the advantage is not used, so blame would push up like praise."),
        (push * p[said], "that is the gradient of the chance. Asked is that of its "
         "logarithm, or rare words would hardly learn."),
        (advantage * hit / p, "that is how the logarithm grows with the chance. The "
         "weights make logits, and one logit changes all chances."),
        (advantage * (hit - np.exp(p) / np.exp(p).sum()), "these are chances already, "
         "not logits: no softmax is needed."),
        (advantage * p, "nothing here says which word was said."),
        (advantage * (hit - 1 / 3), "all others lose alike. Each loses as much as its "
         "chance."),
    ]  # fmt: skip
    return caught(_which(found, known)) or _push_in_general(function)


_WORD = [0.5, 0.3, 0.2], 1, -2.0
"""Chances, the word that was said, and its advantage."""


def _push_in_general(function: Push) -> Verdict:
    """Check `advantage * (1 if it is the word else 0 - chance)` on random words."""
    rng = np.random.default_rng(0)
    words = [_WORD]
    for size in rng.integers(2, 7, size=20).tolist():
        chances = rng.dirichlet(np.ones(size)).tolist()
        words.append((chances, int(rng.integers(size)), float(rng.normal())))
    for chances, said, advantage in words:
        found, problem = attempt(function, list(chances), said, advantage)
        if problem:
            return problem
        push = advantage * (np.eye(len(chances))[said] - chances)
        if not agree(found, push):
            return not_yet(
                "each logit must get the advantage times: 1 for the word that was "
                "said, 0 for others, minus its chance. Look at the chances "
                f"{[round(p, 2) for p in chances]}, word {said}, advantage "
                f"{advantage:.2f}."
            )
    return right("praise lifts one word and lowers the rest; the pushes add up to 0.")


def check_clipped_loss(function: ClippedLoss) -> Verdict:
    """Check a function that computes the clipped loss of PPO.

    Args:
        function: Gets log-probabilities now and at the rollout, advantages `(n,)`
            each, and epsilon; returns one number.
    """
    found: list[float] = []
    wrong = []
    for batch in _BATCHES:
        number, problem = _loss(function, *batch, 0.2)
        if problem:
            return problem
        found.append(number)
        wrong.append(_wrong_losses(*batch, 0.2))
    pairs = zip(*wrong, strict=True)
    known = [([one, other], text) for (one, text), (other, _) in pairs]
    return caught(_which(found, known)) or _clipped_loss_in_general(function)


_OLD = np.log([0.5, 0.5, 0.4, 0.6, 0.3, 0.2])
_NEW = _OLD + np.log([1.5, 0.5, 1.6, 0.4, 1.1, 1.0])
_BATCHES = [
    (_NEW, _OLD, np.array([1.0, 1.0, -1.0, -2.0, 2.0, -0.5])),
    (_NEW, _OLD, np.array([1.0, 1.0, -3.0, -0.5, 2.0, -0.5])),
]
"""The clip makes the mean smaller in one of them and larger in the other."""


def _wrong_losses(
    new: Array, old: Array, advantages: Array, epsilon: float
) -> list[tuple[Any, str]]:
    """Return what misconceptions lead to, and what to say about each."""
    ratio = np.exp(new - old)
    free, near = (r * advantages for r in (ratio, _near_one(ratio, epsilon)))
    least, most = np.minimum(free, near), np.maximum(free, near)
    in_logs = np.exp(np.clip(new - old, -epsilon, epsilon)) * advantages
    turned = np.minimum(advantages / ratio, _near_one(1 / ratio, epsilon) * advantages)
    log_ratio = new - old
    logs = log_ratio * advantages, _near_one(log_ratio, epsilon) * advantages
    quotient = [r * advantages for r in (new / old, _near_one(new / old, epsilon))]
    missing = "logarithms are compared as if they were the ratio; exp is missing."
    return [
        (least.mean(), "the minus sign is missing. An optimiser makes the loss small, "
         "and this is what is to become large."),
        (-most.mean(), "the larger of the two is taken. The smaller counts: the clip "
         "may take a reward away, never add one."),
        (-np.where(advantages < 0, most, least).mean(), "for blame the larger of the "
         "two products is taken. It is the smaller one always: multiply by the "
         "advantage first, and its sign is in."),
        (-near.mean(), "the clipped one alone. A word that went the wrong way, beyond "
         "the edge, could never come back. Take the smaller of the two."),
        (-free.mean(), "nothing is clipped."),
        (-np.minimum(free, in_logs).mean(), "the logarithm of the ratio is clipped. "
         "The edges are 1 - epsilon and 1 + epsilon of the ratio itself."),
        (-min(free.mean(), near.mean()), "it is averaged before the smaller one is "
         "chosen. Each word has its own edge."),
        (-least.sum(), "that is the sum. The mean over words does not grow with the "
         "batch."),
        (-np.minimum(free, _near_one(free, epsilon)).mean(), "the product is clipped. "
         "The edges are those of the ratio: clip it, then multiply."),
        (-np.minimum(*quotient).mean(), "one logarithm is divided by the other. The "
         "ratio is of chances: exp of the difference."),
        (-turned.mean(), "the ratio is upside down: now over then."),
        (-logs[0].mean(), missing),
        (-np.minimum(*logs).mean(), missing),
    ]  # fmt: skip


def _near_one(ratio: Array, epsilon: float) -> Array:
    return np.clip(ratio, 1 - epsilon, 1 + epsilon)


def _clipped_loss_in_general(function: ClippedLoss) -> Verdict:
    """Check eq. 7 of https://arxiv.org/abs/1707.06347 on random words."""
    rng = np.random.default_rng(0)
    batches = [(*_BATCHES[0], 0.2)]
    for size in rng.integers(1, 8, size=20):
        new, old = np.log(rng.uniform(0.1, 1.0, size=(2, size)))
        batches.append((new, old, rng.normal(size=size), rng.uniform(0.05, 0.4)))
    for new, old, advantages, epsilon in batches:
        found, problem = _loss(function, new, old, advantages, epsilon)
        if problem:
            return problem
        ratio = np.exp(new - old)
        pair = ratio * advantages, _near_one(ratio, epsilon) * advantages
        if not agree([found], [-np.minimum(*pair).mean()]):
            return not_yet(
                "it must be minus the mean of: ratio times advantage, or clipped ratio "
                f"times advantage, whichever is smaller. Look at the ratios "
                f"{ratio.round(2).tolist()}, advantages "
                f"{advantages.round(2).tolist()}, epsilon {epsilon:.2f}."
            )
    return right("a word that has gone far enough is let go, and may always come back.")


def check_k3(function: K3) -> Verdict:
    """Check a function that estimates the KL divergence word by word.

    Args:
        function: Gets log-probabilities `(n,)` of sampled words under the policy that
            sampled them and under the reference; returns one estimate per word.
    """
    new, ref = _POLICIES
    found, problem = attempt(function, new.copy(), ref.copy(), one_per=(3, "words"))
    if problem:
        return problem
    gap, ratio = ref - new, np.exp(ref - new)
    k3 = ratio - 1 - gap
    known = [
        (-gap, "that is k1: right on average, but below zero for every word that has "
         "become rarer."),
        (np.abs(gap), "that is the size of k1, which is too large on average."),
        (np.maximum(-gap, 0), "what is below zero was cut off, so the mean is too "
         "large."),
        (gap**2 / 2, "that is k2: never negative, but wrong on average."),
        (1 / ratio - 1 + gap, "the ratio is upside down: reference over policy, since "
         "the policy sampled the words."),
        (ratio - 1 + gap, "the logarithm has the wrong sign; for a ratio above 1 it "
         "must take away nearly all of what r - 1 gives."),
        (-k3, "the sign is turned: a divergence is never below zero."),
        (ratio - 1, "r - 1 alone is 0 on average. It is what is added to k1 to calm "
         "it."),
        (ratio - gap, "the 1 is missing: equal policies must give 0."),
    ]  # fmt: skip
    return caught(_which(found, known)) or _k3_in_general(function)


_POLICIES = np.log([[0.6, 0.4, 0.5], [0.3, 0.7, 0.45]])
"""Chances of three words, under the policy and under the reference."""


def _k3_in_general(function: K3) -> Verdict:
    """Check `r - 1 - log r` on random words."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 8, size=20)
    words = [np.log(rng.uniform(0.05, 1.0, size=(2, size))) for size in sizes]
    for new, ref in (_POLICIES, *words):
        found, problem = attempt(function, new.copy(), ref.copy())
        if problem:
            return problem
        gap = ref - new
        if not agree(found, np.exp(gap) - 1 - gap):
            return not_yet(
                "each number must be r - 1 - log r, with r the chance under the "
                "reference over that under the policy. Look at r = "
                f"{np.exp(gap).round(2).tolist()}."
            )
    return right("right on average, calm while policies are close, never below zero.")


def _loss(function: ClippedLoss, *batch: Any) -> tuple[float, Verdict | None]:
    """Call a learner's loss with copies, so that it may write into what it gets."""
    *arrays, epsilon = batch
    return attempt_number(function, *(part.copy() for part in arrays), epsilon)


def _which(found: Sequence[float], known: Sequence[tuple[Any, str]]) -> str:
    """Return what is known about these numbers, if anything is."""
    return next((text for v, text in known if np.allclose(found, v, atol=1e-6)), "")


# ---- reference answers ---------------------------------------------------------------


def push_logits(chances, said, advantage):
    hit = [float(i == said) for i in range(len(chances))]
    return [advantage * (h - p) for h, p in zip(hit, chances, strict=True)]


def clipped_loss(log_now, log_then, advantages, epsilon):
    ratio = np.exp(log_now - log_then)
    clipped = np.clip(ratio, 1 - epsilon, 1 + epsilon)
    return -np.mean(np.minimum(ratio * advantages, clipped * advantages))


def k3(log_policy, log_reference):
    log_ratio = log_reference - log_policy
    return np.exp(log_ratio) - 1 - log_ratio


# ---- wrong answers -------------------------------------------------------------------


def _score(chances, said):
    return np.eye(len(chances))[said] - chances


def _both(new, old, a, e):
    ratio = np.exp(new - old)
    return ratio * a, _near_one(ratio, e) * a


def _clipped_in_logs(new, old, a, e):
    near = np.exp(np.clip(new - old, -e, e)) * a
    return -np.minimum(np.exp(new - old) * a, near).mean()


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="push_logits",
        check=check_push,
        reference=push_logits,
        hints=(
            "Look at section 3 again: what is the push on the word that was said, and "
            "what on the others of the same room?",
            "1 for the word that was said and 0 for the others, minus its chance, all "
            "times the advantage.",
        ),
        wrong=(
            Wrong(lambda p, w, a: push_logits(p, w, -a), "gradient of the loss"),
            Wrong(lambda p, w, a: a * np.eye(len(p))[w], "only the word that was"),
            Wrong(lambda p, w, a: _score(p, w), "advantage is not used"),
            Wrong(lambda p, w, a: a * p[w] * _score(p, w), "gradient of the chance"),
            Wrong(lambda p, w, a: a * np.eye(len(p))[w] / p, "the logarithm grows"),
            Wrong(
                lambda p, w, a: [a if i == w else -a * x for i, x in enumerate(p)],
                "1 minus its own chance",
            ),
            Wrong(
                lambda p, w, a: a * _score(np.exp(p) / np.exp(p).sum(), w),
                "no softmax is needed",
            ),
            Wrong(lambda p, w, a: [a * x for x in p], "nothing here says which word"),
            Wrong(
                lambda p, w, a: a * (np.eye(len(p))[w] - 1 / len(p)),
                "all others lose alike",
            ),
        ),
        difficulty=2,
        importance=4,
        minutes=5,
    ),
    Exercise(
        name="clipped_loss",
        check=check_clipped_loss,
        reference=clipped_loss,
        hints=(
            "Three steps: from logarithms to the ratio; two products with the "
            "advantage, one of them clipped; which of the two counts for each word.",
            "The ratio is exp(log_now - log_then). Take the smaller of ratio times "
            "advantage and clipped ratio times advantage, the mean of it, and minus "
            "that.",
        ),
        wrong=(
            Wrong(lambda *args: -clipped_loss(*args), "minus sign is missing"),
            Wrong(
                lambda *args: -np.maximum(*_both(*args)).mean(),
                "the larger of the two is taken. The smaller",
            ),
            Wrong(
                lambda n, o, a, e: -(np.minimum(np.exp(n - o), 1 + e) * a).mean(),
                "for blame the larger",
            ),
            Wrong(lambda *args: -_both(*args)[1].mean(), "clipped one alone"),
            Wrong(lambda *args: -_both(*args)[0].mean(), "nothing is clipped"),
            Wrong(_clipped_in_logs, "logarithm of the ratio is clipped"),
            Wrong(
                lambda *args: -min(values.mean() for values in _both(*args)),
                "averaged before",
            ),
            Wrong(lambda *args: -np.minimum(*_both(*args)).sum(), "that is the sum"),
            Wrong(lambda n, o, a, e: clipped_loss(o, n, a, e), "upside down"),
            Wrong(lambda n, o, a, e: -((n - o) * a).mean(), "exp is missing"),
            Wrong(
                lambda *args: (
                    -np.minimum(x := _both(*args)[0], _near_one(x, 0.2)).mean()
                ),
                "product is clipped",
            ),
            Wrong(
                lambda n, o, a, e: clipped_loss(np.log(n / o), 0, a, e),
                "divided by the other",
            ),
        ),
        difficulty=3,
        importance=5,
        minutes=10,
    ),
    Exercise(
        name="k3",
        check=check_k3,
        reference=k3,
        hints=(
            "With r, the chance under the reference over that under the policy: k1 is "
            "minus log r. Which simple function of r is 0 on average?",
            "The mean of r is 1 under the policy, so r - 1 may be added to "
            "minus log r.",
        ),
        wrong=(
            Wrong(lambda new, ref: new - ref, "that is k1"),
            Wrong(lambda new, ref: np.abs(new - ref), "the size of k1"),
            Wrong(lambda new, ref: np.maximum(new - ref, 0), "was cut off"),
            Wrong(lambda new, ref: (new - ref) ** 2 / 2, "that is k2"),
            Wrong(lambda new, ref: k3(ref, new), "upside down"),
            Wrong(
                lambda new, ref: np.exp(ref - new) - 1 + ref - new,
                "logarithm has the wrong sign",
            ),
            Wrong(lambda new, ref: -k3(new, ref), "sign is turned"),
            Wrong(lambda new, ref: np.exp(ref - new) - 1, "r - 1 alone"),
            Wrong(lambda new, ref: k3(new, ref) + 1, "the 1 is missing"),
        ),
        difficulty=2,
        importance=3,
        minutes=10,
    ),
)
"""In the order of the lesson."""
