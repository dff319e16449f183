import pytest

MAZE = """
from toolkit.environments.base import make_env
from toolkit.widgets.stepper import EnvStepper

game = EnvStepper(make_env("textworld/coin_collector-105-basic"))
game
"""
YARD = """
from tests.widgets.games import Says, Yard, token
from toolkit.environments.base import make_env
from toolkit.widgets.stepper import EnvStepper

parrot = Says("x", "apple", tokens=[token("go", others=(("see", 0.5),))])
game = EnvStepper(make_env("yard", max_turns=9), parrot)
game
"""
ATTACK = "<img src=x onerror=document.title=1>"


def stepper(page):
    return page.get_by_role("region", name="Play the game")


@pytest.mark.slow
def test_a_game_is_won_with_the_keyboard_and_no_key_leaks(open_notebook):
    page = open_notebook(MAZE, "print('untouched')")
    game = stepper(page)
    field = game.get_by_role("textbox", name="Your command")
    log, choices = game.get_by_role("log"), game.get_by_role("group", name="Commands")
    field.focus()  # from here on the keyboard alone

    # letters that insert, delete and cut cells if the notebook hears them
    page.keyboard.type("baddx")
    page.keyboard.press("Enter")
    log.get_by_text("did nothing").wait_for()
    assert page.locator(".jp-CodeCell").count() == 2

    # the arrow recalls, Tab completes, and typing leaves only what fits
    page.keyboard.press("ArrowUp")
    assert field.input_value() == "baddx"
    page.keyboard.press("ArrowDown")
    page.keyboard.type("go s")
    assert choices.get_by_role("button").all_inner_texts() == ["2go south"]
    page.keyboard.press("Tab")
    assert field.input_value() == "go south"

    # Shift+Enter asks what if, and plays nothing
    page.keyboard.press("Shift+Enter")
    log.get_by_text("Nothing was played").wait_for()
    assert not page.get_by_text("untouched", exact=True).count()
    game.get_by_text("Turn 2 of 15", exact=True).wait_for()
    page.keyboard.press("Enter")
    game.get_by_text("Turn 3 of 15", exact=True).wait_for()
    game.get_by_role("img", name="You are in the room26. 2 rooms visited").wait_for()

    page.keyboard.press("1")  # go east: digits choose
    log.get_by_text("> go east").wait_for()
    for turn, command in enumerate(["go south", "go south", "take coin"], 4):
        game.get_by_text(f"Turn {turn} of 15", exact=True).wait_for()
        page.keyboard.type(command)
        page.keyboard.press("Enter")
    game.get_by_text("Won after 6 turns", exact=True).wait_for()
    assert "Won after 6 turns" in game.get_by_role("status").inner_text()

    page.keyboard.press("Enter")  # the focus is on Restart
    game.get_by_text("Turn 1 of 15", exact=True).wait_for()
    assert page.locator(".jp-CodeCell").count() == 2

    # Esc gives the keyboard back: now `b` does insert a cell
    field.focus()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.locator(".jp-CodeCell").nth(2).wait_for()


@pytest.mark.slow
def test_undo_branch_hint_model_and_themes(open_notebook):
    page = open_notebook(YARD)
    game = stepper(page)
    field, log = game.get_by_role("textbox"), game.get_by_role("log")

    def press(name):
        game.get_by_role("button", name=name, exact=True).click()

    # what a player or a world writes is text
    field.fill(ATTACK)
    field.press("Enter")
    log.get_by_text(f"> {ATTACK}").wait_for()
    assert not game.locator("img[src]").count()
    assert page.title() != "1"
    press("Undo")
    game.get_by_text("Turn 1 of 9", exact=True).wait_for()

    for command in ("go north", "go west"):
        field.fill(command)
        field.press("Enter")
        log.get_by_text(f"> {command}").wait_for()
    press("Branch before turn 2")
    game.get_by_text("Turn 2 of 9", exact=True).wait_for()
    branches = game.get_by_role("group", name="Branches").get_by_role("button")
    assert branches.all_inner_texts() == ["1: 2 turns", "2: 1 turn"]
    press("1: 2 turns")
    log.get_by_text("> go west").wait_for()
    press("2: 1 turn")

    press("Hint")
    log.get_by_text("privileged").wait_for()
    log.get_by_text("1 command from the win").wait_for()

    press("one turn")
    log.get_by_text("> x", exact=True).wait_for()
    assert log.get_by_role("row", name='"go" 25 1.50 "see" 50').is_visible()
    press("to the end")
    game.get_by_text("Won after 3 turns", exact=True).wait_for()

    def scheme(theme):
        script = """(element, theme) => {
            document.body.dataset.jpThemeLight = theme === "light";
            const { colorScheme, backgroundColor } = getComputedStyle(element);
            return [colorScheme, backgroundColor];
        }"""
        return game.evaluate(script, theme)

    assert scheme("light") == ["light", "rgb(255, 255, 255)"]
    assert scheme("dark") == ["dark", "rgb(28, 30, 33)"]


@pytest.mark.slow
def test_the_static_page_needs_neither_kernel_nor_script(browser):
    from tests.widgets.games import Yard
    from toolkit.environments.base import make_env
    from toolkit.widgets.stepper import EnvStepper

    assert Yard
    made = EnvStepper(make_env("yard"), theme="dark")
    made.type("go north")
    made.type(ATTACK)
    page = browser.new_context(java_script_enabled=False).new_page()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_content(made.to_html())
    assert page.get_by_text(f"> {ATTACK}").is_visible()
    assert page.get_by_role("img", name="You are in the yard").is_visible()
    assert page.get_by_text("Turn 3 of 4").is_visible()
    assert requests == []
