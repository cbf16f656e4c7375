"""Which base model and which adapter; nothing here loads one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tratree.errors import UserError

DTYPES = ("float64", "float32", "bfloat16", "float16")
"""Number types that models may be held in."""

ATTENTIONS = ("sdpa", "eager", "flash_attention_2", "flex_attention")
"""Implementations of attention, under their names in transformers."""

QUANTIZATIONS = ("none", "8bit", "4bit")
"""How a base model's linear layers may be stored; all but ``none`` need bitsandbytes."""


@dataclass(frozen=True)
class ModelSettings:
    """Which base model, and how it is held in memory.

    Attributes:
        name: Hub id, local folder, or ``package:`` and a folder inside the tratree package.
        dtype: Number type of the weights, one of `DTYPES`; of a quantised model, the one it
            computes in.
        attention: Implementation of attention, one of `ATTENTIONS`.
        gradient_checkpointing: Whether training computes the activations within a layer again
            for the gradient instead of keeping them: less memory, more time, the same result.
        quantization: How linear layers are stored, one of `QUANTIZATIONS`.
        revision: Branch, tag or commit of a Hub id; None for ``main``, and for a folder.

    Raises:
        UserError: If there is no such choice.
    """

    name: str
    dtype: str = "float32"
    attention: str = "sdpa"
    gradient_checkpointing: bool = False
    quantization: str = "none"
    revision: str | None = None

    def __post_init__(self) -> None:
        """Check the choices."""
        for key, choices in (
            ("dtype", DTYPES),
            ("attention", ATTENTIONS),
            ("quantization", QUANTIZATIONS),
        ):
            if getattr(self, key) not in choices:
                raise UserError(f"{key} is {getattr(self, key)}: use one of {', '.join(choices)}")
        if self.quantization != "none" and self.dtype == "float64":
            raise UserError(
                "a quantised model cannot compute in float64: set model.dtype and "
                "model.rollout_dtype to bfloat16 or float32"
            )


@dataclass(frozen=True)
class LoraSettings:
    """Size and place of an adapter.

    Attributes:
        rank: r of LoRA, at least 1; 64 in the paper.
        alpha: α of LoRA, above 0, the update is scaled by α / r; 128 in the paper.
        dropout: Dropout before the adapter, in [0, 1).
        target_modules: ``all-linear``, or the names of the layers.
        dora: Whether a weight's size and direction are trained apart (DoRA).
        rslora: Whether the update is scaled by α / √r instead (rsLoRA).
        modules_to_save: Names of further layers that are trained and stored whole.

    Raises:
        UserError: If a value is out of its range.
    """

    rank: int = 64
    alpha: int = 128
    dropout: float = 0.0
    target_modules: str | Sequence[str] = "all-linear"
    dora: bool = False
    rslora: bool = False
    modules_to_save: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.rank < 1:
            raise UserError(f"lora.rank is {self.rank}: set it to 1 or more")
        if self.alpha <= 0:
            raise UserError(f"lora.alpha is {self.alpha}: set it above 0")
        if not 0 <= self.dropout < 1:
            raise UserError(f"lora.dropout is {self.dropout}: set it from 0 to below 1")
        if not self.target_modules or not all(isinstance(n, str) for n in self.target_modules):
            raise UserError(
                f"lora.target_modules is {self.target_modules}: use all-linear or a list of names "
                "such as [q_proj,v_proj]"
            )
