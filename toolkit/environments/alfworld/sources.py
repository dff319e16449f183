"""Where games come from: files of ALFWorld in `$ALFWORLD_DATA`, or the generator.

The two are never mixed: a task says in its parameters which source it is from.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.environments.alfworld import generator, package
from toolkit.environments.alfworld.game_file import GameFile, read_game
from toolkit.environments.alfworld.goal import TASK_TYPES
from toolkit.environments.base import Scalar, Task
from toolkit.environments.game_cache import cache_errors, games_dir
from toolkit.errors import TaskError, near_matches
from toolkit.paths import write_at_once

VARIABLE = "ALFWORLD_DATA"
DATA, GENERATED = "data", "generated"
"""The sources, as `info["source"]` and the parameter `source` of a task name them."""
FOLDERS = {"train": "train", "validation": "valid_seen", "test": "valid_unseen"}
"""Splits and the folders of ALFWorld's files that hold their games."""
SEEDS = {
    "test": range(1, 1_001),
    "validation": range(30_001, 40_001),
    "demonstration": range(40_001, 50_001),
    "train": range(50_001, 100_001),
}
"""Seeds of generated games. Only `test` is played in floor plans of its own."""
DEFAULT_SIZES = {"test": 100, "validation": 100}
"""Generated games of a split when no number is asked for; of the others all."""
DEMONSTRATIONS = 5
"""Every fifth game in `train` is kept for the split `demonstration` alone."""
_UNSOLVABLE = re.compile(r'"solvable":\s*false')
_SOLVABLE = re.compile(r'"solvable":\s*true')


def has_games() -> bool:
    """Return whether `$ALFWORLD_DATA` holds any game."""
    return any(next(_files(_root(), f), None) for f in FOLDERS.values())


def data_tasks(env: str, task_type: str, split: str) -> list[Task]:
    """Return all tasks of a split that are files, in an order that mixes their kinds.

    A seed is a hash of the name of the file, so that no two splits share one and a
    game keeps its seed when others are added.

    Args:
        env: Registry id, for the tasks.
        task_type: One of `TASK_TYPES`, or `all`.
        split: One of the toolkit's splits.

    Raises:
        TaskError: If the folder has no such games.
    """
    folder = FOLDERS.get(split, "train")
    names = solvable_games(_root(), folder)
    if split in ("train", "demonstration"):  # two disjoint parts of one folder
        shown = split == "demonstration"
        names = [n for i, n in enumerate(names) if (i % DEMONSTRATIONS == 0) == shown]
    if task_type != "all":
        names = [n for n in names if n.split("/")[1].startswith(f"{task_type}-")]
    if not names:
        raise TaskError(
            f"There is no game of {task_type!r} for the split {split!r}.",
            f"They would be in {_root() or f'${VARIABLE}'} under {folder}/.",
            "Run `toolkit alfworld download`, choose another split, or play generated "
            'games with source="generated".',
        )
    return [
        Task(env=env, seed=_seed(n), split=split, params=(("game", n),)) for n in names
    ]


@functools.lru_cache(maxsize=8)
def solvable_games(root: Path | None, folder: str) -> list[str]:
    """Return the names of the playable games below a folder, by their seeds.

    Files that say they are unsolvable, and tasks with sliced objects or a container to
    be carried, are left out, as ALFWorld itself does.
    """
    names = []
    for path in _files(root, folder):
        text = path.read_text(encoding="utf-8", errors="replace")
        if _SOLVABLE.search(text) and not _UNSOLVABLE.search(text):
            names.append(path.parent.relative_to(path.parents[3]).as_posix())
    return sorted(names, key=_seed)


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:5], "big")


def _root() -> Path | None:
    value = os.environ.get(VARIABLE)
    return Path(value).expanduser() if value else None


def _files(root: Path | None, folder: str) -> Iterator[Path]:
    """Yield game files of the six kinds of tasks; the root may be `json_2.1.1` too."""
    for base in (root, *sorted(root.glob("json_*"))) if root else ():
        for path in (base / folder).glob("*/*/game.tw-pddl"):
            kind, _, rest = path.parts[-3].partition("-")
            if kind in TASK_TYPES and "Sliced" not in rest:
                yield path


def game_of(task: Task, params: dict[str, Scalar], task_type: str) -> GameFile:
    """Return the game of a task.

    Args:
        task: The task.
        params: Its parameters, on top of those of the environment.
        task_type: One of `TASK_TYPES`, or `all`.

    Raises:
        TaskError: If there is no such game.
        GameFileError: If its file is damaged.
        GameGenerationError: If it cannot be generated.
        CacheError: If the cache cannot be read or written.
    """
    if params["source"] == DATA:
        return read_game(_data_file(str(params.get("game", ""))))
    if not 0 <= task.seed < 2**31:
        raise TaskError(f"{task.seed} is not the seed of a game.", "0 is the least.")
    if task_type == "all":
        task_type = TASK_TYPES[task.seed % len(TASK_TYPES)]
    return _generated(task, task_type, float(params["size"]), params["floor_plan"])


def _data_file(name: str) -> Path:
    root = _root()
    if root is None:
        raise TaskError(
            f"The game {name!r} is not here.",
            f"It is a file of ALFWorld, and ${VARIABLE} is not set.",
            f"Set {VARIABLE} to the folder with the games.",
        )
    for base in (root, *sorted(root.glob("json_*"))):
        path = (base / name / "game.tw-pddl").resolve()
        if path.is_relative_to(base.resolve()) and path.is_file():
            return path
    raise TaskError(
        f"The game {name!r} is not in {root}.",
        "The folder has changed since the task was made.",
        near_matches(name, solvable_games(root, name.split("/")[0])),
    )


# ---- generated games in the cache ------------------------------------------------


def _generated(task: Task, task_type: str, size: float, plan: Any) -> GameFile:
    """Return a generated game, from the cache if it is there and whole.

    Domain and grammar are the same for all games, so the cache holds only what differs.
    """
    held_out = task.split == "test" and plan is None
    path = _cache_file(task_type, task.seed, (size, plan, held_out))
    domain, grammar = package.logic()
    with cache_errors(path.parent):
        kept = _read(path)
    if kept is None:
        game = generator.make_game(
            task_type, task.seed, size=size, floor_plan=plan, held_out=held_out
        )
        sentence = generator.sentence_of(game)
        kept = {"problem": game.problem, "sentence": sentence}
        with cache_errors(path.parent):
            write_at_once(path, json.dumps({**kept, "sum": _sum(kept)}))
    return GameFile(
        domain=domain,
        grammar=grammar.replace(generator.UNKNOWN_GOAL, kept["sentence"]),
        problem=kept["problem"],
    )


def _cache_file(task_type: str, seed: int, settings: tuple[object, ...]) -> Path:
    facts = json.dumps([settings, generator.VERSION, package.installed_version()])
    key = hashlib.sha256(facts.encode()).hexdigest()[:10]
    return games_dir() / f"alfworld-{task_type}-{key}" / f"{seed}.json"


def _read(path: Path) -> dict[str, str] | None:
    """Read a game of the cache; `None` if it is missing or damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        kept = {name: data[name] for name in ("problem", "sentence")}
        return kept if data["sum"] == _sum(kept) else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _sum(kept: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def choose(source: str) -> str:
    """Return the source that is meant: `auto` takes files if there are any."""
    if source != "auto":
        return source
    if has_games():
        return DATA
    if _root() is not None:
        warnings.warn(
            f"${VARIABLE} is {_root()}, which holds no games of ALFWorld: the games "
            "are generated. `toolkit alfworld download` gets the files.",
            stacklevel=2,
        )
    return GENERATED
