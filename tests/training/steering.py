"""Runs that are asked things while they go on."""

import time

from tests.models import tiny_policy
from tests.training.runs import SMALL
from toolkit.environments.base import tasks
from toolkit.training.background import start

REWARD = {"game": 1.0, "success": 0.5}
LONG = {"max_steps": 6, "save_steps": 2, "n": 3, "reward": REWARD}


def begin(folder, **settings):
    """A run in the foreground, or as `background` says."""
    settings = SMALL | {"output_dir": str(folder), "background": False} | settings
    games = tasks("gates", n=settings.pop("n", 5))
    return start(tiny_policy(), "gates", tasks=games, **settings)


def die():
    raise KeyboardInterrupt


class Then:
    """Does things when events are written: `on_event` of a run that is made later."""

    def __init__(self, acts):
        self.acts, self.controls = acts, None

    def __call__(self, event):
        act = self.acts.get((event["event"], event["step"]))
        if act:
            act(self.controls)


def steered(folder, acts, **settings):
    """A run of which something is asked when an event is written."""
    then = Then(acts)
    live = begin(folder, on_event=then, **settings)
    then.controls = live.controls
    return live


def found(run, kind):
    return [e for e in run.events if e["event"] == kind]


def until(condition, timeout_s=120):
    """Wait for something that another thread does."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s
        time.sleep(0.01)
