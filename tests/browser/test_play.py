import pytest

SETUP = """
from tests.training.gates import Gates
from toolkit.environments.base import make_env, tasks
from toolkit.widgets.play import Play

game = Play(make_env("gates"), tasks("gates", n=4)[3])
game
"""


@pytest.mark.slow
def test_a_game_is_played_with_the_keyboard_and_no_key_leaks(open_notebook):
    page = open_notebook(SETUP, "print('untouched')")
    play = page.get_by_role("region", name="Play the game by typing")
    field = play.get_by_role("textbox", name="Your command")
    log, status = play.get_by_role("log"), play.get_by_role("status")
    field.click()

    # letters that insert, delete and cut cells if the notebook hears them
    page.keyboard.type("baddx")
    page.keyboard.press("Shift+Enter")
    log.get_by_text("1: xddab").wait_for()
    page.keyboard.type("bcd")
    page.keyboard.press("Enter")
    log.get_by_text("2: dcb").wait_for()
    assert page.locator(".jp-CodeCell").count() == 2
    assert not page.get_by_text("untouched", exact=True).count()
    assert status.inner_text() == "Turn 3 of 4"

    # the focus stayed; the arrow recalls
    page.keyboard.press("ArrowUp")
    assert field.input_value() == "bcd"
    page.keyboard.press("ArrowDown")
    assert not field.input_value()

    play.get_by_role("button", name="Undo").click()
    status.get_by_text("Turn 2 of 4").wait_for()
    assert not log.get_by_text("2: dcb").count()
    page.keyboard.press("Shift+Tab")

    field.click()
    page.keyboard.type("apple")
    page.keyboard.press("Enter")
    status.get_by_text("Won after 2 turns.").wait_for()
    assert field.is_disabled()
    page.keyboard.press("Enter")  # the focus is on Restart
    status.get_by_text("Turn 1 of 4").wait_for()
    assert log.inner_text().strip() == "gate 3"

    # Esc gives the keyboard back: now `b` does insert a cell
    field.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.locator(".jp-CodeCell").nth(2).wait_for()
