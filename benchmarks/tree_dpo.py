"""TreeDPO: the whole-tree pass against pairs one by one, and against TRL's `DPOTrainer`.

Real trees: a tiny model, fine-tuned on demonstrations, explores official ALFWorld games
(`TRATREE_DATA` or `ALFWORLD_DATA`), 12 trajectories a task; a tree is merged from 6 or 12 of them.
The fixture is made in the store by the command below and found there by later calls.

The pairs of each tree go forward and backward through equal models: by TRL's trainer with the
reference's log-probabilities given (fed with the sampled token ids and the agent's mask, which
it does not make itself), by this package's pairwise path, and by the whole-tree pass. Losses and
gradients must be equal. Times are CPU seconds of one thread, best of some repeats that take turns.

    python benchmarks/tree_dpo.py --model small --trees 3 --repeats 2
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from math import log
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import PeftModel
from transformers import LlamaConfig, LlamaForCausalLM
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from tratree.composition import compose_config
from tratree.data.packing import Pack
from tratree.data.pairs import EncodedPair, PairDataModule
from tratree.models.loading import load_tokenizer
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings
from tratree.modules.pack_attention import attend_to_packs
from tratree.modules.settings import DPOSettings, TrainingSettings
from tratree.modules.tree_dpo import TreeDPOModule
from tratree.policy.chat import ChatFormat
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.stages.explore import explore_stage
from tratree.stages.file_names import EPISODES
from tratree.stages.reference import encode_pair
from tratree.stages.sft import sft_stage
from tratree.store.progress import Progress
from tratree.store.stage import Resources
from tratree.store.store import Store
from tratree.trajectory.jsonl import read_trajectories
from tratree.tree.divergence import find_pairs
from tratree.tree.merge import build_tree
from tratree.tree.paths import pair_trajectories
from tratree.tree.similarity import make_similarity
from tratree.tree.types import TrajectoryTree

WIDTHS = (6, 12)
PAIRS_PER_DIVERGENCE = (1, 4, None)
CONTEXT = 4096
EXPLORATION = (
    "env.games=official",
    "expert.tasks=400",
    "explore.tasks=48",
    f"explore.trajectories={max(WIDTHS)}",
    # At temperature 0.7 throughout; the grid's other settings repeat each other less.
    "explore=cool",
    # The larger tiny model: the smaller one hardly ever solves a game on a full-size scene.
    "model.weak.name=package:models/tiny/strong",
    "model.weak.sft.learning_rate=2e-3",
    "model.weak.sft.epochs=10",
    "trainer.threads=1",
)
SHAPES = {
    "tiny": {"hidden_size": 128, "intermediate_size": 320, "num_hidden_layers": 3}
    | {"num_attention_heads": 4, "num_key_value_heads": 4, "vocab_size": 295},
    "small": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 6}
    | {"num_attention_heads": 6, "num_key_value_heads": 2, "vocab_size": 8192},
    "smollm2-135m": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30}
    | {"num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152},
}
"""Llama-architecture models with random weights; the last has the shape of SmolLM2-135M."""


def explored(root: Path) -> Path:
    """Return the file of explored trajectories, exploring if the store lacks it."""
    config = compose_config(EXPLORATION)
    store = Store(root, Resources(WorkerSettings(), EngineSettings(32), root / "cache"), Progress())
    return store.ensure(explore_stage(config, sft_stage(config, "weak"))) / EPISODES


def trees_with_pairs(trajectories: Path, most: int) -> dict[int, list[TrajectoryTree]]:
    """Return trees of each width, of the first tasks that have pairs at every width."""
    similarity = make_similarity("ngrams")
    found: dict[int, list[TrajectoryTree]] = {width: [] for width in WIDTHS}
    episodes = read_trajectories(trajectories)
    for _, group in groupby(episodes, key=lambda trajectory: trajectory.task.task_id):
        of_task = list(group)
        widths = [width for width in WIDTHS if width <= len(of_task)]
        trees = [build_tree(of_task[:width], similarity=similarity) for width in widths]
        if trees and all(map(find_pairs, trees)) and len(found[widths[0]]) < most:
            for width, tree in zip(widths, trees, strict=True):
                found[width].append(tree)
    return {width: trees for width, trees in found.items() if trees}


def encode_pairs(
    tree: TrajectoryTree, chat: ChatFormat, most: int | None, vocabulary: int
) -> list[EncodedPair]:
    """Return the pairs of a tree; to the reference, every token is as likely as any other."""
    pairs = []
    for pair in find_pairs(tree, max_pairs_per_divergence=most):
        sides = encode_pair(chat, pair_trajectories(tree, pair))
        chosen, rejected = (-log(vocabulary) * sum(side.agent_mask) for side in sides)
        pairs.append(EncodedPair(*sides, (chosen, rejected), tree=tree.task.task_id))
    return pairs


def make_model(name: str, rank: int) -> PeftModel:
    """Return a model with random weights and an adapter; equal arguments give equal models."""
    torch.manual_seed(0)
    base = LlamaForCausalLM(
        LlamaConfig.from_dict(SHAPES[name] | {"max_position_embeddings": CONTEXT})
    )
    return add_lora(base.eval(), LoraSettings(rank=rank, alpha=2 * rank), seed=0)


class AgentMaskCollator(DataCollatorForPreference):
    """TRL's collator, but only the agent's tokens are trained, not the observations."""

    def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
        """Return TRL's batch with this package's mask."""
        batch = super().torch_call(examples)
        masks = [row["chosen_mask"] for row in examples] + [
            row["rejected_mask"] for row in examples
        ]
        batch["completion_mask"].zero_()
        for row, mask in enumerate(masks):
            batch["completion_mask"][row, : len(mask)] = torch.tensor(mask)
        return batch


class TokenTrainer(DPOTrainer):
    """TRL's trainer on token ids and reference log-probabilities that are given."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        return dataset


def trl_row(pair: EncodedPair) -> dict[str, Any]:
    """Return a pair as TRL's trainer takes it."""
    start = pair.chosen.agent_mask.index(True)
    return {
        "prompt_ids": list(pair.chosen.token_ids[:start]),
        "chosen_ids": list(pair.chosen.token_ids[start:]),
        "rejected_ids": list(pair.rejected.token_ids[start:]),
        "chosen_mask": list(map(int, pair.chosen.agent_mask)),
        "rejected_mask": list(map(int, pair.rejected.agent_mask)),
        "ref_chosen_logps": pair.reference[0],
        "ref_rejected_logps": pair.reference[1],
    }


Step = Callable[[Sequence[EncodedPair]], float]
"""Goes forward and backward over pairs and returns their mean loss."""


def trl_step(model: PeftModel, pairs: Sequence[EncodedPair], batch_size: int, folder: str) -> Step:
    """Return a step by TRL's trainer, in batches of pairs of similar length."""
    tokenizer = load_tokenizer("package:models/tiny/strong")
    arguments = DPOConfig(
        output_dir=folder,
        beta=DPOSettings().beta,
        precompute_ref_log_probs=True,
        max_length=None,
        per_device_train_batch_size=batch_size,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        report_to="none",
    )
    trainer = TokenTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list([trl_row(pair) for pair in pairs]),
        processing_class=tokenizer,
        data_collator=AgentMaskCollator(pad_token_id=tokenizer.pad_token_id),
    )

    def step(pairs: Sequence[EncodedPair]) -> float:
        ordered = sorted(
            pairs, key=lambda pair: max(len(pair.chosen.token_ids), len(pair.rejected.token_ids))
        )
        total = 0.0
        for first in range(0, len(ordered), batch_size):
            part = ordered[first : first + batch_size]
            batch = trainer.data_collator([trl_row(pair) for pair in part])
            loss = trainer.compute_loss(model, batch) * len(part) / len(pairs)
            loss.backward()
            total += loss.item()
        return total

    return step


def our_step(model: PeftModel, batch_size: int, pack_tokens: int | None) -> Step:
    """Return a step by this package, pairwise or by packs."""
    if pack_tokens is not None:
        attend_to_packs(model)
    module = TreeDPOModule(model, TrainingSettings(1e-4, 1, batch_size), DPOSettings())

    def step(pairs: Sequence[EncodedPair]) -> float:
        total = 0.0
        data = PairDataModule(pairs, CONTEXT, pack_tokens=pack_tokens)
        for batch in data.collate(pairs, batch_size):
            loss = module.sums(batch)["loss"] / len(pairs)
            loss.backward()
            total += loss.item()
        return total

    return step


def measure(step: Step, model: PeftModel, pairs: Sequence[EncodedPair]) -> dict[str, Any]:
    """Do a step; return its CPU seconds, the memory it needed, its loss and its gradients."""
    model.zero_grad()
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    before = _memory("VmRSS")
    start = time.process_time()
    loss = step(pairs)
    seconds = time.process_time() - start
    used = max(0, _memory("VmHWM") - before)
    gradients = [p.grad.flatten() for p in model.parameters() if p.grad is not None]
    return {
        "seconds": seconds,
        "megabytes": used / 1024,
        "loss": loss,
        "gradients": torch.cat(gradients),
    }


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def compare(
    trees: Sequence[Sequence[EncodedPair]], arguments: argparse.Namespace
) -> dict[str, Any]:
    """Run all three over the pairs of each tree and return sums over the trees.

    Raises:
        AssertionError: If a loss or gradient differs.
    """
    models = {
        name: make_model(arguments.model, arguments.rank) for name in ("trl", "pairs", "tree")
    }
    every = [pair for tree in trees for pair in tree]
    seconds, megabytes = dict.fromkeys(models, 0.0), dict.fromkeys(models, 0.0)
    with tempfile.TemporaryDirectory() as folder:
        steps = {
            "trl": trl_step(models["trl"], every, arguments.batch_size, folder),
            "pairs": our_step(models["pairs"], arguments.batch_size, None),
            "tree": our_step(models["tree"], arguments.batch_size, arguments.pack_tokens),
        }
        for tree in trees:
            best: dict[str, float] = {}
            for _ in range(arguments.repeats):
                found = {name: measure(steps[name], models[name], tree) for name in steps}
                expected = found["trl"]
                for name in ("pairs", "tree"):
                    assert abs(found[name]["loss"] - expected["loss"]) < 1e-4, found
                    difference = found[name]["gradients"] - expected["gradients"]
                    assert difference.norm() < 1e-3 * expected["gradients"].norm()
                for name, result in found.items():
                    best[name] = min(best.get(name, result["seconds"]), result["seconds"])
                    megabytes[name] = max(megabytes[name], result["megabytes"])
            for name in seconds:
                seconds[name] += best[name]
    return {"seconds": seconds, "megabytes": megabytes}


def token_statistics(trees: Sequence[Sequence[EncodedPair]], pack_tokens: int) -> dict[str, Any]:
    """Count the tokens of the pairs and of the packs."""
    pair_tokens = pack_total = trained = 0
    for tree in trees:
        pair_tokens += sum(len(s.token_ids) for pair in tree for s in (pair.chosen, pair.rejected))
        for batch in PairDataModule(tree, CONTEXT, pack_tokens=pack_tokens).collate(tree, 1):
            assert isinstance(batch.sides, Pack)
            pack_total += batch.sides.token_ids.shape[1]
            trained += len(batch.sides.trained)
    return {
        "trees": len(trees),
        "pairs": sum(map(len, trees)),
        "pair_tokens": pair_tokens,
        "tree_tokens": pack_total,
        "trained_tokens": trained,
        "token_limit": round(pair_tokens / pack_total, 2),
    }


def main() -> None:
    """Read the arguments, compare, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--store", type=Path, default=Path("store"), help="folder of the fixture")
    parser.add_argument(
        "--trajectories", type=Path, help="take an explored episodes.jsonl instead of the fixture"
    )
    parser.add_argument("--model", default="small", choices=SHAPES)
    parser.add_argument("--rank", type=int, default=16, help="of the adapter")
    parser.add_argument("--trees", type=int, default=3, help="how many trees with pairs")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=4, help="pairs of a padded batch")
    parser.add_argument("--pack-tokens", type=int, default=8192)
    parser.add_argument("--all-pairs-only", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chat = ChatFormat(load_tokenizer("package:models/tiny/strong"), "tiny")
    trajectories = arguments.trajectories or explored(arguments.store.absolute())
    vocabulary = SHAPES[arguments.model]["vocab_size"]
    rows = []
    for width, forest in trees_with_pairs(trajectories, arguments.trees).items():
        for most in PAIRS_PER_DIVERGENCE[-1:] if arguments.all_pairs_only else PAIRS_PER_DIVERGENCE:
            trees = [encode_pairs(tree, chat, most, vocabulary) for tree in forest]
            tokens = token_statistics(trees, arguments.pack_tokens)
            found = compare(trees, arguments)
            seconds = found["seconds"]
            to_pairs = seconds["pairs"] / seconds["tree"]
            row = {
                "trajectories": width,
                "pairs_per_divergence": most or "all",
                "ratio_to_trl": round(seconds["trl"] / seconds["tree"], 2),
                "ratio_to_pairs": round(to_pairs, 2),
                "share_of_token_limit": round(to_pairs / tokens["token_limit"], 2),
                **tokens,
                **{f"{name}_seconds": round(value, 2) for name, value in seconds.items()},
                **{f"{n}_megabytes": round(value) for n, value in found["megabytes"].items()},
            }
            rows.append(row)
            print(row, flush=True)
    main_row = next(
        row for row in rows if row["trajectories"] == 6 and row["pairs_per_divergence"] == "all"
    )
    print(
        json.dumps(
            {
                "benchmark": "tree_dpo",
                "model": arguments.model,
                "ratio": main_row["ratio_to_trl"],
                "rows": rows,
            }
        )
    )


if __name__ == "__main__":
    main()
