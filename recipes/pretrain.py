"""Pretrain a tiny Llama-architecture model on recorded play, as a language model.

A stopped run resumes from its last checkpoint.

    python recipes/pretrain.py webshop weak --rows WORK/rows --output FOLDER
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from recipes.pretraining import Recipe, new_model, pretrain
from recipes.tiny_base import build_tokenizer as of_alfworld
from recipes.tiny_three import build_tokenizer as of_others
from recipes.tiny_tokenizer import SPECIAL_TOKENS

SHORT, LONG, LONG_EVERY = 320, 960, 4
"""Tokens of a row in ALFWorld: mostly beginnings of episodes; every fourth step has longer rows."""
LENGTHS = (480, 480, 480, 960)
"""Tokens of a row in the others; the steps take turns."""
CLICK = "click["
BOS = SPECIAL_TOKENS.index("<bos>")
EMBEDDINGS = "model.embed_tokens.weight"

Batches = Callable[[np.ndarray, Recipe, int, int], Iterator[torch.Tensor]]


@dataclass(frozen=True)
class LossWeights:
    """Weights of tokens in the loss; those that the player wrote have 1.

    Attributes:
        observation: Weight of those that it did not write.
        front: Weight of those before the first turn.
        click: Weight of what is clicked: few tokens that are hard to learn, copied from a list.
    """

    observation: float
    front: float
    click: float = 1.0

    def __call__(self, ids: Mapping[str, int], inputs: torch.Tensor) -> torch.Tensor:
        """Return the weight of the token after each input token, shape of `inputs`."""
        places = torch.arange(inputs.shape[1]).expand_as(inputs)

        def latest(mark: str) -> torch.Tensor:
            return torch.where(inputs == ids[mark], places, -1).cummax(1).values

        agent, user = latest("<agent>"), latest("<user>")
        own = agent > user
        weights = torch.where(own, 1.0, self.observation)
        weights = torch.where((agent < 0) & (user < 0), self.front, weights)
        if CLICK not in ids:
            return weights
        clicked = own & (latest(CLICK) > torch.maximum(agent, latest("]")))
        return torch.where(clicked, self.click, weights)


def beginnings(rows: np.ndarray, recipe: Recipe, seed: int, first: int) -> Iterator[torch.Tensor]:
    """Yield the batches from step `first` on, (rows, tokens + 1) of int64: rows from their start.

    Each row is of one episode, and is seen once in each pass over all.
    """
    most = recipe.batch_tokens // SHORT
    for step in range(first, recipe.steps):
        length = LONG if step % LONG_EVERY == LONG_EVERY - 1 else SHORT
        epoch, index = divmod(step, len(rows) // most)
        order = np.random.default_rng([seed, epoch]).permutation(len(rows))
        chosen = order[index * most :][: recipe.batch_tokens // length]
        yield torch.from_numpy(rows[chosen, : length + 1].astype(np.int64))


def anywhere(rows: np.ndarray, recipe: Recipe, seed: int, first: int) -> Iterator[torch.Tensor]:
    """Yield the batches from step `first` on, (rows, tokens + 1) of int64.

    Rows are drawn, and a row of a batch begins where any episode begins.
    """
    for step in range(first, recipe.steps):
        rng = np.random.default_rng([seed, step])
        length = LENGTHS[step % len(LENGTHS)]
        batch = []
        for row in rows[rng.integers(len(rows), size=recipe.batch_tokens // length)]:
            starts = np.flatnonzero(row[: len(row) - length] == BOS)
            start = rng.choice(starts)
            batch.append(row[start : start + length + 1])
        yield torch.from_numpy(np.stack(batch).astype(np.int64))


@dataclass(frozen=True)
class Pretraining:
    """The pretraining of an environment's two models.

    Attributes:
        rates: Highest learning rate of each model.
        steps: Steps of each model.
        batch_tokens: Tokens of a step.
        batches: Order of the rows.
        weights: Weights of tokens in the loss.
        tokenizer: Function that builds the tokenizer.
        rows: Names of the files of rows.
        bfloat16: Whether the forward pass is in bfloat16.
        half: Whether the weights are stored in float16.
    """

    rates: Mapping[str, float]
    steps: Mapping[str, int]
    batch_tokens: int
    batches: Batches
    weights: LossWeights
    tokenizer: Callable[[], PreTrainedTokenizerFast]
    rows: str
    bfloat16: bool
    half: bool

    def recipe(self, model: str) -> Recipe:
        """Return size and schedule of the ``weak`` or the ``strong`` model."""
        schedule = (self.rates[model], self.steps[model], self.batch_tokens)
        if model == "weak":
            return Recipe(64, 192, 2, 4, 1, *schedule)
        return Recipe(128, 320, 3, 4, 4, *schedule)


def _of_two(environment: str) -> Pretraining:
    return Pretraining(
        rates={"weak": 3e-3, "strong": 2e-3},
        steps={"weak": 800, "strong": 800},
        batch_tokens=3840,
        batches=anywhere,
        weights=LossWeights(observation=0.15, front=0.15, click=5.0),
        tokenizer=partial(of_others.build, environment),
        rows=f"{environment}.npy",
        bfloat16=False,
        half=True,
    )


PRETRAININGS = {
    "alfworld": Pretraining(
        rates={"weak": 4e-3, "strong": 3e-3},
        steps={"weak": 2000, "strong": 1800},
        batch_tokens=7680,
        batches=beginnings,
        weights=LossWeights(observation=0.3, front=1.0),
        tokenizer=of_alfworld.build,
        rows="*.npy",
        bfloat16=True,
        half=False,
    ),
    "scienceworld": _of_two("scienceworld"),
    "webshop": _of_two("webshop"),
}


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
    """Pretrain one of an environment's two models and save it with its tokenizer."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("environment", choices=PRETRAININGS)
    parser.add_argument("model", choices=("weak", "strong"))
    parser.add_argument("--rows", type=Path, required=True, help="folder of recorded rows")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="folder of an earlier model of the same shape")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.output.mkdir(parents=True, exist_ok=True)
    chosen = PRETRAININGS[arguments.environment]
    recipe, tokenizer = chosen.recipe(arguments.model), chosen.tokenizer()
    ids = tokenizer.get_vocab()
    rows = np.concatenate([np.load(path) for path in sorted(arguments.rows.glob(chosen.rows))])
    model = new_model(recipe, len(tokenizer), arguments.seed)
    if arguments.start is not None:
        take_over(model, ids, arguments.start)
    pretrain(
        model,
        recipe,
        partial(chosen.batches, rows, recipe, arguments.seed),
        partial(chosen.weights, ids),
        arguments.output / "checkpoint.pt",
        bfloat16=chosen.bfloat16,
    )
    if chosen.half:
        model.half()
    model.save_pretrained(arguments.output)
    tokenizer.save_pretrained(arguments.output)
    (arguments.output / "checkpoint.pt").unlink(missing_ok=True)
    print(json.dumps({"parameters": model.num_parameters(), "rows": len(rows)}))


if __name__ == "__main__":
    main()
