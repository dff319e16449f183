import shutil
import subprocess
from pathlib import Path

import pytest

import toolkit.widgets

STATIC = Path(toolkit.widgets.__file__).parent / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_stand_alone(script):
    text = script.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert "innerHTML" not in text  # a world may write anything
    assert "http" not in text
    assert "\nimport " not in text
    assert "lmSuppressShortcuts" in text


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_javascript(script, tmp_path):
    module = tmp_path / f"{script.stem}.mjs"
    shutil.copy(script, module)
    subprocess.run(["node", "--check", module], check=True)
