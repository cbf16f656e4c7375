"""Memory of a GPU: what a training takes, and what stages leave behind."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any
from unittest import mock

import torch

from tests.gpu.place import Place, Row, unmeasured
from tests.gpu.training import settings_of
from tratree.composition import compose_config
from tratree.data.pairs import PairDataModule
from tratree.models.loading import load_base
from tratree.models.lora import add_lora
from tratree.models.settings import LoraSettings
from tratree.modules.fit import fit
from tratree.modules.settings import DPOSettings
from tratree.modules.tree_dpo import TreeDPOModule
from tratree.runs.run import run
from tratree.store.store import Store

GIB = 2**30
LEFT = 1.0
"""Most GiB of a GPU that a stage may leave in use."""
PLANNED = 0.15
"""Most by which a peak may differ from the plan's, relative to it."""


def rows(place: Place) -> Iterator[Row]:
    """Measure the peak of a training, what is left of it, and what stages of a run leave."""
    yield from _peak(place)
    if not place.gpus:
        yield unmeasured("GiB left in use after each stage of a run")
        return
    yield _left(place)


def _peak(place: Place) -> Iterator[Row]:
    """Train on packs with gradient checkpointing; compare with the plan, look at what is left."""
    lora = LoraSettings()
    model = add_lora(load_base(replace(place.base, gradient_checkpointing=True)), lora, seed=0)
    pairs = [pair for seed in range(2) for pair in place.tree(seed)]
    data = PairDataModule(pairs, 8192, pack_tokens=8192)
    settings = replace(settings_of(place, deterministic=False), batch_size=8, precision="32-true")
    if place.gpus:
        torch.cuda.reset_peak_memory_stats()
    fit(TreeDPOModule(model, settings, DPOSettings()), data, folder=place.folder / "peak", seed=0)
    packs = [batch.sides for batch in data.collate(pairs, 8)]
    largest = max(packs, key=lambda pack: pack.tokens)
    check = f"GiB at the peak of a TreeDPO step on a pack of {largest.tokens} tokens"
    after = "GiB left of that training"
    if not place.gpus:
        yield from (unmeasured(check), unmeasured(after))
        return
    peak = torch.cuda.max_memory_allocated() / GIB
    weights = [w.numel() * w.element_size() for w in model.parameters()]
    trained = [w.numel() * w.element_size() for w in model.parameters() if w.requires_grad]
    try:
        plan = import_module("tratree.plan.memory")
    except ImportError:
        yield Row(check, f"{peak:.2f}")
    else:
        count = len(largest.trained)
        passed = plan.TrainingPass(1, largest.tokens, count, count, packed=True)
        name, options = place.base.name, {"checkpointing": True, "mixed": False}
        of_pass = plan.training_bytes(name, None, "bfloat16", lora, passed, **options)
        # Of each trained weight a gradient, which the pass counts, and AdamW's two means.
        planned = (of_pass + sum(weights) + 3 * sum(trained)) / GIB
        apart = abs(peak / planned - 1)
        wanted = f"the plan's {planned:.2f} ± {PLANNED:.0%}"
        yield Row(check, f"{peak:.2f}", wanted, apart <= PLANNED)
    del model
    gc.collect()
    torch.cuda.empty_cache()
    left = torch.cuda.memory_reserved() / GIB
    yield Row(after, f"{left:.2f}", f"at most {LEFT}", left <= LEFT)


def _left(place: Place) -> Row:
    """Run the main job at a small size; look at each GPU's memory after each stage."""
    before = _in_use()
    left: dict[str, float] = {}
    compute = Store._compute

    def watched(store: Store, stage: Any, *arguments: Any) -> None:
        compute(store, stage, *arguments)
        left[stage.title] = max(now - then for now, then in zip(_in_use(), before, strict=True))

    config = compose_config(
        ["debug=smoke", "method=tree_dpo", "trainer=gpu", f"store={place.folder / 'left'}"]
    )
    (place.folder / "left-run").mkdir()
    with mock.patch.object(Store, "_compute", watched):
        run(config, place.folder / "left-run")
    stage, most = max(left.items(), key=lambda item: item[1])
    return Row(
        "GiB left in use after each stage of a run",
        f"{most:.2f} after {stage}, the most of {len(left)}",
        f"at most {LEFT}",
        most <= LEFT,
    )


def _in_use() -> list[float]:
    """Return the GiB in use of each GPU, by whichever process."""
    query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return [int(line) / 1024 for line in subprocess.check_output(query, text=True).split()]
