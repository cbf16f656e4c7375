"""Settings of a fine-tuning; imports nothing heavy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tratree.settings import Count, Few, NotNegative, Positive, settings


@settings
class OptimizationSettings:
    """Optimisation of one fine-tuning with AdamW."""

    learning_rate: Positive
    """Highest learning rate."""

    epochs: Annotated[int, Field(strict=True, ge=1, le=10**6)]
    """Passes over the data."""

    batch_size: Count
    """Most samples (episodes or pairs) of one forward pass."""

    accumulate: Count = 1
    """Most batches of a step. A step has batch_size × accumulate samples; how it is cut changes
    memory and speed, and results by rounding only."""

    warmup_share: Annotated[float, Field(strict=True, ge=0, lt=1)] = 0.03
    """Share of all steps in which the learning rate rises linearly."""

    weight_decay: NotNegative = 0.0
    """Weight decay of AdamW."""

    clip: NotNegative = 1.0
    """Largest norm of the gradient; 0 does not clip."""

    schedule: Literal["cosine", "constant", "linear", "constant_with_warmup"] = "cosine"
    """cosine: to 0 after the warm-up; constant; linear, to 0, and constant_with_warmup: those of
    transformers, whose first step of a warm-up has a learning rate of 0."""


@settings
class HardwareSettings:
    """Hardware of a fine-tuning; other hardware changes the last bits of a result."""

    accelerator: Literal["cpu", "gpu"] = "cpu"
    """cpu or gpu."""

    devices: Few = 1
    """Number of them on each node that share the batches of a step, one process each."""

    num_nodes: Few = 1
    """Nodes. Above 1: a SLURM job over that number of nodes (hydra/launcher=slurm_nodes)."""

    strategy: Literal["auto", "ddp", "fsdp"] = "auto"
    """Division of work between devices: ddp, each with the whole model; fsdp, each with its part of
    every weight; auto for 1 device."""

    precision: Literal["32-true", "bf16-mixed"] = "32-true"
    """bf16-mixed computes matrix products in bfloat16."""

    threads: Few = 1
    """CPU threads of a fine-tuning. The number changes the last bits of a result, so it is
    fixed."""

    deterministic: bool = True
    """Only operations that give the same bits every time (on the CPU all do). On a GPU, attention
    over one sequence or pack leaves most of it idle then; trainer=gpu, ddp and fsdp set false."""

    checkpoint_every_steps: Count = 50
    """A killed fine-tuning loses at most this many steps."""


@settings
class TrainingSettings(HardwareSettings, OptimizationSettings):
    """Optimisation and hardware of one fine-tuning."""

    def __post_init__(self) -> None:
        """Check what must go together."""
        if self.processes > 1 and self.strategy == "auto":
            raise ValueError(f"training on {self.processes} devices: set strategy to ddp or fsdp")
        if self.batch_size * self.accumulate % self.processes:
            raise ValueError(
                f"a step has batch_size × accumulate = {self.batch_size * self.accumulate} "
                f"samples, which {self.processes} devices cannot share evenly: change one of them"
            )

    @property
    def processes(self) -> int:
        """Number of devices, and of processes, on all nodes."""
        return self.devices * self.num_nodes

    def batches(self) -> tuple[int, int]:
        """Return how a step is cut: most samples of a batch, and batches.

        With several devices there is at least a batch for each.
        """
        if self.accumulate >= self.processes:
            return self.batch_size, self.accumulate
        return self.batch_size * self.accumulate // self.processes, self.processes


@settings
class DPOSettings:
    """The constants of the DPO loss."""

    beta: Positive = 0.1
    """β, the strength of the KL regularisation (paper: 0.1)."""

    label_smoothing: Annotated[float, Field(strict=True, ge=0, lt=0.5)] = 0.0
    """Assumed share of wrong preferences (paper: none)."""

    length_normalised: bool = False
    """Take the mean of log-probabilities over the tokens of a continuation, not their sum (paper:
    sums)."""

    loss: Literal["sigmoid", "hinge", "ipo", "robust", "apo_zero", "apo_down"] = "sigmoid"
    """Loss of a pair, by TRL's names (paper: sigmoid). ipo always takes means over tokens, as TRL's
    does; robust corrects the bias of label_smoothing, which must then be above 0."""

    nll_weight: NotNegative = 0.0
    """Weight of the negative log-likelihood of the chosen side, a mean over its tokens, that is
    added to the loss (paper: none). It holds up the likelihood of what is chosen, which the
    preference alone may lower."""

    def __post_init__(self) -> None:
        """Check what must go together."""
        if self.label_smoothing and self.loss not in ("sigmoid", "robust"):
            raise ValueError(
                f"label_smoothing={self.label_smoothing:g} has no meaning for loss={self.loss}: "
                "set it to 0, or take loss=sigmoid or robust"
            )
        if self.loss == "robust" and not self.label_smoothing:
            raise ValueError(
                "loss=robust needs label_smoothing, the share of pairs that are the wrong way "
                "round: set it above 0, or take loss=sigmoid"
            )
