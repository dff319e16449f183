"""The exercises of lesson 01: log-probabilities, masks, and what spoils them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.lessons.checks import Verdict, attempt, caught, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong

Rows = Sequence[Sequence[float]]
PickLogprobs = Callable[[Rows, Sequence[int], Sequence[int]], Sequence[float]]
ChatTurn = tuple[int, int, int, bool]
ChatMask = Callable[[Sequence[ChatTurn]], Sequence[int]]

SYMPTOMS = {
    "A": ("end", "A trains two tokens where three were said, and its replies do not "
          "end any more. Which token is missing?"),
    "B": ("world", "B trains far more tokens than were said, and most of them have no "
          "noted chance, which makes the gap large. Whose words are they?"),
    "C": ("prompt", "C trains the right number of tokens, but computes other chances "
          "for them than were noted. So it sees the same words behind another text."),
    "D": ("none", "D trains all that was said, and under the same chances. Its record "
          "is right: where all are lost there is nothing to compare."),
}  # fmt: skip
"""What is wrong with each run of the table, and how one sees it."""


def check_pick_logprobs(function: PickLogprobs) -> Verdict:
    """Check a function that finds the log-probability of each sampled token.

    Args:
        function: Gets the log-probabilities behind each token `(T, V)`, the ids `(T,)`
            and the mask `(T,)`; returns one number per sampled token.
    """
    rows, ids, mask = _table(np.random.default_rng(1), [0, 0, 1, 1, 0, 1])
    found, problem = attempt(function, rows, ids, mask)
    if problem:
        return problem
    said = np.flatnonzero(mask)
    before = np.array([rows[t - 1][ids[t]] for t in range(len(ids))])
    own = np.array([rows[t][ids[t]] for t in range(len(ids))])
    own_behind = [rows[t + 1][ids[t]] for t in said[:-1]]
    known = [
        (own[said], "it takes the row of the token itself. That row has read the token "
         "already, and tells what comes after it."),
        (own_behind, "it takes the row after the token; the chance of a token stands "
         "in the row before it."),
        (before[1:], "the world's tokens are in it as well. The mask says which "
         "were sampled."),
        (own, "it has one number for each token of the line, from its own row. Only "
         "sampled ones count, and their chance stands in the row before."),
        (before[said] * 0 + np.exp(before[said]), "these are chances, not their "
         "logarithms. The rows hold logarithms already."),
        (np.exp(own[said]), "these are chances, and of the row of the token itself."),
        ([before[said].sum()], "that is the sum. Each token needs one number."),
        (-before[said], "the sign is turned: logarithms of chances are below zero."),
        (before[1:][np.array(mask[1:]) == 0], "these are the world's tokens: 1 is "
         "where the player spoke."),
    ]  # fmt: skip
    wrong = next((text for v, text in known if _close(found, v)), "")
    return caught(wrong) or _pick_logprobs_in_general(function)


def _table(
    rng: np.random.Generator, mask: list[int]
) -> tuple[list[list[float]], list[int], list[int]]:
    """Return made-up rows `(T, 7)`, ids and the mask."""
    logits = rng.normal(size=(len(mask), 7))
    rows = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    ids = rng.integers(7, size=len(mask)).tolist()
    return rows.round(3).tolist(), ids, list(mask)


def _close(found: Sequence[float], wanted: Any) -> bool:
    """Tell whether two rows of numbers agree, in their length as well."""
    return len(found) == len(wanted) and np.allclose(found, wanted, atol=1e-3)


def _pick_logprobs_in_general(function: PickLogprobs) -> Verdict:
    """Check random tables."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        bits = rng.integers(2, size=int(rng.integers(2, 9))).tolist()
        rows, ids, mask = _table(rng, [0, *bits])
        found, problem = attempt(function, rows, ids, mask)
        if problem:
            return problem
        wanted = [rows[t - 1][ids[t]] for t in range(len(ids)) if mask[t]]
        if not _close(found, wanted):
            return not_yet(
                "for each sampled token t, take row t - 1 at the place of its id. "
                f"Look at the mask {mask} with the ids {ids}."
            )
    return right("what was expected before a token is said is the chance it had.")


def check_chat_mask(function: ChatMask) -> Verdict:
    """Check a function that builds the mask of a chat model's episode.

    Args:
        function: Gets for each turn the numbers of tokens of observation, header and
            answer, and whether the model ended the answer; behind each answer stands
            one end token. Returns one number per token.
    """
    turns = [(4, 2, 3, True), (3, 2, 1, False), (2, 2, 2, True)]
    found, problem = attempt(function, list(turns))
    if problem:
        return problem
    total = sum(seen + head + said + 1 for seen, head, said, _ in turns)
    if len(found) != total:
        return not_yet(
            f"{len(found)} numbers came back for {total} tokens. Behind each answer, "
            "also one that was cut off, stands an end token."
        )
    if set(found) - {0, 1}:
        return not_yet("a mask holds only 0 and 1.")
    known = [
        ((0, 1, 1, 1), "the header is trained. It was written by us to ask for an "
         "answer; the model never samples it."),
        ((0, 1, 1, -1), "the header is trained. It was written by us to ask for an "
         "answer; the model never samples it."),
        ((0, 1, 1, 0), "the header is trained, and the end of an answer is not: just "
         "the other way about."),
        ((0, 0, 1, 0), "no end token is trained. The model samples it as well, and "
         "must learn when to stop."),
        ((0, 0, 1, 1), "every end token is trained, also that of the answer that was "
         "cut off. That one is ours: the model wanted to go on."),
        ((1, 1, 1, 1), "everything is trained, the world's words as well."),
        ((1, 1, 0, 0), "it is inverted: 1 belongs on what the model sampled."),
        ((1, 1, 0, -2), "it is inverted: 1 belongs on what the model sampled."),
        ((0, 0, 1, -2), "the end token is the wrong way about: it is trained where the "
         "model did end its answer."),
        ((0, 0, 0, -1), "only end tokens are trained; the words were sampled as well."),
    ]  # fmt: skip
    wrong = next(
        (text for bits, text in known if list(found) == _laid(turns, bits)), ""
    )
    return caught(wrong) or _chat_mask_in_general(function)


def _laid(turns: Sequence[ChatTurn], bits: tuple[int, int, int, int]) -> list[int]:
    """Lay turns out with one bit per part; -1 as the model ended, -2 the reverse."""
    mask = []
    for seen, head, said, ended in turns:
        last = {-1: int(ended), -2: int(not ended)}.get(bits[3], bits[3])
        mask += [bits[0]] * seen + [bits[1]] * head + [bits[2]] * said + [last]
    return mask


def _chat_mask_in_general(function: ChatMask) -> Verdict:
    """Check random episodes."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        size = int(rng.integers(1, 6))
        turns = [
            (int(a), int(b), int(c), bool(rng.integers(2)))
            for a, b, c in rng.integers(1, 6, size=(size, 3))
        ]
        found, problem = attempt(function, list(turns))
        if problem:
            return problem
        if list(found) != _laid(turns, (0, 0, 1, -1)):
            return not_yet(
                "1 belongs on the words of the answer, and on the end token if the "
                f"model sampled it; 0 on all else. Look at {turns}."
            )
    return right("trained is what the model sampled, its end token included.")


def check_symptoms(symptoms: Mapping[str, str]) -> Verdict:
    """Check what a learner takes four runs to suffer from.

    Args:
        symptoms: For each of A to D one of "world", "prompt", "end" and "none".
    """
    if not isinstance(symptoms, Mapping) or set(symptoms) != set(SYMPTOMS):
        return not_yet("each of A, B, C and D needs one answer.")
    names = {name for name, _ in SYMPTOMS.values()}
    for run, (name, why) in SYMPTOMS.items():
        said = symptoms[run]
        if said not in names:
            return not_yet(f"{said!r} is none of {', '.join(sorted(names))}.")
        if said != name:
            return not_yet(why)
    return right("the number of trained tokens, the gap, and only then the curve.")


# ---- reference answers ---------------------------------------------------------------


def pick_logprobs(rows, ids, mask):
    return [rows[t - 1][ids[t]] for t in range(len(ids)) if mask[t]]


def chat_mask(turns):
    mask = []
    for seen, header, said, ended in turns:
        mask += [0] * (seen + header) + [1] * said + [int(ended)]
    return mask


# ---- wrong answers -------------------------------------------------------------------


def _picked(rows, ids, places, shift):
    return [rows[t + shift][ids[t]] for t in places if t + shift < len(rows)]


def _said(mask):
    return [t for t, bit in enumerate(mask) if bit]


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="pick_logprobs",
        check=check_pick_logprobs,
        reference=pick_logprobs,
        hints=(
            "Go back to the table with four words: in which row did the chance of "
            "`east` stand, and how many words had been read there?",
            "Row t has read the ids up to t itself. What was expected before token t "
            "came stands in row t - 1.",
        ),
        wrong=(
            Wrong(
                lambda r, i, m: _picked(r, i, _said(m), 0), "row of the token itself"
            ),
            Wrong(lambda r, i, m: _picked(r, i, _said(m), 1), "row after the token"),
            Wrong(
                lambda r, i, m: _picked(r, i, range(1, len(i)), -1),
                "world's tokens are in it",
            ),
            Wrong(lambda r, i, m: np.exp(pick_logprobs(r, i, m)), "chances, not their"),
            Wrong(lambda r, i, m: [sum(pick_logprobs(r, i, m))], "that is the sum"),
            Wrong(
                lambda r, i, m: np.negative(pick_logprobs(r, i, m)), "sign is turned"
            ),
            Wrong(
                lambda r, i, m: pick_logprobs(r, i, [0, *(1 - b for b in m[1:])]),
                "these are the world's tokens",
            ),
        ),
        difficulty=1,
        importance=5,
        minutes=5,
    ),
    Exercise(
        name="chat_mask",
        check=check_chat_mask,
        reference=chat_mask,
        hints=(
            "Ask of each part who chose its tokens: the world, we, or the model?",
            "Zeros for observation and header, ones for the words, and for the end "
            "token a 1 only if `ended` is true.",
        ),
        wrong=(
            Wrong(lambda turns: _laid(turns, (0, 1, 1, 1)), "header is trained. It"),
            Wrong(lambda turns: _laid(turns, (0, 0, 1, 0)), "no end token is trained"),
            Wrong(lambda turns: _laid(turns, (0, 0, 1, 1)), "was cut off. That one is"),
            Wrong(lambda turns: _laid(turns, (0, 1, 1, 0)), "the other way about"),
            Wrong(lambda turns: _laid(turns, (1, 1, 1, 1)), "everything is trained"),
            Wrong(lambda turns: _laid(turns, (1, 1, 0, -2)), "it is inverted"),
            Wrong(lambda turns: _laid(turns, (0, 0, 0, -1)), "only end tokens"),
        ),
        difficulty=2,
        importance=4,
        minutes=10,
    ),
    Exercise(
        name="symptoms",
        check=check_symptoms,
        reference={"A": "end", "B": "world", "C": "prompt", "D": "none"},
        hints=(
            "Begin with the number of trained tokens: three are said in each turn. "
            "Where are there fewer, where more?",
            "A gap above zero says that trainer and player did not look at the same "
            "text. With the right number of tokens and no gap, look elsewhere.",
        ),
        wrong=(
            Wrong(
                {"A": "none", "B": "world", "C": "prompt", "D": "end"},
                "Which token is missing",
            ),
            Wrong(
                {"A": "end", "B": "prompt", "C": "world", "D": "none"},
                "Whose words are they",
            ),
            Wrong(
                {"A": "end", "B": "world", "C": "none", "D": "prompt"},
                "behind another text",
            ),
            Wrong(
                {"A": "end", "B": "world", "C": "prompt", "D": "prompt"},
                "nothing to compare",
            ),
        ),
        difficulty=2,
        importance=4,
        minutes=5,
    ),
)
"""In the order of the lesson."""
