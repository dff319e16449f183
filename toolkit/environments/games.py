"""TextWorld games: which one an id names, and how it is generated.

`game_file` gives the game of a task: from the cache, from a pack that ships with the
package, or freshly generated in this process.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import importlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from toolkit.environments import game_cache
from toolkit.environments.game_cache import GameFile
from toolkit.errors import (
    CacheError,
    ConfigError,
    GameGenerationError,
    UnknownEnvironmentError,
    near_matches,
)

if TYPE_CHECKING:
    from toolkit.environments.base import Task

TRIES = 60
"""Seeds tried for one game of exact quest length."""
SEED_STRIDE = 1_000_000
"""Distance between the seeds tried for one game; far beyond every split."""
LARGEST_WORLD = 100
"""Rooms; larger games do not fit into a `.z8` file."""

_COOKING = {
    "recipe": 1,
    "take": 1,
    "go": 6,
    "open": True,
    "cook": True,
    "cut": True,
    "drop": False,
    "recipe_seed": 0,
    "split": None,
}
_EXAMPLES = (
    *("textworld/w2-o3-q4", "textworld/w4-o6-q8", "textworld/w8-o12-q4"),
    *(f"textworld/simple-{r}" for r in ("sparse", "balanced", "dense")),
    *("textworld/cooking", "textworld/coin_collector-5"),
    "textworld/treasure_hunter-5",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """A kind of game, as named by the part of an id after `textworld/`."""

    name: str
    """Such as `w2-o3-q4`."""
    maker: str
    """`custom` or the name of one of TextWorld's challenges."""
    settings: tuple[tuple[str, Any], ...]
    """Options of the maker, sorted by name."""
    quest_length: int | None = None
    """Commands of the shortest solution known to the generator, `None` if it varies."""

    @property
    def key(self) -> str:
        """Name of the folder of its games, unique to options and library version."""
        facts = json.dumps([self.maker, self.settings, version("textworld")])
        return f"{self.name}-{hashlib.sha256(facts.encode()).hexdigest()[:10]}"


# ---- which game ------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def parse_world(env: str) -> World:
    """Return the world that a registry id names.

    Args:
        env: Such as `textworld/w2-o3-q4` or `textworld/coin_collector-105`.

    Raises:
        UnknownEnvironmentError: If the id names no world; near matches are told.
        ConfigError: If a size or level is out of range.
    """
    name = env.partition("/")[2]
    if match := re.fullmatch(r"w(\d+)-o(\d+)-q(\d+)", name):
        return _custom(env, name, *map(int, match.groups()))
    if match := re.fullmatch(r"simple-(sparse|balanced|dense)", name):
        settings = {"rewards": match[1], "goal": "detailed", "test": False}
        return _world(name, "simple", settings)
    if name == "cooking":
        return _world(name, "cooking", _COOKING)
    if match := re.fullmatch(r"(coin_collector|treasure_hunter)-(\d+)", name):
        return _levelled(env, name, match[1], int(match[2]))
    raise UnknownEnvironmentError(
        f"There is no environment {env!r}.",
        "A TextWorld id is textworld/wROOMS-oOBJECTS-qLENGTH, simple-sparse, "
        "simple-balanced, simple-dense, cooking, coin_collector-LEVEL or "
        "treasure_hunter-LEVEL.",
        near_matches(env, _EXAMPLES),
    )


def _world(
    name: str, maker: str, settings: dict[str, Any], quest_length: int | None = None
) -> World:
    return World(
        name=name,
        maker=maker,
        settings=tuple(sorted(settings.items())),
        quest_length=quest_length,
    )


def _custom(env: str, name: str, rooms: int, objects: int, length: int) -> World:
    """Check the sizes of a `wX-oY-qZ` world."""
    sizes = {"rooms (w)": rooms, "objects (o)": objects, "quest length (q)": length}
    for label, value in sizes.items():
        if value < 1:
            raise ConfigError(
                f"{env!r} asks for {value} {label}.",
                "A game needs at least one of each.",
                near_matches(env, _EXAMPLES),
            )
    _check_rooms(env, rooms)
    settings = {"nb_rooms": rooms, "nb_objects": objects, "quest_length": length}
    return _world(name, "custom", settings, length)


def _levelled(env: str, name: str, maker: str, level: int) -> World:
    """Check the level of a challenge that has levels."""
    top = 300 if maker == "coin_collector" else 30
    if not 1 <= level <= top:
        raise ConfigError(
            f"{env!r} asks for level {level}.",
            f"The levels of {maker} go from 1 to {top}.",
            f"Use for instance textworld/{maker}-5.",
        )
    if maker == "coin_collector":
        length = (level - 1) % 100 + 1
        _check_rooms(env, ((level - 1) // 100 + 1) * length)
    else:
        mode, step = divmod(level - 1, 10)
        low, high = ((1, 5), (2, 10), (3, 20))[mode]
        length = round(low + (high - low) * step / 9)
    return _world(name, maker, {"level": level}, length)


def _check_rooms(env: str, rooms: int) -> None:
    if rooms > LARGEST_WORLD:
        raise ConfigError(
            f"{env!r} would have {rooms} rooms.",
            f"More than {LARGEST_WORLD} rooms do not fit into a .z8 game file.",
            "Choose a smaller world or level.",
        )


# ---- from the cache, or made -----------------------------------------------------


def game_dir(task: Task) -> Path:
    """Return the folder of the cache that holds, or will hold, the game of a task."""
    return game_cache.games_dir() / parse_world(task.env).key / str(task.seed)


def game_file(task: Task) -> GameFile:
    """Return the game of a task; make it if it is neither cached nor packed.

    A damaged game is removed and made again.

    Raises:
        GameGenerationError: If the generator has no such game.
        CacheError: If the cache cannot be read or written.
    """
    folder = game_dir(task)
    with game_cache.cache_errors(folder):
        found = game_cache.load(folder)
        if found is None and game_cache.unpack_for(folder):
            found = game_cache.load(folder)
        if found is None:
            make_game(parse_world(task.env), task.seed, folder)
            found = game_cache.load(folder)
    if found is None:
        raise CacheError(
            f"The game in {folder} is damaged right after it was written.",
            "The disk does not return what was stored.",
            "Set TOOLKIT_CACHE to a folder on another disk.",
        )
    return found


def is_cached(task: Task) -> bool:
    """Return whether the game of a task lies in the cache, without checking it."""
    return game_dir(task).is_dir()


# ---- many games at once ------------------------------------------------------------


def generate(
    tasks: Iterable[Task], workers: int | None = None, progress: bool = True
) -> None:
    """Make sure that the games of all tasks are in the cache.

    Args:
        tasks: The games; those that are cached or packed cost nothing.
        workers: Processes that generate (`None`: one per core; 0: in this process).
        progress: Show a progress bar if there is something to generate.

    Raises:
        ConfigError: If `workers` is negative.
        GameGenerationError: If the generator has no such game.
        CacheError: If the cache cannot be written.
    """
    missing = _missing(tasks)
    if workers is not None and workers < 0:
        raise ConfigError(f"{workers} workers were asked for.", "0 is the least.")
    workers = min(len(missing), os.cpu_count() or 1 if workers is None else workers)
    bar = functools.partial(
        tqdm, total=len(missing), desc="Making games", disable=not progress
    )
    if not missing:
        return
    if workers == 0:
        for task in bar(missing):
            game_file(task)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, initializer=_ignore_interrupt) as pool:
        for _ in bar(pool.imap_unordered(_make, missing)):
            pass


def _missing(tasks: Iterable[Task]) -> list[Task]:
    """Return one task for each game that is neither cached nor packed."""
    folders = {game_dir(task): task for task in tasks}
    missing = []
    for folder, task in folders.items():
        with game_cache.cache_errors(folder):
            if not folder.is_dir() and not game_cache.unpack_for(folder):
                missing.append(task)
    return missing


def _make(task: Task) -> None:
    """Generate one game in a worker process."""
    game_file(task)


def _ignore_interrupt() -> None:
    """Leave Ctrl-C to the parent, which then ends its workers at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def pack(tasks: Iterable[Task], path: str | os.PathLike[str]) -> None:
    """Write the games of tasks into one archive that can ship with the package.

    Args:
        tasks: The games; missing ones are generated.
        path: The archive, `.tar.xz`; in `toolkit/assets/games/` it is found by
            itself and unpacked into the cache when one of its games is first used.

    Raises:
        CacheError: If the cache or the archive cannot be written.
    """
    tasks = list(tasks)
    generate(tasks)
    with game_cache.cache_errors(Path(path)):
        game_cache.write_pack({game_dir(task) for task in tasks}, Path(path))


# ---- generation ------------------------------------------------------------------


def make_game(world: World, seed: int, folder: Path) -> None:
    """Generate, compile and store a game.

    The quest length of TextWorld's generator is a target, not a promise. If the game
    of `seed` has another length, `seed + SEED_STRIDE`, `seed + 2 * SEED_STRIDE`, … are
    tried, at most `TRIES` seeds.

    Args:
        world: What to generate.
        seed: Seed of the game.
        folder: Folder of the cache where the game belongs.

    Raises:
        GameGenerationError: If no tried seed gives the wanted length.
        OSError: If the disk is full or read-only.
    """
    for attempt in range(TRIES):
        made = _generate(world, seed + attempt * SEED_STRIDE)
        if made is not None:
            game_cache.store(folder, _compile(*made))
            return
    raise GameGenerationError(
        f"No game of {world.name} was found for seed {seed}.",
        f"None of {TRIES} tries gave a quest of {world.quest_length} commands.",
        "Ask for more rooms or objects, or for a shorter quest.",
    )


def _generate(world: World, seed: int) -> tuple[Any, Any] | None:
    """Return a game and its options, or `None` if it is not as wanted."""
    textworld = load_textworld()
    generator = importlib.import_module("textworld.generator")
    options = textworld.GameOptions()
    options.seeds = seed
    settings = dict(world.settings)
    rng_seed = textworld.g_rng._seed  # the challenge "simple" sets it
    try:
        if world.maker == "custom":
            options.kb = generator.KnowledgeBase.default()  # else parsed again: 0.3 s
            for name, value in settings.items():
                setattr(options, name, value)
            game = generator.make_game(options)
        else:
            challenges = importlib.import_module("textworld.challenges").CHALLENGES
            game = challenges[f"tw-{world.maker}"][1](settings, options)
    except generator.QuestGenerationError:
        return None
    finally:
        textworld.g_rng._seed = rng_seed
    length = len(game.metadata["walkthrough"])
    fits = world.quest_length in (None, length)
    return (game, options) if fits else None


def _compile(game: Any, options: Any) -> list[bytes]:
    """Compile a game and return the bytes of `FILES`."""
    generator = importlib.import_module("textworld.generator")
    with tempfile.TemporaryDirectory(prefix="game-") as folder:
        options.path = str(Path(folder) / game_cache.FILES[0])
        try:
            generator.compile_game(game, options)
        except generator.CouldNotCompileGameError as error:
            if shutil.disk_usage(folder).free < 10_000_000:
                raise OSError(errno.ENOSPC, "No space left for temporary files") from error
            raise GameGenerationError(
                "A game could not be compiled.",
                "Most likely it is too big for a .z8 file.",
                "Ask for fewer rooms or objects.",
            ) from error
        return [(Path(folder) / name).read_bytes() for name in game_cache.FILES]


@functools.lru_cache(maxsize=1)
def load_textworld() -> Any:
    """Import TextWorld and leave numpy's global generator as it was.

    (The import draws a number from it, which would make results depend on when the
    first game is played.)
    """
    import numpy as np

    state = np.random.get_state()  # noqa: NPY002 - to protect it, not to draw from it
    try:
        return importlib.import_module("textworld")
    finally:
        np.random.set_state(state)  # noqa: NPY002
