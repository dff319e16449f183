import signal
import subprocess
import sys
import threading
import types
from pathlib import Path

import pytest

from tests.training.runs import (
    Gates,
    assert_same,
    at_turn,
    interrupt,
    run_small,
)
from tests.training.steering import begin, until
from toolkit.environments.base import tasks
from toolkit.errors import ConfigError, ToolkitError
from toolkit.evaluation import evaluate
from toolkit.training.background import mode_of, pick_mode
from toolkit.training.events import read_events
from toolkit.training.folder import last_checkpoint
from toolkit.training.settings import make_config

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing:FutureWarning"  # from peft
)
ROOT = Path(__file__).parents[2]
SHORT = {"max_steps": 1, "save_steps": 1}
LONG = {"max_steps": 3, "save_steps": 1, "n": 3}


@pytest.fixture(autouse=True)
def calm():
    yield
    Gates.on_turn = None


@pytest.fixture
def endless(tmp_path):
    """A run in the background that would go on for very long, in its first step."""
    live = begin(tmp_path / "endless", background=True, max_steps=10_000)
    until((live.folder / "samples.jsonl").exists)
    yield live
    live.controls.stop()
    live._has_ended.wait(60)


# ---- where training runs -------------------------------------------------------------


def shell(*, page=True, **names):
    kernel = types.SimpleNamespace(_allow_stdin=page)
    return types.SimpleNamespace(kernel=kernel, user_ns=names)


@pytest.mark.parametrize(
    ("where", "environ", "modules", "mode"),
    [
        (shell(), {}, {}, "background"),  # JupyterLab, Notebook
        (shell(), {}, {"google.colab": None}, "foreground"),
        (shell(), {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, {}, "foreground"),
        (shell(), {"VSCODE_PID": "7"}, {}, "foreground"),
        (shell(), {"VSCODE_CWD": "/home"}, {}, "foreground"),
        (shell(__vsc_ipynb_file__="a.ipynb"), {}, {}, "foreground"),
        (shell(page=False), {}, {}, "foreground"),  # nbclient, nbval, nbmake
        (types.SimpleNamespace(user_ns={}), {}, {}, "foreground"),  # ipython
        (None, {}, {}, "foreground"),  # python
    ],
)
def test_the_mode_of_a_place(where, environ, modules, mode):
    assert mode_of(where, environ, modules) == mode


def test_the_environment_variable_decides(monkeypatch):
    assert pick_mode() == "foreground"  # pytest
    monkeypatch.setenv("TOOLKIT_MODE", "background")
    assert pick_mode() == "background"
    monkeypatch.setenv("TOOLKIT_MODE", "back")
    with pytest.raises(ConfigError, match="Did you mean 'background'"):
        pick_mode()


@pytest.mark.slow
@pytest.mark.parametrize("has_page", [True, False])
def test_a_real_kernel_knows_whether_there_is_a_page(has_page, monkeypatch):
    from jupyter_client.manager import start_new_kernel

    for name in ("VSCODE_PID", "VSCODE_CWD", "TOOLKIT_MODE"):
        monkeypatch.delenv(name, raising=False)
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(ROOT))
    code = "from toolkit.training.background import pick_mode; print(pick_mode())"
    said = []
    try:
        client.execute_interactive(
            code,
            allow_stdin=has_page,
            timeout=600,
            output_hook=lambda message: said.append(message["content"].get("text", "")),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "".join(said).split() == ["background" if has_page else "foreground"]


# ---- in the background ---------------------------------------------------------------


def test_both_modes_give_the_same_numbers(tmp_path, capfd):
    heard = {True: [], False: []}
    runs = []
    for mode in (True, False):
        live = begin(
            tmp_path / str(mode), background=mode, on_event=heard[mode].append, **LONG
        )
        assert (
            live.state in ("running", "starting") if mode else live.state == "starting"
        )
        runs.append(live.result())
        assert live.result() is runs[-1]
        assert (live.state, live.error, live.background) == ("finished", None, mode)
    assert_same(*runs)
    assert_same(runs[0], run_small(tmp_path / "plain", **LONG))
    kinds = [e["event"] for e in runs[0].events]
    for events in heard.values():
        assert [e["event"] for e in events if e["event"] != "samples"] == kinds
        assert sum(e["event"] == "samples" for e in events) == 3
    assert capfd.readouterr().out == ""


def test_nothing_is_printed_from_the_thread(tmp_path, capfd):
    begin(tmp_path, background=True, max_steps=1, progress=True).result()
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_what_training_raises_is_kept_and_raised(tmp_path):
    class Fall(BaseException):
        """What no world can be blamed for."""

    def fall():
        raise Fall("the roof")

    at_turn(3, fall)
    live = begin(tmp_path, background=True)
    with pytest.raises(Fall, match="the roof") as error:
        live.result()
    assert live.error is error.value
    assert live.state == "failed"
    (last,) = read_events(tmp_path / "events.jsonl")[-1:]
    assert last["event"] == "failed"
    Gates.on_turn = None
    assert begin(tmp_path, max_steps=1).result().step == 1  # all is free again


def test_wrong_settings_are_refused_at_once(tmp_path):
    with pytest.raises(ConfigError, match="max_steps is 0"):
        begin(tmp_path, max_steps=0)
    begin(tmp_path, **SHORT).result()
    with pytest.raises(ConfigError, match="had other settings"):
        begin(tmp_path, background=True, **SHORT, discount=0.5, resume=True)


def test_a_second_run_is_refused_and_harms_nobody(tmp_path, endless):
    for background in (True, False):
        with pytest.raises(ConfigError, match="Another run is going on"):
            begin(tmp_path / "second", background=background).result()
    with pytest.raises(ConfigError, match="Another run is going on"):
        run_small(tmp_path / "second")
    assert not (tmp_path / "second").exists()
    make_config(max_steps=3)  # clears the state of accelerate if nothing prevents it
    steps = len((endless.folder / "samples.jsonl").read_text().splitlines())
    until(
        lambda: (
            len((endless.folder / "samples.jsonl").read_text().splitlines()) > steps + 1
        )
    )
    assert endless.error is None


def test_the_policy_belongs_to_the_run(endless):
    policy = endless._job.policy
    games = [task for task in tasks("gates", n=20) if task.seed >= 5]
    with pytest.raises(ConfigError, match="is being trained by another thread"):
        evaluate(policy, "gates", games, workers=0, progress=False)
    endless.controls.stop()
    endless.result()
    assert evaluate(policy, "gates", games, workers=0, progress=False).n == 15


def test_waiting_has_an_end(endless):
    with pytest.raises(ToolkitError, match=r"has not ended within 0\.3 s"):
        endless.result(timeout_s=0.3)
    assert endless.error is None


def test_ctrl_c_while_waiting_is_a_clean_stop(endless, capfd):
    before = signal.getsignal(signal.SIGINT)

    def interrupt_the_wait():
        until(lambda: signal.getsignal(signal.SIGINT) is not before)
        interrupt()

    threading.Thread(target=interrupt_the_wait).start()
    run = endless.result()
    assert run.stopped == "interrupted"
    assert "Press again" in capfd.readouterr().out
    assert last_checkpoint(run.folder).name == f"checkpoint-{run.step}"


def test_ctrl_c_in_the_foreground_is_a_clean_stop(tmp_path):
    live = begin(tmp_path, background=False)
    at_turn(40, interrupt)
    assert live.result().stopped == live.state == "interrupted"


def test_a_listener_that_fails_does_no_harm(tmp_path):
    def fall(event):
        raise RuntimeError("the page has gone")

    live = begin(tmp_path, background=False, on_event=fall, max_steps=1)
    with pytest.warns(UserWarning, match="the page has gone"):
        assert live.result().stopped == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("paused", [False, True])
def test_python_exits_with_a_live_run(tmp_path, paused):
    script = f"""
import sys, time
from pathlib import Path
from tests.models import tiny_policy
from tests.training.runs import SMALL
from tests.training.steering import begin, until
from toolkit.environments.base import tasks
from toolkit.training.background import start
if __name__ == "__main__":
    settings = SMALL | {{"max_steps": 10_000, "workers": 2, "output_dir": sys.argv[1]}}
    games = tasks("gates", n=5)
    live = start(tiny_policy(), "gates", background=True, tasks=games, **settings)
    while not (Path(sys.argv[1]) / "samples.jsonl").exists():
        time.sleep(0.05)
    if {paused}:
        live.controls.pause()
        while live.state != "paused":
            time.sleep(0.05)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert done.stderr == ""
    last = read_events(tmp_path / "events.jsonl")[-1]
    assert last["event"] == "interrupted"
    run = run_small(tmp_path, resume=True, max_steps=last["step"] + 1)
    assert [e["step"] for e in run.events if e["event"] == "resumed"] == [last["step"]]
