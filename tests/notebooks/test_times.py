import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.notebooks.times import table

ROOT = Path(__file__).parents[2]


def test_the_slowest_stands_first():
    lines = list(
        table({"a.ipynb": 1.0, "bc.ipynb": 12.3}, {"a.ipynb": 2e8, "bc.ipynb": 0})
    )
    assert lines == [
        "bc.ipynb    12.3 s       0 MB",
        "a.ipynb      1.0 s     200 MB",
        "all         13.3 s",
    ]


@pytest.mark.slow
def test_a_run_ends_with_what_notebooks_took(tmp_path):
    cell = nbformat.v4.new_code_cell("held = bytearray(300_000_000)")
    path = tmp_path / "large.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    options = ["--nbval-lax", "--nbval-current-env", "tests/conftest.py", str(path)]
    said = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"large\.ipynb +[\d.]+ s +(\d+) MB", said)
    assert found, said
    assert 300 < int(found[1]) < 1000
