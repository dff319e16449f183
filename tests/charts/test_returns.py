import re
import xml.etree.ElementTree as ET

import pytest

from tests.html_checks import Outline
from toolkit.charts.returns import TERM_INKS, return_bar, return_marks


def label(svg):
    (tag,) = Outline(svg).having("svg")
    return tag["aria-label"]


def parts(svg):
    """Left end and width of each part, by colour."""
    found = re.findall(r'<path fill="(#\w+)" d="M([\d.]+) 3h([\d.]+)', svg)
    return {ink: (float(x), float(wide)) for ink, x, wide in found}


def test_marks_tell_wins_from_losses_without_colour():
    svg = return_marks([1.0, 0.5], [0.0], low=0, high=1)
    assert label(svg) == "Returns: won +0.5 to +1.0; lost +0.0"
    assert re.findall(r"M(\d+) 6h0", svg) == ["75", "145"]  # from 5 to 145
    assert re.findall(r"M(\d+) 13l6", svg) == ["2"]
    ET.fromstring(svg)


def test_many_equal_marks_are_one():
    svg = return_marks([0.5] * 999, [0.25, 0.2501] * 500, low=0, high=1)
    assert len(svg) < 800
    assert label(return_marks([], [], low=0, high=1)) == "Returns: none"
    ET.fromstring(return_marks([2.0], [], low=2, high=2))


def test_a_bar_stacks_what_is_paid_and_what_is_charged_from_zero():
    terms = [("win", 1.0), ("cost", -0.5), ("rooms", 0.5)]
    svg = return_bar(terms, low=-0.5, high=1.5, width=210)  # 100 pixels are 1
    boxes = parts(svg)
    assert boxes[TERM_INKS[1]] == pytest.approx((5, 50))
    assert boxes[TERM_INKS[0]] == pytest.approx((55, 100))
    assert boxes[TERM_INKS[2]] == pytest.approx((155, 50))
    assert '<path d="M155.0 0V18"' in svg  # the sum
    assert re.findall(r">(\d)</text>", svg) == ["1", "2", "3"]
    assert label(svg) == "+1.0: win +1.0, cost -0.5, rooms +0.5"
    ET.fromstring(svg)


def test_nothing_paid_is_an_empty_bar():
    svg = return_bar([("win", 0.0)], low=0, high=0)
    assert label(svg) == "+0.0: nothing"
    assert not parts(svg)


def test_names_are_text():
    svg = return_bar([("<script>", 1.0)], low=0, high=1)
    assert not Outline(svg).having("script")
