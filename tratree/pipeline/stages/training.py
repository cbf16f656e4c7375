"""What the stages that fine-tune a model share, and how others load what they made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PreTrainedModel

from tratree.config import BaseModelConfig, Config, OptimizationConfig
from tratree.data.episodes import EpisodeDataModule
from tratree.data.pairs import PairDataModule
from tratree.models.loading import ModelSettings, fingerprint, load_base, load_tokenizer
from tratree.models.lora import (
    LoraSettings,
    add_lora,
    load_adapter,
    load_policy_model,
    save_adapter,
)
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.fit import CHECKPOINT, FitReport, fit
from tratree.modules.settings import TrainingSettings
from tratree.pipeline.stage import Job
from tratree.pipeline.store import read_description
from tratree.policy.chat import ChatFormat

ADAPTER = "adapter"


def training_settings(
    config: Config, base: BaseModelConfig, optimization: OptimizationConfig
) -> dict[str, Any]:
    """Return what a fine-tuning of `base` depends on, besides its data."""
    model, trainer = config.model, config.trainer
    return {
        "base": {"name": base.name, "dtype": model.dtype},
        "weights": fingerprint(base.name),
        "chat": {"template": model.chat_template, "system_prompt": model.system_prompt},
        "context": model.context,
        "lora": asdict(model.lora),
        "optimization": asdict(optimization),
        "precision": trainer.precision,
        "threads": trainer.threads,
        "seed": config.seed,
    }


def load_chat(settings: Mapping[str, Any]) -> ChatFormat:
    """Return the chat format of a model, given the settings of its fine-tuning."""
    return ChatFormat(load_tokenizer(settings["base"]["name"]), **settings["chat"])


def load_start(job: Job) -> PeftModel:
    """Return the base model with the adapter to go on from, or with a new one."""
    base = load_base(ModelSettings(**job.settings["base"]))
    if "start" in job.inputs:
        return load_adapter(base, job.inputs["start"] / ADAPTER, trainable=True)
    return add_lora(base, LoraSettings(**job.settings["lora"]), job.settings["seed"])


def load_policy(trained: Path, dtype: str) -> tuple[PreTrainedModel, ChatFormat]:
    """Return the model of a finished fine-tuning, ready to play, and its chat format."""
    settings = read_description(trained)["settings"]
    base = ModelSettings(**settings["base"])
    model = load_policy_model(base, trained / ADAPTER, getattr(torch, dtype))
    return model, load_chat(settings)


def policy_loader(job: Job) -> partial[tuple[PreTrainedModel, ChatFormat]]:
    """Return a picklable function that loads the job's model to play."""
    return partial(load_policy, job.inputs["model"], job.settings["dtype"])


def read_training_settings(job: Job) -> TrainingSettings:
    """Return how the job's model is trained, on the job's hardware."""
    hardware = job.resources.hardware
    return TrainingSettings(
        **job.settings["optimization"],
        precision=job.settings["precision"],
        threads=job.settings["threads"],
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        strategy=hardware.strategy,
        checkpoint_every_steps=hardware.checkpoint_every_steps,
    )


def train(job: Job, module: AdapterModule, data: EpisodeDataModule | PairDataModule) -> None:
    """Fit the module's adapter to `data` and save it, going on from an interrupted fit."""
    with job.progress.bar("steps", None) as advance:
        report = fit(
            module,
            data,
            folder=job.folder,
            seed=job.settings["seed"],
            report=lambda done, total, note: advance(done, note, total),
        )
    save_adapter(module.model, job.folder / ADAPTER)
    (job.folder / CHECKPOINT).unlink(missing_ok=True)
    job.progress.message(f"  {describe(report)}")


def describe(report: FitReport) -> str:
    """Say in one line what a fine-tuning did."""
    done = "nothing to learn from: the weights stay bit for bit as they were"
    if report.steps:
        done = f"{report.samples} samples, {report.steps} steps, loss {report.loss:.4f} at the end"
    if report.too_long:
        done += f"; {report.too_long} samples left out, longer than the context"
    return done
