import subprocess
from pathlib import Path

import playwright
import pytest

import toolkit.widgets
from toolkit.widgets.compare import EpisodeCompare
from toolkit.widgets.episode_view import EpisodeView
from toolkit.widgets.monitor import TrainingMonitor
from toolkit.widgets.reward_designer import RewardDesigner
from toolkit.widgets.stepper import EnvStepper

STATIC = Path(toolkit.widgets.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
NODE = Path(playwright.__file__).parent / "driver" / "node"
"""Comes with Playwright, so that none has to be installed."""
WIDGETS = (EnvStepper, EpisodeCompare, EpisodeView, RewardDesigner, TrainingMonitor)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_stand_alone(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert "innerHTML" not in text  # a world may write anything
    assert "http" not in text
    assert "\nimport " not in text


@pytest.mark.parametrize("widget", WIDGETS)
def test_each_widget_keeps_its_keys_from_the_notebook(widget):
    assert "lmSuppressShortcuts" in widget._esm
    assert "frame(model, el," in widget._esm.partition("\nfunction render(")[2]


@pytest.mark.parametrize("widget", WIDGETS)
def test_modules_are_javascript(widget, tmp_path):
    module = tmp_path / "widget.mjs"
    module.write_text(widget._esm, encoding="utf-8")
    subprocess.run([NODE, "--check", module], check=True)


def test_every_script_and_style_sheet_belongs_to_a_widget():
    for path in STATIC.glob("*.js"):
        assert any(path.read_text() in widget._esm for widget in WIDGETS), path.name
    for path in STATIC.glob("*.css"):
        assert any(path.read_text() in widget._css for widget in WIDGETS), path.name
