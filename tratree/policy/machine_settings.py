"""A rollout's use of the machine; imports neither torch nor a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tratree.errors import UserError
from tratree.settings import Count, Few, Positive, settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GIB = 2**30


@settings
class EngineSettings:
    """An engine's use of the machine; changes speed and memory, never a result."""

    batch_size: Count = 32
    """Most episodes that one worker plays at the same time."""

    cache_gib: Positive | None = None
    """Most GiB of stored keys and values, of all workers together: as many episodes are played at a
    time as fit at full length; null: no limit."""

    env_threads: Annotated[int, Field(strict=True, ge=0, le=1024)] = 0
    """Threads of each worker that step environments while the model plays the other episodes; 0
    steps them in turn. Only for environments that wait for another process: scienceworld."""

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


@settings
class WorkerSettings:
    """Number of worker processes that play, and when one is replaced; never changes a result.

    A replaced worker's unfinished episodes are played again from their start.
    """

    workers: Few = 1
    """Processes that play episodes, each with its own copy of the model. 1 plays in this process,
    where nothing can be replaced."""

    step_seconds: Positive | None = None
    """Longest reset or step of an environment, in seconds; a worker that waits longer is replaced.
    null: no limit."""

    recycle_episodes: Count | None = None
    """A worker is replaced after this many episodes; null: never."""

    recycle_gib: Positive | None = None
    """A worker is replaced when its memory, its child processes' included, is above this many GiB;
    null: never."""


def episode_bytes(model: PreTrainedModel, max_context: int) -> int:
    """Return the memory of the keys and values of an episode of `max_context` tokens."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    layers = config.num_hidden_layers
    return 2 * layers * key_heads * head_size * (max_context + 1) * model.dtype.itemsize
