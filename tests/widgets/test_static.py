import subprocess
from pathlib import Path

import playwright
import pytest

import toolkit.widgets
from toolkit.widgets.base import script

STATIC = Path(toolkit.widgets.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))
NODE = Path(playwright.__file__).parent / "driver" / "node"
"""Comes with Playwright, so that none has to be installed."""
MODULES = [path.stem for path in SCRIPTS if path.stem != "base"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_stand_alone(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert "innerHTML" not in text  # a world may write anything
    assert "http" not in text
    assert "\nimport " not in text


@pytest.mark.parametrize("name", MODULES)
def test_each_widget_keeps_its_keys_from_the_notebook(name):
    assert "lmSuppressShortcuts" in script(name)
    assert "frame(model, el," in script(name).partition("\nfunction render(")[2]


@pytest.mark.parametrize("name", MODULES)
def test_modules_are_javascript(name, tmp_path):
    module = tmp_path / f"{name}.mjs"
    module.write_text(script(name), encoding="utf-8")
    subprocess.run([NODE, "--check", module], check=True)
