"""``tratree dashboard ENTITY/PROJECT``: a W&B workspace for the runs of a project."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from tratree.cli.arguments import ArgumentParser
from tratree.errors import UserError

EXTRA = "wandb_workspaces"


def main(arguments: Sequence[str]) -> None:
    """Make the workspace and print its address."""
    parser = ArgumentParser(
        prog="tratree dashboard",
        description="Make a workspace in W&B for the runs of a project that were logged with "
        "logger=wandb: reward and gap to strong by method, reward against β, tree width and ξ_sim, "
        "learning curves, trees, reports and trajectories.",
    )
    parser.add_argument("project", metavar="ENTITY/PROJECT", help="user or team, and project")
    parser.add_argument(
        "--env",
        default="alfworld",
        metavar="NAME",
        help="whose runs (default: %(default)s)",
    )
    given = parser.parse_args(arguments)
    entity, slash, project = given.project.partition("/")
    if not (entity and slash and project) or "/" in project:
        raise UserError(f"{given.project} is not ENTITY/PROJECT: say both, such as me/tratree")
    if find_spec(EXTRA) is None:
        raise UserError("this needs wandb-workspaces: `pip install 'tratree[dashboard]'`")

    # Heavy imports wait until it is known that they are needed.
    from tratree.tracking.wandb_connection import check_connection

    check_connection("tratree dashboard")

    from tratree.composition import compose_config
    from tratree.evaluation.metrics import STRONG, WEAK
    from tratree.method_plugins import METHODS
    from tratree.tracking.wandb_dashboard import build_dashboard, publish

    splits = compose_config([f"env={given.env}"]).evaluation.splits
    workspace = build_dashboard(
        *(entity, project, given.env),
        splits=splits,
        baselines=[WEAK, STRONG],
        methods=METHODS.names(),
    )
    print(f"dashboard: {publish(workspace)}")
