"""Docker or Podman through their command line: found, asked, and made to explain.

Both are driven by the same commands, so nothing depends on a library, and a remote
engine (`DOCKER_HOST`, `podman system connection`) works too. An engine that does not
answer is given up after a while; nothing waits for ever.
"""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tqdm.auto import tqdm

from toolkit.environments.swe_gym.images import TYPICAL_GB
from toolkit.errors import ContainerError

PROGRAMS = ("docker", "podman")
"""Engines, the one that is taken first in front."""
ANSWER_S = 60.0
"""Seconds that an engine has for what should take one."""
PULL_S = 3 * 3600.0
"""Seconds that an image may take to come."""
_MACHINES = ("x86_64", "AMD64")
_NONE = (
    "Install Docker (https://docs.docker.com/engine/install/) or Podman "
    "(https://podman.io/docs/installation), start it, and see that `docker ps` or "
    "`podman ps` works. Repair tasks that need neither: make_env('swe/all')."
)
_REASONS = {
    "no space left": (
        "The disk is full.",
        "Free some: `docker image prune -a` removes all images that are not in use.",
    ),
    "toomanyrequests": (
        "Docker Hub lets each address have a limited number of images in six hours.",
        "Wait, or log in with `docker login`.",
    ),
    "manifest unknown": ("There is no such image.", "See whether the name is right."),
    "not found": ("There is no such image.", "See whether the name is right."),
    "access denied": (
        "There is no such image, or it is private.",
        "See whether the name is right; log in with `docker login` if it is private.",
    ),
    "cannot connect": ("The engine is not running.", _NONE),
    "connection refused": ("The engine is not running.", _NONE),
    "permission denied": (
        "You may not talk to the engine.",
        "Join its group (`sudo usermod -aG docker $USER`, then log in again), or use "
        "Podman, which needs no rights.",
    ),
    "no such host": ("There is no connection to the registry.", "Check the network."),
    "timeout": ("There is no connection to the registry.", "Check the network."),
}
"""What engines write, in lower case, and what it means."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answered:
    """What an engine said."""

    code: int
    """Exit code of its client."""
    output: bytes
    """What it wrote."""
    complaint: str
    """What it wrote as an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """A container engine that answers."""

    program: str
    """Path of its client."""

    def ask(
        self, *args: str, stdin: bytes = b"", timeout_s: float = ANSWER_S
    ) -> Answered:
        """Run a command of the engine, whatever its exit code.

        Raises:
            TimeoutError: If it takes too long; the client is dead then, what it asked
                for may go on.
            ContainerError: If the client cannot be started.
        """
        return _run([self.program, *args], stdin, timeout_s)

    def do(self, *args: str, stdin: bytes = b"", timeout_s: float = ANSWER_S) -> str:
        """Run a command of the engine that has to succeed; return what it wrote.

        Raises:
            ContainerError: If it fails or takes too long.
        """
        try:
            answer = self.ask(*args, stdin=stdin, timeout_s=timeout_s)
        except TimeoutError as error:
            raise ContainerError(
                f"`{self._said(args)}` gave no answer in {timeout_s:.0f} s.",
                "The engine hangs, or the machine has too much to do.",
                "See whether `docker ps` answers; restart the engine if it does not.",
            ) from error
        if answer.code:
            raise explained(f"`{self._said(args)}` failed.", answer.complaint)
        return answer.output.decode("utf-8", "replace").strip()

    def has(self, image: str) -> bool:
        """Return whether an image is on this machine."""
        return not self.ask("image", "inspect", image).code

    def pull(self, image: str) -> None:
        """Get an image; a bar counts its layers.

        Raises:
            ContainerError: If it cannot be had.
        """
        tqdm.write(f"{image} has to be fetched: 1 to 5 GB on disk.", sys.stderr)
        process = subprocess.Popen(
            [self.program, "pull", image],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        end = threading.Timer(PULL_S, process.kill)
        end.start()
        try:
            said = _followed(process)
        finally:
            end.cancel()
            process.kill()
        if process.wait():
            raise explained(f"The image {image} could not be had.", said)

    def _said(self, args: Sequence[str]) -> str:
        """Return a command as it is told in messages."""
        return " ".join((os.path.basename(self.program), *args[:2]))


@functools.cache
def find_engine() -> Engine:
    """Return the first engine that answers.

    Raises:
        ContainerError: If there is none; it says what is missing.
    """
    if sys.platform == "win32" or platform.machine() not in _MACHINES:
        raise ContainerError(
            f"SWE-Gym cannot be played on {sys.platform} with {platform.machine()}.",
            "Its images are for Linux on x86_64; elsewhere they are not supported.",
            "Use such a machine, on Windows WSL 2, or make_env('swe/all').",
        )
    missing = []
    for name in PROGRAMS:
        program = shutil.which(name)
        if program is None:
            missing.append(f"{name} is not installed")
            continue
        try:
            Engine(program=program).do("ps", "--quiet")
        except ContainerError as error:
            missing.append(f"{name}: {error.why.rstrip('.')}")
            continue
        return Engine(program=program)
    raise ContainerError(
        "There is no container engine.", f"{'; '.join(missing)}.", _NONE
    )


def fetch_images(images: Sequence[str]) -> None:
    """Get those of some images that are not here yet, before training starts.

    Raises:
        ContainerError: If there is no engine, or an image cannot be had.
    """
    engine = find_engine()
    missing = [name for name in dict.fromkeys(images) if not engine.has(name)]
    if missing:
        tqdm.write(
            f"{len(missing)} images are missing: about {len(missing) * TYPICAL_GB} GB.",
            sys.stderr,
        )
    for image in missing:
        engine.pull(image)


def explained(what: str, complaint: str) -> ContainerError:
    """Return the error that stands for what an engine complained of."""
    last = complaint.strip().splitlines()[-1:] or ["It does not say why."]
    lower = complaint.lower()
    for words, (why, fix) in _REASONS.items():
        if words in lower:
            return ContainerError(what, f"{why} ({last[0]:.300})", fix)
    return ContainerError(what, last[0][:300], "See what `docker ps` says.")


def _run(command: Sequence[str], stdin: bytes, timeout_s: float) -> Answered:
    """Run a command in a session of its own, which ends with it."""
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    except OSError as error:
        raise ContainerError(
            f"{command[0]} cannot be started.", f"{error.strerror}.", _NONE
        ) from error
    complaint = done.stderr.decode("utf-8", "replace")
    return Answered(code=done.returncode, output=done.stdout, complaint=complaint)


def _followed(process: subprocess.Popen[str]) -> str:
    """Count the layers that a pull tells of; return the end of what it said."""
    said: list[str] = []
    with tqdm(desc="Layers", unit="") as bar:
        for line in process.stdout or ():
            said = [*said[-9:], line]
            if "Pulling fs layer" in line or "Copying blob" in line:
                bar.total = (bar.total or 0) + 1
            if line.rstrip().endswith(("Pull complete", "Already exists", "done")):
                bar.update()
    process.wait()
    return "".join(said)
