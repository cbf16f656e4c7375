"""Write cost.md, with cost_template.md: what `tratree plan` says of the paper's sizes.

python -m experiments.paper.cost_page
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from tratree.composition import split_points
from tratree.plan.assumptions import Assumptions, read_assumptions
from tratree.plan.hours import Machine
from tratree.plan.plan import Plan, make_plan
from tratree.plan.text import describe, hours_text
from tratree.report.render_table import markdown_table

PAGE = Path(__file__).with_name("cost.md")
TEMPLATE = Path(__file__).with_name("cost_template.md")
NODE = Machine("h100", 8, 1)
RUN = ("setting=paper", "model=qwen2_5", "env=alfworld", "trainer=ddp", "trainer.devices=8")
BEFORE = ("rollout.workers=1", "rollout.batch_size=32", "rollout.cache_gib=40")
AFTER = ("rollout.workers=8", "rollout.batch_size=256", "rollout.cache_gib=40")
RUNS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("mcts", "before", ("method=mcts", *BEFORE)),
    ("mcts", "after", ("method=mcts", *AFTER)),
    ("tree_dpo", "before", ("method=tree_dpo", "method.pack_tokens=4096", *BEFORE)),
    ("tree_dpo", "after", ("method=tree_dpo", "method.pack_tokens=8192", *AFTER)),
)
"""Before: one player; after: one on each GPU, and packs with room for a tree."""

SWEEPS = (
    ("main_table", "alfworld"),
    ("main_table", "scienceworld"),
    ("main_table", "webshop"),
    ("ablation", "alfworld"),
    ("beta_sweep", "scienceworld"),
    ("width_sweep", "scienceworld"),
)
SWEPT = ("setting=paper", "trainer=ddp", "trainer.devices=8", "method.pack_tokens=8192", *AFTER)


def planned(overrides: Sequence[str], assumed: Assumptions) -> Plan:
    """Return the plan of a run or a sweep on a node."""
    return make_plan(split_points(overrides), NODE, assumed)


def command(overrides: Sequence[str]) -> str:
    """Return the command that prints a plan."""
    return f"    tratree plan {shlex.join(overrides)}"


def run_tables(assumed: Assumptions) -> tuple[str, str]:
    """Return the hours of single runs, before and after, and the plans after in full."""
    rows = [["method", "players, packs", "1 GPU", "as set, on 8 × H100", "low to high"]]
    plans = []
    for method, when, overrides in RUNS:
        plan = planned((*RUN, *overrides), assumed)
        better, expected, worse = (plan.hours[case] for case in (2, 1, 0))
        span = f"{hours_text(better[1])} to {hours_text(worse[1])}"
        rows.append([f"`{method}`", when, hours_text(expected[0]), hours_text(expected[1]), span])
        if when == "after":
            plans += [f"### `method={method}`, after", describe(plan, assumed)]
    return markdown_table(rows), "\n\n".join(plans)


def sweep_table(assumed: Assumptions) -> str:
    """Return the cost of one seed of each sweep."""
    names = ("GPU hours", "without reuse", "on 8 × H100", "low to high")
    rows = [["sweep", "environment", "runs", *names]]
    for sweep, env in SWEEPS:
        plan = planned((f"experiment={sweep}", f"env={env}", "seed=0", *SWEPT), assumed)
        better, expected, worse = (plan.hours[case] for case in (2, 1, 0))
        hours = map(hours_text, (expected[0], plan.without_reuse, expected[1]))
        span = f"{hours_text(better[1])} to {hours_text(worse[1])}"
        rows.append([f"[`{sweep}`](../{sweep}/README.md)", env, str(plan.runs), *hours, span])
    return markdown_table(rows)


def page() -> str:
    """Return the page."""
    assumed = read_assumptions()
    runs, plans = run_tables(assumed)
    return TEMPLATE.read_text("utf-8").format(
        runs=runs,
        plans=plans,
        commands="\n".join(command((*RUN, *overrides)) for _, _, overrides in RUNS),
        sweeps=sweep_table(assumed),
        command=command(("experiment=SWEEP", "env=ENVIRONMENT", "seed=0", *SWEPT)),
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
