"""The browser of these tests: where it is, and how to get one (`make browser`).

Looked for in this order: what the environment variable `TOOLKIT_BROWSER` names, the
Chromium or Chrome of the machine, one that `make browser` has put into `.cache`.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from pathlib import Path

from tests.programs import apt_install, finish, run

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOLDER = Path(__file__).parents[2] / ".cache" / "browsers"
PROGRAMS = ("headless_shell", "chrome-headless-shell")
HELP = (
    "There is no Chromium, so the browser tests cannot run. On Debian: sudo apt-get "
    "install chromium. Elsewhere: install Chrome, or set TOOLKIT_BROWSER to its path."
)


def find(folder: Path = FOLDER) -> str | None:
    """Return the path of a Chromium, or `None`."""
    named = os.environ.get("TOOLKIT_BROWSER")
    own = (str(p) for name in PROGRAMS for p in sorted(folder.rglob(name)))
    tried = [named] if named else [*NAMES, *own]
    return next((path for name in tried if (path := shutil.which(name))), None)


def get(folder: Path = FOLDER) -> str | None:
    """Return the path of a Chromium, after installing one if there is none."""
    if not (find(folder) or os.environ.get("TOOLKIT_BROWSER")):
        _install(folder)
    return find(folder)


def _install(folder: Path) -> None:
    if _is_debian() and apt_install("chromium"):
        return
    os.environ["PLAYWRIGHT_BROWSERS_PATH"] = str(folder)
    run(sys.executable, "-m", "playwright", "install", "--only-shell", "chromium")
    got = find(folder)
    if got and not run(got, "--version"):  # the machine lacks libraries that it needs
        shutil.rmtree(folder)


def _is_debian() -> bool:
    """Whether apt has a real Chromium; Ubuntu's is a snap, which containers lack."""
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


if __name__ == "__main__":
    finish(get(), HELP)
