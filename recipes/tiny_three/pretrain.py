"""Pretrain a tiny Llama-architecture model on recorded play, as a language model.

A stopped run resumes from its last checkpoint.

    python recipes/tiny_three/pretrain.py webshop weak --rows WORK/rows --output FOLDER
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from build_tokenizer import build
from transformers import AutoTokenizer, LlamaForCausalLM

from recipes.pretraining import Recipe, new_model, pretrain
from recipes.tiny_tokenizer import SPECIAL_TOKENS

RECIPES = {
    "weak": Recipe(
        width=64,
        inner=192,
        layers=2,
        heads=4,
        kv_heads=1,
        learning_rate=3e-3,
        steps=800,
        batch_tokens=3840,
    ),
    "strong": Recipe(
        width=128,
        inner=320,
        layers=3,
        heads=4,
        kv_heads=4,
        learning_rate=2e-3,
        steps=800,
        batch_tokens=3840,
    ),
}

LENGTHS = (480, 480, 480, 960)
"""Tokens of a row; the steps take turns."""
OBSERVATION_WEIGHT = 0.15
"""Weight of a token that the player did not write; its own have weight 1."""
CLICK_WEIGHT = 5.0
"""Weight of what is clicked: few tokens that are hard to learn, copied from a list."""
CLICK = "click["
BOS = SPECIAL_TOKENS.index("<bos>")
EMBEDDINGS = "model.embed_tokens.weight"


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


def loss_weights(ids: Mapping[str, int], inputs: torch.Tensor) -> torch.Tensor:
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
    embeddings = model.state_dict()[EMBEDDINGS].clone()
    for token, index in vocabulary.items():
        if token in known:
            embeddings[index] = state[EMBEDDINGS][known[token]]
    for name in (EMBEDDINGS, "lm_head.weight"):
        state[name] = embeddings
    model.load_state_dict(state)


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
    ids = tokenizer.get_vocab()
    rows = np.load(arguments.rows / f"{arguments.environment}.npy")
    model = new_model(recipe, len(tokenizer), arguments.seed)
    if arguments.start is not None:
        take_over(model, ids, arguments.start)
    pretrain(
        model,
        recipe,
        partial(batches, rows, recipe, arguments.seed),
        partial(loss_weights, ids),
        arguments.output / "checkpoint.pt",
        bfloat16=False,
    )
    model.half().save_pretrained(arguments.output)
    tokenizer.save_pretrained(arguments.output)
    (arguments.output / "checkpoint.pt").unlink(missing_ok=True)
    print(json.dumps({"parameters": model.num_parameters(), "rows": len(rows)}))


if __name__ == "__main__":
    main()
