"""A base model's architecture, as its configuration tells: whether it can be used here at all."""

from __future__ import annotations

from typing import Any

from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from tratree.errors import UserError

SPANS = (
    "max_position_embeddings",
    "sliding_window",
    "sliding_window_size",
    "attention_chunk_size",
    "attention_window_size",
    "attention_window",
    "local_attention",
    "window_size",
)
"""Keys of transformers' configurations that bound how far back a token attends."""

_REMEMBERING = ("linear", "conv", "hybrid", "mamba", "recurrent")
"""Parts of the names of layers that carry a state from token to token."""

_READ_BOTH_WAYS = (*MODEL_FOR_MASKED_LM_MAPPING_NAMES, "bert-generation", "cpmant", "xlnet")
"""Families of encoders: a token also sees those after it, unless the configuration forbids it."""

_DECODERS_OF_OTHERS = ("trocr",)
"""Families of an encoder-decoder's second half that do not say so themselves."""


def model_class(config: Any) -> type[PreTrainedModel]:
    """Return the class of the causal language model that a configuration belongs to.

    Raises:
        UserError: If transformers has none.
    """
    classes = AutoModelForCausalLM._model_mapping
    if type(config) not in classes:
        raise UserError(
            f"{config.model_type} is no causal language model of transformers: choose another model"
        )
    found: Any = classes[type(config)]
    return found if isinstance(found, type) else found[0]


def check_architecture(config: Any, attention: str) -> None:
    """Check what transformers' configuration says of a model; the rest shows when it is loaded.

    Raises:
        UserError: If the model cannot be trained and played here.
    """
    model = model_class(config)
    text = text_config(config)
    layers = {str(kind) for kind in getattr(text, "layer_types", None) or ()}
    remembering = sorted(kind for kind in layers if any(part in kind for part in _REMEMBERING))
    # A second half that is stored alone says that it is no encoder-decoder; its class says it is.
    if (
        getattr(config, "is_encoder_decoder", False)
        or getattr(type(config), "is_encoder_decoder", False)
        or config.model_type in _DECODERS_OF_OTHERS
    ):
        raise UserError(
            f"{model.__name__} is part of an encoder-decoder model: choose a decoder such as Llama"
        )
    if config.model_type in _READ_BOTH_WAYS and not getattr(config, "is_decoder", False):
        raise UserError(
            f"{model.__name__} is an encoder, in which a token sees what comes after it: choose a "
            "decoder such as Llama"
        )
    if model._is_stateful or remembering:
        raise UserError(
            f"{model.__name__} has layers that carry a state from token to token "
            f"({', '.join(remembering) or 'recurrent'}), which branches of a tree and rows of a "
            "rollout would share: choose a model with attention layers only"
        )
    quantised = getattr(config, "quantization_config", None)
    if quantised:
        kind = quantised.get("quant_method") if isinstance(quantised, dict) else None
        raise UserError(
            f"the weights of the model are stored quantised ({kind or 'in a way of their own'}): "
            "use the model they were made from, with model.quantization=4bit or 8bit"
        )
    if attention == "sdpa" and not model._supports_sdpa:
        raise UserError(f"{model.__name__} has no sdpa attention: set model.attention=eager")


def playing_attention(config: Any, attention: str) -> str:
    """Return the attention that a model plays with: rollouts bring masks, which ``sdpa`` takes.

    One that has no ``sdpa`` plays with ``eager``, if that is what it is trained with.
    """
    eager = attention == "eager" and not model_class(config)._supports_sdpa
    return "eager" if eager else "sdpa"


def text_config(config: Any) -> Any:
    """Return the part of a configuration that is about text."""
    return config.get_text_config(decoder=True)


def check_context(config: Any, context: int) -> None:
    """Check that every layer of a model attends over `context` tokens.

    Raises:
        UserError: If one doesn't.
    """
    text = text_config(config)
    spans = ((getattr(text, key, None), key) for key in SPANS)
    known = [(span, key) for span, key in spans if isinstance(span, int) and span > 0]
    span, key = min(known, default=(context, ""))
    if context > span:
        raise UserError(
            f"the context is {context}, but the model attends over {span} tokens ({key}): set "
            f"model.context to at most {span}"
        )


def check_vocabulary(config: Any, tokens: int) -> None:
    """Check that a model has an embedding for each of the `tokens` of its tokenizer.

    Raises:
        UserError: If it hasn't.
    """
    embeddings = text_config(config).vocab_size
    if tokens > embeddings:
        raise UserError(
            f"the tokenizer has {tokens} tokens, and the model embeds {embeddings}: use the "
            "tokenizer that came with the model, or resize the model's embeddings and save it"
        )
