import pytest

from toolkit.environments.alfworld.game_file import read_game
from toolkit.errors import GameFileError


def test_a_game_survives_its_file(tmp_path, games):
    path = tmp_path / "game.tw-pddl"
    for game in games.values():
        path.write_text(game.to_json())
        assert read_game(path) == game


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"grammar": 1}', "[" * 100_000, '"text"', "\x00"]
)
def test_what_is_no_game_is_refused(tmp_path, text):
    path = tmp_path / "game.tw-pddl"
    path.write_text(text)
    with pytest.raises(GameFileError, match="cannot be played"):
        read_game(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(GameFileError, match="No such file"):
        read_game(tmp_path / "game.tw-pddl")
    (tmp_path / "game.tw-pddl").write_bytes(b"\xff\xfe")
    with pytest.raises(GameFileError):
        read_game(tmp_path / "game.tw-pddl")
