"""Memory of a GPU: what a training takes, and what it leaves."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from tests.gpu.place import Check, Place, Row, unmeasured
from tests.gpu.training import settings_of
from tratree.data.pairs import PairDataModule
from tratree.models.loading import load_base
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings
from tratree.modules.fit import fit
from tratree.modules.settings import DPOSettings
from tratree.modules.tree_dpo import TreeDPOModule
from tratree.plan.memory import TrainingPass, training_bytes

GIB = 2**30
LEFT = 1.0
"""Most GiB of a GPU that a training may leave in use."""
PLANNED = 0.15
"""Most by which a peak may differ from the plan's, relative to it."""


def checks(place: Place) -> list[Check]:
    """Return the check."""
    return [partial(_peak, place)]


def _peak(place: Place) -> Iterator[Row]:
    """Train on packs with gradient checkpointing; compare with the plan, look at what is left."""
    lora, mixed = LoraSettings(), bool(place.gpus)
    model = add_lora(load_base(replace(place.base, gradient_checkpointing=True)), lora, seed=0)
    pairs = [pair for seed in range(2) for pair in place.tree(seed)]
    data = PairDataModule(pairs, 8192, pack_tokens=8192)
    settings = replace(settings_of(place, deterministic=False), batch_size=8)
    if place.gpus:
        torch.cuda.reset_peak_memory_stats()
    fit(TreeDPOModule(model, settings, DPOSettings()), data, folder=place.folder / "peak", seed=0)
    packs = [batch.sides for batch in data.collate(pairs, 8)]
    largest = max(packs, key=lambda pack: pack.tokens)
    weights = [w.numel() * w.element_size() for w in model.parameters()]
    trained = [w.numel() * w.element_size() for w in model.parameters() if w.requires_grad]
    count = len(largest.trained)
    passed = TrainingPass(1, largest.tokens, count, count, packed=True)
    of_pass = training_bytes(
        place.base.name, None, "bfloat16", lora, passed, checkpointing=True, mixed=mixed
    )
    # Of each trained weight a gradient, which the pass counts, and AdamW's two means.
    planned = (of_pass + sum(weights) + 3 * sum(trained)) / GIB
    wanted = f"the plan's {planned:.3g} ± {PLANNED:.0%}"
    check = f"GiB at the peak of a TreeDPO step on a pack of {largest.tokens} tokens"
    after = "GiB left of that training"
    if not place.gpus:
        yield replace(unmeasured(check), wanted=wanted)
        yield unmeasured(after)
        return
    peak = torch.cuda.max_memory_allocated() / GIB
    yield Row(check, f"{peak:.3g}", wanted, abs(peak / planned - 1) <= PLANNED)
    del model
    gc.collect()
    torch.cuda.empty_cache()
    left = torch.cuda.memory_reserved() / GIB
    yield Row(after, f"{left:.2f}", f"at most {LEFT}", left <= LEFT)
