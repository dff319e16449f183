"""TextWorld games: generated, cached and packed.

`game_file` gives the game of a task: from the cache, from a pack that ships with the
package, or freshly generated in this process.
"""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm.auto import tqdm

from toolkit.environments import game_cache
from toolkit.environments.game_cache import GameFile
from toolkit.environments.processes import main_left_alone
from toolkit.environments.worlds import World, parse_world
from toolkit.errors import (
    CacheError,
    ConfigError,
    GameGenerationError,
    TaskError,
    ToolkitError,
)

if TYPE_CHECKING:
    from toolkit.environments.base import Task

TRIES = 60
"""Seeds tried for one game of exact quest length."""
PAPER_SEEDS = 100
"""Games up to this seed are the paper's test set and are taken as they come (8 of the
100 for `w2-o3-q4` have a quest of 3)."""
SEED_STRIDE = 1_000_000
"""Distance between the seeds tried for one game; far beyond every split."""
LARGEST_SEED = 2**31
COMPILER_BYTES = 10_000_000
"""Disk space the compiler needs for temporary files."""

# ---- from the cache, or made -----------------------------------------------------


def game_dir(task: Task) -> Path:
    """Return the folder of the cache that holds, or will hold, the game of a task."""
    return game_cache.games_dir() / parse_world(task.env).key / str(task.seed)


def game_file(task: Task) -> GameFile:
    """Return the game of a task; make it if it is neither cached nor packed.

    A damaged game is removed and made again.

    Raises:
        TaskError: If the seed cannot be one.
        GameGenerationError: If the generator has no such game.
        CacheError: If the cache cannot be read or written.
    """
    if not 0 <= task.seed < LARGEST_SEED:
        raise TaskError(
            f"{task.seed} is not the seed of a game.",
            f"Seeds are numbers from 0 to {LARGEST_SEED - 1}.",
            "Get tasks from toolkit.tasks().",
        )
    folder = game_dir(task)
    with game_cache.cache_errors(folder):
        found = game_cache.load(folder)
        if found is None and game_cache.unpack_for(folder):
            found = game_cache.load(folder)
    if found is None:
        contents = make_game(parse_world(task.env), task.seed)
        with game_cache.cache_errors(folder):
            game_cache.store(folder, contents)
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
    with main_left_alone():
        pool = context.Pool(workers, initializer=_obey_parent)
    with pool:
        for _ in bar(pool.imap_unordered(_make, missing)):
            pass
        pool.close()  # let them end: a worker killed while it waits for work may
        pool.join()  # take the lock of the queue with it, and the others wait for ever


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


def _obey_parent() -> None:
    """Leave Ctrl-C to the parent; when it ends a worker, let that clean up first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())


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


def make_game(world: World, seed: int) -> list[bytes]:
    """Generate and compile a game.

    The quest length of TextWorld's generator is a target, not a promise. If the game
    of `seed` has another length (and is not one of the paper's), `seed + SEED_STRIDE`,
    `seed + 2 * SEED_STRIDE`, … are tried, at most `TRIES` seeds.

    Args:
        world: What to generate.
        seed: Seed of the game.

    Returns:
        The contents of `game_cache.FILES`.

    Raises:
        GameGenerationError: If no tried seed gives the wanted length.
        CacheError: If there is no space for temporary files.
    """
    for attempt in range(TRIES):
        made = _generate(world, seed + attempt * SEED_STRIDE)
        if made is not None:
            return _compile(*made)
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
    options.grammar.theme = world.theme
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
    fits = world.quest_length in (None, length) or seed <= PAPER_SEEDS
    return (game, options) if fits else None


def _compile(game: Any, options: Any) -> list[bytes]:
    """Compile a game and return the bytes of `FILES`."""
    generator = importlib.import_module("textworld.generator")
    with tempfile.TemporaryDirectory(prefix="game-") as folder:
        options.path = str(Path(folder) / game_cache.FILES[0])
        try:
            generator.compile_game(game, options)
        except (generator.CouldNotCompileGameError, OSError) as error:
            raise _compile_error(folder) from error
        return [(Path(folder) / name).read_bytes() for name in game_cache.FILES]


def _compile_error(folder: str) -> ToolkitError:
    """Return the likely reason why the compiler failed in `folder`."""
    if shutil.disk_usage(folder).free < COMPILER_BYTES:
        return CacheError(
            f"A game could not be compiled in {folder}.",
            "The disk for temporary files is full.",
            "Free some space, or set TMPDIR to a folder on another disk.",
        )
    return GameGenerationError(
        "A game could not be compiled.",
        "It is too big for a .z8 file, or TextWorld's compiler does not run here.",
        "Ask for fewer rooms or objects, or a shorter quest; run `toolkit doctor`.",
    )


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
