"""The glue between turns, as fixed strings around each observation.

A conversation is never rendered again: ids once seen by the model stay, and only the
newest observation is encoded. The glue of a chat model is read off its own chat
template with a made-up conversation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolkit.errors import ModelError


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnTemplate:
    r"""Strings around observations, and the tokens that end an action.

    The compact form of the `pocket` model is `observation\n>action<eos>`.
    """

    first: tuple[str, str]
    """Text before and after the first observation."""
    later: tuple[str, str]
    """Text before and after every later observation; starts behind the stop token."""
    stop_ids: tuple[int, ...]
    """Sampled tokens that end an action; the first one closes an action cut off."""

    def wrap(self, observation: str, *, is_first: bool) -> str:
        """Return the text to encode for an observation."""
        before, after = self.first if is_first else self.later
        return f"{before}{observation}{after}"


def compact_template(tokenizer: Any) -> TurnTemplate:
    r"""Return `observation\n>action<eos>`, for models without a chat format."""
    return TurnTemplate(
        first=("", "\n>"), later=("", "\n>"), stop_ids=(int(tokenizer.eos_token_id),)
    )


def chat_template(tokenizer: Any, system: str = "") -> TurnTemplate:
    """Read the glue off the tokenizer's own chat template.

    Args:
        tokenizer: A tokenizer with `chat_template`.
        system: Text of a system message (none if empty).

    Raises:
        ModelError: If turns cannot be appended by this template: it takes no system
            message, or closes an answer with no special token.
    """
    head = [{"role": "system", "content": system}] if system else []
    user, reply, later = "OBSERVATION-ONE", "ACTION-ONE", "OBSERVATION-TWO"
    first = _render(tokenizer, [*head, {"role": "user", "content": user}])
    both = _render(
        tokenizer,
        [
            *head,
            {"role": "user", "content": user},
            {"role": "assistant", "content": reply},
            {"role": "user", "content": later},
        ],
    )
    before, seen, after = first.partition(user)
    gap, found, tail = both.partition(reply)[2].partition(later)
    stop = next((t for t in _stop_tokens(tokenizer) if gap.startswith(t)), None)
    if not seen or not found or stop is None:
        raise ModelError(
            "The chat template of this model cannot be used for turns.",
            "It does not close an answer with a special token.",
            "Use a chat model whose template ends answers with an end-of-turn token.",
        )
    ids = dict.fromkeys([tokenizer.convert_tokens_to_ids(stop), tokenizer.eos_token_id])
    return TurnTemplate(
        first=(before, after),
        later=(gap[len(stop) :], tail),
        stop_ids=tuple(int(i) for i in ids),
    )


def _render(tokenizer: Any, messages: list[dict[str, str]]) -> str:
    """Render messages with the cue for the next answer; thinking is off."""
    from jinja2 import TemplateError

    try:
        text = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
        )
    except TemplateError as error:
        raise ModelError(
            "The chat template of this model cannot be used for turns.",
            f"It refuses a conversation that starts with a {messages[0]['role']} "
            f"message: {error}",
            "Leave the system message out, or use another model.",
        ) from error
    return str(text)


def _stop_tokens(tokenizer: Any) -> list[str]:
    """Return the special tokens, longest first, that could end an answer."""
    known = {tokenizer.eos_token, *tokenizer.get_added_vocab()} - {None}
    return sorted(known, key=len, reverse=True)
