"""A reward from a model that reads along and is asked nothing.

What counts is how probable it finds what the agent did, so it needs no rubric and no
instructions, and a model of a million weights can be such a judge. It pays for playing
as it would have played itself: whatever it would do wrong is paid for as well.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.episodes.record import Episode
from toolkit.errors import JudgeError
from toolkit.rewards.batch import BatchReward, batches, failed, pad_right

if TYPE_CHECKING:
    from toolkit.policies.models import ModelPolicy

LOGIT_TOKENS = 2048
"""Most tokens in a forward pass, padding included: each has a logit for every word."""
Row = tuple[list[int], list[int]]
"""Ids of an episode, and the positions of those that the agent wrote."""


def likelihood(model: str | Path | ModelPolicy) -> Likelihood:
    """Return a reward that is high where a model would have played alike.

    Prefer a verified reward where there is one, and measure this one with `agreement`
    before you train on it; see `judged`.

    The last turn is paid the geometric mean of the probabilities of all tokens that
    the agent wrote, `exp(mean log p)`, in (0, 1]. The model reads with its own
    tokenizer and glue, at temperature 1. What the world said to the last action is not
    read, so a verdict there is not known to it.

    Args:
        model: What `load_policy` takes, or a `ModelPolicy`. One that is given by name
            is a copy of its own, which never learns, even if the same name is trained.

    Raises:
        ModelError: If the model cannot be loaded.
    """
    from toolkit.policies.models import ModelPolicy, load_policy

    found = model if isinstance(model, ModelPolicy) else load_policy(model, frozen=True)
    return Likelihood(found)


class Likelihood(BatchReward):
    """A reward made by `likelihood`."""

    __name__ = "likelihood"

    def __init__(self, policy: ModelPolicy) -> None:
        super().__init__()
        self.policy = policy

    def batch(self, episodes: Sequence[Episode]) -> list[list[float] | JudgeError]:
        """Return for each episode the rewards of its turns `(K,)`, or what failed."""
        start = time.perf_counter()
        rows = [self._row(episode) for episode in episodes]
        fits = [
            i
            for i, (ids, _) in enumerate(rows)
            if 0 < len(ids) <= self.policy.max_context
        ]
        means: dict[int, float] = {}
        model = self.policy.model
        was_training = model.training
        model.eval()
        try:
            lengths = [len(rows[i][0]) for i in fits]
            for batch in batches(lengths, LOGIT_TOKENS):
                some = [fits[k] for k in batch]
                found = self._means([rows[i] for i in some])
                means |= dict(zip(some, found, strict=True))
        finally:
            model.train(was_training)
        self.usage.requests += len(fits)
        self.usage.tokens_in += sum(len(rows[i][0]) for i in fits)
        self.usage.seconds += time.perf_counter() - start
        return [
            self._rewards(episode, len(rows[i][0]), means.get(i))
            for i, episode in enumerate(episodes)
        ]

    def _row(self, episode: Episode) -> Row:
        """Encode an episode as if the model had played it."""
        from toolkit.training.imitation import encode_episode

        ids: list[int] = []
        said: list[int] = []
        for turn in encode_episode(self.policy, episode).turns:
            ids += turn.observation_ids
            said += range(len(ids), len(ids) + len(turn.action_ids))
            ids += turn.action_ids
        return ids, said

    def _means(self, rows: Sequence[Row]) -> list[float]:
        """Return the mean log-probability of what was said in each row `(B,)`."""
        import torch

        pad = int(self.policy.tokenizer.pad_token_id)
        inputs = pad_right([ids for ids, _ in rows], pad, self.policy.model.device)
        with torch.no_grad():
            logits = self.policy.model(**inputs, use_cache=False).logits
        means = []
        for row, (ids, said) in zip(logits, rows, strict=True):
            before = torch.tensor(said, device=row.device) - 1
            tokens = torch.tensor(ids, device=row.device)[before + 1]
            logp = row[before].float().log_softmax(-1)
            means.append(float(logp.gather(1, tokens[:, None]).mean()))
        return means

    def _rewards(
        self, episode: Episode, length: int, mean: float | None
    ) -> list[float] | JudgeError:
        if not episode.turns:
            return []
        if mean is not None and math.isfinite(mean):
            return [0.0] * (len(episode.turns) - 1) + [math.exp(mean)]
        if mean is None:
            why = "The episode is longer than the model can read."
            fix = f"It has {length} tokens: use a model with a longer context."
        else:
            why = "The model computed a likelihood that is no number."
            fix = "Load it again, or judge with weights in fp32."
        self.usage.fail(why)
        return failed(episode, why, fix)
