"""The exercises of lesson 12: bytes, adapters, episodes that fit, batches, resuming."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from toolkit.lessons.checks import Verdict, attempt_number, caught, not_yet, right
from toolkit.lessons.exercise import Exercise, Wrong

Held = Callable[[int, int], float]
Adapters = Callable[[Sequence[tuple[int, int]], int], float]
Fitting = Callable[[int, int, int, int, int], float]
Games = Callable[[int, int, int, int], float]

MAY = {
    "A": "A may change: more steps are added at the end, those done stay as they are.",
    "C": "C may change: how often a run is saved changes nothing of what it learns.",
    "E": "E may change: which process runs a world does not change the world.",
}
"""Settings that a resumed run may have other values of, and why."""
MAY_NOT = {
    "B": "B, the learning rate, is part of what is learnt: a curve with two rates is "
    "of no run that can be repeated. Start anew, or fork the run.",
    "D": "D, the seed, says which games are played and what is sampled. The checkpoint "
    "stands in the middle of an order of games that another seed does not have.",
    "F": "F, rows of a backward pass, sounds like memory alone. But it says how many "
    "episodes make a batch, so the checkpoint would stand between other batches.",
}
"""Settings that it must keep, and why."""


def check_held_bytes(function: Held) -> Verdict:
    """Check the bytes that weights, gradients and AdamW take in mixed precision.

    Args:
        function: Gets how many weights are frozen, held in 16 bits, and how many are
            trained, held in fp32; returns bytes.
    """
    frozen, trained = 1000, 10
    found, problem = _one(function, frozen, trained)
    if problem:
        return problem
    known = [
        (2 * frozen + 4 * trained, "these are the weights alone. What is trained also "
         "has a gradient, and AdamW's two numbers."),
        (2 * frozen + 8 * trained, "AdamW is missing. It keeps two numbers in fp32 for "
         "each trained weight."),
        (2 * frozen + 12 * trained, "one of four is missing. A trained weight has the "
         "weight, its gradient, and AdamW's mean and mean of squares."),
        (2 * frozen + 14 * trained, "the trained weights are in 16 bits here. Small "
         "updates are lost in them: they are held in fp32."),
        (16 * (frozen + trained), "frozen weights are counted like trained ones. They "
         "get no gradient, and AdamW never sees them."),
        (4 * frozen + 16 * trained, "the frozen weights are in fp32 here. Nothing is "
         "added to them, so that 16 bits are enough."),
        (16 * trained, "the frozen weights are missing. They do not learn, but they "
         "are needed to compute."),
    ]  # fmt: skip
    wrong = next((text for v, text in known if np.isclose(found, v)), "")
    if wrong:
        return not_yet(wrong)
    for case in ((0, 7), (13, 0), (7_000_000_000, 40_000_000)):
        found, problem = _one(function, *case)
        if problem:
            return problem
        if not np.isclose(found, 2 * case[0] + 16 * case[1]):
            return not_yet(
                f"for {case[0]} frozen and {case[1]} trained weights it says "
                f"{found:g}. Write down what one weight of each kind needs."
            )
    return right(
        "2 bytes for what rests, 16 for what learns: that is why adapters fit."
    )


def check_adapter_weights(function: Adapters) -> Verdict:
    """Check how many weights LoRA adapters of some layers have.

    Args:
        function: Gets the inputs and outputs of each linear layer, and the rank;
            returns a number of weights.
    """
    layers, rank = [(64, 96), (32, 48)], 4
    found, problem = _one(function, list(layers), rank)
    if problem:
        return problem
    known = [
        (sum(i * o for i, o in layers), "these are the weights of the layers "
         "themselves, which stay frozen."),
        (sum(rank * i * o for i, o in layers), "the rank multiplies the whole matrix. "
         "An adapter is two thin matrices in its place."),
        (sum(rank * i for i, o in layers), "that is the first of the two matrices: "
         "from the inputs to the rank. One leads on to the outputs."),
        (sum(2 * rank * i for i, o in layers), "it takes all layers for square. The "
         "second matrix has as many columns as the layer has outputs."),
        (rank * sum(layers[0]), "that is one layer. Each has an adapter of its own."),
    ]  # fmt: skip
    wrong = next((text for v, text in known if np.isclose(found, v)), "")
    if wrong:
        return not_yet(wrong)
    rng = np.random.default_rng(0)
    for _ in range(10):
        count, rank = int(rng.integers(1, 6)), int(rng.integers(1, 33))
        some = [tuple(map(int, rng.integers(1, 99, size=2))) for _ in range(count)]
        found, problem = _one(function, list(some), rank)
        if problem:
            return problem
        if not np.isclose(found, sum(rank * (i + o) for i, o in some)):
            return not_yet(
                f"for the layers {some} with rank {rank} it says {found:g}. Draw the "
                "two matrices of an adapter, and count their weights."
            )
    return right("inputs plus outputs, not inputs times outputs.")


def check_episodes_that_fit(function: Fitting) -> Verdict:
    """Check how many live episodes have room for their keys and values.

    Args:
        function: Gets free bytes, layers, heads of keys and values, numbers in a head
            and tokens of an episode; returns how many episodes fit, in 16 bits, with
            a buffer that may be half as large again as what it holds.
    """
    layers, heads, size, tokens = 24, 2, 64, 1000
    each = 2 * layers * heads * size * 2
    free = 8 * 10**8  # 65.1 episodes without spare room, 43.4 with it
    found, problem = _one(function, free, layers, heads, size, tokens)
    if problem:
        return problem
    known = [
        (free // (1.5 * each / 2 * tokens), "a factor of 2 is missing. There are keys "
         "and values, and each number has two bytes."),
        (free // (1.5 * each / 4 * tokens), "keys and values are two, and each number "
         "has two bytes: that is a factor of 4."),
        (free // (each * tokens), "the buffer is taken for as large as what it holds. "
         "It grows by half when it is full, and may be half as large again."),
        (free // (1.5 * each / layers * tokens), "that is one layer. Each layer has "
         "keys and values of its own."),
        (free // (1.5 * each), "these are tokens. An episode has many of them."),
        (free // (3 * each * tokens), "four bytes for a number: that is fp32. The "
         "cache is held in 16 bits here."),
        (free // (1.5 * each * tokens) + 1, "it is rounded up. The last one does not "
         "fit as a whole."),
    ]  # fmt: skip
    wrong = next((text for v, text in known if np.isclose(found, v)), "")
    if wrong:
        return not_yet(wrong)
    if not found.is_integer():
        return not_yet("a part of an episode cannot be played: round down.")
    for case in ((10**10, 28, 4, 128, 3072), (10**6, 2, 4, 32, 200), (5, 2, 4, 32, 9)):
        found, problem = _one(function, *case)
        if problem:
            return problem
        free, layers, heads, size, tokens = case
        wanted = free // (6 * layers * heads * size * tokens)
        if found != wanted:
            return not_yet(
                f"for {free} free bytes, {layers} layers, {heads} heads of {size} and "
                f"{tokens} tokens it says {found:g}, and {wanted} fit."
            )
    return right("this is the number for `live`, before any GPU has been asked.")


def check_games_per_step(function: Games) -> Verdict:
    """Check how many different games one optimiser step learns from.

    Args:
        function: Gets processes, rows of one backward pass, backward passes that are
            added up, and episodes of a group; returns games, or 0 where a group would
            not lie on one process whole.
    """
    found, problem = _one(function, 5, 6, 2, 4)
    if problem:
        return problem
    known: dict[float, str] = {
        60: "these are episodes. Those of a group play the same game.",
        12: "these are the episodes of one process. Each of them plays its own, and a "
        "group shares a game.",
        3: "that is one process. Each of them plays games of its own, and the "
        "gradients are averaged over all.",
        7: "that is one backward pass of each process, and several are added up.",
        0: "6 rows are no multiple of 4, but 2 x 6 are: a group may reach over several "
        "backward passes of its process.",
        240: "it multiplies by the group. More episodes of a game leave fewer games.",
    }
    if found in known:
        return not_yet(known[found])
    split, problem = _one(function, 2, 6, 1, 4)
    if problem:
        return problem
    if split:
        return not_yet(
            "2 processes x 6 rows are three groups of 4, but the second would lie half "
            "on either process. That is refused: say 0."
        )
    return _games_in_general(function)


def _games_in_general(function: Games) -> Verdict:
    """Check other numbers."""
    for case in ((1, 64, 1, 8), (8, 8, 4, 8), (2, 4, 1, 8), (2, 4, 2, 8), (3, 5, 1, 1)):
        found, problem = _one(function, *case)
        if problem:
            return problem
        processes, rows, passes, size = case
        wanted = 0 if rows * passes % size else processes * rows * passes // size
        if found != wanted:
            return not_yet(
                f"for {processes} processes, {rows} rows, {passes} passes and groups "
                f"of {size} it says {found:g}; {wanted} is right."
            )
    return right("the batch grows with the processes, and every group stays whole.")


def check_may_change(letters: Iterable[str]) -> Verdict:
    """Check which settings a resumed run may have other values of.

    Args:
        letters: Of the settings, such as `"AB"`.
    """
    said = {letter for letter in str(letters).upper() if letter.isalpha()}
    strange = said - MAY.keys() - MAY_NOT.keys()
    if strange:
        return not_yet(f"there is no setting {min(strange)}; they are A to F.")
    if not said:
        return not_yet("some may change: those that nothing learnt depends on.")
    for letter, why in MAY_NOT.items():
        if letter in said:
            return not_yet(why)
    missing = MAY.keys() - said
    if missing:
        return not_yet(MAY[min(missing)])
    return right(
        "what is learnt stays the same; how long and where it is kept may not."
    )


def _one(function: Callable[..., float], *args: object) -> tuple[float, Verdict | None]:
    """Call a learner's function that returns one finite number."""
    value, problem = attempt_number(function, *args)
    return value, problem or caught("" if np.isfinite(value) else "it is not finite.")


# ---- reference answers ---------------------------------------------------------------


def held_bytes(frozen, trained):
    weight, gradient, adam = 4, 4, 8
    return 2 * frozen + (weight + gradient + adam) * trained


def adapter_weights(layers, rank):
    return sum(rank * inputs + rank * outputs for inputs, outputs in layers)


def episodes_that_fit(free, layers, heads, size, tokens):
    token = 2 * layers * heads * size * 2
    return int(free // (1.5 * token * tokens))


def games_per_step(processes, rows, passes, group_size):
    if rows * passes % group_size:
        return 0
    return processes * rows * passes // group_size


# ---- wrong answers -------------------------------------------------------------------


def _fit(factor, offset=0):
    return lambda free, n, heads, size, t: (
        free // (factor(n, t) * n * heads * size) + offset
    )


def _over_all_processes(processes, rows, passes, group_size):
    episodes = processes * rows * passes
    return 0 if episodes % group_size else episodes // group_size


# ---- exercises -----------------------------------------------------------------------

EXERCISES = (
    Exercise(
        name="held_bytes",
        check=check_held_bytes,
        reference=held_bytes,
        hints=(
            "Go through section 2: what is kept of one weight that is trained? And of "
            "one that is only used?",
            "A frozen weight is one number of 2 bytes. A trained one is a weight, a "
            "gradient and two numbers of AdamW, with 4 bytes each.",
        ),
        wrong=(
            Wrong(lambda f, t: 2 * f + 4 * t, "weights alone"),
            Wrong(lambda f, t: 2 * f + 8 * t, "AdamW is missing"),
            Wrong(lambda f, t: 2 * f + 12 * t, "one of four is missing"),
            Wrong(lambda f, t: 16 * (f + t), "counted like trained ones"),
            Wrong(lambda f, t: 4 * f + 16 * t, "frozen weights are in fp32"),
            Wrong(lambda f, t: 2 * f + 14 * t, "trained weights are in 16 bits"),
            Wrong(lambda f, t: 16 * t, "needed to compute"),
        ),
        difficulty=1,
        importance=4,
        minutes=5,
    ),
    Exercise(
        name="adapter_weights",
        check=check_adapter_weights,
        reference=adapter_weights,
        hints=(
            "Draw a layer with 3 inputs and 5 outputs, and beside it the way over two "
            "units: how many lines lead in, how many out?",
            "The first matrix has rank x inputs weights, the second rank x outputs; "
            "add both for each layer.",
        ),
        wrong=(
            Wrong(lambda s, r: sum(i * o for i, o in s), "stay frozen"),
            Wrong(lambda s, r: sum(r * i * o for i, o in s), "two thin matrices"),
            Wrong(lambda s, r: sum(r * i for i, o in s), "first of the two"),
            Wrong(lambda s, r: sum(2 * r * i for i, o in s), "all layers for square"),
            Wrong(lambda s, r: r * sum(s[0]), "one layer"),
        ),
        difficulty=1,
        importance=3,
        minutes=5,
    ),
    Exercise(
        name="episodes_that_fit",
        check=check_episodes_that_fit,
        reference=episodes_that_fit,
        hints=(
            "Begin with the bytes that one token leaves behind in the cache, in all "
            "layers, then ask how many tokens an episode has.",
            "A token has keys and values (2), in each layer and each of these heads "
            "`size` numbers of 2 bytes. Times tokens, times 1.5; divide, round down.",
        ),
        wrong=(
            Wrong(_fit(lambda n, t: 3 * t), "factor of 2 is missing"),
            Wrong(_fit(lambda n, t: 1.5 * t), "a factor of 4"),
            Wrong(_fit(lambda n, t: 4 * t), "grows by half"),
            Wrong(_fit(lambda n, t: 6 * t / n), "one layer"),
            Wrong(_fit(lambda n, t: 6), "these are tokens"),
            Wrong(_fit(lambda n, t: 6 * t, 1), "rounded up"),
            Wrong(_fit(lambda n, t: 12 * t), "that is fp32"),
        ),
        difficulty=2,
        importance=4,
        minutes=10,
    ),
    Exercise(
        name="games_per_step",
        check=check_games_per_step,
        reference=games_per_step,
        hints=(
            "First episodes: how many does one process collect before a step, and all "
            "of them? A game is played by a group.",
            "Episodes are processes x rows x passes, games that by the group size. If "
            "rows x passes of one process are no multiple of it, return 0.",
        ),
        wrong=(
            Wrong(lambda p, r, a, g: p * r * a, "these are episodes"),
            Wrong(lambda p, r, a, g: r * a // g, "that is one process"),
            Wrong(lambda p, r, a, g: p * r // g, "one backward pass of each"),
            Wrong(_over_all_processes, "half on either process"),
            Wrong(lambda p, r, a, g: 0 if r % g else p * r * a // g, "over several"),
            Wrong(lambda p, r, a, g: r * a, "episodes of one process"),
            Wrong(lambda p, r, a, g: p * r * a * g, "multiplies by the group"),
        ),
        difficulty=2,
        importance=4,
        minutes=10,
    ),
    Exercise(
        name="may_change",
        check=check_may_change,
        reference="ACE",
        hints=(
            "Ask of each setting: would an uninterrupted run with the new value have "
            "come to the same weights at the checkpoint?",
            "Three of them say how long, how often saved, and on how many processes "
            "worlds run. The other three change what is learnt.",
        ),
        wrong=(
            Wrong("ABCDEF", "B, the learning rate"),
            Wrong("ACEF", "sounds like memory alone"),
            Wrong("ACDE", "says which games are played"),
            Wrong("CE", "more steps are added"),
            Wrong("AE", "how often a run is saved"),
            Wrong("AC", "which process runs a world"),
        ),
        difficulty=2,
        importance=3,
        minutes=5,
    ),
)
"""In the order of the lesson."""
