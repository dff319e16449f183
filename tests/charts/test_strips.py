import re
import xml.etree.ElementTree as ET

import pytest

from tests.html_checks import Outline
from toolkit.charts.strips import BLAME, NEITHER, PRAISE, Strip, advantage_strips


def strip(*rows, tokens=("room", "go", "end", "room", "<b>", "end"), name="A"):
    return Strip(name=name, tokens=tokens, spans=[(1, 3), (4, 6)], rows=rows)


def boxes(svg):
    """Return for each colour how strong its boxes are, and how many there are."""
    found = re.findall(r'fill="(#\w+)" fill-opacity="\.(\d+)" d="([^"]*)"', svg)
    return {(colour, int(s)): path.count("M") for colour, s, path in found}


def test_words_say_what_the_picture_shows():
    grpo, gae = [0, 0.5, 0.5, 0, -0.25, -0.25], [0, 0.1, 0.2, 0, 0, 0]
    one = strip(("grpo", grpo), ("gae", gae))
    assert one.told() == ["A, grpo: +0.50, -0.25", "A, gae: +0.10 to +0.20, 0"]
    svg = advantage_strips([one], title="Credit <1>")
    (tag,) = Outline(svg).having("svg")
    assert tag["aria-label"] == f"Credit <1>. {'; '.join(one.told())}"
    assert tag["role"] == "img"


def test_long_episodes_are_told_by_their_range():
    spans = [(k, k + 1) for k in range(7)]
    values = [0.0, 1.0, -1.0, 0.5, 0.0, 0.0, 0.0]
    long = Strip(name="A", tokens=["x"] * 7, spans=spans, rows=[("grpo", values)])
    assert long.told() == ["A, grpo: -1.00 to +1.00"]


def test_all_rows_share_one_scale():
    first = strip(("a", [0, 2, 2, 0, 1, 1]))
    second = strip(("b", [0, -1, -1, 0, 0, 0]), name="B")
    found = boxes(advantage_strips([first, second], title="x"))
    # the key has one box of each: -2, -1, 0, +1, +2
    assert found == {
        (PRAISE, 62): 2,
        (PRAISE, 37): 2,
        (BLAME, 37): 2,
        (BLAME, 62): 1,
        (NEITHER, 12): 2,
    }


def test_signs_are_visible_without_colours():
    svg = advantage_strips([strip(("a", [0, 1, 1, 0, -1, -1]))], title="x")
    edges = dict(re.findall(r'<path stroke="(#\w+)" stroke-width="2" d="([^"]*)"', svg))
    assert {colour: path.count("M") for colour, path in edges.items()} == {
        PRAISE: 3,
        BLAME: 3,
    }


def test_the_worlds_tokens_are_hatched_and_get_no_colour():
    svg = advantage_strips([strip(("a", [9, 1, 1, 9, 1, 1]))], title="x")
    (pattern,) = re.findall(r'<pattern id="([^"]+)"', svg)
    (path,) = re.findall(rf'fill="url\(#{pattern}\)" d="([^"]*)"', svg)
    assert path.count("M") == 3  # two observations, and the key
    assert sum(boxes(svg).values()) == 2 + 5  # two actions, and the key


def test_two_pictures_do_not_share_a_pattern():
    names = {
        re.findall(r'<pattern id="([^"]+)"', advantage_strips([s], title="x"))[0]
        for s in (strip(("a", [0.0] * 6)), strip(("b", [0.0] * 6)))
    }
    assert len(names) == 2


def test_each_word_and_number_is_shown_if_there_is_room():
    outline = Outline(advantage_strips([strip(("a", [0, 1, 1, 0, -1, -1]))], title="x"))
    for text in ("go", "<b>", "+1.00", "-1.00"):
        assert text in outline.texts


@pytest.mark.parametrize("width", [760, 300])
def test_what_does_not_fit_is_narrow_and_wordless(width):
    tokens, spans = ["token"] * 200, [(10 * k, 10 * k + 5) for k in range(20)]
    rows = [("a", [1.0] * 200)]
    many = Strip(name="A", tokens=tokens, spans=spans, rows=rows)
    svg = advantage_strips([many], title="x", width=width)
    assert "token" not in Outline(svg).texts
    path = re.findall(rf'fill="{PRAISE}"[^>]* d="([^"]*)"', svg)[0]
    places = re.findall(r"M([\d.]+) [\d.]+h([\d.]+)", path)
    assert all(float(x) + float(wide) <= width for x, wide in places)


def test_nothing_at_all_can_be_drawn():
    svg = advantage_strips([strip(("a", [0.0] * 6))], title="x")
    assert set(boxes(svg)) == {(NEITHER, 12)}
    ET.fromstring(svg)
