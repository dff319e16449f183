"""Makes notebooks and guides from their masters, lessons and workbenches alike.

`make lessons` makes all of them: for a lesson the notebook, the solution and the
instructor's guide, in `tutorials`, for a workbench its notebook; see `masters.py` for
what a master says. Notebooks are executed in the smoke profile, without network access
to models, and keep their small outputs, so that they can be read where nothing runs.
What would change with every run is taken out: times, cell counts, states of widgets. Of
a picture the file alone is kept, because sites that show notebooks take drawings out of
HTML.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import MissingExtraError, ToolkitError
from toolkit.lessons import masters
from toolkit.lessons.guides import guide
from toolkit.lessons.strip import strip

CELL_TIMEOUT_S = 1200
MEASURE = """
import json, os, resource, sys
_peak = max(resource.getrusage(who).ru_maxrss for who in (
    resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(json.dumps({"seconds": round(sum(os.times()[:4]), 1),
    "memory_mb": round(_peak / (1e6 if sys.platform == "darwin" else 1e3))}))
"""
"""What a notebook took: computing time, which other work does not slow, and memory."""


def build(master: Path, *, execute: bool = True) -> Path:
    """Make all that belongs to one master.

    Args:
        master: A py:percent file.
        execute: Run the notebooks. Without it, cells that have not changed keep their
            outputs, which is enough for a change of words.

    Returns:
        The notebook.

    Raises:
        ToolkitError: If a cell fails, or the master cannot be understood.
        MissingExtraError: If the packages of the extra `dev` are missing.
    """
    target = masters.learner_path(master)
    if masters.is_lesson(master):
        masters.note_facts(master.stem, stubs=masters.stubs(master))
    notebook = _make(master, target, execute=execute)
    if masters.is_lesson(master):
        _make(master, masters.solution_path(master), execute=execute, solved=True)
        masters.guide_path(master).parent.mkdir(exist_ok=True)
        masters.guide_path(master).write_text(guide(master, notebook), encoding="utf-8")
    return target


def _make(
    master: Path, target: Path, *, execute: bool = True, solved: bool = False
) -> Any:
    """Write one notebook, and return it."""
    import nbformat

    notebook = masters.convert(master, solved=solved)
    if execute:
        print(f"{target}: executing", flush=True)
        took = run(notebook, target.parent)
        strip(notebook)
        if not solved:
            masters.note_facts(master.stem, smoke=took)
            _keep_picture(notebook, masters.picture_path(master))
        print(f"{target}: {took['seconds']} s, {took['memory_mb']} MB")
    else:
        _keep_outputs(notebook, nbformat.read(target, as_version=4))
    fresh = masters.convert(master, solved=solved)  # knows the new budget
    notebook.cells[0].source = fresh.cells[0].source
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    return notebook


def run(notebook: Any, folder: Path) -> dict[str, float]:
    """Execute a notebook in place.

    Returns:
        Computing time in `seconds` and largest `memory_mb`.

    Raises:
        ToolkitError: If a cell fails.
        MissingExtraError: If nbclient is not installed.
    """
    try:
        import nbclient
        import nbformat
    except ImportError as error:
        raise MissingExtraError("nbclient", "dev") from error
    import json

    folder.mkdir(parents=True, exist_ok=True)
    notebook.cells.append(nbformat.v4.new_code_cell(MEASURE))
    client = nbclient.NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT_S,
        startup_timeout=CELL_TIMEOUT_S,
        resources={"metadata": {"path": str(folder)}},
        store_widget_state=False,
        coalesce_streams=True,
    )
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        raise ToolkitError(
            "A cell fails.", str(error), "Mend it in the master, and build again."
        ) from error
    took: dict[str, float] = json.loads(notebook.cells.pop().outputs[0].text)
    return took


def _keep_picture(notebook: Any, path: Path) -> None:
    """Write the drawing of the cell tagged `end-state` to a file."""
    for cell in notebook.cells:
        if masters.END_STATE in cell.metadata.get("tags", ()):
            drawings = [o.get("data", {}).get("image/svg+xml") for o in cell.outputs]
            path.parent.mkdir(exist_ok=True)
            path.write_text(next(filter(None, drawings)) + "\n", encoding="utf-8")


def _keep_outputs(notebook: Any, earlier: Any) -> None:
    """Give code cells the outputs that they had.

    Raises:
        ToolkitError: If their code has changed.
    """
    fresh, old = (
        [cell for cell in book.cells if cell.cell_type == "code"]
        for book in (notebook, earlier)
    )
    if [cell.source for cell in fresh] != [cell.source for cell in old]:
        raise ToolkitError(
            "The code has changed, not only words.", fix="Build without --words."
        )
    for cell, before in zip(fresh, old, strict=True):
        cell.outputs, cell.execution_count = before.outputs, before.execution_count


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what belongs to the masters that are named, or to all of them."""
    parser = argparse.ArgumentParser(prog="python -m toolkit.lessons.build")
    parser.add_argument("masters", nargs="*", type=Path, help="default: all")
    parser.add_argument(
        "--words", action="store_true", help="code is unchanged, do not execute"
    )
    args = parser.parse_args(arguments)
    os.environ.update(TOOLKIT_PROFILE="smoke", HF_HUB_OFFLINE="1")
    try:
        found = sorted(m for f in masters.FOLDERS for m in f.glob("*.py"))
        for master in args.masters or found:
            build(master, execute=not args.words)
    except (ToolkitError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
