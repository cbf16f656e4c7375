"""Write cost.md, with cost_template.md: GPU hours and memory of the paper's sizes, estimated.

python -m experiments.paper.cost_page
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from experiments.paper import cost, model_sizes
from experiments.paper.cost import Range
from experiments.paper.model_sizes import Role
from tratree.report.sweep_page import markdown_table
from tratree.store.stage import Stage, with_inputs

PAGE = Path(__file__).with_name("cost.md")
TEMPLATE = Path(__file__).with_name("cost_template.md")
SIZES: Mapping[Role, str] = MappingProxyType({"weak": "7B", "strong": "13B"})
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "imitation": ("sft", "imitate"),
        "preferences": ("prefer", "reference"),
        "playing": ("explore", "evaluate"),
    }
)
# Measured on one CPU core: model, operations for each token in millions, tokens a second, where.
# Six for each weight that is trained; four for each of a frozen base that keeps its activations.
SMOLLM2 = 4 * 134.5 + 6 * 19.5
MEASURED = (
    ("tiny ScienceWorld, weak", 6 * 0.126912, 16_000, "[tiny_three](../tiny_three/README.md)"),
    ("tiny ScienceWorld, strong", 6 * 0.630912, 6_500, "[tiny_three](../tiny_three/README.md)"),
    ("tiny WebShop, weak", 6 * 0.128064, 14_000, "[tiny_three](../tiny_three/README.md)"),
    ("tiny WebShop, strong", 6 * 0.633216, 7_000, "[tiny_three](../tiny_three/README.md)"),
    ("SmolLM2 135M, one pass", SMOLLM2, 68, "[smollm2_cpu](../smollm2_cpu/README.md)"),
    ("SmolLM2 135M, its SFT", SMOLLM2, 75, "3,456 tokens in 46 s, by the same page"),
)
# Most tokens of a pass: an SFT batch of four episodes, a pair, each as long as the context.
PASSES = {"SFT or imitation": 4, "preferences": 2}


def digits(value: float) -> str:
    """Return a number with two digits that count."""
    return f"{float(f'{value:.2g}'):,.6g}"


def text(found: Range) -> str:
    """Return both ends of a range, or one if they are equal."""
    low, high = map(digits, found)
    return low if low == high else f"{low} to {high}"


def memory_table() -> list[list[str]]:
    """Return the GB of rollouts and of training passes of both models."""
    context = model_sizes.paper_setting().model.context
    rows = [["", "model", "base", "adapter, optimizer", "activations", "logits", "cache", "all"]]
    for role, name in SIZES.items():
        episodes = model_sizes.model(role).episodes
        base, cache = model_sizes.playing_memory(role).values()
        rows.append([f"playing {episodes} episodes", name, *_gb(base, 0, 0, 0, cache)])
        for what, sequences in PASSES.items():
            if role == "weak" and what == "preferences":
                continue  # only the strong model learns preferences
            parts = model_sizes.training_memory(role, sequences * context)
            base, adapter, kept, layer, logits = parts.values()
            rows.append([f"training: {what}", name, *_gb(base, adapter, kept + layer, logits, 0)])
    return rows


def _gb(*parts: float) -> list[str]:
    return [f"{part / 1e9:.1f}" if part else "" for part in (*parts, sum(parts))]


def all_sweeps() -> dict[tuple[str, str], list[Stage]]:
    """Return the stages of one seed of each sweep and environment, each once."""
    return {
        (sweep, env): list(cost.stages(sweep, env)[1].values())
        for sweep, environments in cost.SWEEPS.items()
        for env in environments
    }


def group_hours(sweeps: Mapping[tuple[str, str], Iterable[Stage]]) -> list[Range]:
    """Return the GPU hours of each group of stages, of all seeds, counting once what is shared."""
    distinct = {(env, stage.key): stage for (_, env), found in sweeps.items() for stage in found}
    return [
        cost.add(
            cost.hours([stage], env).times(cost.SEEDS)
            for (env, _), stage in distinct.items()
            if stage.name in names
        )
        for names in GROUPS.values()
    ]


def sweep_table() -> list[list[str]]:
    """Return the GPU hours of sweeps."""
    rows = [["sweep", "environment", "runs", *GROUPS, "GPU hours"]]
    for (sweep, env), found in all_sweeps().items():
        groups = group_hours({(sweep, env): found})
        runs = cost.stages(sweep, env)[0] * cost.SEEDS
        name = f"[`{sweep}`](../{sweep}/README.md)"
        rows.append([name, env, str(runs), *map(text, groups), text(cost.add(groups))])
    groups = group_hours(all_sweeps())
    return [*rows, ["all", "", "", *map(text, groups), text(cost.add(groups))]]


def stage_table() -> list[list[str]]:
    """Return the GPU hours of one seed of the main table by stage."""
    rows = [["stage", "model", *cost.TASKS]]
    for name in (name for names in GROUPS.values() for name in names):
        for role, size in SIZES.items():
            cells = [_cell(chosen(env, name, role), env) for env in cost.TASKS]
            if any(cells):
                rows.append([f"`{name}`", size, *cells])
    return rows


def chosen(env: str, name: str, role: Role) -> list[Stage]:
    """Return the stages of one name, of one model, in one seed of the main table."""
    found = cost.stages("main_table", env)[1].values()
    return [stage for stage in found if stage.name == name and cost.role_of(stage) == role]


def _cell(found: list[Stage], env: str) -> str:
    return f"{text(cost.hours(found, env))} ({len(found)})" if found else ""


def run_hours(system: str, env: str) -> Range:
    """Return the GPU hours of one run: of a system and of the two baselines."""
    found = cost.stages("main_table", env)[1].values()
    systems = ("sft_weak", "sft_strong", system)
    evaluated = [s for s in found if s.name == "evaluate" and s.label in systems]
    return cost.hours(with_inputs(evaluated), env)


def measured_table() -> list[list[str]]:
    """Return the speeds that were measured, and the operations that they come to."""
    rows = [["model", "operations a token", "tokens a second", "operations a second", "where"]]
    for name, each, tokens, where in MEASURED:
        speed = f"{digits(each * tokens / 1000)} G"
        rows.append([name, f"{digits(each)} M", f"{tokens:,}", speed, where])
    return rows


def page() -> str:
    """Return the page."""
    config, strong = model_sizes.paper_setting(), model_sizes.model("strong")
    operations = [each for _, each, _, _ in MEASURED]
    speeds = [each * tokens for _, each, tokens, _ in MEASURED]
    needed = cost.TRAINING * strong.parameters / 1e6
    demonstrated = cost.TASKS["alfworld"].train * cost.demonstration_tokens("alfworld")
    core_seconds = demonstrated * config.model.strong.sft.epochs * needed / speeds[-1]
    groups = dict(zip(GROUPS, group_hours(all_sweeps()), strict=True))
    total = cost.add(groups.values())
    shares = sorted(p / t for p, t in zip(groups["preferences"], total, strict=True))
    return TEMPLATE.read_text("utf-8").format(
        context=config.model.context,
        memory=markdown_table(memory_table()),
        parts=_parts(),
        seeds=cost.SEEDS,
        groups="; ".join(f"*{group}*: `{'`, `'.join(names)}`" for group, names in GROUPS.items()),
        sweeps=markdown_table(sweep_table()),
        by_stage=markdown_table(stage_table()),
        factor=cost.TRAINING,
        measured=markdown_table(measured_table()),
        span=digits(max(operations) / min(operations)),
        spread=digits(max(speeds) / min(speeds)),
        beyond=digits(needed / max(operations)),
        days=digits(core_seconds / 86400),
        sft=text(cost.hours(chosen("alfworld", "sft", "strong"), "alfworld")),
        lengths=_each_env({env: f"{cost.demonstration_tokens(env):,.0f}" for env in cost.TASKS}),
        **{env: f"{length['episodes']}" for env, length in cost.LENGTHS.items()},
        stretch=_each_env({env: f"{cost.stretch(env).high:.1f}" for env in cost.TASKS}),
        adapter_bytes=model_sizes.ADAPTER_BYTES,
        logit_bytes=model_sizes.LOGIT_BYTES,
        total=text(total),
        share=" to ".join(f"{100 * share:.0f}" for share in shares),
        mcts=text(run_hours("mcts", "alfworld")),
    )


def _each_env(values: Mapping[str, str]) -> str:
    return ", ".join(f"{env} {value}" for env, value in values.items())


def _parts() -> str:
    weak, strong = (model_sizes.model(role) for role in ("weak", "strong"))
    return (
        f"The models have {weak.parameters / 1e9:.2f} and {strong.parameters / 1e9:.2f} billion "
        f"parameters, their adapters {weak.adapter / 1e6:.0f} and "
        f"{strong.adapter / 1e6:.0f} million"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
