"""Games for the tests: generated ones always, real ones where they are.

Real games are looked for in `$ALFWORLD_DATA`; the tests that need them are skipped
elsewhere. All others run on generated games, so a fresh machine tests the engine too.
"""

import importlib.util
import os
import random
from pathlib import Path

import pytest

from toolkit.environments.alfworld.engine import FastEngine
from toolkit.environments.alfworld.game_file import read_game
from toolkit.environments.alfworld.generator import make_game
from toolkit.environments.alfworld.goal import TASK_TYPES

if importlib.util.find_spec("alfworld") is None:  # the extra of that name
    collect_ignore_glob = ["test_*.py"]
DATA = os.environ.get("ALFWORLD_DATA", "")
REAL = sorted(Path(DATA).glob("json_*/*/*/*/game.tw-pddl")) if DATA else []
BUSY = ("take", "put", "move", "heat", "cool", "clean", "use", "slice", "open")


@pytest.fixture(autouse=True)
def _no_data_by_accident(monkeypatch):
    monkeypatch.delenv("ALFWORLD_DATA", raising=False)


@pytest.fixture
def real_data(monkeypatch):
    if not REAL:
        pytest.skip("ALFWORLD_DATA holds no games")
    monkeypatch.setenv("ALFWORLD_DATA", DATA)
    return Path(DATA)


@pytest.fixture(scope="session")
def real_games():
    """Games of ALFWorld as `(path, game)`."""
    if not REAL:
        pytest.skip("ALFWORLD_DATA holds no games")
    return [(path, read_game(path)) for path in REAL]


@pytest.fixture(scope="session")
def games():
    """One small generated game of each kind of task."""
    return {kind: make_game(kind, 7, size=0.4) for kind in TASK_TYPES}


@pytest.fixture
def engine(games):
    """A game in which two objects are to be put somewhere, just started."""
    made = FastEngine()
    made.load(games["pick_two_obj_and_place"])
    made.reset()
    return made


def likely(rng: random.Random, commands: list[str]) -> str:
    """Draw a command; one time in two among those that change more than the place."""
    busy = [c for c in commands if c.startswith(BUSY)]
    return rng.choice(busy if busy and rng.random() < 0.5 else commands)
