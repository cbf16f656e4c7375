"""A decoding step of the rollout engine: what it takes beside the arithmetic, before and now.

The model is small and has many layers, so that most of a step is what surrounds its products. The
earlier way makes index tensors in every layer, copies keys and values for heads that share them,
and launches every kernel of a pass one by one. The logits of both must be equal, to the bit on a
CPU; on a GPU, where a recorded pass has other shapes, the drawn tokens are compared.

    python benchmarks/decode_step.py --layers 28 --rows 32
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import Qwen2Config, Qwen2ForCausalLM

from tratree.policy import cache, live_batch
from tratree.policy.decode_attention import GROUPS, attend_by_rows
from tratree.policy.live_batch import LiveBatch
from tratree.policy.rollout_settings import SamplingSettings
from tratree.policy.sampling import sample

VOCABULARY = 512


def earlier_store(layer: Any, stored: Tensor, new: Tensor) -> Tensor:
    """Store new keys or values as the cache did before."""
    placement = layer._placement
    slots, positions = placement.slots, placement.positions
    rows = torch.arange(len(new), device=new.device) if slots is None else slots
    stored[rows[:, None], :, positions] = new.transpose(1, 2)
    visible = stored[:, :, : placement.visible]
    return visible[: len(new)] if slots is None else visible[slots]


def rows_or_sdpa(model: Any) -> None:
    """Choose the attention of single tokens as before: row by row, or SDPA with a mask."""
    attend_by_rows(model)
    if model.config._attn_implementation == GROUPS:
        model.set_attn_implementation("sdpa")


@contextmanager
def earlier() -> Iterator[None]:
    """Play as before in the block."""
    no_graphs = mock.Mock(return_value=mock.Mock(failed=True))
    with (
        mock.patch.object(cache._RolloutLayer, "_store", earlier_store),
        mock.patch.object(live_batch, "attend_by_rows", rows_or_sdpa),
        mock.patch.object(live_batch, "DecodeGraphs", no_graphs),
    ):
        yield


def steps(model: Any, rows: int, count: int, length: int) -> Iterator[tuple[float, Tensor, Tensor]]:
    """Yield the CPU seconds, the logits and the tokens of each step, tokens fed back."""
    model.set_attn_implementation("sdpa")
    batch = LiveBatch(model, rows, length + count + 2)
    for _ in range(rows):
        batch.append()
    batch.prefill({row: [1 + row % 7] * (length - row % 5) for row in range(rows)})
    settings = [SamplingSettings(temperature=0.0 if row % 2 else 1.0) for row in range(rows)]
    draws = torch.rand(count, rows, generator=torch.Generator().manual_seed(0)).tolist()
    tokens: Sequence[int] = [1] * rows
    for drawn in draws:
        start = time.process_time()
        logits = batch.decode(tokens)
        said = sample(logits, settings, drawn)
        tokens = said.tolist()
        yield time.process_time() - start, logits.clone(), said


class Count(TorchDispatchMode):
    """Counts the operations that are sent to the device one by one."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Count one."""
        self.total += 1
        return func(*args, **(kwargs or {}))


def launched(playing: Any, model: Any, rows: int, length: int) -> int:
    """Return how many operations a step takes, replays of recorded ones not counted."""
    with playing():
        taken = steps(model, rows, 4, length)
        for _ in range(3):
            next(taken)
        with Count() as count:
            next(taken)
    return count.total


def compare(model: Any, rows: int, count: int, length: int) -> dict[str, Any]:
    """Take steps in both ways by turns; return milliseconds and their ratio.

    Raises:
        AssertionError: If the two differ.
    """
    ways: dict[str, Callable[[], AbstractContextManager[None]]] = {
        "earlier": earlier,
        "now": nullcontext,
    }
    found: dict[str, list[tuple[float, Tensor, Tensor]]] = {}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(3):
        for way, playing in ways.items():
            with playing():
                found[way] = list(steps(model, rows, count, length))
            seconds[way] += sorted(spent for spent, _, _ in found[way][2:])[: count // 2]
    for (_, before, said_before), (_, now, said) in zip(*found.values(), strict=True):
        assert torch.equal(said_before, said)
        assert model.device.type == "cuda" or torch.equal(before, now)
    operations = {way: launched(playing, model, rows, length) for way, playing in ways.items()}
    each = {way: 1000 * sum(spent) / len(spent) for way, spent in seconds.items()}
    return {
        "ratio": round(each["earlier"] / each["now"], 2),
        **{f"{way}_ms": round(value, 2) for way, value in each.items()},
        **{f"{way}_operations": count for way, count in operations.items()},
    }


def model_of(layers: int, width: int, dtype: str, device: str) -> Qwen2ForCausalLM:
    """Return a random model of many narrow layers."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=8,
        num_key_value_heads=2,
        max_position_embeddings=4096,
    )
    return Qwen2ForCausalLM(config).to(getattr(torch, dtype)).to(device).eval()


def main() -> None:
    """Read the arguments, compare, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--length", type=int, default=100)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = model_of(given.layers, given.width, given.dtype, given.device)
    measured = compare(model, given.rows, given.steps, given.length)
    print(json.dumps({"benchmark": "decode_step", **vars(given), **measured}))


if __name__ == "__main__":
    main()
