"""Training while a notebook stays alive: in a thread of its own, or watched from here.

In the background, training runs in a worker thread: `start` returns at once, and
buttons and other cells go on. This needs a page that hears of what happens after the
cell has returned, as JupyterLab and Jupyter Notebook do. Elsewhere (Colab, Kaggle,
VS Code, scripts, notebooks that are run without a page) training stays in the
foreground: `start` returns a run that has not begun, and `result()` trains. Either way
`on_event` is called with all that happens, in the thread that trains.

In the background the notebook's own stop button does nothing, because no cell is
running: ask `live.controls.stop()`. While `live.result()` waits or trains it is a clean
stop, in both modes.

While a run is alive, leave its policy alone (it refuses to play in another thread), and
do not draw from or seed torch's global random numbers: the order in which a batch is
used for updates is drawn from them. When Python exits, a run gets a few seconds to save
a checkpoint.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from toolkit.errors import ConfigError, ToolkitError, near_matches
from toolkit.training.run import Job, Run, carry_out, controls_of, prepare

if TYPE_CHECKING:
    from toolkit.environments.base import TextEnv
    from toolkit.policies.models import ModelPolicy

Mode = Literal["background", "foreground"]
MODES: tuple[Mode, ...] = ("background", "foreground")
EXIT_GRACE_S = 3.0
"""Time to save a checkpoint when Python exits; Jupyter kills a kernel after 5 s."""
POLL_S = 0.2
"""Waiting is interrupted this often, so that Ctrl-C is heard on all systems."""


class LiveRun:
    """A run that can be steered while it goes on.

    Args:
        job: What to do.
        background: Train in a thread that begins now, instead of in `result()`.
        on_event: Called with each event and each line of samples.
    """

    def __init__(
        self,
        job: Job,
        *,
        background: bool,
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.background = background
        self.folder = job.folder
        """Where events, samples and checkpoints are written."""
        self.controls = controls_of(job)
        """Stop, pause, resume, evaluate, reweight, save."""
        self.error: BaseException | None = None
        """What training raised."""
        self._job, self._on_event = job, on_event
        self._run: Run | None = None
        self._has_begun, self._has_ended = threading.Event(), threading.Event()
        if background:
            threading.Thread(target=self._carry_out, name="train", daemon=True).start()
            atexit.register(self._end)
            self._has_begun.wait()  # what is wrong with the folder is known by then

    @property
    def state(self) -> str:
        """`starting`, what `Controls.state` says, or how it ended.

        It ends `finished`, also if its time was up, `interrupted` or `failed`.
        """
        if self._has_ended.is_set():
            if self._run is None:
                return "failed"
            return "interrupted" if self._run.stopped == "interrupted" else "finished"
        return self.controls.state if self._has_begun.is_set() else "starting"

    def result(self, timeout_s: float | None = None) -> Run:
        """Return the run once it has ended; in the foreground, train it here and now.

        Ctrl-C, or the notebook's stop button, stops the training cleanly; a second one
        returns to the notebook at once.

        Args:
            timeout_s: Wait no longer than this; in the background alone.

        Raises:
            ToolkitError: If the time is up.
            Exception: Whatever training raised.
        """
        if not self.background and not self._has_ended.is_set():
            self._carry_out()
        with self.controls.listening():
            self._wait(timeout_s)
        if self._run is None:
            assert self.error is not None
            raise self.error
        return self._run

    def _wait(self, timeout_s: float | None) -> None:
        """Wait for the end."""
        began = time.monotonic()
        while not self._has_ended.wait(POLL_S):
            if timeout_s is not None and time.monotonic() - began > timeout_s:
                raise ToolkitError(
                    f"The run has not ended within {timeout_s:g} s.",
                    f"It is {self.state}.",
                    "Wait longer, or stop it with controls.stop().",
                )

    def _carry_out(self) -> None:
        """Train in this thread."""
        try:
            self._run = carry_out(self._job, self.controls, self._hear)
        except BaseException as error:  # raised by `result`, in the thread that asks
            self.error = error
        finally:
            self._has_ended.set()
            self._has_begun.set()
            atexit.unregister(self._end)

    def _hear(self, event: dict[str, Any]) -> None:
        """Pass an event on."""
        self._has_begun.set()
        if self._on_event is not None:
            self._on_event(event)

    def _end(self) -> None:
        """Stop, because Python exits."""
        self.controls.stop()
        self._has_ended.wait(EXIT_GRACE_S)

    def __repr__(self) -> str:
        return f"LiveRun({str(self.folder)!r}, {self.state})"


def start(
    policy: ModelPolicy,
    env: str | TextEnv,
    *,
    background: bool | None = None,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    **settings: Any,
) -> LiveRun:
    """Start a run that can be watched and steered.

    Args:
        policy: Who learns; leave it alone until the run has ended.
        env: Registry id, or an environment made by `make_env`.
        background: Train in a thread of its own (`None`: where `pick_mode` says so).
            Without, the run begins when its `result()` is asked for.
        on_event: Called with each event and each line of samples, in the thread that
            trains, so it should return soon. It must not print: what a thread prints
            is lost in notebooks.
        **settings: As for `train`. Nothing is printed in the background.

    Raises:
        ConfigError: As `train`, and if another run is going on.
    """
    if background is None:
        background = pick_mode() == "background"
    if background:
        settings["progress"] = False
    job = prepare(policy, env, **settings)
    live = LiveRun(job, background=background, on_event=on_event)
    if isinstance(live.error, ConfigError):
        raise live.error
    return live


def pick_mode() -> Mode:
    """Return where training runs best here: see the top of this module.

    The environment variable `TOOLKIT_MODE` decides, if it is set.

    Raises:
        ConfigError: If `TOOLKIT_MODE` is no mode.
    """
    wanted = os.environ.get("TOOLKIT_MODE", "")
    for mode in MODES:
        if wanted == mode:
            return mode
    if wanted:
        raise ConfigError(
            f"TOOLKIT_MODE is {wanted!r}.",
            f"The modes are {' and '.join(MODES)}.",
            near_matches(wanted, MODES),
        )
    return mode_of(_shell(), os.environ, sys.modules)


def mode_of(shell: Any, environ: Mapping[str, str], modules: Mapping[str, Any]) -> Mode:
    """Return the mode for a place.

    Args:
        shell: IPython's, `None` without.
        environ: Environment variables.
        modules: Modules that are loaded.
    """
    hosted = (
        "google.colab" in modules
        or "KAGGLE_KERNEL_RUN_TYPE" in environ
        or "VSCODE_PID" in environ
        or "VSCODE_CWD" in environ
        or "__vsc_ipynb_file__" in getattr(shell, "user_ns", ())
    )
    kernel = getattr(shell, "kernel", None)
    # a page can ask for input, and what runs notebooks without one says it cannot
    has_page = bool(getattr(kernel, "_allow_stdin", False))
    return "background" if has_page and not hosted else "foreground"


def _shell() -> Any:
    """Return IPython's shell, `None` without."""
    with contextlib.suppress(ImportError):
        from IPython.core.getipython import get_ipython

        return get_ipython()
    return None
