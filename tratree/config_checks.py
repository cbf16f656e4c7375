"""Which values a configuration may have, alone and together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tratree.errors import UserError
from tratree.models.settings import ATTENTIONS, DTYPES, QUANTIZATIONS, LoraSettings
from tratree.modules.settings import PRECISIONS, STRATEGIES, TrainingSettings

if TYPE_CHECKING:
    from tratree.config import Config


def check(config: Config) -> None:
    """Check every value, and those that must go together.

    Raises:
        UserError: If one is unknown or out of its range, or two do not fit.
    """
    _check_values(config)
    _check_prompt(config)
    _check_trainings(config)
    _check_combinations(config)


def choice(key: str, value: Any, allowed: Any) -> str:
    """Return `value` as text.

    Raises:
        UserError: If it is not among `allowed`.
    """
    if value not in allowed:
        raise UserError(f"{key}={value} is not known: use one of {', '.join(sorted(allowed))}")
    return str(value)


def _check_values(config: Config) -> None:
    method, tree, explore, rollout = config.method, config.tree, config.explore, config.rollout
    choice("method.start", method.start, ("sft", "base"))
    choice("method.reference", method.reference, ("weak", "start"))
    choice("method.pairs", method.pairs, ("divergence", "best_and_worst"))
    choice("tree.compares", tree.compares, ("observation", "observation_and_thought"))
    choice("method.packing", method.packing, ("tree", "pairwise"))
    choice("method.aggregate", method.aggregate, ("mean", "max"))
    choice("method.continuation", method.continuation, ("end", "next_divergence", "one_step"))
    choice("rollout.constraint", rollout.constraint, ("none", "well_formed", "admissible"))
    choice("rollout.engine", rollout.engine, ("transformers", "vllm"))
    choice("tree.similarity", tree.similarity, ("exact", "ngrams", "minilm"))
    choice("model.attention", config.model.attention, ATTENTIONS)
    choice("model.quantization", config.model.quantization, QUANTIZATIONS)
    choice("model.dtype", config.model.dtype, DTYPES)
    choice("model.rollout_dtype", config.model.rollout_dtype, DTYPES)
    choice("trainer.precision", config.trainer.precision, PRECISIONS)
    choice("trainer.strategy", config.trainer.strategy, STRATEGIES)
    choice("trainer.profiler", config.trainer.profiler or "simple", ("simple", "advanced"))
    choice("explore.score", explore.score, ("environment", "self"))
    choice("tree.action_match", tree.action_match, ("exact", "normalised"))
    for key, value, low in (
        ("seed", config.seed, 0),
        ("expert.tasks", config.expert.tasks, 1),
        ("explore.tasks", explore.tasks, 1),
        ("explore.trajectories", explore.trajectories, 1),
        ("explore.tokens", explore.tokens, 1),
        ("explore.stop_when_decided", explore.stop_when_decided, 1),
        ("explore.rounds", explore.rounds, 1),
        ("evaluation.episodes", config.evaluation.episodes, 1),
        ("evaluation.samples", config.evaluation.samples, 1),
        ("rollout.batch_size", rollout.batch_size, 1),
        ("rollout.workers", rollout.workers, 1),
        ("trainer.threads", config.trainer.threads, 1),
        ("trainer.devices", config.trainer.devices, 1),
        ("trainer.num_nodes", config.trainer.num_nodes, 1),
        ("env.max_steps", config.env.max_steps, 1),
        ("method.iterations", method.iterations, 1),
        ("method.pack_tokens", method.pack_tokens, 1),
        ("tree.width", tree.width, 1),
        ("method.pairs_per_divergence", method.pairs_per_divergence, 1),
        ("method.pairs_per_task", method.pairs_per_task, 1),
        ("method.trajectories_per_task", method.trajectories_per_task, 1),
        ("method.rounds", method.rounds, 1),
        ("method.samples", method.samples, 1),
        ("env.prompt.count", config.env.prompt.count, 0),
    ):
        if value is not None and value < low:
            raise UserError(f"{key}={value} is too small: it must be at least {low}")
    for key, number, lowest in (
        ("tree.xi_sim", tree.xi_sim, 0),
        ("method.minimum_score", method.minimum_score, -1),
        ("method.minimum_gap", method.minimum_gap, 0),
    ):
        if not lowest <= number <= 1:
            raise UserError(f"{key}={number} is out of range: it must lie between {lowest} and 1")
    if not method.beta > 0:
        raise UserError(f"method.beta={method.beta} is out of range: it must be above 0")
    if not 0 <= method.label_smoothing < 0.5:
        raise UserError(
            f"method.label_smoothing={method.label_smoothing} is out of range: it must lie from 0 "
            "to below 0.5"
        )
    for name in ("train", *config.evaluation.splits):
        choice("evaluation.splits", name, config.env.splits)


def _check_prompt(config: Config) -> None:
    prompt = config.env.prompt
    missing = [key for key in ("rules", "examples") if getattr(prompt, key) is None]
    if prompt.required and missing:
        name = {"scienceworld": "sciworld"}.get(config.env.name, config.env.name)
        raise UserError(
            f"this setting needs {' and '.join(f'env.prompt.{key}' for key in missing)}: set "
            f"env.prompt.rules=…/{name}_inst.txt env.prompt.examples=…/{name}_icl.json, which are "
            "in eval_agent/prompt of github.com/Yifan-Song793/ETO, or env.prompt.required=false"
        )


def _check_trainings(config: Config) -> None:
    """Check now what each fine-tuning would check hours later."""
    model = config.model
    hardware = {k: v for k, v in vars(config.trainer).items() if k != "profiler"}
    for key, optimization in (
        ("model.weak.sft", model.weak.sft),
        ("model.strong.sft", model.strong.sft),
        ("model.imitation", model.imitation),
        ("model.preference", model.preference),
    ):
        try:
            TrainingSettings(**vars(optimization), **hardware)
        except UserError as error:
            raise UserError(f"{key}: {error}") from None
    LoraSettings(**vars(model.lora))


def _check_combinations(config: Config) -> None:
    tree, explore, rollout = config.tree, config.explore, config.rollout
    if config.model.quantization != "none" and config.trainer.strategy == "fsdp":
        raise UserError("a quantised model cannot be sharded: use trainer=ddp or trainer=gpu")
    if config.model.attention == "flex_attention" and config.trainer.accelerator == "cpu":
        raise UserError(
            "model.attention=flex_attention trains on GPUs only: use trainer=gpu, or "
            "model.attention=sdpa"
        )
    if tree.width is not None and tree.width > explore.trajectories:
        raise UserError(
            f"tree.width={tree.width} is more than the {explore.trajectories} trajectories of each "
            f"task: set explore.trajectories={tree.width}, or tree.width=null for all"
        )
    if config.method.reference == "start" and config.method.start != "sft":
        raise UserError(
            "method.reference=start is the strong model after its SFT, but method.start="
            f"{config.method.start} starts elsewhere: set method.start=sft, or "
            "method.reference=weak"
        )
    if explore.rounds > explore.trajectories:
        raise UserError(
            f"explore.rounds={explore.rounds} rounds share explore.trajectories="
            f"{explore.trajectories}: set it to at most that"
        )
    if explore.untouched and (explore.rounds > 1 or len(explore.untouched) >= explore.trajectories):
        raise UserError(
            f"explore.untouched has {len(explore.untouched)} settings, which share one round and "
            f"explore.trajectories={explore.trajectories} with the trained explorer: set "
            f"explore.rounds=1 and explore.trajectories={len(explore.untouched) + 1} or more"
        )
    if explore.kl_weight < 0 or (explore.kl_weight > 0 and explore.rounds == 1):
        raise UserError(
            f"explore.kl_weight={explore.kl_weight:g} needs explorers to differ from: set it to 0, "
            "or above 0 with explore.rounds of 2 or more"
        )
    if explore.score == "self" and explore.stop_when_decided is not None:
        raise UserError(
            "explore.stop_when_decided looks at the environment's score, which explore.score=self "
            "hides: set it to null"
        )
    if rollout.engine == "vllm" and not rollout.servers:
        raise UserError(
            "rollout.engine=vllm needs a server of each base model: set "
            "rollout.servers=[http://localhost:8000,http://localhost:8001]"
        )
    if rollout.engine == "vllm" and rollout.constraint != "none":
        raise UserError(
            f"rollout.constraint={rollout.constraint} needs rollout.engine=transformers: "
            "vllm plays without constraints"
        )
    if rollout.env_threads and config.env.name != "scienceworld":
        raise UserError(
            f"rollout.env_threads={rollout.env_threads} is for environments that wait for another "
            f"process: {config.env.name} does not, set it to 0"
        )
    if config.evaluation.samples > 1 and config.evaluation.sampling.temperature == 0:
        raise UserError(
            f"evaluation.samples={config.evaluation.samples} greedy trajectories of a task would "
            "be the same: set evaluation.sampling.temperature above 0"
        )
