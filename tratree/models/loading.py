"""Base models and tokenizers, from the Hub, a local folder, or the package itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import disable_progress_bar

from tratree.errors import UserError

disable_progress_bar()

PACKAGE_PREFIX = "package:"
"""Marks a folder inside the tratree package, such as ``package:models/tiny/weak``."""


@dataclass(frozen=True)
class ModelSettings:
    """Which base model, and how it is held in memory.

    Attributes:
        name: Hub id, local folder, or ``package:`` and a folder inside the tratree package.
        dtype: Number type of the weights, such as ``float32`` or ``bfloat16``.
        attention: Attention implementation of transformers.
    """

    name: str
    dtype: str = "float32"
    attention: str = "sdpa"


def local_folder(name: str) -> Path | None:
    """Return the folder that `name` stands for, or None for a Hub id."""
    if name.startswith(PACKAGE_PREFIX):
        return Path(str(files("tratree").joinpath(name.removeprefix(PACKAGE_PREFIX))))
    looks_like_path = name.startswith((".", "/", "~")) or Path(name).is_dir()
    return Path(name).expanduser() if looks_like_path else None


def fingerprint(name: str) -> str:
    """Return what tells a base model from another: a hash of a folder's files, or the Hub id.

    Raises:
        UserError: If `name` is a folder without a model.
    """
    folder = local_folder(name)
    if folder is None:
        return name
    _check_folder(name, folder)
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".safetensors", ".jinja"):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a base model.

    Raises:
        UserError: If it cannot be found.
    """
    with _clear_errors(name):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(_source(name))
    return tokenizer


def load_base(settings: ModelSettings) -> PreTrainedModel:
    """Load a base model in evaluation mode.

    Raises:
        UserError: If it cannot be found, or its weights are not safetensors.
    """
    with _clear_errors(settings.name):
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            _source(settings.name),
            dtype=getattr(torch, settings.dtype),
            attn_implementation=settings.attention,
            use_safetensors=True,
        )
    return model.eval()


def _source(name: str) -> str:
    folder = local_folder(name)
    if folder is not None:
        _check_folder(name, folder)
    return name if folder is None else str(folder)


def _check_folder(name: str, folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise UserError(
            f"model {name}: {folder} holds no config.json; give a Hub id, or the folder of a "
            "model with safetensors weights"
        )


@contextmanager
def _clear_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"model {name} cannot be loaded: download it first (`hf download {name}`), or give "
            f"the folder of a model with safetensors weights ({reason})"
        ) from error
