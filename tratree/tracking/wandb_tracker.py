"""A run in Weights & Biases: curves, results, trajectories, trees, and artifacts with lineage."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import wandb
from lightning.pytorch.loggers import Logger, WandbLogger

from tratree.errors import UserError
from tratree.report.tree_figure import draw_tree, trees_to_draw
from tratree.tracking import keys
from tratree.tracking.figures import FigureTracker
from tratree.tracking.settings import LoggerSettings
from tratree.tracking.tracker import RunFacts, StageFacts
from tratree.tracking.wandb_connection import check_connection
from tratree.trajectory.types import Trajectory
from tratree.tree.forest_file import TREES, load_trees
from tratree.tree.path_search import find_paths
from tratree.tree.view import render

RUN_ID = "wandb_run_id"
OFFLINE = ", or set logger.offline=true and upload later with `wandb sync`"
ARTIFACTS = {"trees": "trees", "sft": "adapter", "imitate": "adapter", "prefer": "adapter"}
"""The stages whose results are kept as artifacts, and the artifacts' type."""
RESULT_COLUMNS = (
    *("system", "split", "episodes", "reward", "success", "finished", "steps"),
    *("pgr", "pgr_ceiling"),
)
TRAJECTORY_COLUMNS = ("system", "split", "task", "type", "score", "success", "steps", "text")


class _StageLogger(WandbLogger):
    LOGGER_JOIN_CHAR = "/"  # W&B groups curves by what comes before it


class WandbTracker(FigureTracker):
    """One run; the same settings and seed again resume the same run, so that no mean has it twice.

    Its configuration also has ``result_of``, a digest of what determines the method's result except
    for the seed: the runs to take a mean over seeds of.
    """

    def __init__(self, logger: LoggerSettings, run: RunFacts, folder: Path) -> None:
        mode = "offline" if logger.offline else os.environ.get("WANDB_MODE", "online")
        if mode == "online":
            check_connection("logger=wandb", OFFLINE)
        folder.mkdir(parents=True, exist_ok=True)
        # Files of artifacts wait here until they are uploaded, not in the user's home.
        os.environ.setdefault("WANDB_DATA_DIR", str(folder.absolute() / "wandb" / "data"))
        try:
            self._run = wandb.init(
                project=logger.project,
                entity=logger.entity,
                group=logger.group,
                job_type=logger.job_type or run.method,
                tags=[run.env, run.method, run.model, f"seed {run.seed}", *logger.tags],
                name=f"{run.env} {run.method} seed {run.seed}",
                id=run_id(folder, run.identity),
                resume="allow",
                dir=folder.absolute(),
                config={**run.configuration, "result_of": run.result_of},
                mode=mode,  # type: ignore[arg-type]
                settings=wandb.Settings(silent=True, console="off", init_timeout=30),
            )
        except wandb.Error as error:
            raise UserError(f"logger=wandb cannot start: {' '.join(str(error).split())}") from error
        self._run.define_metric(keys.STEP)
        self._run.define_metric("*", step_metric=keys.STEP, step_sync=True)
        self._search = run.search
        self._settings = logger
        self._inputs: list[str] = []

    def training_logger(self, title: str) -> Logger:
        """Return a logger whose curves are named after the stage."""
        return _StageLogger(experiment=self._run, prefix=keys.curves_of(title))

    def stage_done(self, stage: StageFacts, folder: Path, *, computed: bool) -> None:
        """Log what the run computed as an artifact, and what it found in the store as its input.

        Offline, where W&B knows no inputs, their names are in the run's configuration. In any
        case an artifact's metadata names the artifacts that it was made from, ``made_from``, which
        holds for those of one run too.
        """
        super().stage_done(stage, folder, computed=computed)
        if self._settings.artifacts and stage.name in ARTIFACTS:
            name = _artifact_name(stage)
            if self._run.offline and not computed:
                self._inputs.append(name)
                self._run.config.update({"inputs": self._inputs}, allow_val_change=True)
            else:
                metadata = {**stage.description, "made_from": _made_from(stage)}
                artifact = wandb.Artifact(name, ARTIFACTS[stage.name], metadata=metadata)
                artifact.add_dir(str(folder))
                (self._run.log_artifact if computed else self._run.use_artifact)(artifact)
        if stage.name == "trees":
            self._log_trees(folder)

    def results_done(
        self,
        results: Mapping[str, Any],
        played: Mapping[str, Sequence[Trajectory]],
        report: Callable[[], str],
    ) -> None:
        """Log results as figures and as a table, trajectories, and the report."""
        super().results_done(results, played, report)
        table = wandb.Table(columns=list(RESULT_COLUMNS))
        for system, splits in results["systems"].items():
            for split, figures in splits.items():
                means = {n: v["mean"] for n, v in figures.items() if _is_estimate(v)}
                row = {"system": system, "split": split, **figures, **means}
                table.add_data(*(row.get(column) for column in RESULT_COLUMNS))
        texts = wandb.Table(columns=list(TRAJECTORY_COLUMNS))
        for system, trajectories in played.items():
            for cells in self._trajectories(system, trajectories):
                texts.add_data(*cells)
        page = wandb.Html(report(), inject=False)
        self._run.log({keys.RESULTS: table, keys.TRAJECTORIES: texts, keys.REPORT: page})

    def log_figures(self, figures: Mapping[str, float]) -> None:
        """Log figures that a run has once: its summary has them, too."""
        self._run.log(dict(figures))

    def has_curves(self, title: str) -> bool:
        """Return whether an earlier start of this run has sent them."""
        return self._run.resumed and keys.curve(title, "loss") in self._run.summary.keys()  # noqa: SIM118

    def close(self, error: BaseException | None) -> None:
        """Finish the run; one that has to leave its machine is marked as preempted."""
        if isinstance(error, SystemExit):
            self._run.mark_preempting()
        self._run.finish(exit_code=0 if error is None else 1)

    def _log_trees(self, folder: Path) -> None:
        trees = load_trees(folder / TREES)
        paths = find_paths(trees, **self._search)
        page = render(trees, paths, title=self._run.name or "")
        figures = [
            wandb.Image(draw_tree(tree), caption=tree.task.task_id)
            for tree in trees_to_draw(trees, self._settings.trees)
        ]
        self._run.log({keys.TREES: figures, keys.VIEWER: wandb.Html(page, inject=False)})

    def _trajectories(
        self, system: str, trajectories: Sequence[Trajectory]
    ) -> Iterator[tuple[Any, ...]]:
        shown: Counter[str] = Counter()
        for t in trajectories:
            task = t.task
            shown[task.split] += 1
            if shown[task.split] > self._settings.trajectories:
                continue
            yield (
                *(system, task.split, task.task_id, task.task_type),
                *(t.score, t.success, len(t.steps), _text(t)),
            )


def _artifact_name(stage: StageFacts) -> str:
    return f"{stage.title.replace(' ', '_')}-{stage.key}"


def _made_from(stage: StageFacts) -> list[str]:
    """Return the artifacts that lead to a stage with none in between."""
    found: dict[str, None] = {}
    for before in stage.inputs:
        names = [_artifact_name(before)] if before.name in ARTIFACTS else _made_from(before)
        found |= dict.fromkeys(names)
    return list(found)


def run_id(folder: Path, identity: str) -> str:
    """Return the id of the run in `folder`: its file's, else what its point is known by."""
    path = folder / RUN_ID
    if not path.exists():
        path.write_text(identity + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def _is_estimate(value: Any) -> bool:
    return isinstance(value, Mapping) and "mean" in value


def _text(trajectory: Trajectory) -> str:
    lines = [trajectory.first_observation]
    for step in trajectory.steps:
        lines += [f"thought: {step.thought}", f"action: {step.action}", step.observation]
    return "\n".join(lines)
