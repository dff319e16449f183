import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from tests.html_checks import Outline
from toolkit.charts.dot_plot import Row, dot_plot, dot_plot_key

ROW = Row(
    name="PPO",
    before=[0.25, 0.25],
    after=[0.5, 1.0],
    interval=(0.0, 1.0),
    other=(0.0, 0.5),
    note="2 of 3 runs",
)
EMPTY = Row(name="<RLOO>", before=[], after=[])


def plot(*rows, width=760):
    return dot_plot(rows, title="games", other="the paper", width=width)


def across(svg, mark):
    """Return where the marks of a kind stand, from left to right."""
    place = r'cx="([\d.]+)"' if mark != "other" else r'd="M([\d.]+)'
    return [float(x) for x in re.findall(rf'class="{mark}" {place}', svg)]


def label(svg):
    (tag,) = Outline(svg).having("svg")
    return tag["aria-label"]


@pytest.mark.parametrize("width", [330, 760])
def test_marks_of_all_kinds_share_one_axis(width):
    svg = plot(ROW, width=width)
    zero, half = across(svg, "other")
    assert across(svg, "before") == pytest.approx([(zero + half) / 2], abs=0.1)
    assert across(svg, "run") == pytest.approx([half, 2 * half - zero], abs=0.1)
    assert across(svg, "mean") == pytest.approx([half + (half - zero) / 2], abs=0.1)
    low, high = re.findall(r'class="interval" d="M([\d.]+) \d+(?:\.0)?H([\d.]+)M', svg)[
        0
    ]
    assert (float(low), float(high)) == pytest.approx((zero, 2 * half - zero), abs=0.1)
    assert 0 < zero < 2 * half - zero < width


def test_starts_are_hollow_and_what_others_found_has_another_shape():
    svg = plot(ROW)
    (ring,) = re.findall(r'class="before"[^>]*', svg)
    assert "fill:none" in ring
    before, after = re.findall(r'<path class="other"[^>]*', svg)
    assert "fill:none" in before
    assert "fill:none" not in after


def test_runs_that_would_touch_stand_on_each_other():
    svg = plot(Row(name="a", before=[], after=[0.5, 0.5, 0.504, 0.9]))
    heights = [
        float(y) for y in re.findall(r'class="run" cx="[\d.]+" cy="([\d.]+)"', svg)
    ]
    assert len(set(heights[:3])) == 3
    assert heights[3] == heights[0]


def test_words_tell_the_picture():
    assert label(plot(ROW, EMPTY)) == (
        "games. PPO: before 25 %, after 75 % (runs 50 %, 100 %), interval 0 % to "
        "100 %, 2 of 3 runs, the paper 0 to 50 %; <RLOO>: after training not measured"
    )


def test_numbers_stand_beside_the_row():
    texts = Outline(plot(ROW, EMPTY)).texts
    assert {"25 → 75 %", "0 → 50 %", "2 of 3 runs", "–", "<RLOO>"} <= set(texts)


def test_half_of_what_others_found_is_drawn():
    svg = plot(Row(name="a", before=[0.1], after=[0.2], other=(None, 0.5)))
    assert len(across(svg, "other")) == 1
    assert "– → 50 %" in Outline(svg).texts


def test_nothing_at_all_can_be_drawn():
    for svg in (plot(), plot(EMPTY)):
        ET.fromstring(svg)


@pytest.mark.parametrize("width", [330, 760])
def test_rows_do_not_run_into_each_other(width):
    pile = Row(name="b", before=[0.1], after=[0.5, 0.5, 0.5], note="3 of 4 runs")
    svg = plot(ROW, pile, pile, width=width)
    names = sorted(float(y) for y in re.findall(r'<text x="2.0" y="([\d.]+)"', svg))
    assert min(b - a for a, b in pairwise(names)) >= 15
    diamonds = re.findall(r'class="other" d="M[\d.]+ ([\d.]+)', svg)
    dots = [float(y) for y in re.findall(r'class="run" cx="[\d.]+" cy="([\d.]+)', svg)]
    assert max(map(float, diamonds)) + 10 <= min(dots[2:]) - 3  # tips and rims


def test_long_names_are_cut_in_the_picture_only():
    svg = plot(Row(name="n" * 60, before=[], after=[]))
    assert "n" * 60 in label(svg)
    assert f"{'n' * 29}…" in Outline(svg).texts


def test_the_key_names_the_other_one_only_if_there_is_one():
    assert (
        "the paper, before and after" in Outline(dot_plot_key(other="the paper")).texts
    )
    assert "before and after" not in label(dot_plot_key(other=None))


@pytest.mark.parametrize("width", [330, 920])
def test_the_key_fits(width):
    svg = dot_plot_key(other="the paper", width=width)
    found = re.findall(r'<text x="([\d.]+)"[^>]*>([^<]*)', svg)
    assert all(float(x) + 6.6 * len(text) <= width for x, text in found)
