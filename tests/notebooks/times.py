"""Tells at the end of a test run what each notebook took."""

from __future__ import annotations

import os
import time
from collections import defaultdict

import psutil
import pytest

PATIENCE_S = 120
"""Output of a cell that has ended may come so late; nbval waits for 5 s."""


class NotebookTimes:
    """A plugin that sums the time of cells and watches the memory of kernels."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.bytes: dict[str, int] = defaultdict(int)

    def pytest_itemcollected(self, item):
        if hasattr(item, "output_timeout"):
            item.output_timeout = PATIENCE_S

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        start = time.perf_counter()
        result = yield
        if item.path.suffix == ".ipynb":
            self.seconds[name(item)] += time.perf_counter() - start
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        result = yield
        if kernel := getattr(item.parent, "kernel", None):
            self.bytes[name(item)] = max(self.bytes[name(item)], memory(kernel))
        return result

    def pytest_terminal_summary(self, terminalreporter):
        if self.seconds:
            terminalreporter.section("notebooks")
            for line in table(self.seconds, self.bytes):
                terminalreporter.write_line(line)


def name(item):
    """Return the path of a cell's notebook."""
    return os.path.relpath(item.path, item.config.rootpath)


def memory(kernel) -> int:
    """Return the memory of a running kernel and its children, 0 if it has ended."""
    try:
        process = psutil.Process(kernel.km.provisioner.process.pid)
        family = [process, *process.children(recursive=True)]
        return sum(p.memory_info().rss for p in family)
    except (AttributeError, psutil.Error):
        return 0


def table(seconds, memory):
    """Return lines of name, seconds and megabytes, the slowest first."""
    width = max(map(len, seconds))
    for name in sorted(seconds, key=seconds.get, reverse=True):
        yield f"{name:{width}}  {seconds[name]:6.1f} s  {memory[name] / 1e6:6.0f} MB"
    yield f"{'all':{width}}  {sum(seconds.values()):6.1f} s"
