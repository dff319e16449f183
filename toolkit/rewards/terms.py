"""Terms: what single things in a recorded episode are worth, turn by turn.

A term is a function of an `Episode` that returns one number per turn `(K,)`. It reads
what was recorded and never the environment, so any episode can be scored again, for
ever. `Mix` weighs terms and adds them up; that is what trains.

| term | pays | reads |
|---|---|---|
| `success` | 1 for the win | `stop_reason` |
| `progress` | the part of the points gained | `score`, `max_score` |
| `game` | the game's own points | `Turn.reward` |
| `discovery` | rooms seen for the first time, and the win | `room`, `first_room` |
| `subgoal` | texts met for the first time | observations |
| `potential` | a change of potential | a fact of your choice |
| `step_cost` | -1 a turn | nothing |
| `invalid_action` | -1 for what the world did not understand | `valid_action` |
| `format` | -1 for a reply in another form | `completion` |
| `length` | up to -1 for a long reply | `completion` |
| `judged` | the grade of a model that reads a rubric | the transcript |
| `likelihood` | how probable a model finds what was done | observations, `completion` |

What is wanted once is paid once, and what is wanted in every turn is charged when it
is missing: a bonus per turn would pay for taking many turns. The facts lie in
`Turn.info`; where one is missing, the term raises a `RewardError` that names it.

Any function of a `Turn` becomes a term, under its own name:

>>> @turn_term
... def polite(turn):
...     return "please" in turn.completion
>>> TERMS["polite"] is polite
True
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from toolkit.episodes.record import Episode, Turn
from toolkit.errors import ConfigError, RewardError
from toolkit.rewards.judge_terms import JUDGES

Term = Callable[..., Sequence[float]]
"""Gets an episode, and settings by keyword; returns one number per turn `(K,)`. If it
has an attribute `batch`, that gets a list of episodes instead and returns a list."""

DISCOVERY_STEP = 0.1
"""Paid by `discovery` for a room entered for the first time."""
DISCOVERY_LIMIT = 0.9
"""The most `discovery` pays before the win, so that losing never beats winning."""


# ---- what is earned ----------------------------------------------------------------


def success(episode: Episode) -> list[float]:
    """Pay 1 on the turn that wins: the terminal reward of the paper, section 7."""
    rewards = [0.0] * len(episode.turns)
    if episode.won:
        rewards[-1] = 1.0
    return rewards


def progress(episode: Episode) -> list[float]:
    """Pay the part of the points that a turn gained.

    `r_k = p_k - p_(k-1)` with `p_k = min(1, score_k / max_score)`, 0 before the first
    turn and 1 after the turn that wins. So every win is worth 1 in all and a loss at
    most 1. The dense reward of the paper (section 7), whose code divides a win by what
    could be earned but pays a loss in full, so that losing earns up to 9 times more.
    """
    shares = [0.0]
    scores, best = facts(episode, "score"), facts(episode, "max_score")
    for k, (score, most) in enumerate(zip(scores, best, strict=True)):
        if not most > 0:
            raise _at(k, f"`max_score` is {most!r}.", "No part of it can be gained.")
        shares.append(min(1.0, score / most))
    if episode.won:
        shares[-1] = 1.0
    return [after - before for before, after in pairwise(shares)]


def game(episode: Episode) -> list[float]:
    """Pay the game's own points, as the environment paid them.

    Games differ in how many points they have, and a loss may earn more than the win of
    another game; `progress` is on one scale.
    """
    return episode.turn_rewards


def discovery(episode: Episode) -> list[float]:
    """Pay a little for each room that this episode had not seen yet, and the win.

    The turn that wins is paid what is missing to 1, so every won episode is worth 1
    in all, however it looked around, and a lost one at most `DISCOVERY_LIMIT`.
    """
    rewards = [0.0] * len(episode.turns)
    seen, paid = set(facts(episode, "first_room")[:1]), 0.0
    for k, room in enumerate(facts(episode, "room")):
        if room not in seen:
            seen.add(room)
            rewards[k] = min(DISCOVERY_STEP, DISCOVERY_LIMIT - paid)
            paid += rewards[k]
    if episode.won:
        rewards[-1] += 1.0 - paid
    return rewards


def subgoal(episode: Episode, *, goals: Sequence[str]) -> list[float]:
    """Pay `1 / n` when the world's answer holds one of `n` texts for the first time.

    Each is paid once, so all of them together are worth at most 1 and none can be
    farmed. Upper and lower case are the same.

    Args:
        episode: What to score.
        goals: Texts to look for, such as `["You unlock", "You open"]`.

    Raises:
        ConfigError: If `goals` is no list of texts.
    """
    if isinstance(goals, str) or not goals or not all(goals):
        raise ConfigError(
            f"The goals of `subgoal` are {goals!r}.",
            "They must be a list of texts, none of them empty.",
        )
    left, rewards = [goal.lower() for goal in goals], []
    for answer in answers(episode):
        missed = [goal for goal in left if goal not in answer.lower()]
        rewards.append((len(left) - len(missed)) / len(goals))
        left = missed
    return rewards


def potential(
    episode: Episode, *, discount: float, fact: str = "progress", start: float = 0.0
) -> list[float]:
    """Pay changes of a potential, which never changes what is best to do.

    `F_k = discount * phi_(k+1) - phi_k`, Ng, Harada, Russell 1999, "Policy invariance
    under reward transformations", eq. 2. The potential after the last turn counts as
    0, however the episode ended (Grzes 2017, "Reward shaping in episodic reinforcement
    learning"), so the discounted sum from turn `k` on is always `-phi_k`: the same
    whatever is done from there. Credit that looks at whole episodes (`grpo`) therefore
    sees no difference; credit per turn learns faster.

    Args:
        episode: What to score.
        discount: That of the training, where else the best policy could change.
        fact: The potential after a turn, from `Turn.info`. `progress` is recorded
            by `make_env(..., progress=True)`.
        start: The potential before the first turn.
    """
    phi = [start, *map(float, facts(episode, fact))]
    phi[-1] = 0.0
    return [discount * after - before for before, after in pairwise(phi)]


# ---- what is charged ---------------------------------------------------------------


def step_cost(episode: Episode) -> list[float]:
    """Charge 1 for every turn: with a small weight, early wins are worth more."""
    return [-1.0] * len(episode.turns)


def invalid_action(episode: Episode) -> list[float]:
    """Charge 1 for every turn whose command the world did not understand."""
    return [0.0 if valid else -1.0 for valid in facts(episode, "valid_action")]


def reply_format(episode: Episode, *, pattern: str = r"[^\n]+") -> list[float]:
    r"""Charge 1 for every reply that is not in the wanted form.

    Args:
        episode: What to score.
        pattern: Regular expression for the whole reply without the white space around
            it. By default one line; `r"<action>[^<]+</action>"` wants tags.

    Raises:
        ConfigError: If `pattern` is no regular expression.
    """
    try:
        wanted = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise ConfigError(
            f"The pattern {pattern!r} of `format` cannot be read.", f"{error}."
        ) from error
    replies = [turn.completion.strip() for turn in episode.turns]
    return [0.0 if wanted.fullmatch(reply) else -1.0 for reply in replies]


def length(episode: Episode, *, free: int = 100, limit: int = 200) -> list[float]:
    """Charge long replies.

    With `n` the characters of a reply: 0 up to `free`, -1 from `limit` on, and
    `(free - n) / (limit - free)` between. DAPO eq. 13 (https://arxiv.org/abs/2503.14476)
    per turn; characters and not tokens, so that any player can be scored.

    Raises:
        ConfigError: If `free` is not below `limit`.
    """
    if not 0 <= free < limit:
        raise ConfigError(
            f"The settings of `length` are free={free} and limit={limit}.",
            "The cost rises from 0 at `free` to 1 at `limit`.",
            "Make `free` 0 or more, and `limit` larger.",
        )
    over = [(len(t.completion) - free) / (limit - free) for t in episode.turns]
    return [0.0 - min(1.0, max(0.0, share)) for share in over]


# ---- terms of your own -------------------------------------------------------------

TERMS: dict[str, Term] = {
    "success": success,
    "progress": progress,
    "game": game,
    "discovery": discovery,
    "subgoal": subgoal,
    "potential": potential,
    "step_cost": step_cost,
    "invalid_action": invalid_action,
    "format": reply_format,
    "length": length,
    **JUDGES,
}
"""Every term by its name."""
_TAKEN = frozenset({*TERMS, "density", "sparse", "dense_1", "dense_2"})


def term(function: Term, name: str | None = None) -> Term:
    """Make a function of an `Episode` a term; may be used as a decorator.

    Args:
        function: Returns one number per turn `(K,)`. Its keyword arguments become
            settings, see `Mix`.
        name: What the term is called (`None`: as the function is). Using the same
            name again replaces the term.

    Raises:
        ConfigError: If the toolkit itself uses that name.
    """
    name = name or str(getattr(function, "__name__", ""))
    if name in _TAKEN or not name:
        raise ConfigError(
            f"A term cannot be called {name!r}.",
            "The toolkit has something of that name." if name else "It has no name.",
            "Give another name: term(function, name='...').",
        )
    TERMS[name] = function
    return function


def turn_term(function: Callable[..., float]) -> Term:
    """Make a function of a `Turn` a term; may be used as a decorator.

    Args:
        function: Returns one number. Its keyword arguments become settings.

    Raises:
        ConfigError: If the toolkit itself uses the function's name.
    """

    @functools.wraps(function)
    def every_turn(episode: Episode, **settings: Any) -> list[float]:
        return [
            _of_turn(function, k, turn, settings)
            for k, turn in enumerate(episode.turns)
        ]

    return term(every_turn)


def facts(episode: Episode, name: str) -> list[Any]:
    """Return a fact after each turn `(K,)`.

    Raises:
        RewardError: If a turn does not have it.
    """
    for k, turn in enumerate(episode.turns):
        if name not in turn.info:
            fix = (
                f"make_env(..., {name}=True) records it." if name == "progress" else ""
            )
            raise _at(
                k,
                f"The fact {name!r} is not recorded.",
                f"Recorded are: {', '.join(sorted(turn.info)) or 'none'}.",
                fix or "Use a term that needs other facts.",
            )
    return [turn.info[name] for turn in episode.turns]


def answers(episode: Episode) -> list[str]:
    """Return what the world answered to each turn `(K,)`."""
    seen = [turn.observation for turn in episode.turns[1:]]
    return [*seen, episode.final_observation][: len(episode.turns)]


def _of_turn(
    function: Callable[..., float], k: int, turn: Turn, settings: dict[str, Any]
) -> float:
    """Return what a function says of turn `k`."""
    try:
        return float(function(turn, **settings))
    except Exception as error:
        raise _at(k, f"It raised {type(error).__name__}: {error}") from error


def _at(turn: int, *message: str) -> RewardError:
    """Return an error that knows its turn."""
    error = RewardError(*message)
    error.turn = turn
    return error
