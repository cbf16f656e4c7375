"""Margins of DPO in bfloat16: with logits in float32, and with logits rounded as the model rounds.

A policy is its reference with an adapter whose update is as small as after a few steps. Both score
the two sides of pairs, expert episodes of ALFWorld and the same with a wrong turn, in bfloat16; the
margin of each pair is compared with that of float64. The ratio is that of the errors.

    python benchmarks/logit_precision.py --games 20
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from tratree.data.packing import pack_sequences
from tratree.data.pairs import EncodedPair, collate_pairs
from tratree.envs.alfworld.environment import AlfworldEnv
from tratree.envs.alfworld.games import GameFolder
from tratree.envs.alfworld.generator import generate_games
from tratree.envs.alfworld.settings import AlfworldSettings
from tratree.envs.base import play_expert
from tratree.models import output_head
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.modules.log_probabilities import sequence_log_probs
from tratree.modules.pack_attention import attend_to_packs
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import EncodedTrajectory, encode_trajectory

MODEL = "package:models/tiny/strong"
BETA = 0.1


def pairs_of(games: int, folder: Path) -> list[EncodedPair]:
    """Return expert episodes beside the same with one action replaced by another's."""
    generate_games(folder / "games", "train", games, difficulty="small", seed=0)
    source = GameFolder(folder / "games")
    env = AlfworldEnv(source, AlfworldSettings(name="alfworld"), folder / "translated")
    chat = ChatFormat(load_tokenizer(MODEL), "tiny")
    found = []
    for task in source.tasks("train"):
        episode = play_expert(env, task)
        place = len(episode.steps) // 2
        wrong = list(episode.steps)
        wrong[place] = replace(wrong[place], action=wrong[place - 1].action)
        right = encode_trajectory(chat, episode)
        start = right.turn_starts[place]
        sides = (right, encode_trajectory(chat, replace(episode, steps=tuple(wrong))))
        chosen, rejected = (
            EncodedTrajectory(
                side.token_ids, [False] * start + list(side.agent_mask[start:]), side.turn_starts
            )
            for side in sides
        )
        found.append(EncodedPair(chosen, rejected, tree=task.task_id))
    env.close()
    return found


def margins(dtype: str, pairs: Sequence[EncodedPair], update: float, *, rounded: bool) -> Tensor:
    """Return β (log π/π_ref of the chosen side − the same of the rejected one) of each pair."""
    settings: Any = {"name": MODEL, "dtype": dtype}
    policy = add_lora(load_base(ModelSettings(**settings)), LoraSettings(rank=8, alpha=16), seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weights in policy.named_parameters():
            if "lora_B" in name:
                weights.copy_(update * torch.randn(weights.shape, generator=generator))
            if weights.requires_grad and dtype == "float64":
                weights.data = weights.data.double()
    attend_to_packs(policy)
    batch = collate_pairs(pairs, pack_sequences)
    as_the_model = mock.patch.object(output_head, "_rounding_head", return_value=None)
    with torch.no_grad(), as_the_model if rounded else nullcontext():
        ours = sequence_log_probs(policy, batch.sides)
        with policy.disable_adapter():
            theirs = sequence_log_probs(policy, batch.sides)
    chosen, rejected = (BETA * (ours - theirs)).double().chunk(2)
    return chosen - rejected


def main() -> None:
    """Read the arguments, compare, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--games", type=int, default=20)
    parser.add_argument("--update", type=float, default=3e-4, help="of the adapter's B, rms")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        pairs = pairs_of(given.games, Path(folder))
    exact = margins("float64", pairs, given.update, rounded=False)
    errors = {
        way: (margins("bfloat16", pairs, given.update, rounded=rounded) - exact)
        for way, rounded in (("rounded", True), ("float32", False))
    }
    size = {way: error.square().mean().sqrt().item() for way, error in errors.items()}
    measured = {
        "pairs": len(pairs),
        "update": given.update,
        "margin_rms": round(exact.square().mean().sqrt().item(), 6),
        "error_rms_of_rounded_logits": round(size["rounded"], 6),
        "error_rms_of_float32_logits": round(size["float32"], 6),
        "ratio": round(size["rounded"] / size["float32"], 2),
    }
    print(json.dumps({"benchmark": "logit_precision", **measured}))


if __name__ == "__main__":
    main()
