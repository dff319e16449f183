"""Trees of tags that become HTML here and elements in the page, so both show the same.

A tree is a text, or `[tag, attributes, child, …]`. It is JSON-ready; `grown` in
`base.js` makes elements of it without ever reading HTML. A picture is
`["svg", {}, its text]`.
"""

from __future__ import annotations

from typing import Any

from toolkit.charts.svg import with_namespace
from toolkit.page import escape

Tree = str | list[Any]
"""A text or a list of tag, attributes and children."""


def tag(name: str, *children: Tree, **attributes: str | int) -> Tree:
    """Return a tree.

    Args:
        name: Of the tag.
        *children: What is in it; empty texts are left out.
        **attributes: `_` stands for `-`, and is dropped at the end (`class_`).

    >>> tag("p", "so", "", class_="world", data_key=3)
    ['p', {'class': 'world', 'data-key': '3'}, 'so']
    """
    named = {k.rstrip("_").replace("_", "-"): str(v) for k, v in attributes.items()}
    return [name, named, *(child for child in children if child != "")]


def picture(svg: str) -> Tree:
    """Return a drawing of our own as a tree, with the name that a page needs."""
    return ["svg", {}, with_namespace(svg)]


def to_html(tree: Tree) -> str:
    """Return a tree as HTML, with every text escaped.

    >>> to_html(tag("p", "a < b", tag("b", "c"), title='"'))
    '<p title="&quot;">a &lt; b<b>c</b></p>'
    """
    if isinstance(tree, str):
        return escape(tree)
    name, attributes, *children = tree
    if name == "svg":
        return str(children[0])
    named = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{named}>{''.join(map(to_html, children))}</{name}>"


def cut(text: str, most: int) -> str:
    """Return a text of at most `most` characters and a word on what is missing.

    >>> cut("a long story", 6), cut("short", 6)
    ('a long … (6 more characters)', 'short')
    """
    rest = len(text) - most
    return text if rest <= 0 else f"{text[:most]} … ({rest:,} more characters)"


def count(n: int, thing: str) -> str:
    """Return a number of things in words.

    >>> count(1, "turn"), count(0, "turn")
    ('1 turn', '0 turns')
    """
    return f"{n:,} {thing}{'' if n == 1 else 's'}"
