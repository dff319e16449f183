"""Makes notebooks from their py:percent masters, lessons and workbenches alike.

`make tutorials` makes all of them, in `tutorials/` and `notebooks/`. A notebook is
executed in the smoke profile and keeps its small outputs, so that it can
be read where nothing runs. What would change with every run is taken out: times, cell
counts, states of widgets. Of a picture the file alone is kept, because sites that show
notebooks take drawings out of HTML. The measured computing time goes into the line of
the master that starts with `Budget`.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import MissingExtraError, ToolkitError

FOLDERS = Path("tutorials"), Path("notebooks")
CELL_TIMEOUT_S = 300
BUDGET = re.compile(r"(?<=Budget: about )\d+(?= s)")
WIDGET = "application/vnd.jupyter.widget-view+json"
VOLATILE = re.compile(r" +[\d.]+ (?:s|min)\b(?: left)?")
"""Times at the end of a printed line."""
PICTURE = "image/svg+xml"


def build(master: Path) -> Path:
    """Make one notebook, execute it, and write it beside its master.

    Args:
        master: A py:percent file.

    Returns:
        The notebook.

    Raises:
        ToolkitError: If a cell fails.
        MissingExtraError: If the packages of the extra `dev` are missing.
    """
    try:
        import nbclient
        import nbformat
    except ImportError as error:
        raise MissingExtraError("nbclient", "dev") from error
    notebook = convert(master)
    print(f"{master}: executing", flush=True)
    before = _computed_s()
    client = nbclient.NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        startup_timeout=CELL_TIMEOUT_S,
        resources={"metadata": {"path": str(master.parent)}},
        store_widget_state=False,
        coalesce_streams=True,
    )
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        raise ToolkitError(
            f"{master} does not run to its end.",
            str(error),
            "Mend the cell, and build again.",
        ) from error
    seconds = _computed_s() - before
    note_budget(master, seconds)
    for cell, fresh in zip(notebook.cells, convert(master).cells, strict=True):
        cell.source = fresh.source
    strip(notebook)
    target = master.with_suffix(".ipynb")
    nbformat.write(notebook, target)
    print(f"{target}: {seconds:.0f} s, {target.stat().st_size / 1000:.0f} kB")
    return target


def convert(master: Path) -> Any:
    """Return the notebook of a master, without outputs.

    Raises:
        MissingExtraError: If jupytext is not installed.
    """
    try:
        import jupytext
    except ImportError as error:
        raise MissingExtraError("jupytext", "dev") from error
    notebook = jupytext.read(master, fmt="py:percent")
    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata.pop("lines_to_next_cell", None)
    return notebook


def note_budget(master: Path, seconds: float) -> None:
    """Write the measured time, rounded up to tens, into the master."""
    text = master.read_text(encoding="utf-8")
    tens = 10 * -int(-seconds // 10)
    master.write_text(BUDGET.sub(str(tens), text), encoding="utf-8")


def _computed_s() -> float:
    """Return the processor seconds of ended kernels, which other work does not slow."""
    times = os.times()
    return times.children_user + times.children_system


def strip(notebook: Any) -> None:
    """Take everything out that would differ in the next run."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(code, start=1):
        cell.metadata.pop("execution", None)
        # not None: nbval takes a cell with outputs and without a number for a mistake
        cell.execution_count = number
        outputs = (_stripped(output, number) for output in cell.outputs)
        cell.outputs = [output for output in outputs if output is not None]


def _stripped(output: Any, number: int) -> Any:
    """Return an output without what is volatile, `None` if nothing remains."""
    if output.output_type == "stream":
        output.text = VOLATILE.sub("", output.text)
        return output
    if "execution_count" in output:
        output.execution_count = number
    data = output.get("data", {})
    if data.pop(WIDGET, None) is not None and "text/html" not in data:
        return None
    if PICTURE in data:
        data.pop("text/html", None)
    return output


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the notebooks that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m toolkit.lessons.build")
    parser.add_argument("masters", nargs="*", type=Path, help="default: all")
    named = parser.parse_args(arguments).masters
    os.environ["TOOLKIT_PROFILE"] = "smoke"
    try:
        for master in named or sorted(m for f in FOLDERS for m in f.glob("*.py")):
            build(master)
    except (ToolkitError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
