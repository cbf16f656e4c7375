"""Seconds of a stage's work on one GPU and on several, from assumed shares of what they can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tratree.config import Config
from tratree.plan.assumptions import Assumptions
from tratree.plan.memory import Size, size_of
from tratree.plan.work import Work

TRAINING, READING = 6, 2
"""Operations for each parameter and token. A frozen base needs no gradient of its weights: forward,
forward again for checkpointed activations, gradient of the activations."""

CACHE_SHARE = 0.8
"""Share of the memory that a model leaves free for keys and values, without ``rollout.cache_gib``;
a pass over the batch needs some, too."""


@dataclass(frozen=True)
class Machine:
    """The GPUs that a plan is for.

    Attributes:
        kind: Their kind, one of `assumed.yaml`.
        gpus: Number of them on each node.
        nodes: Number of nodes.
    """

    kind: str
    gpus: int
    nodes: int

    @property
    def all(self) -> int:
        """Number of GPUs of all nodes."""
        return self.gpus * self.nodes


@dataclass(frozen=True)
class Devices:
    """Numbers of GPUs that share the work.

    Attributes:
        training: That train together.
        playing: That play, one player each.
        scoring: That score.
        nodes: That those which train are on.
    """

    training: int
    playing: int
    scoring: int
    nodes: int


def size_in(config: Config, work: Work, *, playing: bool) -> Size:
    """Return the size of the model of a stage, as training or as playing loads it."""
    model, base = config.model, work.base
    dtype = model.rollout_dtype if playing else model.dtype
    return size_of(base.name, base.revision, dtype, model.lora, model.context, model.quantization)


def rows_of(config: Config, size: Size, episodes: int, players: int, room: float) -> int:
    """Return how many episodes a player has at a time, on a device with `room` bytes."""
    rollout = config.rollout
    free = CACHE_SHARE * max(0.0, room - size.base - size.trained_bytes)
    budget = rollout.cache_gib * 2**30 if rollout.cache_gib else free
    fitting = max(1, int(budget / size.episode))
    return max(1, min(rollout.batch_size, fitting, -(-episodes // players)))


def seconds(
    work: Work, config: Config, machine: Machine, devices: Devices, assumed: Assumptions
) -> float:
    """Return how long a stage takes, its model's loading included.

    Raises:
        UserError: If the kind of GPU is unknown.
    """
    gpu = assumed.gpu(machine.kind)
    size = size_in(config, work, playing=work.kind == "play")
    peak = gpu["tflops"] * 1e12 * assumed.one("compute_share")
    loading = size.base / (assumed.one("disk") * 1e9)
    if work.kind == "train":
        # Without checkpointing nothing is computed twice; all weights may have gradients.
        each = TRAINING - 2 * (not config.model.gradient_checkpointing)
        each += 2 * (config.model.lora is None) + READING * work.forwards
        computed = work.tokens * each * size.parameters / peak
        gathered = _gathering(work, config, size, devices, gpu, assumed)
        spent = max(computed / devices.training, gathered)
        return loading + spent / _sharing(devices.training, assumed)
    read = work.tokens * READING * size.parameters / peak
    if work.kind == "score":
        return loading + read / devices.scoring / _sharing(devices.scoring, assumed)
    players = min(devices.playing, max(1, work.episodes))
    room = (gpu["memory"] - assumed.one("overhead")) * 2**30
    rows = rows_of(config, size, work.episodes, players, room)
    kept = size.episode * min(1.0, (work.tokens + work.said) / work.episodes / config.model.context)
    fetched = (size.base + rows * kept / 2) / (
        gpu["bandwidth"] * 1e9 * assumed.one("bandwidth_share")
    )
    step = max(fetched, size.layers * assumed.one("layer_ms") / 1e3)
    longest = work.said / work.episodes  # the last episodes of a player play with empty seats
    steps = work.said / players / rows + longest
    return loading + (read / players + steps * step) / _sharing(players, assumed)


def _sharing(devices: int, assumed: Assumptions) -> float:
    return 1.0 if devices == 1 else assumed.one("sharing_share")


def _gathering(
    work: Work,
    config: Config,
    size: Size,
    devices: Devices,
    gpu: Mapping[str, float],
    assumed: Assumptions,
) -> float:
    """Return how long the links need where each pass gathers the weights that others hold."""
    if config.trainer.strategy != "fsdp" or devices.training == 1:
        return 0.0
    link = gpu["link"] if devices.nodes == 1 else min(gpu["link"], assumed.one("network"))
    passes = work.tokens / devices.training / (2 * config.model.context)
    return 2 * passes * size.base / (link * 1e9 * assumed.one("link_share"))
