import json
import sys

import pytest

from toolkit.environments.alfworld import generator, package, sources
from toolkit.environments.alfworld.game_file import read_game
from toolkit.environments.base import make_env, tasks
from toolkit.errors import CacheError, GameFileError, TaskError

SIMPLE = "pick_and_place_simple"
ENV = f"alfworld/{SIMPLE}?size=0.2"


@pytest.fixture
def data(tmp_path, monkeypatch, games):
    """A folder like ALFWorld's, with games of two kinds in two of its splits."""
    text = games[SIMPLE].to_json()
    for split in ("train", "valid_seen"):
        for kind in (SIMPLE, "look_at_obj_in_light"):
            for i in range(10):
                folder = (
                    tmp_path / "json_2.1.1" / split / f"{kind}-A-None-B-{i}" / "trial"
                )
                folder.mkdir(parents=True)
                (folder / "game.tw-pddl").write_text(text)
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    return tmp_path


def file_of(data, split, name):
    return data / "json_2.1.1" / split / name / "trial" / "game.tw-pddl"


def test_files_are_taken_when_there_are_any(data):
    found = tasks(f"alfworld/{SIMPLE}", split="validation")
    assert len(found) == 10
    assert {dict(t.params)["source"] for t in found} == {"data"}
    assert found == tasks(f"alfworld/{SIMPLE}", split="valid_seen")
    assert len(tasks("alfworld/all", split="valid_seen")) == 20


def test_files_need_neither_package_nor_planner(data, monkeypatch):
    monkeypatch.setattr(package, "folder", lambda: pytest.fail("package was read"))
    monkeypatch.setitem(sys.modules, "fast_downward", None)
    env = make_env(f"alfworld/{SIMPLE}", expert=True)
    task = tasks(f"alfworld/{SIMPLE}", split="valid_seen", n=1)[0]
    _, info = env.reset(options={"task": task})
    assert [env.step(c)[2] for c in info["expert"]][-1]


def test_splits_share_no_game_and_no_seed(data):
    splits = [
        tasks("alfworld/all", split=s) for s in ("train", "demonstration", "validation")
    ]
    assert [len(s) for s in splits] == [16, 4, 20]
    everything = [t for s in splits for t in s]
    assert len({t.seed for t in everything}) == len(everything)
    assert len({dict(t.params)["game"] for t in everything}) == len(everything)


def test_the_first_tasks_are_of_several_kinds(data):
    kinds = {dict(t.params)["game"].split("-")[0] for t in tasks("alfworld/all", n=6)}
    assert len(kinds) == 2


def test_unsolvable_and_sliced_games_are_left_out(data):
    path = file_of(data, "train", f"{SIMPLE}-A-None-B-0")
    path.write_text(path.read_text().replace('"solvable": true', '"solvable": false'))
    for name in (
        "pick_and_place_with_movable_recep-A-B-C-1",
        f"{SIMPLE}-AppleSliced-N-B-1",
    ):
        folder = data / "json_2.1.1" / "train" / name / "trial"
        folder.mkdir(parents=True)
        (folder / "game.tw-pddl").write_text(path.read_text())
    names = sources.solvable_games(data, "train")
    assert len(names) == 19
    with pytest.raises(GameFileError, match="unsolvable"):
        read_game(path)


def test_a_split_without_files_is_not_filled_with_generated_games(data):
    with pytest.raises(TaskError, match="valid_unseen"):
        tasks("alfworld/all", split="test")
    some = tasks("alfworld/all", split="test", n=3, source="generated")
    assert {dict(t.params)["source"] for t in some} == {"generated"}


def test_a_folder_without_games_is_named_and_games_are_generated(tmp_path, monkeypatch):
    monkeypatch.setenv("ALFWORLD_DATA", str(tmp_path))
    with pytest.warns(UserWarning, match="holds no games"):
        found = tasks("alfworld/all", n=1)
    assert dict(found[0].params)["source"] == "generated"
    with pytest.raises(TaskError, match="There is no game"):
        tasks("alfworld/all", n=1, source="data")


def test_a_truncated_file_is_said_to_be_one(data):
    task = tasks(f"alfworld/{SIMPLE}", split="validation", n=1)[0]
    path = data / "json_2.1.1" / dict(task.params)["game"] / "game.tw-pddl"
    whole = path.read_text()
    env = make_env(f"alfworld/{SIMPLE}")
    for length in (0, 10, len(whole) // 2, len(whole) - 2):
        path.write_text(whole[:length])
        with pytest.raises(GameFileError, match="cannot be played"):
            env.reset(options={"task": task})
    path.unlink()
    with pytest.raises(TaskError, match="has changed"):
        env.reset(options={"task": task})


@pytest.mark.parametrize("field", ["pddl_domain", "grammar", "pddl_problem"])
def test_a_damaged_field_is_a_broken_game(data, field):
    task = tasks(f"alfworld/{SIMPLE}", split="validation", n=1)[0]
    path = data / "json_2.1.1" / dict(task.params)["game"] / "game.tw-pddl"
    fields = json.loads(path.read_text())
    env = make_env(f"alfworld/{SIMPLE}")
    for wrong in (fields[field][:300], "", 3):
        path.write_text(json.dumps({**fields, field: wrong}))
        with pytest.raises(GameFileError):
            env.reset(options={"task": task})


def test_a_task_cannot_name_a_file_outside_of_the_folder(data):
    (data / "game.tw-pddl").write_text("{}")
    for name in ("..", "../..", "/etc", "json_2.1.1/../../x"):
        with pytest.raises(TaskError):
            sources._data_file(name)


def test_more_games_than_there_are():
    with pytest.raises(TaskError, match="It has 1000"):
        tasks("alfworld/all", split="test", n=1_001)


def test_generated_splits_share_no_seed():
    seeds = [set(s) for s in sources.SEEDS.values()]
    assert sum(map(len, seeds)) == len(set().union(*seeds))


# ---- the cache -----------------------------------------------------------------------


def play(cache, monkeypatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(cache))
    env = make_env(ENV)
    return env.reset(options={"task": tasks(ENV, split="test", n=1)[0]})[0]


def test_a_game_is_generated_once(tmp_path, monkeypatch):
    first = play(tmp_path, monkeypatch)
    monkeypatch.setattr(
        generator, "make_game", lambda *a, **k: pytest.fail("made again")
    )
    assert play(tmp_path, monkeypatch) == first


@pytest.mark.parametrize(
    "damage", ["", "{", "{}", '{"problem": 1, "sentence": 2, "sum": 3}']
)
def test_a_damaged_game_of_the_cache_is_made_again(tmp_path, monkeypatch, damage):
    first = play(tmp_path, monkeypatch)
    (path,) = tmp_path.glob("games/alfworld-*/*.json")
    good = path.read_text()
    path.write_text(damage)
    assert play(tmp_path, monkeypatch) == first
    assert path.read_text() == good


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(CacheError, match="TOOLKIT_CACHE"):
        play(blocked, monkeypatch)
