"""Pretraining of a tiny Llama-architecture model, as the recipes of the tiny bases have in common.

The loss covers every token, observations included with a smaller weight: play has no labels. A
checkpoint is written now and then; a stopped run resumes from it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from recipes.tiny_tokenizer import CONTEXT, SPECIAL_TOKENS

WARMUP_STEPS, WEIGHT_DECAY, CLIP = 100, 0.05, 1.0
CHECKPOINT_EVERY, REPORT_EVERY = 100, 50


@dataclass(frozen=True)
class Recipe:
    """Size and schedule of one model.

    Attributes:
        width: Size of the hidden states.
        inner: Size of the feed-forward layers.
        layers: Number of layers.
        heads: Attention heads.
        kv_heads: Heads of keys and values; fewer make long episodes cheaper to play.
        learning_rate: Its peak, after the warm-up.
        steps: Optimizer steps.
        batch_tokens: Tokens of a step.
    """

    width: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    learning_rate: float
    steps: int
    batch_tokens: int


def new_model(recipe: Recipe, vocabulary_size: int, seed: int) -> LlamaForCausalLM:
    """Return an untrained model."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=recipe.width,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.kv_heads,
        max_position_embeddings=CONTEXT,
        initializer_range=0.05,
        tie_word_embeddings=True,
        pad_token_id=SPECIAL_TOKENS.index("<pad>"),
        bos_token_id=SPECIAL_TOKENS.index("<bos>"),
        eos_token_id=SPECIAL_TOKENS.index("<end>"),
    )
    return LlamaForCausalLM(config)


def rate(step: int, recipe: Recipe) -> float:
    """Return the learning rate: a linear warm-up, then a cosine down to zero."""
    if step < WARMUP_STEPS:
        return recipe.learning_rate * (step + 1) / WARMUP_STEPS
    progress = (step - WARMUP_STEPS) / (recipe.steps - WARMUP_STEPS)
    return recipe.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def optimizer_of(model: LlamaForCausalLM) -> torch.optim.AdamW:
    """Return AdamW that decays matrices, not the weights of norms."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [
        {"params": matrices, "weight_decay": WEIGHT_DECAY},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95))


def pretrain(
    model: LlamaForCausalLM,
    recipe: Recipe,
    batches: Callable[[int], Iterator[torch.Tensor]],
    loss_weights: Callable[[torch.Tensor], torch.Tensor],
    checkpoint: Path,
    bfloat16: bool,
) -> None:
    """Train a model in place, from the last checkpoint or from the start.

    Args:
        model: Model that is trained.
        recipe: Its schedule.
        batches: From a step, the batches from there on, (rows, tokens + 1) of int64.
        loss_weights: From input tokens, the weight of the token after each, in the same shape; the
            player's own tokens weigh at least 1, others less.
        checkpoint: File to resume from, written every `CHECKPOINT_EVERY` steps.
        bfloat16: Whether the forward pass is in bfloat16, for a processor that has a unit for it.
    """
    optimizer, first_step = optimizer_of(model), 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first_step = state["step"]
    started, tokens = time.monotonic(), 0
    for step, batch in enumerate(batches(first_step), first_step):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, recipe)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = model(input_ids=batch[:, :-1], use_cache=False).logits
        losses = cross_entropy(logits.float().transpose(1, 2), batch[:, 1:], reduction="none")
        weights = loss_weights(batch[:, :-1])
        loss = (losses * weights).sum() / weights.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad()
        tokens += batch[:, 1:].numel()
        if (step + 1) % REPORT_EVERY == 0:
            speed = tokens / (time.monotonic() - started)
            own = losses[weights >= 1].mean().item()
            print(f"step {step + 1} loss {loss:.4f} own {own:.4f} tokens/s {speed:.0f}", flush=True)
        if (step + 1) % CHECKPOINT_EVERY == 0:
            state = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step + 1,
            }
            draft = checkpoint.with_suffix(".draft")
            torch.save(state, draft)
            draft.rename(checkpoint)
