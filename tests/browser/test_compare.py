import pytest

MAZES = """
from tests.widgets.recorded import ATTACK, episode, turn
from tests.widgets.test_compare import YARD, Task
from toolkit.widgets.compare import EpisodeCompare

start = ("gate 3", "go north"), ("a", "go south"), ("b", "go north")
pair = [
    episode(*(turn(*t) for t in (*start, *rest)), task=Task(**YARD))
    for rest in (
        (("c", "sing"), ("met again", ATTACK), ("e", "look")),
        (("c", "go east"), ("met again", ATTACK), ("e", "apple")),
    )
]
made = EpisodeCompare(*pair, names=("before", "after"))
made
"""
REPAIRS = """
from tests.widgets.test_compare import repairs
from toolkit.widgets.compare import EpisodeCompare

EpisodeCompare(*repairs(), names=("one", "other"))
"""
VIEW = """
from tests.widgets.recorded import Letters
from tests.widgets.test_episode_view import GAME, PER_TOKEN
from toolkit.widgets.episode_view import EpisodeView

read = EpisodeView(GAME, {"gae": PER_TOKEN}, tokenizer=Letters())
read
"""
ATTACK = "<script>alert(1)</script>"


def colours(region, theme):
    script = """(element, theme) => {
        document.body.dataset.jpThemeLight = theme === "light";
        return getComputedStyle(element).backgroundColor;
    }"""
    return region.evaluate(script, theme)


@pytest.mark.slow
def test_differences_are_read_with_the_keyboard_and_played_on(open_notebook):
    page = open_notebook(MAZES)
    found = page.get_by_role("region", name="Compare episodes")
    body = found.get_by_role("log")
    found.get_by_text("difference 1 of 2", exact=True).wait_for()
    assert body.get_by_text("≠ other command").first.is_visible()

    # what is the same is folded, and opens with a key
    first = body.get_by_text("Turn 2", exact=True)
    assert not first.is_visible()
    body.focus()
    page.keyboard.press("u")
    first.wait_for()
    page.keyboard.press("n")
    found.get_by_text("difference 2 of 2", exact=True).wait_for()
    assert "Difference 2 of 2" in found.get_by_role("status").inner_text()
    assert first.is_visible(), "what was unfolded stays so"
    page.keyboard.press("p")
    found.get_by_text("difference 1 of 2", exact=True).wait_for()

    # the keys stay in the widget, and what was said is text
    page.keyboard.press("b")
    assert page.locator(".jp-CodeCell").count() == 1
    assert body.get_by_text(f"> {ATTACK}").first.is_visible()
    assert not found.locator("script").count()

    # the game goes on below, from before turn 4
    found.get_by_role("button", name="Play on from turn 4").press("Enter")
    game = found.get_by_role("region", name="Play the game")
    game.get_by_text("Turn 4 of 4", exact=True).wait_for()
    game.get_by_role("textbox", name="Your command").fill("apple")
    page.keyboard.press("n")  # typed into the game, not a key of the comparison
    page.keyboard.press("Enter")
    game.get_by_text("Won after 4 turns", exact=True).wait_for()
    assert found.get_by_text("difference 1 of 2", exact=True).is_visible()
    found.get_by_role("button", name="Close the game").click()
    game.wait_for(state="detached")
    assert colours(found, "light") == "rgb(255, 255, 255)"
    assert colours(found, "dark") == "rgb(28, 30, 33)"


@pytest.mark.slow
def test_an_episode_is_read_with_the_keyboard(open_notebook):
    page = open_notebook(VIEW)
    found = page.get_by_role("region", name="Read an episode")
    body = found.get_by_role("log")
    body.focus()
    page.keyboard.press("n")
    # the prompt of the turn that is looked at, and of no other
    body.get_by_text("read before turn 2 (15 tokens)").wait_for()
    page.keyboard.press("o")
    body.get_by_text("A yard", exact=True).wait_for(state="hidden")
    assert body.get_by_text("i −1.00 30 %").is_visible()
    found.get_by_label("Colours by").select_option("probability")
    body.get_by_text("The fuller its colour").wait_for()
    body.get_by_text("privileged").last.click()
    assert body.get_by_text("room: shed").is_visible()
    field = found.get_by_role("spinbutton", name="Turn")
    field.fill("1")
    field.press("Enter")
    body.get_by_text("read before turn 1").wait_for()
    assert page.locator(".jp-CodeCell").count() == 1


@pytest.mark.slow
def test_the_static_pages_need_neither_kernel_nor_script(browser):
    from tests.widgets.recorded import Letters
    from tests.widgets.test_compare import walk
    from tests.widgets.test_episode_view import GAME, PER_TOKEN
    from toolkit.widgets.compare import EpisodeCompare
    from toolkit.widgets.episode_view import EpisodeView

    page = browser.new_context(java_script_enabled=False).new_page()
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    one, other = (walk("go north", "look", "go south", said) for said in (ATTACK, "no"))
    page.set_content(EpisodeCompare(one, other, theme="dark").to_html())
    assert page.get_by_text(f"> {ATTACK}").is_visible()
    hidden = page.get_by_text("Turn 2", exact=True)
    assert not hidden.is_visible()
    page.get_by_text("the first 3 turns: the same in all").click()
    assert hidden.is_visible()
    assert page.get_by_role("columnheader", name="B, somebody").last.is_visible()

    page.set_content(
        EpisodeView(GAME, {"gae": PER_TOKEN}, tokenizer=Letters()).to_html()
    )
    assert page.get_by_role("img", name="Advantages, token by token").is_visible()
    assert page.get_by_text("i −1.00 30 %").is_visible()
    assert requests == []


@pytest.mark.slow
def test_long_texts_are_unfolded_with_the_keyboard_and_stay_so(open_notebook):
    page = open_notebook(REPAIRS)
    found = page.get_by_role("region", name="Compare episodes")
    found.get_by_text("difference 1 of 1", exact=True).wait_for()
    texts = found.locator("details.seen")
    shown = [texts.nth(i).locator(".world").is_visible() for i in range(4)]
    assert shown == [False, True, True, False]
    last = texts.nth(3)
    last.locator("summary").focus()
    page.keyboard.press("Enter")
    last.locator(".world").wait_for()
    assert "39|    x = 39" in last.inner_text()
    page.keyboard.press("u")
    assert last.locator(".world").is_visible(), "what was unfolded stays so"
