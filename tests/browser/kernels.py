"""Kernels with other versions of ipykernel, sharing all else with this Python."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".cache" / "kernels"
INSTALLED = importlib.metadata.version("ipykernel")
VERSIONS = ("6.30.1", "7.1.0", INSTALLED)
"""Each answers pages in its own way: after the running cell, on a thread of its own
while a cell runs, and, from 7.4 on, back where the page last heard from it."""
NEEDS = "nest-asyncio==1.6.0"
"""What older versions import and the installed one does not."""
PATIENCE_S = 120


def add_kernel(version: str, jupyter_data: Path) -> str:
    """Return the name of a kernel of this ipykernel; skip the test if none can be had.

    Args:
        version: Of ipykernel.
        jupyter_data: Where the server looks for kernels.
    """
    if version == INSTALLED:
        return "python3"
    name = f"ipykernel-{version}"
    path = os.pathsep.join(map(str, (_fetch(version), ROOT)))
    kernel = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        "env": {"PYTHONPATH": path},
    }
    place = jupyter_data / "kernels" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "kernel.json").write_text(json.dumps(kernel), encoding="utf-8")
    return name


def _fetch(version: str) -> Path:
    """Return the folder with this version, fetched when it is first wanted."""
    folder = FOLDER / version
    if folder.is_dir():
        return folder
    part = folder.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    wanted = ["--target", str(part), f"ipykernel=={version}", NEEDS]
    done = subprocess.run(
        [*pip, *wanted], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
        pytest.skip(f"ipykernel {version} cannot be had: {reason}")
    part.rename(folder)
    return folder
