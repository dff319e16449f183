import re

import pytest

from tests.environments.swe.conftest import sandbox
from tests.environments.swe.shop import SOURCE

assert sandbox
SHOP = """
from pathlib import Path
from tests.environments.swe.shop import make_shop
from toolkit import make_env
from toolkit.environments.swe.bugs import write_bugs
from toolkit.widgets.stepper import EnvStepper

folder = Path.cwd() / "shop"
folder.mkdir()
write_bugs(folder / "bugs.json.xz", [make_shop(folder)])
game = EnvStepper(make_env("swe/all", bugs=str(folder / "bugs.json.xz")))
game
"""
WRONG = "    return amount + amount * discount / 100"


@pytest.mark.slow
@pytest.mark.usefixtures("sandbox")
def test_a_bug_is_repaired_by_hand(open_notebook):
    page = open_notebook(SHOP, "print('untouched')")
    game = page.get_by_role("region", name="Play the game")
    box = game.get_by_role("textbox", name="Your command")
    log = game.get_by_role("log")

    def reached(turn):
        game.get_by_text(f"Turn {turn} of 25", exact=True).wait_for()

    def press(name):
        game.get_by_role("button", name=name, exact=True).click()

    # the tests are run at a click, and a file is opened
    press("run_tests")
    reached(2)
    tests = game.get_by_role("region", name="Tests, last run")
    tests.get_by_text("✗ 3 failed").wait_for()
    assert "TestShop::test_half" in tests.inner_text()
    press(SOURCE)
    reached(3)
    log.get_by_text(f"> view {SOURCE}").wait_for()

    # Enter makes a line, letters and Shift+Enter do nothing to the notebook
    box.focus()
    page.keyboard.type("dd")
    page.keyboard.press("Enter")
    page.keyboard.type("bx")
    assert box.input_value() == "dd\nbx"
    page.keyboard.press("Shift+Enter")
    log.get_by_text("Nothing was played").wait_for()
    page.keyboard.press("Control+Enter")
    reached(4)
    log.get_by_text("refused").or_(log.get_by_text("did nothing")).wait_for()
    assert box.input_value() == "dd\nbx"  # what failed comes back, to be mended
    assert page.locator(".jp-CodeCell").count() == 2
    assert not page.get_by_text("untouched", exact=True).count()

    # a click on the number of a line puts an edit of it into the box
    game.get_by_role("button", name="9", exact=True).click()
    page.wait_for_function(
        "text => document.querySelector('.stepper textarea').value.includes(text)",
        arg=f"=======\n{WRONG}\n",
    )
    page.keyboard.type(WRONG.replace("+", "-"))  # the new line is selected
    page.keyboard.press("Control+Enter")
    reached(5)
    game.get_by_text("Your changes: +1 −1 lines").wait_for()
    game.get_by_text("± changed").wait_for()
    game.get_by_text("Run before your last edit.").wait_for()

    page.keyboard.type("run_tests")  # the box has the focus still
    page.keyboard.press("Control+Enter")
    reached(6)
    game.get_by_text("✓ 6 passed").wait_for()
    press("submit")
    game.get_by_text("Won after 6 turns", exact=True).wait_for()
    game.get_by_text("✓ Repaired: all tests pass").wait_for()
    assert re.search("Won after 6 turns", game.get_by_role("status").inner_text())
