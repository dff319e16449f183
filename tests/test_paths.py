from pathlib import Path

import pytest

from toolkit import paths
from toolkit.paths import assets_dir, cache_dir


def test_the_variable_decides(monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", "~/somewhere")
    assert cache_dir() == Path.home() / "somewhere"


@pytest.mark.parametrize(
    ("platform", "ending"),
    [
        ("linux", ".cache/multiturn-rl-toolkit"),
        ("darwin", "Library/Caches/multiturn-rl-toolkit"),
        ("win32", "AppData/Local/multiturn-rl-toolkit"),
    ],
)
def test_each_platform_has_its_place(monkeypatch, platform, ending):
    for name in ("TOOLKIT_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(paths.sys, "platform", platform)
    assert cache_dir() == Path.home() / ending


def test_assets_are_inside_the_package():
    assert assets_dir() == Path(paths.__file__).parent / "assets"
