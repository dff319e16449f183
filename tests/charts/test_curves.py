import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest

from tests.html_checks import Outline
from toolkit.charts.curves import (
    curve_panels,
    learning_curve,
    line_chart,
    run_curves,
)

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg):
    return ElementTree.fromstring(
        svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    )


def texts(svg):
    return [t.text for t in parsed(svg).iter(f"{SVG}text")]


def label(svg):
    return parsed(svg).get("aria-label")


def strokes(svg):
    """Points of the curves, in the order they are drawn."""
    return [
        [tuple(map(float, point.split(","))) for point in points.split()]
        for points in re.findall(r'<polyline points="([^"]*)"', svg)
    ]


def dashes(svg):
    """How the curves differ, but for their colour."""
    return set(re.findall(r"<polyline[^>]*stroke-dasharray:([^;]+)", svg))


def curve(**changes):
    given = {
        "steps": [0, 1, 2],
        "success": [0.0, 0.5, 1.0],
        "episodes": [64, 64, 64],
        "before": (0.2, 0.1, 0.3),
        "after": (0.8, 0.7, 0.9),
    }
    given |= changes
    return learning_curve(given.pop("steps"), given.pop("success"), **given)


def test_dots_stand_where_the_numbers_say():
    dots = list(parsed(curve()).iter(f"{SVG}circle"))[:3]
    x = [float(d.get("cx")) for d in dots]
    y = [float(d.get("cy")) for d in dots]
    assert x[0] < x[1] < x[2]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.2)
    assert y[0] > y[1] > y[2]  # upwards is less in SVG
    assert y[0] - y[1] == pytest.approx(y[1] - y[2], abs=0.2)


def test_bands_span_their_intervals():
    plot = parsed(curve())
    low, _, high = (float(c.get("cy")) for c in list(plot.iter(f"{SVG}circle"))[:3])
    unit = low - high  # pixels from 0 to 1
    before, after = plot.iter(f"{SVG}rect")
    assert float(before.get("height")) == pytest.approx(0.2 * unit, abs=0.2)
    assert float(after.get("y")) == pytest.approx(high + 0.1 * unit, abs=0.2)


def test_before_and_after_differ_in_more_than_colour():
    svg = curve()
    assert svg.count("stroke-dasharray") == 1
    assert {"before", "after", "20 %", "80 %"} <= set(texts(svg))


def test_axes_say_units_and_episodes():
    assert "optimiser steps (64 episodes each)" in texts(curve())
    several = curve(episodes=[64, 32, 64])
    assert "optimiser steps (about 53 episodes each)" in texts(several)
    small = line_chart([0, 1], [2.0, 3.0], title="Entropy", unit="nats")
    assert {"Entropy (nats)", "optimiser steps"} <= set(texts(small))


def test_labels_of_equal_results_do_not_cover_each_other():
    same = curve(before=(0.5, 0.4, 0.6), after=(0.5, 0.4, 0.6))
    at = {t.text: float(t.get("y")) for t in parsed(same).iter(f"{SVG}text")}
    assert abs(at["before"] - at["after"]) >= 30


def test_screen_readers_get_the_numbers():
    label = parsed(curve()).get("aria-label")
    assert "held out after training 80 %, interval 70 % to 90 %" in label


@pytest.mark.parametrize("steps", [[], [7], list(range(500))])
@pytest.mark.parametrize("width", [330, 920])
def test_any_number_of_steps_stays_inside_the_picture(steps, width):
    values = [0.5 for _ in steps]
    svg = curve(steps=steps, success=values, episodes=[8] * len(steps), width=width)
    other = line_chart(steps, values, title="Turns", unit="mean", width=width)
    for drawn in (svg, other):
        xs = [float(v) for v in re.findall(r'\b(?:cx|x)="([-\d.]+)"', drawn)]
        assert min(xs) >= 0
        assert max(xs) <= width


# ---- curves with names ---------------------------------------------------------------


def shares(lines, x):
    return curve_panels({"": lines}, x=x, x_name="n", title="t", unit="%")


def heights(svg):
    """Return where the names of curves stand, from top to bottom as they are."""
    found = re.findall(r'y="([\d.]+)"[^>]*font-weight:600">([^<]*)<', svg)
    return {name: float(y) for y, name in found}


def test_a_curve_goes_where_its_numbers_say():
    svg = shares({"a": [0.0, 1.0, 0.5]}, [0, 1, 3])
    ((first, second, third),) = strokes(svg)
    assert first[1] > third[1] > second[1]  # upwards is less in SVG
    assert first[1] - third[1] == pytest.approx(third[1] - second[1], abs=0.2)
    wide = second[0] - first[0]
    assert third[0] - second[0] == pytest.approx(2 * wide, abs=0.2)


def test_names_of_curves_that_end_together_do_not_collide():
    lines = {name: [1.0, 0.0] for name in "abcd"} | {"e": [0.0, 1.0]}
    places = heights(shares(lines, [0, 1]))
    tops = [places[name] for name in "eabcd"]
    assert all(low - high >= 15 for high, low in pairwise(tops))
    assert tops[-1] <= 262


def test_curves_are_told_apart_without_colour_and_in_words():
    svg = shares({"a": [0, 0.5], "b": [0, 0]}, [0, 1])
    assert len(dashes(svg)) == 2
    assert label(svg) == (
        "t, by n. a: from 0 % to 50 %, least 0 %, most 50 %; "
        "b: from 0 % to 0 %, least 0 %, most 0 %"
    )


def test_curves_rise_where_their_numbers_do():
    panels = {"a": {"up": [0.0, 1.0], "flat": [0.5, 0.5]}}
    up, flat = strokes(curve_panels(panels, x=[0, 4], x_name="step", title="x"))
    assert up[0][1] > flat[0][1] == flat[1][1] > up[1][1]
    assert up[0][0] == flat[0][0] < up[1][0]


def test_panels_of_curves_have_scales_of_their_own():
    panels = {"a": {"up": [0.0, 1.0]}, "b": {"up": [0.0, 100.0]}}
    svg = curve_panels(panels, x=[0, 1], x_name="step", title="x", width=800)
    first, second = strokes(svg)
    assert [y for _, y in first] == [y for _, y in second]
    assert second[0][0] - first[0][0] == pytest.approx(400)


def test_curves_differ_in_more_than_colour():
    panels = {"a": {name: [0.0, 1.0] for name in "pqrst"}}
    svg = curve_panels(panels, x=[0, 1], x_name="step", title="x")
    assert len(dashes(svg)) == 5


def test_curves_are_told_and_named_safely():
    panels = {"<a>": {"up": [0.0, 2.0, 1.0]}}
    svg = curve_panels(panels, x=[0, 1, 2], x_name="step", title="x")
    assert label(svg) == "x, by step. <a>, up: from 0 to 1, least 0, most 2"


def test_a_curve_that_never_moves_can_be_drawn():
    panels = {"a": {"p": [1.0, 1.0]}}
    (line,) = strokes(curve_panels(panels, x=[0, 1], x_name="s", title="x"))
    assert all(74 < y < 258 for _, y in line)


@pytest.mark.parametrize(("x", "half"), [([0, 1], False), ([0, 0.25, 1], True)])
def test_whole_numbers_have_no_fractions_below_them(x, half):
    panels = {"a": {"p": [3.0] * len(x)}}
    svg = curve_panels(panels, x=x, x_name="s", title="x", width=240)
    assert ("0.5" in texts(svg)) == half


# ---- several runs --------------------------------------------------------------------


def test_runs_are_drawn_with_their_mean():
    flat = [dict.fromkeys(range(1, 11), share) for share in (0.0, 1.0)]
    none, all_won, mean = strokes(run_curves(flat, title="x", steps=10))
    assert mean[0][1] == pytest.approx((none[0][1] + all_won[0][1]) / 2, abs=0.1)
    assert none[0][1] > all_won[0][1]  # upwards is less in SVG
    assert mean[-1][0] == all_won[-1][0]


def test_the_mean_ends_where_the_first_run_ends():
    runs = [{1: 0.5, 2: 0.5, 3: 0.5}, {1: 0.7, 3: 0.7}, {}]
    svg = run_curves(runs, title="x", note="2 of 3 runs", steps=6)
    longer, shorter, mean = strokes(svg)
    assert [len(longer), len(shorter), len(mean)] == [3, 2, 2]
    assert label(svg) == (
        "x, 2 of 3 runs: share of training games won, smoothed mean from 60 % to 60 % "
        "at step 3"
    )


def test_panels_share_the_axis_they_are_given():
    short = strokes(run_curves([{1: 0.5, 10: 0.5}], title="x", steps=20))[0]
    whole = strokes(run_curves([{1: 0.5, 20: 0.5}], title="x", steps=20))[0]
    assert short[-1][0] - 46 == pytest.approx((whole[-1][0] - 46) / 2, abs=0.1)


def test_an_empty_panel_says_so():
    svg = run_curves([{}], title="x", steps=10)
    assert label(svg) == "x: no training curve"
    assert "no curve" in Outline(svg).texts


def test_no_run_at_all_can_be_drawn():
    assert "no curve" in texts(run_curves([], title="x", steps=0))
