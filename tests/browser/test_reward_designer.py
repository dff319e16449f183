import re

import pytest

ATTACK = "<img src=x onerror=document.title=1>"
DESIGN = """
from dataclasses import replace
from tests.rewards.made import scores
from toolkit.widgets.reward_designer import RewardDesigner

def by_model(played):
    ids = {"observation_ids": (1, 2), "action_ids": (3, 4)}
    turns = [replace(t, completion="ATTACK", **ids) for t in played.turns]
    return replace(played, turns=tuple(turns))

played = [scores([2, 4], most=4, won=True), scores([0, 1, 1], most=4)]
other = [scores([1, 0], most=4, seed=1)] * 2
mix = {"success": 1, "step_cost": 0}
designer = RewardDesigner([*map(by_model, played), *other], mix)
designer
""".replace("ATTACK", ATTACK)


def scheme(panel, theme):
    script = """(element, theme) => {
        document.body.dataset.jpThemeLight = theme === "light";
        const { colorScheme, backgroundColor } = getComputedStyle(element);
        return [colorScheme, backgroundColor];
    }"""
    return panel.evaluate(script, theme)


def change_terms(page, panel, code):
    """Terms come and go, and the kernel has what is shown."""
    panel.get_by_role("combobox", name="Term to add").select_option("format")
    panel.get_by_role("button", name="Add term").click()
    panel.get_by_role("slider", name="format").wait_for()
    panel.get_by_role("button", name="Remove success").click()
    code.get_by_text(re.compile("'step_cost': -1.0, 'format': 0.1")).wait_for()
    page.locator(".jp-CodeCell .cm-content").nth(1).click()
    page.keyboard.press("Control+Enter")
    page.get_by_text("Mix({'step_cost': -1.0, 'format': 0.1})", exact=True).wait_for()
    panel.get_by_role("button", name="Reset all").click()
    code.get_by_text(re.compile("'success': 1.0")).wait_for()


@pytest.mark.slow
def test_a_slider_is_moved_with_the_keyboard(open_notebook):
    page = open_notebook(DESIGN, "print(designer.mix.to_code())")
    panel = page.get_by_role("region", name="Design a reward")
    turns = panel.get_by_role("region", name="Advantage of each turn")
    turns.get_by_role("row").nth(1).get_by_role("cell", name="-0.71").first.wait_for()
    code = panel.get_by_role("code")

    # arrows move a slider; what it changes is read at once
    slider = panel.get_by_role("slider", name="success")
    slider.focus()
    for _ in range(50):
        page.keyboard.press("ArrowLeft")
    panel.get_by_text("1 of 2", exact=True).first.wait_for()
    code.get_by_text(re.compile("'success': 0.0,")).wait_for()
    row = turns.get_by_role("row").nth(1)
    assert row.get_by_role("cell").all_inner_texts()[2:4] == [
        "0\nwas -0.71",
        "0\nwas -1.00",
    ]
    assert slider.evaluate("s => s === document.activeElement")
    assert "0 of 2 games teach" in panel.get_by_role("status").inner_text()

    # a number can be typed, and a loss then earns more than the win
    field = panel.get_by_role("spinbutton", name="step_cost as a number")
    field.fill("-1")
    field.press("Enter")
    panel.get_by_role("listitem").filter(has_text="A loss after").wait_for()
    panel.get_by_text("It was lost and earns 1 more than a win").first.wait_for()

    # rows by arrows, and the focus stays with the chosen one
    games = panel.get_by_role("region", name="Games")
    first = games.get_by_role("button", name="0", exact=True)
    first.focus()
    page.keyboard.press("ArrowDown")
    panel.get_by_text(re.compile("^Game 1, episode 1")).first.wait_for()
    second = games.get_by_role("button", name="1", exact=True)
    assert second.get_attribute("aria-pressed") == "true"
    assert second.evaluate("b => b === document.activeElement")
    panel.get_by_text("No model played this episode").wait_for()

    # what was written is text, and no key reached the notebook
    page.keyboard.press("ArrowUp")
    turns.get_by_text(f"> {ATTACK[:20]}").first.wait_for()
    assert not panel.locator("img[src]").count()
    page.keyboard.type("badx")
    assert page.locator(".jp-CodeCell").count() == 2

    change_terms(page, panel, code)
    assert scheme(panel, "light") == ["light", "rgb(255, 255, 255)"]
    assert scheme(panel, "dark") == ["dark", "rgb(28, 30, 33)"]
