"""A plan in words and tables."""

from __future__ import annotations

from collections.abc import Sequence

from tratree.plan.assumptions import ASSUMED, CASES, GIB, Assumptions
from tratree.plan.plan import Plan
from tratree.report.render_table import Table, markdown_table

AS_SET = "as set"

LEFT_OUT = (
    *("without checkpointing", "logits", "cache", "optimizer", "gradients", "activations"),
    *("weights", "stages", "model"),
)
"""Columns that a table in a narrow terminal is without, the first ones first."""


def describe(plan: Plan, assumed: Assumptions) -> str:
    """Return the plan in Markdown."""
    found = (
        part if isinstance(part, str) else markdown_table(part) for part in parts(plan, assumed)
    )
    return "\n\n".join(found)


def parts(plan: Plan, assumed: Assumptions) -> Sequence[str | Table]:
    """Return the tables of memory and of time, what they are, and what bounds the time."""
    return (
        "Memory of one GPU in GiB, where episodes are as long as the context (measured with "
        "fake tensors of the real shapes):",
        memory_table(plan, assumed),
        f"Tokens and hours (estimated; {ASSUMED.name} has what is assumed):",
        time_table(plan),
        "\n".join(summary(plan)),
    )


def memory_table(plan: Plan, assumed: Assumptions) -> list[list[str]]:
    """Return the memory of each kind of stage."""
    room = assumed.gpu(plan.machine.kind)["memory"]
    parts = ("weights", "gradients", "optimizer", "activations", "without", "logits", "cache")
    header = ["stage", "model", "passes", *parts, "all", f"of {room:g}"]
    header[header.index("without")] = "without checkpointing"
    rows, seen = [header], set[tuple[str, ...]]()
    for stage in plan.stages:
        demand = stage.demand
        cells = [demand.what, *(_gib(getattr(demand, part)) for part in parts), _gib(demand.all)]
        known = (stage.title.split()[0], stage.model, *cells)
        if known in seen:
            continue
        seen.add(known)
        fits = demand.all / GIB + assumed.one("overhead") <= room
        rows.append([f"`{known[0]}`", _short(stage.model), *cells, "fits" if fits else "too much"])
    return rows


def time_table(plan: Plan) -> list[list[str]]:
    """Return the tokens and hours of each stage."""
    places = _places(plan)
    rows = [["stage", "model", "stages", "M tokens", *places]]
    for stage in plan.stages:
        count = (
            f"{stage.count}" if stage.asked == stage.count else f"{stage.count} of {stage.asked}"
        )
        hours = map(hours_text, stage.hours[: len(places)])
        tokens = f"{stage.tokens / 1e6:.3g}"
        rows.append([f"`{stage.title}`", _short(stage.model), count, tokens, *hours])
    total = [sum(stage.hours[place] for stage in plan.stages) for place in range(len(places))]
    return [*rows, ["all", "", "", "", *map(hours_text, total)]]


def summary(plan: Plan) -> list[str]:
    """Say what bounds the time, its range, and what reuse of stages saves."""
    lines = []
    for place, name in enumerate(_places(plan)):
        most = max(plan.stages, key=lambda stage: stage.hours[place], default=None)
        expected = plan.hours[CASES.index("expected")][place]
        if most is None or not expected:
            continue
        span = f"{hours_text(plan.hours[-1][place])} to {hours_text(plan.hours[0][place])}"
        lines.append(
            f"- {name if name == AS_SET else f'on {name}'}: {hours_text(expected)} hours ({span} "
            "if all that is assumed is better or worse); "
            f"`{most.title}` bounds it, with {most.hours[place] / expected:.0%}."
        )
    if plan.runs > 1:
        reused = hours_text(sum(stage.hours[0] for stage in plan.stages))
        lines.append(
            f"- {plan.runs} runs against one store take {reused} hours of one GPU; without reuse "
            f"of stages they would take {hours_text(plan.without_reuse)}."
        )
    return lines


def _places(plan: Plan) -> Sequence[str]:
    """Return where the hours of a stage are counted; all the same where there is one GPU."""
    gpus = plan.machine.all
    return ("1 GPU", AS_SET, f"all {gpus} GPUs") if gpus > 1 else ("1 GPU",)


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}" if size else ""


def hours_text(hours: float) -> str:
    """Return hours with two digits that count, down to some seconds."""
    return f"{float(f'{hours:.2g}'):,.4g}" if hours >= 0.001 or not hours else "<0.001"


def _short(model: str) -> str:
    return model.rpartition("/")[2]
