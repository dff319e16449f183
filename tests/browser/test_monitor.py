import pytest

TRAINING = """
from tests.models import tiny_policy
from tests.training.runs import SMALL
from toolkit.environments.base import make_env, tasks
from toolkit.widgets.monitor import TrainingMonitor

monitor = TrainingMonitor.start(
    tiny_policy(), make_env("gates"), tasks=tasks("gates", n=5),
    **{**SMALL, "max_steps": 2000},
)
"""
"""A stop that is heard too late finds a run that has finished."""
REPLAY = """
from toolkit.widgets.monitor import TrainingMonitor
TrainingMonitor.replay("learns", speed=60)
"""


@pytest.mark.slow
def test_training_is_paused_and_stopped_by_its_buttons(open_notebook):
    page = open_notebook(TRAINING, "print('untouched')")
    monitor = page.get_by_role("region", name="Training")
    status = monitor.locator(".status")

    def press(name):
        monitor.get_by_role("button", name=name, exact=True).click()

    status.get_by_text("Training").wait_for()
    monitor.get_by_role("img", name="Success in training, smoothed").wait_for()
    press("Pause")
    status.get_by_text("Paused").wait_for()
    # letters that insert and delete cells if the notebook hears them
    monitor.get_by_role("button", name="Resume", exact=True).focus()
    page.keyboard.type("bdd")
    assert page.locator(".jp-CodeCell").count() == 2
    page.keyboard.press("Enter")
    status.get_by_text("Training").wait_for()

    monitor.get_by_role("spinbutton", name="Its new weight").fill("2")
    press("Change weight")
    monitor.get_by_text("reward weights are now game 2").wait_for()

    press("Stop")
    status.get_by_text("Stopped by hand").wait_for()
    assert not monitor.get_by_role("button", name="Stop", exact=True).is_visible()


@pytest.mark.slow
def test_a_recording_is_played_and_looks_right_in_the_dark(open_notebook):
    page = open_notebook(REPLAY)
    monitor = page.get_by_role("region", name="Training")
    monitor.get_by_text("Step 50 of 50").wait_for()
    position = monitor.get_by_role("toolbar", name="Replay").get_by_role("slider")
    position.focus()
    page.keyboard.press("ArrowLeft")
    monitor.get_by_text("Step 49 of 50").wait_for()
    page.keyboard.press("Home")
    monitor.get_by_text("Step 0 of 50").wait_for()
    monitor.get_by_role("button", name="One step forth").click()
    monitor.get_by_text("Step 1 of 50").wait_for()
    monitor.get_by_role("button", name="Play", exact=True).click()
    monitor.get_by_text("Step 50 of 50").wait_for()

    monitor.get_by_role("button", name="worst", exact=True).click()
    episode = monitor.get_by_role("region", name="Episode")
    token = episode.locator("b").first
    assert token.get_attribute("title").startswith("advantage ")
    script = """(element) => {
        document.body.dataset.jpThemeLight = "false";
        return getComputedStyle(element).colorScheme;
    }"""
    assert monitor.evaluate(script) == "dark"
