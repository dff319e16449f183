import json

import pytest

from toolkit.errors import ToolkitError
from toolkit.widgets.recordings import RECORDINGS, pack, recording
from toolkit.widgets.run_files import open_run

LARGEST = 200_000


@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings_are_small_and_whole(name):
    folder = recording(name)
    assert sum(file.stat().st_size for file in folder.iterdir()) < LARGEST
    files = open_run(folder)
    steps = RECORDINGS[name]["max_steps"]
    assert [e["step"] for e in files.events if e["event"] == "step"] == [
        *range(1, steps + 1)
    ]
    assert list(files.places) == list(range(steps))
    assert files.sample(3)["episodes"]


def test_a_recording_tells_nothing_of_the_machine_it_was_made_on():
    for name in RECORDINGS:
        assert "output_dir" not in json.dumps(open_run(recording(name)).events)


def test_folders_come_first_and_unknown_names_are_refused(tmp_path):
    assert recording(tmp_path) == tmp_path
    with pytest.raises(ToolkitError, match="learns, fails"):
        recording("lerns")


def test_packing_keeps_what_is_shown(tmp_path):
    run, packed = tmp_path / "run", tmp_path / "packed"
    run.mkdir()
    event = {"event": "rollout", "time": 1795358144.97612, "step": 3, "groups": [1]}
    facts = {"success": 0.123456789, "n": 1234567, "config": {"output_dir": "/x"}}
    (run / "events.jsonl").write_text(json.dumps({**event, **facts}) + "\n")
    pack(run, packed)
    (found,) = open_run(packed).events
    assert found == {
        **{"event": "rollout", "time": 1795358144.976, "step": 3},
        **{"success": 0.1235, "n": 1234567, "config": {}},
    }


def test_samples_may_be_thinned_out(tmp_path):
    run, packed = tmp_path / "run", tmp_path / "packed"
    run.mkdir()
    for name in ("events.jsonl", "samples.jsonl"):
        lines = [json.dumps({"event": "x", "time": 1.0, "step": k}) for k in range(7)]
        (run / name).write_text("\n".join(lines) + "\n")
    pack(run, packed, samples_every=3)
    found = open_run(packed)
    assert len(found.events) == 7
    assert list(found.places) == [0, 3, 6]
