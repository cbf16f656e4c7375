"""Models of real shapes without memory, and the peak of what passes through them would take.

A pass is measured with few layers and extended to all of them, because every layer takes the same.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from transformers import AutoConfig, AutoModelForCausalLM

from tratree.documents import read_yaml
from tratree.models.loading import load_config
from tratree.models.names import hub_commit
from tratree.policy.cache import RolloutCache

SHAPES = Path(__file__).with_name("shapes.yaml")
FEW, MORE = 2, 4
"""Numbers of layers that are measured."""


@cache
def architecture(name: str, revision: str | None = None) -> Any:
    """Return transformers' configuration of a model: of a known shape, a folder or the Hub.

    Raises:
        UserError: If it is none of them.
    """
    known = read_yaml(SHAPES, dict[str, dict[str, Any]], "install tratree again")
    if name not in known:
        return load_config(name, hub_commit(name, revision))
    shape = dict(known[name])
    return AutoConfig.for_model(shape.pop("type"), **shape)


class _Peak(TorchDispatchMode):
    """Counts the bytes of all storages that operations make, as long as they live."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._alive: set[int] = set()

    def add(self, tensor: Tensor) -> None:
        """Count a tensor's storage, once."""
        storage = tensor.untyped_storage()
        number, size = id(storage), storage.nbytes()
        if number not in self._alive:
            self._alive.add(number)
            self.now += size
            self.peak = max(self.peak, self.now)
            weakref.finalize(storage, self._drop, number, size)

    def _drop(self, number: int, size: int) -> None:
        self._alive.discard(number)
        self.now -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        tree_map_only(Tensor, self.add, out)
        return out


def empty(config: Any, layers: int, dtype: torch.dtype) -> Any:
    """Return a model of some of the layers on PyTorch's meta device."""
    small = copy.deepcopy(config)
    small.num_hidden_layers = layers
    if kinds := getattr(small, "layer_types", None):  # of one layer, two may be measured
        small.layer_types = [*kinds, *kinds[-1:] * layers][:layers]
    small._attn_implementation = "sdpa"
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(small, dtype=dtype)


def faked(model: nn.Module) -> None:
    """Replace the weights by fake ones, inside of a `FakeTensorMode`; tied ones stay tied."""
    made: dict[int, Any] = {}
    for module in model.modules():
        for name, weights in module._parameters.items():
            if weights is not None:
                fake = torch.empty(weights.shape, dtype=weights.dtype)
                made.setdefault(id(weights), nn.Parameter(fake, weights.requires_grad))
                module._parameters[name] = made[id(weights)]
        for name, values in module._buffers.items():
            if values is not None:
                module._buffers[name] = torch.empty(values.shape, dtype=values.dtype)


@contextmanager
def _plain_masks() -> Iterator[None]:
    """Keep transformers from looking for packed sequences in values that are not there."""
    from transformers import masking_utils

    found: Any = masking_utils.find_packed_sequence_indices
    masking_utils.find_packed_sequence_indices = lambda *_: None
    try:
        yield
    finally:
        masking_utils.find_packed_sequence_indices = found


@contextmanager
def _products_of_a_gpu() -> Iterator[None]:
    """Let the output layer take what it takes on a GPU: no float32 copy of its weights."""
    from tratree.models import output_head

    found: Any = output_head.added_up
    output_head.added_up = lambda hidden, weight: hidden.new_empty(
        len(hidden), len(weight), dtype=torch.float32
    )
    try:
        yield
    finally:
        output_head.added_up = found


def peak_of(
    model: Any,
    passes: Callable[[], object],
    stored: RolloutCache | None = None,
    *,
    gpu: bool = True,
) -> int:
    """Return the bytes that `passes` takes at its peak beyond the model's and the cache's own."""
    meter = _Peak()
    kept = [t for layer in stored.layers for t in (layer.keys, layer.values)] if stored else []
    for tensor in (*model.parameters(), *model.buffers(), *kept):
        meter.add(tensor)
    before = meter.now
    with meter, _plain_masks(), _products_of_a_gpu() if gpu else nullcontext():
        passes()
    return meter.peak - before


def extended(measure: Callable[[int], int], layers: int) -> int:
    """Return what all layers take, given what few and more take."""
    if layers <= MORE:
        return measure(layers)
    few, more = measure(FEW), measure(MORE)
    return few + (more - few) * (layers - FEW) // (MORE - FEW)
