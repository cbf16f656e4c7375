"""A dashboard for the tests, and the keys of runs that its panels name."""

from __future__ import annotations

import wandb_workspaces.workspaces as ws

from tratree.tracking.wandb_dashboard import build_dashboard


def alfworld_dashboard(*methods: str) -> ws.Workspace:
    """Return the dashboard of ALFWorld's runs, by default of the paper's two methods."""
    return build_dashboard(
        *("me", "mine", "alfworld"),
        splits=["unseen", "seen"],
        baselines=["sft_weak", "sft_strong"],
        methods=methods or ("mcts", "tree_dpo"),
    )


def keys_of(workspace: ws.Workspace) -> set[str]:
    """Return the keys of histories, summaries and media that the panels name."""
    found: set[str] = set()
    for panel in (panel for section in workspace.sections for panel in section.panels):
        found |= set(getattr(panel, "metrics", ()))
        found |= set(getattr(panel, "media_keys", ()))
        for axis in ("x", "y"):
            named = getattr(panel, axis, ())
            of_axis = named if isinstance(named, list | tuple) else [named]
            found |= {getattr(one, "name", one) for one in of_axis if not is_configuration(one)}
        found |= {panel.table_name} if hasattr(panel, "table_name") else set()
    return found


def configuration_keys(workspace: ws.Workspace) -> set[str]:
    """Return the keys of configurations that the panels name."""
    panels = [panel for section in workspace.sections for panel in section.panels]
    named = [getattr(panel, at, None) for panel in panels for at in ("x", "groupby")]
    return {one.name for one in named if is_configuration(one)}


def is_configuration(key: object) -> bool:
    return type(key).__name__ == "Config"
