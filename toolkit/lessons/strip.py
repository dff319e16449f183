"""Takes out of a notebook what would differ in the next run."""

from __future__ import annotations

import re
from typing import Any

WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = "image/svg+xml"
VOLATILE = re.compile(r" +[\d.]+ (?:s|min)\b(?: left)?")
"""Times at the end of a printed line."""


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
