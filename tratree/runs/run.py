"""One run: train and evaluate every system, then write and print the table."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from tratree.config import Config
from tratree.errors import UserError
from tratree.evaluation.comparison import compare
from tratree.policy.machine_settings import EngineSettings, WorkerSettings
from tratree.report.table import add_gap_recovered, print_results, write_results
from tratree.runs.run_folder import write_stages
from tratree.runs.starts import write_start
from tratree.stages.environment import configured_prompt
from tratree.stages.episodes import check_prompt
from tratree.stages.evaluate import protocol, read_evaluation
from tratree.stages.methods import evaluations
from tratree.store.progress import Progress
from tratree.store.stage import Resources, with_inputs
from tratree.store.store import Store
from tratree.tracking import Tracker, open_tracker

TABLE_WIDTH = 132
PROFILES = "profile"
WEAK, CEILING = "sft_weak", "sft_strong"


def open_store(
    config: Config, progress: Progress, tracker: Tracker | None = None, run: Path | None = None
) -> Store:
    """Return the store that `config` names, with the resources that it grants.

    Args:
        config: Of the run.
        progress: Where stages show how far they are.
        tracker: What else is told of them.
        run: The run folder, where profiles go; without it there are none.

    Raises:
        UserError: If a worker process is importing the script that calls this.
    """
    _refuse_import_by_worker()
    root = Path(config.store).absolute()
    rollout = config.rollout
    resources = Resources(
        WorkerSettings(
            rollout.workers, rollout.step_seconds, rollout.recycle_episodes, rollout.recycle_gib
        ),
        EngineSettings(rollout.batch_size, rollout.cache_gib, rollout.env_threads),
        root / "cache",
        config.trainer.checkpoint_every_steps,
        servers=tuple(rollout.servers),
        profiler=config.trainer.profiler if run else None,
        profiles=run / PROFILES if run else None,
    )
    return Store(root, resources, progress, tracker or Tracker())


def _refuse_import_by_worker() -> None:
    """A worker process imports the script it belongs to; a run in there would wait for itself."""
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise UserError(
            "this script starts a run when its own worker processes import it: put what it does "
            "under `if __name__ == '__main__':`, or set rollout.workers=1"
        )


def run(config: Config, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Compute what is missing in the store and write the results of all systems to `folder`.

    Returns:
        The document that is written as ``results.json``.

    Raises:
        UserError: For bad input, in one line.
    """
    progress = progress or Progress()
    evaluated = evaluations(config)
    check_prompt(config)
    write_stages(folder, config.store, evaluated.values())
    write_start(folder)
    with open_tracker(config, folder) as tracker:
        store = open_store(config, progress, tracker, folder)
        folders = {name: store.ensure(stage) for name, stage in evaluated.items()}
        results = _results(config, folders)
        write_results(folder, results)
        for stage in with_inputs(evaluated.values()):
            if store.folder(stage).is_dir():  # others were not needed
                computed = stage.key in store.computed
                tracker.stage_done(stage, store.folder(stage), computed=computed)
        tracker.results_done(results, folders)
    print_results(results, Console(width=None if sys.stdout.isatty() else TABLE_WIDTH))
    progress.message(f"results in {folder}")
    if config.trainer.profiler and not (folder / PROFILES).exists():
        progress.message("no profile: all fine-tunings were in the store; set store=NEW_FOLDER")
    return results


def _results(config: Config, evaluated: Mapping[str, Path]) -> dict[str, Any]:
    rules, prompt = protocol(config), configured_prompt(config)
    measured, played = {}, {}
    for name, folder in evaluated.items():
        measured[name], played[name] = read_evaluation(folder, rules["splits"])
    add_gap_recovered(measured, weak=WEAK, ceiling=CEILING)
    return {
        "env": config.env.name,
        "method": config.method.name,
        "seed": config.seed,
        "pgr": {"weak": WEAK, "ceiling": CEILING},
        "protocol": rules,
        **({} if prompt is None else {"prompt": str(prompt)}),
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
