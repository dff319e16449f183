import re
import xml.etree.ElementTree as ET

import pytest

from tests.html_checks import Outline
from toolkit.credit_charts import curve_panels, estimate_panels, group_shares


def test_shares_do_not_depend_on_a_factor():
    outline = Outline(group_shares([("a", [3, 1, 0]), ("b", [0.3, 0.1, 0])], title="x"))
    (tag,) = outline.having("svg")
    assert tag["aria-label"] == "x. a: 75 %, 25 %, silent; b: 75 %, 25 %, silent"
    assert outline.texts.count("1 of 3 silent") == 2


def test_silent_groups_are_hatched():
    svg = group_shares([("a", [1, 0, 0]), ("b", [0, 0, 0])], title="x")
    assert svg.count('fill="url(#') == 5
    ET.fromstring(svg)


def centres(svg):
    return [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]


def test_a_mean_on_the_truth_lies_on_its_line():
    panels = [("good", [("1", [0.0, 1.0]), ("0", [0.9])])]
    svg = estimate_panels(panels, truth=0.5, title="x")
    truth = float(re.findall(r'd="M([\d.]+) 46V\d+" style="[^"]*width:2', svg)[0])
    on, off = centres(svg)
    assert on == pytest.approx(truth)
    assert off > truth


def test_panels_share_a_scale_and_tell_their_numbers():
    rows = [("1", [0.0, 1.0])]
    svg = estimate_panels([("a", rows), ("b", rows)], truth=0.5, title="x", width=570)
    first, second = centres(svg)
    assert second - first == pytest.approx(250)
    (tag,) = Outline(svg).having("svg")
    assert "a, 1: +0.50 with deviation 0.50; b, 1: +0.50" in tag["aria-label"]


def test_estimates_that_are_all_true_can_be_drawn():
    svg = estimate_panels([("a", [("1", [0.5])])], truth=0.5, title="x")
    assert centres(svg)
    ET.fromstring(svg)


def strokes(svg):
    """Points of the curves, in the order they are drawn, without those of the key."""
    paths = re.findall(r'd="M([^"h]+)" style="fill:none', svg)
    return [
        [tuple(map(float, point.split())) for point in path.split("L")]
        for path in paths
    ]


def test_curves_rise_where_their_numbers_do():
    panels = [("a", [("up", [0.0, 1.0]), ("flat", [0.5, 0.5])])]
    up, flat = strokes(curve_panels(panels, x=[0, 4], x_name="step", title="x"))
    assert up[0][1] > flat[0][1] == flat[1][1] > up[1][1]
    assert up[0][0] == flat[0][0] < up[1][0]


def test_panels_of_curves_have_scales_of_their_own():
    panels = [("a", [("up", [0.0, 1.0])]), ("b", [("up", [0.0, 100.0])])]
    svg = curve_panels(panels, x=[0, 1], x_name="step", title="x", width=800)
    first, second = strokes(svg)
    assert [y for _, y in first] == [y for _, y in second]
    assert second[0][0] - first[0][0] == pytest.approx(400)


def test_curves_differ_in_more_than_colour():
    panels = [("a", [(name, [0.0, 1.0]) for name in "pqr"])]
    svg = curve_panels(panels, x=[0, 1], x_name="step", title="x")
    assert len(set(re.findall(r"stroke-dasharray:([^;]+)", svg))) == 3


def test_curves_are_told_and_named_safely():
    panels = [("<a>", [("up", [0.0, 2.0, 1.0])])]
    svg = curve_panels(panels, x=[0, 1, 2], x_name="step", title="x")
    (tag,) = Outline(svg).having("svg")
    assert tag["aria-label"] == (
        "x, by step. <a>, up: from 0.00 to 1.00, least 0.00, most 2.00"
    )
    ET.fromstring(svg)


def test_a_curve_that_never_moves_can_be_drawn():
    (curve,) = strokes(
        curve_panels([("a", [("p", [1.0, 1.0])])], x=[0, 1], x_name="s", title="x")
    )
    assert all(74 < y < 258 for _, y in curve)
