"""Do buttons work in every kernel people have? See `kernels.VERSIONS`."""

import pytest

from tests.browser.kernels import VERSIONS
from tests.browser.test_monitor import TRAINING

STEPPER = """
import ipykernel
from tests.widgets.games import Yard
from toolkit.widgets.stepper import EnvStepper

print("kernel", ipykernel.__version__)
EnvStepper(make_env("yard"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_game_is_played_while_a_run_trains_and_stops(open_notebook, version):
    page = open_notebook(TRAINING + STEPPER, ipykernel=version)
    page.get_by_text(f"kernel {version}", exact=True).wait_for()
    game = page.get_by_role("region", name="Play the game")
    game.get_by_role("button", name="go north").click()
    game.get_by_role("log").get_by_text("> go north").wait_for()
    game.get_by_text("Turn 2 of 4", exact=True).wait_for()

    monitor = page.get_by_role("region", name="Training")
    status = monitor.locator(".status")
    status.get_by_text("Training").wait_for()
    monitor.get_by_role("button", name="Stop", exact=True).click()
    status.get_by_text("Stopped by hand").wait_for()
