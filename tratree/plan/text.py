"""A plan as Markdown."""

from __future__ import annotations

from tratree.plan.assumptions import ASSUMED, CASES, GIB, Assumptions
from tratree.plan.plan import Plan
from tratree.report.render_table import markdown_table


def describe(plan: Plan, assumed: Assumptions) -> str:
    """Return the tables of memory and of time, and what bounds it."""
    return "\n\n".join(
        (
            "Memory of one GPU in GiB, where episodes are as long as the context (measured with "
            "fake tensors of the real shapes):",
            markdown_table(memory_table(plan, assumed)),
            f"Tokens and hours (estimated; {ASSUMED.name} has what is assumed):",
            markdown_table(time_table(plan)),
            "\n".join(summary(plan)),
        )
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
    gpus = plan.machine.all
    rows = [["stage", "model", "stages", "M tokens", "1 GPU", "as set", f"all {gpus} GPUs"]]
    for stage in plan.stages:
        count = (
            f"{stage.count}" if stage.asked == stage.count else f"{stage.count} of {stage.asked}"
        )
        hours = map(hours_text, stage.hours)
        tokens = f"{stage.tokens / 1e6:.3g}"
        rows.append([f"`{stage.title}`", _short(stage.model), count, tokens, *hours])
    total = [sum(stage.hours[place] for stage in plan.stages) for place in range(3)]
    return [*rows, ["all", "", "", "", *map(hours_text, total)]]


def summary(plan: Plan) -> list[str]:
    """Say what bounds the time, its range, and what reuse of stages saves."""
    lines = []
    names = ("on 1 GPU", "as set", f"on all {plan.machine.all} GPUs")
    for place, name in enumerate(names):
        most = max(plan.stages, key=lambda stage: stage.hours[place], default=None)
        expected = plan.hours[CASES.index("expected")][place]
        if most is None or not expected:
            continue
        span = f"{hours_text(plan.hours[-1][place])} to {hours_text(plan.hours[0][place])}"
        lines.append(
            f"- {name}: {hours_text(expected)} hours ({span} if all that is assumed is better or "
            f"worse); `{most.title}` bounds it, with {most.hours[place] / expected:.0%}."
        )
    if plan.runs > 1:
        reused = hours_text(sum(stage.hours[0] for stage in plan.stages))
        lines.append(
            f"- {plan.runs} runs against one store take {reused} hours of one GPU; without reuse "
            f"of stages they would take {hours_text(plan.without_reuse)}."
        )
    return lines


def _gib(size: int) -> str:
    return f"{size / GIB:.1f}" if size else ""


def hours_text(hours: float) -> str:
    """Return hours with two digits that count."""
    return f"{float(f'{hours:.2g}'):,.4g}"


def _short(model: str) -> str:
    return model.rpartition("/")[2]
