"""Tiny random models, made in milliseconds."""

import string

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from toolkit.policies.models import ModelPolicy


def char_tokenizer():
    """One token per ASCII character: decoding and encoding again changes nothing."""
    special = ["<pad>", "<eos>", "<unk>"]
    characters = [c for c in string.printable if c not in "\t\r\x0b\x0c"]
    vocabulary = {token: i for i, token in enumerate([*special, *characters])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    core.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def tiny_model(vocabulary=99, *, seed=0, hidden=32, layers=2, **config):
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
        **config,
    )
    return LlamaForCausalLM(config)


def tiny_policy(**options):
    tokenizer = char_tokenizer()
    size = {k: options.pop(k) for k in ("seed", "hidden", "layers") if k in options}
    options = {"max_action_tokens": 6, "name": "tiny"} | options
    return ModelPolicy(tiny_model(len(tokenizer), **size), tokenizer, **options)


CHATML = (
    "{% for m in messages %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def chat_tokenizer(template=CHATML):
    """`char_tokenizer` with a chat format."""
    tokenizer = char_tokenizer()
    tokenizer.add_special_tokens(
        {"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]}
    )
    tokenizer.chat_template = template
    return tokenizer
