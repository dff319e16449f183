import re
import xml.etree.ElementTree as ET

import pytest

from tests.html_checks import Outline
from toolkit.charts.credit import estimate_panels, group_shares


def test_shares_do_not_depend_on_a_factor():
    outline = Outline(group_shares({"a": [3, 1, 0], "b": [0.3, 0.1, 0]}, title="x"))
    (tag,) = outline.having("svg")
    assert tag["aria-label"] == "x. a: 75 %, 25 %, silent; b: 75 %, 25 %, silent"
    assert outline.texts.count("1 of 3 silent") == 2


def test_silent_groups_are_hatched():
    svg = group_shares({"a": [1, 0, 0], "b": [0, 0, 0]}, title="x")
    assert svg.count('fill="url(#') == 5
    ET.fromstring(svg)


def centres(svg):
    return [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]


def test_a_mean_on_the_truth_lies_on_its_line():
    panels = {"good": {"1": [0.0, 1.0], "0": [0.9]}}
    svg = estimate_panels(panels, truth=0.5, title="x")
    truth = float(re.findall(r'd="M([\d.]+) 46V\d+" style="[^"]*width:2', svg)[0])
    on, off = centres(svg)
    assert on == pytest.approx(truth)
    assert off > truth


def test_panels_share_a_scale_and_tell_their_numbers():
    rows = {"1": [0.0, 1.0]}
    svg = estimate_panels({"a": rows, "b": rows}, truth=0.5, title="x", width=570)
    first, second = centres(svg)
    assert second - first == pytest.approx(250)
    (tag,) = Outline(svg).having("svg")
    assert "a, 1: +0.50 with deviation 0.50; b, 1: +0.50" in tag["aria-label"]


def test_estimates_that_are_all_true_can_be_drawn():
    svg = estimate_panels({"a": {"1": [0.5]}}, truth=0.5, title="x")
    assert centres(svg)
    ET.fromstring(svg)


@pytest.mark.parametrize(("values", "lines"), [([0.4, 0.6], 1), ([-0.5, 0.6], 2)])
def test_zero_has_a_line_only_where_its_panel_reaches_it(values, lines):
    svg = estimate_panels({"a": {"1": values}}, truth=0.5, title="x")
    assert len(re.findall(r'd="M[-\d.]+ 46V', svg)) == lines
