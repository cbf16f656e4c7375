"""``tratree plan [OVERRIDES…]``: memory, tokens and hours of a run or a sweep; nothing is run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from tratree.cli.arguments import ArgumentParser
from tratree.composition import compose_config, split_points
from tratree.plan.assumptions import NO_PROMPT, read_assumptions


def main(arguments: Sequence[str]) -> None:
    """Print the plan.

    Raises:
        UserError: If an argument is wrong, or a model or an environment is not known.
    """
    parser = ArgumentParser(
        prog="tratree plan",
        description="Estimate memory, tokens and hours of each stage of a configuration; nothing "
        "is run, and no weights are loaded. Several values of an override, as of a sweep with -m, "
        "are planned together.",
    )
    parser.add_argument(
        "overrides",
        nargs="*",
        default=[],
        metavar="OVERRIDE",
        help="as of a run, such as method=mcts",
    )
    parser.add_argument("--gpu", default="h100", metavar="KIND", help="default: h100")
    parser.add_argument(
        "--gpus", type=int, metavar="N", help="GPUs of a node (default: trainer.devices)"
    )
    parser.add_argument("--nodes", type=int, metavar="N", help="nodes (default: trainer.num_nodes)")
    parser.add_argument(
        "--assumed", type=Path, metavar="FILE", help="other figures than tratree/plan/assumed.yaml"
    )
    parser.add_argument("-m", "--multirun", action="store_true", help="as of a run; not needed")
    given = parser.parse_intermixed_args(arguments)
    for name in ("gpus", "nodes"):
        if getattr(given, name) is not None and getattr(given, name) < 1:
            parser.error(f"--{name} {getattr(given, name)}: use a number from 1")
    assumed = read_assumptions(given.assumed)
    assumed.gpu(given.gpu)
    points = split_points(given.overrides)
    trainers = [compose_config([*point, NO_PROMPT]).trainer for point in points]

    # Heavy imports wait until the arguments are known to be right.
    from tratree.large_imports import large_imports

    with large_imports():
        from rich.console import Console

        from tratree.plan.hours import Machine
        from tratree.plan.plan import make_plan
        from tratree.plan.text import LEFT_OUT, describe, parts
        from tratree.report.render_table import BETWEEN, fitting, terminal_table

    machine = Machine(
        given.gpu,
        given.gpus or max(trainer.devices for trainer in trainers),
        given.nodes or max(trainer.num_nodes for trainer in trainers),
    )
    plan = make_plan(points, machine, assumed)
    if not sys.stdout.isatty():
        print(describe(plan, assumed))
        return
    console = Console(highlight=False)
    for part in parts(plan, assumed):
        if isinstance(part, str):
            console.print(part.replace("`", ""), markup=False)
        else:
            plain = [[cell.strip("`") for cell in row] for row in part]
            console.print(terminal_table(fitting(plain, console.width - 2, LEFT_OUT, BETWEEN)))
