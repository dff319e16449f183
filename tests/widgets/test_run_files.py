import json
import lzma

import pytest

from toolkit.errors import ToolkitError
from toolkit.widgets.run_files import HEAD_BYTES, RunFiles, open_run


def line(event="step", step=1, **facts):
    return json.dumps({"event": event, "time": 1.0, "step": step, **facts}) + "\n"


def written(folder, text, name="events.jsonl", mode="a"):
    with (folder / name).open(mode, encoding="utf-8") as file:
        file.write(text)


def test_only_what_is_new_is_read(tmp_path, monkeypatch):
    files = RunFiles(tmp_path)
    assert not files.read()
    written(tmp_path, line(step=1, log=[0] * 999))
    assert files.read()
    size = len(line(step=2))
    written(tmp_path, line(step=2))
    path = type(tmp_path)
    taken, opened = [], path.open

    def watched(self, *how, **options):
        file = opened(self, *how, **options)
        whole = file.read
        file.read = lambda *n: taken.append(whole(*n)) or taken[-1]
        return file

    monkeypatch.setattr(path, "open", watched)
    assert files.read()
    assert [e["step"] for e in files.events] == [1, 2]
    assert sum(map(len, taken)) == size + HEAD_BYTES
    assert not files.read()


def test_a_line_that_is_being_written_waits_for_its_end(tmp_path):
    files, whole = RunFiles(tmp_path), line(step=7)
    written(tmp_path, line() + whole[:20])
    files.read()
    assert len(files.events) == 1
    written(tmp_path, whole[20:])
    files.read()
    assert [e["step"] for e in files.events] == [1, 7]


def test_a_run_that_begins_anew_replaces_the_old_one(tmp_path):
    files = RunFiles(tmp_path)
    written(tmp_path, line(step=1) + line(step=2))
    written(tmp_path, line("samples", 0), "samples.jsonl")
    files.read()
    for name in ("events.jsonl", "samples.jsonl"):
        (tmp_path / name).unlink()
    written(tmp_path, line(step=0))
    written(tmp_path, line("samples", 5), "samples.jsonl")
    (tmp_path / "kept").touch()
    files.read()
    assert [e["step"] for e in files.events] == [0]
    assert list(files.places) == [5]


def test_what_is_no_event_is_left_out(tmp_path):
    odd = ["", "{", "[]", "7", '{"event": 3, "step": 1}', '{"event": "step"}']
    odd += ['{"event": "step", "step": -1}', '{"event": "step", "step": true}', "\0é"]
    written(tmp_path, "".join(f"{text}\n" for text in odd) + line(step=4))
    assert [e["step"] for e in open_run(tmp_path).events] == [4]


def test_groups_are_left_out_and_nothing_else(tmp_path):
    facts = {"success": 0.5, "terms": {"success": {"mean": 1}}}
    for step, odd in enumerate(("plain", '}], "')):
        group = {"row": 0, "returns": [1.0], "won": [True], "params": {"a": odd}}
        written(tmp_path, line("rollout", step, groups=[group, group], **facts))
    for event in open_run(tmp_path).events:
        assert facts.items() <= event.items()
    assert "groups" not in open_run(tmp_path).events[0]


def test_samples_are_found_by_their_step(tmp_path):
    for step in (0, 4, 9):
        text = line("samples", step, episodes=[{"task": f"game {step}"}])
        written(tmp_path, text, "samples.jsonl")
    files = open_run(tmp_path)
    assert list(files.places) == [0, 4, 9]
    assert files.sample(4)["episodes"] == [{"task": "game 4"}]
    assert files.sample(5) == {}
    (tmp_path / "samples.jsonl").unlink()
    assert files.sample(4) == {}


def test_packed_files_are_read_like_others(tmp_path):
    for name, text in (
        ("events.jsonl", line(step=1) + line(step=2)),
        ("samples.jsonl", line("samples", 1, episodes=[1]) + line("samples", 2)),
    ):
        (tmp_path / f"{name}.xz").write_bytes(lzma.compress(text.encode()))
    files = open_run(tmp_path)
    assert [e["step"] for e in files.events] == [1, 2]
    assert files.sample(1)["episodes"] == [1]
    assert not files.read()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ToolkitError, match="There is no folder"):
        open_run(tmp_path / "nothing")
    assert open_run(tmp_path).events == []
