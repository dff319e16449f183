"""A judge that is read, not sampled: one forward pass, no text to parse."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.errors import JudgeError, ModelError
from toolkit.rewards.batch import batches, cut_middle, pad_right
from toolkit.rewards.judge import GRADES, NOTICE, Answer, Question

if TYPE_CHECKING:
    import torch

    from toolkit.policies.models import ModelPolicy

SAMPLED = 64
"""Values of each weight that a fingerprint looks at."""


class LocalJudge:
    """A causal language model whose next-token probabilities are the grade.

    The grade is the expected value of the digits the model could answer with,
    `Σ p(d) · value(d)` with `p` normalised over the digits: the same for the same
    transcript, and finer than a digit.

    Args:
        policy: The model with its tokenizer. It may be in training: each call of
            `ask` uses the weights of that moment.

    Raises:
        ModelError: If the digits are not single tokens for this tokenizer.
    """

    def __init__(self, policy: ModelPolicy) -> None:
        self.policy = policy
        is_chat = bool(getattr(policy.tokenizer, "chat_template", None))
        # Behind a line break, every tokenizer writes a digit as one token.
        self._glue = policy.template.first if is_chat else ("", "\nGrade:\n")
        self._grades = self._grade_ids()
        vocabulary = sorted(policy.tokenizer.get_vocab().items())
        parts = (self._glue, policy.max_context, vocabulary)
        self._reads_as = hashlib.sha256(repr(parts).encode()).hexdigest()

    def identity(self) -> str:
        """Return a fingerprint of the weights and of how the text is encoded."""
        return f"{self._reads_as} {fingerprint(self.policy.model)}"

    def ask(self, questions: Sequence[Question]) -> Iterator[tuple[int, Answer]]:
        """Yield the answers, the longest questions first."""
        import torch

        model, pad = self.policy.model, int(self.policy.tokenizer.pad_token_id)
        rows = [self._encode(question) for question in questions]
        was_training = model.training
        model.eval()
        try:
            for batch in batches([len(row) for row in rows]):
                inputs = pad_right([rows[i] for i in batch], pad, model.device)
                with torch.no_grad():
                    logits = last_logits(model, inputs)[:, self._grades]
                for i, grade in zip(batch, _expected(logits), strict=True):
                    yield i, Answer(result=_finite(grade), tokens_in=len(rows[i]))
        finally:
            model.train(was_training)

    def _encode(self, question: Question) -> list[int]:
        """Return the ids of a question; its transcript alone may lose its middle."""
        before, after = self._glue
        start, text, end, notice = self._ids(
            before + question.before,
            question.transcript,
            question.after + after,
            NOTICE,
        )
        room = self.policy.max_context - len(start) - len(end)
        return start + cut_middle(text, room, notice) + end

    def _ids(self, *texts: str) -> list[list[int]]:
        encoded = self.policy.tokenizer(list(texts), add_special_tokens=False)
        return [list(ids) for ids in encoded.input_ids]

    def _grade_ids(self) -> list[int]:
        """Return the token of each grade, as it follows the question.

        Raises:
            ModelError: If a grade is not one token of its own.
        """
        cue = "." + self._glue[1]
        bare, *full = self._ids(cue, *(cue + grade for grade in GRADES))
        ids = [row[-1] for row in full if row[:-1] == bare]
        known = set(ids) - {self.policy.tokenizer.unk_token_id}
        if len(known) < len(GRADES):
            raise ModelError(
                f"The model {self.policy.name!r} cannot be read as a judge.",
                f"Its tokenizer does not write each of {', '.join(GRADES)} as a token.",
                "Serve it, and judge through an Endpoint, or use another model.",
            )
        return ids


def last_logits(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the logits behind the last token of each row `(B, V)`.

    Logits are computed only where some row ends, which for a batch of like lengths is
    a small part of `(B, T, V)`.
    """
    import torch

    ends = inputs["attention_mask"].sum(1) - 1
    places, row_place = torch.unique(ends, return_inverse=True)
    output = model(**inputs, use_cache=False, logits_to_keep=places)
    logits: torch.Tensor = output.logits
    rows = torch.arange(len(ends), device=logits.device)
    return logits[rows, row_place]


def fingerprint(model: Any) -> str:
    """Return a hash of a model that changes when its weights do.

    It reads the kind, name and shape of each weight and a few of its values at equal
    distances, because a step of an optimiser changes nearly all of them.
    """
    import torch

    digest = hashlib.sha256(type(model).__name__.encode())
    weights = itertools.chain(model.named_parameters(), model.named_buffers())
    for name, weight in weights:
        step = max(1, weight.numel() // SAMPLED)
        some = weight.detach().flatten()[::step].to("cpu", torch.float64)
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        digest.update(some.numpy().tobytes())
    return digest.hexdigest()


def _expected(logits: torch.Tensor) -> list[float]:
    """Return the expected grade in [0, 1] of each row of grade logits `(B, 5)`."""
    import torch

    values = torch.linspace(0, 1, len(GRADES), dtype=torch.float64)
    shares = logits.to("cpu", torch.float64).softmax(-1)
    return [float(grade) for grade in shares @ values]


def _finite(grade: float) -> float | JudgeError:
    if math.isfinite(grade):
        return grade
    return JudgeError(
        "The judge computed a grade that is no number.",
        "Its weights are damaged, or its numbers overflow in 16 bits.",
        "Load it again, or judge with weights in fp32.",
    )
