"""Loading what a person names as a model: a folder, a Hub id, or a LoRA adapter."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from huggingface_hub import snapshot_download
from transformers import PreTrainedModel
from transformers.utils import cached_file

from tratree.errors import UserError
from tratree.models.loading import check_weights, load_config, load_stop_ids, load_tokenizer
from tratree.models.lora import load_policy_model
from tratree.models.names import check_model, local_folder
from tratree.models.settings import ModelSettings
from tratree.policy.chat import ChatFormat
from tratree.policy.prompt import Prompt

_ADAPTER = "adapter_config.json"
_ADAPTER_FILES = ["adapter_*", "*.json", "*.jinja", "*.txt", "*.model"]
"""An adapter and its tokenizer; not a base model that is stored beside it."""


def load_named(
    name: str,
    base: str | None,
    template: str | None,
    system_prompt: str,
    dtype: str,
    turn_form: str = "plain",
    prompt: Prompt | None = None,
) -> tuple[PreTrainedModel, ChatFormat]:
    """Return a model, ready to play, and its chat format.

    Args:
        name: A folder or Hub id of a model, or of an adapter in peft's format.
        base: The base model of an adapter; None takes what the adapter names.
        template: A packaged chat template; None takes the tokenizer's own.
        system_prompt: Text before the first turn, if not empty.
        dtype: Number type of the weights.
        turn_form: One of `TURN_FORMS`.
        prompt: The messages before every task; None without one.

    Raises:
        UserError: If something cannot be found or loaded.
    """
    adapter = _adapter_folder(name)
    whole = base or _base_of(adapter) if adapter is not None else name
    own = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else None
    model = load_policy_model(ModelSettings(whole, dtype), adapter, getattr(torch, dtype), own)
    has_tokenizer = adapter is not None and (adapter / "tokenizer_config.json").is_file()
    named = adapter if has_tokenizer else whole
    stop_ids = load_stop_ids(whole)
    chat = ChatFormat(
        load_tokenizer(str(named)), template, system_prompt, stop_ids, turn_form, prompt
    )
    return model, chat


def check_named(name: str, base: str | None) -> None:
    """Check that what `load_named` would read is there, or to be had from the Hub.

    Raises:
        UserError: If one does not.
    """
    folder = local_folder(name)
    if folder is not None and (folder / _ADAPTER).is_file():
        name = base or _base_of(folder)
    check_model(name)
    if folder is not None:
        load_config(name)
        check_weights(name)


def _adapter_folder(name: str) -> Path | None:
    """Return the folder with a named adapter, of the Hub's cache if need be; None for a model."""
    folder = local_folder(name)
    if folder is not None:
        return folder if (folder / _ADAPTER).is_file() else None
    try:
        cached_file(name, _ADAPTER)
        return Path(snapshot_download(name, allow_patterns=_ADAPTER_FILES))
    except (OSError, ValueError):  # no adapter, or out of reach: loading it as a model says which
        return None


def _base_of(adapter: Path) -> str:
    try:
        base = json.loads((adapter / _ADAPTER).read_text("utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        base = None
    if not isinstance(base, str) or not base:
        raise UserError(f"{adapter} does not say which base model it is of: set --base NAME")
    return base
