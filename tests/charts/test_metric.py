import re

import numpy as np
import pytest

from tests.html_checks import Outline
from toolkit.charts.metric import MOST_POINTS, Mark, metric_chart, smoothed, thin

CHART = {"title": "Speed", "unit": "m/s", "last_step": 10}


def test_a_chart_says_what_it_shows():
    found = Outline(metric_chart([1, 2, 3], [2.0, 2.0, 2.0], **CHART))
    assert "Speed (m/s) now 2" in found.text
    (picture,) = found.having("svg")
    assert picture["aria-label"] == ("Speed (m/s), smoothed, over 3 steps from 2 to 2")
    assert picture["xmlns"], "pages that parse it as XML need its namespace"


def test_thinning_keeps_every_peak():
    values = np.zeros(20_000)
    values[[3, 9_999, 19_998]] = 5, -7, 9
    xs, ys = thin(range(20_000), values, 500)
    assert len(xs) <= 500
    assert xs == sorted(xs)
    assert {5.0, -7.0, 9.0} <= set(ys)
    assert xs[ys.index(-7.0)] == 9_999


def test_few_points_stay_as_they_are():
    assert thin([1, 2], [3, 4], 500) == ([1.0, 2.0], [3.0, 4.0])


def test_smoothing_a_long_series_keeps_its_level():
    xs, ys = smoothed(range(20_000), [3.0] * 20_000)
    assert len(xs) == MOST_POINTS
    assert ys == pytest.approx([3.0] * MOST_POINTS)


def test_a_long_run_is_a_small_picture():
    rng = np.random.default_rng(0)
    drawn = metric_chart(range(20_000), rng.random(20_000), **CHART, width=592)
    assert len(drawn) < 9_000


def test_the_band_is_that_of_one_batch():
    # by hand for 5 of 10: Wilson's interval is 0.2366 to 0.7634; the axis has 100 px
    drawn = metric_chart(
        *([1, 2], [0.5, 0.5]),
        **{**CHART, "unit": "%"},
        episodes=10,
        height=154,
    )
    (path,) = re.findall(r'class="band" d="M([^z]*)z', drawn)
    heights = {float(place.split()[1]) for place in path.split("L")}
    assert heights == {57.7, 110.0}


def test_marks_stand_at_their_steps():
    marks = [Mark(5, "E", "evaluation", (0.5, 0.25, 0.75))]
    drawn = metric_chart([1, 9], [0.1, 0.9], **CHART, episodes=8, marks=marks)
    found = Outline(drawn)
    assert {"x": "160", "y": "26"} in found.having("text")  # half of 40 to 280
    assert [p for p in found.having("path") if p.get("class") == "exam"]


@pytest.mark.parametrize("values", [[0.0], [-3.0, -3.0], [1e12, -1e12], [1e-9, 0.0]])
def test_any_numbers_can_be_drawn(values):
    drawn = metric_chart(range(len(values)), values, **CHART)
    assert "nan" not in drawn
    Outline(drawn)
