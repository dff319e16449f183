import re
import xml.etree.ElementTree as ET

import pytest

from toolkit.charts.stacks import part_names, stacked_bars, stacks_in_words

PANELS = {
    "one": {"a": {"x": 1.0, "y": 3.0}, "b": {"x": 2.0, "y": 0.0}},
    "two": {"c": {"z": 100.0}},
}


def boxes(svg):
    """Left end and width of each part of each bar, without those of the key."""
    found = re.findall(r'<path fill="[^"]*" d="M([\d.]+) ([\d.]+)h([\d.]+)', svg)
    return [(float(x), float(wide)) for x, y, wide in found if float(y) > 30]


def texts(svg):
    return [node.text for node in ET.fromstring(svg).iter("text")]


def marks(svg):
    """Left end and height of what bars are held against."""
    return re.findall(r'd="M([\d.]+) ([\d.]+)v[\d.]+" style="fill:none;stroke', svg)


def test_parts_are_as_long_as_their_numbers_and_stand_side_by_side():
    x, y, alone, z = boxes(stacked_bars(PANELS, title="t", unit="GiB"))
    assert y[1] == pytest.approx(3 * x[1], rel=0.01)
    assert y[0] == pytest.approx(x[0] + x[1], abs=0.5)
    assert alone[1] == pytest.approx(2 * x[1], rel=0.01)
    assert z[1] == pytest.approx(x[1] + y[1], rel=0.01)  # each panel has its scale


def test_sums_stand_behind_the_bars_and_names_in_the_key():
    found = texts(stacked_bars(PANELS, title="t", unit="GiB"))
    assert {"t (GiB)", "one", "two", "4", "2", "100"} <= set(found)
    assert [name for name in found if name in ("x", "y", "z")] == part_names(PANELS)


def test_lines_beyond_a_scale_are_left_out():
    svg = stacked_bars(PANELS, title="t", unit="GiB", lines={"low": 3.0, "high": 50.0})
    assert texts(svg).count("low") == 2
    assert texts(svg).count("high") == 1


def test_a_line_does_not_run_through_a_number():
    panels = {"": {"long": {"x": 100.0}, "short": {"x": 50.0}}}
    free, covered = (
        marks(stacked_bars(panels, title="t", unit="s", lines={"at": value}))
        for value in (90.0, 52.0)
    )
    assert len(free) == 2
    assert len(covered) == 1


def test_the_seventh_part_is_an_empty_box():
    parts = dict.fromkeys("abcdefg", 10.0)
    svg = stacked_bars({"": {"all": parts}}, title="t", unit="s")
    assert len(boxes(svg)) == 6
    assert svg.count("fill:none;stroke:var(--quiet") == 2  # in the bar and in the key


def test_a_picture_is_told_in_words():
    root = ET.fromstring(stacked_bars(PANELS, title="<t>", unit="GiB"))
    assert root.get("aria-label").startswith("<t> (GiB). one, a: 4 = 1 x + 3 y")
    assert stacks_in_words(PANELS)[1:] == ["one, b: 2 = 2 x", "two, c: 100 = 100 z"]
