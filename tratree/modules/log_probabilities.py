"""Log-probabilities of the agent's tokens under a causal language model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tratree.data.episodes import collate
from tratree.policy.encoding import EncodedTrajectory


def token_log_probs(model: torch.nn.Module, token_ids: Tensor, mask: Tensor) -> Tensor:
    """Return log π(token | what stands before it) of every masked token.

    Padding must be on the right: no token of a causal model looks at what follows, so padding
    needs no attention mask of its own. Logits are computed only for columns with a masked token.

    Args:
        model: A causal language model of transformers, adapters allowed.
        token_ids: [B, L] int64.
        mask: [B, L] bool, false in the first column, where nothing stands before.

    Returns:
        [T] of the T masked tokens, row after row; float32, or float64 if the model is.
    """
    targets, wanted = token_ids[:, 1:], mask[:, 1:]
    columns = wanted.any(0).nonzero()[:, 0]
    logits = model(input_ids=token_ids[:, :-1], use_cache=False, logits_to_keep=columns).logits
    logits = logits[wanted[:, columns]]
    if logits.dtype != torch.float64:
        logits = logits.float()
    return -cross_entropy(logits, targets[wanted], reduction="none")


def sequence_log_probs(model: torch.nn.Module, token_ids: Tensor, mask: Tensor) -> Tensor:
    """Return the sum of `token_log_probs` of each row, [B]."""
    rows = mask[:, 1:].nonzero()[:, 0]
    log_probs = token_log_probs(model, token_ids, mask)
    return log_probs.new_zeros(len(token_ids)).index_add(0, rows, log_probs)


@torch.inference_mode()
def score_sequences(
    model: torch.nn.Module, samples: Sequence[EncodedTrajectory], *, tokens: int = 16384
) -> list[float]:
    """Return log π of the masked tokens of each sample, summed.

    Args:
        model: A causal language model of transformers in evaluation mode.
        samples: In any order and of any length.
        tokens: Most tokens of a forward pass, padding included; at least one sample is taken.
    """
    device = next(model.parameters()).device
    order = sorted(range(len(samples)), key=lambda i: (len(samples[i].token_ids), i))
    scores = [0.0] * len(samples)
    while order:
        count = max(1, tokens // len(samples[order[-1]].token_ids))
        taken, order = order[-count:], order[:-count]
        batch = collate([samples[i] for i in taken])
        found = sequence_log_probs(model, batch.token_ids.to(device), batch.agent_mask.to(device))
        for index, score in zip(taken, found.tolist(), strict=True):
            scores[index] = score
    return scores
