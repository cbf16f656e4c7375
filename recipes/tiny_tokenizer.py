"""The common parts of all tiny models' tokenizers."""

from __future__ import annotations

from importlib.resources import files

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = ("<pad>", "<unk>", "<bos>", "<user>", "<agent>", "<end>")
"""Each has its place here as its id."""
CONTEXT = 1024
"""Tokens that a model reads at the most."""


def with_special_tokens(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    """Return a tokenizer for transformers, with the tiny family's chat template."""
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<bos>",
        eos_token="<end>",
        additional_special_tokens=["<user>", "<agent>"],
        model_max_length=CONTEXT,
    )
    template = files("tratree.policy") / "templates" / "tiny.jinja"
    fast.chat_template = template.read_text(encoding="utf-8")
    return fast
