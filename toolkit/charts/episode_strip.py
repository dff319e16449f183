"""An episode's tokens as a strip to be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.charts.strips import Strip
from toolkit.episodes.tokens import token_texts, tokenize_episode
from toolkit.errors import ConfigError

if TYPE_CHECKING:
    from toolkit.episodes.record import Episode


def strip_of(
    episode: Episode,
    rows: Mapping[str, Sequence[float]],
    *,
    name: str,
    tokenizer: Any = None,
) -> Strip:
    """Lay advantages on an episode's tokens, to be drawn by `advantage_strips`.

    Args:
        episode: With tokens.
        rows: For each estimator one number per turn `(K,)`, or one per token of the
            completion `(T,)`.
        name: Stands above.
        tokenizer: Of the model that played; without it, tokens have no texts.

    Raises:
        ConfigError: If an estimator's numbers do not belong to the episode.
        EpisodeError: If the episode has no tokens.
    """
    spans = _spans(episode)
    tokens = [""] * len(episode.ids)  # what the world wrote has no room for texts
    for start, end in spans if tokenizer else ():
        tokens[start:end] = _texts(tokenizer, episode.ids[start:end])
    found = [(n, _on_tokens(episode, values)) for n, values in rows.items()]
    return Strip(name=name, tokens=tokens, spans=spans, rows=found)


def _texts(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """Return the texts of tokens without their blanks, squares for special ones."""
    special, texts = set(tokenizer.all_special_ids), token_texts(tokenizer, ids)
    return [
        "■" if number in special else text.replace("\n", "⏎").strip()
        for number, text in zip(ids, texts, strict=True)
    ]


def _spans(episode: Episode) -> list[tuple[int, int]]:
    """Return start and end of each action among all ids of an episode."""
    prompt = len(episode.turns[0].observation_ids) if episode.turns else 0
    spans = tokenize_episode(episode).spans
    return [(start + prompt, end + prompt) for start, end in spans]


def _on_tokens(episode: Episode, values: Sequence[float]) -> list[float]:
    """Lay numbers of turns or of the completion's tokens on all ids `(T,)`.

    An episode without numbers, as one whose world broke, gets zeros.

    Raises:
        ConfigError: If there are as many numbers as neither turns nor tokens.
    """
    spans, total = _spans(episode), len(episode.ids)
    prompt, found = len(episode.turns[0].observation_ids), [0.0] * total
    if len(values) == len(spans):
        for value, (start, end) in zip(values, spans, strict=True):
            found[start:end] = [float(value)] * (end - start)
    elif len(values) >= total - prompt:
        found[prompt:] = [float(v) for v in values[: total - prompt]]
    elif len(values):
        raise ConfigError(
            f"There are {len(values)} numbers for an episode of {len(spans)} turns and "
            f"{total - prompt} tokens after its prompt.",
            "Give one for each turn, or one for each token.",
        )
    return found
