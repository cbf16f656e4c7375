"""Stage ``progress``: trajectories of which the steps that made progress are imitated."""

from __future__ import annotations

from tratree.config import Config
from tratree.stages.paths import PATHS
from tratree.stages.trees import iterate_stage_trees
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import write_trajectories
from tratree.tree.advantage import with_progress


def progress_stage(config: Config, trees: Stage) -> Stage:
    """Choose the steps of successes and failures that brought the agent nearer to success."""
    settings = {} if config.method.failures else {"failures": False}
    return Stage("progress", settings, _choose, {"trees": trees}, self_contained=True)


def _choose(job: Job) -> None:
    trees = tried = successes = trained = steps = 0
    chosen = []
    for tree in iterate_stage_trees(job.inputs["trees"]):
        found = with_progress(tree, **job.settings)
        chosen += found
        trees += bool(found)
        tried += 1
        successes += sum(t.success for t in found)
        trained += sum(step.trained for t in found for step in t.steps)
        steps += sum(len(t.steps) for t in tree.trajectories)
    write_trajectories(job.folder / PATHS, chosen)
    job.progress.message(
        f"  {trained} of {steps} steps made progress, in {successes} successes and "
        f"{len(chosen) - successes} failures of {trees} of {tried} trees"
    )
