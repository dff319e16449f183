"""JupyterLab in a real browser: one server for all tests, a browser for each file.

A test gets a folder, a notebook, a kernel and a page of its own from `open_notebook`.
(One browser for all would leave an event loop behind in which the tests of other
folders could start none.)
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

from tests.browser import chromium
from tests.browser.kernels import add_kernel
from tests.programs import is_required

ROOT = Path(__file__).parents[2]
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-dev-shm-usage"),
)
PATIENCE_S = 120
"""Only a test that fails waits so long; the machine may be busy with other things."""
IDLE = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
CALM = {
    "page_config": {
        "disabledExtensions": {
            # asks after 12 s of loading whether to go on, over the notebook
            "@jupyterlab/apputils-extension:splash": True,
            # asks about news, in a corner
            "@jupyterlab/apputils-extension:announcements": True,
        }
    },
    "default_setting_overrides": {
        # tells over the notebook if it fails
        "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
        "@jupyterlab/apputils-extension:notification": {"doNotDisturbMode": True},
    },
}
"""What keeps JupyterLab from speaking up of its own accord."""


@contextmanager
def jupyterlab(folder, **environment):
    """Yield the address of a JupyterLab that serves `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    _calm(folder / ".jupyter" / "labconfig")
    home = {
        "JUPYTER_CONFIG_DIR": str(folder / ".jupyter"),
        "JUPYTER_DATA_DIR": str(jupyter_data(folder)),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".jupyter" / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".jupyter" / "workspaces"),
        "PYTHONPATH": str(ROOT),
    }
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *(f"--port={port}", "--ServerApp.port_retries=0"),
            *(f"--notebook-dir={folder}", "--IdentityProvider.token="),
            "--ServerApp.disable_check_xsrf=True",
        ],
        env=os.environ | home | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"{address}api", server)
        yield address
    finally:
        server.terminate()
        server.wait(PATIENCE_S)


def _calm(place):
    """Write the settings of JupyterLab."""
    place.mkdir(parents=True)
    for name, settings in CALM.items():
        (place / f"{name}.json").write_text(json.dumps(settings))


def jupyter_data(folder):
    """Return where the server of `folder` looks for kernels."""
    return folder / ".jupyter" / "data"


def ask(address, method="GET", **body):
    """Return what the server answers."""
    data = json.dumps(body).encode() if body else None
    request = urllib.request.Request(address, data, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def _wait_for(address, server):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert server.poll() is None, "JupyterLab has ended"
        try:
            return ask(address)
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"JupyterLab did not answer within {PATIENCE_S} s")


@pytest.fixture(name="browser", scope="module")
def _browser():
    """Yield Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    program = chromium.find()
    if program is None:
        (pytest.fail if is_required() else pytest.skip)(chromium.HELP)
    with (
        playwright.sync_playwright() as started,
        started.chromium.launch(executable_path=program, args=QUIET) as browser,
    ):
        yield browser


@pytest.fixture(name="lab", scope="session")
def _lab(tmp_path_factory):
    """Yield the folder and the address of the server that all tests share."""
    folder = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder) as address:
        yield folder, address


@pytest.fixture(name="open_notebook")
def _open_notebook(request, lab, browser):
    """Return a function from cell sources to a page with these cells, the first run.

    `ipykernel` names the version of the kernel, if it is not the installed one.
    """
    folder, address = lab
    name = re.sub(r"\W+", "-", request.node.name)
    (folder / name).mkdir()
    context = browser.new_context()
    context.set_default_timeout(PATIENCE_S * 1000)
    sessions = []

    def open_cells(*sources, ipykernel=None):
        kernel = "python3"
        if ipykernel:
            kernel = add_kernel(ipykernel, jupyter_data(folder))
        path = f"{name}/test{len(sessions)}.ipynb"
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        spec = {"kernelspec": {"name": kernel, "display_name": kernel}}
        book = nbformat.v4.new_notebook(cells=cells, metadata=spec)
        nbformat.write(book, folder / path)
        # the kernel starts while the page loads, which then finds it under this path
        started = ask(
            f"{address}api/sessions",
            "POST",
            path=path,
            name=path,
            type="notebook",
            kernel={"name": kernel},
        )
        sessions.append(started["id"])
        page = context.new_page()
        _open(page, f"{address}doc/tree/{path}")
        return page

    yield open_cells
    context.close()
    for session in sessions:
        ask(f"{address}api/sessions/{session}", "DELETE")


def _open(page, address):
    """Open a notebook and run its first cell.

    A busy machine may lose the first attempt: the kernel looks idle before it listens,
    or a dialog that tells of a slow server lies over the notebook.
    """
    from playwright.sync_api import TimeoutError as NothingHappened

    said = set()
    begun = page.locator(".jp-CodeCell .jp-InputPrompt").first.get_by_text(
        re.compile(r"\[[\d*]+\]")
    )
    for _ in range(3):
        page.goto(address)
        with contextlib.suppress(NothingHappened):
            page.locator(IDLE).first.wait_for(state="attached")
            page.locator(".jp-CodeCell .cm-content").first.click(timeout=40_000)
            page.keyboard.press("Control+Enter")
            begun.wait_for(timeout=40_000)
            return
        said.update(page.locator(".jp-Dialog").all_inner_texts())
    pytest.fail(f"The first cell does not run. Dialogs: {said or 'none'}.")
