#!/usr/bin/env python3
"""A container engine that understands what Docker's command line would be given.

What it is told to run it runs in bubblewrap. An option that it does not know, or that
Docker would not understand, is an error. State lies in the folder `STATE`.
"""

import json
import os
import signal
import sys
import tarfile
from pathlib import Path

STATE = Path(os.environ.get("ENGINE_STATE", "state"))
ALONE = {"--rm", "--interactive", "--init", "--read-only"}
VALUED = {
    *("--pull", "--name", "--hostname", "--network", "--cap-drop", "--security-opt"),
    *("--user", "--memory", "--memory-swap", "--pids-limit", "--shm-size", "--ulimit"),
    *("--tmpfs", "--volume", "--env", "--workdir", "--userns"),
}


def parse(arguments):
    """Return the options, the image and the command."""
    options, rest = {}, list(arguments)
    while rest[0].startswith("--"):
        name = rest.pop(0)
        if name not in ALONE | VALUED:
            sys.exit(f"unknown flag: {name}")
        options.setdefault(name, []).append(True if name in ALONE else rest.pop(0))
    return options, rest[0], rest[1:]


def run(arguments):
    """Become the command, in a bubble with the volumes of the options."""
    options, image, command = parse(arguments)
    if not (STATE / image).exists():
        sys.exit(f"Unable to find image '{image}'")
    name = options["--name"][0]
    (STATE / f"{name}.json").write_text(json.dumps(options))
    bubble = ["bwrap", "--unshare-all", "--die-with-parent", "--clearenv"]
    bubble += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    with tarfile.open(STATE / image) as archive:
        for link in archive:
            bubble += ["--symlink", link.linkname, f"/{link.name}"]
    for volume in options["--volume"]:
        source, target, mode = volume.split(":")
        bubble += [{"ro": "--ro-bind", "rw": "--bind"}[mode], source, target]
    for variable in options["--env"]:
        bubble += ["--setenv", *variable.split("=", 1)]
    (STATE / f"{name}.pid").write_text(str(os.getpid()))
    os.execvp("bwrap", [*bubble, "--chdir", options["--workdir"][0], *command])


def main(arguments):
    match arguments:
        case ["info"]:
            return 0 if STATE.exists() else 1
        case ["image", "inspect", image]:
            return 0 if (STATE / image).exists() else 1
        case ["import", "-", image]:
            (STATE / image).write_bytes(sys.stdin.buffer.read())
        case ["run", *rest]:
            run(rest)
        case ["rm", "--force", name]:
            try:
                os.kill(int((STATE / f"{name}.pid").read_text()), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                return 1
        case _:
            sys.exit(f"unknown command: {arguments}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
