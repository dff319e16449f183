import re
import time
import warnings
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.environments.arithmetic import as_text, evaluate
from toolkit.errors import ExpressionError

NEAR_MISSES = st.text(alphabet="0123456789+-*/() \t.=_,x[{'\"\\\n\0²６−×", max_size=250)
ARITHMETIC = st.recursive(
    st.integers(0, 999).map(str),
    lambda part: (
        st.tuples(part, st.sampled_from("+-*/"), part).map(lambda p: f"({''.join(p)})")
        | part.map(lambda text: f"-{text}")
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("expression", "value", "numbers"),
    [
        ("6 + 6 + 4 * 3", 24, (6, 6, 4, 3)),
        ("6+6+4*3", 24, (6, 6, 4, 3)),
        ("(6 - 3) * 4 + 6 + 6", 24, (6, 3, 4, 6, 6)),
        (" \t 7 ", 7, (7,)),
        ("10 / 4", Fraction(5, 2), (10, 4)),
        ("8 / (3 - 8 / 3)", 24, (8, 3, 8, 3)),
        ("1 / 3 + 1 / 3 + 1 / 3", 1, (1, 3, 1, 3, 1, 3)),
        ("-3 - -4", 1, (3, 4)),
        ("+5", 5, (5,)),
        ("100 - 50 - 25", 25, (100, 50, 25)),
        ("999999 * 999999", 999999**2, (999999, 999999)),
        ("(" * 20 + "1" + ")" * 20, 1, (1,)),
        ("-" * 40 + "1", 1, (1,)),
        ("+".join("1" * 41), 41, (1,) * 41),
    ],
)
def test_values_are_exact(expression, value, numbers):
    found = evaluate(expression)
    assert (found.value, found.numbers) == (value, numbers)
    assert type(found.value) is Fraction


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("9**9**9", r"\*\* and // are not allowed"),
        ("9//2", r"\*\* and // are not allowed"),
        ("10**999999", r"\*\* and // are not allowed"),
        ("1" * 7, "more than 6 digits"),
        ("(" * 10_000 + "1" + ")" * 10_000, "longer than 200"),
        ("(" * 90 + "1" + ")" * 90, "more than 20 parentheses"),
        ("-" * 41 + "1", "more than 40 signs"),
        ("9" * 100_000, "longer than 200"),
        ("1 / (2 - 2)", "divides by zero"),
        ("0/0", "divides by zero"),
        ("", "empty"),
        ("  ", "empty"),
        ("1 +", "not written as arithmetic"),
        ("(1", "not written as arithmetic"),
        ("1)", "not written as arithmetic"),
        ("()", "not written as arithmetic"),
        ("(1 + 2)(3)", "not written as arithmetic"),
        ("1 2", "not written as arithmetic"),
        ("007", "not written as arithmetic"),
        ("*1", "not written as arithmetic"),
        ("6 * 4 = 24", "'=' is neither"),
        ("1.5", "'.' is neither"),
        ("1_000", "'_' is neither"),
        ("0x10", "'x' is neither"),
        ("1e3", "'e' is neither"),
        ("abs(1)", "'a' is neither"),
        ("__import__('os')", "'_' is neither"),
        ("[1]", r"'\[' is neither"),
        ("1,2", "',' is neither"),
        ("1\n+2", r"'\\n' is neither"),
        ("1\0", r"'\\x00' is neither"),
        ("\uff16", r"'\\uff16' is neither"),
        ("3²", r"'\\xb2' is neither"),
        ("6 × 4", r"'\\xd7' is neither"),
        ("\ud800", r"'\\ud800' is neither"),
    ],
)
def test_what_is_refused_and_why(expression, why):
    with pytest.raises(ExpressionError, match=why) as caught:
        evaluate(expression)
    message = str(caught.value)
    assert len(message) < 300
    assert message.isascii()
    assert "such as (1 + 2) * 3" in message


def judged(expression):
    """Return the value or `None`, and the processor's seconds (the best of three)."""
    seconds = []
    for _ in range(3):
        began = time.thread_time()
        try:
            value = evaluate(expression).value
        except ExpressionError:
            value = None
        seconds.append(time.thread_time() - began)
    return value, min(seconds)


@given(st.text() | NEAR_MISSES)
def test_no_text_raises_anything_else_or_takes_long(text):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, seconds = judged(text)
    assert seconds < 0.005
    assert value is None or re.fullmatch(r"[0-9+\-*/() \t]+", text)


@given(ARITHMETIC)
def test_agrees_with_python_on_fractions(text):
    value, seconds = judged(text)
    assert seconds < 0.005
    exact = re.sub(r"(\d+)", r"Fraction(\1)", text)
    try:
        assert value == eval(exact)
    except ZeroDivisionError:
        assert value is None


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "(" * 100_000,
        "-" * 100_000 + "1",
        "9" * 1_000_000,
        "1+" * 100_000 + "1",
        "999999*" * 28 + "9999",
        "1/" * 39 + "1",
    ],
)
def test_bombs_are_cheap(text):
    assert judged(text)[1] < 0.005


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(24), "24"),
        (Fraction(-7, 2), "-7/2"),
        (Fraction(10**30), "1e+30"),
        (Fraction(1, 10**30), "1e-30"),
    ],
)
def test_numbers_for_people(value, text):
    assert as_text(value) == text
