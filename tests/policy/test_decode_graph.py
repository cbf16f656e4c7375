"""Recorded decoding passes: filled up to a few sizes, they say what the plain ones say."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tests.policy.test_live_batch import random_model
from tratree.policy import decode_graph, live_batch
from tratree.policy.decode_graph import DecodeGraphs
from tratree.policy.live_batch import LiveBatch


def rows_played(model: torch.nn.Module, make: Callable[[LiveBatch], object]) -> list[torch.Tensor]:
    """Play rows that begin, wait, grow and end; return the logits of those that were fed."""
    batch = LiveBatch(model, slots=5, max_context=100)
    for _ in range(3):
        batch.append()
    batch.prefill({0: [3] * 5, 1: [4] * 9, 2: [5] * 2})
    batch._graphs = make(batch)  # as on a GPU
    said = [batch.decode([6, 7, 8]).clone(), batch.decode([9, None, 1])[[0, 2]].clone()]
    batch.remove(0)
    batch.append()
    batch.append()
    batch.prefill({2: [2] * 60, 3: [1]})  # more room is needed
    for token in range(10, 14):
        said.append(batch.decode([token] * 4).clone())
    return said


@pytest.mark.parametrize("records", [True, False])
def test_a_filled_up_pass_says_what_the_plain_one_says(monkeypatch, records):
    monkeypatch.setattr(decode_graph, "VISIBLE_STEP", 32)
    monkeypatch.setattr(live_batch, "attend_by_rows", lambda model: None)
    model = random_model("qwen2", "sdpa", adapter=True)
    recorded = []

    def record(work):
        recorded.append(work)
        if not records:
            raise RuntimeError("operation not permitted when stream is capturing")
        work()
        return work

    def graphs(batch: LiveBatch) -> DecodeGraphs:
        return DecodeGraphs(batch._cache, batch._decode, torch.device("cpu"), 100, record)

    expected = rows_played(model, lambda batch: None)
    for found, wanted in zip(rows_played(model, graphs), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    # Four rows of 32 positions; then, in more room, of 96.
    assert len(recorded) == (2 if records else 1)
