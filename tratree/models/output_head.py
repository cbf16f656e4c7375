"""Logits and log-probabilities in float32 of models that compute with fewer digits.

A logit of 20 is right to 0.06 in bfloat16, which is more than a small update changes. So the
products of the output layer are added up and kept in float32; all before it stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy, linear
from torch.utils.checkpoint import checkpoint

from tratree.models.adapted import CausalModel, base_of

ROWS = 1024
"""Positions whose logits are in memory at a time: 0.6 GiB of a vocabulary of 152,000."""

_SHORT = (torch.bfloat16, torch.float16)
_untouched: WeakKeyDictionary[torch.nn.Module, bool] = WeakKeyDictionary()


@contextmanager
def float32_logits(model: CausalModel) -> Iterator[None]:
    """Let the model's logits be float32 in the block, if it works with fewer digits.

    Without effect in float32 and float64, and where the output layer is not a plain one, such as
    one with an adapter.
    """
    head = _rounding_head(model)
    if head is None:
        yield
        return
    with _in_place_of(head, _product):
        yield


def log_probs_without_logits(model: CausalModel) -> bool:
    """Return whether `as_log_probs` can be used.

    The model rounds, and its logits are what its output layer says, neither scaled nor capped.
    """
    head = _rounding_head(model)
    return head is not None and _is_untouched(model, head)


@contextmanager
def as_log_probs(model: CausalModel, wanted: Any, targets: Tensor) -> Iterator[None]:
    """Let the model return log-probabilities of `targets`, [N] float32, for its logits.

    The logits of `ROWS` positions at a time are computed, and again for the gradient.

    Args:
        model: One of which `log_probs_without_logits` is true.
        wanted: Index into the hidden states [B, K, H] that chooses those of N positions.
        targets: [N] token ids.
    """

    def log_probs(head: torch.nn.Linear, hidden: Tensor) -> Tensor:
        parts = zip(hidden[wanted].split(ROWS), targets.split(ROWS), strict=True)
        one = partial(_log_probs, head)
        return torch.cat([checkpoint(one, *part, use_reentrant=False) for part in parts])

    head = _rounding_head(model)
    assert head is not None
    with _in_place_of(head, log_probs):
        yield


def _log_probs(head: torch.nn.Linear, hidden: Tensor, targets: Tensor) -> Tensor:
    return -cross_entropy(_product(head, hidden), targets, reduction="none")


def _rounding_head(model: CausalModel) -> torch.nn.Linear | None:
    """Return the output layer if it is a plain one whose products would be rounded."""
    head = base_of(model).get_output_embeddings()
    if type(head) is not torch.nn.Linear:
        return None
    mixed = torch.is_autocast_enabled(head.weight.device.type)
    return head if mixed or head.weight.dtype in _SHORT else None


@contextmanager
def _in_place_of(
    head: torch.nn.Linear, forward: Callable[[torch.nn.Linear, Tensor], Tensor]
) -> Iterator[None]:
    head.forward = partial(forward, head)  # type: ignore[method-assign]
    try:
        yield
    finally:
        del head.forward


@torch.no_grad()
def _is_untouched(model: CausalModel, head: torch.nn.Linear) -> bool:
    """Return whether the model passes on what its output layer says; found out once."""
    base = base_of(model)
    if base not in _untouched:
        said = torch.linspace(-9, 9, 7, device=head.weight.device)[None, None]
        token_ids = torch.full((1, 1), 3, device=head.weight.device)
        devices = [head.weight.device] if head.weight.is_cuda else []
        with torch.random.fork_rng(devices), _in_place_of(head, lambda *_: said):
            logits = model(input_ids=token_ids, use_cache=False).logits
        _untouched[base] = torch.equal(logits, said)
    return _untouched[base]


def _product(head: torch.nn.Linear, hidden: Tensor) -> Tensor:
    """Return the layer's output in float32."""
    with torch.autocast(hidden.device.type, enabled=False):
        if hidden.dtype == head.weight.dtype != torch.float32:
            rows = _Product.apply(hidden.reshape(-1, hidden.shape[-1]), head.weight)
            said: Tensor = rows.view(*hidden.shape[:-1], -1)
        else:
            said = linear(hidden.float(), head.weight.float())
        return said if head.bias is None else said + head.bias.float()


def added_up(hidden: Tensor, weight: Tensor) -> Tensor:
    """Return the products of 16-bit numbers in float32, [N, V]."""
    if hidden.is_cuda:
        return torch.mm(hidden, weight.t(), out_dtype=torch.float32)
    return hidden.float() @ weight.float().t()


class _Product(torch.autograd.Function):
    """Products of 16-bit numbers added up in float32; the gradient is 16-bit as they are."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(hidden, weight)
        return added_up(hidden, weight)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        hidden, weight = ctx.saved_tensors
        gradient = gradient.to(weight.dtype)
        return (
            gradient @ weight if ctx.needs_input_grad[0] else None,
            gradient.t() @ hidden if ctx.needs_input_grad[1] else None,
        )
