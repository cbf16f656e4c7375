"""Count what the explorations of both models cost, and find where they cost the same.

    python experiments/equal_compute/run.py seed=0,1 store=FOLDER

Arguments are overrides of the configuration; those after `seed=` are seeds. What is not yet
explored is explored first. Prints a table, and for each seed the number of sampled tokens
(`explore.tokens`) at which the strong model's exploration costs what the weak model's does.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from tratree.composition import compose_config
from tratree.config import Config
from tratree.models.loading import empty_model, load_config
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import encode_trajectory
from tratree.report.render_table import markdown_table
from tratree.runs.run import open_store
from tratree.stages.file_names import EPISODES
from tratree.stages.methods import explored
from tratree.stages.training import load_chat
from tratree.stages.training_settings import chat_settings
from tratree.store.progress import Progress
from tratree.trajectory.jsonl import read_trajectories
from tratree.trajectory.types import Trajectory

COSTS = ("episodes", "steps", "sampled tokens", "tokens", "GFLOPs")
BUDGETS = ("GFLOPs", "episodes", "steps")
TRAJECTORIES = {"weak": 6, "strong": 9}
"""M of either; the strong model's is enough for as many steps as the weak one makes."""


@cache
def shape(name: str) -> tuple[int, int]:
    """Return the weights of a base model that multiply each token, and its layers' total width."""
    config = load_config(name)
    model = empty_model(config)
    weights = sum(p.numel() for p in model.parameters() if p.dim() == 2)
    if not config.tie_word_embeddings:
        weights -= sum(p.numel() for p in model.get_input_embeddings().parameters())
    width = config.num_attention_heads * config.head_dim
    return weights, config.num_hidden_layers * width


def flops(name: str, tokens: int) -> float:
    """Return the FLOPs of one episode of a base model that keeps keys and values.

    Two for each weight that multiplies a token, the output layer included, and in each layer four
    for each element of a token's queries and each token that it sees.

    Args:
        name: The base model.
        tokens: All that are read or sampled.
    """
    weights, width = shape(name)
    return float(2 * weights * tokens + 4 * width * tokens * (tokens + 1) / 2)


def costs(chat: ChatFormat, name: str, played: Sequence[Trajectory]) -> NDArray[np.float64]:
    """Return what each trajectory cost: [N, 5], in the order of `COSTS`."""
    rows = []
    for trajectory in played:
        tokens = len(encode_trajectory(chat, trajectory).token_ids)
        sampled = sum(len(step.token_ids) for step in trajectory.steps)
        rows.append([1, len(trajectory.steps), sampled, tokens, flops(name, tokens) / 1e9])
    return np.array(rows, dtype=float)


def equal_tokens(weak: NDArray[np.float64], strong: NDArray[np.float64]) -> Mapping[str, int]:
    """Return for each budget the sampled tokens of the strong model that cost what `weak` did.

    Args:
        weak: `costs` of all trajectories of the weak model.
        strong: Those of the strong model, all tasks' first trajectories first.
    """
    so_far = strong.cumsum(axis=0)
    found = {}
    for budget in BUDGETS:
        column = COSTS.index(budget)
        paid = int(np.searchsorted(so_far[:, column], weak[:, column].sum(), side="right"))
        found[budget] = int(so_far[paid - 1, COSTS.index("sampled tokens")])
    return found


def explorations(overrides: Sequence[str]) -> tuple[list[list[Trajectory]], list[Config]]:
    """Return what the weak and the strong model explore, all first trajectories first."""
    found, configs = [], []
    for explorer, trajectories in TRAJECTORIES.items():
        own = (f"explore.explorer={explorer}", f"explore.trajectories={trajectories}")
        config = compose_config([*overrides, *own])
        folder = open_store(config, Progress()).ensure(explored(config))
        played = read_trajectories(folder / EPISODES)
        found.append(sorted(played, key=lambda trajectory: trajectory.sample))
        configs.append(config)
    return found, configs


def main(arguments: Sequence[str]) -> None:
    """Explore if need be, count, and print."""
    seeds = next((a.removeprefix("seed=") for a in arguments if a.startswith("seed=")), "0")
    overrides = [argument for argument in arguments if not argument.startswith("seed=")]
    table = [["seed", "explorer", "success %", *COSTS]]
    equal = [["seed", *(f"explore.tokens at equal {budget}" for budget in BUDGETS)]]
    for seed in seeds.split(","):
        played, configs = explorations([*overrides, f"seed={seed}"])
        counted = []
        for of_one, config in zip(played, configs, strict=True):
            base = getattr(config.model, config.explore.explorer)
            chat = load_chat({"chat": chat_settings(config, base)})
            counted.append(costs(chat, base.name, of_one))
            solved = sum(t.success for t in of_one) / len(of_one)
            sums = [f"{value:,.0f}" for value in counted[-1].sum(axis=0)]
            table.append([seed, config.explore.explorer, f"{100 * solved:.1f}", *sums])
        equal.append([seed, *map(str, equal_tokens(*counted).values())])
    print(f"{markdown_table(table)}\n\n{markdown_table(equal)}")


if __name__ == "__main__":
    main(sys.argv[1:])
