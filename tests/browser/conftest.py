"""JupyterLab in a real browser."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    "--disable-sync",
)
PATIENCE_S = 90


@contextmanager
def jupyterlab(folder, **environment):
    """Yield the address of a JupyterLab that serves `folder`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    home = {"JUPYTER_CONFIG_DIR": str(folder / ".jupyter"), "PYTHONPATH": str(ROOT)}
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *(
                f"--port={port}",
                "--ServerApp.port_retries=0",
                f"--notebook-dir={folder}",
            ),
            *("--IdentityProvider.token=", "--LabApp.news_url=None"),
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
        server.wait(30)


def _wait_for(address, server):
    for _ in range(PATIENCE_S * 5):
        assert server.poll() is None, "JupyterLab has ended"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                json.load(answer)
            return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"JupyterLab did not answer within {PATIENCE_S} s")


@pytest.fixture(name="browser")
def _browser():
    """Yield Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    if BROWSER is None:
        pytest.skip("chromium is not installed")
    with (
        playwright.sync_playwright() as started,
        started.chromium.launch(executable_path=BROWSER, args=QUIET) as browser,
    ):
        yield browser


@pytest.fixture(name="open_notebook")
def _open_notebook(tmp_path, browser):
    """Return a function from cell sources to a page with these cells, the first run."""
    with jupyterlab(tmp_path) as address:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_S * 1000)

        def open_cells(*sources):
            cells = [nbformat.v4.new_code_cell(source) for source in sources]
            kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
            book = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
            nbformat.write(book, tmp_path / "test.ipynb")
            page.goto(f"{address}doc/tree/test.ipynb")
            page.locator(".jp-CodeCell").first.wait_for()
            _run_first_cell(page)
            return page

        yield open_cells


def _run_first_cell(page):
    """Press until it runs: what is run before the kernel is there is lost."""
    prompt = page.locator(".jp-InputPrompt").first
    for _ in range(PATIENCE_S // 3):
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Control+Enter")
        page.wait_for_timeout(3000)
        if prompt.inner_text().strip() != "[ ]:":
            return
    raise TimeoutError("the first cell does not run")
