import pytest

from tests.html_checks import Outline
from tests.widgets.test_stepper import ATTACK, widget
from toolkit.widgets.stepper_html import LONG_ANSWER, content


def test_static_html_tells_all_that_matters():
    made = widget("go north", "sing", env="yard")
    made.ask({"do": "what-if", "text": "apple"})
    text = Outline(made.to_html()).text
    for words in ("yard/train/3", "Turn 3 of 4", "gate 3", "> go north", "1: htron og"):
        assert words in text
    for words in ("Seen a tree", "What if?", "3: elppa", "2 rooms visited"):
        assert words in text
    assert Outline(made.to_html()).having("svg")


@pytest.mark.parametrize(("lines", "is_folded"), [(0, False), (1, True)])
def test_long_answers_are_folded(lines, is_folded):
    view = widget("bcd").view
    text = "\n".join([ATTACK, *["more"] * (LONG_ANSWER - 1 + lines)])
    (row,) = view["log"]
    found = Outline(content({**view, "log": [{**row, "answer": text}]}, ""))
    assert bool(found.having("details")) is is_folded
    assert (f"{ATTACK} … and {LONG_ANSWER} lines" in found.text) is is_folded
    assert not found.having("script")


def test_the_panel_of_a_repair_stands_at_the_side():
    found = Outline(content(widget().view, "<p>files</p>"))
    assert {"class": "desk"} in found.having("div")
    assert len(found.having("aside")) == 1
