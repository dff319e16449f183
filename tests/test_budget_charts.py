import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from tests.html_checks import Outline
from toolkit.budget_charts import before_after, curves


def points(svg):
    return [
        [tuple(map(float, pair.split(","))) for pair in line.split()]
        for line in re.findall(r'<polyline points="([^"]*)"', svg)
    ]


def heights(svg):
    """Return where the names of curves stand, from top to bottom as they are."""
    found = re.findall(r'y="([\d.]+)"[^>]*font-weight:600">([^<]*)<', svg)
    return {name: float(y) for y, name in found}


def test_a_curve_goes_where_its_numbers_say():
    svg = curves({"a": [0.0, 1.0, 0.5]}, [0, 1, 3], x_title="n", title="t")
    ((first, second, third),) = points(svg)
    assert first[1] > third[1] > second[1]  # upwards is less in SVG
    assert first[1] - third[1] == pytest.approx(third[1] - second[1], abs=0.2)
    wide = second[0] - first[0]
    assert third[0] - second[0] == pytest.approx(2 * wide, abs=0.2)
    ET.fromstring(svg)


def test_names_of_curves_that_end_together_do_not_collide():
    lines = {name: [1.0, 0.0] for name in "abcd"} | {"e": [0.0, 1.0]}
    places = heights(curves(lines, [0, 1], x_title="n", title="t"))
    tops = [places[name] for name in "eabcd"]
    assert all(low - high >= 15 for high, low in pairwise(tops))
    assert tops[-1] <= 262


def test_curves_are_told_apart_without_colour_and_in_words():
    svg = curves({"a": [0, 0.5], "b": [0, 0]}, [0, 1], x_title="n", title="t")
    assert len(set(re.findall("stroke-dasharray:([^;]*);", svg))) == 2
    (tag,) = Outline(svg).having("svg")
    assert tag["aria-label"] == (
        "t, over n. a: from 0 % to 50 %, at most 50 %; b: from 0 % to 0 %, at most 0 %"
    )


ROWS = [("x", (0.5, 0.25, 0.75), (0.75, 0.5, 1.0)), ("y", None, (0.5, 0.25, 0.75))]


def test_marks_stand_in_the_middle_of_their_intervals():
    svg = before_after({"one": ROWS, "two": ROWS}, sides=("old", "new"), title="t")
    whiskers = re.findall(r'd="M([\d.]+) [\d.]+H([\d.]+)M', svg)
    middles = [(float(a) + float(b)) / 2 for a, b in whiskers]
    squares = [float(x) + 4 for x in re.findall(r'<rect x="([\d.]+)"', svg)][1:]
    discs = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)][1:]
    assert len(whiskers) == 6
    assert squares == pytest.approx([middles[0], middles[3]], abs=0.1)
    assert discs == pytest.approx([middles[i] for i in (1, 2, 4, 5)], abs=0.1)
    assert discs[0] > discs[1] == pytest.approx(squares[0], abs=0.1)
    ET.fromstring(svg)


def test_before_and_after_are_told_in_words():
    svg = before_after({"one": ROWS}, sides=("old", "new"), title="t")
    (tag,) = Outline(svg).having("svg")
    assert tag["aria-label"] == (
        "t. one, x: old 50 % (25 % to 75 %), new 75 % (50 % to 100 %); "
        "one, y: new 50 % (25 % to 75 %)"
    )


def test_narrow_panels_have_fewer_numbers():
    def ticks(count):
        panels = {str(i): ROWS for i in range(count)}
        svg = before_after(panels, sides=("old", "new"), title="t")
        return Outline(svg).texts.count("25 %")

    assert [ticks(2), ticks(4)] == [2, 0]
