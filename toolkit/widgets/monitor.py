"""Watch a run: curves, episodes with their credit, what is wrong, and what to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.diagnosis.history import History, number
from toolkit.errors import ConfigError, ToolkitError, near_matches
from toolkit.paths import write_at_once
from toolkit.widgets.base import ToolkitWidget, script, sheet
from toolkit.widgets.monitor_html import content
from toolkit.widgets.orders import ORDERS, order
from toolkit.widgets.player import Player
from toolkit.widgets.recordings import recording
from toolkit.widgets.run_curves import columns, to_csv
from toolkit.widgets.run_facts import Event, facts
from toolkit.widgets.run_files import RunFiles, open_run
from toolkit.widgets.run_fork import checkpoint_of, fork_code
from toolkit.widgets.run_samples import PICKS
from toolkit.widgets.run_view import Look, look_at, run_view, sample_step

if TYPE_CHECKING:
    from toolkit.environments.base import TextEnv
    from toolkit.policies.models import ModelPolicy
    from toolkit.training.background import LiveRun
    from toolkit.training.run import Run

STARTING, ENDED = "starting", ("finished", "interrupted", "failed")
"""States of a run of this process before it has begun and after its end."""
MODES = ("auto", "background", "foreground")
LEAST_S = 0.25
"""Between two pictures of a run that goes on."""
PICTURE_SHARE = 10
"""At most one part in so many of the time goes into pictures."""
MOST_S = 5.0
"""Also without news, so that a run that fell silent is noticed."""
NOTE_S = 4.0
"""A note stays at least so long."""
GIVE_UP_S = 1800.0
"""A run of another process that is silent for so long is watched no more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a monitor gets its run from."""

    files: RunFiles
    """Of the run."""
    live: LiveRun | None = None
    """The run itself, if it is one of this process."""
    player: Player | None = None
    """If it is a replay."""

    @classmethod
    def of(cls, run: Run | LiveRun | str | Path) -> Source:
        """Find the files of a run, and its controls if it has some.

        Raises:
            ToolkitError: If there is no such folder.
        """
        if isinstance(run, (str, Path)):
            return cls(files=open_run(Path(run)))
        live: Any = run if hasattr(run, "controls") else None
        files = RunFiles(run.folder)
        if live is None or live.state != STARTING:  # else another run's may lie there
            files.read()
        return cls(files=files, live=live)


class TrainingMonitor(ToolkitWidget):
    """A run to watch: one that goes on, one that is over, or a recording.

    It shows what `events.jsonl` and `samples.jsonl` in the run's folder hold, so it can
    be made anew after a lost connection, and in another process than the one that
    trains. Only for a run of this process there are buttons.

    Args:
        run: What `train` or `start` returned, or the folder of a run.

    Raises:
        ToolkitError: If there is no such folder.

    >>> TrainingMonitor.replay("learns")
    TrainingMonitor(textworld/coin_collector-105-basic: step 50 of 50, finished)
    """

    kind = "monitor"
    _esm = script(kind)
    _css = sheet(kind)

    def __init__(self, run: Run | LiveRun | str | Path | Source, **traits: Any) -> None:
        self._closed = threading.Event()
        source = run if isinstance(run, Source) else Source.of(run)
        self.files = source.files
        self.live: Any = source.live
        self._player, self._look = source.player, Look()
        self._told, self._drawn, self._cost, self._state = 0.0, 0.0, 0.0, ""
        super().__init__(**traits)
        if not self._is_over() and (self.live is None or self.live.background):
            threading.Thread(target=self._watch, name="monitor", daemon=True).start()

    @classmethod
    def start(
        cls,
        policy: ModelPolicy,
        env: str | TextEnv,
        *,
        mode: str = "auto",
        **settings: Any,
    ) -> TrainingMonitor:
        """Train, and show it.

        In the background the cell returns at once and the buttons work. Colab and some
        other places can show what goes on only while the cell runs, so there it trains
        in the foreground. `auto` chooses.

        Args:
            policy: Who learns.
            env: Registry id, or an environment made by `make_env`.
            mode: One of `MODES`.
            **settings: What `train` takes.

        Returns:
            The monitor, which is shown already; its `result()` is the run.

        Raises:
            ConfigError: If a setting is wrong.
        """
        from toolkit.training.background import pick_mode, start

        if mode not in MODES:
            raise ConfigError(
                f"mode is {mode!r}.",
                f"The modes are {', '.join(MODES)}.",
                near_matches(mode, MODES),
            )
        mode = pick_mode() if mode == "auto" else mode
        settings = {"progress": False, **settings}  # the monitor shows what it prints
        if mode == "background":
            made = cls(start(policy, env, background=True, **settings))
            _display(made)
            return made

        def hear(event: Event) -> None:
            made._hear()

        made = cls(start(policy, env, background=False, on_event=hear, **settings))
        shown = _display(made)
        try:
            made.result()
        finally:
            made.refresh()
            if shown:  # what is saved with the notebook
                shown.update(made)
        return made

    @classmethod
    def replay(
        cls, run: str | Path, *, speed: float = 10.0, **traits: Any
    ) -> TrainingMonitor:
        """Show a recorded run, to be played at any speed.

        Args:
            run: Folder of a run, or the name of one that ships: `learns` or `fails`.
            speed: How many times as fast as it was.
            **traits: Such as `theme`.

        Raises:
            ToolkitError: If there is no such run.
            ConfigError: If the speed is not above 0.
        """
        if not speed > 0:
            raise ConfigError(f"speed is {speed}.", "It must be above 0.", "Try 10.")
        files = open_run(recording(run))
        player = Player.of(files.events, speed)
        return cls(Source(files=files, player=player), **traits)

    # ---- the same from Python ------------------------------------------------------

    def stop(self) -> None:
        """End the run; the last complete step is saved."""
        self.ask({"do": "stop"})

    def pause(self) -> None:
        """Let the run stand still after this batch."""
        self.ask({"do": "pause"})

    def resume(self) -> None:
        """Go on after a pause."""
        self.ask({"do": "resume"})

    def evaluate(self) -> None:
        """Play held-out games after this batch."""
        self.ask({"do": "evaluate"})

    def reweight(self, term: str, weight: float) -> None:
        """Change the weight of a term of the reward from the next batch on."""
        self.ask({"do": "reweight", "term": term, "value": weight})

    def result(self, timeout_s: float | None = None) -> Run:
        """Wait for the run and return it.

        Args:
            timeout_s: For how long (`None`: until it ends).

        Raises:
            ToolkitError: If the monitor only shows a run.
            Exception: What the training raised.
        """
        if self.live is None:
            raise ToolkitError(
                "This monitor only shows a run.",
                "The run was started elsewhere, or is a recording.",
                "Use what `train` returned, or load_policy(run_folder / 'policy').",
            )
        try:
            run: Run = self.live.result(timeout_s)
        finally:
            self.refresh()
        return run

    def to_csv(self, path: str | Path) -> Path:
        """Write all curves as CSV, one row per step.

        Args:
            path: The file; one that is there is replaced.
        """
        write_at_once(Path(path), to_csv(columns(History.of(self.files.events))))
        return Path(path)

    def refresh(self) -> None:
        """Read what is new in the folder, and show it."""
        with self._one_at_a_time:
            self.files.read()
            self._draw()

    def close(self) -> None:
        """Take the widget away and watch no more; the run goes on."""
        self._closed.set()
        super().close()

    # ---- what every widget gives -----------------------------------------------------

    def answer(self, request: Mapping[str, Any]) -> None:
        """Do what the page asks for; if that fails, the view says why."""
        do, value = str(request.get("do", "")), number(request.get("value"))
        if self._player:
            self._player = self._player.handle(request)
        if do == "sample" and value is not None:
            steps = self._sample_steps()
            step = steps[int(value)] if 0 <= value < len(steps) else None
            self._look = look_at(self._look, step=step)
        elif do == "pick" and request.get("value") in PICKS:
            self._look = look_at(self._look, pick=str(request["value"]))
        elif do == "fork":
            self._look = look_at(self._look, fork="" if self._look.fork else "shown")
        elif do in ORDERS or do == "reweight":
            able = self.live is not None and not self._is_over()
            note, failed = order(self.live.controls if able else None, request)
            self._look = look_at(self._look, note=note, problem=failed)
            self._told = time.monotonic()

    def shown(self) -> dict[str, Any]:
        """Return all that the page shows."""
        look, player = self._now(), self._player
        if player is None:
            return self._view(self.files.events, self._sample_steps(), look)
        look = replace(look, player=player.shown())
        events = self.files.events[: player.stops[player.at]]
        return self._view(events, self._sample_steps(), look)

    def summary(self) -> str:
        """Return the world of the run and where it stands."""
        look = self._now()
        known = facts(self.files.events, None, look.live, look.error)
        where = known.world or self.files.folder.name
        words = f"{known.status[:1].lower()}{known.status[1:]}"
        return f"{where}: step {known.step} of {known.steps}, {words}"

    def content(self) -> str:
        """Return the run as HTML; a replay at its end."""
        look = self._now()
        if self._player:
            look = replace(look, step=None)
        return content(self._view(self.files.events, sorted(self.files.places), look))

    # ---- inside ----------------------------------------------------------------------

    def _view(
        self, events: Sequence[Event], steps: Sequence[int], look: Look
    ) -> dict[str, Any]:
        step = sample_step(steps, look)
        sample = {} if step is None else self.files.sample(step)
        return run_view(events, steps, sample, look)

    def _sample_steps(self) -> list[int]:
        """Return the steps of which there are samples; a replay has no later ones."""
        steps, player = sorted(self.files.places), self._player
        if player is None or player.at == player.last:
            return steps
        shown = self.files.events[: player.stops[player.at]]
        last = max((e["step"] for e in shown if e["event"] == "rollout"), default=-1)
        return [step for step in steps if step <= last]

    def _now(self) -> Look:
        """Return what is looked at, with the state of the run."""
        live, look = self.live, self._look
        if self._player:
            return look
        code = fork_code(self.files.events, self.files.folder) if look.fork else ""
        can_fork = checkpoint_of(self.files.events) is not None or live is not None
        look = replace(look, now=time.time(), can_fork=can_fork, fork=code)
        if live is None:
            return look
        return replace(
            look,
            live="" if live.state in ENDED else live.state,
            error="" if live.error is None else _named(live.error),
            buttons=live.background,
            terms=dict(live.controls.reward.weights),
        )

    def _is_over(self) -> bool:
        """Whether nothing more is to be read."""
        if self._player or self.live:
            return self._player is not None or self.live.state in ENDED
        return facts(self.files.events, None).is_over

    # ---- what goes on --------------------------------------------------------------

    def _watch(self) -> None:
        """Show what is new until the run ends or the widget is closed."""
        heard = time.monotonic()
        while not self._closed.wait(self._least_s):
            is_over = self._is_over()  # before the last look, not after it
            if self._look_again() or self.live:
                heard = time.monotonic()
            if is_over or time.monotonic() - heard > GIVE_UP_S:
                self.refresh()
                return

    @property
    def _least_s(self) -> float:
        """Seconds between two pictures."""
        return max(LEAST_S, PICTURE_SHARE * self._cost)

    def _look_again(self) -> bool:
        """Draw if something has changed; return whether the files have."""
        with self._one_at_a_time:
            news = self.files.read()
            state = self.live.state if self.live else ""
            since = time.monotonic() - self._drawn
            if news or state != self._state or since > MOST_S:
                self._draw()
            return news

    def _hear(self) -> None:
        """Something has happened, in this thread, which trains."""
        if time.monotonic() - self._drawn > self._least_s:
            self.refresh()

    def _draw(self) -> None:
        began = time.monotonic()
        if self._look.note and began - self._told > NOTE_S:
            self._look = look_at(self._look)
        self._state = self.live.state if self.live else ""
        self.view = self.shown()
        self._drawn = time.monotonic()
        self._cost = self._drawn - began


def _display(widget: TrainingMonitor) -> Any:
    """Show a widget in the cell that runs; return a handle to show it anew."""
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        return None
    return display(widget, display_id=True)  # type: ignore[no-untyped-call]


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
