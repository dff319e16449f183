import itertools
import xml.etree.ElementTree as ET

import pytest

from toolkit.charts.svg import Scale, hatch_name, round_ticks, svg_picture, svg_text


def test_a_scale_goes_from_its_start_to_its_end():
    down = Scale(256, 80, -1, 3)
    assert [down.at(v) for v in (-1, 0, 3)] == [256, 212, 80]
    assert Scale(10, 20).at(0.5) == 15


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 10), (-0.3, 0.02), (17, 4e3)])
@pytest.mark.parametrize("count", [2, 4, 11])
def test_ticks_are_even_and_enclose_the_numbers(low, high, count):
    ticks = round_ticks(low, high, count)
    assert ticks[0] <= low < high <= ticks[-1]
    step = ticks[1] - ticks[0]
    assert ticks == pytest.approx([ticks[0] + i * step for i in range(len(ticks))])
    assert ticks[0] + step > low
    assert ticks[-1] - step < high
    assert len(ticks) <= count + 2


@pytest.mark.parametrize("high", [1, 3, 10, 20, 60, 90, 20_000])
def test_whole_ticks_are_even_too(high):
    ticks = round_ticks(0, high, 4, whole=True)
    assert all(isinstance(t, int) for t in ticks)
    assert {b - a for a, b in itertools.pairwise(ticks)} == {ticks[1] - ticks[0]}


def test_words_cannot_break_the_picture():
    words = '<b>&"\x00'
    root = ET.fromstring(svg_picture(9, 9, words, [svg_text(0, 0, words)]))
    assert root.get("aria-label") == next(root.iter("text")).text == '<b>&"␀'


def test_patterns_of_different_pictures_have_different_names():
    assert hatch_name("a") == hatch_name("a") != hatch_name("b")
