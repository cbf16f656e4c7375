"""Everything that a fine-tuning depends on other than its data; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tratree.config import BaseModelSettings, Config
from tratree.errors import UserError
from tratree.models.names import fingerprint, hub_commit
from tratree.models.settings import LoraSettings
from tratree.modules.settings import OptimizationSettings
from tratree.modules.training_history import CHECKPOINT, METRICS
from tratree.plugins import imported_when_called
from tratree.settings import plain
from tratree.stages.environment import configured_prompt
from tratree.store.stage import Job

ADAPTER = "adapter"
"""The folder of what a fine-tuning made."""

RESUMED = (CHECKPOINT, METRICS)
"""The files that a fine-tuning resumes from."""

PREFIX_PACKS = "prefix_pack_tokens"


def on_devices(train: Callable[[Job], None]) -> partial[None]:
    """Return a stage's function that calls `train`, of a module, in one process for each device."""
    return partial(imported_when_called("tratree.stages.training:run_on_devices"), train)


def training_settings(
    config: Config, base: BaseModelSettings, optimization: OptimizationSettings
) -> dict[str, Any]:
    """Return what a fine-tuning of `base` depends on, other than its data."""
    model, trainer = config.model, config.trainer
    commit = hub_commit(base.name, base.revision)
    return {
        "base": {
            "name": base.name,
            **_revision(commit),
            "dtype": model.dtype,
            "attention": model.attention,
            "gradient_checkpointing": model.gradient_checkpointing,
            "quantization": model.quantization,
        },
        "weights": fingerprint(base.name, commit),
        "chat": chat_settings(config, base),
        "context": model.context,
        "lora": lora_settings(model.lora),
        "optimization": plain(optimization),
        "hardware": {  # another one changes the last bits of a result
            "accelerator": trainer.accelerator,
            "devices": trainer.devices,
            **({"num_nodes": trainer.num_nodes} if trainer.num_nodes > 1 else {}),
            "strategy": trainer.strategy,
            "precision": trainer.precision,
            "threads": trainer.threads,
            **({} if trainer.deterministic else {"deterministic": False}),
        },
        "seed": config.seed,
        # Before, those of such a model were rounded: other fine-tunings.
        **({"logits": "float32"} if _rounds(config) else {}),
    }


def _rounds(config: Config) -> bool:
    """Return whether a model computes with fewer digits than float32 has."""
    return config.trainer.precision != "32-true" or config.model.dtype in ("bfloat16", "float16")


def lora_settings(lora: LoraSettings | None) -> dict[str, Any] | None:
    """Return what an adapter depends on; None where all weights are trained."""
    if lora is None:
        return None
    default = plain(LoraSettings())
    later = ("dora", "rslora", "modules_to_save")  # fine-tunings from before them keep their keys
    return {n: v for n, v in plain(lora).items() if n not in later or v != default[n]}


def tree_pack_tokens(config: Config, otherwise: str) -> int:
    """Return the most tokens of a pack, of a training that passes whole trees.

    `otherwise` is the setting without which it does not, for the message.

    Raises:
        UserError: If the model's attention takes no mask.
    """
    if config.model.attention == "flash_attention_2":
        raise UserError(
            "model.attention=flash_attention_2 takes no mask, so it cannot train a tree in one "
            f"pass: use model.attention=sdpa, or {otherwise}"
        )
    return config.method.pack_tokens


def prefix_settings(config: Config) -> dict[str, int]:
    """Return how episodes to imitate are packed, which all begin with the prompt: once a pass.

    Without a prompt, and where the model's attention takes no mask, they are not.
    """
    if configured_prompt(config) is None or config.model.attention == "flash_attention_2":
        return {}
    return {PREFIX_PACKS: config.method.pack_tokens}


def chat_settings(config: Config, base: BaseModelSettings) -> dict[str, Any]:
    """Return what the chat format of a base model depends on, the texts of the prompt included.

    Raises:
        UserError: If a file of the prompt cannot be read.
    """
    prompt = configured_prompt(config)
    return {
        "tokenizer": base.name,
        **_revision(hub_commit(base.name, base.revision)),
        "template": base.chat_template,
        "system_prompt": base.system_prompt,
        **({} if base.turn_form == "plain" else {"turn_form": base.turn_form}),
        **({} if prompt is None else {"prompt": prompt.to_json()}),
    }


def _revision(commit: str | None) -> dict[str, str]:
    return {} if commit is None else {"revision": commit}
