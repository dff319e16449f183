"""What an episode is paid: terms, each with a weight, added up."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError, ModelError, RewardError, near_matches
from toolkit.rewards.density import check_density
from toolkit.rewards.scored import Fault, Numbers, Scored
from toolkit.rewards.terms import TERMS, Term

Spec = float | Mapping[str, Any]


@dataclass(frozen=True)
class Mix:
    """A reward: a weighted sum of terms, `r_k = sum over terms of w * term_k`.

    A mix is plain data, so it can be printed, saved and sent to other processes; the
    terms are looked up by name when it scores.

    Args:
        terms: Weights by the names of `TERMS`. A term with settings is a mapping with
            `weight` and the settings, such as `{"weight": 0.1, "limit": 300}`. To have
            a term twice, name it freely and say which one it is with `term`.
        density: How often is paid, from 0 (all at the end) to 1 (at every milestone),
            see `defer`. `None` pays when it is earned, which is the same as 1.

    Raises:
        ConfigError: If a term or a setting does not exist, or a number is wrong.

    >>> mix = Mix({"success": 1, "step_cost": 0.01})
    >>> mix
    Mix({'success': 1.0, 'step_cost': 0.01})
    >>> eval(mix.to_code()) == mix
    True
    """

    terms: Mapping[str, Spec]
    density: float | None = None

    def __post_init__(self) -> None:
        """Check everything that can be known without an episode."""
        if not self.terms:
            raise ConfigError("The mix has no terms.", "It would pay nothing.")
        read = {name: _read(name, spec) for name, spec in self.terms.items()}
        object.__setattr__(self, "terms", read)
        check_density(self.density)

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each term."""
        return {name: _weight(spec) for name, spec in self.terms.items()}

    def score(self, episodes: Sequence[Episode], *, mask: bool = False) -> Scored:
        """Score recorded episodes.

        Episodes whose world broke are masked: they are worth nothing, not 0.

        Args:
            episodes: `B` episodes.
            mask: Mask episodes for which a term fails, too, and list them in
                `Scored.faults`, as training does.

        Raises:
            RewardError: If a term raises, or returns NaN or the wrong number of
                values; the message names term, episode and turn. Not with `mask`.
            ConfigError: If a term refuses its settings.
            ModelError: If the model of a judge cannot be loaded.
        """
        offsets = np.cumsum([0, *(len(e.turns) for e in episodes)])
        values = np.zeros((len(self.terms), offsets[-1]))
        masked = np.array([e.stop_reason.is_broken for e in episodes], bool)
        faults: list[Fault] = []
        for row, name in zip(values, self.terms, strict=True):
            faults += self._fill(row, name, episodes, offsets, np.flatnonzero(~masked))
        if faults and not mask:
            raise RewardError(
                str(faults[0]),
                f"Terms failed {len(faults)} times in {len(episodes)} episodes.",
                "Mend the term, leave it out, or mask such episodes with mask=True.",
            )
        masked[[fault.episode for fault in faults]] = True
        values[:, np.repeat(masked, np.diff(offsets))] = 0.0
        return Scored(
            mix=self, terms=values, offsets=offsets, masked=masked, faults=tuple(faults)
        )

    def reweighted(self, weights: Mapping[str, float]) -> Mix:
        """Return the mix with some weights replaced.

        Raises:
            ConfigError: If the mix has no such term, or a weight is no number.
        """
        for name in weights:
            self.position(name)
        new = {
            name: {**spec, "weight": weights.get(name, spec["weight"])}
            if isinstance(spec, Mapping)
            else weights.get(name, spec)
            for name, spec in self.terms.items()
        }
        return replace(self, terms=new)

    def position(self, term: str) -> int:
        """Return the place of a term among the terms.

        Raises:
            ConfigError: If the mix has no such term.
        """
        if term not in self.terms:
            raise ConfigError(
                f"The mix has no term {term!r}.",
                f"Its terms are {', '.join(self.terms)}.",
                near_matches(term, self.terms),
            )
        return list(self.terms).index(term)

    def to_dict(self) -> dict[str, Any]:
        """Return what YAML and `train(reward=…)` understand, too."""
        density = {} if self.density is None else {"density": self.density}
        return {**self.terms, **density}

    def to_code(self) -> str:
        """Return a Python expression that makes this mix."""
        density = "" if self.density is None else f", density={self.density!r}"
        return f"Mix({self.terms!r}{density})"

    __repr__ = to_code

    def settings(self, name: str) -> dict[str, Any]:
        """Return the settings of a term."""
        spec = self.terms[name]
        given = spec if isinstance(spec, Mapping) else {}
        return {k: v for k, v in given.items() if k not in ("weight", "term")}

    def _fill(
        self,
        row: Numbers,
        name: str,
        episodes: Sequence[Episode],
        offsets: Any,
        sound: Any,
    ) -> list[Fault]:
        """Write what a term says of the sound episodes into its row `(N,)`."""
        term, settings = _term(name, self.terms[name]), self.settings(name)
        outcomes = _ask(term, [episodes[i] for i in sound], settings)
        faults = []
        for i, outcome in zip(sound.tolist(), outcomes, strict=True):
            part = row[offsets[i] : offsets[i + 1]]
            try:
                part[:] = _numbers(outcome, len(part))
            except Exception as error:
                faults.append(_fault(name, i, episodes[i], error))
        return faults


def get_reward(reward: str | Mapping[str, Any] | Mix | None) -> Mix:
    """Return the mix that somebody means.

    Args:
        reward: A mix, the name of one of `PRESETS` or `TERMS`, or what
            `Mix.to_dict` returns, as a mapping or in JSON.

    Raises:
        ConfigError: If it means no mix.
    """
    if isinstance(reward, Mix):
        return reward
    if isinstance(reward, str) and reward.startswith("{"):
        try:
            reward = json.loads(reward)
        except ValueError as error:
            raise ConfigError(
                f"The reward {reward} is no JSON.", f"{error}."
            ) from error
    if isinstance(reward, Mapping):
        terms = {k: v for k, v in reward.items() if k != "density"}
        return Mix(terms, density=reward.get("density"))
    if reward in PRESETS:
        return PRESETS[reward]
    if reward in TERMS:
        return Mix({reward: 1.0})
    if callable(reward):
        raise ConfigError(
            "The reward is a function.",
            "Rewards go by name, so that files and checkpoints can hold them.",
            "Decorate it with turn_term (it gets a turn) or term (an episode) of "
            "toolkit.rewards, and give its name: reward='NAME'.",
        )
    known = [*PRESETS, *TERMS]
    raise ConfigError(
        f"There is no reward {reward!r}.",
        "It is neither a preset nor a term; those of your own are made by "
        "toolkit.rewards.term and turn_term.",
        near_matches(str(reward), known),
    )


def _read(name: str, spec: Any) -> Spec:
    """Check a term of a mix."""
    given = spec if isinstance(spec, Mapping) else {"weight": spec}
    weight = _number(name, given.get("weight", 1.0))
    term = _term(name, given)
    settings = {k: v for k, v in given.items() if k not in ("weight", "term")}
    if name == "density":
        raise ConfigError("A term is called 'density'.", "Mix has a setting for that.")
    signature = inspect.signature(term)
    try:
        signature.bind(None, **settings)
    except TypeError as error:
        known = [p for p in list(signature.parameters)[1:] if p != "settings"]
        raise ConfigError(
            f"The term {name!r} cannot be made: {error}.",
            f"Its settings are: {', '.join(known) or 'none'}.",
            f"Such as {{{name!r}: {{'weight': {weight}, …}}}}.",
        ) from error
    check = getattr(term, "check", None)
    if check is not None:
        check(**settings)
    return {**given, "weight": weight} if isinstance(spec, Mapping) else weight


def _term(name: str, spec: Any) -> Term:
    """Return the function of a term of a mix."""
    known = spec.get("term", name) if isinstance(spec, Mapping) else name
    if known not in TERMS:
        raise ConfigError(
            f"There is no reward term {known!r}.",
            f"Known: {', '.join(TERMS)}. Terms of your own must be defined first.",
            near_matches(str(known), TERMS),
        )
    return TERMS[known]


def _number(name: str, weight: Any) -> float:
    """Return a weight as a number."""
    try:
        number = math.nan if isinstance(weight, bool) else float(weight)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(
            f"The weight of {name!r} is {weight!r}.", "It must be a finite number."
        )
    return number


def _weight(spec: Spec) -> float:
    return float(spec["weight"] if isinstance(spec, Mapping) else spec)


def _ask(term: Term, episodes: list[Episode], settings: dict[str, Any]) -> list[Any]:
    """Return what a term says of each episode; where it fails, the error."""
    batch = getattr(term, "batch", None)
    if batch is None:
        return [_try(term, episode, settings) for episode in episodes]
    found = _try(batch, episodes, settings)
    if not isinstance(found, Exception) and len(found) != len(episodes):
        found = RewardError(f"It scored {len(found)} of {len(episodes)} episodes.")
    return [found] * len(episodes) if isinstance(found, Exception) else list(found)


def _try(function: Any, argument: Any, settings: dict[str, Any]) -> Any:
    """Return what a function returns, or the error it raises."""
    try:
        return function(argument, **settings)
    except (ConfigError, ModelError):
        raise  # wrong for every episode
    except Exception as error:
        return error


def _numbers(outcome: Any, turns: int) -> Numbers:
    """Check what a term said of an episode."""
    if isinstance(outcome, Exception):
        raise outcome
    numbers = np.asarray(outcome, float)
    if numbers.shape != (turns,):
        count = "one number" if numbers.ndim == 0 else f"{len(numbers)} numbers"
        raise RewardError(f"It returned {count} for {turns} turns.")
    bad = np.flatnonzero(~np.isfinite(numbers))
    if bad.size:
        error = RewardError(f"It returned {numbers[bad[0]]}.")
        error.turn = int(bad[0])
        raise error
    return numbers


def _fault(name: str, i: int, episode: Episode, error: Exception) -> Fault:
    """Describe what went wrong with a term."""
    known = isinstance(error, RewardError)
    why = " ".join(str(error).split("\n")) if known else f"It raised {error!r}."
    return Fault(
        term=name,
        episode=i,
        task=episode.task.id,
        turn=error.turn if isinstance(error, RewardError) else None,
        why=why,
    )


PRESETS = {
    "sparse": Mix({"success": 1.0}),
    "dense_1": Mix({"progress": 1.0}, density=0.4),
    "dense_2": Mix({"progress": 1.0}),
    "dense": Mix({"progress": 1.0}),
}
"""The three densities of the paper (Table 11), and a short name for the densest. In its
games that pay rarely, 3.4 of 8.5 milestones pay; here the same share does."""
