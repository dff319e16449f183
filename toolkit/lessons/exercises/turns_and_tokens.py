"""The exercises of lesson 01: log-probabilities, masks, and what spoils them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.lessons.checks import Verdict, attempt, caught, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong

Rows = np.ndarray
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
    if np.isnan(found).any():
        return not_yet("a logarithm of a logarithm is none. The rows hold logarithms.")
    known = _known_picks(rows, ids, mask)
    wrong = next((text for v, text in known if _close(found, v)), "")
    return caught(wrong) or _pick_logprobs_in_general(function)


def _known_picks(
    rows: np.ndarray, ids: list[int], mask: list[int]
) -> list[tuple[Any, str]]:
    """Return what misconceptions lead to, and what to say about each."""
    said, bits = np.flatnonzero(mask), np.array(mask)
    before = np.array([rows[t - 1][ids[t]] for t in range(len(ids))])
    own = np.array([rows[t][ids[t]] for t in range(len(ids))])
    line = "it has one number for each token of the line"
    return [
        (own[said], "it takes the row of the token itself. That row has read the token "
         "already, and tells what comes after it."),
        ([rows[t + 1][ids[t]] for t in said[:-1]], "it takes the row after the token; "
         "the chance of a token stands in the row before it."),
        (own[said - 1], "row and id are both those of the token before. The row before "
         "is right, but the id is that of the sampled token."),
        ([rows[k][ids[t]] for k, t in enumerate(said)], "rows are counted along the "
         "sampled tokens. There is one for each token of the line, the world's too."),
        (before[1:][bits[:-1] == 1], "the mask is read one place off: it belongs to "
         "the token, not to the row before it."),
        (rows.max(1)[said - 1], "that is the likeliest word of each row. Asked is the "
         "one that was said: its id tells where it stands."),
        (before[1:], "the world's tokens are in it as well. The mask says which "
         "were sampled."),
        (own, f"{line}, from its own row. Only sampled ones count, and their chance "
         "stands in the row before."),
        (before, f"{line}. Only sampled ones count, as the mask says."),
        (before * bits, f"{line}, and 0 where the world spoke. 0 is the logarithm of a "
         "chance of 1; leave these out."),
        ((before * bits)[1:], f"{line} but the first, and 0 where the world spoke. 0 "
         "is the logarithm of a chance of 1; leave these out."),
        (np.exp(before[said]), "these are chances, not their logarithms. The rows hold "
         "logarithms already."),
        (np.exp(own[said]), "these are chances, and of the row of the token itself."),
        ([before[said].sum()], "that is the sum. Each token needs one number."),
        ([before[said].mean()], "that is the mean. Each token needs one number."),
        (before[said].cumsum(), "these are sums from the start. Each token needs its "
         "own number."),
        (-before[said], "the sign is turned: logarithms of chances are below zero."),
        (before[1:][bits[1:] == 0], "these are the world's tokens: 1 is where the "
         "player spoke."),
    ]  # fmt: skip


def _table(
    rng: np.random.Generator, mask: list[int]
) -> tuple[np.ndarray, list[int], list[int]]:
    """Return made-up rows `(T, 7)`, ids and the mask.

    The rows are an array as in the lesson, so that `rows[t, i]` and `rows[t][i]` work.
    """
    logits = rng.normal(size=(len(mask), 7))
    rows = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    ids = rng.integers(7, size=len(mask)).tolist()
    return rows.round(3), ids, list(mask)


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
    for turns in (FIRST, *_random_turns()):
        found, problem = attempt(function, list(turns))
        if problem:
            return problem
        if wrong := _what_is_wrong(turns, found):
            return not_yet(wrong if turns is FIRST else f"for {turns}: {wrong}")
    return right("trained is what the model sampled, its end token included.")


FIRST: list[ChatTurn] = [(4, 2, 3, True), (3, 2, 1, False), (2, 2, 2, True)]
"""Tried before all others."""
PARTS: tuple[tuple[set[str], str], ...] = (
    ({"seen", "header", "said"}, "it is inverted: 1 belongs on what the model "
     "sampled."),
    ({"seen", "header"}, "everything is trained, the world's words as well."),
    ({"seen"}, "the world's words are trained. The model has read them, not said "
     "them."),
    ({"header", "end"}, "the header is trained, and the end of an answer is not: just "
     "the other way about."),
    ({"header"}, "the header is trained. It was written by us to ask for an answer; "
     "the model never samples it."),
    ({"end", "cut off"}, "the end token is the wrong way about: it is trained where "
     "the model did end its answer."),
    ({"said", "end"}, "sampled tokens are left out, words as well as ends."),
    ({"said"}, "only end tokens are trained; the words were sampled as well."),
    ({"unfinished"}, "an answer that was cut off is left out. Its words were sampled "
     "like any others; only the end is ours."),
    ({"end"}, "no end token is trained. The model samples it as well, and must learn "
     "when to stop."),
    ({"cut off"}, "every end token is trained, also that of the answer that was cut "
     "off. That one is ours: the model wanted to go on."),
)  # fmt: skip
"""What to say if all of these parts of a line have a wrong bit; the first that fits."""


def _what_is_wrong(turns: Sequence[ChatTurn], found: Sequence[float]) -> str:
    """Say which parts of a line have a wrong bit, nothing if none has."""
    parts = [
        (turn, part)
        for turn, (seen, head, said, ended) in enumerate(turns)
        for part in ["seen"] * seen
        + ["header"] * head
        + ["said" if ended else "unfinished"] * said
        + ["end" if ended else "cut off"]
    ]
    if len(found) != len(parts):
        return (
            f"{len(found)} numbers came back for {len(parts)} tokens. Behind each "
            "answer, also one that was cut off, stands an end token."
        )
    bits = set(zip(parts, found, strict=True))
    if set(found) - {0, 1}:
        return "a mask holds only 0 and 1."
    if len(bits) > len(set(parts)):
        return (
            "the ones and zeros do not begin and end where the parts do. In each turn "
            "the observation comes first, then the header, the answer and its end."
        )
    sampled = ("said", "unfinished", "end")
    wrong = {part for (_, part), bit in bits if bit != (part in sampled)}
    return next((text for those, text in PARTS if those <= wrong), "")


def _random_turns() -> Iterator[list[ChatTurn]]:
    """Return some random episodes."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        sizes = rng.integers(1, 6, size=(int(rng.integers(1, 6)), 3))
        yield [(int(a), int(b), int(c), bool(rng.integers(2))) for a, b, c in sizes]


def check_symptoms(symptoms: Mapping[str, str]) -> Verdict:
    """Check what a learner takes four runs to suffer from.

    Args:
        symptoms: For each of A to D one of "world", "prompt", "end" and "none".
    """
    if not isinstance(symptoms, Mapping) or set(symptoms) != set(SYMPTOMS):
        return not_yet('each of A to D needs one answer, as in {"A": "end", …}.')
    names = sorted(name for name, _ in SYMPTOMS.values())
    for run, (name, why) in SYMPTOMS.items():
        said = symptoms[run]
        if said not in names:
            return not_yet(f"{said!r} is none of {', '.join(names)}.")
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


def _laid(turns: Sequence[ChatTurn], bits: tuple[int, int, int, int]) -> list[int]:
    """Lay turns out with one bit per part; -1 as the model ended, -2 the reverse."""
    mask = []
    for seen, head, said, ended in turns:
        last = {-1: int(ended), -2: int(not ended)}.get(bits[3], bits[3])
        mask += [bits[0]] * seen + [bits[1]] * head + [bits[2]] * said + [last]
    return mask


def _picked(rows, ids, places, shift):
    return [rows[t + shift][ids[t]] for t in places if t + shift < len(rows)]


def _said(mask):
    return [t for t, bit in enumerate(mask) if bit]


def _with_zeros(rows, ids, mask):
    return [rows[t - 1][ids[t]] * mask[t] for t in range(len(ids))]


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
            Wrong(
                lambda r, i, m: np.exp(_picked(r, i, _said(m), 0)), "and of the row of"
            ),
            Wrong(lambda r, i, m: [sum(pick_logprobs(r, i, m))], "that is the sum"),
            Wrong(lambda r, i, m: [np.mean(pick_logprobs(r, i, m))], "the mean"),
            Wrong(lambda r, i, m: np.cumsum(pick_logprobs(r, i, m)), "from the start"),
            Wrong(
                lambda r, i, m: np.negative(pick_logprobs(r, i, m)), "sign is turned"
            ),
            Wrong(
                lambda r, i, m: [r[t - 1][i[t - 1]] for t in _said(m)],
                "both those of the token before",
            ),
            Wrong(
                lambda r, i, m: [r[k][i[t]] for k, t in enumerate(_said(m))],
                "counted along the sampled",
            ),
            Wrong(lambda r, i, m: pick_logprobs(r, i, [0, *m[:-1]]), "one place off"),
            Wrong(
                lambda r, i, m: [max(r[t - 1]) for t in _said(m)], "likeliest word of"
            ),
            Wrong(_with_zeros, "and 0 where the world spoke"),
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
            Wrong(
                lambda turns: _laid(turns, (1, 0, 1, -1)), "the world's words are tra"
            ),
            Wrong(lambda turns: _laid(turns, (0, 0, 0, 0)), "words as well as ends"),
            Wrong(lambda turns: _laid(turns, (0, 0, 1, -2)), "the wrong way about"),
            Wrong(
                lambda turns: [
                    bit * t[3] for t in turns for bit in _laid([t], (0, 0, 1, -1))
                ],
                "cut off is left out",
            ),
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
