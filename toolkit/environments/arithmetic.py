"""Arithmetic that anybody may type: exact, and safe to evaluate.

Texts of a language model are never given to `eval`. Only whole numbers, `+ - * /`,
signs and parentheses are read, within limits that are checked before Python's parser
sees the text: `9**9**9` or ten thousand parentheses cost as little as `1 + 1`.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from toolkit.errors import ExpressionError

LONGEST, DEEPEST, MOST_SIGNS, MOST_DIGITS = 200, 20, 40, 6
"""Most characters of an expression, parentheses inside each other, signs `+ - * /` in
all, and digits of a number."""
MALFORMED = "It is not written as arithmetic is."

_OPERATIONS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Fraction], Fraction]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """What an expression comes to."""

    value: Fraction
    """Its exact value."""
    numbers: tuple[int, ...]
    """The numbers in it, from left to right, without their signs."""


def evaluate(expression: str) -> Evaluated:
    """Evaluate whole numbers, `+ - * /`, signs and parentheses, exactly.

    >>> evaluate("(1 + 2) * 3 / 2")
    Evaluated(value=Fraction(9, 2), numbers=(1, 2, 3, 2))

    Args:
        expression: Any text.

    Raises:
        ExpressionError: If it is no such expression, is beyond a limit or divides by
            zero. No other error, whatever the text.
    """
    _check(expression)
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        raise _error(expression, MALFORMED) from None
    try:
        value = _value(tree, expression)
    except ZeroDivisionError:
        raise _error(expression, "It divides by zero.") from None
    numbers = tuple(int(digits) for digits in re.findall(r"\d+", expression))
    return Evaluated(value=value, numbers=numbers)


def as_text(value: Fraction) -> str:
    """Return a number for people: `24`, `7/2`, or `1.5e+30` if it is very long.

    >>> as_text(Fraction(7, 2))
    '7/2'
    """
    text = str(value)
    return text if len(text) <= 20 else f"{float(value):.3g}"


def _check(expression: str) -> None:
    """Raise if the text has a foreign character or is beyond a limit."""
    if len(expression) > LONGEST:
        raise _error(expression, f"It is longer than {LONGEST} characters.")
    if not expression.strip():
        raise _error(expression, "It is empty.")
    for found in re.findall(r"[^0-9+\-*/() \t]", expression):
        raise _error(
            expression, f"{found!a} is neither a digit nor one of + - * / ( )."
        )
    if re.search(rf"\d{{{MOST_DIGITS + 1}}}", expression):
        raise _error(expression, f"A number has more than {MOST_DIGITS} digits.")
    if len(re.findall(r"[+\-*/]", expression)) > MOST_SIGNS:
        raise _error(expression, f"It has more than {MOST_SIGNS} signs.")
    depth = 0
    for character in expression:
        depth += (character == "(") - (character == ")")
        if depth > DEEPEST:
            raise _error(expression, f"It is more than {DEEPEST} parentheses deep.")


def _value(node: ast.expr, expression: str) -> Fraction:
    """Return the value of a part of the parsed expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return Fraction(node.value)
    if isinstance(node, ast.UnaryOp) and type(node.op) in _SIGNS:
        return _SIGNS[type(node.op)](_value(node.operand, expression))
    if isinstance(node, ast.BinOp):
        if type(node.op) not in _OPERATIONS:
            raise _error(expression, "** and // are not allowed.")
        left, right = _value(node.left, expression), _value(node.right, expression)
        return _OPERATIONS[type(node.op)](left, right)
    raise _error(expression, MALFORMED)


def _error(expression: str, why: str) -> ExpressionError:
    shown = expression if len(expression) <= 40 else f"{expression[:37]}..."
    return ExpressionError(
        f"{shown!a} has no value.",
        why,
        "Use whole numbers, + - * / and parentheses, such as (1 + 2) * 3.",
    )
