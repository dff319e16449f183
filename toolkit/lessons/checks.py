"""Checks of exercises: they try a learner's function and name what went wrong.

A check compares properties, never with a stored solution, and returns a `Verdict`
instead of raising, so that a notebook with an unfinished exercise runs to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from toolkit.lessons.show import styled
from toolkit.page import escape


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
        whole = _listed(function(*args))
    except Exception as error:  # whatever a learner's code may raise
        return [], _stopped(error)
    if not isinstance(whole, list):
        return [], _came(whole, "a list of numbers")
    found = [v.item() if getattr(v, "ndim", None) == 0 else v for v in whole]
    if not all(isinstance(v, (bool, int, float, np.number)) for v in found):
        return [], not_yet("the list must hold numbers, side by side.")
    if one_per and len(found) != one_per[0]:
        count, things = one_per
        return [], not_yet(
            f"{len(found)} numbers came back for {count} {things}; one each is needed."
        )
    return found, None


def attempt_number(
    function: Callable[..., Any], *args: Any, needed: str = "one number"
) -> tuple[float, Verdict | None]:
    """Call a learner's function that is to return one number, of whatever kind.

    Args:
        function: The learner's.
        *args: What it gets.
        needed: What to ask for if something else comes back.

    Returns:
        The number, and a verdict if it is none or the function raised.
    """
    try:
        answer = function(*args)
    except Exception as error:  # whatever a learner's code may raise
        return 0.0, _stopped(error)
    try:
        number = answer.item() if hasattr(answer, "item") else answer
        if not isinstance(number, str):
            return float(number), None
    except (TypeError, ValueError, RuntimeError, OverflowError):
        pass  # neither a number nor an array of one
    return 0.0, _came(answer, needed)


def _listed(answer: Any) -> Any:
    """Return the items of an answer, or the answer if it has none in order."""
    whole = answer.tolist() if hasattr(answer, "tolist") else answer
    if not isinstance(whole, Iterable) or isinstance(whole, (str, Mapping)):
        return whole
    return list(whole)  # a generator computes here, and may raise


def _stopped(error: Exception) -> Verdict:
    """Say that a learner's function raised."""
    return not_yet(f"it stopped with {type(error).__name__}: {error}")


def _came(answer: Any, needed: str) -> Verdict:
    """Say that something else came back than what is needed."""
    came = "nothing" if answer is None else f"{answer!r:.60}"
    return not_yet(f"{came} came back; {needed} is needed.")


def agree(found: Sequence[float], wanted: Sequence[float] | np.ndarray) -> bool:
    """Tell whether there are as many numbers, equal as far as single precision goes.

    Args:
        found: A learner's `(N,)`; whoever computes with torch has seven digits.
        wanted: `(N,)`.
    """
    return len(found) == len(wanted) and np.allclose(found, wanted, atol=1e-5)


def right(message: str) -> Verdict:
    """Say that an answer is right."""
    return Verdict(passed=True, message=message)


def not_yet(message: str) -> Verdict:
    """Say what an answer lacks."""
    return Verdict(passed=False, message=message)


def caught(message: str) -> Verdict | None:
    """Say which misconception was caught, if any was."""
    return not_yet(message) if message else None
