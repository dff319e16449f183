"""Gets bubblewrap for the tests of sandboxes, if there is none (`make bubblewrap`)."""

from __future__ import annotations

import shutil

from tests.programs import apt_install, finish

HELP = (
    "There is no bubblewrap, so the sandbox tests cannot run. On Debian and Ubuntu: "
    "sudo apt-get install bubblewrap. Elsewhere: the package is called the same."
)


def get() -> str | None:
    """Return the path of bubblewrap, after installing it if that can be done."""
    if not shutil.which("bwrap"):
        apt_install("bubblewrap")
    return shutil.which("bwrap")


if __name__ == "__main__":
    finish(get(), HELP)
