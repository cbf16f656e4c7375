"""A run of two systems with adapters that differ, written without training anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from tratree.models.loading import load_base
from tratree.models.lora import add_lora, save_adapter
from tratree.models.names import fingerprint
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.store.manifest import checked_file, write_manifest
from tratree.store.stage import key_of

TINY = "package:models/tiny/weak"


def write_run(folder: Path, method: str, *, base: str = TINY, dtype: str = "float32") -> Path:
    """Write a run whose systems are ``sft_weak`` and ``sft_strong``; return its folder."""
    store, run = folder / "store", folder / "run"
    run.mkdir(parents=True)
    stages = {}
    for number, system in enumerate(("sft_weak", "sft_strong")):
        model = add_lora(load_base(ModelSettings(base, dtype=dtype)), LoraSettings(rank=4), number)  # type: ignore[arg-type]
        with torch.no_grad():
            for name, weights in model.named_parameters():
                if "lora_B" in name:
                    weights.fill_(0.01 * (number + 1))
        settings: dict[str, Any] = {
            "base": {"name": base, "dtype": dtype},
            "weights": fingerprint(base),
            "chat": {"tokenizer": base, "template": "tiny", "system_prompt": ""},
            "lora": {"rank": 4},
            "hardware": {"accelerator": "cpu"},
            "seed": number,
        }
        trained = _describe(store, "sft", settings, {})
        save_adapter(model, trained / "adapter")
        report = {"samples": 1, "too_long": 0, "steps": 1, "loss": 1.0}
        (trained / "training.json").write_text(json.dumps(report), encoding="utf-8")
        write_manifest(trained, checked_file(trained))
        played = _describe(store, "evaluate", {"system": system}, {"model": trained.name})
        write_manifest(played, checked_file(played))
        stages[f"evaluate {system}"] = f"evaluate/{played.name}"
    document = {"store": "../store", "stages": stages}
    (run / "stages.json").write_text(json.dumps(document), encoding="utf-8")
    results = {"env": "alfworld", "method": method, "seed": 0}
    (run / "results.json").write_text(json.dumps(results), encoding="utf-8")
    (run / "results.md").write_text("| system |\n", encoding="utf-8")
    return run


def trained_stage(run: Path, system: str) -> Path:
    """Return the folder of the fine-tuning of a system of `write_run`."""
    played = json.loads((run / "stages.json").read_text("utf-8"))["stages"][f"evaluate {system}"]
    store = run.parent / "store"
    described = json.loads((store / played / "stage.json").read_text("utf-8"))
    return store / "sft" / str(described["inputs"]["model"])


def _describe(store: Path, stage: str, settings: dict[str, Any], inputs: dict[str, str]) -> Path:
    document: Any = {"stage": stage, "version": 1, "settings": settings, "inputs": inputs}
    folder = store / stage / key_of(document)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stage.json").write_text(json.dumps(document), encoding="utf-8")
    return folder
