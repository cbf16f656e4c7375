"""Check of a loaded model: packed, padded and played, a sequence gets its plain pass's logits.

Models differ in what they do with a mask, a position or a cache that they are given, and a mask
that is lost raises nothing. So a few tokens are compared before anything is trained or played.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tratree.data.packing import pack_sequences
from tratree.data.padding import collate
from tratree.errors import UserError
from tratree.models.adapted import CausalModel, base_of
from tratree.modules.log_probabilities import trained_logits
from tratree.policy.encoding import EncodedTrajectory
from tratree.policy.live_batch import LiveBatch

_SHARED, _LENGTHS = 5, (9, 11)
_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}
_ROUGH_TOLERANCE = 0.15
"""Tolerance for 16-bit and quantised models, whose rounding depends on the shape of a batch."""

Sides = tuple[list[int], list[int]]
"""Two token sequences with a common beginning."""


def check_batches(model: CausalModel) -> None:
    """Check that a padded batch is as good as one sequence at a time, and later tokens hidden.

    Raises:
        UserError: If not, naming the architecture.
    """

    def compare(sides: Sides, plain: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        yield plain[0][:_SHARED], plain[1][:_SHARED]
        batch = collate([_trained(side) for side in sides])
        logits = trained_logits(model, batch)
        yield logits, torch.cat([of_one[:-1] for of_one in plain])

    _check(model, compare, "trained: a token sees what comes after it, or padding")


def check_packs(model: CausalModel) -> None:
    """Check that two branches of a pack do not see each other; see `attend_to_packs`.

    Raises:
        UserError: If they do, naming the architecture.
    """

    def compare(sides: Sides, plain: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        pack = pack_sequences([_trained(side) for side in sides])
        terms = trained_logits(model, pack)[pack.terms]
        yield terms, torch.cat([of_one[:-1] for of_one in plain])

    _check(
        model,
        compare,
        "packed: branches of a tree see each other; use method.packing=pairwise, "
        "method.whole_trees=false, or another model",
    )


def check_rollouts(model: CausalModel) -> None:
    """Check that rows of a rollout's batch are as good as one sequence at a time.

    Rows begin, grow and end at their own pace here, as in a rollout.

    Raises:
        UserError: If they are not, naming the architecture.
    """
    own = model.config._attn_implementation

    def compare(sides: Sides, plain: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        short, long = sides
        batch = LiveBatch(model, 3, max(_LENGTHS) + 1)  # type: ignore[arg-type]
        batch.append()
        batch.append()
        batch.prefill({0: short[:-2]})
        batch.prefill({0: short[-2:-1], 1: long[:-2]})
        logits = batch.decode([short[-1], long[-2]])
        yield logits, torch.stack([plain[0][-1], plain[1][-2]])
        batch.append()
        batch.prefill({2: short[:2]})
        yield batch.decode([None, long[-1], short[2]])[1:], torch.stack([plain[1][-1], plain[0][2]])
        batch.remove(0)  # the last row takes its place
        yield batch.decode([short[3], None])[:1], plain[0][3:4]

    try:
        _check(
            model, compare, "played: rows of a batch see each other, or forget; use another model"
        )
    finally:
        if model.config._attn_implementation != own:
            model.set_attn_implementation(own)


def _trained(tokens: list[int]) -> EncodedTrajectory:
    return EncodedTrajectory(tuple(tokens), (True,) * len(tokens), ())


def _check(
    model: CausalModel,
    compare: Callable[[Sides, Sequence[Tensor]], Iterator[tuple[Tensor, Tensor]]],
    fault: str,
) -> None:
    name = type(base_of(model)).__name__
    sides = _sides(model)
    try:
        with _evaluating(model), torch.no_grad():  # a sharded one knows no inference mode
            plain = [_plain(model, side) for side in sides]
            worst = max(_distance(found, wanted) for found, wanted in compare(sides, plain))
    except (
        *(ArithmeticError, AssertionError, AttributeError, LookupError),
        *(RuntimeError, TypeError, ValueError),
    ) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:160]
        raise UserError(
            f"{name} cannot be used here: it fails on a few tokens ({reason}); use another model"
        ) from error
    if not all(torch.isfinite(logits).all() for logits in plain):
        raise UserError(
            f"the logits of {name} are not finite: its weights are damaged, or the number type "
            f"{_dtype(model)} is too small for it (model.dtype, model.rollout_dtype)"
        )
    if not worst <= _tolerance(model):
        raise UserError(f"{name} cannot be {fault} (logits differ by {worst:.0%})")


def _plain(model: CausalModel, tokens: list[int]) -> Tensor:
    """Return the logits after each token, [L, V], nothing given but the tokens."""
    token_ids = torch.tensor([tokens], device=base_of(model).device)
    logits: Tensor = model(input_ids=token_ids, use_cache=False).logits[0]
    return logits


def _sides(model: CausalModel) -> Sides:
    """Return ordinary tokens: those that a configuration gives a meaning are left out."""
    config = base_of(model).config.get_text_config()
    special = {v for n, v in vars(config).items() if n.endswith(("_id", "_index"))}
    ordinary = [i for i in range(3, min(config.vocab_size, 1000)) if i not in special]
    drawn = np.random.default_rng(0).permutation(ordinary)[: sum(_LENGTHS)].tolist()
    shared = drawn[:_SHARED]
    short = drawn[_SHARED : _LENGTHS[0]]
    return shared + short, shared + drawn[_LENGTHS[0] : _LENGTHS[0] + _LENGTHS[1] - _SHARED]


def _distance(found: Tensor, wanted: Tensor) -> float:
    """Return the root of the mean square of a difference, as a share of the wanted's spread."""
    found, wanted = found.double(), wanted.double()
    spread = wanted.std(-1, keepdim=True)
    worst = ((found - wanted).square().mean(-1, keepdim=True).sqrt() / spread).amax()
    return float("inf") if worst.isnan() else worst.item()


def _tolerance(model: CausalModel) -> float:
    if getattr(base_of(model), "is_quantized", False):
        return _ROUGH_TOLERANCE
    return _TOLERANCE.get(_dtype(model), _ROUGH_TOLERANCE)


def _dtype(model: CausalModel) -> torch.dtype:
    dtype: torch.dtype = base_of(model).dtype
    return dtype


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
