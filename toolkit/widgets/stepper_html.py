"""The stepper as HTML that needs no script: what sites that show notebooks get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.page import escape
from toolkit.widgets.episode_parts import gist

LONG_ANSWER = 20
"""Lines of an answer above which it is folded."""

View = Mapping[str, Any]


def content(view: View, panel: str) -> str:
    """Return head, transcript, map and side lists as HTML.

    Args:
        view: All that the page shows.
        panel: What stands below the map, as HTML.
    """
    reward = view["reward"] and f"reward {view['reward']}"
    facts = (view["status"], view["score"], reward)
    head = " · ".join(escape(fact) for fact in facts if fact)
    kind = "body repair" if view["many_lines"] else "body"
    rows = "".join(map(_row, view["log"]))
    if view["left_out"]:
        rows = f"<p>{view['left_out']} earlier turns not shown</p>{rows}"
    return (
        f'<header><strong class="name">{escape(view["task"])}</strong> '
        f'<span class="status" data-over="{view["over"]}">{head}</span></header>'
        f'<div class="{kind}"><div class="log">'
        f'<p class="world">{escape(view["first"])}</p>'
        f"{rows}{_note(view['note'])}</div>{_side(view, panel)}</div>"
    )


def _row(row: View) -> str:
    who = f'<span class="who">{escape(row["who"])}</span> ' if row["who"] else ""
    mark = f' <span class="mark">{escape(row["mark"])}</span>' if row["mark"] else ""
    sign, paid = "gain" if row["gain"] else "pain", row["reward"]
    reward = f' <strong class="reward {sign}">{paid}</strong>' if paid else ""
    return (
        f'<div class="turn"><p class="command">{who}'
        f"<kbd>&gt; {escape(row['command'])}</kbd>{mark}{reward}</p>"
        f"{_answer(row['answer'])}</div>"
    )


def _answer(text: str) -> str:
    shown, head = f'<p class="world">{escape(text)}</p>', escape(gist(text))
    if text.count("\n") < LONG_ANSWER:
        return shown
    return f'<details class="answer"><summary>{head}</summary>{shown}</details>'


def _note(note: View | None) -> str:
    if note is None:
        return ""
    command = f"<kbd>&gt; {escape(note['command'])}</kbd> " if note["command"] else ""
    return (
        f'<div class="note {note["kind"]}"><p class="world">'
        f'<span class="badge">{note["title"]}</span> '
        f"{command}{escape(note['text'])}</p></div>"
    )


def _side(view: View, panel: str) -> str:
    parts = [
        f'<div class="entries"><h4>{escape(title)}</h4>'
        f"<p>{escape(', '.join(entries) or 'nothing')}</p></div>"
        for title, entries in view["lists"].items()
    ]
    if view["map"]:
        words = f"<figcaption>{escape(view['legend'])}</figcaption>"
        parts.insert(0, f"<figure>{view['map']}{words}</figure>")
    inner = "".join(parts) + (f'<div class="desk">{panel}</div>' if panel else "")
    return f"<aside>{inner}</aside>" if inner else ""
