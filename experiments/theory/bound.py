"""Evaluate the bound of Theorem 1 on measured quantities.

    python experiments/theory/bound.py                # seeds 0 to 4
    python experiments/theory/bound.py seed=0 debug=smoke

Arguments are overrides of the configuration. What the store has is not computed again. Writes
bound.json and bound.md beside this file.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel

from tratree.composition import compose_config
from tratree.config import Config
from tratree.data.padding import collate, cut_into_batches
from tratree.evaluation.seeds import over_seeds
from tratree.policy.encoding import EncodedTrajectory, encode_trajectory
from tratree.policy.rollout_settings import SamplingSettings
from tratree.report.render_table import markdown_table
from tratree.runs.run import open_store
from tratree.runs.starts import origin, this_start
from tratree.stages.explore import explore_stage
from tratree.stages.file_names import EPISODES, METRICS
from tratree.stages.methods import evaluations
from tratree.stages.pairs import PAIRS
from tratree.stages.training import load_policy
from tratree.store.progress import Progress
from tratree.trajectory.jsonl import read_trajectories

HERE = Path(__file__).resolve().parent
DELTA = 0.05
TASKS = 100
BATCH_TOKENS = 4096
SYSTEMS = ("sft_strong", "tree_dpo")


@dataclass(frozen=True)
class Bound:
    """Theorem 1 for one seed, with one system in the place of π*.

    Attributes:
        system: The system in the place of π*.
        seed: Of the run.
        pairs: N_p.
        divergence: KL(π* ‖ π_w^SFT) of whole trajectories, in nats, and its standard error.
        divergence_error: See `divergence`.
        root: sqrt((KL + log(N_p / δ₀)) / N_p); the bound is R(π*) − C · root.
        sft: R(π_s^SFT), measured.
        largest_constant: The largest C with which the bound could promise more than R(π_s^SFT),
            whatever R(π*) ≤ 1 is: (1 − R(π_s^SFT)) / root.
    """

    system: str
    seed: int
    pairs: int
    divergence: float
    divergence_error: float
    root: float
    sft: float
    largest_constant: float


def root_term(divergence: float, pairs: int, delta: float) -> float:
    """Return sqrt((KL + log(N_p / δ₀)) / N_p); infinite without a pair."""
    return math.sqrt((divergence + math.log(pairs / delta)) / pairs) if pairs else math.inf


@torch.no_grad()
def divergences(
    policy: PreTrainedModel, reference: PreTrainedModel, samples: Sequence[EncodedTrajectory]
) -> list[float]:
    """Return Σ_t KL(policy ‖ reference) over the agent's tokens of each trajectory, in nats.

    The KL of a token is exact, over the vocabulary. Over trajectories that the policy sampled, the
    mean estimates the KL of whole trajectories.
    """
    found = [0.0] * len(samples)
    for indices in cut_into_batches(samples, BATCH_TOKENS):
        batch = collate([samples[index] for index in indices])
        ours, theirs = (
            model(batch.token_ids).logits[:, :-1].double().log_softmax(-1)
            for model in (policy, reference)
        )
        of_tokens = (ours.exp() * (ours - theirs)).sum(-1) * batch.agent_mask[:, 1:]
        for index, value in zip(indices, of_tokens.sum(-1).tolist(), strict=True):
            found[index] = value
    return found


def measure(config: Config) -> list[Bound]:
    """Return the bound of one seed with each of `SYSTEMS` in the place of π*."""
    store = open_store(config, Progress())
    evaluated = evaluations(config)
    metrics = json.loads((store.ensure(evaluated["sft_strong"]) / METRICS).read_text("utf-8"))
    sft = next(iter(metrics.values()))["reward"]["mean"]
    trained = {name: stage.inputs["model"] for name, stage in evaluated.items()}
    pairs_stage = trained["tree_dpo"].inputs["pairs"]
    pairs = len((store.ensure(pairs_stage) / PAIRS).read_text("utf-8").splitlines())
    # From the model's own distribution, so that the mean over trajectories estimates the KL.
    tasks = min(TASKS, config.explore.tasks or TASKS)
    sampling = (SamplingSettings(temperature=1.0, top_p=1.0),)
    explore = replace(config.explore, tasks=tasks, trajectories=1, sampling=sampling)
    sampled = replace(config, explore=explore)
    reference, _ = load_policy(store.ensure(trained["sft_weak"]), "float32")
    bounds = []
    for system in SYSTEMS:
        episodes = store.ensure(explore_stage(sampled, trained[system], label=system)) / EPISODES
        policy, chat = load_policy(store.ensure(trained[system]), "float32")
        samples = [encode_trajectory(chat, t) for t in read_trajectories(episodes)]
        values = divergences(policy, reference, samples)
        divergence = float(np.mean(values))
        error = float(np.std(values, ddof=1) / math.sqrt(len(values)))
        root = root_term(divergence, pairs, DELTA)
        bounds.append(
            Bound(system, config.seed, pairs, divergence, error, root, sft, (1 - sft) / root)
        )
    return bounds


def table(bounds: Sequence[Bound]) -> list[list[str]]:
    """Return the mean over seeds of each system."""
    rows = [["π*", "seeds", "N_p", "KL, nats", "root term", "R of strong SFT", "largest useful C"]]
    for system in dict.fromkeys(bound.system for bound in bounds):
        chosen = [bound for bound in bounds if bound.system == system]
        cells = []
        for name, digits in (
            *(("pairs", 0), ("divergence", 2), ("root", 4)),
            *(("sft", 3), ("largest_constant", 2)),
        ):
            mean, low, _ = over_seeds([getattr(bound, name) for bound in chosen])
            half = "" if low is None else f" ± {mean - low:.{digits}f}"
            cells.append(f"{mean:.{digits}f}{half}")
        rows.append([system, str(len(chosen)), *cells])
    return rows


def main() -> None:
    """Measure every seed and write the table."""
    overrides = ["method=tree_dpo", *sys.argv[1:]]
    seeded = any(override.startswith("seed=") for override in overrides)
    seeds = [[]] if seeded else [[f"seed={seed}"] for seed in range(5)]
    bounds = [b for seed in seeds for b in measure(compose_config([*overrides, *seed]))]
    # JSON has no infinity: the root term is null where there is no pair.
    found = [
        {key: None if value == math.inf else value for key, value in asdict(bound).items()}
        for bound in bounds
    ]
    document = json.dumps(found, indent=2, allow_nan=False)
    (HERE / "bound.json").write_text(document + "\n", encoding="utf-8")
    page = markdown_table(table(bounds))
    command = " ".join(["python experiments/theory/bound.py", *sys.argv[1:]])
    note = (
        f"`{command}`; {origin([this_start()])}. "
        f"δ₀ = {DELTA}; mean over seeds ± half of the 95 % interval."
    )
    (HERE / "bound.md").write_text(f"{page}\n\n{note}\n", encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
