"""Episodes of a step, token by token, with the advantage that each token was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.diagnosis.history import mapping, number
from toolkit.transcript import reward_label
from toolkit.widgets.base import latest

PICKS = ("best", "median", "worst")
"""Which of a step's episodes can be looked at."""
SAMPLE_BYTES = 9_000
"""Of the turns that are sent; of a longer episode the last ones."""
LONG_TEXT, MOST_TOKENS = 700, 70
"""Letters of what the world says in a turn, and tokens of a turn, that are sent."""


def sample_view(line: Mapping[str, Any], which: str) -> dict[str, Any]:
    """Return what is shown of a step's episodes.

    Args:
        line: Of `samples.jsonl`, see `toolkit.training.samples`; empty if there is
            none.
        which: One of `PICKS`; if the step has no such episode, its first is shown.
    """
    found = line.get("episodes")
    episodes = [mapping(e) for e in found] if isinstance(found, list) else []
    episodes = [e for e in episodes if isinstance(e.get("turns"), list)]
    if not episodes:
        return {}
    named = {str(e.get("which")): e for e in reversed(episodes)}
    episode = named.get(which, episodes[0])
    turns = [mapping(turn) for turn in episode["turns"]]
    rows = [_turn(turn) for turn in turns]
    sent = latest(reversed(rows), SAMPLE_BYTES)
    left_out = number(episode.get("left_out")) or 0
    return {
        "pick": str(episode.get("which", "best")),
        "picks": [pick for pick in PICKS if pick in named],
        "task": _cut(str(episode.get("task", "")), 120),
        "end": str(episode.get("stop_reason", "")).replace("_", " "),
        "won": episode.get("won") is True,
        "reward": _label(episode.get("return")),
        "group": _group(line.get("returns")),
        "turns": sent,
        "left_out": int(left_out) + len(rows) - len(sent),
        "last": _cut(str(episode.get("final_observation") or "")),
        "most": _most(turns),
    }


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    tokens = _tokens(turn)
    advantages = [a for _, a, _ in tokens if a is not None]
    mean = sum(advantages) / len(advantages) if advantages else 0.0
    paid = number(turn.get("reward"))
    return {
        "turn": int(number(turn.get("turn")) or 0) + 1,
        "world": _cut(str(turn.get("observation", ""))),
        "tokens": tokens[:MOST_TOKENS],
        "reward": reward_label(paid) if paid else "",
        "advantage": f"{mean:+.2f}",
    }


def _tokens(turn: Mapping[str, Any]) -> list[tuple[str, float | None, float | None]]:
    """Return text, advantage and log-probability of each token of a turn."""
    found = turn.get("tokens")
    rows = [r for r in found if _is_token(r)] if isinstance(found, list) else []
    return [(_cut(text, 80), _short(a), _short(p)) for text, p, a in rows]


def _is_token(row: Any) -> bool:
    return isinstance(row, list) and len(row) == 3 and isinstance(row[0], str)


def _short(value: Any) -> float | None:
    known = number(value)
    return None if known is None else round(known, 3)


def _most(turns: Sequence[Mapping[str, Any]]) -> float:
    """Return the largest advantage without its sign; 1 if all are 0."""
    every = [abs(a) for t in turns for _, a, _ in _tokens(t) if a is not None]
    return max(every, default=0.0) or 1.0


def _group(returns: Any) -> str:
    """Return what all episodes of a group earned, the most first."""
    known = [number(r) for r in returns] if isinstance(returns, list) else []
    usable = sorted((r for r in known if r is not None), reverse=True)
    if len(usable) < 2:
        return ""
    told = ", ".join(f"{r:.2g}" for r in usable[:16])
    return f"{told}{', …' if len(usable) > 16 else ''}"


def _label(value: Any) -> str:
    known = number(value)
    return "none" if known is None else reward_label(known)


def _cut(text: str, most: int = LONG_TEXT) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
