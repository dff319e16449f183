import dataclasses

import pytest

from tests.environments.swe_gym.tiny_tasks import write_rows
from toolkit.environments.swe_gym.presets import (
    FIVE,
    PRESETS,
    SHARES,
    draw,
    hash_of,
    is_of,
    level,
    local_copy,
    preset_of,
    records_of,
)
from toolkit.environments.swe_gym.records import record_of
from toolkit.errors import ConfigError, TaskError, UnknownEnvironmentError

GYM = ("full", "lite", "paper", *FIVE)


@pytest.fixture(scope="module")
def many(tiny):
    """As many tasks of each repository as SWE-Gym has, or so."""
    one = record_of(tiny[1][0])
    repos = [*FIVE.values(), "dask/dask"]
    return [
        dataclasses.replace(one, repo=repo, instance=f"{repo.replace('/', '__')}-{i}")
        for repo in repos
        for i in range(300)
    ]


def names(many, preset, split, **levels):
    return [r.instance for r in draw(PRESETS[preset], many, split, levels)]


def test_the_papers_subset_has_its_sizes(many):
    for split, each in (("train", 18), ("test", 5)):
        found = draw(PRESETS["paper"], many, split, {})
        counts = [sum(r.repo == repo for r in found) for repo in FIVE.values()]
        assert counts == [each] * 5
    for name, repo in FIVE.items():
        assert len(names(many, name, "train")) == 90
        assert len(names(many, name, "test")) == 25
        assert all(r.repo == repo for r in draw(PRESETS[name], many, "test", {}))


def test_a_task_is_in_one_split_whatever_the_preset(many):
    homes = {}
    for preset in GYM:
        for split in SHARES:
            for name in names(many, preset, split):
                assert homes.setdefault(name, split) == split
    assert len(homes) == len(many)


def test_the_draw_does_not_change_when_a_data_set_grows(many):
    before = names(many[::2], "full", "test")
    after = names(many, "full", "test")
    assert [name for name in after if name in set(before)] == before
    assert len(after) > len(before)
    assert names(many[::-1], "full", "test") == after
    assert hash_of("getmoto__moto-5406") == 7099159262677629068


def test_shares_are_about_what_they_should_be(many):
    sizes = {split: len(names(many, "full", split)) / len(many) for split in SHARES}
    assert sizes == pytest.approx(
        {"test": 0.2, "validation": 0.05, "demonstration": 0.05, "train": 0.7}, abs=0.03
    )


def test_five_rows_of_a_file_are_split_by_counting(task_file):
    found = records_of(PRESETS["file"], str(task_file)).records
    assert len(names(found, "file", "test")) == 1
    assert len(names(found, "file", "train")) == 4
    with pytest.raises(TaskError, match="no task of the split 'validation'"):
        names(found, "file", "validation")


def test_a_benchmark_has_tests_alone(many):
    assert len(names(many, "bench-lite", "test")) == len(many)
    with pytest.raises(TaskError, match="benchmark"):
        names(many, "bench-lite", "train")


@pytest.mark.parametrize(
    ("by", "sizes"),
    [
        ("lines", {8: "easy", 9: "medium", 31: "medium", 32: "hard"}),
        ("tests", {17: "easy", 18: "medium", 53: "medium", 54: "hard"}),
    ],
)
def test_difficulty_is_that_of_table_2(by, sizes):
    assert {size: level(size, by) for size in sizes} == sizes


def test_difficulty_chooses_tasks(many):
    hard = dataclasses.replace(
        many[0], fail_to_pass=tuple(f"t.py::f{i}" for i in range(54))
    )
    assert is_of(many[0], {"lines": "easy", "tests": "easy"})
    assert is_of(hard, {"lines": "easy", "tests": "hard"})
    assert not is_of(hard, {"tests": "easy"})
    with pytest.raises(TaskError, match="with lines=hard"):
        names(many, "full", "test", lines="hard")


def test_copies_in_a_folder_stand_for_the_hub(monkeypatch, tmp_path, rows):
    assert local_copy("SWE-Gym/SWE-Gym-Lite") is None
    monkeypatch.setenv("SWE_GYM_DATA", str(tmp_path))
    assert local_copy("SWE-Gym/SWE-Gym-Lite") is None
    write_rows(tmp_path / "SWE-Gym-Lite.jsonl", rows)
    assert len(records_of(PRESETS["lite"], None).records) == len(rows)
    monkeypatch.setenv("SWE_GYM_DATA", str(tmp_path / "absent"))
    with pytest.raises(TaskError, match="no folder"):
        local_copy("SWE-Gym/SWE-Gym-Lite")


def test_a_path_belongs_to_a_file_alone():
    for preset, path in (("file", None), ("lite", "tasks.jsonl")):
        with pytest.raises(ConfigError, match="swe-gym/file"):
            records_of(PRESETS[preset], path)


def test_unknown_presets_get_a_hint():
    with pytest.raises(UnknownEnvironmentError, match="Did you mean 'lite'"):
        preset_of("swe-gym/lit")
