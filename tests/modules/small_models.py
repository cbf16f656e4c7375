"""A small Llama with an adapter, and samples for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM

from tratree.data.pairs import EncodedPair
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings
from tratree.modules.log_probabilities import cut_to_score, score_part
from tratree.modules.settings import TrainingSettings
from tratree.policy.encoding import EncodedTrajectory

VOCABULARY = 50
SETTINGS = TrainingSettings(
    learning_rate=5e-3, epochs=2, batch_size=4, warmup_share=0.1, checkpoint_every_steps=3
)


def small_base(seed: int = 0) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
    )
    return LlamaForCausalLM(config).eval()


def small_model(seed: int = 0, **changes: Any) -> PeftModel:
    return add_lora(small_base(seed), LoraSettings(**{"rank": 4, "alpha": 8, **changes}), seed)


def episode(seed: int, length: int = 12) -> EncodedTrajectory:
    """Return random tokens of which about a third are the agent's."""
    random = np.random.default_rng(seed)
    mask = random.random(length) < 0.35
    mask[0], mask[-1] = False, True
    tokens = random.integers(0, VOCABULARY, length)
    return EncodedTrajectory(tuple(tokens.tolist()), tuple(mask.tolist()), ())


def episodes(count: int) -> list[EncodedTrajectory]:
    return [episode(seed, length=8 + seed % 9) for seed in range(count)]


def random_tree(seed: int, pairs: int = 5) -> list[EncodedPair]:
    """Return pairs of trajectories that diverge somewhere, their prefix never trained."""
    draw = np.random.default_rng(seed)

    def turns(count: int) -> list[tuple[list[int], bool]]:
        return [
            (draw.integers(0, VOCABULARY, draw.integers(1, 6)).tolist(), bool(turn % 2 == 0))
            for turn in range(2 * count - 1)
        ]

    trunk = [(draw.integers(0, VOCABULARY, 9).tolist(), False), *turns(4)]
    found = []
    for _ in range(pairs):
        cut = 2 * int(draw.integers(0, 3)) + 1
        sides = []
        for _ in range(2):
            own = turns(int(draw.integers(1, 4)))
            whole = [(ids, False) for ids, _ in trunk[:cut]] + own
            sides.append(
                EncodedTrajectory(
                    tuple(i for ids, _ in whole for i in ids),
                    tuple(agent for ids, agent in whole for _ in ids),
                    (),
                )
            )
        reference = tuple(draw.normal(-20, 3, 2).tolist())
        found.append(EncodedPair(sides[0], sides[1], reference, tree="a tree"))
        if draw.random() < 0.3:  # the same continuation in another pair
            found.append(EncodedPair(sides[0], found[0].rejected, reference, tree="a tree"))
    return found


def score_sequences(
    model: Any,
    samples: Sequence[EncodedTrajectory],
    *,
    pack_tokens: int | None,
    tokens: int = 16384,
) -> list[float]:
    """Return log π of the trained tokens of each sample, part by part as a reference does."""
    scores = [0.0] * len(samples)
    for part in cut_to_score(samples, pack_tokens, tokens):
        found = score_part(model, pack_tokens, [samples[index] for index in part])
        for index, score in zip(part, found, strict=True):
            scores[index] = score
    return scores
