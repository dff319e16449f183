"""Two-column tables as plain text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence

Rows = Sequence[tuple[str, str]]


def text_table(rows: Rows) -> str:
    """Return rows of label and value as aligned lines.

    >>> print(text_table([("won", "3"), ("played", "10")]))
    won     3
    played  10
    """
    width = max((len(label) for label, _ in rows), default=0)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in rows)


def html_table(rows: Rows) -> str:
    """Return rows of label and value as an HTML table, with both escaped.

    >>> html_table([("<b>", "1")])
    '<table><tr><th>&lt;b&gt;</th><td>1</td></tr></table>'
    """
    lines = (
        f"<tr><th>{html.escape(label)}</th><td>{html.escape(value)}</td></tr>"
        for label, value in rows
    )
    return f"<table>{''.join(lines)}</table>"
