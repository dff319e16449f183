"""What a reward designer is at: the reward, what it began with, and what is chosen."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError, ToolkitError
from toolkit.rewards.hacking import Finding
from toolkit.rewards.mix import Mix, get_reward
from toolkit.rewards.terms import TERMS
from toolkit.widgets.reward_view import Games

GAMES, EPISODES, TURNS = 8, 8, 12
"""Rows of a page."""
NEW_WEIGHT = 0.1
"""Of a term that is added."""
NICE = (1.0, 2.0, 5.0, 10.0)
LEAST_TOP = 0.1
"""Upper end of a slider, at least."""


class Design:
    """A reward under design; it answers requests, and `note` says what went wrong.

    Args:
        episodes: What was played.
        mix: What to begin with, see `get_reward`.
        discount: What to begin with.

    Raises:
        ConfigError: If `mix` means no mix, or the discount is not in (0, 1].
    """

    def __init__(
        self,
        episodes: Sequence[Episode],
        mix: str | Mapping[str, Any] | Mix,
        discount: float,
    ) -> None:
        self.games = Games(episodes)
        self.mix = get_reward(mix)
        self.discount = check_discount(discount)
        self.start = self.mix, self.discount
        self.tops = {name: slider_top(w) for name, w in self.mix.weights.items()}
        self.before = self.paid = self.games.pay(self.mix, self.discount)
        self.findings = self.games.check(self.paid.scored)
        self.note = ""
        self.game = self.episode = 0
        self.pages = {"games": 0, "episodes": 0, "turns": 0}
        if self.games.episodes:
            self._choose(self._first())

    # ---- requests -------------------------------------------------------------------

    def handle(self, request: Mapping[str, Any]) -> None:
        """Do what is asked for; if that cannot be, say why and change nothing."""
        self.note = ""
        do: dict[Any, Callable[..., None]] = {
            "weight": self._weigh,
            "density": self._density,
            "discount": self._discount,
            "add": self._add,
            "remove": self._remove,
            "reset": self._reset,
            "choose": self._choose,
            "page": self._page,
        }
        what = {k: v for k, v in request.items() if k not in ("id", "do")}
        act = do.get(request.get("do"))
        try:
            if act is None:
                raise ConfigError(f"There is no request {request.get('do')!r}.")
            inspect.signature(act).bind(**what)
            act(**what)
        # a page may send anything
        except (ToolkitError, TypeError, ValueError, LookupError) as error:
            self.note = str(error)

    def _weigh(self, term: str, value: Any) -> None:
        """Give a term another weight."""
        if term not in self.mix.terms:
            raise ConfigError(f"The reward has no term {term!r}.", "Add it first.")
        self._use(self.mix.reweighted({term: value}))
        if abs(self.mix.weights[term]) > self.tops[term]:
            self.tops[term] = slider_top(self.mix.weights[term])

    def _density(self, value: float) -> None:
        """Pay more or less often; 1 is written as the reward began, if it did so."""
        first = self.start[0].density
        is_first = value == (1 if first is None else first)
        self._use(replace(self.mix, density=first if is_first else value))

    def _discount(self, value: Any) -> None:
        """Count what comes later as less."""
        self._use(self.mix, check_discount(value))

    def _add(self, term: str, weight: float = NEW_WEIGHT, **settings: Any) -> None:
        """Add a term."""
        if term in self.mix.terms:
            raise ConfigError(f"The reward has the term {term!r} already.")
        spec = {"weight": weight, **settings} if settings else weight
        self._use(replace(self.mix, terms={**self.mix.terms, term: spec}))
        self.tops[term] = slider_top(self.mix.weights[term])

    def _remove(self, term: str) -> None:
        """Take a term out."""
        rest = {name: spec for name, spec in self.mix.terms.items() if name != term}
        if not rest:
            raise ConfigError(
                f"{term!r} is the only term.",
                "A reward without terms pays nothing.",
                "Add another one first.",
            )
        self._use(replace(self.mix, terms=rest))

    def _reset(self, name: str = "") -> None:
        """Go back to the beginning, with one term, density, discount or all."""
        mix, discount = self.start
        if not name:
            self._use(mix, discount)
            self.tops |= {n: slider_top(w) for n, w in mix.weights.items()}
        elif name == "discount":
            self._use(self.mix, discount)
        elif name == "density":
            self._use(replace(self.mix, density=mix.density))
        else:
            weight = mix.weights.get(name, NEW_WEIGHT)
            self.tops[name] = slider_top(weight)
            self._weigh(name, weight)

    def _choose(self, episode: int) -> None:
        """Look at one episode, and at its game."""
        if episode not in range(len(self.games.episodes)):
            raise ConfigError(f"There is no episode {episode!r}.")
        games = enumerate(self.games.groups)
        self.game = next(g for g, group in games if episode in group)
        self.episode = episode
        place = episode - self.games.groups[self.game].start
        self.pages |= {
            "games": self.game // GAMES,
            "episodes": place // EPISODES,
            "turns": 0,
        }

    def _page(self, of: str, page: int) -> None:
        """Turn to a page of games, episodes or turns."""
        last = max(0, -(-self.count(of) // ROWS[of]) - 1)
        self.pages[of] = min(max(int(page), 0), last)

    def _use(self, mix: Mix, discount: float | None = None) -> None:
        """Take a reward, unless the episodes cannot be paid by it."""
        discount = self.discount if discount is None else discount
        paid = self.games.pay(mix, discount)
        self.findings = self.games.check(paid.scored)
        self.mix, self.discount, self.paid = mix, discount, paid

    def _first(self) -> int:
        """Return the episode to begin with: the loss that is paid best, or a loss."""
        kinds = [s.kind for s in self.paid.standings]
        group = self.games.groups[kinds.index("teaches") if "teaches" in kinds else 0]
        lost = [i for i in group if not self.games.won[i]]
        order: list[int] = [*self.paid.inverted, *lost, *group]
        return order[0]

    # ---- what follows ---------------------------------------------------------------

    def count(self, of: str) -> int:
        """Return how many games, episodes of the game, or turns of the episode are."""
        if not self.games.episodes:
            return 0
        counts: dict[str, int] = {
            "games": len(self.games.groups),
            "episodes": len(self.games.groups[self.game]),
            "turns": len(self.chosen.turns),
        }
        return counts[of]

    def rows(self, of: str) -> range:
        """Return the positions of the rows on the page."""
        first = self.pages[of] * ROWS[of]
        return range(first, min(first + ROWS[of], self.count(of)))

    @property
    def chosen(self) -> Episode:
        """The episode that is looked at."""
        return self.games.episodes[self.episode]

    @property
    def place(self) -> int:
        """Position of the episode in its game."""
        return self.episode - self.games.groups[self.game].start

    @property
    def has_changed(self) -> bool:
        """Whether the reward is another than at the beginning."""
        return (self.mix, self.discount) != self.start

    def evidence(self, finding: Finding) -> int | None:
        """Return the position of a finding's episode, `None` if it was not played."""
        same = (
            i for i, e in enumerate(self.games.episodes) if e is finding.episodes[0]
        )
        return next(same, None)

    def choices(self) -> list[tuple[str, list[str]]]:
        """Return terms that can be added, each with settings that it must be given."""
        free = (name for name in TERMS if name not in self.mix.terms)
        return [(name, _needed(name)) for name in free]


ROWS = {"games": GAMES, "episodes": EPISODES, "turns": TURNS}


def slider_top(weight: float) -> float:
    """Return a round number that is about twice a weight.

    >>> [slider_top(w) for w in (0.01, 0.3, 1.0, -4.0, 0.0)]
    [0.1, 1.0, 2.0, 10.0, 1.0]
    """
    if not weight:
        return 1.0
    wanted = 2 * abs(weight)
    power = 10.0 ** math.floor(math.log10(wanted))
    top = next(n * power for n in NICE if n * power >= wanted * (1 - 1e-9))
    return max(float(f"{top:.3g}"), LEAST_TOP)


def check_discount(value: Any) -> float:
    """Return a discount.

    Raises:
        ConfigError: If it is not in (0, 1].
    """
    known = isinstance(value, int | float) and not isinstance(value, bool)
    if not known or not 0 < value <= 1:
        raise ConfigError(f"The discount is {value!r}.", "It must be in (0, 1].")
    return float(value)


def _needed(name: str) -> list[str]:
    """Return the settings without which a term cannot be made."""
    try:
        parameters = list(inspect.signature(TERMS[name]).parameters.values())[1:]
    except (TypeError, ValueError):
        return []
    return [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    ]
