"""Gets bubblewrap for the tests of sandboxes, if there is none (`make bubblewrap`)."""

from __future__ import annotations

import os
import shutil
import subprocess

PATIENCE_S = 600
HELP = (
    "There is no bubblewrap, so the sandbox tests cannot run. On Debian and Ubuntu: "
    "sudo apt-get install bubblewrap. Elsewhere: the package is called the same."
)


def is_required() -> bool:
    """Whether lacking a sandbox is a failure; everybody else's tests are skipped."""
    return bool(os.environ.get("CI"))


def get() -> str | None:
    """Return the path of bubblewrap, after installing it if that can be done."""
    if not shutil.which("bwrap") and os.geteuid() == 0 and shutil.which("apt-get"):
        _run("apt-get", "update", "-q")
        wanted = "--no-install-recommends", "bubblewrap"
        _run("apt-get", "install", "-y", "-q", *wanted)
    return shutil.which("bwrap")


def _run(*command: str) -> None:
    """Run a command, and say what is wrong with it."""
    print(" ".join(command), flush=True)
    try:
        subprocess.run(command, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error)


if __name__ == "__main__":
    found = get()
    print(f"Bubblewrap: {found}" if found else HELP)
    raise SystemExit(int(is_required() and found is None))
