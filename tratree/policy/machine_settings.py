"""A rollout's use of the machine; imports neither torch nor a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from tratree.errors import UserError
from tratree.settings import Count, Few, Positive, settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

GIB = 2**30
_SHARE_OF_FREE = 0.8
"""Share of a GPU's free memory for keys and values; a pass over the batch needs some, too."""


@settings
class EngineSettings:
    """An engine's use of the machine; changes speed and memory, never a result."""

    batch_size: Count = 64
    """Most episodes that one worker plays at the same time."""

    cache_gib: Positive | None = None
    """Most GiB of stored keys and values, of all workers on one GPU, or on one machine's CPU,
    together: as many episodes are played at a time as fit at full length. null: no limit; on a GPU,
    four fifths of the memory that the model leaves free."""

    env_threads: Annotated[int, Field(strict=True, ge=0, le=1024)] = 0
    """Threads of each worker that step environments while the model plays the other episodes; 0
    steps them in turn. Only for environments that wait for another process: scienceworld."""

    def episodes(self, model: PreTrainedModel, max_context: int, sharing: int = 1) -> int:
        """Return how many episodes of at most `max_context` tokens are played at a time.

        `sharing` workers share the memory for keys and values.

        Raises:
            UserError: If not even one fits into the budget.
        """
        budget = self.cache_gib
        if budget is None:
            if model.device.type != "cuda":
                return self.batch_size
            budget = _SHARE_OF_FREE * _free_gib(model)
        budget /= sharing
        each = episode_bytes(model, max_context)
        fitting = int(budget * GIB / each)
        if not fitting:
            limit = f"cache_gib is {budget:g}"
            if self.cache_gib is None:
                limit = f"the GPU has {budget:.3g} GiB for keys and values"
            raise UserError(
                f"{limit}, but one episode of {max_context} tokens takes {each / GIB:.3g} GiB: "
                f"{'use fewer workers' if self.cache_gib is None else 'raise it'}, or lower "
                "model.context"
            )
        return min(self.batch_size, fitting)


@settings
class WorkerSettings:
    """Number of worker processes that play, and when one is replaced; never changes a result.

    A replaced worker's unfinished episodes are played again from their start.
    """

    workers: Few | Literal["auto"] = 1
    """Processes that play episodes, each with its own copy of the model, on the GPUs in turn. On a
    CPU, 1 plays in this process, where nothing can be replaced. auto: one for each GPU of every
    node of the SLURM job; on CPUs trainer.devices of them, so 1 by default."""

    step_seconds: Positive | None = None
    """Longest reset or step of an environment, in seconds; a worker that waits longer is replaced.
    null: no limit."""

    recycle_episodes: Count | None = None
    """A worker is replaced after this many episodes; null: never."""

    recycle_gib: Positive | None = None
    """A worker is replaced when its memory, its child processes' included, is above this many GiB;
    null: never."""


@settings
class ServerSettings:
    """vLLM servers that play episodes; changes speed, never what an episode may be."""

    servers: Literal["auto"] | tuple[str, ...] = ()
    """auto: one on each free GPU of this machine, started for a stage that plays and stopped at its
    end; or addresses such as http://localhost:8000 of servers that run already. Those of one base
    model share its episodes."""

    concurrency: Count = 256
    """Most episodes that each vLLM server plays at the same time."""

    server_start_seconds: Positive = 1800.0
    """Longest time from the start of a server to its first answer, in seconds."""

    probe_adapters: bool = True
    """Before a server plays an adapter, a short greedy answer of it is compared with that of the
    model here, which is loaded for it into this machine's memory."""


def _free_gib(model: PreTrainedModel) -> float:
    # Imported here, because settings need no torch.
    import torch

    free, _ = torch.cuda.mem_get_info(model.device)
    return free / GIB


def episode_bytes(model: PreTrainedModel, max_context: int) -> int:
    """Return the memory of the keys and values of an episode of `max_context` tokens."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    key_heads = getattr(config, "num_key_value_heads", None) or heads
    head_size = getattr(config, "head_dim", None) or config.hidden_size // heads
    layers = config.num_hidden_layers
    return 2 * layers * key_heads * head_size * (max_context + 1) * model.dtype.itemsize
