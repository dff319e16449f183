import json

import nbformat
import pytest

from toolkit.cli import main
from toolkit.errors import ConfigError
from toolkit.lessons.exercises import exercises_of
from toolkit.lessons.grade import grade, try_answer

SETUP = 'from toolkit.lessons.start import Lesson, start\nstart("04_credit")'
RIGHT = exercises_of("04_credit")["leave_one_out"].source


@pytest.fixture(name="write")
def _write(tmp_path):
    def write(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        path = tmp_path / "mine.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return write


@pytest.mark.slow
def test_answers_are_tried_whatever_the_notebook_does(write, capsys):
    path = write(
        SETUP,
        f"{RIGHT}\nprint('a print of mine')",
        "1 / 0",
        "def same_room(rooms, to_go):\n    while True:\n        pass",
        "def same_room(rooms, to_go):\n    return to_go  # my own",
        "import time; time.sleep(3600)",
    )
    assert main(["grade", str(path), "--timeout", "30"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["lesson"], found["points"], found["of"]) == ("04_credit", 3, 11)
    said = {e["name"]: e for e in found["exercises"]}
    assert said["leave_one_out"]["passed"]
    assert said["leave_one_out"]["attempted"]
    assert not said["same_room"]["passed"]
    assert said["same_room"]["attempted"]
    assert (
        "nothing called returns_over_tokens" in said["returns_over_tokens"]["message"]
    )
    kinds = [error.split(":")[1] for error in found["errors"]]
    assert kinds == [" ZeroDivisionError", " KeyboardInterrupt"]


@pytest.mark.slow
def test_a_stub_is_no_attempt_and_an_endless_answer_ends(write, monkeypatch):
    from toolkit.lessons import grade as module
    from toolkit.lessons.masters import facts_of

    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 5)
    stubs = facts_of("04_credit")["stubs"]
    endless = "def same_room(rooms, to_go):\n    while True:\n        pass"
    found = grade(write(SETUP, stubs["leave_one_out"], endless))
    one, _, room = found.exercises
    assert (one.passed, one.attempted) == (False, False)
    assert "episode itself in it" in one.message
    assert (room.attempted, room.message) == (True, "it did not end in time.")
    assert found.points == 0


def test_what_is_no_lesson_is_refused(write, tmp_path):
    for path in (write("print(1)"), write('start("99_nothing")')):
        with pytest.raises(ConfigError, match="no lesson with exercises"):
            grade(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        grade(tmp_path / "none.ipynb")


def test_a_check_that_gets_nonsense_is_no_crash():
    names = {"mended": 3, "played": "nothing"}
    assert not try_answer("03_rewards", "mended", names)["passed"]
    said = try_answer("03_rewards", "mended", {"mended": 3})
    assert said["message"] == "there is nothing called played."


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"nbformat": 4}', "words"])
def test_what_is_no_notebook_is_refused_with_advice(tmp_path, text):
    path = tmp_path / "mine.ipynb"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"cannot be read.*\nWhy: .*\nDo: Check"):
        grade(path)


def test_a_notebook_needs_time(write):
    with pytest.raises(ConfigError, match="given -5 seconds"):
        grade(write(SETUP), timeout_s=-5)
