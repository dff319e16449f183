import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from toolkit.environments import game_cache, games
from toolkit.environments.base import Task, tasks
from toolkit.environments.games import (
    LARGEST_SEED,
    SEED_STRIDE,
    game_dir,
    game_file,
    generate,
    is_cached,
    make_game,
    pack,
)
from toolkit.environments.worlds import World, parse_world
from toolkit.errors import CacheError, ConfigError, GameGenerationError, TaskError

PAPER = "textworld/w2-o3-q4"
QUICK = "textworld/w1-o1-q1"


def task(seed, env=QUICK):
    return Task(env=env, seed=seed)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def python(code, cache, **kwargs):
    environment = {**os.environ, "TOOLKIT_CACHE": str(cache), "PYTHONPATH": os.getcwd()}
    command = [sys.executable, "-c", code]
    return subprocess.Popen(command, env=environment, **kwargs)


def test_only_what_is_needed_is_kept(empty_cache):
    game = game_file(task(1))
    assert sorted(p.name for p in game.z8.parent.iterdir()) == sorted(
        ["game.z8", "game.json", "sha256"]
    )
    assert len(game.data["metadata"]["walkthrough"]) == 1
    assert is_cached(task(1))
    assert not is_cached(task(2))


def test_the_same_task_is_the_same_game(empty_cache):
    first = game_file(task(1))
    story, logic = first.z8.read_bytes(), first.data
    game_cache.discard(first.z8.parent)
    again = game_file(task(1))
    assert (again.z8.read_bytes(), again.data) == (story, logic)


def test_a_game_of_another_length_is_replaced_by_a_derived_seed():
    world = parse_world(PAPER)
    seeds = range(40_001, 40_200)
    short = next(s for s in seeds if games._generate(world, s) is None)
    derived, _ = games._generate(world, short + SEED_STRIDE)
    game = game_file(task(short, PAPER))
    assert len(game.data["metadata"]["walkthrough"]) == 4
    assert game.data["objective"] == derived.objective


def test_the_papers_games_are_taken_as_they_come():
    # seed 4 gives a quest of 3 commands, and the paper played it
    game = game_file(task(4, PAPER))
    assert len(game.data["metadata"]["walkthrough"]) == 3


def test_a_damaged_game_is_made_again(empty_cache):
    game = game_file(task(1))
    story = game.z8.read_bytes()
    game.z8.write_bytes(story[: len(story) // 2])
    assert game_file(task(1)).z8.read_bytes() == story


def test_an_impossible_length_is_an_error():
    settings = (("nb_objects", 1), ("nb_rooms", 1), ("quest_length", 1))
    world = World(name="odd", maker="custom", settings=settings, quest_length=9)
    with pytest.raises(GameGenerationError, match="9 commands"):
        make_game(world, 40_001)


def test_a_compiler_that_does_not_run_is_an_error(empty_cache, monkeypatch):
    monkeypatch.setenv("INFORM_HOME", "/nowhere")
    with pytest.raises(GameGenerationError, match="compiler does not run"):
        game_file(task(1))


@pytest.mark.parametrize("seed", [-1, LARGEST_SEED])
def test_a_seed_out_of_range_is_an_error(seed):
    with pytest.raises(TaskError, match="seed"):
        game_file(task(seed))


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "file"))
    with pytest.raises(CacheError, match="TOOLKIT_CACHE"):
        game_file(task(1))
    with pytest.raises(CacheError, match="TOOLKIT_CACHE"):
        generate([task(1)], workers=0, progress=False)


def test_tasks_make_no_game(empty_cache):
    assert len(tasks(PAPER, split="train")) == 5_000
    assert not empty_cache.exists()


def test_generate_skips_what_is_there(empty_cache, capsys):
    generate([task(1), task(1)], workers=0)
    assert "1/1" in capsys.readouterr().err
    generate([task(1)] * 1000)
    assert capsys.readouterr().err == ""
    with pytest.raises(ConfigError, match="-1 workers"):
        generate([task(2)], workers=-1)


@pytest.mark.slow
def test_workers_make_the_same_games(empty_cache, tmp_path, monkeypatch):
    wanted = [task(seed) for seed in range(1, 5)]
    generate(wanted, workers=2, progress=False)
    stories = [game_file(t).z8.read_bytes() for t in wanted]
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "other"))
    generate(wanted, workers=0, progress=False)
    assert [game_file(t).z8.read_bytes() for t in wanted] == stories


def test_a_pack_replaces_generation(empty_cache, tmp_path, monkeypatch):
    wanted = [task(1), task(2)]
    (tmp_path / "assets" / "games").mkdir(parents=True)
    pack(wanted, tmp_path / "assets" / "games" / "quick.tar.xz")
    stories = [game_file(t).z8.read_bytes() for t in wanted]
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "other"))
    monkeypatch.setattr(game_cache, "assets_dir", lambda: tmp_path / "assets")
    game_cache.packed_games.cache_clear()
    generate(wanted[:1])
    assert is_cached(wanted[1])
    assert [game_file(t).z8.read_bytes() for t in wanted] == stories
    game_cache.packed_games.cache_clear()


@pytest.mark.slow
def test_many_processes_may_make_the_same_game(empty_cache):
    code = f"""
from toolkit.environments.base import Task
from toolkit.environments.games import game_file
for seed in (1, 2):
    game_file(Task(env={QUICK!r}, seed=seed))
"""
    racers = [python(code, empty_cache) for _ in range(3)]
    assert [racer.wait(timeout=120) for racer in racers] == [0, 0, 0]
    folder = game_dir(task(1)).parent
    assert sorted(p.name for p in folder.iterdir()) == ["1", "2"]


@pytest.mark.slow
def test_ctrl_c_ends_generation_at_once(empty_cache):
    code = f"""
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
from toolkit.environments.base import Task
from toolkit.environments.games import generate
if __name__ == "__main__":
    generate([Task(env={QUICK!r}, seed=s) for s in range(500)], workers=2)
"""
    parent = python(code, empty_cache, stderr=subprocess.DEVNULL)
    made = empty_cache / "games"
    deadline = time.monotonic() + 120
    while not list(made.glob("*/[0-9]*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    children = psutil.Process(parent.pid).children(recursive=True)
    assert len(children) >= 2
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=120) != 0
    _, alive = psutil.wait_procs(children, timeout=60)
    assert not alive
    assert len(list(made.glob("*/[0-9]*"))) < 250
    assert list(made.glob("*/.new-*")) == []
