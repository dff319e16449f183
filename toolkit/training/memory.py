"""How much memory of a GPU a training run will need, before any of it is spent.

Nothing is estimated where it can be counted: the model is built from its shape, with
tensors that have sizes and no contents; its adapters are added; and a forward pass
through one layer and through two tells what each further layer keeps for the backward
pass. Only what a GPU takes for itself is an allowance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig

from toolkit.device import Precision
from toolkit.errors import ConfigError, ModelError
from toolkit.paths import assets_dir
from toolkit.policies.context import context_lengths
from toolkit.policies.kv_cache import REUSABLE, attending
from toolkit.policies.models import with_lora
from toolkit.tables import html_table, text_table
from toolkit.training.packed import ATTENTION

GIB = 2**30
_LLAMA = {"model_type": "llama", "tie_word_embeddings": True}
_QWEN = {"model_type": "qwen2", "max_position_embeddings": 32_768}
_QWEN3 = {"model_type": "qwen3", "max_position_embeddings": 40_960, "head_dim": 128}
_FIELDS = (
    *("num_hidden_layers", "hidden_size", "intermediate_size"),
    *("num_attention_heads", "num_key_value_heads", "vocab_size"),
    "tie_word_embeddings",
)


def _shape(family: dict[str, Any], *sizes: int) -> dict[str, Any]:
    return {**family, **dict(zip(_FIELDS, sizes, strict=False))}


_SMALL = _shape(_QWEN, 28, 1536, 8960, 12, 2, 151_936, True)
_LARGE = _shape(_QWEN, 28, 3584, 18_944, 28, 4, 152_064, False)
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "smollm2-135m": _shape(_LLAMA, 30, 576, 1536, 9, 3, 49_152),
    "Qwen/Qwen2.5-0.5B-Instruct": _shape(_QWEN, 24, 896, 4864, 14, 2, 151_936, True),
    "Qwen/Qwen2.5-1.5B-Instruct": _SMALL,
    "Qwen/Qwen2.5-7B-Instruct": _LARGE,
    "Qwen/Qwen2.5-Coder-1.5B-Instruct": _SMALL,
    "Qwen/Qwen2.5-Coder-7B-Instruct": _LARGE,
    "Qwen/Qwen3-8B": _shape(_QWEN3, 36, 4096, 12_288, 32, 8, 151_936, False),
}
"""Shapes of models that can be planned with offline, from their `config.json`."""
PARTS = ("weights", "gradients", "optimizer", "activations", "head", "cache")
"""What a `MemoryPlan` counts."""
HEAD_TILE = (4096, 32_768)
"""Tokens and words that TRL's head computes at once on a GPU (`trl.kernels`)."""
FOUR_BITS = 0.5 + 4 / 64
"""Bytes of a weight in NF4: half a byte, and a scale in fp32 for each 64 weights."""
GROWTH = 1.5
"""Factor by which the cache of keys and values grows when it is full."""
CONTEXT = int(0.6 * GIB)
"""Bytes that a GPU takes before any tensor is there: an allowance, not a count."""
GAPS = 0.1
"""Share of all else that is lost between blocks: an allowance, not a count."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryPlan:
    """What a run needs, in bytes, part by part."""

    parameters: int
    """Weights of the model, adapters included; a number, not bytes."""
    trained: int
    """How many of them are trained."""
    weights: int
    """All weights, as they are held."""
    gradients: int
    """One fp32 number for each trained weight."""
    optimizer: int
    """Adam's two fp32 numbers for each trained weight."""
    activations: int
    """What the forward pass keeps for the backward pass, 16-bit copies of fp32 weights
    among it."""
    head: int
    """What the last layer needs while it turns states into probabilities of words."""
    cache: int
    """Keys and values of all live episodes while they are played."""

    @property
    def playing(self) -> int:
        """Needed while episodes are played."""
        return self.weights + self.optimizer + self.cache

    @property
    def learning(self) -> int:
        """Needed in the backward pass; a small cache is kept for the next batch."""
        kept = self.cache if self.cache <= REUSABLE else 0
        held = self.weights + self.gradients + self.optimizer + kept
        return held + self.activations + self.head

    @property
    def total(self) -> int:
        """The larger of both, with the allowance for what a GPU takes for itself."""
        return CONTEXT + int((1 + GAPS) * max(self.playing, self.learning))

    @property
    def parts(self) -> dict[str, int]:
        """What `total` is made of, at the moment when most is held."""
        held = {name: int(getattr(self, name)) for name in PARTS}
        if self.playing > self.learning:
            held |= {"gradients": 0, "activations": 0, "head": 0}
        elif self.cache > REUSABLE:
            held["cache"] = 0
        return held | {"the GPU's own": self.total - sum(held.values())}

    def fits(self, gib: float) -> bool:
        """Return whether a GPU with so many GiB (a T4 has 14.6) is large enough."""
        return self.total <= gib * GIB

    def __str__(self) -> str:
        return text_table(self._rows())

    def _repr_html_(self) -> str:
        return html_table(self._rows())

    def _rows(self) -> list[tuple[str, str]]:
        trained = f"{self.trained / 1e6:,.1f} of {self.parameters / 1e6:,.1f} million"
        return [
            ("trained weights", trained),
            *((part, in_gib(getattr(self, part))) for part in PARTS),
            ("while playing", in_gib(self.playing)),
            ("while learning", in_gib(self.learning)),
            ("with what a GPU takes for itself", in_gib(self.total)),
        ]


def in_gib(size: float) -> str:
    """Return bytes for people.

    >>> in_gib(3 * 2**29), in_gib(5 * 2**20)
    ('1.50 GiB', '0.00 GiB')
    """
    return f"{size / GIB:,.2f} GiB"


def plan_memory(
    model: str | Path | PretrainedConfig,
    *,
    rows: int,
    tokens: int | Sequence[int],
    live: int,
    precision: str,
    history: int | None = None,
    lora: Any = None,
    quantize: bool = False,
    gradient_checkpointing: bool = False,
) -> MemoryPlan:
    """Count what training a model will need on one GPU.

    The count is for episodes that all have full length, for PyTorch's AdamW, and
    without a copy of the start (`beta > 0` without adapters adds the weights again) or
    a critic of its own.

    With a `history`, each context of an episode is a row of the update. They overlap,
    so that activations grow up to twofold, and more if the first turn is long, for it
    is in all rows (`context_lengths`). The cache holds the longest context alone.

    Args:
        model: `pocket`, a name of `SHAPES`, a folder, a hub id, or a configuration.
        rows: Episodes of one backward pass (`per_device_train_batch_size`).
        tokens: Of a whole episode, the words of the world among them; or of each of its
            turns, which a `history` needs.
        live: Episodes that are played at the same time.
        precision: `bf16`, `fp16` or `fp32`.
        history: As for `load_policy`: most turns that the model sees.
        lora: As for `load_policy`: `True` or a `peft.LoraConfig` trains adapters.
        quantize: The frozen weights are held in 4 bits.
        gradient_checkpointing: Keep only what enters each layer and compute the rest
            again.

    Raises:
        ConfigError: If an argument is out of range, or turns miss for a history.
        ModelError: If the shape of the model cannot be had.
    """
    turns = [tokens] if isinstance(tokens, int) else tokens
    _check_sizes(rows=rows, tokens=min(turns, default=0), live=live)
    _check_choices(precision, lora, quantize)
    _check_history(history, tokens)
    contexts = context_lengths(turns, history)
    config = _config_of(model)
    number = Precision(name=precision, reason="")  # type: ignore[arg-type]
    how = _Run(config, number, lora, quantize, contexts * rows)
    whole = how.build(config.num_hidden_layers)
    trained = sum(p.numel() for p in whole.parameters() if p.requires_grad)
    width = number.compute_dtype.itemsize
    return MemoryPlan(
        parameters=sum(p.numel() for p in whole.parameters()),
        trained=trained,
        weights=_weights(whole, quantize),
        gradients=4 * trained,
        optimizer=8 * trained,
        activations=how.activations(whole, gradient_checkpointing),
        head=_head(whole, rows * sum(contexts), width),
        cache=_cache(config, live * max(contexts), width),
    )


@dataclass(frozen=True)
class _Run:
    """One forward pass over tensors that have sizes and no contents."""

    config: PretrainedConfig
    precision: Precision
    lora: Any
    quantize: bool
    lengths: list[int]

    def build(self, layers: int) -> nn.Module:
        """Return the model with so many layers, without contents."""
        config = type(self.config).from_dict(
            {**self.config.to_dict(), "num_hidden_layers": layers, "layer_types": None}
        )
        held = self.precision.compute_dtype if self.lora else torch.float32
        with torch.device("meta"):
            model: nn.Module = AutoModelForCausalLM.from_config(config, dtype=held)
            if self.lora:
                model = with_lora(model, self.lora, quantize=False)
            if self.quantize:  # PEFT holds in fp32 what is not in 4 bits
                small = {id(weight) for weight in _in_four_bits(model)}
                for weight in model.parameters():
                    weight.data = weight.data if id(weight) in small else weight.float()
        return model.train()

    def activations(self, whole: nn.Module, checkpointing: bool) -> int:
        """Return the bytes that the trunk keeps for the backward pass."""
        one, entering = self.kept(1)
        layer = self.kept(2)[0] - one
        layers = int(self.config.num_hidden_layers)
        if not checkpointing:
            return one + (layers - 1) * layer
        # Besides the layer that is computed again there are, at the end of the forward
        # pass, the copies that autocast has made of weights.
        return one + layers * entering + self._copies(whole)

    def kept(self, layers: int) -> tuple[int, int]:
        """Return the bytes kept by so many layers, and those that enter each."""
        from torch._subclasses.fake_tensor import FakeTensorMode

        model = self.build(layers)
        with FakeTensorMode():
            _materialise(model)
            return count_kept(model, self.lengths, self.precision)

    def _copies(self, whole: nn.Module) -> int:
        if self.precision.name == "fp32":
            return 0
        linear = (m for m in whole.modules() if isinstance(m, nn.Linear))
        cast = (m.weight for m in linear if m.weight.dtype == torch.float32)
        return 2 * sum(weight.numel() for weight in cast if weight.requires_grad)


def count_kept(
    model: nn.Module, lengths: list[int], precision: Precision
) -> tuple[int, int]:
    """Run the trunk of a model, and count what it keeps for the backward pass.

    Args:
        model: A causal language model, with adapters or without, on the CPU.
        lengths: Tokens of each row.
        precision: Of the arithmetic.

    Returns:
        Bytes of all that is kept but the weights, and bytes of what enters a layer.
    """
    unwrapped = getattr(model, "get_base_model", lambda: model)
    base: Any = unwrapped()
    own = {p.untyped_storage()._cdata for p in (*model.parameters(), *model.buffers())}
    found: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        # views share a storage, and are kept so that its id is not given twice
        found.setdefault(tensor.untyped_storage()._cdata, tensor)
        return tensor

    ids = torch.zeros(1, sum(lengths), dtype=torch.long)
    mixed = precision.name != "fp32"
    cast = torch.autocast("cpu", dtype=precision.compute_dtype) if mixed else None
    with (
        cast or nullcontext(),
        attending(base, ATTENTION),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        states = base.base_model(
            input_ids=ids, position_ids=ids, lengths=lengths, use_cache=False
        ).last_hidden_state
    kept = (t.untyped_storage().nbytes() for key, t in found.items() if key not in own)
    return sum(kept), states.untyped_storage().nbytes()


def _materialise(model: nn.Module) -> None:
    """Put tensors of the device at hand in the place of those that have none."""
    for module in model.modules():
        for name, weight in module._parameters.items():
            if weight is not None:
                fresh = torch.empty(weight.shape, dtype=weight.dtype)
                module._parameters[name] = nn.Parameter(fresh, weight.requires_grad)
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


def _in_four_bits(model: nn.Module) -> list[Tensor]:
    """Return the weights that QLoRA holds in 4 bits: frozen matrices but the last."""
    return [
        module.weight
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear)
        and not (module.weight.requires_grad or name.endswith("lm_head"))
    ]


def _weights(model: nn.Module, quantize: bool) -> int:
    """Return the bytes of all weights."""
    held = sum(p.numel() * p.dtype.itemsize for p in model.parameters())
    small = _in_four_bits(model) if quantize else []
    return held - sum(int(w.numel() * (w.dtype.itemsize - FOUR_BITS)) for w in small)


def _head(model: nn.Module, tokens: int, width: int) -> int:
    """Return the bytes of a tile of logits, and of the gradient that it adds to."""
    head = model.get_output_embeddings()  # type: ignore[operator]
    words = head.weight.shape[0]
    tile = min(tokens, HEAD_TILE[0]) * min(words, HEAD_TILE[1]) * width
    return int(tile + (4 * head.weight.numel() if head.weight.requires_grad else 0))


def _cache(config: PretrainedConfig, tokens: int, width: int) -> int:
    """Return the bytes of keys and values, as large as the buffers may grow."""
    size = getattr(config, "head_dim", None)
    size = size or config.hidden_size // config.num_attention_heads
    each = 2 * config.num_hidden_layers * config.num_key_value_heads * size * width
    return int(GROWTH * tokens * each)


def _config_of(model: str | Path | PretrainedConfig) -> PretrainedConfig:
    """Return the shape of a model.

    Raises:
        ModelError: If it cannot be had.
    """
    if isinstance(model, PretrainedConfig):
        return model
    if shape := SHAPES.get(str(model)):
        return AutoConfig.for_model(**shape)
    source = assets_dir() / "pocket" if model == "pocket" else model
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(str(source))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"The shape of {str(model)!r} cannot be had.",
            str(error).splitlines()[0],
            f"Without the hub: pocket, {', '.join(SHAPES)}, or a folder.",
        ) from error
    return config


def _check_sizes(**numbers: int) -> None:
    """Raise if there is nothing to count."""
    for name, value in numbers.items():
        if value < 1:
            raise ConfigError(f"{name} is {value}.", "It must be at least 1.")


def _check_choices(precision: str, lora: Any, quantize: bool) -> None:
    """Raise if nothing can be trained like this."""
    if precision not in ("bf16", "fp16", "fp32"):
        raise ConfigError(
            f"The precision is {precision!r}.", "Known are bf16, fp16 and fp32."
        )
    if quantize and not lora:
        raise ConfigError(
            "4-bit weights cannot be trained.",
            "Steps are smaller than what 4 bits can tell apart.",
            "Add lora=True, which trains adapters beside them.",
        )


def _check_history(history: int | None, tokens: int | Sequence[int]) -> None:
    """Raise if it cannot be said what is forgotten."""
    if history is not None and (isinstance(tokens, int) or history < 2):
        raise ConfigError(
            f"history is {history}, tokens is {tokens}.",
            "What a model forgets depends on how long each turn is.",
            "Give at least 2 and the tokens of each turn: tokens=[400] + [60] * 29.",
        )
