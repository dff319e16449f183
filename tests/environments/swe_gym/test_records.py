import json
import warnings

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.environments.swe_gym.tiny_tasks import make_smith_row, write_rows
from toolkit.environments.swe_gym import records
from toolkit.environments.swe_gym.records import from_file, from_hub, record_of
from toolkit.errors import DownloadError, TaskError


def test_a_row_of_swe_gym(rows):
    record = record_of(rows[2])
    assert (record.instance, record.kind) == ("tiny__shapes-3", "swe-gym")
    assert record.fail_to_pass == tuple(rows[2]["FAIL_TO_PASS"])
    assert (record.gold_lines, record.test_count) == (2, 5)
    assert not record.is_smith


def test_a_row_of_swe_bench_has_its_tests_as_json(rows):
    row = rows[0] | {"environment_setup_commit": "abc"}
    for name in ("FAIL_TO_PASS", "PASS_TO_PASS"):
        row[name] = json.dumps(row[name])
    record = record_of(row)
    assert record.kind == "swe-bench"
    assert record.fail_to_pass == tuple(rows[0]["FAIL_TO_PASS"])
    assert record.pass_to_pass == tuple(rows[0]["PASS_TO_PASS"])


def test_a_row_of_swe_smith_keeps_the_tests_of_its_failing_files(tmp_path):
    record = record_of(make_smith_row(tmp_path))
    assert record.is_smith
    assert record.pass_to_pass == ("tests/test_areas.py::test_triangle",)
    assert record.image.startswith("swebench/swesmith.")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"instance_id": None}, "instance_id is missing"),
        ({"instance_id": "shapes-1"}, "not like owner__name-number"),
        ({"patch": " "}, "patch is empty"),
        ({"patch": "nonsense"}, "patch cannot be read"),
        ({"test_patch": 7}, "test_patch is int, not text"),
        ({"problem_statement": ""}, "problem_statement is empty"),
        ({"base_commit": None}, "base_commit is missing"),
        ({"FAIL_TO_PASS": None}, "FAIL_TO_PASS is missing"),
        ({"FAIL_TO_PASS": []}, "FAIL_TO_PASS is empty"),
        ({"FAIL_TO_PASS": "test_a"}, "neither a list nor JSON"),
        ({"FAIL_TO_PASS": '{"a": 1}'}, "no list of names"),
        ({"PASS_TO_PASS": [1]}, "PASS_TO_PASS is no list of names"),
        (
            {"FAIL_TO_PASS": ["t.py::a"], "PASS_TO_PASS": ["t.py::a"]},
            "is in FAIL_TO_PASS and in PASS_TO_PASS",
        ),
    ],
)
def test_what_is_wrong_with_a_row_is_named(rows, change, why):
    with pytest.raises(TaskError, match=why):
        record_of(rows[0] | change)


def test_all_that_is_wrong_is_named_at_once():
    with pytest.raises(TaskError, match=r"FAIL_TO_PASS is missing.*repo is missing"):
        record_of({"instance_id": "a__b-1"})


def test_bad_rows_are_named_and_left_out(rows, tmp_path):
    lines = [json.dumps(row) for row in (rows[0], rows[0], rows[1] | {"repo": None})]
    lines += ["{", "[1]", "", json.dumps(rows[2])]
    path = tmp_path / "tasks.jsonl"
    path.write_bytes("\n".join(lines).encode() + b'\n{"\xff": 1}\n')
    with pytest.warns(UserWarning, match="5 rows of tasks.jsonl are left out") as seen:
        found = from_file(path)
    assert [r.instance for r in found.records] == ["tiny__shapes-1", "tiny__shapes-3"]
    places = [text.split(":")[0] for text in found.refused]
    assert places == [
        "line 2 (tiny__shapes-1)",
        "line 3 (tiny__shapes-2)",
        *("line 4", "line 5", "line 8"),
    ]
    assert "there twice" in found.refused[0]
    assert all(text in str(seen[0].message) for text in found.refused)


def test_json_lines_and_parquet_give_the_same_records(rows, tmp_path, task_file):
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "tasks.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lines, table = from_file(task_file), from_file(tmp_path / "tasks.parquet")
    assert lines == table
    assert len(lines.records) == len(rows)


def test_a_file_is_read_again_when_it_has_changed(rows, task_file):
    assert len(from_file(task_file).records) == len(rows)
    assert from_file(task_file) is from_file(task_file)
    write_rows(task_file, rows[:2])
    assert len(from_file(task_file).records) == 2


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("absent.jsonl", None, "No such file"),
        ("tasks.csv", "a,b\n", r"ends in '\.csv'"),
        ("tasks.jsonl", "", "It is empty"),
        ("tasks.jsonl", "{}\n", "line 1: .* is missing"),
        ("tasks.parquet", "version https://git-lfs.github.com/spec/v1\n", "arquet"),
    ],
)
def test_files_that_hold_no_tasks(tmp_path, name, content, why):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(TaskError, match=why):
        from_file(tmp_path / name)


def test_a_name_that_is_not_there(task_file):
    with pytest.raises(TaskError, match="no task 'a__b-1'"):
        from_file(task_file).get("a__b-1")


def test_without_the_hub_it_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DownloadError, match="SWE_GYM_DATA"):
        from_hub("SWE-Gym/not-there", "train")


def test_rows_of_the_hub_are_read(monkeypatch, rows):
    class Datasets:  # the hub itself cannot be reached from tests
        @staticmethod
        def load_dataset(name, split):
            assert (name, split) == ("SWE-Gym/some", "train")
            return rows

    def imported(name):
        return {"datasets": Datasets}[name]

    monkeypatch.setattr(records.importlib, "import_module", imported)
    assert len(from_hub("SWE-Gym/some", "train").records) == len(rows)
