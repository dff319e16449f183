"""Can the reward be had without doing what is wanted? Answers from recorded episodes.

`check_reward` scores what was played, and two things that can always be done instead:

* **stop**: each episode without its last turn, as if the turn limit had come then. A
  reward for milestones that is not normalised pays this more than a win (the released
  code of the paper does, see `progress`).
* **wait**: the same, followed by a command without effect up to the turn limit. The
  facts stay as they were, only the number of turns grows.

Both are made from the record, so a handful of expert games finds much already.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.episodes.record import Episode, StopReason
from toolkit.rewards.mix import Mix
from toolkit.rewards.scored import SAME, Numbers, Scored

DROWNED = 0.9
"""A term drowns the others if so much of all spread of returns is its own."""
WHAT = {
    "losing_pays": "A lost episode earns more than a win, or as much.",
    "waiting_pays": "Turns without any effect are paid, or more than play is.",
    "term_drowns": "A term that is not about winning decides alone.",
    "weights_cancel": "Terms differ, but all returns are equal.",
}
"""Every code of a `Finding`, with what it means."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One way in which a reward can be had wrongly."""

    code: str
    """One of `WHAT`."""
    sentence: str
    """What was found, in numbers."""
    episodes: tuple[Episode, Episode]
    """The evidence: what should earn less, and what it was compared with."""
    returns: tuple[float, float]
    """What the two earn."""


def check_reward(
    mix: Mix,
    episodes: Sequence[Episode],
    random_play: Sequence[Episode] = (),
    *,
    max_turns: int | None = None,
    wait: str = "look",
) -> list[Finding]:
    """Look for ways to be paid without winning.

    Episodes that are broken, or for which a term fails, are left out.

    Args:
        mix: The reward.
        episodes: Recorded episodes, best both won and lost ones.
        random_play: Episodes of a `RandomPolicy`.
        max_turns: How long one can wait (`None`: as long as the longest episode).
        wait: A command that changes nothing.

    Returns:
        What was found, most serious first; empty if all is well.
    """
    played = [*episodes, *random_play]
    made = instead(played, max_turns=max_turns, wait=wait)
    groups = played, made.stopped, made.waited
    return findings(played, made, *(mix.score(some, mask=True) for some in groups))


@dataclass(frozen=True, kw_only=True, slots=True)
class Instead:
    """What can always be done instead of the last turn, `S` episodes of each kind."""

    sources: list[int]
    """Positions of the episodes they were made from `(S,)`."""
    stopped: list[Episode]
    """Without their last turn."""
    waited: list[Episode]
    """And then without effect up to the turn limit."""
    limit: int
    """How long one can wait."""


def instead(
    episodes: Sequence[Episode], *, max_turns: int | None = None, wait: str = "look"
) -> Instead:
    """Make what was not played, from episodes whose world did not break.

    Arguments are those of `check_reward`.
    """
    whole = [i for i, e in enumerate(episodes) if not e.stop_reason.is_broken]
    limit = max_turns or max((len(episodes[i].turns) for i in whole), default=0)
    sources = [i for i in whole if len(episodes[i].turns) > 1]
    stopped = [_stopped(episodes[i]) for i in sources]
    return Instead(
        sources=sources,
        stopped=stopped,
        waited=[_waited(e, limit, wait) for e in stopped],
        limit=limit,
    )


def findings(
    episodes: Sequence[Episode],
    made: Instead,
    scored: Scored,
    stopped: Scored,
    waited: Scored,
) -> list[Finding]:
    """Do what `check_reward` does with what is scored already, so no term is asked.

    Args:
        episodes: What was played.
        made: What `instead` made of it.
        scored: The episodes, scored with `mask=True`.
        stopped: Those of `made.stopped`, under the same mix.
        waited: Those of `made.waited`, under the same mix.
    """
    played = list(itertools.compress(episodes, ~scored.masked))
    if not played:
        return []
    sound = ~(stopped.masked | waited.masked | scored.masked[made.sources])
    other = _Instead(
        stopped=list(itertools.compress(made.stopped, sound)),
        waited=list(itertools.compress(made.waited, sound)),
        stopped_returns=stopped.returns[sound],
        waited_returns=waited.returns[sound],
    )
    known = scored.sound()
    found = [
        _losing(played, known, other),
        _waiting(played, known, other, made.limit),
        _cancelling(played, known),
        _drowning(played, known),
    ]
    return [finding for finding in found if finding]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Instead:
    """What can always be done instead and can be scored, `(S,)` each."""

    stopped: list[Episode]
    waited: list[Episode]
    stopped_returns: Numbers
    waited_returns: Numbers


def _stopped(episode: Episode) -> Episode:
    """Return an episode that ended one turn earlier, by the turn limit."""
    return replace(
        episode,
        turns=episode.turns[:-1],
        stop_reason=StopReason.TURN_LIMIT,
        final_observation=episode.turns[-1].observation,
    )


def _waited(episode: Episode, limit: int, wait: str) -> Episode:
    """Return an episode that goes on without effect up to the turn limit."""
    last = episode.turns[-1]
    info = {**last.info, "valid_action": True, "command": wait}
    turn = replace(
        last,
        observation=episode.final_observation,
        completion=wait,
        action=wait,
        reward=0.0,
        info=info,
        observation_ids=(),
        action_ids=(),
        logprobs=(),
    )
    more = max(1, limit - len(episode.turns))
    return replace(episode, turns=(*episode.turns, *[turn] * more))


def _losing(played: list[Episode], scored: Scored, made: _Instead) -> Finding | None:
    """Compare every loss with wins, of the same game if there are any."""
    wins = [e for e in played if e.won]
    losses = [e for e in played if not e.won] + made.stopped + made.waited
    if not wins or not losses:
        return None
    is_win = np.array([e.won for e in played])
    won, lost = scored.returns[is_win], scored.returns[~is_win]
    lost = np.concatenate([lost, made.stopped_returns, made.waited_returns])
    order = np.argsort(won, kind="stable").tolist()
    poorest = {wins[j].task.id: j for j in reversed(order)}
    worst: tuple[float, int, int] | None = None
    for i, episode in enumerate(losses):
        j = poorest.get(episode.task.id, order[0])
        gap = float(lost[i] - won[j])
        if worst is None or gap > worst[0]:
            worst = gap, i, j
    if worst is None or worst[0] < -SAME:
        return None
    _, i, j = worst
    a, b = losses[i], wins[j]
    which = "the same" if a.task.id == b.task.id else "another"
    more = "as much as" if abs(worst[0]) <= SAME else "more than"
    return Finding(
        code="losing_pays",
        sentence=f"A loss after {len(a.turns)} turns earns {lost[i]:.3g}, {more} a win "
        f"of {which} game after {len(b.turns)} turns, {won[j]:.3g}.",
        episodes=(a, b),
        returns=(float(lost[i]), float(won[j])),
    )


def _waiting(
    played: list[Episode], scored: Scored, made: _Instead, limit: int
) -> Finding | None:
    """Ask what a turn without effect is paid, and whether play is worth it."""
    stopped, waited = made.stopped, made.waited
    if not waited:
        return None
    before, after = made.stopped_returns, made.waited_returns
    turns = np.array([len(e.turns) for e in waited]) - [len(e.turns) for e in stopped]
    each = (after - before) / turns
    i = int(np.lexsort((turns, each.round(9)))[-1])  # of equals the longest wait
    if each[i] > SAME:
        said = f"{turns[i]} turns without effect raise the return of an episode from "
        return Finding(
            code="waiting_pays",
            sentence=f"{said}{before[i]:.3g} to {after[i]:.3g}.",
            episodes=(waited[i], stopped[i]),
            returns=(float(after[i]), float(before[i])),
        )
    returns = scored.returns
    whole, mean = float(each[i]) * limit, float(returns.mean())
    if whole <= mean + SAME:
        return None
    j = int(np.argmin(returns))
    return Finding(
        code="waiting_pays",
        sentence=f"To wait for {limit} turns earns {whole:.3g}, more than the play "
        f"that was recorded, {mean:.3g} on average.",
        episodes=(waited[i], played[j]),
        returns=(float(after[i]), float(returns[j])),
    )


def _cancelling(played: list[Episode], scored: Scored) -> Finding | None:
    """Report terms whose weights cancel."""
    sentence = scored.cancelled()
    if not sentence:
        return None
    differ = max(scored.mix.weights, key=lambda term: np.ptp(scored.returns_of(term)))
    return _extremes("weights_cancel", sentence, played, scored, differ)


def _drowning(played: list[Episode], scored: Scored) -> Finding | None:
    """Compare how far each term alone spreads the returns.

    A term that puts every win above every loss may be as loud as it likes.
    """
    won = np.array([e.won for e in played])
    spread = {t: float(np.std(scored.returns_of(t))) for t in scored.mix.weights}
    spread = {term: value for term, value in spread.items() if value > SAME}
    if len(spread) < 2 or won.all() or not won.any():
        return None
    loud = max(spread, key=lambda term: spread[term])
    values, share = scored.returns_of(loud), spread[loud] / sum(spread.values())
    if share < DROWNED or values[won].min() > values[~won].max():
        return None
    quiet = ", ".join(f"{t!r} by {v:.2g}" for t, v in spread.items() if t != loud)
    sentence = (
        f"{loud!r} moves returns by {spread[loud]:.2g} (standard deviation), {quiet}: "
        f"{share:.0%} of all spread is its own."
    )
    return _extremes("term_drowns", sentence, played, scored, loud)


def _extremes(
    code: str, sentence: str, played: list[Episode], scored: Scored, term: str
) -> Finding:
    """Return a finding whose evidence are the extremes of one term."""
    values: Numbers = scored.returns_of(term)
    i, j = int(np.argmin(values)), int(np.argmax(values))
    return Finding(
        code=code,
        sentence=sentence,
        episodes=(played[i], played[j]),
        returns=(float(scored.returns[i]), float(scored.returns[j])),
    )
