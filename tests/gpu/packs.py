"""Packs: by a mask, by FlexAttention and pair by pair against float64."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import torch
from lightning.fabric.utilities import move_data_to_device
from peft import PeftModel
from torch import Tensor
from torch._dynamo.utils import counters
from torch.nn.attention.flex_attention import flex_attention

from tests.gpu.place import Check, Place, Row, unmeasured
from tests.modules.small_models import SETTINGS
from tratree.data.packing import pack_sequences
from tratree.data.padding import collate
from tratree.data.pairs import EncodedPair, collate_pairs
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings
from tratree.modules import block_attention
from tratree.modules.attention_check import check_packs
from tratree.modules.block_attention import BLOCKS, attend_by_blocks
from tratree.modules.log_probabilities import sequence_log_probs, token_log_probs
from tratree.modules.settings import DPOSettings
from tratree.modules.tree_dpo import TreeDPOModule

DIFFERENCE, COSINE, GRAPHS, LENGTHS = 0.05, 0.999, 4, 20
"""Most between log-probabilities, which 16 layers round to so much in bfloat16; least between
gradients; most graphs over how many lengths."""


def checks(place: Place) -> list[Check]:
    """Return the check."""
    return [partial(_ways, place)]


def _ways(place: Place) -> Iterator[Row]:
    """Compare the ways to pass a tree, each in the number type of trainings on a GPU."""
    exact = _adapted(place, "float64")
    pairs = _with_reference(exact, place.tree(0), place)
    wanted = _log_probs_and_gradient(exact, pairs, collate, place)
    del exact
    with _eager_without_gpu(place):
        for way in ("pairs", "mask", "flex"):
            model = _adapted(place, "bfloat16")
            if way == "flex":
                if not place.gpus:  # it has no backward pass there
                    model.requires_grad_(False)
                attend_by_blocks(model)
                used = model.config._attn_implementation
                yield Row("FlexAttention is used", used, BLOCKS, used == BLOCKS)
                check_packs(model)
            make = collate if way == "pairs" else pack_sequences
            found = _log_probs_and_gradient(model, pairs, make, place)
            differences = (found[0].double() - wanted[0]).abs()
            apart = differences.mean().item()
            yield Row(
                f"{way}: log-probabilities from float64, mean of {len(differences)} tokens",
                f"{apart:.3f} (largest: {differences.max().item():.3f})",
                f"at most {DIFFERENCE}",
                apart <= DIFFERENCE,
            )
            if found[1] is None:
                yield unmeasured(f"{way}: cosine of the gradient")
                continue
            assert wanted[1] is not None
            cosine = torch.cosine_similarity(found[1].double(), wanted[1].double(), 0).item()
            yield Row(
                f"{way}: cosine of the gradient",
                f"{cosine:.5f}",
                f"above {COSINE}",
                cosine > COSINE,
            )
        yield _graphs(place, model)


def _graphs(place: Place, model: PeftModel) -> Row:
    """Pass packs of many lengths by FlexAttention and count what was compiled."""
    torch._dynamo.reset()
    counters.clear()
    lengths = set()
    for seed in range(LENGTHS):
        sides = [s for pair in place.tree(seed, 2 + seed % 4) for s in (pair.chosen, pair.rejected)]
        pack = pack_sequences(sides)
        pack = pack._replace(**{n: t.to(place.device) for n, t in pack._asdict().items()})
        lengths.add(pack.tokens)
        said = token_log_probs(model, pack).sum()
        if said.requires_grad:
            said.backward()
    graphs = counters["stats"]["unique_graphs"]
    return Row(
        f"graphs compiled over packs of {len(lengths)} lengths",
        f"{graphs}",
        f"1 to {GRAPHS}",
        1 <= graphs <= GRAPHS,
    )


def _adapted(place: Place, dtype: str) -> PeftModel:
    """Return the model with an adapter that changes a little."""
    base = place.load(dtype)
    model = add_lora(base, LoraSettings(rank=8, alpha=16), seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                noise = 0.01 * torch.randn(weights.shape, generator=generator)
                weights.add_(noise.to(weights))
                if dtype == "float64":
                    weights.data = weights.data.double()
    return model.to(place.device)


def _with_reference(
    model: PeftModel, pairs: Sequence[EncodedPair], place: Place
) -> list[EncodedPair]:
    """Return pairs whose reference is the model: as at a start, where the loss is not flat."""
    batch = move_data_to_device(collate_pairs(pairs, collate), torch.device(place.device))
    with torch.no_grad():
        chosen, rejected = sequence_log_probs(model, batch.sides).chunk(2)
    references = zip(chosen.tolist(), rejected.tolist(), strict=True)
    return [replace(pair, reference=r) for pair, r in zip(pairs, references, strict=True)]


def _log_probs_and_gradient(
    model: PeftModel, pairs: Sequence[EncodedPair], make: Any, place: Place
) -> tuple[Tensor, Tensor | None]:
    """Return the log-probability of each trained token, and the gradient of a DPO step."""
    module = TreeDPOModule(model, SETTINGS, DPOSettings())
    batch = move_data_to_device(collate_pairs(pairs, make), torch.device(place.device))
    log_probs = token_log_probs(model, batch.sides).detach()
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    if not trained:
        return log_probs, None
    module.sums(batch)["loss"].backward()
    return log_probs, torch.cat([w.grad.flatten() for w in trained if w.grad is not None])


@contextmanager
def _eager_without_gpu(place: Place) -> Iterator[None]:
    """Let FlexAttention run on a CPU in the block, where what it compiles is only counted."""
    if place.gpus:
        yield
        return
    counted = torch.compile(flex_attention, dynamic=True, backend="eager")
    with (
        mock.patch.object(block_attention, "_try_kernels"),
        mock.patch.object(block_attention, "compiled", return_value=counted),
    ):
        yield
