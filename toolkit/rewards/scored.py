"""Scored episodes: what every term says of every turn, weighed in any way at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from toolkit.rewards.density import defer

if TYPE_CHECKING:
    from toolkit.rewards.mix import Mix

Numbers = npt.NDArray[np.float64]
SAME = 1e-9
"""Returns that differ by less are taken for equal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A term that has no usable numbers for an episode."""

    term: str
    """Its name in the mix."""
    episode: int
    """Position of the episode in what was scored."""
    task: str
    """Id of the episode's task."""
    turn: int | None
    """The turn, counted from 0; `None` if the term did not get as far as turns."""
    why: str
    """What was wrong."""

    def __str__(self) -> str:
        turn = "" if self.turn is None else f", turn {self.turn}"
        return (
            f"The reward term {self.term!r} failed in episode {self.episode} "
            f"({self.task}){turn}: {self.why}"
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """Episodes with what each term pays for each turn.

    `B` episodes with `N` turns in all, `M` terms. The turns of all episodes stand one
    after the other; those of episode `i` are `offsets[i]` to `offsets[i + 1]`.
    Weights and density can be changed at no cost, because terms are not asked again.
    """

    mix: Mix
    """What the episodes are scored with."""
    terms: Numbers
    """What each term says, neither weighed nor moved `(M, N)`; 0 where masked."""
    offsets: npt.NDArray[np.int64]
    """Where each episode begins, and `N` `(B + 1,)`."""
    masked: npt.NDArray[np.bool_]
    """Whose world broke or for which a term failed `(B,)`."""
    faults: tuple[Fault, ...] = ()
    """The terms that failed."""

    @cached_property
    def weighted(self) -> Numbers:
        """What each term pays: at its density, times its weight `(M, N)`."""
        weights: Numbers = np.array(list(self.mix.weights.values()))
        return self._moved * weights[:, None]

    @cached_property
    def per_turn(self) -> Numbers:
        """Rewards `(N,)`."""
        # one term after the other, so that the sum is the same in any company
        return sum(self.weighted, np.zeros(self.terms.shape[1]))

    @cached_property
    def returns(self) -> Numbers:
        """Sum of the rewards of each episode `(B,)`, NaN where masked."""
        return np.where(self.masked, np.nan, self._totals(self.per_turn))

    @property
    def turn_rewards(self) -> list[list[float] | None]:
        """Rewards as lists, one per episode `(B, K)`, `None` where masked."""
        flat, ends = self.per_turn.tolist(), self.offsets.tolist()
        spans = zip(ends, ends[1:], self.masked, strict=False)
        return [None if masked else flat[a:b] for a, b, masked in spans]

    @property
    def steps_per_reward(self) -> float:
        """Turns for each turn that is paid more than it is charged."""
        paid = int((self.per_turn > 0).sum())
        return len(self.per_turn) / paid if paid else float("inf")

    def of(self, term: str) -> Numbers:
        """Return what one term pays per turn, weighted `(N,)`.

        Raises:
            ConfigError: If the mix has no such term.
        """
        values: Numbers = self.weighted[self.mix.position(term)]
        return values

    def returns_of(self, term: str) -> Numbers:
        """Return what one term pays per episode, weighted `(B,)`, NaN where masked.

        Raises:
            ConfigError: If the mix has no such term.
        """
        return np.where(self.masked, np.nan, self._totals(self.of(term)))

    def reweighted(self, weights: Mapping[str, float]) -> Scored:
        """Return the same episodes under other weights.

        Args:
            weights: New weights by term; the others stay as they are.

        Raises:
            ConfigError: If the mix has no such term, or a weight is no number.
        """
        return replace(self, mix=self.mix.reweighted(weights))

    def at_density(self, density: float | None) -> Scored:
        """Return the same episodes paid more or less often, see `defer`.

        Raises:
            ConfigError: If the density is not between 0 and 1.
        """
        return replace(self, mix=replace(self.mix, density=density))

    def sound(self) -> Scored:
        """Return the episodes that are not masked."""
        keep, lengths = ~self.masked, np.diff(self.offsets)
        return replace(
            self,
            terms=self.terms[:, np.repeat(keep, lengths)],
            offsets=np.concatenate([[0], np.cumsum(lengths[keep])]),
            masked=self.masked[keep],
            faults=(),
        )

    def warnings(self) -> list[str]:
        """Say what is wrong: the first fault of each term, and weights that cancel."""
        first = {fault.term: fault for fault in reversed(self.faults)}
        counts = Counter(fault.term for fault in self.faults)
        said = [
            f"{fault} It failed in {counts[term]} of {len(self.masked)} episodes."
            for term, fault in first.items()
        ]
        return [*said, *filter(None, [self.cancelled()])]

    def paid(self) -> dict[str, dict[str, float]]:
        """Return what each term pays an episode, `mean` and `spread` (most less least).

        Weighted; without the masked episodes, and empty if there is no other.
        """
        if self.masked.all():
            return {}
        totals = {t: self.returns_of(t)[~self.masked] for t in self.mix.weights}
        return {
            term: {"mean": float(x.mean()), "spread": float(np.ptp(x))}
            for term, x in totals.items()
        }

    def cancelled(self) -> str:
        """Say that weights cancel: terms differ between episodes, returns do not.

        Then no episode is better than another and nothing is learnt. Returns `""` if
        all is well.
        """
        returns = self.returns[~self.masked]
        if len(returns) < 2 or np.ptp(returns) > SAME:
            return ""
        differ = [
            term
            for term in self.mix.weights
            if np.ptp(self.returns_of(term)[~self.masked]) > SAME
        ]
        if not differ:
            return ""
        return (
            f"The weights cancel: all {len(returns)} episodes are worth "
            f"{returns[0]:.4g}, although {' and '.join(differ)} differ."
        )

    @cached_property
    def _moved(self) -> Numbers:
        """What each term says, at the density of the mix `(M, N)`."""
        density = self.mix.density
        if density is None:
            return self.terms
        return np.array([defer(row, self.offsets, density) for row in self.terms])

    def _totals(self, values: Numbers) -> Numbers:
        """Return sums over episodes `(B,)` of values per turn `(N,)`."""
        episodes = len(self.masked)
        owner = np.repeat(np.arange(episodes), np.diff(self.offsets))
        totals = np.bincount(owner, weights=values, minlength=episodes)
        return totals.astype(float)
