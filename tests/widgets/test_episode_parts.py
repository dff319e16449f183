import pytest

from tests.html_checks import Outline
from tests.widgets.recorded import Letters, turn
from toolkit.widgets.episode_parts import MOST_TOKENS, said, token, tokens_line, words
from toolkit.widgets.markup import to_html


def told(tree):
    return Outline(to_html(tree)).text


def test_tokens_have_texts_or_numbers():
    assert words([97, 10, 32], Letters()) == ["a", "⏎", "␣"]
    assert words([97], None) == ["#97"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "Turn 3 > go +0.5 +1.5 so far"),
        ({"action": "", "completion": " > go"}, "Turn 3 > > go ✗ refused +0.5 +1.5"),
        ({"info": {"valid_action": False}}, "Turn 3 > go ✗ did nothing +0.5 +1.5"),
        ({"action": "", "completion": ""}, "Turn 3 > (nothing) ✗ refused"),
    ],
)
def test_a_command_is_told_with_its_trouble_and_pay(fields, expected):
    assert told(said(turn("", "go", 0.5, **fields), "Turn 3", 1.5)).startswith(expected)


def test_colours_come_with_signs_and_words():
    shown = [token("go", [note], heat) for note, heat in (("+1", 0.5), ("-1", -2))]
    classes = [Outline(to_html(t)).having("span")[0] for t in shown]
    assert [c["class"] for c in classes] == ["token plus", "token minus"]
    assert [c["style"] for c in classes] == ["--heat:0.50", "--heat:1.00"]
    assert told(shown[0]) == "go +1"
    assert "token zero" in to_html(token("go", [], 0.001))


def test_of_many_tokens_the_first_are_shown():
    text = told(tokens_line(["x"] * (MOST_TOKENS + 7), "its tokens:"))
    assert text.count("x") == MOST_TOKENS
    assert text.endswith("… 7 more tokens")
