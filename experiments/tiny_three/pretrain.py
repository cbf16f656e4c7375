"""Pretrain a tiny Llama-architecture model on recorded play, as a language model.

The loss covers every token, observations included with a smaller weight: play has no labels. A
checkpoint is written now and then; a stopped run goes on from it.

    python experiments/tiny_three/pretrain.py webshop weak --rows WORK/rows --output FOLDER
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from build_tokenizer import CONTEXT, build
from torch.nn.functional import cross_entropy
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase


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
    batch_tokens: int = 3840


RECIPES = {
    "weak": Recipe(
        width=64, inner=192, layers=2, heads=4, kv_heads=1, learning_rate=3e-3, steps=800
    ),
    "strong": Recipe(
        width=128, inner=320, layers=3, heads=4, kv_heads=4, learning_rate=2e-3, steps=800
    ),
}

LENGTHS = (480, 480, 480, 960)
"""Tokens of a row; the steps take turns."""
OBSERVATION_WEIGHT = 0.15
"""Weight of a token that the player did not write; its own have weight 1."""
CLICK_WEIGHT = 5.0
"""Weight of what is clicked: few tokens that are hard to learn, copied from a list."""
CLICK = "click["
WARMUP_STEPS, WEIGHT_DECAY, CLIP = 100, 0.05, 1.0
CHECKPOINT_EVERY, REPORT_EVERY = 100, 50
BOS = 2


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
        pad_token_id=0,
        bos_token_id=BOS,
        eos_token_id=5,
    )
    return LlamaForCausalLM(config)


def batches(rows: np.ndarray, recipe: Recipe, seed: int, first_step: int) -> Iterator[torch.Tensor]:
    """Yield the batches from `first_step` on, (rows, tokens + 1) of int64.

    A row of a batch begins where an episode begins.
    """
    for step in range(first_step, recipe.steps):
        rng = np.random.default_rng([seed, step])
        length = LENGTHS[step % len(LENGTHS)]
        batch = []
        for row in rows[rng.integers(len(rows), size=recipe.batch_tokens // length)]:
            starts = np.flatnonzero(row[: len(row) - length] == BOS)
            start = rng.choice(starts)
            batch.append(row[start : start + length + 1])
        yield torch.from_numpy(np.stack(batch).astype(np.int64))


def rate(step: int, recipe: Recipe) -> float:
    """Return the learning rate: a linear warm-up, then a cosine down to zero."""
    if step < WARMUP_STEPS:
        return recipe.learning_rate * (step + 1) / WARMUP_STEPS
    progress = (step - WARMUP_STEPS) / (recipe.steps - WARMUP_STEPS)
    return recipe.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def loss_weights(inputs: torch.Tensor, ids: Mapping[str, int]) -> torch.Tensor:
    """Return the weight of the token after each input token, shape of `inputs`."""
    places = torch.arange(inputs.shape[1]).expand_as(inputs)

    def latest(mark: str) -> torch.Tensor:
        return torch.where(inputs == ids[mark], places, -1).cummax(1).values

    agent = latest("<agent>")
    own = agent > latest("<user>")
    weights = torch.where(own, 1.0, OBSERVATION_WEIGHT)
    if CLICK not in ids:
        return weights
    clicked = own & (latest(CLICK) > torch.maximum(agent, latest("]")))
    return torch.where(clicked, CLICK_WEIGHT, weights)


def take_over(model: LlamaForCausalLM, vocabulary: dict[str, int], start: Path) -> None:
    """Take over the weights of an earlier model of the same shape, embeddings by token."""
    earlier = LlamaForCausalLM.from_pretrained(start)
    known = AutoTokenizer.from_pretrained(start).get_vocab()
    state = earlier.state_dict()
    embeddings = model.get_input_embeddings().weight.detach().clone()
    for token, index in vocabulary.items():
        if token in known:
            embeddings[index] = earlier.get_input_embeddings().weight[known[token]].detach()
    for name in ("model.embed_tokens.weight", "lm_head.weight"):
        state[name] = embeddings
    model.load_state_dict(state)


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
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerBase,
    rows: np.ndarray,
    output: Path,
    seed: int,
    start: Path | None,
) -> LlamaForCausalLM:
    """Train from the last checkpoint, or from the start; return the trained model."""
    ids = tokenizer.get_vocab()
    model = new_model(recipe, len(tokenizer), seed)
    if start is not None:
        take_over(model, ids, start)
    optimizer = optimizer_of(model)
    checkpoint, first_step = output / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first_step = state["step"]
    started, tokens = time.monotonic(), 0
    for step, batch in enumerate(batches(rows, recipe, seed, first_step), first_step):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, recipe)
        logits = model(input_ids=batch[:, :-1], use_cache=False).logits.flatten(0, 1)
        losses = cross_entropy(logits, batch[:, 1:].flatten(), reduction="none")
        weights = loss_weights(batch[:, :-1], ids).flatten()
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
    return model


def main() -> None:
    """Pretrain one of the two models and save it with its tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("environment", choices=("scienceworld", "webshop"))
    parser.add_argument("model", choices=RECIPES)
    parser.add_argument("--rows", type=Path, required=True, help="folder that encode.py wrote")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="folder of an earlier model of the same shape")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.output.mkdir(parents=True, exist_ok=True)
    recipe, tokenizer = RECIPES[arguments.model], build(arguments.environment)
    rows = np.load(arguments.rows / f"{arguments.environment}.npy")
    model = pretrain(recipe, tokenizer, rows, arguments.output, arguments.seed, arguments.start)
    model.half().save_pretrained(arguments.output)
    tokenizer.save_pretrained(arguments.output)
    (arguments.output / "checkpoint.pt").unlink(missing_ok=True)
    print(json.dumps({"parameters": model.num_parameters(), "rows": len(rows)}))


if __name__ == "__main__":
    main()
