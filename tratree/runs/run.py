"""One run: train and evaluate every system, then write and print the table."""

from __future__ import annotations

import multiprocessing
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from tratree.config import Config
from tratree.errors import UserError
from tratree.files import clear_disk_errors
from tratree.large_imports import large_imports
from tratree.leftovers import clear_dead_sockets
from tratree.report.table import print_results, write_results
from tratree.runs.identity import configurations, point_identity
from tratree.runs.results import notes, results_of, trees_of_one
from tratree.runs.run_folder import write_stages, writing
from tratree.runs.starts import write_start
from tratree.settings import plain
from tratree.stages.methods import check_preferences, evaluations
from tratree.stages.paths import search_settings
from tratree.store.finished import expected_seconds, finished_seconds
from tratree.store.progress import Progress, duration
from tratree.store.stage import Resources, Stage, with_inputs
from tratree.store.store import ADVICE, Store, prepare_root, unfinished_stages
from tratree.tracking import RunFacts, StageFacts, Tracker, open_tracker
from tratree.words import counted, from_here

TABLE_WIDTH = 132
PROFILES = "profile"
LOG = "tratree.log"
"""The file of a run folder that gets what the terminal shows, as Hydra names it."""
SERVER_LOGS = "servers"


def open_store(
    config: Config, progress: Progress, tracker: Tracker | None = None, run: Path | None = None
) -> Store:
    """Return the store that `config` names, with the resources that it grants.

    `progress` and `tracker` are told of stages; profiles and logs of servers go to the run folder.

    Raises:
        UserError: If a worker process is importing the script that calls this.
    """
    _refuse_import_by_worker()
    root = prepare_root(config.store)
    resources = Resources(
        workers=config.rollout,
        engine=config.rollout,
        cache=root / "cache",
        hardware=config.trainer,
        servers=config.rollout,
        logs=run / SERVER_LOGS if run else None,
        profiler=config.trainer.profiler if run else None,
        profiles=run / PROFILES if run else None,
    )
    return Store(root, resources, progress, tracker or Tracker(), run=run)


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
    with writing(folder):
        progress = progress or Progress()
        progress.log = progress.log or folder / LOG
        return _run(config, folder, progress)


def _run(config: Config, folder: Path, progress: Progress) -> dict[str, Any]:
    root = Path(config.store).absolute()
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(root / "cache" / "torchinductor"))
    clear_dead_sockets()
    evaluated = evaluations(config)
    with clear_disk_errors(f"the store at {root}", ADVICE):
        missing = unfinished_stages(root, evaluated.values())
    _say_plan(config, progress, with_inputs(evaluated.values()), missing)
    if missing:
        _check_models(config, missing, progress)
    write_stages(folder, config.store, evaluated.values())
    with open_tracker(config.logger, lambda: _run_facts(config), folder) as tracker:
        store = open_store(config, progress, tracker, folder)
        _look_at_code(config, store, with_inputs(evaluated.values()))
        with store.using(evaluated.values()):
            if missing:
                from tratree.stages.openings import check_openings  # brings the tokenizers

                check_openings(config, store, missing)
            write_start(folder)
            folders = _evaluate_all(config, store, evaluated)
            results, played = results_of(config, folders)
            if said := notes(config, store, evaluated):
                results["notes"] = said
            write_results(folder, results)
            for stage in with_inputs(evaluated.values()):
                if store.folder(stage).is_dir():  # others were not needed
                    computed, facts = stage.key in store.computed, _stage_facts(stage)
                    tracker.stage_done(facts, store.folder(stage), computed=computed)
            tracker.results_done(results, played, lambda: _report(folder))
    out = Console(width=None if sys.stdout.isatty() else TABLE_WIDTH)
    progress.show(partial(print_results, results), out)
    progress.message(f"results in {from_here(folder)}")
    command = shlex.join(["tratree", "report", str(from_here(folder))])
    progress.message(f"`{command}` puts all there is of it on one HTML page")
    if config.trainer.profiler and not (folder / PROFILES).exists():
        progress.message("no profile: all fine-tunings were in the store; set store=NEW_FOLDER")
    return results


def _say_plan(
    config: Config, progress: Progress, stages: Sequence[Stage], missing: Sequence[Stage]
) -> None:
    """Say how much there is to compute, and how long that may take."""
    root, keys = Path(config.store), {stage.key for stage in missing}
    expected = {
        stage.title: expected_seconds(stage.settings, finished_seconds(root, stage.name))
        for stage in stages
        if stage.key in keys
    }
    progress.plan(expected)
    said = f"{config.env.name}, {config.method.name}, seed {config.seed}: "
    of = f"{len(expected)} of {counted(len(stages), 'stage')} to compute"
    said += of if expected else f"all {len(stages)} stages are in the store"
    if expected and None not in expected.values():
        said += f", about {duration(sum(filter(None, expected.values())))}"
    progress.message(said)
    if few := trees_of_one(config, list(missing)):
        progress.message(few)


def _evaluate_all(config: Config, store: Store, evaluated: Mapping[str, Stage]) -> dict[str, Path]:
    """Compute the evaluation of each system; show what there is where the next takes a while."""
    folders: dict[str, Path] = {}
    for name, stage in evaluated.items():
        if folders and unfinished_stages(store.root, [stage]):
            results, _ = results_of(config, folders)
            store.progress.show(partial(print_results, results, so_far=True))
        folders[name] = store.ensure(stage)
    return folders


def _check_models(config: Config, missing: Sequence[Stage], progress: Progress) -> None:
    """Check before anything is computed what the missing stages would fail of hours later."""
    # Imported here, because a run of which all is stored needs no model.
    with large_imports():
        from tratree.modules.nodes import check_nodes
        from tratree.modules.processes import check_devices
        from tratree.plan.fit import check_fit
        from tratree.stages.bases import check_bases
        from tratree.stages.serving import check_servers

    if any("hardware" in stage.settings for stage in missing):
        check_devices(config.trainer)
        check_nodes(config.trainer.num_nodes)
    check_bases(config)
    check_preferences(config, missing)
    for line in (check_fit(config, missing), check_servers(config, missing)):
        if line:
            progress.message(line)


def _report(folder: Path) -> str:
    from tratree.report.run_page import render
    from tratree.runs.run_record import read_run

    return render(read_run(folder))


def _look_at_code(config: Config, store: Store, stages: Sequence[Stage]) -> None:
    """Say once which stages other code has computed, and how to compute them again.

    Raises:
        UserError: If there are any and ``changed_code=refuse``.
    """
    changed = store.changed_code(stages)
    if not changed:
        return
    again = {stage.key for stage, _ in changed}
    for stage in stages:  # after its inputs
        again |= {stage.key} if any(s.key in again for s in stage.inputs.values()) else set()
    folders = [store.folder(s) for s in stages if s.key in again and store.folder(s).is_dir()]
    modules = sorted({module for _, names in changed for module in names})
    were = "was" if len(changed) == 1 else "were"
    said = (
        f"code has changed since {_few([stage.title for stage, _ in changed])} {were} stored "
        f"({_few(modules)}): to compute again what depends on it, "
        f"`rm -r {shlex.join(map(str, dict.fromkeys(folders)))}`, or set store=NEW_FOLDER"
    )
    if config.changed_code == "refuse":
        raise UserError(said)
    store.progress.message(f"{said}; the stored results are used")


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _run_facts(config: Config) -> RunFacts:
    method = config.method
    search = search_settings(config)
    names = config.env.name, method.name, config.model.name
    whole = plain(config)
    known_by = point_identity(whole), configurations(whole)[method.name]
    return RunFacts(*names, config.seed, whole, search, *known_by)


def _stage_facts(stage: Stage) -> StageFacts:
    inputs = tuple(map(_stage_facts, stage.inputs.values()))
    return StageFacts(stage.name, stage.title, stage.key, stage.description(), inputs)
