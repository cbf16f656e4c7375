"""The machine that is checked, the model that it is checked with, and what a check returns."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from tests.policy.small_tokenizers import LINES, word_level
from tratree.data.pairs import EncodedPair
from tratree.models.loading import load_base
from tratree.models.settings import ModelSettings
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import EncodedTrajectory
from tratree.policy.gpus import visible_gpus

SHAPES = {
    "tiny": {
        "vocab_size": 512,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    },
    # 1.0 billion weights, and the size of the vocabulary of Qwen2.5 and Qwen3
    "full": {
        "vocab_size": 151936,
        "hidden_size": 2048,
        "num_hidden_layers": 16,
        "num_attention_heads": 16,
    },
}


@dataclass(frozen=True)
class Row:
    """A line of the page.

    Attributes:
        check: The subject of the check.
        found: The measured value, or the reason why there is none.
        wanted: The value that it must have; empty if nothing is asked of it.
        right: Whether it is; None if nothing was measured.
    """

    check: str
    found: str
    wanted: str = ""
    right: bool | None = True


Check = Callable[[], Iterable[Row]]
"""Yields rows; one that fails is a row, and the others are made all the same."""


def unmeasured(check: str, why: str = "needs a GPU") -> Row:
    """Return the line of what cannot be measured here."""
    return Row(check, why, right=None)


@dataclass(frozen=True)
class Place:
    """A machine, and how large a model it is checked with.

    Attributes:
        device: cuda or cpu.
        size: Of `SHAPES`.
        folder: A folder for models, stores and adapters, of all groups.
    """

    device: str
    size: str
    folder: Path

    @property
    def gpus(self) -> int:
        """Number of GPUs that are used."""
        return torch.cuda.device_count() if self.device == "cuda" else 0

    @property
    def accelerator(self) -> str:
        """Name of the device among the trainer's settings."""
        return "gpu" if self.gpus else "cpu"

    @cached_property
    def base(self) -> ModelSettings:
        """The model, in bfloat16, made on first use."""
        folder = self.folder / "model"
        if not folder.exists():
            shape = SHAPES[self.size]
            torch.manual_seed(0)
            config = Qwen3Config(
                **shape,
                intermediate_size=shape["hidden_size"] * 8 // 3 // 64 * 64,
                head_dim=shape["hidden_size"] // shape["num_attention_heads"],
                num_key_value_heads=2,
                max_position_embeddings=8192,
                tie_word_embeddings=True,
            )
            with torch.device(self.device):
                model = Qwen3ForCausalLM(config)
            with torch.no_grad():
                model.get_input_embeddings().weight.mul_(4)  # logits as large as a trained model's
            model = model.to(torch.bfloat16).cpu()  # nothing of it stays on a GPU
            model.save_pretrained(folder)
            word_level(LINES).save_pretrained(folder)
        return ModelSettings(str(folder), dtype="bfloat16")

    def load(self, dtype: str) -> PreTrainedModel:
        """Return the model in a number type, on the device."""
        return load_base(replace(self.base, dtype=dtype), torch.device(self.device))

    def chat(self) -> ChatFormat:
        """Return a chat format of the model's tokenizer."""
        return ChatFormat(word_level(LINES), "tiny")

    def tree(self, seed: int, pairs: int = 4) -> list[EncodedPair]:
        """Return pairs of one tree: sides that leave a common trunk in its last half."""
        draw = np.random.default_rng(seed)
        turn = 3 if self.size == "tiny" else 40
        vocabulary = SHAPES[self.size]["vocab_size"]

        def turns(count: int) -> list[tuple[list[int], bool]]:
            lengths = draw.integers(turn // 2 + 1, 2 * turn, count)
            return [
                (draw.integers(3, vocabulary, length).tolist(), number % 2 == 0)
                for number, length in enumerate(lengths)
            ]

        trunk = [(draw.integers(3, vocabulary, 3 * turn).tolist(), False), *turns(8)]
        found = []
        for _ in range(pairs):
            cut = 2 * int(draw.integers(2, 5)) - 1
            shared = [(ids, False) for ids, _ in trunk[:cut]]
            sides = [_joined([*shared, *turns(int(draw.integers(1, 5)))]) for _ in range(2)]
            found.append(EncodedPair(sides[0], sides[1], (-300.0, -300.0), tree=f"tree {seed}"))
        return found

    def episodes(self, count: int) -> list[EncodedTrajectory]:
        """Return sequences to imitate, all of different trees."""
        return [self.tree(100 + seed, pairs=1)[0].chosen for seed in range(count)]


def _joined(turns: Sequence[tuple[list[int], bool]]) -> EncodedTrajectory:
    return EncodedTrajectory(
        tuple(i for ids, _ in turns for i in ids),
        tuple(own for ids, own in turns for _ in ids),
        (),
    )


def ask_driver(what: str) -> list[str]:
    """Return what ``nvidia-smi`` says of each GPU that may be used; no CUDA starts here.

    Raises:
        LookupError: If it says nothing of them, as of parts of a GPU (MIG).
    """
    uuids = [gpu.uuid for gpu in visible_gpus().values()]
    if not uuids:
        raise LookupError("nvidia-smi shows none of the GPUs that may be used")
    query = ["nvidia-smi", f"--query-gpu=uuid,{what}", "--format=csv,noheader,nounits"]
    told = subprocess.check_output(query, text=True).splitlines()
    by_uuid = dict(line.split(", ", 1) for line in told)
    return [by_uuid[uuid] for uuid in uuids]


def synchronize(place: Place) -> None:
    """Wait for what a GPU has been told to do."""
    if place.gpus:
        torch.cuda.synchronize()
