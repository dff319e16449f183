"""Makes the docstrings of this package into what Sphinx reads.

They are in Google's style, with tables and blocks of code as in Markdown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CODE = re.compile(r"(`[^`]*`)")
VALUES = ("attribute", "data", "property")


def in_rst(lines: list[str]) -> Iterator[str]:
    r"""Yield the lines of a docstring in reStructuredText.

    >>> print(*in_rst(["|x| is `a|b`", "```yaml", "a: 1", "```"]), sep="/")
    \|x\| is `a|b`//.. code-block:: yaml//   a: 1/
    >>> print(*in_rst(["| a | |", "|---|---|", "| c | d |"]), sep="/")
    /.. list-table::/   :header-rows: 1//   * - a/     - /   * - c/     - d/
    """
    is_code = False
    for is_table, block in groupby(lines, lambda line: line.startswith(("| ", "|--"))):
        if is_table and not is_code:
            yield from _table(block)
            continue
        for line in block:
            if line.startswith("```"):
                is_code = not is_code
                start = ("", f".. code-block:: {line[3:]}", "")
                yield from start if is_code else ("",)
            else:
                yield f"   {line}" if is_code else _escaped(line)


def _table(rows: Iterator[str]) -> Iterator[str]:
    """Yield a table whose first row is its head."""
    yield from ("", ".. list-table::", "   :header-rows: 1", "")
    for row in rows:
        if not row.startswith("|--"):
            cells = row.strip().removesuffix("|").split(" | ")
            first, *others = (cell.strip("| ") for cell in cells)
            yield from (f"   * - {first}", *(f"     - {cell}" for cell in others))
    yield ""


def _escaped(line: str) -> str:
    """Return a line whose bars, outside of code, are bars and no markup."""
    parts = CODE.split(line)
    parts[::2] = [text.replace("|", r"\|") for text in parts[::2]]
    return "".join(parts)


def translate(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    """Put a docstring into the form of Sphinx, in place."""
    # here, because the tests of this file are run where Sphinx is not installed
    from sphinx.ext.napoleon import Config, GoogleDocstring

    lines[:] = in_rst(lines)
    # of a value, Google's style would take all up to a colon for its type
    if what not in VALUES:
        google = GoogleDocstring(lines, Config(), app, what, name, obj, options)
        lines[:] = google.lines()


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx what there is."""
    app.connect("autodoc-process-docstring", translate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
