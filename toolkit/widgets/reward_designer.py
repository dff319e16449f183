"""Weigh the terms of a reward and see what becomes of recorded episodes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolkit.charts.episode_strip import strip_of
from toolkit.charts.returns import TERM_INKS
from toolkit.charts.strips import Strip, advantage_strips
from toolkit.charts.svg import with_namespace
from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError
from toolkit.page import escape
from toolkit.rewards.mix import Mix
from toolkit.rewards.scored import Scored
from toolkit.widgets.base import LARGEST, ToolkitWidget, message_size, script, sheet
from toolkit.widgets.reward_state import Design
from toolkit.widgets.reward_tables import (
    cut,
    episodes_table,
    games_table,
    table_html,
    turns_table,
)
from toolkit.widgets.reward_view import GAE_LAMBDA, Advantages
from toolkit.widgets.reward_words import (
    LONG,
    NOBODY,
    announcement,
    count,
    facts,
    head,
    problems,
    title,
    warnings,
)

TOO_MUCH = "There is too much to show: pictures are left out."
TURNS_PER_STRIP = 3
"""Of the turns that are drawn token by token; more would leave no room for words."""
MOST_TERMS = 24
"""Terms with a slider; more are used, but not shown."""
ABOUT_CREDIT = (
    "GRPO and RLOO give all turns of an episode one number. PPO has no trained critic "
    "here: as its values it takes, turn by turn, what this game's episodes earned on "
    f"average from there on; λ = {GAE_LAMBDA}, whitened over all episodes. GiGPO also "
    "compares turns that began with the same text."
)
NO_TOKENS = (
    "No model played this episode, so it has no tokens: advantages are told by turn "
    "alone, and it could not be trained on."
)


class RewardDesigner(ToolkitWidget):
    """Sliders for a reward, and what it makes of recorded episodes at once.

    For every game: what its episodes earn, and whether they differ at all, for where
    all earn the same nothing is learnt. For every episode: its return by term, and the
    advantage of each turn and token under four kinds of credit. Nothing is played
    again, and no term is asked again when a slider moves. The first setting is kept,
    and changes are told against it. `mix` and `to_code()` give the reward that is
    shown.

    Args:
        episodes: Recorded ones, best several of each game; of one environment or more.
        mix: What to begin with: a `Mix`, a name or a dictionary, see `get_reward`.
        discount: What to begin with; what comes a turn later counts so much less.
        tokenizer: Of the model that played, to write its words over its tokens.

    Raises:
        ConfigError: If `mix` means no reward, or the discount is not in (0, 1].

    >>> designer = RewardDesigner([], "dense_1")
    >>> designer.set_weight("progress", 0.5)
    >>> designer
    RewardDesigner(no episodes, Mix({'progress': 0.5}, density=0.4))
    """

    kind = "reward_designer"
    _esm = script(kind)
    _css = sheet(kind)

    def __init__(
        self,
        episodes: Sequence[Episode],
        mix: str | Mapping[str, Any] | Mix = "sparse",
        *,
        discount: float = 1.0,
        tokenizer: Any = None,
        **traits: Any,
    ) -> None:
        self.design = Design(episodes, mix, discount)
        self.tokenizer = tokenizer
        super().__init__(**traits)

    # ---- what is shown, for Python --------------------------------------------------

    @property
    def mix(self) -> Mix:
        """The reward that is shown."""
        return self.design.mix

    @property
    def discount(self) -> float:
        """The discount that is shown."""
        return self.design.discount

    @property
    def episodes(self) -> list[Episode]:
        """The episodes, those of a game side by side."""
        return list(self.design.games.episodes)

    @property
    def scored(self) -> Scored:
        """The `episodes` under `mix`."""
        return self.design.paid.scored

    @property
    def advantages(self) -> Advantages:
        """Those of the chosen game's episodes, by credit; empty without episodes."""
        design = self.design
        return design.paid.advantages(design.game) if self.episodes else {}

    def to_code(self) -> str:
        """Return Python code that makes `mix`, as `reward`."""
        setting = "" if self.discount == 1 else f", discount={self.discount!r}"
        return (
            f"from toolkit.rewards import Mix\n\nreward = {self.mix.to_code()}\n"
            f"# train(policy, env, reward=reward{setting})\n"
        )

    # ---- the same from Python -------------------------------------------------------

    def set_weight(self, term: str, weight: float) -> None:
        """Give a term another weight."""
        self.ask({"do": "weight", "term": term, "value": weight})

    def set_density(self, density: float) -> None:
        """Pay from all at the end (0) to at every milestone (1)."""
        self.ask({"do": "density", "value": density})

    def set_discount(self, discount: float) -> None:
        """Let what comes a turn later count so much less."""
        self.ask({"do": "discount", "value": discount})

    def add(self, term: str, weight: float = 0.1, **settings: Any) -> None:
        """Add a term of `TERMS`, with its settings."""
        self.ask({"do": "add", "term": term, "weight": weight, **settings})

    def remove(self, term: str) -> None:
        """Take a term out."""
        self.ask({"do": "remove", "term": term})

    def reset(self) -> None:
        """Go back to the first setting."""
        self.ask({"do": "reset"})

    def choose(self, episode: int) -> None:
        """Look at one of `episodes`."""
        self.ask({"do": "choose", "episode": episode})

    # ---- what every widget gives ----------------------------------------------------

    def answer(self, request: Mapping[str, Any]) -> None:
        """Do what the page asks for; if that fails, the view says why."""
        self.design.handle(request)

    def shown(self) -> dict[str, Any]:
        """Return all that the page shows."""
        view = self._everything()
        if message_size(view) > LARGEST:
            view |= {"strip": "", "no_tokens": TOO_MUCH}
        if message_size(view) > LARGEST:  # dozens of terms: their bars are long
            for cell in itertools.chain(*view["episodes"]["rows"]):
                cell.pop("svg", None)
        return view

    def _everything(self) -> dict[str, Any]:
        """Return what is to be shown, of any size."""
        design = self.design
        some = bool(self.episodes)
        return {
            "head": head(design),
            "facts": facts(design) if some else [],
            "terms": _terms(design),
            "unlisted": max(0, len(design.mix.terms) - MOST_TERMS),
            "settings": _settings(design),
            "choices": [
                {"name": cut(name), "needs": ", ".join(needs)}
                for name, needs in design.choices()[:MOST_TERMS]
            ],
            "warnings": warnings(design),
            "games": games_table(design) if some else None,
            "episodes": episodes_table(design) if some else None,
            "turns": turns_table(design) if some else None,
            "title": title(design) if some else NOBODY,
            "problems": problems(design) if some else [],
            "about": ABOUT_CREDIT if some else "",
            "strip": self._strip() if some else "",
            "no_tokens": NO_TOKENS if some and not _has_tokens(design.chosen) else "",
            "code": self.to_code(),
            "changed": design.has_changed,
            "note": cut(design.note, LONG),
            "announce": cut(design.note, LONG) or announcement(design),
        }

    def summary(self) -> str:
        """Return how much is shown, and the reward."""
        return f"{count(self.design)}, {self.mix.to_code()}"

    def content(self) -> str:
        """Return weights, games, the chosen episode and the code as HTML."""
        view = self.shown()
        tables = [
            view[t] and table_html(view[t]) for t in ("games", "episodes", "turns")
        ]
        games, episodes, turns = (table or "" for table in tables)
        notes = [view["note"], *(w["text"] for w in view["warnings"])]
        said = "".join(f'<p class="warning">{escape(n)}</p>' for n in notes if n)
        told = [view["title"], *view["problems"], view["about"], view["no_tokens"]]
        return (
            f'<header><strong class="name">What is paid, and what it teaches</strong> '
            f"<span>{escape(view['head'])}</span></header>"
            f'{_facts_html(view["facts"])}<div class="results">{said}'
            f"{_weights_html(view)}{games}{episodes}"
            f"{''.join(f'<p>{escape(t)}</p>' for t in told if t)}"
            f"{turns}<figure>{view['strip']}</figure>"
            f"<pre><code>{escape(view['code'])}</code></pre></div>"
        )

    def _strip(self) -> str:
        """Draw the chosen episode's turns that are listed, token by token."""
        design = self.design
        every = {
            name: values[design.place]
            for name, values in design.paid.advantages(design.game).items()
            if not isinstance(values, ConfigError) and values[design.place]
        }
        if not _has_tokens(design.chosen) or not every:
            return ""
        rows = design.rows("turns")
        starts = range(rows.start, rows.stop, TURNS_PER_STRIP)
        strips = [
            self._some(every, k, min(k + TURNS_PER_STRIP, rows.stop)) for k in starts
        ]
        return with_namespace(advantage_strips(strips, title="Advantage of each token"))

    def _some(
        self, every: Mapping[str, Sequence[float]], start: int, stop: int
    ) -> Strip:
        """Lay the advantages of some turns on their tokens."""
        episode = self.design.chosen
        return strip_of(
            replace(episode, turns=episode.turns[start:stop]),
            {name: values[start:stop] for name, values in every.items()},
            name=f"turns {start + 1} to {stop}",
            tokenizer=self.tokenizer,
        )


def _has_tokens(episode: Episode) -> bool:
    return bool(episode.turns) and all(turn.action_ids for turn in episode.turns)


# ---- controls ----------------------------------------------------------------------


def _terms(design: Design) -> list[dict[str, Any]]:
    """Return a slider for each term."""
    first = design.start[0].weights
    found = []
    for i, (name, weight) in enumerate(list(design.mix.weights.items())[:MOST_TERMS]):
        top, settings = design.tops[name], design.mix.settings(name)
        values = ", ".join(f"{k}={v!r}" for k, v in settings.items() if k != "term")
        found.append(
            {
                "name": name,
                "label": cut(name, 30),
                "settings": cut(values, LONG // 10),
                "ink": TERM_INKS[i % len(TERM_INKS)],
                "value": weight,
                "low": -top if min(weight, first.get(name, 0)) < 0 else 0,
                "high": top,
                "step": top / 100,
                "was": first.get(name),
            }
        )
    return found


def _settings(design: Design) -> list[dict[str, Any]]:
    """Return the sliders for density and discount."""
    mix, discount = design.start

    def plain(density: float | None) -> float:
        return 1.0 if density is None else density

    return [
        {
            "name": "density",
            "hint": "0 pays all at the end, 1 when it is earned",
            "value": plain(design.mix.density),
            "was": plain(mix.density),
            **{"low": 0, "high": 1, "step": 0.05},
        },
        {
            "name": "discount",
            "hint": "what comes a turn later counts so much; also set it in train()",
            "value": design.discount,
            "was": discount,
            **{"low": 0.5, "high": 1, "step": 0.01},
        },
    ]


# ---- static HTML -------------------------------------------------------------------


def _facts_html(facts: Sequence[Mapping[str, str]]) -> str:
    items = "".join(
        f"<div><dt>{escape(f['name'])}</dt><dd>{escape(f['now'])}"
        f"{' <small>was ' + escape(f['was']) + '</small>' if f['was'] else ''}"
        f"</dd></div>"
        for f in facts
    )
    return f'<dl class="facts">{items}</dl>' if items else ""


def _weights_html(view: Mapping[str, Any]) -> str:
    """Return the setting as a list, each term with its number in the bars."""
    terms = "".join(
        f'<li><b class="ink" style="background:{t["ink"]}">{i}</b> '
        f"{escape(t['label'])} × {t['value']:g} {escape(t['settings'])}</li>"
        for i, t in enumerate(view["terms"], 1)
    )
    rest = "".join(f"<li>{s['name']} {s['value']:g}</li>" for s in view["settings"])
    return f'<ul class="weights">{terms}{rest}</ul>'
