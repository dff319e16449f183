"""A run in a process of its own, to be killed: `killed_run.py FOLDER SETTINGS`.

If it plays its games itself, it stands still after four steps until it is killed.
"""

import json
import sys
import time
from pathlib import Path

from tests.training.runs import Gates, run_small
from toolkit.training.events import read_events


def stand_still():
    events = read_events(Path(sys.argv[1]) / "events.jsonl")
    if any(e["event"] == "step" and e["step"] >= 4 for e in events):
        time.sleep(600)


if __name__ == "__main__":
    Gates.on_turn = stand_still
    run_small(sys.argv[1], **json.loads(sys.argv[2]))
