"""How a rollout uses the machine; imports neither torch nor a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tratree.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GIB = 2**30


@dataclass(frozen=True)
class EngineSettings:
    """How an engine uses the machine; changes speed and memory, never a result.

    Attributes:
        batch_size: Most episodes at a time.
        cache_gib: Most GiB of stored keys and values; as many episodes are played at a time as
            fit at full length. None sets no limit.
        env_threads: Threads that step environments while the model goes on with the other
            episodes; helps where a step waits for another process. 0 steps them in turn, as
            environments need that are not safe in threads.

    Raises:
        UserError: If a value is out of its range.
    """

    batch_size: int
    cache_gib: float | None = None
    env_threads: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.batch_size < 1:
            raise UserError(f"batch_size is {self.batch_size}: set it to 1 or more")
        if self.env_threads < 0:
            raise UserError(f"env_threads is {self.env_threads}: set it to 0 or more")

    def episodes(self, model: PreTrainedModel, max_context: int) -> int:
        """Return how many episodes are played at a time.

        Raises:
            UserError: If not even one fits into the budget.
        """
        if self.cache_gib is None:
            return self.batch_size
        each = episode_bytes(model, max_context)
        fitting = int(self.cache_gib * GIB / each)
        if not fitting:
            raise UserError(
                f"cache_gib is {self.cache_gib:g}, but one episode of {max_context} tokens takes "
                f"{each / GIB:.3g} GiB: raise it, or lower model.context"
            )
        return min(self.batch_size, fitting)


@dataclass(frozen=True)
class WorkerSettings:
    """How many worker processes play, and when one is replaced; never changes a result.

    A replaced worker's unfinished episodes are played again from their start.

    Attributes:
        workers: How many; 1 plays in this process, where nothing can be replaced.
        step_seconds: Longest reset or step of an environment; a worker that waits longer is hung.
            None waits for ever.
        recycle_episodes: A worker that has played so many is replaced; None keeps it.
        recycle_gib: A worker whose memory, its child processes' included, is above this is
            replaced; None keeps it.

    Raises:
        UserError: If a value is out of its range.
    """

    workers: int = 1
    step_seconds: float | None = None
    recycle_episodes: int | None = None
    recycle_gib: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.workers < 1:
            raise UserError(f"workers is {self.workers}: set it to 1 or more")
        for name in ("step_seconds", "recycle_episodes", "recycle_gib"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UserError(f"{name} is {value}: set it above 0")


def episode_bytes(model: PreTrainedModel, max_context: int) -> int:
    """Return the memory of the keys and values of an episode of `max_context` tokens."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    layers = config.num_hidden_layers
    return 2 * layers * key_heads * head_size * (max_context + 1) * model.dtype.itemsize
