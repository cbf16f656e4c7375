"""The dashboard of a project in W&B, as code: a workspace with its panels."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import wandb_workspaces.reports.v2 as wr
import wandb_workspaces.workspaces as ws
from wandb_workspaces import expr

from tratree.errors import UserError
from tratree.report.colours import style_of
from tratree.tracking import keys

AXES: Mapping[str, str] = MappingProxyType(
    {"method.beta": "β", "tree.width": "tree width", "tree.xi_sim": "ξ_sim"}
)
"""The axes of the paper's sweeps, and their names there."""
CURVES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "sft weak": ("loss",),
        "sft strong": ("loss",),
        "imitate": ("loss",),
        "prefer": ("loss", "accuracy", "margin"),
    }
)
"""The figures of each fine-tuning that have a panel."""
ENV = "env.name"
METHOD = "method.name"


def build_dashboard(
    entity: str,
    project: str,
    env: str,
    *,
    splits: Sequence[str],
    baselines: Sequence[str],
    methods: Sequence[str],
) -> ws.Workspace:
    """Return the workspace of a project's runs on one environment; nothing is sent.

    Runs are grouped by method, and a system has the colour that it has on every page. The first of
    `splits` is the main one; `baselines` are the systems that every run has.
    """
    systems = [*baselines, *methods]
    results: list[Any] = [_bars(f"Reward, {split}", "reward", systems, split) for split in splits]
    results += [_bars(f"Gap to strong, {split}", "pgr", methods, split) for split in splits]
    sections = [
        ws.Section(
            name="Results",
            panels=[*results, wr.WeavePanelSummaryTable(table_name=keys.RESULTS)],
            is_open=True,
        )
    ]
    for axis, name in AXES.items():
        sweep: list[Any] = [_against(axis, name, system, splits[0]) for system in methods]
        sections.append(ws.Section(name=f"Reward against {name}", panels=sweep, is_open=True))
    curves: list[Any] = [
        _curve(stage, figure) for stage, figures in CURVES.items() for figure in figures
    ]
    media: list[Any] = [
        wr.MediaBrowser(title=title, media_keys=[key])
        for title, key in (
            *(("Report", keys.REPORT), ("Tree viewer", keys.VIEWER)),
            ("Trees", keys.TREES),
        )
    ]
    sections += [
        ws.Section(name="Learning curves", panels=curves),
        ws.Section(name="Trees", panels=media, is_open=True),
        ws.Section(
            name="Trajectories", panels=[wr.WeavePanelSummaryTable(table_name=keys.TRAJECTORIES)]
        ),
    ]
    return ws.Workspace(
        entity=entity,
        project=project,
        name=f"tratree {env}",
        sections=sections,
        settings=ws.WorkspaceSettings(x_axis=keys.STEP),
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Tags().isin([env])),
            groupby=[expr.Config(METHOD)],
            group_colors={method: style_of(method).light for method in methods},
        ),
    )


def publish(workspace: ws.Workspace) -> str:
    """Save a workspace as a new view of its project, and return its address.

    Raises:
        UserError: If the server does not take it.
    """
    os.environ.setdefault("WANDB_SILENT", "true")
    try:
        workspace.save()
        address: str = workspace.url
    except Exception as error:  # the client has no common class for what may go wrong
        raise UserError(
            f"W&B does not take the dashboard of {workspace.entity}/{workspace.project} "
            f"({' '.join(str(error).split())}): check that name, and that your key may write there"
        ) from error
    return address


def _bars(title: str, figure: str, systems: Sequence[str], split: str) -> wr.BarPlot:
    """Return a bar for each system: the mean over runs and their range.

    No standard error: runs of other methods have the same baseline of a seed, too, and W&B would
    count each as one more.
    """
    return wr.BarPlot(
        title=title,
        metrics=[keys.result(system, split, figure) for system in systems],
        orientation="v",
        groupby=wr.Config(ENV),
        groupby_aggfunc="mean",
        groupby_rangefunc="minmax",
        line_colors={keys.result(s, split, figure): style_of(s).light for s in systems},
    )


def _against(axis: str, name: str, system: str, split: str) -> wr.ScatterPlot:
    """Return a point for each run, and the running mean."""
    return wr.ScatterPlot(
        title=f"{system}, {split}: reward against {name}",
        x=wr.Config(name=axis),
        y=wr.SummaryMetric(keys.result(system, split, "reward")),
        running_ymean=True,
        gradient=[wr.GradientPoint(color=style_of(system).light, offset=end) for end in (0, 100)],
    )


def _curve(stage: str, figure: str) -> wr.LinePlot:
    """Return the mean over runs of each method, and its standard error."""
    return wr.LinePlot(
        title=f"{stage}: {figure}",
        x=keys.STEP,
        y=[keys.curve(stage, figure)],
        groupby=wr.Config(METHOD),
        groupby_aggfunc="mean",
        groupby_rangefunc="stderr",
    )
