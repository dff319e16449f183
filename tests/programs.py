"""Programs that tests need and pip does not have: got with apt, asked for in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NoReturn

PATIENCE_S = 600


def is_required() -> bool:
    """Whether lacking a program is a failure; everybody else's tests are skipped."""
    return bool(os.environ.get("CI"))


def apt_install(package: str) -> bool:
    """Install a package of the system; return whether that could be tried."""
    if os.geteuid() or not shutil.which("apt-get"):
        return False
    run("apt-get", "update", "-q")
    run("apt-get", "install", "-y", "-q", "--no-install-recommends", package)
    return True


def run(*command: str) -> bool:
    """Run a command; return whether it went well."""
    print(" ".join(command), flush=True)
    try:
        return subprocess.run(command, timeout=PATIENCE_S, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error)
        return False


def finish(found: str | None, advice: str) -> NoReturn:
    """Tell where a program is, or how to get it; in CI there has to be one."""
    print(f"Found {found}" if found else advice)
    raise SystemExit(int(is_required() and found is None))
