"""Rewards from a model that was trained to score conversations."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.episodes.record import Episode
from toolkit.errors import JudgeError, ModelError
from toolkit.rewards.batch import BatchReward, batches, cut_middle, failed, pad_right
from toolkit.rewards.judge import NOTICE, harmless, transcript

if TYPE_CHECKING:
    import torch


def reward_model(source: str | Path, *, device: str | None = None) -> RewardModel:
    """Load a sequence-classification model with one output as a reward.

    Prefer a verified reward where there is one, and measure the model with
    `agreement` first; see `judged`. Its output is paid as it is on the last turn: any
    number, whose size differs from model to model. So weigh it against other rewards
    with care.

    Args:
        source: A folder or a hub id.
        device: Such as `cpu` or `cuda:0` (`None`: the best there is).

    Raises:
        ModelError: If it cannot be loaded, has no trained output or more than one.
        ConfigError: If the device is not there.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from toolkit.device import pick_device, pick_precision

    device = device or pick_device()
    dtype = pick_precision(device).compute_dtype
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            source, dtype=dtype, output_loading_info=True
        )
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"No reward model could be loaded from {str(source)!r}.",
            f"{type(error).__name__}: {str(error).splitlines()[0]}",
            "Give a folder that holds config.json, weights and tokenizer files, or a "
            "hub id (which needs the network).",
        ) from error
    _check_output(source, model, info["missing_keys"])
    return RewardModel(model.to(device), tokenizer)


class RewardModel(BatchReward):
    """A reward made by `reward_model`.

    Args:
        model: A sequence-classification model with one output.
        tokenizer: Its tokenizer; with a chat template, the model reads what the
            policy saw and said as a conversation, else as a plain transcript. Both
            end with the last action.
    """

    __name__ = "reward_model"

    def __init__(self, model: Any, tokenizer: Any) -> None:
        super().__init__()
        self.model, self.tokenizer = model.eval(), tokenizer
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        # Models that read the last token find it with this.
        model.config.pad_token_id = tokenizer.pad_token_id
        self._limit = min(
            getattr(model.config, "max_position_embeddings", None) or 1 << 20,
            tokenizer.model_max_length,
        )

    def batch(self, episodes: Sequence[Episode]) -> list[list[float] | JudgeError]:
        """Return for each episode the rewards of its turns `(K,)`, or what failed."""
        start = time.perf_counter()
        played = [i for i, episode in enumerate(episodes) if episode.turns]
        rows = [self._encode(episodes[i]) for i in played]
        results: list[list[float] | JudgeError] = [[] for _ in episodes]
        for batch in batches([len(row) for row in rows]):
            outputs = self._forward([rows[i] for i in batch])
            for i, output in zip(batch, outputs, strict=True):
                results[played[i]] = self._rewards(episodes[played[i]], output)
        self.usage.requests += len(rows)
        self.usage.tokens_in += sum(map(len, rows))
        self.usage.seconds += time.perf_counter() - start
        return results

    def _encode(self, episode: Episode) -> list[int]:
        is_chat = bool(getattr(self.tokenizer, "chat_template", None))
        text = self._chat(episode) if is_chat else transcript(episode)
        # A chat template writes the special tokens itself.
        ids = list(self.tokenizer(text, add_special_tokens=not is_chat).input_ids)
        notice = self.tokenizer(NOTICE, add_special_tokens=False).input_ids
        return cut_middle(ids, self._limit, notice)

    def _chat(self, episode: Episode) -> str:
        messages = [
            {"role": role, "content": harmless(text)}
            for turn in episode.turns
            for role, text in (
                ("user", turn.observation),
                ("assistant", turn.completion),
            )
        ]
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False))

    def _forward(self, rows: Sequence[list[int]]) -> list[float]:
        import torch

        pad = int(self.tokenizer.pad_token_id)
        inputs: dict[str, torch.Tensor] = pad_right(rows, pad, self.model.device)
        with torch.no_grad():
            logits = self.model(**inputs).logits
        return [float(output) for output in logits[:, 0]]

    def _rewards(self, episode: Episode, output: float) -> list[float] | JudgeError:
        if math.isfinite(output):
            return [0.0] * (len(episode.turns) - 1) + [output]
        why = "The reward model's output is not a finite number."
        self.usage.fail(why)
        return failed(episode, why, "Load it again, or with weights in fp32.")


def _check_output(source: str | Path, model: Any, missing: Sequence[str]) -> None:
    """Refuse a model whose score would be noise or not one number."""
    outputs = int(model.config.num_labels)
    if outputs != 1:
        raise ModelError(
            f"{str(source)!r} is no reward model: it has {outputs} outputs.",
            "A reward is one number.",
            "Use a sequence-classification model with num_labels=1.",
        )
    if missing:
        raise ModelError(
            f"{str(source)!r} is no reward model.",
            f"It holds no weights for {', '.join(sorted(missing)[:3])}, which would "
            "be random.",
            "Use a model that was trained to give scores.",
        )
