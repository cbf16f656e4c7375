"""Log-probabilities of the agent's tokens under a causal language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor
from torch.nn.functional import cross_entropy

from tratree.data.packing import Pack, cut_into_packs, pack_sequences
from tratree.data.padding import Batch, collate, cut_into_batches
from tratree.models.adapted import CausalModel
from tratree.models.output_head import (
    as_log_probs,
    float32_logits,
    log_probs_without_logits,
)
from tratree.modules.pack_attention import attend_to_packs, attention_arguments
from tratree.policy.encoding import EncodedTrajectory

_SORTED_TOKENS = 2**24
"""Tokens of the samples that are sorted at a time, to pack those that begin alike."""


def token_log_probs(model: CausalModel, batch: Batch | Pack) -> Tensor:
    """Return log π(token | all tokens before it) of every token that is trained on.

    Logits are computed only where such a token follows, in float32 at least. Those of a pack are
    computed once for each token, in however many sequences it is.

    Returns:
        [E] sequence after sequence; float32, or float64 if the model is.
    """
    if isinstance(batch, Pack):
        targets = batch.token_ids[0, batch.trained]
    else:
        targets = batch.token_ids[:, 1:][batch.agent_mask[:, 1:]]
    if log_probs_without_logits(model):
        with as_log_probs(model, _place_of_trained(batch), targets):
            found = _pass(model, batch)
    else:
        logits = trained_logits(model, batch)
        found = -cross_entropy(logits, targets, reduction="none")
    return found[batch.terms] if isinstance(batch, Pack) else found


def trained_logits(model: CausalModel, batch: Batch | Pack) -> Tensor:
    """Return the logits of each trained token, [E, V] of a padded batch and [T, V] of a pack.

    They are float32, or float64 if the model is.
    """
    with float32_logits(model):
        logits = _pass(model, batch)[_place_of_trained(batch)]
    return logits if logits.dtype == torch.float64 else logits.float()


def _pass(model: CausalModel, batch: Batch | Pack) -> Tensor:
    """Return what the model says where any sequence has a trained token, [B, K, V]."""
    said: Tensor
    if isinstance(batch, Pack):
        said = model(
            input_ids=batch.token_ids,
            position_ids=batch.position_ids,
            use_cache=False,
            logits_to_keep=batch.before,
            **attention_arguments(model, batch),
        ).logits
    else:
        columns = _columns(batch)
        said = model(
            input_ids=batch.token_ids[:, :-1], use_cache=False, logits_to_keep=columns
        ).logits
    return said


def _place_of_trained(batch: Batch | Pack) -> int | Tensor:
    """Return which of what `_pass` returns belong to trained tokens."""
    return 0 if isinstance(batch, Pack) else batch.agent_mask[:, 1:][:, _columns(batch)]


def _columns(batch: Batch) -> Tensor:
    return batch.agent_mask[:, 1:].any(0).nonzero()[:, 0]


def sequence_log_probs(model: CausalModel, batch: Batch | Pack) -> Tensor:
    """Return the sum of `token_log_probs` of each sequence, [S]."""
    log_probs = token_log_probs(model, batch)
    return log_probs.new_zeros(len(batch.counts)).index_add(0, batch.owner, log_probs)


def cut_to_score(
    samples: Sequence[EncodedTrajectory], pack_tokens: int | None, tokens: int = 16384
) -> list[list[int]]:
    """Divide samples into the parts that a model scores by one pass each; returns their indices.

    Args:
        samples: In any order and of any length.
        pack_tokens: Most tokens of a pack of samples; None pads them instead of packing them.
        tokens: Most tokens of a padded batch, padding included; at least one sample is taken.
    """
    if pack_tokens is None:
        return cut_into_batches(samples, tokens)
    parts: list[list[int]] = []
    for numbers in _stretches(samples):
        of_some = cut_into_packs([[samples[number]] for number in numbers], pack_tokens)
        parts += [[numbers[index] for index in part] for part in of_some]
    return parts


def _stretches(samples: Sequence[EncodedTrajectory]) -> Iterator[range]:
    """Divide samples into stretches of bounded size; returns their numbers."""
    first = tokens = 0
    for number, sample in enumerate(samples):
        if tokens > _SORTED_TOKENS:
            yield range(first, number)
            first, tokens = number, 0
        tokens += len(sample.token_ids)
    yield range(first, len(samples))


@torch.inference_mode()
def score_part(
    model: CausalModel, pack_tokens: int | None, samples: Sequence[EncodedTrajectory]
) -> list[float]:
    """Return log π of the trained tokens of each sample of one part of `cut_to_score`, summed."""
    if pack_tokens is not None:
        attend_to_packs(model)
    batch = collate(samples) if pack_tokens is None else pack_sequences(samples)
    device = next(model.parameters()).device
    found: list[float] = sequence_log_probs(model, move_data_to_device(batch, device)).tolist()
    return found
