import shutil
import subprocess
import sys

import pytest

from toolkit.environments import game_cache
from toolkit.environments.game_cache import FILES, SUMS, load, store
from toolkit.errors import CacheError

STORY, LOGIC = b"story" * 1000, b'{"objective": "win"}'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))
    return game_cache.games_dir() / "w1-key" / "1"


def names(path):
    return sorted(p.name for p in path.iterdir())


def test_what_is_stored_is_loaded(folder):
    assert load(folder) is None
    store(folder, [STORY, LOGIC])
    game = load(folder)
    assert game.z8.read_bytes() == STORY
    assert game.data == {"objective": "win"}
    assert names(folder.parent) == ["1"]


def test_the_checksums_are_those_of_sha256sum(folder):
    store(folder, [STORY, LOGIC])
    if shutil.which("sha256sum"):
        command = ["sha256sum", "--check", SUMS]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    assert len((folder / SUMS).read_text().splitlines()) == len(FILES)


def test_the_first_of_two_writers_wins(folder):
    store(folder, [STORY, LOGIC])
    store(folder, [b"other", LOGIC])
    assert load(folder).z8.read_bytes() == STORY
    assert names(folder.parent) == ["1"]


@pytest.mark.parametrize("name", [*FILES, SUMS])
@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "remove"])
def test_any_damage_is_found_and_removed(folder, name, harm):
    store(folder, [STORY, LOGIC])
    content = (folder / name).read_bytes()
    harmed = {"flip": bytes([content[0] ^ 1]) + content[1:], "cut": content[:-1]}
    if harm == "remove":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(harmed.get(harm, b""))
    assert load(folder) is None
    assert names(folder.parent) == []


def test_a_pack_fills_the_cache_with_the_same_games(folder, tmp_path, monkeypatch):
    games = [folder.with_name(str(i)) for i in range(3)]
    for i, game in enumerate(games):
        store(game, [STORY + bytes([i]), LOGIC])
    first, second = tmp_path / "a.tar.xz", tmp_path / "b.tar.xz"
    game_cache.write_pack(games, first)
    game_cache.write_pack(reversed(games), second)
    assert first.read_bytes() == second.read_bytes()
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "new"))
    game_cache.unpack(first)
    game_cache.unpack(first)
    for i, game in enumerate(games):
        new = game_cache.games_dir() / game.relative_to(tmp_path / "games")
        assert load(new).z8.read_bytes() == STORY + bytes([i])


def test_packs_inside_the_package_are_found(folder, tmp_path, monkeypatch):
    store(folder, [STORY, LOGIC])
    (tmp_path / "assets" / "games").mkdir(parents=True)
    game_cache.write_pack([folder], tmp_path / "assets" / "games" / "some.tar.xz")
    game_cache.discard(folder)
    monkeypatch.setattr(game_cache, "assets_dir", lambda: tmp_path / "assets")
    game_cache.packed_games.cache_clear()
    assert game_cache.unpack_for(folder)
    assert not game_cache.unpack_for(folder.with_name("2"))
    assert load(folder).data == {"objective": "win"}
    game_cache.packed_games.cache_clear()


def test_a_full_disk_is_a_cache_error_and_leaves_nothing(folder):
    # A limit on the size of files makes the write fail as a full disk does.
    code = f"""
import resource
from pathlib import Path
from toolkit.environments import game_cache
from toolkit.errors import CacheError
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
folder = Path({str(folder)!r})
try:
    with game_cache.cache_errors(folder):
        game_cache.store(folder, [b"x" * 5000, b"{{}}"])
except CacheError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert "TOOLKIT_CACHE" in done.stdout
    assert "Why: " in done.stdout
    assert names(folder.parent) == []


def test_a_cache_that_is_a_file_is_a_cache_error(folder, tmp_path):
    (tmp_path / "games").write_text("in the way")
    with (
        pytest.raises(CacheError, match="Not a directory"),
        game_cache.cache_errors(folder),
    ):
        load(folder)
