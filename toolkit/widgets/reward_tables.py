"""The tables of the reward designer, for the page and as HTML.

A table is a caption, heads and rows of cells. A cell is a dictionary with its `text`,
and, if it has them, `small` (a line below), `svg` (a picture), `kind` (`gain`, `pain`
or `dull`), `size` (how strong its ground is, 0 to 1) and `ask` (what pressing it asks
for, with `pressed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from toolkit.charts.returns import return_bar, return_marks
from toolkit.charts.svg import with_namespace
from toolkit.episodes.record import Episode, StopReason
from toolkit.errors import ConfigError
from toolkit.page import escape
from toolkit.rewards.scored import SAME
from toolkit.training.returns import TurnValues
from toolkit.widgets.reward_state import Design
from toolkit.widgets.reward_view import CREDITS, Standing

Cell = dict[str, Any]
Table = dict[str, Any]
SHORT, LONG = 60, 90
"""Characters of a command or name, and of an answer, that are shown."""
ENDS = {
    StopReason.WON: "won",
    StopReason.LOST: "lost",
    StopReason.TURN_LIMIT: "not won",
    StopReason.TOKEN_LIMIT: "not won, too many tokens",
    StopReason.CONTEXT_LIMIT: "not won, context full",
}
"""How an episode ended; all else is a broken world."""


# ---- games -------------------------------------------------------------------------


def games_table(design: Design) -> Table:
    """Return a page of games: what they earn, and whether they teach anything."""
    returns = design.paid.returns
    known = returns[~np.isnan(returns)]
    ends = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    scale = f"{number(ends[0])} to {number(ends[1])}"
    names = game_names(design)
    rows = [_game(design, g, names[g], ends) for g in design.rows("games")]
    return {
        "caption": "Games",
        "heads": [
            "Game",
            "Won",
            f"Returns, {scale} (● won, × lost)",
            "What GRPO and RLOO learn",
            "Losses ≥ a win",
        ],
        "rows": rows,
        **_pages(design, "games"),
    }


def game_names(design: Design) -> list[str]:
    """Return names of the games, without what all of them begin with."""
    tasks = design.games.tasks
    ids = [task.id for task in tasks]
    if len(set(ids)) < len(ids):
        pairs = (
            (task.id, ", ".join(f"{k}={v}" for k, v in task.params)) for task in tasks
        )
        ids = [f"{name} ({params})" if params else name for name, params in pairs]
    heads = {name.rpartition("/")[0] for name in ids}
    return [name.rpartition("/")[2] for name in ids] if len(heads) == 1 else ids


def _game(design: Design, g: int, name: str, ends: tuple[float, float]) -> list[Cell]:
    group, paid = design.games.groups[g], design.paid
    won, returns = design.games.won[group], paid.returns[group]
    whole = ~np.isnan(returns)
    marks = return_marks(
        returns[won & whole].tolist(),
        returns[~won & whole].tolist(),
        low=ends[0],
        high=ends[1],
    )
    inverted = sum(i in group for i in paid.inverted)
    ask = {"do": "choose", "episode": group.start}
    return [
        cell(cut(name), ask=ask, pressed=g == design.game),
        cell(f"{int(won.sum())} of {len(group)}"),
        cell("", svg=with_namespace(marks)),
        _learns(paid.standings[g], design.before.standings[g]),
        cell(str(inverted) if inverted else "–", kind="pain" if inverted else ""),
    ]


def _learns(now: Standing, before: Standing) -> Cell:
    words = {
        "teaches": "teaches",
        "silent": f"silent: all earn {number(now.low)}",
        "alone": "nothing: one episode, none to compare with",
        "broken": "nothing: not scored",
    }
    kind = "gain" if now.kind == "teaches" else "dull"
    was = f"was: {before.kind}" if before.kind != now.kind else ""
    return cell(words[now.kind], small=was, kind=kind)


# ---- episodes ----------------------------------------------------------------------


def episodes_table(design: Design) -> Table:
    """Return a page of the chosen game's episodes: what each earns, and its rank."""
    group = design.games.groups[design.game]
    parts = design.paid.by_term[:, group.start : group.stop]
    ends = (
        float(np.minimum(parts, 0).sum(0).min(initial=0.0)),
        float(np.maximum(parts, 0).sum(0).max(initial=0.0)),
    )
    task = design.games.tasks[design.game]
    most = strongest(design, "GRPO")
    rows = [_episode(design, group[k], ends, most) for k in design.rows("episodes")]
    return {
        "caption": f"Episodes of {cut(task.id, LONG)}",
        "heads": [
            "Episode",
            "End",
            "Return by term",
            "Return",
            "Rank",
            "GRPO",
        ],
        "rows": rows,
        **_pages(design, "episodes"),
    }


def _episode(
    design: Design, i: int, ends: tuple[float, float], most: float
) -> list[Cell]:
    episode, paid, before = design.games.episodes[i], design.paid, design.before
    size = len(design.games.groups[design.game])
    ask = {"do": "choose", "episode": i}
    name = f"{i - design.games.groups[design.game].start + 1} {episode.policy}".strip()
    cells = [
        cell(cut(name), ask=ask, pressed=i == design.episode),
        cell(how_ended(episode), kind="gain" if episode.won else ""),
    ]
    if paid.scored.masked[i]:
        return [*cells, *[cell("")] * 2, cell("not scored", kind="dull"), cell("–")]
    terms = list(zip(paid.scored.mix.terms, paid.by_term[:, i].tolist(), strict=True))
    now, was = float(paid.returns[i]), float(before.returns[i])
    odd = paid.excess[i] >= -SAME
    return [
        *cells,
        cell("", svg=with_namespace(return_bar(terms, low=ends[0], high=ends[1]))),
        cell(
            number(now),
            small="≥ a win" if odd else _was(now, was),
            kind="pain" if odd else "",
        ),
        _rank(paid.ranks[i], before.ranks[i], size),
        _advantage(design, "GRPO", i, 0, most),
    ]


def _rank(now: int | None, before: int | None, size: int) -> Cell:
    if now == before or now is None or before is None:
        return cell(f"{now} of {size}")
    return cell(
        f"{now} of {size}", small=f"{'▲' if now < before else '▼'} was {before}"
    )


def how_ended(episode: Episode) -> str:
    """Return how an episode ended, in words."""
    count = len(episode.turns)
    turns = f"{count} turn{'' if count == 1 else 's'}"
    return f"{ENDS.get(episode.stop_reason, 'the world broke')}, {turns}"


# ---- turns -------------------------------------------------------------------------


def turns_table(design: Design) -> Table:
    """Return a page of the chosen episode's turns, with pay and advantages."""
    most = {name: strongest(design, name) for name in CREDITS}
    rows = [_turn(design, k, most) for k in design.rows("turns")]
    return {
        "caption": "Advantage of each turn",
        "heads": ["Turn", "Command and answer", "Paid", *CREDITS],
        "rows": rows,
        **_pages(design, "turns"),
    }


def _turn(design: Design, k: int, most: Mapping[str, float]) -> list[Cell]:
    turns, scored = design.chosen.turns, design.paid.scored
    place = int(scored.offsets[design.episode]) + k
    answer = design.chosen.final_observation
    if k + 1 < len(turns):
        answer = turns[k + 1].observation
    paid = scored.weighted[:, place].tolist()
    parts = [
        f"{cut(name, 20)} {number(v)}"
        for name, v in zip(scored.mix.terms, paid, strict=True)
        if abs(v) > SAME
    ]
    said = turns[k].completion.strip() or "(nothing)"
    return [
        cell(str(k + 1)),
        cell(f"> {cut(said)}", small=cut(" ".join(answer.split()), LONG)),
        cell(number(sum(paid)), small="\n".join(parts[:3]) if len(parts) > 1 else ""),
        *(_advantage(design, n, design.episode, k, most[n]) for n in CREDITS),
    ]


def _advantage(design: Design, credit: str, i: int, k: int, most: float) -> Cell:
    """Return the advantage of turn `k` of an episode of the game, now and before."""
    place = i - design.games.groups[design.game].start
    now = _nth(design.paid.advantages(design.game)[credit], place, k)
    if now is None:
        return cell("–", kind="dull")
    before = design.before if design.has_changed else design.paid
    was = _nth(before.advantages(design.game)[credit], place, k)
    kind = "gain" if now > 0.005 else "pain" if now < -0.005 else "dull"
    small = "was none" if was is None else _was(now, was)
    return cell(number(now), small=small, kind=kind, size=round(abs(now) / most, 2))


def _nth(rows: TurnValues | ConfigError, place: int, k: int) -> float | None:
    """Return one advantage, `None` where there is none."""
    row = [] if isinstance(rows, ConfigError) else rows[place]
    return row[k] if k < len(row) else None


def strongest(design: Design, credit: str) -> float:
    """Return the size of the chosen game's largest advantage, 1 if all are 0."""
    rows = design.paid.advantages(design.game)[credit]
    row = [] if isinstance(rows, ConfigError) else rows
    return max((abs(v) for values in row for v in values), default=0.0) or 1.0


# ---- cells -------------------------------------------------------------------------


def cell(text: str, **more: Any) -> Cell:
    """Return a cell without what is empty."""
    return {"text": text, **{k: v for k, v in more.items() if v not in ("", None)}}


def number(value: float) -> str:
    """Return a number with its sign and two decimal places, small ones with three.

    >>> [number(v) for v in (1.0, -0.125, 0.0, 0.004)]
    ['+1.00', '-0.12', '0', '+0.004']
    """
    if abs(value) < 5e-4:
        return "0"
    return f"{value:+.3f}" if abs(value) < 0.005 else f"{value:+.2f}"


def cut(text: str, most: int = SHORT) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _was(now: float, before: float) -> str:
    label = number(before) if before == before else "not scored"
    return "" if label == number(now) else f"was {label}"


def _pages(design: Design, of: str) -> dict[str, Any]:
    """Return which rows are shown of how many."""
    rows, count = design.rows(of), design.count(of)
    if len(rows) == count:
        return {"of": of, "page": 0, "place": "", "is_last": True}
    place = f"{rows.start + 1} to {rows.stop} of {count}"
    page = design.pages[of]
    return {"of": of, "page": page, "place": place, "is_last": rows.stop == count}


# ---- as HTML -----------------------------------------------------------------------


def table_html(table: Mapping[str, Any]) -> str:
    """Return a table as HTML that needs no script."""
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in table["heads"])
    rows = "".join(f"<tr>{_row_html(row)}</tr>" for row in table["rows"])
    place = f" ({escape(table['place'])})" if table["place"] else ""
    return (
        f'<div class="scroll"><table class="{table["of"]}">'
        f"<caption>{escape(table['caption'])}{place}</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row_html(row: Sequence[Cell]) -> str:
    first, *rest = row
    mark = ' aria-current="true" class="chosen"' if first.get("pressed") else ""
    cells = "".join(f"<td {_look(c)}>{_cell_html(c)}</td>" for c in rest)
    return f'<th scope="row"{mark}>{_cell_html(first)}</th>{cells}'


def _look(c: Cell) -> str:
    return f'class="{c.get("kind", "")}" style="--size:{c.get("size", 0)}"'


def _cell_html(c: Cell) -> str:
    small = f"<small>{escape(c['small'])}</small>" if "small" in c else ""
    return f"{c.get('svg', '')}{escape(c['text'])}{small}"
