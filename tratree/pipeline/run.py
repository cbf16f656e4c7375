"""One run: train and evaluate every system, then write and print the table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from tratree.config import Config
from tratree.evaluation.comparison import compare
from tratree.pipeline.methods import systems
from tratree.pipeline.progress import Progress
from tratree.pipeline.run_folder import write_stages
from tratree.pipeline.stage import Resources
from tratree.pipeline.stages.evaluate import evaluate_stage, protocol, read_evaluation
from tratree.pipeline.store import Store
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.report.table import add_gap_recovered, print_results, write_results

TABLE_WIDTH = 132
WEAK, CEILING = "sft_weak", "sft_strong"


def open_store(config: Config, progress: Progress) -> Store:
    """Return the store that `config` names, with the resources that it grants."""
    root = Path(config.store).absolute()
    rollout = config.rollout
    resources = Resources(
        WorkerSettings(
            rollout.workers, rollout.step_seconds, rollout.recycle_episodes, rollout.recycle_gib
        ),
        EngineSettings(rollout.batch_size, rollout.cache_gib, rollout.env_threads),
        root / "cache",
        config.trainer.checkpoint_every_steps,
    )
    return Store(root, resources, progress)


def run(config: Config, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Compute what is missing in the store and write the results of all systems to `folder`.

    Returns:
        The document that is written as ``results.json``.

    Raises:
        UserError: For bad input, in one line.
    """
    progress = progress or Progress()
    store = open_store(config, progress)
    evaluated = {n: evaluate_stage(config, n, trained) for n, trained in systems(config).items()}
    write_stages(folder, config.store, evaluated.values())
    rules = protocol(config)
    measured, played = {}, {}
    for name, stage in evaluated.items():
        measured[name], played[name] = read_evaluation(store.ensure(stage), rules["splits"])
    add_gap_recovered(measured, weak=WEAK, ceiling=CEILING)
    results = {
        "env": config.env.name,
        "method": config.method.name,
        "seed": config.seed,
        "pgr": {"weak": WEAK, "ceiling": CEILING},
        "protocol": rules,
        "systems": measured,
        "comparisons": {
            "baseline": CEILING,
            "systems": {
                name: {
                    split: compare(of_split, played[CEILING][split])
                    for split, of_split in splits.items()
                }
                for name, splits in played.items()
                if name != CEILING
            },
        },
    }
    write_results(folder, results)
    print_results(results, Console(width=None if sys.stdout.isatty() else TABLE_WIDTH))
    progress.message(f"results in {folder}")
    return results
