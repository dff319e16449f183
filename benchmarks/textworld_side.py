"""TextWorld's own batch of worlds in a process of its own, with any interpreter.

`make install` builds TextWorld's interpreter with more optimisation than pip does. So
that both can be measured, the other side may run with a build that pip made.
"""

from __future__ import annotations

import importlib
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from importlib.metadata import version
from pathlib import Path
from typing import Any

from toolkit.environments.base import Task
from toolkit.environments.games import game_file, load_textworld

FACTS = ("won", "lost", "score", "max_score")
"""What both sides report after each step."""
HERE = Path(__file__).parents[1]
INTERPRETER = "jericho"
"""The package with the interpreter."""


def build_as_pip_does(folder: Path) -> Path:
    """Build the interpreter as `pip install textworld` would; return where it lies."""
    wanted = f"{INTERPRETER}=={version(INTERPRETER)}"
    options = ["--quiet", "--no-deps", "--no-cache-dir", "--no-binary", INTERPRETER]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder, wanted],
        env={k: v for k, v in os.environ.items() if k != "MAKEFLAGS"},
        check=True,
    )
    return folder


@contextmanager
def other_process(
    games: Sequence[Task],
    steps: Sequence[Sequence[str]],
    packages: Path | None,
    *,
    admissible: bool,
) -> Iterator[Any]:
    """Start TextWorld's side; yields what to ask it for: `reset` or `play`.

    Args:
        games: To be played.
        steps: Commands of all games, turn by turn.
        packages: Folder that is searched for the interpreter first.
        admissible: Ask for the admissible commands too.
    """
    folders = [str(folder) for folder in (packages, HERE) if folder]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.textworld_side"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
    ) as process:
        given, found = process.stdin, process.stdout
        assert given
        assert found

        def ask(what: Any) -> Any:
            print(json.dumps(what), file=given, flush=True)
            return json.loads(found.readline())

        told = [task.to_dict() for task in games]
        used = ask({"games": told, "steps": steps, "admissible": admissible})
        assert not packages or used.startswith(str(packages)), used
        yield ask
        given.close()


@contextmanager
def textworld_batch(games: Sequence[Task], *, admissible: bool) -> Iterator[Any]:
    """Open TextWorld's own batch of games, one process for each."""
    textworld = load_textworld()
    gym = importlib.import_module("textworld.gym")
    facts = textworld.EnvInfos(
        **dict.fromkeys(FACTS, True), admissible_commands=admissible
    )
    files = [str(game_file(task).z8) for task in games]
    name = gym.register_games(
        files, facts, batch_size=len(files), max_episode_steps=10_000
    )
    # its processes print tracebacks when they are closed; this is what they inherit
    with open(os.devnull, "w") as nowhere, redirect_stderr(nowhere):
        batch = gym.make(name)
    # it plays its games in a shuffled order, and ours must be the same
    batch._gamefiles_iterator = itertools.cycle(files)
    try:
        yield batch
    finally:
        batch.close()


def main() -> None:
    """Answer `reset` and `play` until the input ends."""
    import jericho

    given = json.loads(sys.stdin.readline())
    games = [Task.from_dict(task) for task in given["games"]]
    with textworld_batch(games, admissible=given["admissible"]) as batch:
        print(json.dumps(jericho.__file__), flush=True)
        for line in sys.stdin:
            if json.loads(line) == "reset":
                batch.reset()
                points: Sequence[float] = []
            else:
                for commands in given["steps"]:
                    _, points, _, _ = batch.step(commands)
            print(json.dumps([float(p) for p in points]), flush=True)


if __name__ == "__main__":
    main()
