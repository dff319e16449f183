import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.environments.commands import CommandRules

RULES = CommandRules(
    max_chars=40, refused=frozenset({"save", "transcri"}), word_chars=8
)


@pytest.mark.parametrize(
    ("raw", "command"),
    [
        ("take lamp", "take lamp"),
        ("\n \n> take  lamp\nthink aloud", "take lamp"),
        ("take lamp. go north", "take lamp"),
        ("take lamp THEN go north", "take lamp"),
        ("strengthen it", "strengthen it"),
        ("\\x\x00look\x1b", "x look"),
        ("café", "cafe"),
        ("🗝", ""),
        ("", ""),
        ("x" * 500, "x" * 40),
        ('> "Save" game', ""),
        ("ｓａｖｅ", ""),
        ("transcription on", ""),
        ("saved game", "saved game"),
    ],
)
def test_becomes_one_command(raw, command):
    assert RULES.clean(raw) == command


@given(st.text())
def test_any_text_becomes_short_ascii_of_one_line(raw):
    command = RULES.clean(raw)
    assert len(command) <= RULES.max_chars
    assert command.isascii()
    assert command.isprintable()
    assert "\\" not in command
    assert command == RULES.clean(command)
