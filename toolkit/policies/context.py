"""What a model still sees of an episode: all of it, or the first turn and the newest.

With a limited history, an episode that has `history` turns and gets another one loses
the older half of them, but never the first, which says what the task is. So the cache
of keys and values lives for half a history of turns before all but the first turn is
computed anew, and training scores every half with the one before it, and with the first
turn. Dropping a turn each turn, as sliding windows do, would compute all that is seen
anew every time.

Nothing is encoded again: what is seen are ids of the episode, some of them left out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(kw_only=True, slots=True)
class Context:
    """What a policy keeps of a live episode."""

    rng: np.random.Generator
    """The episode's own random stream."""
    history: int | None = None
    """Most turns that the model sees, the newest included (`None`: all)."""
    ids: list[int] = field(default_factory=list)
    """All tokens so far."""
    starts: list[int] = field(default_factory=list)
    """Where each turn begins in `ids`, behind the stop token that closes the last."""
    hidden: tuple[int, int] = (0, 0)
    """First of the `ids` that the model no longer sees, and the first after them."""
    forgotten: int = 0
    """How many turns they are."""
    read: int = 0
    """How many ids of those that the model sees lie in the sampler's cache."""
    sampled: int = 0
    """Length of the last action in tokens, if the model acted last."""
    is_open: bool = False
    """Whether the last action was cut off before its stop token."""

    @property
    def seen(self) -> list[int]:
        """The ids that the model sees."""
        start, end = self.hidden
        return [*self.ids[:start], *self.ids[end:]]

    def make_room(self, count: int, room: int) -> bool:
        """Forget older turns, if there is a limit, so that another turn may begin.

        Args:
            count: Ids that the turn begins with.
            room: Ids that the model can see, the new ones included.

        Returns:
            Whether they fit.
        """
        start = len(self.ids) + self.is_open
        begins = [*self.starts, start]
        newest = len(self.starts) - self.forgotten  # all that is seen but the first
        if self.history and newest >= self.history:
            newest = self.history // 2
        while self._length(count, begins, newest) > room and self.history:
            if newest < 2:
                break
            newest //= 2
        fits = self._length(count, begins, newest) <= room
        if newest < len(self.starts) - self.forgotten:
            self.forgotten = len(self.starts) - newest
            self.hidden = (begins[1], begins[-newest])
            self.read, self.sampled = min(self.read, begins[1]), 0
        return fits

    def _length(self, count: int, begins: list[int], newest: int) -> int:
        """Return how many ids would be seen, `count` new ones among them."""
        hidden = begins[-newest] - begins[1] if newest < len(begins) - 1 else 0
        return len(self.ids) + count - hidden

    def observe(self, ids: Sequence[int]) -> list[int]:
        """Append what the world wrote; return what the model has yet to read.

        Args:
            ids: The observation with its glue. If the last action was cut off, the stop
                token that closes it comes first.
        """
        self.starts.append(len(self.ids) + self.is_open)
        self.ids += ids
        self.is_open = False
        return self.seen[self.read :]

    def act(self, ids: Sequence[int], *, is_open: bool = False) -> None:
        """Append an action.

        Args:
            ids: Its tokens, the stop token included.
            is_open: Whether it was cut off before that.
        """
        self.ids += ids
        self.is_open, self.sampled = is_open, 0


def context_lengths(turns: Sequence[int], history: int | None) -> list[int]:
    """Return how many tokens a model sees at the end of each context of an episode.

    These are the rows that training scores the episode in. With `H` turns to see, the
    first row ends after `H` turns, and each later one scores `H - H // 2` more, behind
    the first turn and the `H // 2 - 1` before them. So every turn but the first is in
    two rows at most, and the first is in all of them: `n` turns of one length make
    nearly `2 n` in rows if `H` is even, nearly `n (2 - 2 / (H + 1))` if it is odd, and
    a long first turn makes more.

    Args:
        turns: Tokens of each turn, of what the world wrote and of the action.
        history: As for `load_policy`, `None` if the model sees all.

    >>> context_lengths([9, 1, 1, 1, 1, 1, 1, 1, 1, 1], None)
    [18]
    >>> context_lengths([9, 1, 1, 1, 1, 1, 1, 1, 1, 1], 4)
    [12, 12, 12, 12]
    """
    context = Context(rng=np.random.default_rng(0), history=history)
    lengths, forgotten = [0], 0
    for tokens in turns:
        context.make_room(tokens, sys.maxsize)
        context.observe([0] * tokens)
        if context.forgotten > forgotten:
            forgotten = context.forgotten
            lengths.append(0)
        lengths[-1] = len(context.seen)
    return lengths
