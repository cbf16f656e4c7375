"""How a fine-tuning is done; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from tratree.errors import UserError

STRATEGIES = ("auto", "ddp", "fsdp")
PRECISIONS = ("32-true", "bf16-mixed")


@dataclass(frozen=True)
class TrainingSettings:
    """Optimisation and hardware of one fine-tuning with AdamW.

    Attributes:
        learning_rate: Highest learning rate, above 0.
        epochs: Passes over the data, at least 1.
        batch_size: Most samples (episodes or pairs) of one forward pass.
        accumulate: Most batches of a step. A step has batch_size × accumulate samples; how it is
            cut changes memory and speed, and results by rounding only.
        warmup_share: Share of all steps in which the learning rate rises linearly, in [0, 1).
        weight_decay: Of AdamW, at least 0.
        clip: Largest norm of the gradient; 0 does not clip.
        schedule: ``cosine`` to 0 after the warm-up, or ``constant``; or ``constant_with_warmup``,
            the one of transformers, whose first step of a warm-up has a learning rate of 0.
        precision: ``32-true``, or ``bf16-mixed`` for matrix products in bfloat16.
        threads: CPU threads; the number changes the last bits of a result.
        accelerator: Lightning's name, such as ``cpu`` or ``gpu``.
        devices: How many of them on each node share the batches of a step, one process each.
        num_nodes: On how many nodes.
        strategy: How they work together: ``ddp``, each with the whole model, or ``fsdp``, each with
            its part of every weight; ``auto`` for 1 device.
        checkpoint_every_steps: A killed fine-tuning loses at most so many steps.

    Raises:
        UserError: If a value is out of its range.
    """

    learning_rate: float
    epochs: int
    batch_size: int
    accumulate: int = 1
    warmup_share: float = 0.03
    weight_decay: float = 0.0
    clip: float = 1.0
    schedule: str = "cosine"
    precision: str = "32-true"
    threads: int = 1
    accelerator: str = "cpu"
    devices: int = 1
    num_nodes: int = 1
    strategy: str = "auto"
    checkpoint_every_steps: int = 50

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in (
            *("epochs", "batch_size", "accumulate"),
            *("threads", "devices", "num_nodes", "checkpoint_every_steps"),
        ):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}: set it to 1 or more")
        for name in ("weight_decay", "clip"):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} is {getattr(self, name)}: set it to 0 or more")
        if not self.learning_rate > 0:
            raise UserError(f"learning_rate is {self.learning_rate}: set it above 0")
        if not 0 <= self.warmup_share < 1:
            raise UserError(f"warmup_share is {self.warmup_share}: set it from 0 to below 1")
        if self.processes > 1 and self.strategy == "auto":
            raise UserError(f"training on {self.processes} devices: set strategy to ddp or fsdp")
        if self.batch_size * self.accumulate % self.processes:
            raise UserError(
                f"a step has batch_size × accumulate = {self.batch_size * self.accumulate} "
                f"samples, which {self.processes} devices cannot share evenly: change one of them"
            )
        for name, choices in (
            ("schedule", ("cosine", "constant", "constant_with_warmup")),
            ("strategy", STRATEGIES),
            ("precision", PRECISIONS),
        ):
            if getattr(self, name) not in choices:
                raise UserError(f"{name} is {getattr(self, name)}: use {' or '.join(choices)}")

    @property
    def processes(self) -> int:
        """How many devices, and processes, there are on all nodes."""
        return self.devices * self.num_nodes

    def batches(self) -> tuple[int, int]:
        """Return how a step is cut: most samples of a batch, and batches.

        With several devices there is at least a batch for each.
        """
        if self.accumulate >= self.processes:
            return self.batch_size, self.accumulate
        return self.batch_size * self.accumulate // self.processes, self.processes
