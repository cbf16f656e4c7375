"""Puts all data of a run into one page, and says what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import yaml
from markupsafe import Markup

from tratree.evaluation.metrics import FIGURES
from tratree.report.html import html_figure, render_page
from tratree.report.render_table import Table
from tratree.report.run_page.compared_episodes import episodes_data
from tratree.report.run_page.figures import CURVES_NOTE, draw_curves, draw_results
from tratree.report.run_page.record import RunRecord, StageRecord
from tratree.report.table import (
    COMPARISON_NOTE,
    comparison_rows,
    comparison_title,
    describe_figures,
    readable_rows,
    task_type_rows,
)
from tratree.report.tree_figure import draw_tree, trees_to_draw
from tratree.tree.path_search import find_paths
from tratree.tree.statistics import forest_statistics
from tratree.tree.view.page import content_hash, json_in_html
from tratree.words import counted

_FOLDER = Path(__file__).parent
EVALUATE = "evaluate "


def render(record: RunRecord, *, viewer: str | None = None, trees: int = 3) -> str:
    """Return a whole HTML page on a run; equal arguments give an equal page.

    The page loads nothing, and its Content-Security-Policy allows no script but its own, by its
    hash. The texts of trajectories are data to it, never markup. A run that is not finished has
    what there is of it, and a word on what is missing. A link to
    ``#episode=TASK_ID&split=SPLIT`` opens an episode.

    Args:
        record: The run.
        viewer: Address of the page of its trees (`tratree.tree.view`); None: there is none.
        trees: Number of trees that are drawn.
    """
    script = f'"use strict";\n(() => {{\n{_read("script.js")}}})();\n'
    titles = [s.title.removeprefix(EVALUATE) for s in record.stages if s.title.startswith(EVALUATE)]
    compared = record.comparisons
    return render_page(
        _FOLDER / "run.html",
        title=record.title,
        run=record,
        style=Markup(_read("style.css")),
        results=readable_rows(record.systems, tuple(FIGURES)),
        results_figure=record.systems
        and html_figure(draw_results(record.systems), "Reward of every system with its interval"),
        results_note=describe_figures(record.gap, readable_rows(record.systems)[0]),
        comparisons=compared and comparison_rows(compared),
        comparisons_title=compared and comparison_title(compared),
        comparisons_note=COMPARISON_NOTE,
        task_types=task_type_rows(record.systems),
        waiting=[title for title in titles if title not in record.systems],
        curves_figure=record.curves
        and html_figure(
            draw_curves(record.curves, record.settings.get("method", {}).get("name", "")),
            f"Learning curves of {', '.join(record.curves)}",
        ),
        curves_note=CURVES_NOTE,
        trees_note=_trees_note(record),
        tree_figures=_tree_figures(record, viewer, trees),
        viewer=viewer,
        starts=_starts(record),
        stages=_stages(record.stages),
        settings=yaml.safe_dump(dict(record.settings), allow_unicode=True, sort_keys=False),
        script=Markup(script),
        script_hash=content_hash(script),
        data=Markup(json_in_html(episodes_data(record.episodes))),
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _trees_note(record: RunRecord) -> str:
    if not record.trees:
        return ""
    statistics = forest_statistics(record.trees)
    return (
        f"{counted(len(record.trees), 'tree')} of "
        f"{counted(statistics['trajectories'], 'trajectory', 'trajectories')}, "
        f"{statistics['success_share']:.0%} of them successes; "
        f"{statistics['divergence_points']:.1f} divergence points a tree. "
        "Below, thickness is the number of trajectories and colour their mean score; the path that "
        "MCTS finds is outlined."
    )


def _tree_figures(record: RunRecord, viewer: str | None, count: int) -> list[Markup]:
    drawn = trees_to_draw(record.trees, count)
    paths = find_paths(drawn, **record.search)
    figures = []
    for tree, path in zip(drawn, paths, strict=True):
        name = tree.task.task_id
        caption = Markup.escape(name)
        if viewer is not None:
            address = f"{viewer}#tree={quote(name, safe='')}"
            caption = Markup("<a href='{}'>{}</a>").format(address, name)
        figures.append(html_figure(draw_tree(tree, path.nodes), f"Tree of {name}", caption))
    return figures


def _starts(record: RunRecord) -> Table:
    rows = [["started", "commit", "versions", "machine"]]
    for start in record.starts:
        versions = ", ".join(
            f"{name} {number}" for name, number in start.get("versions", {}).items()
        )
        commit = start["commit"] or "not known"
        rows.append([start.get("time", "not known"), commit, versions, start["machine"]])
    return rows


def _stages(stages: Sequence[StageRecord]) -> Table:
    rows = [["stage", "in the store", "state", "seconds"]]
    for stage in stages:
        seconds = "" if stage.seconds is None else f"{stage.seconds:.1f}"
        rows.append([stage.title, stage.place, stage.status, seconds])
    return rows
