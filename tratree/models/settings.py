"""Settings of base model, chat format and adapter; nothing here loads one."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Literal

from pydantic import Field

from tratree.settings import Count, Text, settings

Dtype = Literal["float64", "float32", "bfloat16", "float16"]
Name = Annotated[str, Field(strict=True, min_length=1)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]


@settings
class LoadSettings:
    """Storage of a base model in memory."""

    _: KW_ONLY

    dtype: Dtype = "float32"
    """Number type of the weights in fine-tunings; of a quantised model, the one it computes in."""

    attention: Literal["sdpa", "eager", "flash_attention_2", "flex_attention"] = "sdpa"
    """Implementation of attention in fine-tunings, under its name in transformers; playing uses
    sdpa, or eager where a model has no sdpa (ours: the paper names none). With sdpa, trees are
    passed by FlexAttention on a GPU that has a compiler. flash_attention_2, where installed, takes
    no tree in one pass; flex_attention uses FlexAttention for all else, too, on GPUs only."""

    gradient_checkpointing: bool = False
    """Compute the activations within a layer again for the gradient instead of keeping them: less
    memory, more time, the same result."""

    quantization: Literal["none", "8bit", "4bit"] = "none"
    """Storage of a base model's linear layers; 8bit and 4bit (QLoRA) need bitsandbytes."""

    def __post_init__(self) -> None:
        """Check what must go together."""
        if self.quantization != "none" and self.dtype == "float64":
            raise ValueError(
                "a quantised model cannot compute in float64: set model.dtype and "
                "model.rollout_dtype to bfloat16 or float32"
            )


@settings
class ModelSettings(LoadSettings):
    """A base model, and its storage in memory."""

    name: Text
    """Hub id, local folder, or ``package:`` and a folder inside the tratree package."""

    revision: Text | None = None
    """Branch, tag or commit of a Hub id."""


@settings
class ChatSettings:
    """The chat format of a base model."""

    _: KW_ONLY

    chat_template: Text | None = None
    """A template of tratree/policy/templates, or null for the tokenizer's own."""

    system_prompt: str = ""
    """The system prompt of every episode."""

    turn_form: Literal["plain", "react", "tags", "tool_call"] = "plain"
    """Form of a turn (tratree/trajectory/README.md): plain is Thought and Action, read strictly;
    react the same, read as published files are; tags: <think> and <action>; tool_call: a call in
    JSON."""


@settings
class LoraSettings:
    """Size and place of the adapter that every fine-tuning trains."""

    rank: Count = 64
    """r of LoRA (paper: 64)."""

    alpha: Count = 128
    """α of LoRA, the update is scaled by α / r (paper: 128)."""

    dropout: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.0
    """Dropout before the adapter."""

    target_modules: Name | Names = "all-linear"
    """all-linear, or the name or names of layers; the reference code has
    [q_proj,k_proj,v_proj,o_proj]."""

    dora: bool = False
    """Train size and direction of a weight apart: DoRA (paper: no)."""

    rslora: bool = False
    """Scale the update by α / √r: rsLoRA (paper: no)."""

    modules_to_save: tuple[str, ...] = ()
    """Names of further layers that are trained and stored whole (paper: none)."""
