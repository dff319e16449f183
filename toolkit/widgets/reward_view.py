"""What a reward makes of recorded episodes: returns, silent groups, advantages.

Terms are asked once per set of episodes (`Ledger`). All else follows from weights and
takes milliseconds, so that it can follow a slider.

Shapes: `B` episodes, those of a game side by side; `M` terms; `N` turns of all episodes
one after the other; `G` episodes of a game; `K` turns of an episode.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from toolkit.environments.base import Task
from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError
from toolkit.rewards.hacking import Finding, Instead, findings, instead
from toolkit.rewards.mix import Mix
from toolkit.rewards.scored import SAME, Numbers, Scored
from toolkit.rewards.terms import TERMS, Term
from toolkit.training.credit import grpo, rloo
from toolkit.training.gae import gae_turn
from toolkit.training.gigpo import gigpo
from toolkit.training.returns import (
    TurnValues,
    returns_to_go,
    to_ragged,
    to_rectangle,
)

CREDITS = ("GRPO", "RLOO", "PPO", "GiGPO")
"""Whose advantages are compared."""
GAE_LAMBDA = 0.95
"""Of PPO; what `train` takes unless told otherwise."""
MOST_IMAGINED = 50_000
"""Turns, at most, of what was not played and is scored all the same."""

Advantages = dict[str, TurnValues | ConfigError]
"""For each of `CREDITS` the advantages of a game `(G, K)`, or why there are none."""


class Ledger:
    """Episodes with what terms say of them; no term is asked twice.

    Args:
        episodes: Any.
    """

    def __init__(self, episodes: Sequence[Episode]) -> None:
        self.episodes = list(episodes)
        ends = np.cumsum([0, *(len(e.turns) for e in self.episodes)])
        self._offsets = ends.astype(np.int64)
        self._said: dict[str, tuple[Term, dict[str, Any], Scored]] = {}

    def score(self, mix: Mix) -> Scored:
        """Return what `mix.score(episodes, mask=True)` does.

        Raises:
            ConfigError: If a term refuses its settings.
        """
        if not self.episodes:
            return _nothing(mix)
        said = [self._ask(name, mix) for name in mix.terms]
        masked = np.any([s.masked for s in said], axis=0)
        values = np.vstack([s.terms for s in said])
        values[:, np.repeat(masked, np.diff(self._offsets))] = 0.0
        return Scored(
            mix=mix,
            terms=values,
            offsets=self._offsets,
            masked=masked,
            faults=tuple(fault for s in said for fault in s.faults),
        )

    def _ask(self, name: str, mix: Mix) -> Scored:
        """Return the episodes scored with one term, from memory if it is the same."""
        asked = term_of(name, mix), mix.settings(name)
        known = self._said.get(name)
        if known is None or known[:2] != asked:
            alone = Mix({name: mix.terms[name]}).score(self.episodes, mask=True)
            known = self._said[name] = (*asked, alone)
        return known[2]


def term_of(name: str, mix: Mix) -> Term:
    """Return the function of a term of a mix."""
    spec = mix.terms[name]
    return TERMS[spec.get("term", name) if isinstance(spec, Mapping) else name]


def _nothing(mix: Mix) -> Scored:
    """Return no episodes, scored."""
    return Scored(
        mix=mix,
        terms=np.zeros((len(mix.terms), 0)),
        offsets=np.zeros(1, dtype=np.int64),
        masked=np.zeros(0, dtype=bool),
    )


class Games:
    """Recorded episodes by game, to be paid in any way.

    Beside what was played it keeps what could have been done instead (`hacking`), to
    look for ways to be paid without winning. That is left out for terms that ask a
    model, which would have to judge three times as many episodes.

    Args:
        episodes: In any order, of one environment or of several.
    """

    def __init__(self, episodes: Sequence[Episode]) -> None:
        by_task: dict[Task, list[Episode]] = {}
        for episode in episodes:
            by_task.setdefault(episode.task, []).append(episode)
        ends = list(itertools.accumulate(map(len, by_task.values()), initial=0))
        self.tasks = list(by_task)
        self.groups = [range(a, b) for a, b in itertools.pairwise(ends)]
        self.episodes = [e for group in by_task.values() for e in group]
        self.won = np.array([e.won for e in self.episodes], dtype=bool)
        self._played = Ledger(self.episodes)
        longest = max((len(e.turns) for e in self.episodes), default=1)
        made = instead(self.episodes[: MOST_IMAGINED // max(longest, 1)])
        self._made = made, Ledger(made.stopped), Ledger(made.waited)
        none = Instead(sources=[], stopped=[], waited=[], limit=made.limit)
        self._unmade = none, Ledger([]), Ledger([])

    @cached_property
    def seen(self) -> list[list[str]]:
        """The text before each turn `(B, K)`."""
        return [[turn.observation for turn in e.turns] for e in self.episodes]

    def pay(self, mix: Mix, discount: float = 1.0) -> Paid:
        """Return what a reward makes of the episodes.

        Raises:
            ConfigError: If a term refuses its settings.
        """
        return Paid(games=self, scored=self._played.score(mix), discount=discount)

    def check(self, scored: Scored) -> list[Finding]:
        """Return ways to be paid without winning, see `check_reward`."""
        asks_models = any(
            hasattr(term_of(name, scored.mix), "batch") for name in scored.mix.terms
        )
        made, stopped, waited = self._unmade if asks_models else self._made
        instead_scored = (ledger.score(scored.mix) for ledger in (stopped, waited))
        return findings(self.episodes, made, scored, *instead_scored)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """How a game stands under a reward."""

    kind: str
    """`teaches`, `silent` (all earn the same, so no advantage), `alone` (one episode
    that can be scored) or `broken` (none)."""
    low: float
    """Least return; NaN if none."""
    high: float
    """Largest return; NaN if none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Paid:
    """Episodes under one reward."""

    games: Games
    """The episodes."""
    scored: Scored
    """What each turn is paid."""
    discount: float
    """Factor per turn."""

    @cached_property
    def by_term(self) -> Numbers:
        """What each term pays each episode, discounted `(M, B)`; 0 where masked."""
        offsets, count = self.scored.offsets, len(self.games.episodes)
        lengths = np.diff(offsets)
        owner = np.repeat(np.arange(count), lengths)
        turn = np.arange(len(owner)) - np.repeat(offsets[:-1], lengths)
        paid = self.scored.weighted * self.discount**turn
        rows = [np.bincount(owner, weights=row, minlength=count) for row in paid]
        return np.array(rows, dtype=float).reshape(len(paid), count)

    @cached_property
    def returns(self) -> Numbers:
        """Discounted returns `(B,)`, NaN where masked."""
        return np.where(self.scored.masked, np.nan, self.by_term.sum(0))

    @cached_property
    def standings(self) -> list[Standing]:
        """How each game stands."""
        return [_standing(self.returns[group]) for group in self.games.groups]

    @cached_property
    def teaching(self) -> int:
        """Games of which GRPO and RLOO learn something."""
        return sum(standing.kind == "teaches" for standing in self.standings)

    @cached_property
    def ranks(self) -> list[int | None]:
        """Place of each episode in its game `(B,)`, 1 is best; equals share one."""
        return [
            None
            if np.isnan(value)
            else 1 + int((self.returns[group] > value + SAME).sum())
            for group in self.games.groups
            for value in self.returns[group].tolist()
        ]

    @cached_property
    def excess(self) -> Numbers:
        """What a lost episode earns more than the poorest win of its game `(B,)`.

        NaN for wins, for what is masked, and in games that nobody won.
        """
        found = np.full(len(self.returns), np.nan)
        for group in self.games.groups:
            returns, won = self.returns[group], self.games.won[group]
            wins = returns[won & ~np.isnan(returns)]
            if wins.size:
                found[group] = np.where(won, np.nan, returns - wins.min())
        return found

    @cached_property
    def inverted(self) -> list[int]:
        """Losses that earn as much as a win of their game, or more; worst first."""
        found = np.flatnonzero(self.excess >= -SAME)
        order: list[int] = found[
            np.argsort(-self.excess[found], kind="stable")
        ].tolist()
        return order

    @cached_property
    def agreement(self) -> float | None:
        """How often a win earns more than a loss of its game, a tie counting half.

        `None` if no game was both won and lost. Over all pairs together this is the
        area under the ROC curve of the returns, game by game.
        """
        right = pairs = 0.0
        for group in self.games.groups:
            returns, won = self.returns[group], self.games.won[group]
            whole = ~np.isnan(returns)
            gaps = returns[won & whole][:, None] - returns[~won & whole]
            right += (gaps > SAME).sum() + 0.5 * (np.abs(gaps) <= SAME).sum()
            pairs += gaps.size
        return float(right / pairs) if pairs else None

    @cached_property
    def loudest(self) -> tuple[str, float] | None:
        """The term beside `success` with the largest share of all that is moved.

        A share is the sum of what a term pays or charges episodes, without signs, by
        that of all terms. `None` if no other term pays anything.
        """
        sizes = np.abs(self.by_term).sum(1)
        mix = self.scored.mix
        shares = {
            name: float(size / sizes.sum())
            for name, size in zip(mix.terms, sizes.tolist(), strict=True)
            if size > SAME and term_of(name, mix) is not TERMS["success"]
        }
        return max(shares.items(), key=lambda item: item[1]) if shares else None

    # ---- advantages -----------------------------------------------------------------

    @cached_property
    def rewards(self) -> list[list[float] | None]:
        """Turn rewards `(B, K)`, `None` where masked."""
        return self.scored.turn_rewards

    @cached_property
    def expected(self) -> TurnValues:
        """What stands in for a trained critic in PPO `(B, K)`.

        For each turn the mean of what the episodes of its game that came so far earned
        from there on.
        """
        values, is_turn = to_rectangle(self.rewards)
        starts = [group.start for group in self.games.groups]
        to_go = returns_to_go(values, self.discount)
        count = np.add.reduceat(is_turn.astype(float), starts)
        mean = np.add.reduceat(to_go, starts) / np.maximum(count, 1)
        owner = np.repeat(np.arange(len(starts)), [len(g) for g in self.games.groups])
        return to_ragged(mean[owner], self.rewards)

    @cached_property
    def ppo(self) -> TurnValues:
        """Advantages of PPO by turn `(B, K)`, whitened over all episodes."""
        values = [v or [0.0] * 0 for v in self.expected]
        credit = gae_turn(
            self.rewards, values=values, discount=self.discount, gae_lambda=GAE_LAMBDA
        )
        return credit.advantages

    @cached_property
    def _known(self) -> dict[int, Advantages]:
        return {}

    def advantages(self, game: int) -> Advantages:
        """Return the advantages of one game, by credit."""
        if game not in self._known:
            self._known[game] = self._credit(game)
        return self._known[game]

    def _credit(self, game: int) -> Advantages:
        group = self.games.groups[game]
        rewards = self.rewards[group.start : group.stop]
        anchors = self.games.seen[group.start : group.stop]
        how = {"group_size": len(group), "discount": self.discount}
        return {
            "GRPO": _try(grpo, rewards, **how),
            "RLOO": _try(rloo, rewards, **how),
            "PPO": self.ppo[group.start : group.stop],
            "GiGPO": _try(gigpo, rewards, anchors=anchors, **how),
        }


def _standing(returns: Numbers) -> Standing:
    whole = returns[~np.isnan(returns)]
    if not whole.size:
        return Standing(kind="broken", low=np.nan, high=np.nan)
    low, high = float(whole.min()), float(whole.max())
    kind = "alone" if whole.size == 1 else "teaches" if high - low > SAME else "silent"
    return Standing(kind=kind, low=low, high=high)


def _try(credit: Any, rewards: Any, **settings: Any) -> TurnValues | ConfigError:
    """Return advantages, or why there are none."""
    try:
        found: TurnValues = credit(rewards, **settings)
    except ConfigError as error:
        return error
    return found
