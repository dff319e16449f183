"""The monitor as HTML that needs no script: what sites that show notebooks get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.page import escape, folded

View = Mapping[str, Any]


def content(view: View) -> str:
    """Return all that a view shows, as escaped HTML."""
    pictures = "".join(f"<figure>{picture}</figure>" for picture in view["charts"])
    pictures = pictures.replace("<figure>", '<figure class="main">', 1)
    return (
        _head(view)
        + "".join(map(_alert, view["alerts"]))
        + f'<div class="charts">{pictures}</div>'
        + f'<p class="key">{escape(view["key"])}</p>'
        + _marks(view)
        + _sample(view["sample"])
        + _numbers(view["table"], view["caption"])
    )


def _head(view: View) -> str:
    times = f" · {escape(view['times'])}" if view["step"] else ""
    return (
        f'<header><strong class="name">{escape(view["title"])}</strong>'
        f'<span class="quiet">{escape(view["setting"])}</span>'
        f'<span class="status" data-state="{view["state"]}">{escape(view["status"])}'
        f"</span><span>Step {view['step']} of {view['steps']}{times}</span></header>"
        + (f'<p class="note">{escape(view["note"])}</p>' if view["note"] else "")
    )


def _alert(alert: View) -> str:
    remedies = "".join(f"<li>{escape(remedy)}</li>" for remedy in alert["remedies"])
    after = f"<ol>{remedies}</ol><p>Lesson: tutorials/{escape(alert['lesson'])}</p>"
    return (
        f'<div class="alert {alert["severity"]}"><p><strong>{alert["severity"]}: '
        f"{escape(alert['id'])}</strong> {escape(alert['seen'])} "
        f"{escape(alert['why'])}</p>{folded('What to try, best first', after)}</div>"
    )


def _marks(view: View) -> str:
    items = "".join(f"<li>{escape(words)}</li>" for words in view["marks"])
    return f'<ul class="marks">{items}</ul>' if items else ""


def _sample(sample: View) -> str:
    if "turns" not in sample:
        return ""
    left = sample["left_out"]
    gap = f'<p class="quiet">{left} more turns not shown</p>' if left else ""
    told = (
        f"What it played at step {sample['step']}: the {sample['pick']} of the group, "
        f"{sample['end']}, reward {sample['reward']}"
    )
    legend = (
        '<p class="legend"><b class="plus">praised</b> <b class="minus">blamed</b> '
        '<span class="world">not trained on: the world wrote it</span></p>'
    )
    turns = "".join(_turn(turn, sample["most"]) for turn in sample["turns"])
    return (
        f'<details class="sample" open><summary>{escape(told)}</summary>{legend}'
        f'<p class="quiet">{escape(sample["task"])}</p>{turns}'
        f'<p class="world">{escape(sample["last"])}</p>{gap}</details>'
    )


def _turn(turn: View, most: float) -> str:
    tokens = "".join(_token(t, a, p, most) for t, a, p in turn["tokens"])
    paid = f' <strong class="paid">paid {turn["reward"]}</strong>'
    return (
        f'<p class="world">{escape(turn["world"])}</p>'
        f'<p class="said"><span class="number">{turn["turn"]}</span>{tokens}'
        f'<span class="mean">{turn["advantage"]}</span>'
        f"{paid if turn['reward'] else ''}</p>"
    )


def _token(text: str, advantage: float | None, logp: float | None, most: float) -> str:
    if advantage is None or logp is None:
        return f'<span class="quiet">{escape(text)}</span>'
    kind = "plus" if advantage > 0 else "minus" if advantage < 0 else "none"
    strength = round(min(1.0, abs(advantage) / most), 2)
    title = f"advantage {advantage:+.3f}, log-probability {logp:.3f}"
    return (
        f'<b class="{kind}" style="--a:{strength}" title="{title}">{escape(text)}</b>'
    )


def _numbers(found: View, caption: str) -> str:
    if not found["rows"]:
        return ""
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in found["heads"])
    body = "".join(
        f'<tr><th scope="row">{first}</th><td>{"</td><td>".join(cells)}</td></tr>'
        for first, *cells in found["rows"]
    )
    return folded(
        "The numbers",
        f'<div class="scroll"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>",
    )
