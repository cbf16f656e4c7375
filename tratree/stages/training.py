"""Shared work of the stages that fine-tune a model, and loading of what they made."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NotRequired

import torch
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, SimpleProfiler
from rich.console import Console
from transformers import PreTrainedModel
from typing_extensions import TypedDict

from tratree.data.data_module import StepDataModule
from tratree.documents import read_json
from tratree.errors import UserError
from tratree.models.adapted import CausalModel, is_adapted
from tratree.models.full import load_whole, save_whole, train_all
from tratree.models.loading import load_base, load_stop_ids, load_tokenizer
from tratree.models.lora import add_lora, load_adapter, load_policy_model, save_adapter
from tratree.models.names import fingerprint
from tratree.models.ranks import is_first_rank
from tratree.models.settings import LoraSettings, ModelSettings
from tratree.modules.adapter_module import AdapterModule
from tratree.modules.attention_check import check_rollouts
from tratree.modules.finite import check_weights
from tratree.modules.fit import FitReport, fit
from tratree.modules.nodes import run_on_nodes
from tratree.modules.processes import run_in_processes
from tratree.modules.settings import TrainingSettings
from tratree.modules.training_history import CHECKPOINT, METRICS, logged_metrics
from tratree.policy.chat import ChatFormat
from tratree.policy.prompt import Prompt
from tratree.stages.file_names import REPORT
from tratree.stages.training_settings import ADAPTER
from tratree.store.finished import how_to_repair, read_description
from tratree.store.progress import Progress
from tratree.store.stage import Job, Resources
from tratree.words import counted


class FitReportDocument(TypedDict):
    """A `FitReport` as JSON data."""

    samples: int
    too_long: int
    steps: int
    loss: float | None
    loss_per_token: NotRequired[float]


def load_chat(settings: Mapping[str, Any]) -> ChatFormat:
    """Return the chat format of a model, given the settings of its fine-tuning."""
    chat = settings["chat"]
    name, revision = chat["tokenizer"], chat.get("revision")
    return ChatFormat(
        load_tokenizer(name, revision),
        chat["template"],
        chat["system_prompt"],
        load_stop_ids(name, revision),
        chat.get("turn_form", "plain"),
        Prompt.from_json(chat["prompt"]) if "prompt" in chat else None,
    )


def base_settings(settings: Mapping[str, Any]) -> ModelSettings:
    """Return the base model of a fine-tuning, given its settings.

    Raises:
        UserError: If it is not the model any more that it was then.
    """
    base = ModelSettings(**settings["base"])
    if fingerprint(base.name, base.revision) != settings["weights"]:
        raise UserError(
            f"the files of base model {base.name} have changed since its fine-tuning was planned: "
            "put them back, or run the same command again to train on the new ones"
        )
    return base


def load_start(job: Job) -> CausalModel:
    """Return the base model with the adapter to resume from, or with a new one.

    Without adapters, ``lora=null``, it is a base model of which all weights are trained. It is on
    the GPU of this process, unless it may be too large for one.
    """
    sharded = job.settings["hardware"]["strategy"] == "fsdp"
    device = None if sharded else own_device(job.settings)
    base = load_base(base_settings(job.settings), device)
    start = job.inputs["start"] / ADAPTER if "start" in job.inputs else None
    if job.settings["lora"] is None:
        return train_all(load_whole(base, start) if start else base)
    if start:
        return load_adapter(base, start, trainable=True)
    return add_lora(base, LoraSettings(**job.settings["lora"]), job.settings["seed"])


def load_policy(
    trained: Path, dtype: str, *, adapter: bool = True
) -> tuple[PreTrainedModel, ChatFormat]:
    """Return the model of a finished fine-tuning, ready to play, and its chat format.

    Without `adapter` it is the base model as it was before.

    What was trained on a GPU plays on one.
    """
    settings = read_description(trained)["settings"]
    base = base_settings(settings)
    folder = trained / ADAPTER if adapter else None
    model = load_policy_model(base, folder, getattr(torch, dtype), own_device(settings))
    return model, load_chat(settings)


def own_device(settings: Mapping[str, Any]) -> torch.device | None:
    """Return the GPU of this process, if a fine-tuning of these settings has one; else None."""
    if settings["hardware"]["accelerator"] != "gpu" or not torch.cuda.is_available():
        return None
    return torch.device("cuda", torch.cuda.current_device())


def policy_loader(job: Job, *, adapter: bool = True) -> partial[tuple[PreTrainedModel, ChatFormat]]:
    """Return a picklable function that loads the job's model to play, and checks that it can."""
    return partial(_load_player, job.inputs["model"], job.settings["dtype"], adapter)


def _load_player(trained: Path, dtype: str, adapter: bool) -> tuple[PreTrainedModel, ChatFormat]:
    model, chat = load_policy(trained, dtype, adapter=adapter)
    check_rollouts(model)
    return model, chat


def run_on_devices(train: Callable[[Job], None], job: Job) -> None:
    """Call `train`, a function of a module, in one process for each device of the job.

    One CPU is this process's own. A GPU is not: this process would keep memory of it, which later
    stages lack.
    """
    hardware = job.settings["hardware"]
    devices, num_nodes = hardware["devices"], hardware.get("num_nodes", 1)
    on_gpu = hardware["accelerator"] == "gpu"
    place = job.inputs, job.folder, job.resources, job.title
    work = partial(_one_of_several, train, job.settings, *place)
    if num_nodes * devices == 1 and not on_gpu:
        train(job)
        gc.collect()  # the model, which the trainer and its parts hold in a circle
        return
    # Trackers stay in this process, which reads what the first of the others writes.
    with logged_metrics(job.folder / METRICS, job.tracker.training_logger(job.title)):
        if num_nodes > 1:
            run_on_nodes(work, num_nodes, devices)
        else:
            run_in_processes(work, devices)


def _one_of_several(
    train: Callable[[Job], None],
    settings: Mapping[str, Any],
    inputs: Mapping[str, Path],
    folder: Path,
    resources: Resources,
    title: str,
) -> None:
    """Train as one of several processes; the first one shows progress on standard error."""
    if settings["hardware"].get("deterministic", True):
        # PyTorch looks at it once, at the first matrix product, which comes before Lightning's.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if settings["hardware"]["accelerator"] == "gpu" and torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    console = Console(stderr=True, highlight=False, quiet=os.environ["RANK"] != "0")
    train(Job(settings, inputs, folder, resources, Progress(console), title))


def train(
    job: Job, make_module: Callable[..., AdapterModule], data: StepDataModule[Any, Any]
) -> None:
    """Fit the adapter of the job's model to `data` and save it, resuming an interrupted fit.

    Args:
        job: The job of a fine-tuning.
        make_module: Called as ``make_module(model, settings=...)``.
        data: Data that the model is trained on.
    """
    settings = TrainingSettings(
        **job.settings["optimization"],
        **job.settings["hardware"],
        checkpoint_every_steps=job.resources.checkpoint_every_steps,
    )
    module = make_module(load_start(job), settings=settings)
    with job.progress.bar("steps", None) as advance:
        report = fit(
            module,
            data,
            folder=job.folder,
            seed=job.settings["seed"],
            report=lambda done, total, note: advance(done, note, total),
            logger=job.tracker.training_logger(job.title),
            profiler=_profiler(job),
        )
    check_weights(module.model)
    if is_adapted(module.model):
        save_adapter(module.model, job.folder / ADAPTER)
    else:
        save_whole(module.model, job.folder / ADAPTER)
    if is_first_rank():
        told = {n: v for n, v in asdict(report).items() if (n, v) != ("loss_per_token", None)}
        (job.folder / REPORT).write_text(json.dumps(told) + "\n", encoding="utf-8")
        (job.folder / CHECKPOINT).unlink(missing_ok=True)
    job.progress.message(f"  {describe(report, module.unit)}")


def _profiler(job: Job) -> Profiler | None:
    kind, folder = job.resources.profiler, job.resources.profiles
    if kind is None:
        return None
    make = AdvancedProfiler if kind == "advanced" else SimpleProfiler
    return make(dirpath=folder, filename=job.title.replace(" ", "-"))


def read_report(trained: Path) -> FitReport:
    """Return what a finished fine-tuning did."""
    advice = how_to_repair(trained)
    try:
        report: FitReport = FitReport(**read_json(trained / REPORT, FitReportDocument, advice))
    except (FileNotFoundError, NotADirectoryError, TypeError) as error:
        raise UserError(f"{trained / REPORT} is missing or damaged: {advice}") from error
    return report


def describe(report: FitReport, unit: str) -> str:
    """Say in one line what a fine-tuning did, whose loss is a mean over a unit, such as token."""
    if report.steps:
        loss = f"{report.loss:.4f} per {unit}"
        if report.loss_per_token is not None:
            loss = f"{report.loss_per_token:.4f} per token ({report.loss:.2f} per {unit})"
        done = f"{counted(report.samples, 'sample')}, {counted(report.steps, 'step')}, "
        done += f"loss {loss} at the end"
    else:
        done = "nothing to learn from: the weights stay bit for bit as they were"
    if report.too_long:
        done += f"; {counted(report.too_long, 'sample')} left out, longer than the context"
        if not report.samples:
            done += ": raise model.context"
    return done
