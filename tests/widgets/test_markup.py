from tests.html_checks import Outline
from tests.widgets.recorded import ATTACK
from toolkit.charts.svg import svg_picture
from toolkit.widgets.markup import picture, tag, to_html


def test_texts_and_attributes_are_escaped():
    found = Outline(to_html(tag("p", ATTACK, title=f'"{ATTACK}')))
    assert found.text == ATTACK
    assert found.tags == [("p", {"title": f'"{ATTACK}'})]


def test_empty_parts_are_left_out():
    assert tag("p", "", tag("b"), "") == ["p", {}, ["b", {}]]


def test_a_picture_has_the_name_that_a_page_needs():
    svg = to_html(picture(svg_picture(9, 9, "a dot", [])))
    assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" role="img"')
