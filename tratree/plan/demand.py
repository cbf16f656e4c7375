"""Memory of a device that a stage takes at its peak, where episodes are as long as the context."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from tratree.config import BaseModelSettings, Config
from tratree.modules.settings import HardwareSettings, TrainingSettings
from tratree.plan.memory import Size, TrainingPass, playing_bytes, scoring_bytes, training_bytes
from tratree.stages.training_settings import PREFIX_PACKS
from tratree.store.stage import Stage

SCORED_TOKENS = 16384
"""Tokens of a padded batch that is scored."""


@dataclass(frozen=True)
class Demand:
    """Bytes of one device.

    Attributes:
        what: The passes, such as ``4 × 4,096 tokens``.
        weights: Of the base model and the trained weights.
        gradients: Of the trained weights, and the buckets in which devices add them up.
        optimizer: AdamW's two means.
        activations: Kept for the gradient, or for the next layer.
        without: The same without ``model.gradient_checkpointing``; of training only.
        logits: With their gradients.
        cache: Keys and values of live episodes.
    """

    what: str
    weights: int
    gradients: int = 0
    optimizer: int = 0
    activations: int = 0
    without: int = 0
    logits: int = 0
    cache: int = 0

    @property
    def all(self) -> int:
        """The sum."""
        counted = ("weights", "gradients", "optimizer", "activations", "logits", "cache")
        return sum(getattr(self, name) for name in counted)


def training_pass(stage: Stage, config: Config, share: float) -> TrainingPass:
    """Return the largest pass of a fine-tuning.

    `share` is that of an episode's tokens that the agent said.
    """
    settings, context = stage.settings, config.model.context
    packed = settings.get("pack_tokens", settings.get(PREFIX_PACKS))
    pairs = stage.name == "prefer"
    if packed is not None:
        # What has no room beside others has a pack of its own: an episode, or both sides of a pair.
        tokens = max(packed, (1 + pairs) * context)
        said = int(tokens * share)
        return TrainingPass(1, tokens, said, said, packed=True)
    hardware = {f.name: getattr(config.trainer, f.name) for f in fields(HardwareSettings)}
    batch, _ = TrainingSettings(**settings["optimization"], **hardware).batches()
    rows = (1 + pairs) * batch
    columns = int(context * (1 - (1 - share) ** rows))  # where any row has one
    return TrainingPass(rows, context, columns, int(rows * context * share))


def training_demand(stage: Stage, config: Config, size: Size, share: float, devices: int) -> Demand:
    """Return what a fine-tuning takes; arguments as of `training_pass`, and its model and GPUs."""
    base, passed = stage.settings["base"], training_pass(stage, config, share)

    def measured(tokens: TrainingPass, *, checkpointing: bool) -> int:
        return training_bytes(
            base["name"],
            base.get("revision"),
            base["dtype"],
            config.model.lora,
            tokens,
            checkpointing=checkpointing,
            mixed=config.trainer.precision == "bf16-mixed",
        )

    checkpointing = config.model.gradient_checkpointing
    silent = replace(passed, logits=1, trained=1)
    activations = measured(silent, checkpointing=checkpointing)
    frozen = 1 + sum(name.startswith("earlier_") for name in stage.inputs)
    weights, trained = size.base * frozen, size.trained_bytes
    beside = 0 if config.model.lora is None else trained
    gathered, buckets = 0, 0
    if config.trainer.strategy == "fsdp" and devices > 1:
        # Two layers are whole at a time, and what is outside of layers always is.
        gathered = 2 * size.layer + size.base - size.layers * size.layer
        weights, trained = weights // devices, trained // devices
        beside //= devices
    elif devices > 1:
        buckets = trained
    return Demand(
        f"{passed.rows} × {passed.tokens:,} tokens",
        weights=weights + beside + gathered,
        gradients=trained + buckets,
        optimizer=2 * trained,
        activations=activations,
        without=measured(silent, checkpointing=False),
        logits=max(0, measured(passed, checkpointing=checkpointing) - activations),
    )


def playing_demand(base: BaseModelSettings, config: Config, size: Size, rows: int) -> Demand:
    """Return what a player of `rows` episodes at a time takes; the adapter is beside the base."""
    model = config.model
    taken = playing_bytes(base.name, base.revision, model.rollout_dtype, rows, model.context)
    return Demand(
        f"{rows} × {model.context:,} tokens",
        weights=size.base + size.trained_bytes,
        activations=taken,
        cache=rows * size.episode,
    )


def scoring_demand(stage: Stage, base: BaseModelSettings, config: Config, size: Size) -> Demand:
    """Return what a model takes that scores sequences."""
    context = config.model.context
    packed = stage.settings.get("pack_tokens")
    tokens = max(packed, context) if packed else max(1, SCORED_TOKENS // context) * context
    taken = scoring_bytes(base.name, base.revision, config.model.dtype, tokens, packed=bool(packed))
    return Demand(f"{tokens:,} tokens", weights=size.base + size.trained_bytes, activations=taken)
