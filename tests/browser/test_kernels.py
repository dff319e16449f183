"""Do buttons work in every kernel people have? See `kernels.VERSIONS`."""

import pytest

from tests.browser.kernels import VERSIONS

STEPPER = """
import ipykernel
from tests.widgets.games import Yard
from toolkit.environments.base import make_env
from toolkit.widgets.stepper import EnvStepper

print("kernel", ipykernel.__version__)
EnvStepper(make_env("yard"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_button_is_answered(open_notebook, version):
    page = open_notebook(STEPPER, ipykernel=version)
    page.get_by_text(f"kernel {version}", exact=True).wait_for()
    game = page.get_by_role("region", name="Play the game")
    game.get_by_role("button", name="go north").click()
    game.get_by_role("log").get_by_text("> go north").wait_for()
    game.get_by_text("Turn 2 of 4", exact=True).wait_for()
