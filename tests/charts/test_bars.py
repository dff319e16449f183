import re
import xml.etree.ElementTree as ET

import pytest

from tests.html_checks import Outline
from toolkit.charts.bars import bar_chart, before_after, interval_bars


def rects(svg):
    return [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)"', svg)]


def test_bars_are_as_long_as_their_shares():
    svg = bar_chart([("go", (0.5, 10), (1.0, 20))], title="Took effect", width=400)
    rails = rects(svg)
    assert rails[1] == pytest.approx(rails[0] / 2 - 2)
    assert rails[3] == pytest.approx(rails[2] - 2)
    assert {"go", "50 % of 10", "100 % of 20"} <= set(Outline(svg).texts)


def test_names_are_escaped():
    svg = bar_chart([("<b>&", (0.5, 1), None)], title='"quoted"')
    root = ET.fromstring(svg)
    assert next(root.iter("text")).text == "<b>&"
    assert root.get("aria-label").startswith('"quoted"')


def test_bars_are_told_in_words():
    root = ET.fromstring(bar_chart([("go", (0.5, 10), None)], title="Took effect"))
    assert root.get("role") == "img"
    assert "go before 50 % of 10; go after never used" in root.get("aria-label")


def test_bars_end_within_their_whiskers():
    svg = interval_bars({"a": (0.5, 0.25, 0.75), "b": (1.0, 0.5, 1.0)}, title="t")
    half, whole = rects(svg)
    assert whole == pytest.approx(2 * half)
    whiskers = re.findall(r'class="interval" d="M([\d.]+) \d+H([\d.]+)', svg)
    (low, high), (_, end) = whiskers
    assert (float(low) + float(high)) / 2 == pytest.approx(170 + half)
    assert float(end) == pytest.approx(170 + whole)


HALF, MORE = (0.5, 0.25, 0.75), (0.75, 0.5, 1.0)
ROWS = {"x": (HALF, MORE), "y": (None, HALF)}


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


def test_where_all_began_is_a_line_through_the_rows():
    svg = before_after({"": ROWS}, sides=("old", "new"), title="t", start=HALF)
    (line,) = re.findall(r'class="start" d="M([\d.]+) ', svg)
    (square,) = [float(x) for x in re.findall(r'<rect x="([\d.]+)"', svg)][1:]
    assert float(line) == pytest.approx(square + 4, abs=0.1)
    assert "at the start 50 %" in Outline(svg).texts
    (tag,) = Outline(svg).having("svg")
    assert tag["aria-label"].startswith("t. at the start 50 % (25 % to 75 %); x: old")


def test_narrow_panels_have_fewer_numbers():
    def ticks(count):
        panels = {str(i): ROWS for i in range(count)}
        svg = before_after(panels, sides=("old", "new"), title="t")
        return Outline(svg).texts.count("25 %")

    assert [ticks(2), ticks(4)] == [2, 0]
