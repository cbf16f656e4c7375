"""Memory of a model, and of the passes of training, playing and scoring, measured with fakes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import cross_entropy

from tratree.models.loading import no_future_warnings
from tratree.models.lora import add_lora
from tratree.models.output_head import as_log_probs, float32_logits
from tratree.models.settings import LoraSettings
from tratree.plan.fake import architecture, empty, extended, faked, peak_of
from tratree.policy.cache import RolloutCache
from tratree.policy.machine_settings import episode_bytes

_QUANTISED = {"8bit": 1.0, "4bit": 1 / 2 + 1 / 64 + 4 / (64 * 256)}
"""Bytes of a quantised weight, with the scales of four bits: one of a byte for 64 weights, and one
of four for 256 of those."""

PREFILL_TOKENS = 8192
"""Most tokens of a pass that reads what environments show."""


@dataclass(frozen=True)
class Size:
    """Parts of a model that stay in memory, in bytes except for the numbers of weights.

    Attributes:
        parameters: Weights of the base model.
        trained: Weights that are trained: the adapter's, or all.
        base: Of the base model; of a quantised one with its largest matrix, which is unpacked
            where it is used.
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
def size_of(
    name: str,
    revision: str | None,
    dtype: str,
    lora: LoraSettings | None,
    context: int,
    quantization: str = "none",
) -> Size:
    """Count the weights of a model, and what an episode takes in a cache.

    An episode has at most `context` tokens; without `lora` all weights are trained.
    """
    config = architecture(name, revision)
    layers = config.get_text_config().num_hidden_layers
    kind = getattr(torch, dtype)
    parameters = extended(lambda n: empty(config, n, kind).num_parameters(), layers)
    base = extended(lambda n: _held_bytes(empty(config, n, kind), quantization), layers)

    def adapter(count: int, *, in_bytes: bool) -> int:
        with no_future_warnings():
            adapted = add_lora(empty(config, count, kind), lora or LoraSettings(), 0)
        trained = [p for p in adapted.parameters() if p.requires_grad]
        return sum(p.numel() * (p.dtype.itemsize if in_bytes else 1) for p in trained)

    one, two = (empty(config, n, kind) for n in (1, 2))
    return Size(
        parameters,
        extended(partial(adapter, in_bytes=False), layers) if lora else parameters,
        base,
        extended(partial(adapter, in_bytes=True), layers) if lora else base,
        _held_bytes(two, quantization) - _held_bytes(one, quantization),
        layers,
        episode_bytes(one, context) * layers,
    )


def _held_bytes(model: nn.Module, quantization: str) -> int:
    """Return the memory of a model's weights, of those that bitsandbytes quantises as it does."""
    plain = sum(weights.numel() * weights.element_size() for weights in model.parameters())
    if quantization == "none":
        return plain
    head: Any = model
    packed = [
        module.weight
        for module in model.modules()
        if isinstance(module, nn.Linear) and module is not head.get_output_embeddings()
    ]
    saved = sum(w.numel() * (w.element_size() - _QUANTISED[quantization]) for w in packed)
    return plain - int(saved) + max(w.numel() * w.element_size() for w in packed)


@cache
def parameters_of(name: str, revision: str | None) -> int:
    """Return the number of weights of a base model."""
    config = architecture(name, revision)
    layers = config.get_text_config().num_hidden_layers
    return extended(lambda n: empty(config, n, torch.bfloat16).num_parameters(), layers)


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
    gpu: bool = True,
) -> int:
    """Return the bytes of activations, logits and their gradients at the peak of a pass.

    Weights, and the gradients and optimizer states of the trained ones, come on top. Without `lora`
    all weights are trained; with `checkpointing` activations within a layer are computed again;
    `mixed` computes products in bfloat16. A CPU makes a float32 copy of a 16-bit output layer.
    """
    config = architecture(name, revision)

    def measure(layers: int) -> int:
        model = empty(config, layers, getattr(torch, dtype))
        with no_future_warnings():
            if checkpointing:
                model.gradient_checkpointing_enable({"use_reentrant": False})
            if lora is not None:
                model = add_lora(model, lora, 0)
        model.train()
        with FakeTensorMode(allow_non_fake_inputs=True):
            faked(model)
            for weights in model.parameters():
                if weights.requires_grad:  # a later batch of the step finds the first one's
                    weights.grad = torch.empty_like(weights)
            losses = partial(_losses, model, passed, dtype, mixed=mixed)
            return peak_of(model, lambda: losses().sum().backward(), gpu=gpu)

    return extended(measure, config.get_text_config().num_hidden_layers)


def _losses(model: Any, passed: TrainingPass, dtype: str, *, mixed: bool) -> Tensor:
    """Do as `token_log_probs` does, where sizes are known without values."""
    token_ids = torch.zeros(passed.rows, passed.tokens, dtype=torch.long)
    arguments: dict[str, Any] = {}
    if passed.packed:
        kind = torch.bfloat16 if mixed else getattr(torch, dtype)
        arguments["attention_mask"] = torch.zeros(1, 1, passed.tokens, passed.tokens, dtype=kind)
        arguments["position_ids"] = torch.arange(passed.tokens)[None]
    arguments |= {"use_cache": False, "logits_to_keep": torch.arange(passed.logits)}
    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
        if mixed or dtype in ("bfloat16", "float16"):
            trained = torch.arange(passed.logits if passed.packed else passed.trained)
            wanted = 0 if passed.packed else (trained // passed.logits, trained % passed.logits)
            with as_log_probs(model, wanted, torch.zeros_like(trained)):
                log_probs: Tensor = model(input_ids=token_ids, **arguments).logits
            return -log_probs
        logits = model(input_ids=token_ids, **arguments).logits
        kept = logits.reshape(-1, logits.shape[-1])
        if not passed.packed:
            kept = kept[torch.arange(passed.trained)]
        del logits
        if dtype != "float64":
            kept = kept.float()
        targets = torch.zeros(len(kept), dtype=torch.long)
        return -cross_entropy(kept, targets, reduction="none")


@cache
def playing_bytes(
    name: str, revision: str | None, dtype: str, rows: int, context: int, *, gpu: bool = True
) -> int:
    """Return the bytes of a decoding pass or of a reading one at the peak, without the cache.

    `rows` episodes of at most `context` tokens are played at a time.
    """
    config = architecture(name, revision)
    kind = getattr(torch, dtype)

    def measure(layers: int) -> int:
        model = empty(config, layers, kind).eval()
        with FakeTensorMode(allow_non_fake_inputs=True):
            faked(model)
            stored = RolloutCache(rows, context + 1)
            last = torch.full((rows, 1), context - 1)
            _feed(model, stored, None, last, context)  # lays the cache out
            read, width = max(1, min(rows, PREFILL_TOKENS // context)), min(context, PREFILL_TOKENS)
            begun, places = torch.arange(read), torch.arange(width)[None].expand(read, -1)
            feeds = (
                lambda: _draw(_feed(model, stored, None, last, context)),
                lambda: _feed(model, stored, begun, places, width),
            )
            return max(peak_of(model, feed, stored, gpu=gpu) for feed in feeds)

    return extended(measure, config.get_text_config().num_hidden_layers)


@cache
def scoring_bytes(name: str, revision: str | None, dtype: str, tokens: int, *, packed: bool) -> int:
    """Return the bytes of a pass that scores sequences at the peak, half of the tokens trained.

    The pass has `tokens`; if they are `packed`, its attention has a mask.
    """
    config = architecture(name, revision)
    passed = TrainingPass(1, tokens, tokens // 2, tokens // 2, packed)

    def measure(layers: int) -> int:
        model = empty(config, layers, getattr(torch, dtype)).eval()
        with FakeTensorMode(allow_non_fake_inputs=True):
            faked(model)
            with torch.no_grad():
                return peak_of(model, lambda: _losses(model, passed, dtype, mixed=False))

    return extended(measure, config.get_text_config().num_hidden_layers)


@torch.no_grad()
def _feed(
    model: Any, cache: RolloutCache, slots: Tensor | None, positions: Tensor, visible: int
) -> Tensor:
    """Do as `LiveBatch` does to feed tokens to rows; return the next one's logits."""
    cache.place(slots, positions, visible)
    unseen = torch.arange(visible) > positions[:, None, :, None]
    mask = torch.zeros(unseen.shape, dtype=model.dtype)
    with float32_logits(model):
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
