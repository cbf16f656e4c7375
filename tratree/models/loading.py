"""Base models and tokenizers, from the Hub, a local folder, or the package itself."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    RepositoryNotFoundError,
)
from safetensors import safe_open
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from tratree.errors import UserError
from tratree.models.architecture import check_architecture
from tratree.models.names import check_folder, local_folder, public_name
from tratree.models.settings import ModelSettings

WEIGHTS = "model.safetensors"
_TOKENIZER_FILES = ["*.json", "*.txt", "*.model", "*.jinja"]
_CONFIG_FILES = ["*.json"]
_MODEL_FILES = ["*.json", "*.safetensors"]


def load_tokenizer(name: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a base model.

    Raises:
        UserError: If it cannot be found.
    """
    with _clear_errors(name):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            _find(name, _TOKENIZER_FILES, revision), trust_remote_code=False
        )
    return tokenizer


def load_base(settings: ModelSettings, device: torch.device | None = None) -> PreTrainedModel:
    """Load a base model in evaluation mode.

    Its `name_or_path` never names a folder of this machine, so that neither do files made of it.

    Args:
        settings: Its settings.
        device: Its place; the weights go there one by one, with no copy of all of them in the
            memory of the host. None: there (a quantised one: to the GPU of this process, if any).

    Raises:
        UserError: If it cannot be found, or its weights are not safetensors, or not whole.
    """
    config = load_config(settings.name, settings.revision)
    check_architecture(config, settings.attention)
    with _clear_errors(settings.name), _no_progress_bar():
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            _find(settings.name, _MODEL_FILES, settings.revision),
            config=config,
            dtype=getattr(torch, settings.dtype),
            attn_implementation=settings.attention,
            quantization_config=_quantization(settings),
            device_map=None if device is None else {"": device},
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        model: PreTrainedModel = loaded[0]
        missing = sorted(loaded[1]["missing_keys"])
        if missing:
            raise ValueError(f"its files lack {', '.join(missing)}")
    if settings.gradient_checkpointing:
        with no_future_warnings():
            model.gradient_checkpointing_enable({"use_reentrant": False})
    model.name_or_path = public_name(settings.name)
    return model.eval()


def load_config(name: str, revision: str | None = None) -> Any:
    """Return transformers' configuration of a base model; nothing in it chooses the code to run.

    What it says of attention and experts is left out, which could name kernels of a hub.

    Raises:
        UserError: If it cannot be found, or is damaged.
    """
    with _clear_errors(name):
        config = AutoConfig.from_pretrained(
            _find(name, _CONFIG_FILES, revision), trust_remote_code=False
        )
        config._attn_implementation = None
        config._experts_implementation = None
    return config


def check_weights(name: str, revision: str | None = None) -> None:
    """Check that the weights of a base model are there as safetensors, and whole.

    Raises:
        UserError: If they aren't.
    """
    with _clear_errors(name):
        folder = _find(name, _MODEL_FILES, revision)
        index = folder / f"{WEIGHTS}.index.json"
        if index.is_file() and not (folder / WEIGHTS).is_file():
            files = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
        else:
            files = [WEIGHTS]
        for file in files:
            if not (folder / file).is_file():
                raise FileNotFoundError(f"{file} is missing")
            with safe_open(folder / file, framework="pt"):  # reads how long it must be
                pass


def empty_model(config: Any) -> PreTrainedModel:
    """Return the model of a configuration, with the shapes of its weights and no memory for them.

    Raises:
        UserError: If no model can be built from it.
    """
    try:
        with torch.device("meta"):
            model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"its config.json makes no model ({reason}): download the model again"
        ) from error
    return model


def load_stop_ids(name: str, revision: str | None = None) -> list[int]:
    """Return the tokens that end a generation, as the model's ``generation_config.json`` has them.

    Raises:
        UserError: If the model cannot be found.
    """
    with _clear_errors(name):
        path = _find(name, _CONFIG_FILES, revision) / "generation_config.json"
        ends = json.loads(path.read_text("utf-8")).get("eos_token_id") if path.is_file() else None
        return sorted(
            {int(i) for i in (ends if isinstance(ends, list) else [ends]) if i is not None}
        )


def _quantization(settings: ModelSettings) -> BitsAndBytesConfig | None:
    if settings.quantization == "none":
        return None
    if find_spec("bitsandbytes") is None:
        raise UserError(
            f"quantization={settings.quantization} needs bitsandbytes: "
            "`pip install 'tratree[quantized]'`, or set model.quantization=none"
        )
    if settings.quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, settings.dtype),
    )


def _find(name: str, patterns: list[str], revision: str | None) -> Path:
    """Return the folder of a model, downloaded or from the Hub's cache if `name` is a Hub id."""
    folder = local_folder(name)
    if folder is None:
        kept: Any = {"allow_patterns": patterns, "ignore_patterns": ["*/*"]}
        return Path(snapshot_download(name, revision=revision, **kept))
    if patterns is not _TOKENIZER_FILES or not (folder / "tokenizer_config.json").is_file():
        check_folder(name, folder)  # an adapter has its tokenizer, and no model
    return folder


@contextmanager
def _clear_errors(name: str) -> Iterator[None]:
    try:
        yield
    except GatedRepoError as error:
        raise UserError(
            f"model {name} is gated: ask for access on its page at https://huggingface.co/{name}, "
            "then log in with `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"model {name} is neither a folder here nor a model on the Hub: check the name; a "
            "private one needs `hf auth login`"
        ) from error
    except UserError:
        raise
    except Exception as error:  # a damaged file can hold anything, and tokenizers raises just that
        reason = " ".join(str(error).split())[:200]
        download = f"download it where there is a network (`hf download {name}`), or "
        raise UserError(
            f"model {name} cannot be loaded: {'' if local_folder(name) else download}give the "
            f"folder of a model with safetensors weights ({reason})"
        ) from error


@contextmanager
def no_future_warnings() -> Iterator[None]:
    """Hide that transformers is about to rename what is used here, or by peft."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()
