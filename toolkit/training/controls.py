"""What may be asked of a training while it runs, from any thread.

`Controls` is a letter box: whoever holds it drops wishes, and the thread that trains
looks into it between two batches of episodes (see `ControlCallback`). With several
processes, each has a letter box; what lies in any of them is done by all of them, after
the same step.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from toolkit.rewards import Mix


class BatchAbandoned(Exception):
    """The batch at hand is given up; the last complete step is what counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Orders:
    """What has been asked."""

    stop: str = ""
    """Why training is to end, `""` if it is not."""
    pause: bool = False
    """Stand still."""
    evaluate: bool = False
    """Play held-out games now."""
    save: bool = False
    """Write a checkpoint now."""
    weights: dict[str, float] = field(default_factory=dict)
    """New weights of the reward."""

    @classmethod
    def merged(cls, orders: Iterable[Orders]) -> Orders:
        """Return what several processes were asked, together."""
        every = list(orders)
        return cls(
            stop=next((o.stop for o in every if o.stop), ""),
            pause=any(o.pause for o in every),
            evaluate=any(o.evaluate for o in every),
            save=any(o.save for o in every),
            weights={k: w for o in every for k, w in o.weights.items()},
        )


class Controls:
    """Asks things of a training, from any thread; every method returns at once.

    Args:
        reward: What the run pays.
    """

    def __init__(self, reward: Mix) -> None:
        self.reward = reward
        """The reward in force; training puts a new one here when weights change."""
        self.reason = ""
        """Why training was asked to end."""
        self._news = threading.Condition()
        self._is_pause_wanted = False
        self._asked = Orders()
        self._doing = ""

    @property
    def state(self) -> str:
        """`running`, `pausing`, `paused`, `evaluating`, `saving` or `stopping`."""
        with self._news:
            if self.reason:
                return "stopping"
            if self._doing:
                return self._doing
            return "pausing" if self._is_pause_wanted else "running"

    def stop(self, reason: str = "interrupted") -> None:
        """End training and save a checkpoint of the last complete step.

        A batch that has not changed the policy yet is given up, which takes as long as
        a turn or the gradient of a micro-batch; a run that is resumed plays it again,
        the same way. One that several processes share, or that serves several updates
        and has had the first, is used up before. A pause ends.
        """
        with self._news:
            self.reason = self.reason or reason
            self._news.notify_all()

    def pause(self) -> None:
        """Stand still after this batch; memory stays allocated."""
        with self._news:
            self._is_pause_wanted = True
            self._news.notify_all()

    def resume(self) -> None:
        """Go on after a pause, or take its wish back."""
        with self._news:
            self._is_pause_wanted = False
            self._news.notify_all()

    def evaluate(self) -> None:
        """Play held-out games after this batch; see `toolkit.training.exam`.

        The result is an `evaluated` event.
        """
        self._ask(evaluate=True)

    def save(self) -> None:
        """Write a checkpoint after this batch; a `checkpoint` event tells of it."""
        self._ask(save=True)

    def reweight(self, weights: Mapping[str, float]) -> None:
        """Pay by other weights from the next batch on.

        Args:
            weights: By term; the weights of other terms stay as they are.

        Raises:
            ConfigError: If the reward has no such term, or a weight is no number.
        """
        checked = self.reward.reweighted(weights).weights
        self._ask(weights={name: checked[name] for name in weights})

    # ---- for the thread that trains ----------------------------------------------

    def take(self) -> Orders:
        """Return what was asked; what is done once is asked no longer."""
        with self._news:
            asked, self._asked = self._asked, Orders()
            return Orders.merged(
                [Orders(stop=self.reason, pause=self._is_pause_wanted), asked]
            )

    def wait(self, timeout_s: float) -> None:
        """Wait until something is asked."""
        with self._news:
            if self._asked == Orders():
                self._news.wait(timeout_s)

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Show another `state` for a while."""
        before, self._doing = self._doing, what
        try:
            yield
        finally:
            self._doing = before

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Turn the first Ctrl-C into a stop; the second one interrupts as usual."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may handle signals
            return
        before = signal.getsignal(signal.SIGINT) or signal.default_int_handler

        def on_interrupt(number: int, frame: Any) -> None:
            signal.signal(signal.SIGINT, before)
            self.stop()
            with contextlib.suppress(RuntimeError):  # it may interrupt another print
                print("Stopping. Press again to stop at once.", flush=True)

        signal.signal(signal.SIGINT, on_interrupt)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _ask(self, **wish: Any) -> None:
        """Add a wish to those that were not taken yet."""
        with self._news:
            self._asked = Orders.merged([self._asked, Orders(**wish)])
            self._news.notify_all()


def weights_at(events: Sequence[Mapping[str, Any]], step: int) -> dict[str, float]:
    """Return the weights that were changed while a run went on, at a checkpoint.

    Args:
        events: All events of the run, oldest first.
        step: That of the checkpoint; what was changed later was undone by the kill.
    """
    changes: list[Mapping[str, Any]] = []
    for event in events:
        kind = event["event"]
        if kind == "reward_changed":
            changes.append(event)
        elif kind == "resumed":  # what lay behind this step did not happen
            changes = [c for c in changes if c["step"] <= event["step"]]
        elif kind == "forked" and "reward" in event["changed"]:
            changes = []
    kept = [c["weights"] for c in changes if c["step"] <= step]
    return dict(kept[-1]) if kept else {}
