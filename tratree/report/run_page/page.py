"""Puts all data of a run into one page, and says what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

import yaml

from tratree.report.html import html_figure
from tratree.report.render_table import html_table
from tratree.report.run_page.compared_episodes import episodes_data
from tratree.report.run_page.figures import draw_curves, draw_results
from tratree.report.run_page.record import RunRecord, StageRecord
from tratree.report.table import describe_figures, readable_rows
from tratree.report.tree_figure import draw_tree, trees_to_draw
from tratree.tree.statistics import forest_statistics
from tratree.tree.types import TrajectoryTree
from tratree.tree.view.page import content_hash, json_in_html

_FOLDER = Path(__file__).parent
CONTROLS = (
    "<form id='choose' hidden><label>Episode<select id='episode'></select></label>"
    "<button id='previous' type='button'>Previous</button>"
    "<button id='next' type='button'>Next</button></form>"
    "<div id='played' aria-live='polite'>"
    "<noscript>JavaScript, which is switched off here, shows them.</noscript></div>"
)


def render(record: RunRecord, *, viewer: str | None = None, trees: int = 3) -> str:
    """Return a whole HTML page on a run; equal arguments give an equal page.

    The page loads nothing, and its Content-Security-Policy allows no script but its own, by its
    hash. The texts of trajectories are data to it, never markup. A run that is not finished has
    what there is of it, and a word on what is missing.

    Args:
        record: The run.
        viewer: Address of the page of its trees (`tratree.tree.view`); None: there is none.
        trees: Number of trees that are drawn.
    """
    script = f'"use strict";\n(() => {{\n{_read("script.js")}}})();\n'
    return Template(_read("template.html")).substitute(
        title=escape(record.title),
        status=escape(f"{record.name}: {record.status}"),
        style=_read("style.css"),
        results=_results(record),
        episodes=CONTROLS if record.episodes else _missing("No episode has been evaluated yet."),
        curves=_curves(record),
        trees=_trees(record, viewer, trees),
        origin=_origin(record),
        script=script,
        script_hash=content_hash(script),
        data=json_in_html(episodes_data(record.episodes)),
    )


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _results(record: RunRecord) -> str:
    if not record.systems:
        return _missing("No system has been evaluated yet, so there are no results.")
    parts = [
        html_table(readable_rows(record.systems)),
        f"<p class='note'>{escape(describe_figures(record.gap))}</p>",
        html_figure(draw_results(record.systems), "Reward of every system with its interval"),
    ]
    waiting = [
        stage.title.removeprefix("evaluate ")
        for stage in record.stages
        if stage.title.startswith("evaluate ")
        if stage.title.removeprefix("evaluate ") not in record.systems
    ]
    if waiting:
        parts.append(_missing(f"Not evaluated yet: {', '.join(waiting)}."))
    return "".join(parts)


def _curves(record: RunRecord) -> str:
    if not record.curves:
        return _missing("No fine-tuning has made a step.")
    titles = ", ".join(record.curves)
    return html_figure(draw_curves(record.curves), f"Learning curves of {titles}")


def _trees(record: RunRecord, viewer: str | None, count: int) -> str:
    if not record.trees:
        return _missing(f"No trees: {record.no_trees}.")
    statistics = forest_statistics(record.trees)
    said = (
        f"{len(record.trees)} trees of {statistics['trajectories']} trajectories, "
        f"{statistics['success_share']:.0%} of them successes; "
        f"{statistics['divergence_points']:.1f} divergence points a tree. "
        "Below, thickness is the number of trajectories and colour their mean score."
    )
    link = f" <a href='{escape(viewer)}'>See all trees</a>." if viewer else ""
    drawn = [
        html_figure(draw_tree(tree), f"Tree of {tree.task.task_id}", _caption(tree, viewer))
        for tree in trees_to_draw(record.trees, count)
    ]
    return f"<p>{escape(said)}{link}</p>{''.join(drawn)}"


def _caption(tree: TrajectoryTree, viewer: str | None) -> str:
    name = escape(tree.task.task_id)
    if viewer is None:
        return name
    address = f"{viewer}#tree={quote(tree.task.task_id, safe='')}"
    return f"<a href='{escape(address, quote=True)}'>{name}</a>"


def _origin(record: RunRecord) -> str:
    unknown = "Not known: the run was not started from the command line."
    parts = [f"<pre>{escape(record.command)}</pre>" if record.command else _missing(unknown)]
    if "seed" in record.settings:
        parts.append(f"<p>Seed {escape(str(record.settings['seed']))}.</p>")
    starts = [["started", "commit", "versions", "machine"]]
    for start in record.starts:
        versions = ", ".join(
            f"{name} {number}" for name, number in start.get("versions", {}).items()
        )
        commit = start["commit"] or "not known"
        starts.append([start.get("time", "not known"), commit, versions, start["machine"]])
    parts.append(html_table(starts) if record.starts else _missing("Commit: not known."))
    if record.stages:
        parts.append(_stages(record.stages))
    if record.settings:
        settings = yaml.safe_dump(dict(record.settings), allow_unicode=True, sort_keys=False)
        parts.append(
            "<details><summary>Configuration</summary>"
            f"<pre id='settings'>{escape(settings)}</pre></details>"
        )
    return "".join(parts)


def _stages(stages: Sequence[StageRecord]) -> str:
    rows = [["stage", "in the store", "state", "seconds"]]
    for stage in stages:
        seconds = "" if stage.seconds is None else f"{stage.seconds:.1f}"
        rows.append([stage.title, stage.place, stage.status, seconds])
    return html_table(rows)


def _missing(said: str) -> str:
    return f"<p class='missing'>{escape(said)}</p>"
