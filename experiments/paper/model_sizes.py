"""Parameters and memory of the paper's two models, counted without their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

import torch
from transformers import AutoModelForCausalLM, LlamaConfig

from tratree.composition import compose_config
from tratree.config import Config
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings
from tratree.policy.machine_settings import EngineSettings, episode_bytes

Role = Literal["weak", "strong"]
VOCABULARY = 32_000
# Llama-2 7B and 13B, by the models' config.json: hidden size, intermediate size, layers, heads.
SHAPES: Mapping[Role, tuple[int, int, int, int]] = MappingProxyType(
    {"weak": (4096, 11_008, 32, 32), "strong": (5120, 13_824, 40, 40)}
)
# Assumptions on a training pass. A trained weight: float32 with its gradient and AdamW's two
# means. A logit: bfloat16 and float32, their gradients, and the float32 log-softmax.
ADAPTER_BYTES, LOGIT_BYTES = 16, 16


@dataclass(frozen=True)
class Model:
    """A model's size, and the memory and time it takes in `setting=paper`.

    Attributes:
        parameters: Of the base model.
        adapter: Trained weights.
        cache: Bytes of the keys and values of an episode as long as the context.
        episodes: Number of them that are played at a time.
    """

    parameters: int
    adapter: int
    cache: int
    episodes: int


@cache
def paper_setting() -> Config:
    """Return `setting=paper`."""
    return compose_config(["setting=paper", "env.prompt.required=false"])


@cache
def model(role: Role) -> Model:
    """Build a model on PyTorch's meta device, where weights take no memory, and count."""
    config = paper_setting()
    hidden, intermediate, layers, heads = SHAPES[role]
    shape = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        tie_word_embeddings=False,
    )
    with torch.device("meta"):
        base = AutoModelForCausalLM.from_config(shape, dtype=torch.bfloat16)
        parameters = base.num_parameters()
        each = episode_bytes(base, config.model.context)
        engine = EngineSettings(config.rollout.batch_size, config.rollout.cache_gib)
        episodes = engine.episodes(base, config.model.context)
        adapted = add_lora(base, config.model.lora or LoraSettings(), seed=0)
    adapter = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    return Model(parameters, adapter, each, episodes)


def training_memory(role: Role, tokens: int) -> dict[str, int]:
    """Return the bytes of a training pass over `tokens` tokens, by what takes them.

    Activations are computed again layer by layer (``model.gradient_checkpointing``), so that
    only the inputs of the layers are kept, and one layer's activations with their gradients.
    Logits: at most those of all tokens.
    """
    hidden, intermediate, layers, _ = SHAPES[role]
    return {
        "base model, bfloat16": 2 * model(role).parameters,
        "adapter and optimizer": ADAPTER_BYTES * model(role).adapter,
        "inputs of the layers": 2 * tokens * layers * hidden,
        "one layer": 2 * 2 * tokens * (8 * hidden + 4 * intermediate),
        "logits": LOGIT_BYTES * tokens * VOCABULARY,
    }


def playing_memory(role: Role) -> dict[str, int]:
    """Return the bytes of a rollout, by what takes them; the adapter is merged."""
    size = model(role)
    return {
        "base model, bfloat16": 2 * size.parameters,
        "keys and values": size.episodes * size.cache,
    }
