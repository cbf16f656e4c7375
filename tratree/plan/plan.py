"""A plan: the stages of one run or of a sweep, with their memory, tokens and hours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from tratree.composition import compose_config
from tratree.config import Config
from tratree.errors import UserError
from tratree.models.architecture import check_context
from tratree.plan.assumptions import CASES, NO_PROMPT, Assumptions
from tratree.plan.demand import (
    Demand,
    playing_demand,
    scoring_demand,
    training_demand,
)
from tratree.plan.fake import architecture
from tratree.plan.hours import Devices, Machine, rows_of, seconds, size_in
from tratree.plan.work import Work, agent_share, work_of
from tratree.stages.methods import evaluations
from tratree.store.stage import Stage, with_inputs

STAND_INS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "alfworld": {"games": "generated"},
        "webshop": {"catalogue": "generated", "products": 1000, "goals": "synthetic"},
    }
)
"""Let stages be known where the official files are not: which games they are changes no cost."""


@dataclass(frozen=True)
class Planned:
    """The stages of a plan that do the same with the same model.

    Attributes:
        title: Name of the stage and label.
        model: Name of its model.
        count: Number that the store will hold.
        asked: Number of runs that ask for one of them.
        tokens: Trained, read and said, of all of them.
        demand: Memory of a device of the largest.
        hours: Of all of them on one GPU, as the configuration shares them, and on all GPUs.
    """

    title: str
    model: str
    count: int
    asked: int
    tokens: float
    demand: Demand
    hours: tuple[float, float, float]


@dataclass(frozen=True)
class Plan:
    """All stages that take a GPU, and the machine.

    Attributes:
        runs: Number of runs.
        machine: The GPUs.
        stages: In the order of the first run.
        hours: In the worse, expected and better case: on one GPU, as configured, on all GPUs.
        without_reuse: Hours on one GPU if no run found a stage in the store.
    """

    runs: int
    machine: Machine
    stages: Sequence[Planned]
    hours: Sequence[tuple[float, float, float]]
    without_reuse: float


def devices_of(config: Config, machine: Machine) -> Devices:
    """Return how the configuration shares its stages among GPUs."""
    trainer = config.trainer
    workers = config.rollout.workers
    playing = machine.all if workers == "auto" else min(workers, machine.gpus)
    return Devices(trainer.devices * trainer.num_nodes, playing, playing, trainer.num_nodes)


def make_plan(points: Sequence[Sequence[str]], machine: Machine, assumed: Assumptions) -> Plan:
    """Plan a run, or every run of a sweep against one store, each given by its overrides.

    Raises:
        UserError, HydraException: If a configuration is not possible, also on this machine, or a
            model is not known.
    """
    found: dict[str, tuple[Stage, Config]] = {}
    asked: dict[str, int] = {}
    for overrides in points:
        config, stages = _stages(overrides)
        _check(config, machine)
        for stage in stages:
            found.setdefault(stage.key, (stage, config))
            asked[stage.key] = asked.get(stage.key, 0) + 1
    groups: dict[tuple[str, str], list[tuple[Stage, Config, Work]]] = {}
    for stage, config in found.values():
        work = work_of(stage, config, assumed)
        if work is not None:
            groups.setdefault((stage.title, work.base.name), []).append((stage, config, work))
    every = [member for members in groups.values() for member in members]
    cases = [replace(assumed, case=case) for case in range(len(CASES))]
    return Plan(
        len(points),
        machine,
        [
            Planned(
                title,
                model,
                len(members),
                sum(asked[stage.key] for stage, _, _ in members),
                sum(work.tokens + work.said for _, _, work in members),
                max(
                    (demand_of(s, c, w, machine, assumed) for s, c, w in members),
                    key=lambda demand: demand.all,
                ),
                _hours(members, machine, assumed),
            )
            for (title, model), members in groups.items()
        ],
        [_hours(every, machine, case) for case in cases],
        sum(
            asked[stage.key] * _hours([(stage, config, work)], machine, assumed)[0]
            for stage, config, work in every
        ),
    )


def _stages(overrides: Sequence[str]) -> tuple[Config, list[Stage]]:
    """Return a configuration and the stages of its run, whichever files are here."""
    config = compose_config([*overrides, NO_PROMPT])
    stand_ins: Any = STAND_INS.get(config.env.name, {})
    config = replace(config, env=replace(config.env, **stand_ins))
    return config, with_inputs(evaluations(config).values())


def _check(config: Config, machine: Machine) -> None:
    """Check what a run would refuse: fewer GPUs than it asks for, or too long a context.

    Raises:
        UserError: If it would.
    """
    trainer, model = config.trainer, config.model
    for wanted, there, key, option in (
        (trainer.devices, machine.gpus, "trainer.devices", "--gpus"),
        (trainer.num_nodes, machine.nodes, "trainer.num_nodes", "--nodes"),
    ):
        if wanted > there:
            raise UserError(f"{key}={wanted} is more than {option} {there}: change one of them")
    for base in (model.weak, model.strong):
        try:
            check_context(architecture(base.name, base.revision), model.context)
        except UserError as error:
            raise UserError(f"{base.name}: {error}") from None


def demand_of(
    stage: Stage, config: Config, work: Work, machine: Machine, assumed: Assumptions
) -> Demand:
    """Return the memory that a stage takes of a GPU."""
    devices = devices_of(config, machine)
    size = size_in(config, work, playing=work.kind == "play")
    share = agent_share(config, assumed)
    if work.kind == "train":
        return training_demand(stage, config, size, share, devices.training)
    if work.kind == "score":
        return scoring_demand(stage, work.base, config, size)
    room = (assumed.gpu(machine.kind)["memory"] - assumed.one("overhead")) * 2**30
    rows = rows_of(config, size, work.episodes, devices.playing, room)
    return playing_demand(work.base, config, size, rows)


def _hours(
    members: Iterable[tuple[Stage, Config, Work]], machine: Machine, assumed: Assumptions
) -> tuple[float, float, float]:
    """Return the hours on one GPU, as configured, and on all."""
    totals = [0.0, 0.0, 0.0]
    for stage, config, _ in members:
        work = work_of(stage, config, assumed)  # the case may change it
        assert work is not None
        whole = Devices(machine.all, machine.all, machine.all, machine.nodes)
        for place, devices in enumerate((Devices(1, 1, 1, 1), devices_of(config, machine), whole)):
            totals[place] += seconds(work, config, machine, devices, assumed) / 3600
    return totals[0], totals[1], totals[2]
