"""Some episodes of each batch, with what training made of every token.

They are the lines of `samples.jsonl`, in the form of `events.jsonl` (so `read_events`
and `steps_of` read them), one for each `rollout` event and with its `step`:

| field | |
|---|---|
| `event`, `time`, `step` | `samples`, and as in every event |
| `group` | place of the group in the batch, counted from 0; `null` if groups have one episode and these are of all the batch |
| `returns` | of all episodes of the group, under the training reward, `null` if broken |
| `episodes` | at most three: `which` (`best`, `median`, `worst`), `number` (place in `returns`), `task`, `return`, `won`, `stop_reason`, `final_observation`, `turns`, `left_out` (so many turns from the middle, to keep the line short) |
| of a turn | `turn` (from 0), `observation`, `completion`, `action`, `reward` (under the training reward), `tokens` |
| of a token | `[text, log-probability at play, advantage]`; `[note, null, null]` where tokens were left out |

The group is the one whose returns differ most, since it teaches most; the first of
several. Texts that are too long are cut in the middle.
"""  # noqa: E501  (a table has no line breaks)

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from toolkit.episodes.record import Episode, Turn
from toolkit.episodes.tokens import token_texts, tokenize_episode
from toolkit.training.returns import Rewards

FILE = "samples.jsonl"
LARGEST = 20_000
"""Bytes of a line, about."""
LONGEST_TEXT = 400
"""Characters of an observation or of what the policy said."""
MOST_TOKENS = 64
"""Tokens of one turn."""

Token = list[Any]


def sample_facts(
    episodes: Sequence[Episode],
    rewards: Rewards,
    advantages: Sequence[Sequence[float]],
    *,
    group_size: int,
    tokenizer: Any,
) -> dict[str, Any]:
    """Choose episodes of a batch and describe them.

    Args:
        episodes: `B` episodes, group after group.
        rewards: Of the turns of each, `None` for broken episodes `(B, K)`.
        advantages: Of the tokens of each, prompts left out `(B, T)`.
        group_size: Episodes of a group; 1 chooses from the whole batch.
        tokenizer: Of the policy that played.
    """
    returns = [None if r is None else sum(r) for r in rewards]
    size = group_size if group_size > 1 else len(episodes)
    starts = range(0, len(episodes), size)
    first = max(starts, key=lambda i: _spread(returns[i : i + size]))
    group = returns[first : first + size]
    chosen = []
    for which, number in _best_median_worst(group):
        i = first + number
        about = {"which": which, "number": number, "return": group[number]}
        told = _described(episodes[i], rewards[i] or [], advantages[i], tokenizer)
        chosen.append(about | told)
    return {
        "group": first // size if group_size > 1 else None,
        "returns": group,
        "episodes": chosen,
    }


def _spread(returns: Sequence[float | None]) -> float:
    """Return by how much returns differ; below 0 if there is none."""
    known = [r for r in returns if r is not None]
    return max(known) - min(known) if known else -1.0


def _best_median_worst(returns: Sequence[float | None]) -> list[tuple[str, int]]:
    """Name the places of three returns; of equal ones, the first is the better."""
    known = [(-r, i) for i, r in enumerate(returns) if r is not None]
    order = [i for _, i in sorted(known)]
    places = {"best": 0, "worst": len(order) - 1, "median": len(order) // 2}
    found: dict[int, str] = {}  # an episode has one name, the first
    for name, place in places.items():
        if order:
            found.setdefault(place, name)
    return [(found[place], order[place]) for place in sorted(found)]


def _turn(
    k: int,
    turn: Turn,
    reward: float,
    advantages: Sequence[float],
    tokenizer: Any,
) -> dict[str, Any]:
    """Describe turn `k`; the advantages are those of its tokens."""
    numbers = zip(turn.logprobs, advantages, strict=True)
    texts = token_texts(tokenizer, turn.action_ids)
    tokens = [
        [text, round(logp, 4), round(advantage, 4)]
        for text, (logp, advantage) in zip(texts, numbers, strict=True)
    ]
    return {
        "turn": k,
        "observation": _cut(turn.observation),
        "completion": _cut(turn.completion),
        "action": _cut(turn.action),
        "reward": round(reward, 6),
        "tokens": _cut_tokens(tokens),
    }


def _described(
    episode: Episode,
    rewards: Sequence[float],
    advantages: Sequence[float],
    tokenizer: Any,
) -> dict[str, Any]:
    """Describe an episode, without so many turns of its middle that it is short."""
    spans = tokenize_episode(episode).spans if episode.turns else []
    left = list(enumerate(zip(episode.turns, rewards, spans, strict=True)))
    room = LARGEST // 3 - LONGEST_TEXT
    front: list[dict[str, Any]] = []
    back: list[dict[str, Any]] = []
    while left:
        side, place = (front, 0) if len(front) <= len(back) else (back, -1)
        k, (turn, reward, (start, end)) = left[place]
        told = _turn(k, turn, reward, advantages[start:end], tokenizer)
        room -= len(json.dumps(told))
        if room < 0 and front:
            break
        side.append(told)
        left.pop(place)
    return {
        "task": episode.task.id,
        "won": episode.won,
        "stop_reason": episode.stop_reason.value,
        "turns": [*front, *reversed(back)],
        "left_out": len(left),
        "final_observation": _cut(episode.final_observation),
    }


def _cut(text: str) -> str:
    """Leave the middle of a long text out."""
    if len(text) <= LONGEST_TEXT:
        return text
    half = LONGEST_TEXT // 2
    return f"{text[:half]} … {text[-half:]}"


def _cut_tokens(tokens: list[Token]) -> list[Token]:
    """Leave the middle of many tokens out."""
    if len(tokens) <= MOST_TOKENS:
        return tokens
    half = MOST_TOKENS // 2
    note = f" … {len(tokens) - 2 * half} tokens … "
    return [*tokens[:half], [note, None, None], *tokens[-half:]]
