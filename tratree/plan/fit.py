"""Check whether models, batches and caches fit into a device, before anything is loaded."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tratree.config import BaseModelSettings, Config
from tratree.errors import UserError
from tratree.plan.assumptions import GIB, read_assumptions
from tratree.plan.demand import Demand, playing_demand, training_demand
from tratree.plan.hours import rows_of
from tratree.plan.memory import Size, parameters_of, size_of
from tratree.plan.work import PLAYED, TRAINED, agent_share, base_of
from tratree.policy.gpus import visible_gpus
from tratree.store.stage import Stage

LARGE = 500_000_000
"""Parameters from which a run on the CPU is looked at, too."""

TOLERANCE = 1.15
"""Factor by which an estimate may be too high (ours): only above it a run is refused."""


def check_fit(config: Config, stages: Iterable[Stage]) -> str | None:
    """Return one line on what unfinished stages take of a device; None of small models on a CPU.

    Raises:
        UserError: If one cannot fit.
    """
    gpu = config.trainer.accelerator == "gpu"
    models = (config.model.weak, config.model.strong)
    if not gpu and all(parameters_of(m.name, m.revision) <= LARGE for m in models):
        return None
    room = gpu_memory() if gpu else host_memory()
    if room is None:
        return None
    found: dict[str, tuple[Stage, Demand]] = {}
    looked_at = TRAINED if config.rollout.engine == "vllm" else (*TRAINED, *PLAYED)
    for stage in stages:
        if stage.name in looked_at:
            what = "training" if stage.name in TRAINED else "playing"
            demand = _demand(stage, config, room)
            if what not in found or found[what][1].all < demand.all:
                found[what] = stage, demand
    place = "a GPU" if gpu else "the machine"
    beside = read_assumptions().one("overhead") * GIB if gpu else 0
    for what, (stage, demand) in found.items():
        if (demand.all + beside) / TOLERANCE > room:
            raise UserError(
                f"`{stage.title}` does not fit: {what} {_said(demand)}; {place} has "
                f"{room / GIB:.0f}: {_advice(what, config, too_heavy=demand.weights > room)}"
            )
    if not found:
        return None
    parts = [f"{what} {_said(demand)}" for what, (_, demand) in found.items()]
    close = any(demand.all + beside > room for _, demand in found.values())
    return (
        f"memory of {place}, estimated: {'; '.join(parts)}; there are "
        f"{room / GIB:.0f} GiB{', which may be too little' if close else ''}"
    )


def gpu_memory() -> float | None:
    """Return the bytes of the smallest GPU that may be used; None if the driver tells of none.

    The driver's program is asked: CUDA is not started.
    """
    return min((gpu.memory for gpu in visible_gpus().values()), default=None)


def host_memory() -> float:
    """Return the bytes of the machine's memory, or of the part that a container may use."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [whole]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limits.append(int(Path("/sys/fs/cgroup", name).read_text("utf-8")))
        except (OSError, ValueError):  # no limit, or another version of control groups
            continue
    return float(min(limits))


def _size(config: Config, base: BaseModelSettings, dtype: str) -> Size:
    model = config.model
    return size_of(base.name, base.revision, dtype, model.lora, model.context, model.quantization)


def _demand(stage: Stage, config: Config, room: float) -> Demand:
    base = base_of(stage, config)
    if stage.name in TRAINED:
        size = _size(config, base, config.model.dtype)
        processes = config.trainer.devices * config.trainer.num_nodes
        return training_demand(stage, config, size, agent_share(config), processes)
    size = _size(config, base, config.model.rollout_dtype)
    rows = rows_of(config, size, 10**9, 1, room)
    return playing_demand(base, config, size, rows)


def _said(demand: Demand) -> str:
    size = f"{demand.what}: {demand.all / GIB:.0f} GiB"
    if demand.without > demand.activations:
        without = demand.all + demand.without - demand.activations
        size += f" with checkpointing, {without / GIB:.0f} without"
    return size


def _advice(what: str, config: Config, *, too_heavy: bool) -> str:
    """Say what to change; `too_heavy` is a model whose weights alone have no room."""
    model, strategy = config.model, config.trainer.strategy
    if too_heavy:
        ways = ["take smaller models, or more memory"]
        if model.quantization != "4bit" and strategy != "fsdp" and model.lora is not None:
            ways.insert(0, "set model.quantization=4bit")
    elif what == "playing":
        ways = ["lower rollout.batch_size, rollout.cache_gib or model.context"]
    else:
        ways = ["lower batch_size (and raise accumulate) or model.context"]
        if not model.gradient_checkpointing:
            ways.insert(0, "set model.gradient_checkpointing=true")
    if what == "training" and config.trainer.accelerator == "gpu" and strategy != "fsdp":
        ways.append("use trainer=fsdp")
    return ", or ".join(ways)
