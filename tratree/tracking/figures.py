"""A run's figures under the names that every tracker gives them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tratree.evaluation.comparison import COMPARED
from tratree.modules.training_history import METRICS, read_metrics
from tratree.report.table import GAPS
from tratree.tracking import keys
from tratree.tracking.tracker import StageFacts, Tracker
from tratree.trajectory.types import Trajectory
from tratree.tree.forest_file import TREES, load_trees
from tratree.tree.statistics import forest_statistics


class FigureTracker(Tracker):
    """Keeps the figures of a run, and the curves of fine-tunings that the store held, too."""

    @abstractmethod
    def log_figures(self, figures: Mapping[str, float]) -> None:
        """Keep figures that a run has once."""

    @abstractmethod
    def has_curves(self, title: str) -> bool:
        """Return whether the curves of a fine-tuning are here from an earlier start."""

    def stage_done(self, stage: StageFacts, folder: Path, *, computed: bool) -> None:
        """Log the curves of what was found in the store, and the figures of trees."""
        rows = [] if computed else read_metrics(folder / METRICS)
        if rows and not self.has_curves(stage.title):
            logger = self.training_logger(stage.title)
            assert logger is not None
            for row in rows:
                figures = {name: value for name, value in row.items() if name != "step"}
                logger.log_metrics(figures, step=int(row["step"]))
            logger.finalize("success")
        if stage.name == "trees":
            found = forest_statistics(load_trees(folder / TREES)).items()
            self.log_figures({keys.tree(name): value for name, value in found if value is not None})

    def results_done(
        self,
        results: Mapping[str, Any],
        played: Mapping[str, Sequence[Trajectory]],
        report: Callable[[], str],
    ) -> None:
        """Log what was measured, and the tests."""
        self.log_figures(result_figures(results))


def result_figures(results: Mapping[str, Any]) -> dict[str, float]:
    """Return means, the ends of rewards' intervals, gaps and tests of ``results.json`` by name."""
    found: dict[str, float | None] = {}
    for system, splits in results["systems"].items():
        for split, figures in splits.items():
            for name, value in figures.items():
                if isinstance(value, Mapping) and "mean" in value:
                    found[keys.result(system, split, name)] = value["mean"]
            for end in ("low", "high"):
                found[keys.result(system, split, f"reward_{end}")] = figures["reward"][end]
            for gap in GAPS:
                found[keys.result(system, split, gap)] = figures.get(gap)
    for system, splits in results["comparisons"]["systems"].items():
        for split, compared in splits.items():
            for figure in COMPARED:
                test = compared[figure]
                for name in ("p", "p_holm"):
                    found[keys.test(system, split, f"{figure}_{name}")] = test[name]
                difference = test["difference"]["mean"]
                found[keys.test(system, split, f"{figure}_difference")] = difference
    return {name: value for name, value in found.items() if value is not None}
