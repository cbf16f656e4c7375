"""Peak memory of passes through a model, from fake tensors of the real shapes.

Nothing is allocated. A pass is measured with few layers and extended to all of them, because every
layer takes the same.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only
from transformers import AutoConfig, AutoModelForCausalLM

from tratree.documents import read_yaml
from tratree.models.loading import load_config, no_future_warnings
from tratree.models.lora import add_lora
from tratree.models.names import hub_commit
from tratree.models.settings import LoraSettings
from tratree.policy.cache import RolloutCache
from tratree.policy.machine_settings import episode_bytes

SHAPES = Path(__file__).with_name("shapes.yaml")
FEW, MORE = 2, 4
"""Numbers of layers that are measured."""

PREFILL_TOKENS = 8192
"""Most tokens of a pass that reads what environments show."""


@dataclass(frozen=True)
class Size:
    """What of a model stays in memory, in bytes except for the numbers of weights.

    Attributes:
        parameters: Weights of the base model.
        trained: Weights that are trained: the adapter's, or all.
        base: Of the base model.
        trained_bytes: Of the trained weights.
        layer: Of one layer of the base model.
        layers: Number of them.
        episode: Keys and values of an episode as long as the context.
    """

    parameters: int
    trained: int
    base: int
    trained_bytes: int
    layer: int
    layers: int
    episode: int


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


def _empty(config: Any, layers: int, dtype: torch.dtype) -> Any:
    """Return a model of some of the layers on PyTorch's meta device."""
    small = copy.deepcopy(config)
    small.num_hidden_layers = layers
    if getattr(small, "layer_types", None):
        small.layer_types = small.layer_types[:layers]
    small._attn_implementation = "sdpa"
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(small, dtype=dtype)


def _faked(model: nn.Module) -> None:
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
    masking_utils.find_packed_sequence_indices = lambda *_: None  # type: ignore[assignment]
    try:
        yield
    finally:
        masking_utils.find_packed_sequence_indices = found


def _peak_of(model: Any, passes: Callable[[], object], stored: RolloutCache | None = None) -> int:
    """Return the bytes that `passes` takes at its peak beyond the model's and the cache's own."""
    meter = _Peak()
    kept = [t for layer in stored.layers for t in (layer.keys, layer.values)] if stored else []
    for tensor in (*model.parameters(), *model.buffers(), *kept):
        meter.add(tensor)
    before = meter.now
    with meter, _plain_masks():
        passes()
    return meter.peak - before


def _extended(measure: Callable[[int], int], layers: int) -> int:
    """Return what all layers take, given what few and more take."""
    if layers <= MORE:
        return measure(layers)
    few, more = measure(FEW), measure(MORE)
    return few + (more - few) * (layers - FEW) // (MORE - FEW)


@cache
def size_of(
    name: str, revision: str | None, dtype: str, lora: LoraSettings | None, context: int
) -> Size:
    """Count the weights of a model, and what an episode takes in a cache."""
    config = architecture(name, revision)
    layers = config.get_text_config().num_hidden_layers
    kind = getattr(torch, dtype)
    parameters = _extended(lambda n: _empty(config, n, kind).num_parameters(), layers)
    base = parameters * kind.itemsize

    def adapter(count: int, *, in_bytes: bool) -> int:
        with no_future_warnings():
            adapted = add_lora(_empty(config, count, kind), lora or LoraSettings(), 0)
        trained = [p for p in adapted.parameters() if p.requires_grad]
        return sum(p.numel() * (p.dtype.itemsize if in_bytes else 1) for p in trained)

    one, two = (_empty(config, n, kind) for n in (1, 2))
    return Size(
        parameters,
        _extended(partial(adapter, in_bytes=False), layers) if lora else parameters,
        base,
        _extended(partial(adapter, in_bytes=True), layers) if lora else base,
        (two.num_parameters() - one.num_parameters()) * kind.itemsize,
        layers,
        episode_bytes(one, context) * layers,
    )


@cache
def parameters_of(name: str, revision: str | None) -> int:
    """Return the number of weights of a base model."""
    config = architecture(name, revision)
    layers = config.get_text_config().num_hidden_layers
    return _extended(lambda n: _empty(config, n, torch.bfloat16).num_parameters(), layers)


@dataclass(frozen=True)
class TrainingPass:
    """One forward and backward pass.

    Attributes:
        rows: Sequences side by side; 1 for a pack.
        tokens: Of each.
        logits: Positions of each that have logits, those of padding included.
        trained: Positions of all rows that are trained.
        packed: Whether it is a pack, whose attention has a mask.
    """

    rows: int
    tokens: int
    logits: int
    trained: int
    packed: bool = False


@cache
def training_bytes(
    name: str,
    revision: str | None,
    dtype: str,
    lora: LoraSettings | None,
    passed: TrainingPass,
    *,
    checkpointing: bool,
    mixed: bool,
) -> int:
    """Return the bytes of activations, logits and their gradients at the peak of a pass.

    Weights, and the gradients and optimizer states of the trained ones, come on top.

    Args:
        name: Of the model.
        revision: Of it.
        dtype: Of the base model.
        lora: The adapter; None trains all weights.
        passed: The pass.
        checkpointing: Whether activations within a layer are computed again.
        mixed: Whether products are computed in bfloat16 (``trainer.precision=bf16-mixed``).
    """
    config = architecture(name, revision)

    def measure(layers: int) -> int:
        model = _empty(config, layers, getattr(torch, dtype))
        with no_future_warnings():
            if checkpointing:
                model.gradient_checkpointing_enable({"use_reentrant": False})
            if lora is not None:
                model = add_lora(model, lora, 0)
        model.train()
        with FakeTensorMode(allow_non_fake_inputs=True):
            _faked(model)
            for weights in model.parameters():
                if weights.requires_grad:  # a later batch of the step finds the first one's
                    weights.grad = torch.empty_like(weights)
            return _peak_of(model, lambda: _train(model, passed, dtype, mixed))

    return _extended(measure, config.get_text_config().num_hidden_layers)


def _train(model: Any, passed: TrainingPass, dtype: str, mixed: bool) -> None:
    """Do as a step's forward and backward pass do."""
    _losses(model, passed, dtype, mixed=mixed).sum().backward()


def _losses(model: Any, passed: TrainingPass, dtype: str, *, mixed: bool) -> Tensor:
    """Do as `token_log_probs` does, where sizes are known without values."""
    token_ids = torch.zeros(passed.rows, passed.tokens, dtype=torch.long)
    arguments: dict[str, Any] = {}
    if passed.packed:
        kind = torch.bfloat16 if mixed else getattr(torch, dtype)
        arguments["attention_mask"] = torch.zeros(1, 1, passed.tokens, passed.tokens, dtype=kind)
        arguments["position_ids"] = torch.arange(passed.tokens)[None]
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        logits = model(
            input_ids=token_ids,
            use_cache=False,
            logits_to_keep=torch.arange(passed.logits),
            **arguments,
        ).logits
        kept = logits.reshape(-1, logits.shape[-1])
        if not passed.packed:
            kept = kept[torch.arange(passed.trained)]
        del logits
        if dtype != "float64":
            kept = kept.float()
        targets = torch.zeros(len(kept), dtype=torch.long)
        return -cross_entropy(kept, targets, reduction="none")


@cache
def playing_bytes(name: str, revision: str | None, dtype: str, rows: int, context: int) -> int:
    """Return the bytes of a decoding pass or of a reading one at the peak, without the cache.

    Args:
        name: Of the model.
        revision: Of it.
        dtype: Of its weights.
        rows: Episodes at a time.
        context: Most tokens of each.
    """
    config = architecture(name, revision)
    kind = getattr(torch, dtype)

    def measure(layers: int) -> int:
        model = _empty(config, layers, kind).eval()
        with FakeTensorMode(allow_non_fake_inputs=True):
            _faked(model)
            stored = RolloutCache(rows, context + 1)
            last = torch.full((rows, 1), context - 1)
            _feed(model, stored, None, last, context)  # lays the cache out
            read, width = max(1, min(rows, PREFILL_TOKENS // context)), min(context, PREFILL_TOKENS)
            begun, places = torch.arange(read), torch.arange(width)[None].expand(read, -1)
            return max(
                _peak_of(model, lambda: _draw(_feed(model, stored, None, last, context)), stored),
                _peak_of(model, lambda: _feed(model, stored, begun, places, width), stored),
            )

    return _extended(measure, config.get_text_config().num_hidden_layers)


@cache
def scoring_bytes(name: str, revision: str | None, dtype: str, tokens: int, *, packed: bool) -> int:
    """Return the bytes of a pass that scores sequences at the peak, half of the tokens trained.

    Args:
        name: Of the model.
        revision: Of it.
        dtype: Of its weights.
        tokens: Of the pass.
        packed: Whether they are a pack, whose attention has a mask.
    """
    config = architecture(name, revision)
    passed = TrainingPass(1, tokens, tokens // 2, tokens // 2, packed)

    def measure(layers: int) -> int:
        model = _empty(config, layers, getattr(torch, dtype)).eval()
        with FakeTensorMode(allow_non_fake_inputs=True):
            _faked(model)
            with torch.no_grad():
                return _peak_of(model, lambda: _losses(model, passed, dtype, mixed=False))

    return _extended(measure, config.get_text_config().num_hidden_layers)


@torch.no_grad()
def _feed(
    model: Any, cache: RolloutCache, slots: Tensor | None, positions: Tensor, visible: int
) -> Tensor:
    """Do as `LiveBatch` does to feed tokens to rows; return the next one's logits."""
    cache.place(slots, positions, visible)
    unseen = torch.arange(visible) > positions[:, None, :, None]
    mask = torch.zeros(unseen.shape, dtype=model.dtype)
    output = model(
        input_ids=torch.zeros(positions.shape, dtype=torch.long),
        attention_mask=mask.masked_fill_(unseen, torch.finfo(mask.dtype).min),
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    logits: Tensor = output.logits[:, -1]
    return logits


@torch.no_grad()
def _draw(logits: Tensor) -> None:
    """Draw a token of every row as `sample` does."""
    probabilities = torch.softmax(logits.double(), dim=-1)
    ranked, order = probabilities.sort(dim=-1, descending=True, stable=True)
    dropped = ranked.cumsum(-1) - ranked >= 0.9
    probabilities.scatter(-1, order, ranked.masked_fill(dropped, 0.0)).cumsum(-1)
