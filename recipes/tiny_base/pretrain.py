"""Pretrain a tiny Llama-architecture model on recorded play, as a language model.

A stopped run resumes from its last checkpoint.

    python recipes/tiny_base/pretrain.py weak --rows WORK/rows --output weights/weak
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
from build_tokenizer import build

from recipes.pretraining import Recipe, new_model, pretrain

RECIPES = {
    "weak": Recipe(
        width=64,
        inner=192,
        layers=2,
        heads=4,
        kv_heads=1,
        learning_rate=4e-3,
        steps=2000,
        batch_tokens=7680,
    ),
    "strong": Recipe(
        width=128,
        inner=320,
        layers=3,
        heads=4,
        kv_heads=4,
        learning_rate=3e-3,
        steps=1800,
        batch_tokens=7680,
    ),
}

SHORT, LONG, LONG_EVERY = 320, 960, 4
"""Tokens of a row: mostly beginnings of episodes; every fourth step has longer rows."""
OBSERVATION_WEIGHT = 0.3
"""Weight of a token that the player did not write; its own have weight 1."""


def batches(rows: np.ndarray, recipe: Recipe, seed: int, first_step: int) -> Iterator[torch.Tensor]:
    """Yield the batches from `first_step` on, (rows, tokens + 1) of int64."""
    most = recipe.batch_tokens // SHORT
    for step in range(first_step, recipe.steps):
        length = LONG if step % LONG_EVERY == LONG_EVERY - 1 else SHORT
        epoch, index = divmod(step, len(rows) // most)
        order = np.random.default_rng([seed, epoch]).permutation(len(rows))
        chosen = order[index * most :][: recipe.batch_tokens // length]
        yield torch.from_numpy(rows[chosen, : length + 1].astype(np.int64))


def loss_weights(agent_id: int, user_id: int, inputs: torch.Tensor) -> torch.Tensor:
    """Return the weight of the token after each input token, shape of `inputs`."""
    agents, users = (inputs == agent_id).cumsum(1), (inputs == user_id).cumsum(1)
    return torch.where(agents == users, 1.0, OBSERVATION_WEIGHT)


def main() -> None:
    """Pretrain one of the two models and save it with its tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=RECIPES)
    parser.add_argument("--rows", type=Path, required=True, help="folder that play.py wrote")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.output.mkdir(parents=True, exist_ok=True)
    recipe, tokenizer = RECIPES[arguments.model], build()
    rows = np.concatenate([np.load(path) for path in sorted(arguments.rows.glob("*.npy"))])
    model = new_model(recipe, len(tokenizer), arguments.seed)
    pretrain(
        model,
        recipe,
        partial(batches, rows, recipe, arguments.seed),
        partial(loss_weights, *(tokenizer.vocab[name] for name in ("<agent>", "<user>"))),
        arguments.output / "checkpoint.pt",
        bfloat16=True,
    )
    model.save_pretrained(arguments.output)
    tokenizer.save_pretrained(arguments.output)
    (arguments.output / "checkpoint.pt").unlink(missing_ok=True)
    print(json.dumps({"parameters": model.num_parameters(), "rows": len(rows)}))


if __name__ == "__main__":
    main()
