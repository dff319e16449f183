"""A run in a process of its own, to be killed: `killed_run.py FOLDER [SETTINGS]`."""

import json
import sys

from tests.training.runs import run_small

if __name__ == "__main__":
    run_small(sys.argv[1], **json.loads(sys.argv[2]))
