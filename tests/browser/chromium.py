"""The browser of these tests: where it is, and how to get one (`make browser`).

Looked for in this order: what the environment variable `TOOLKIT_BROWSER` names, the
Chromium or Chrome of the machine, one that `make browser` has put into `.cache`.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOLDER = Path(__file__).parents[2] / ".cache" / "browsers"
PROGRAMS = ("headless_shell", "chrome-headless-shell")
PATIENCE_S = 600
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


def is_required() -> bool:
    """Whether a missing browser is a failure; everybody else's tests are skipped."""
    return bool(os.environ.get("CI"))


def get(folder: Path = FOLDER) -> str | None:
    """Return the path of a Chromium, after installing one if there is none."""
    if not (find(folder) or os.environ.get("TOOLKIT_BROWSER")):
        _install(folder)
    return find(folder)


def _install(folder: Path) -> None:
    if _is_debian() and os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update", "-q")
        wanted = "--no-install-recommends", "chromium"
        _run("apt-get", "install", "-y", "-q", *wanted)
        return
    os.environ["PLAYWRIGHT_BROWSERS_PATH"] = str(folder)
    _run(sys.executable, "-m", "playwright", "install", "--only-shell", "chromium")
    got = find(folder)
    if got and not _run(got, "--version"):  # the machine lacks libraries that it needs
        shutil.rmtree(folder)


def _is_debian() -> bool:
    """Whether apt has a real Chromium; Ubuntu's is a snap, which containers lack."""
    try:
        return platform.freedesktop_os_release().get("ID") == "debian"
    except OSError:
        return False


def _run(*command: str) -> bool:
    """Run a command; return whether it went well."""
    print(" ".join(command), flush=True)
    try:
        return subprocess.run(command, timeout=PATIENCE_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error)
        return False


if __name__ == "__main__":
    found = get()
    print(f"Browser: {found}" if found else HELP)
    raise SystemExit(int(is_required() and found is None))
