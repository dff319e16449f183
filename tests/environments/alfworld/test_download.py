import hashlib
import http.server
import threading
import zipfile

import pytest

from toolkit import cli
from toolkit.environments.alfworld import download as module
from toolkit.environments.alfworld.download import download
from toolkit.environments.base import make_env, tasks
from toolkit.errors import DownloadError

SIMPLE = "pick_and_place_simple"


@pytest.fixture
def server(tmp_path, games):
    """A server with an archive like ALFWorld's; yields its URL and checksum."""
    folder = tmp_path / "served"
    folder.mkdir()
    with zipfile.ZipFile(folder / "games.zip", "w") as archive:
        text = games[SIMPLE].to_json()
        for split in ("train", "valid_seen", "valid_unseen"):
            name = f"json_2.1.1/{split}/{SIMPLE}-A-None-B-1/trial/game.tw-pddl"
            archive.writestr(name, text)
        movable = "pick_and_place_with_movable_recep-A-B-C-1"
        archive.writestr(f"json_2.1.1/train/{movable}/trial/game.tw-pddl", text)
        archive.writestr(f"../../../{SIMPLE}-E-F-G-1/trial/game.tw-pddl", text)
        archive.writestr("json_2.1.1/train/README", "not a game")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{served.server_port}/games.zip"
        yield url, hashlib.sha256((folder / "games.zip").read_bytes()).hexdigest()
        served.shutdown()


def test_games_are_there_to_be_played(server, tmp_path, monkeypatch):
    url, sha256 = server
    target = tmp_path / "data"
    assert download(target, url=url, sha256=sha256, progress=False) == 3
    monkeypatch.setenv("ALFWORLD_DATA", str(target))
    (task,) = tasks("alfworld/all", split="valid_unseen")
    _, info = make_env("alfworld/all").reset(options={"task": task})
    assert info["source"] == "data"
    files = [p for p in tmp_path.rglob("*") if p.is_file() and "served" not in p.parts]
    assert {p.name for p in files} == {"game.tw-pddl"}
    assert all(target in p.parents for p in files)


def test_another_archive_is_not_unpacked(server, tmp_path):
    url, _ = server
    with pytest.raises(DownloadError, match="SHA-256"):
        download(tmp_path / "data", url=url, progress=False)
    assert not (tmp_path / "data").exists()


def test_an_archive_without_an_end_is_cut_off(server, tmp_path, monkeypatch):
    url, sha256 = server
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(DownloadError, match="does not end"):
        download(tmp_path / "data", url=url, sha256=sha256, progress=False)


def test_the_command_fails_readably_without_a_connection(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        download,
        "__kwdefaults__",
        {**download.__kwdefaults__, "url": "http://127.0.0.1:9/x"},
    )
    assert cli.main(["alfworld", "download", "--to", str(tmp_path / "d")]) == cli.FAILED
    said = capsys.readouterr().err
    assert "connection to the internet" in said
    assert "games are generated" in said
