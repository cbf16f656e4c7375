"""Combinations of settings that are not possible, though each value is."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from tratree.envs.registry import ENVIRONMENTS, reference_of
from tratree.envs.settings import EnvSettings
from tratree.errors import UserError
from tratree.modules.settings import HardwareSettings, TrainingSettings
from tratree.policy.rollout_settings import RolloutSettings
from tratree.policy.server_address import address_fault
from tratree.words import nearest

if TYPE_CHECKING:
    from tratree.config import Config

IMITATION = ("mcts", "advantage", "success_only", "rejection", "naive_w2s")
"""Methods of this package whose last training is an imitation."""


def check_combinations(config: Config) -> None:
    """Check what must go together.

    Raises:
        ValueError: If something does not; the text says what to do.
    """
    tree, explore, rollout, model = config.tree, config.explore, config.rollout, config.model
    for name in ("train", *config.evaluation.splits):
        if name not in config.env.splits:
            raise ValueError(
                f"evaluation.splits={name} is not known: use some of "
                f"{', '.join(config.env.splits)}{nearest(name, config.env.splits)}"
            )
    if model.context <= model.max_new_tokens:
        raise ValueError(
            f"model.context={model.context} has no room for one turn of model.max_new_tokens="
            f"{model.max_new_tokens}: raise model.context"
        )
    if model.quantization != "none" and model.rollout_dtype == "float64":
        raise ValueError(
            "a quantised model cannot compute in float64: set model.rollout_dtype to bfloat16 or "
            "float32"
        )
    if model.quantization != "none" and config.trainer.strategy == "fsdp":
        raise ValueError("a quantised model cannot be sharded: use trainer=ddp or trainer=gpu")
    if model.attention == "flex_attention" and config.trainer.accelerator == "cpu":
        raise ValueError(
            "model.attention=flex_attention trains on GPUs only: use trainer=gpu, or "
            "model.attention=sdpa"
        )
    if tree.width is not None and tree.width > explore.trajectories:
        raise ValueError(
            f"tree.width={tree.width} is more than the {explore.trajectories} trajectories of each "
            f"task: set explore.trajectories={tree.width}, or tree.width=null for all"
        )
    if explore.calibrate_on is not None and explore.calibrate_on not in config.env.splits:
        raise ValueError(
            f"explore.calibrate_on={explore.calibrate_on} is not known: use one of "
            f"{', '.join(config.env.splits)}{nearest(explore.calibrate_on, config.env.splits)}"
        )
    if explore.calibrate_on is not None and explore.score == "environment":
        raise ValueError(
            "explore.calibrate_on is for the explorer's own scores: set explore.score=self, or "
            "explore.calibrate_on=null"
        )
    _check_prompt(config.env)
    if config.method.reference == "start" and config.method.start == "base":
        raise ValueError(
            "method.reference=start is a fine-tuned model, but method.start=base starts from the "
            "base model: set method.start=sft, or method.reference=weak"
        )
    start, method = config.method.start, config.method.name
    if start in ("mcts", "advantage") and method in IMITATION:
        raise ValueError(
            f"method.start={start} is where preferences start, but method={method} imitates: set "
            "method.start=sft, or take another method, such as step_dpo"
        )
    untouched = len(explore.untouched)
    if untouched and (explore.rounds > 1 or untouched >= explore.trajectories):
        raise ValueError(
            f"explore.untouched has {untouched} settings, which share one round and "
            f"explore.trajectories={explore.trajectories} with the trained explorer: set "
            f"explore.rounds=1 and explore.trajectories={untouched + 1} or more"
        )
    if explore.branching and (explore.rounds > 1 or untouched):
        raise ValueError(
            "explore.branching begins where earlier trajectories of the same explorer failed: set "
            "explore.rounds=1 and explore.untouched=[], or explore.branching=0"
        )
    branching = round(explore.branching * explore.trajectories)
    if explore.branching and not 0 < branching < explore.trajectories:
        raise ValueError(
            f"explore.branching={explore.branching:g} of explore.trajectories="
            f"{explore.trajectories} leaves none that begin with a failure's steps, or none that "
            "they could come from: choose a share in between"
        )
    if explore.rounds > explore.trajectories:
        raise ValueError(
            f"explore.rounds={explore.rounds} rounds share explore.trajectories="
            f"{explore.trajectories}: set it to at most that"
        )
    if explore.kl_weight > 0 and explore.rounds == 1:
        raise ValueError(
            f"explore.kl_weight={explore.kl_weight:g} needs explorers to differ from: set it to 0, "
            "or above 0 with explore.rounds of 2 or more"
        )
    if explore.score == "self" and explore.stop_when_decided is not None:
        raise ValueError(
            "explore.stop_when_decided looks at the environment's score, which explore.score=self "
            "hides: set it to null"
        )
    _check_servers(rollout)
    if rollout.servers == "auto" and rollout.engine == "vllm" and model.quantization != "none":
        raise ValueError(
            "rollout.servers=auto serves base models as they are stored, because vLLM by itself "
            f"knows no {model.quantization} ones of bitsandbytes: set rollout.engine=transformers, "
            "which plays them, or model.quantization=none"
        )
    if rollout.engine == "vllm" and rollout.constraint != "none":
        raise ValueError(
            f"rollout.constraint={rollout.constraint} needs rollout.engine=transformers: "
            "vllm plays without constraints"
        )
    lora = model.lora
    if rollout.engine == "vllm" and (lora is None or lora.dora or lora.modules_to_save):
        raise ValueError(
            "rollout.engine=vllm plays plain LoRA adapters: set model.lora.dora=false and "
            "model.lora.modules_to_save=[], or rollout.engine=transformers"
        )
    if lora is None and model.quantization != "none":
        raise ValueError(
            "model.lora=null trains all weights, which a quantised model cannot: set "
            "model.quantization=none"
        )
    if rollout.env_threads and not ENVIRONMENTS.find(reference_of(vars(config.env))).waits:
        raise ValueError(
            f"rollout.env_threads={rollout.env_threads} is for environments that wait for another "
            f"process: {config.env.name} does not, set it to 0"
        )
    if config.evaluation.samples > 1 and config.evaluation.sampling.temperature == 0:
        raise ValueError(
            f"evaluation.samples={config.evaluation.samples} greedy trajectories of a task would "
            "be the same: set evaluation.sampling.temperature above 0"
        )
    _check_trainings(config)


def _check_servers(rollout: RolloutSettings) -> None:
    for url in () if rollout.servers == "auto" else rollout.servers:
        if fault := address_fault(url):
            raise ValueError(fault)
    if rollout.engine == "vllm" and not rollout.servers:
        raise ValueError(
            "rollout.engine=vllm needs servers: set rollout.servers=auto, which starts one on each "
            "free GPU, or rollout.servers=[http://localhost:8000,http://localhost:8001]"
        )
    if rollout.engine != "vllm" and rollout.servers == "auto":
        raise ValueError(
            "rollout.servers=auto starts servers of vLLM: set rollout.engine=vllm, too"
        )


def _check_prompt(env: EnvSettings) -> None:
    missing = [key for key in ("rules", "examples") if getattr(env.prompt, key) is None]
    if env.prompt.required and missing:
        name = {"scienceworld": "sciworld"}.get(env.name, env.name)
        raise ValueError(
            f"this setting needs {' and '.join(f'env.prompt.{key}' for key in missing)}: set "
            f"env.prompt.rules=…/{name}_inst.txt env.prompt.examples=…/{name}_icl.json, which are "
            "in eval_agent/prompt of github.com/Yifan-Song793/ETO, or env.prompt.required=false"
        )


def _check_trainings(config: Config) -> None:
    """Check now what each fine-tuning would check hours later."""
    model, trainer = config.model, config.trainer
    hardware = {f.name: getattr(trainer, f.name) for f in fields(HardwareSettings)}
    for key, optimization in (
        ("model.weak.sft", model.weak.sft),
        ("model.strong.sft", model.strong.sft),
        ("model.imitation", model.imitation),
        ("model.preference", model.preference),
    ):
        try:
            TrainingSettings(**vars(optimization), **hardware)
        except UserError as error:
            raise ValueError(f"{key}: {error}") from None
