"""The building blocks of our HTML pages: one file, no network, no JavaScript.

Arguments named `heading`, `caption`, `summary` and `title` are plain text; `content`,
`rows` and `lines` are HTML already.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence

from toolkit.paths import assets_dir

WIDE, NARROW = 920, 330
"""Widths of charts in CSS pixels: on a screen and on a phone."""
_VISIBLE = {c: 0x2400 + c for c in range(32) if c not in (9, 10)} | {0x7F: 0x2421}


def escape(text: str) -> str:
    """Return `text` for HTML, with control characters made visible.

    >>> escape("<b>" + chr(0))
    '&lt;b&gt;␀'
    """
    return html.escape(text.translate(_VISIBLE))


def escaped(rows: Iterable[Sequence[object]]) -> list[tuple[str, ...]]:
    """Return the cells of a table as HTML."""
    return [tuple(escape(str(cell)) for cell in row) for row in rows]


def page(title: str, content: str, sheet: str = "transcript") -> str:
    """Return a whole page, readable in light and dark, on a phone and on paper.

    Args:
        title: Of the window.
        content: All that is on it.
        sheet: Style sheet of its special parts, beside that of every page.
    """
    css = style("report") + style(sheet)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        # nothing a model wrote may load or run anything, should escaping ever fail
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title>\n<style>\n{css}</style></head>\n"
        f"<body><main>\n{content}\n</main></body></html>\n"
    )


def style(name: str) -> str:
    """Return one of the style sheets that ship with the package."""
    return (assets_dir() / f"{name}.css").read_text(encoding="utf-8")


def section(heading: str, content: str) -> str:
    """Return a part of a page."""
    return f"<section><h2>{escape(heading)}</h2>{content}</section>"


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table that scrolls by itself; its first column names the rows."""
    name = escape(caption)
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = "".join(
        f'<tr><th scope="row">{first}</th><td>{"</td><td>".join(cells)}</td></tr>'
        for first, *cells in rows
    )
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">'
        f"<table><caption>{name}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def wide_and_narrow(draw: Callable[[int], str]) -> str:
    """Draw a chart for a screen and for a phone; the style sheet shows one of them.

    Args:
        draw: Returns the chart for a width in CSS pixels.
    """
    return (
        f'<div class="wide">{draw(WIDE)}</div><div class="narrow">{draw(NARROW)}</div>'
    )


def folded(summary: str, content: str) -> str:
    """Return something that opens on a click."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def big(text: str, lines: Iterable[str]) -> str:
    """Return a number with small lines under it."""
    small = "".join(f"<small>{line}</small>" for line in lines)
    return f"<strong>{text}</strong>{small}"
