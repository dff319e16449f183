import re
import xml.etree.ElementTree as ET

import pytest

from toolkit.charts.differences import (
    Difference,
    difference_grid,
    difference_plot,
    points,
)

UP, DOWN, OPEN = (0.1, 0.05, 0.15), (-0.1, -0.15, -0.05), (0.02, -0.05, 0.09)


def plot(*rows, **how):
    named = [Difference(name=f"row {i}", interval=row) for i, row in enumerate(rows)]
    return difference_plot(named, title="Changes", **how)


def centres(picture):
    return [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', picture)]


def test_rows_stand_where_their_numbers_are():
    down, middle, up = centres(plot(DOWN, OPEN, UP))
    # -0.1, 0.02 and 0.1 on one scale: the middle one is 12 of 20 parts to the right
    assert (middle - down) / (up - down) == pytest.approx(0.6, abs=0.002)


@pytest.mark.parametrize(
    ("interval", "ink"), [(UP, "gain"), (DOWN, "pain"), (OPEN, "quiet")]
)
def test_the_colour_says_on_which_side_of_zero_an_interval_lies(interval, ink):
    circle = re.search(r"<circle[^>]*>", plot(interval))[0]
    assert f"--{ink}" in circle
    box = re.search(r"<rect[^>]*>", difference_grid({"a": {"b": interval}}, title="t"))
    assert ("fill:none" if ink == "quiet" else f"fill:var(--{ink}") in box[0]


def test_an_interval_that_touches_zero_is_not_called_a_gain():
    assert "--gain" not in plot((0.1, 0.0, 0.2))


def test_what_somebody_else_found_is_drawn_on_the_same_scale():
    row = Difference(name="a", interval=UP, note="held", other=0.7)
    picture = difference_plot([row], title="t", other="the paper")
    assert picture.count('class="other"') == 2  # the mark and its key
    label = ET.fromstring(picture).get("aria-label")
    assert label == "t. a: held; the paper +70"
    assert ">+80<" in picture  # the scale reaches it
    assert difference_plot([row], title="t").count('class="other"') == 1


def test_a_row_without_an_interval_is_named_and_not_drawn():
    picture = plot(None)
    assert "row 0" in picture
    assert "<circle" not in picture
    assert points(None) == "not known"


def test_cells_are_framed_where_it_was_trained_and_empty_if_not_known():
    cells = {"a": {"x": UP, "y": None}, "b": {"x": OPEN, "y": DOWN}}
    picture = difference_grid(cells, title="t", own=[("a", "x")])
    assert picture.count("stroke-width:2") == 1
    assert ">–<" in picture
    label = ET.fromstring(picture).get("aria-label")
    assert "a: x +10.0 points (+5.0 to +15.0), y not known" in label
