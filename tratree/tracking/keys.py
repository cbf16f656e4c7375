"""The names of a run's figures and pages, the same for every tracker."""

from __future__ import annotations

STEP = "trainer/global_step"
"""The x axis of every curve."""
RESULTS = "results"
"""The table of results."""
TRAJECTORIES = "trajectories"
"""A table of evaluation episodes."""
TREES = "trees"
"""Figures of trees."""
VIEWER = "tree viewer"
"""The page of all trees."""
REPORT = "report"
"""The page of ``tratree report``."""


def curves_of(stage_title: str) -> str:
    """Return what the curves of a fine-tuning have in common: ``sft_weak`` for ``sft weak``."""
    return stage_title.replace(" ", "_")


def curve(stage_title: str, figure: str) -> str:
    """Return the key of one figure of every step of a fine-tuning."""
    return f"{curves_of(stage_title)}/{figure}"


def result(system: str, split: str, figure: str) -> str:
    """Return the key of a figure of a system in ``results.json``."""
    return f"results/{system}/{split}/{figure}"


def test(system: str, split: str, figure: str) -> str:
    """Return the key of a system's comparison with the baseline, task by task."""
    return f"tests/{system}/{split}/{figure}"


def tree(figure: str) -> str:
    """Return the key of a figure of all trees of the run."""
    return f"forest/{figure}"
