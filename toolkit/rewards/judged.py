"""Rewards from a language model that reads the transcript and a rubric.

If a verified reward exists (the game says whether it was won, tests pass or fail),
use it. In "A Practitioner's Guide to Multi-turn Agentic RL" (arXiv 2510.01132, table
12) an agent that repairs software went from 4 % to 22 % when it was paid for the share
of tests that passed, and only to 7 % and 9 % with two model-based rewards; paid only
for passing all of them it learnt nothing (4 %). So make a verified reward dense before
you replace it. A judge can be flattered, and a policy that is trained on it learns how.
Where there is nothing to verify, measure the judge on episodes whose outcome is known,
with `agreement`, and keep looking at what it pays.

In a mix and in YAML a judge is named: see `toolkit.rewards.judge_terms`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.episodes.record import Episode
from toolkit.errors import ConfigError, JudgeError
from toolkit.rewards import judge_cache
from toolkit.rewards.batch import BatchReward, failed
from toolkit.rewards.judge import VERSION, Judge, Question, questions

if TYPE_CHECKING:
    from toolkit.policies.models import ModelPolicy

Verdict = float | JudgeError


def judged(
    model: str | Path | ModelPolicy | Judge,
    rubric: str,
    *,
    each: str = "episode",
) -> Judged:
    """Return a reward whose numbers come from a language model.

    Prefer a verified reward where there is one, and measure a judge with `agreement`
    before you train on it; see the top of this file for why.

    An episode is worth at most 1 in all, however long it is. With `each="episode"`
    its grade is paid on the last turn. With `each="turn"` each turn is graded in the
    light of what came before and paid its share, `grade / K`, so that playing on
    earns nothing; that is `K` questions per episode.

    Judgements are kept in the cache folder and asked for again only if the model, the
    rubric or the transcript has changed.
    An episode whose world broke is judged like any other: leave it out if it is not
    to be paid for.

    Args:
        model: What `load_policy` takes, or a `ModelPolicy`: read with one batched
            forward pass. Or an `Endpoint`: asked over HTTP.
        rubric: What a good episode (or turn) is, in plain words.
        each: What is graded, `episode` or `turn`.

    Returns:
        A reward; its `score` takes many episodes and its `usage` counts the cost.

    Raises:
        ConfigError: If `each` or the rubric cannot be used.
        ModelError: If the model cannot be loaded or cannot be read as a judge.
    """
    check_question(rubric, each)
    return Judged(_judge(model), rubric, each=each)


def check_question(rubric: object, each: object) -> None:
    """Refuse what a judge cannot be asked.

    Raises:
        ConfigError: If `each` or the rubric cannot be used.
    """
    if each not in ("episode", "turn"):
        raise ConfigError(
            f"A judge cannot grade each {each!r}.",
            "It grades whole episodes or single turns.",
            'Use each="episode" or each="turn".',
        )
    if not isinstance(rubric, str) or not rubric.strip():
        raise ConfigError(
            "The rubric is empty, or no text.",
            "The judge would have nothing to grade by.",
            "Say in plain words what a good episode is.",
        )


class Judged(BatchReward):
    """A reward made by `judged`."""

    __name__ = "judged"

    def __init__(self, judge: Judge, rubric: str, *, each: str) -> None:
        super().__init__()
        self.judge, self.rubric, self.each = judge, rubric, each

    def batch(self, episodes: Sequence[Episode]) -> list[list[float] | JudgeError]:
        """Return for each episode the rewards of its turns `(K,)`, or what failed.

        Raises:
            CacheError: If a judgement cannot be kept.
            ConfigError: If the rubric leaves no room for a transcript.
        """
        identity = self.judge.identity()
        rows = [
            {_key(identity, q): q for q in questions(episode, self.rubric, self.each)}
            for episode in episodes
        ]
        known = self._answers({key: q for row in rows for key, q in row.items()})
        self.usage.cache_hits += sum(map(len, rows)) - len(known)
        return [
            self._rewards(episode, [known[key] for key in row])
            for episode, row in zip(episodes, rows, strict=True)
        ]

    def _answers(self, wanted: dict[str, Question]) -> dict[str, Verdict]:
        """Look the questions up and ask those that nobody has asked before."""
        known: dict[str, Verdict] = {}
        for key in wanted:
            grade = judge_cache.load(key)
            if grade is not None:
                known[key] = grade
        missing = [key for key in wanted if key not in known]
        self.usage.cache_hits += len(known)
        start = time.perf_counter()
        # Each is kept when it comes, so an interrupt loses only what is on its way.
        for i, answer in self.judge.ask([wanted[key] for key in missing]):
            if isinstance(answer.result, JudgeError):
                self.usage.fail(answer.result.what)
            else:
                judge_cache.store(missing[i], answer.result)
            known[missing[i]] = answer.result
            self.usage.requests += answer.requests
            self.usage.tokens_in += answer.tokens_in
            self.usage.tokens_out += answer.tokens_out
        self.usage.seconds += time.perf_counter() - start
        return known

    def _rewards(
        self, episode: Episode, grades: Sequence[Verdict]
    ) -> list[float] | JudgeError:
        """Return the rewards of an episode, or the first of its failures."""
        rewards = [0.0] * len(episode.turns)
        for i, grade in enumerate(grades):
            if isinstance(grade, JudgeError):
                turn = i if self.each == "turn" else None
                return failed(
                    episode, f"{grade.what} {grade.why}", grade.fix, turn=turn
                )
            place = i if self.each == "turn" else -1
            rewards[place] = grade / len(grades)
        return rewards


def _judge(model: str | Path | ModelPolicy | Judge) -> Judge:
    """Return what answers for `model`."""
    if str(model).startswith(("http://", "https://")):
        raise ConfigError(
            f"{model} does not say which of its models is to judge.",
            "An endpoint is an address and the name of a model.",
            f'Use judged(Endpoint(url="{model}", model="…"), rubric).',
        )
    if not isinstance(model, str | Path):
        from toolkit.policies.models import ModelPolicy

        if not isinstance(model, ModelPolicy):
            _check_judge(model)
            return model
    from toolkit.policies.models import load_policy
    from toolkit.rewards.judge_local import LocalJudge

    if isinstance(model, str | Path):
        model = load_policy(model, frozen=True)
    return LocalJudge(model)


def _key(identity: str, question: Question) -> str:
    """Return the name under which the answer to a question is kept."""
    parts = (VERSION, identity, question.before, question.transcript, question.after)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _check_judge(model: object) -> None:
    if not hasattr(model, "ask"):
        raise ConfigError(
            f"A {type(model).__name__} cannot judge.",
            "It is neither the name of a model, nor a ModelPolicy, nor an Endpoint.",
            'Such as judged("smollm2-135m", rubric).',
        )
