"""The schema of the configuration: every key, its type, and what is checked before a run.

The values and their sources stand in ``conf/``; the meaning of a key stands there beside it.
Nothing heavy is imported here, so that composing a configuration takes a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tratree.errors import UserError


@dataclass
class AlfworldConfig:
    """``env=alfworld``."""

    name: str = MISSING
    games: str = MISSING
    difficulty: str = MISSING
    train_games: int = MISSING
    held_out_games: int = MISSING
    games_seed: int = MISSING
    data: str | None = MISSING
    wording: str = MISSING
    max_steps: int = MISSING
    splits: dict[str, str] = MISSING


@dataclass
class WebShopConfig:
    """``env=webshop``."""

    name: str = MISSING
    catalogue: str = MISSING
    products: int | None = MISSING
    catalogue_seed: int = MISSING
    data: str | None = MISSING
    goals: str = MISSING
    price_seed: int = MISSING
    protocol: str = MISSING
    eto_indices: str | None = MISSING
    pages: str = MISSING
    attributes_button: bool = MISSING
    tagger: str = MISSING
    spacy_model: str = MISSING
    max_steps: int = MISSING
    splits: dict[str, str] = MISSING


@dataclass
class ScienceWorldConfig:
    """``env=scienceworld``."""

    name: str = MISSING
    protocol: str = MISSING
    simplification: str = MISSING
    tasks: list[str] | None = MISSING
    variations: int | None = MISSING
    ambiguity: str = MISSING
    deterministic: bool = MISSING
    java: str = MISSING
    gold_paths: str = MISSING
    eto_indices: str | None = MISSING
    max_steps: int = MISSING
    splits: dict[str, str] = MISSING


ENVIRONMENTS: dict[str, type] = {
    "alfworld": AlfworldConfig,
    "scienceworld": ScienceWorldConfig,
    "webshop": WebShopConfig,
}


@dataclass
class OptimizationConfig:
    """How one fine-tuning is done."""

    learning_rate: float = MISSING
    epochs: int = MISSING
    batch_size: int = MISSING
    accumulate: int = 1
    warmup_share: float = MISSING
    weight_decay: float = MISSING
    clip: float = MISSING
    schedule: str = MISSING


@dataclass
class BaseModelConfig:
    """One base model and its own fine-tuning on demonstrations."""

    name: str = MISSING
    chat_template: str | None = "${model.chat_template}"
    system_prompt: str = "${model.system_prompt}"
    sft: OptimizationConfig = field(default_factory=OptimizationConfig)


@dataclass
class LoraConfig:
    """The adapter that every fine-tuning trains."""

    rank: int = MISSING
    alpha: int = MISSING
    dropout: float = MISSING
    target_modules: Any = MISSING


@dataclass
class ModelConfig:
    """``model=…``: a family of a weak and a strong model."""

    name: str = MISSING
    weak: BaseModelConfig = field(default_factory=BaseModelConfig)
    strong: BaseModelConfig = field(default_factory=BaseModelConfig)
    lora: LoraConfig = field(default_factory=LoraConfig)
    imitation: OptimizationConfig = field(default_factory=OptimizationConfig)
    preference: OptimizationConfig = field(default_factory=OptimizationConfig)
    chat_template: str | None = MISSING
    system_prompt: str = MISSING
    context: int = MISSING
    max_new_tokens: int = MISSING
    max_thought_tokens: int | None = None
    max_repeats: int | None = None
    dtype: str = MISSING
    rollout_dtype: str = MISSING
    attention: str = "sdpa"
    gradient_checkpointing: bool = False
    quantization: str = "none"


@dataclass
class ExpertConfig:
    """Expert demonstrations."""

    tasks: int | None = MISSING
    demonstrations: str | None = MISSING


@dataclass
class SamplingConfig:
    """One sampling setting of the exploration."""

    temperature: float = MISSING
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0


@dataclass
class ExploreConfig:
    """``explore=…``: exploration by the weak model."""

    tasks: int | None = MISSING
    trajectories: int = MISSING
    tokens: int | None = None
    stop_when_decided: int | None = None
    sampling: list[SamplingConfig] = MISSING
    rounds: int = 1
    kl_weight: float = 0.0
    score: str = "environment"


@dataclass
class TreeConfig:
    """``tree=…``: how trajectories are merged."""

    similarity: str = MISSING
    encoder: str = MISSING
    xi_sim: float = MISSING
    action_match: str = MISSING
    width: int | None = MISSING


@dataclass
class MethodConfig:
    """``method=…``: one schema for all, so that a sweep can cross methods with any axis."""

    name: str = MISSING
    start: str = MISSING
    iterations: int = MISSING
    exploration: float = MISSING
    minimum_score: float = MISSING
    beta: float = MISSING
    label_smoothing: float = MISSING
    length_normalised: bool = MISSING
    packing: str = MISSING
    pack_tokens: int = MISSING
    aggregate: str = MISSING
    minimum_gap: float = MISSING
    continuation: str = MISSING
    pairs_per_divergence: int | None = MISSING
    pairs_per_task: int | None = MISSING
    trajectories_per_task: int | None = MISSING
    rounds: int = MISSING
    samples: int = MISSING


@dataclass
class TrainerConfig:
    """``trainer=…``: the hardware of the fine-tunings."""

    accelerator: str = MISSING
    devices: int = MISSING
    num_nodes: int = MISSING
    strategy: str = MISSING
    precision: str = MISSING
    threads: int = MISSING
    checkpoint_every_steps: int = MISSING
    profiler: str | None = MISSING


@dataclass
class RolloutConfig:
    """How episodes are played; all after `engine` changes speed and memory only."""

    constraint: str = MISSING
    engine: str = MISSING
    servers: list[str] = MISSING
    batch_size: int = MISSING
    cache_gib: float | None = MISSING
    env_threads: int = MISSING
    workers: int = MISSING
    step_seconds: float | None = MISSING
    recycle_episodes: int | None = MISSING
    recycle_gib: float | None = MISSING


@dataclass
class EvaluationConfig:
    """``evaluation=…``: the protocol, the same for every system."""

    splits: list[str] = MISSING
    episodes: int | None = MISSING
    samples: int = MISSING
    sampling: SamplingConfig = field(default_factory=SamplingConfig)


@dataclass
class LoggerConfig:
    """``logger=…``: where metrics go besides the files of the store."""

    name: str = MISSING
    project: str = "tratree"
    entity: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: list[str] = field(default_factory=list)
    offline: bool = False
    artifacts: bool = True
    trajectories: int = 20
    trees: int = 3


@dataclass
class Config:
    """The whole configuration of one run."""

    seed: int = MISSING
    store: str = MISSING
    env: Any = MISSING
    method: MethodConfig = field(default_factory=MethodConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    expert: ExpertConfig = field(default_factory=ExpertConfig)
    explore: ExploreConfig = field(default_factory=ExploreConfig)
    tree: TreeConfig = field(default_factory=TreeConfig)
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    rollout: RolloutConfig = field(default_factory=RolloutConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    logger: LoggerConfig = field(default_factory=LoggerConfig)


def register_schema() -> None:
    """Make the schema known to Hydra; ``conf/config.yaml`` starts from it."""
    ConfigStore.instance().store(name="schema", node=Config)


def read_config(composed: DictConfig) -> Config:
    """Turn what Hydra composed into a typed, checked configuration.

    Raises:
        UserError: If a value is missing, of a wrong type or out of its range.
    """
    try:
        plain: Any = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
        env_type = _choice("env.name", plain["env"].get("name"), ENVIRONMENTS)
        environment = OmegaConf.merge(OmegaConf.structured(ENVIRONMENTS[env_type]), plain["env"])
        merged = OmegaConf.merge(OmegaConf.structured(Config), {**plain, "env": environment})
        config: Any = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise UserError(f"configuration: {' '.join(str(error).split())}") from error
    _check(config)
    return config


def _choice(key: str, value: Any, allowed: Any) -> str:
    if value not in allowed:
        raise UserError(f"{key}={value} is not known: use one of {', '.join(sorted(allowed))}")
    return str(value)


def _check(config: Config) -> None:
    method, tree, explore, rollout = config.method, config.tree, config.explore, config.rollout
    _choice("method.start", method.start, ("sft", "base"))
    _choice("method.packing", method.packing, ("tree", "pairwise"))
    _choice("method.aggregate", method.aggregate, ("mean", "max"))
    _choice("method.continuation", method.continuation, ("end", "next_divergence", "one_step"))
    _choice("rollout.constraint", rollout.constraint, ("none", "well_formed", "admissible"))
    _choice("rollout.engine", rollout.engine, ("transformers", "vllm"))
    _choice("tree.similarity", tree.similarity, ("exact", "ngrams", "minilm"))
    _choice("model.attention", config.model.attention, ("sdpa", "eager", "flash_attention_2"))
    _choice("model.quantization", config.model.quantization, ("none", "8bit", "4bit"))
    if config.model.quantization != "none" and config.trainer.strategy == "fsdp":
        raise UserError("a quantised model cannot be sharded: use trainer=ddp or trainer=gpu")
    _choice("trainer.profiler", config.trainer.profiler or "simple", ("simple", "advanced"))
    _choice("tree.action_match", tree.action_match, ("exact", "normalised"))
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
    ):
        if value is not None and value < low:
            raise UserError(f"{key}={value} is too small: it must be at least {low}")
    if tree.width is not None and tree.width > explore.trajectories:
        raise UserError(
            f"tree.width={tree.width} is more than the {explore.trajectories} trajectories of each "
            f"task: set explore.trajectories={tree.width}, or tree.width=null for all"
        )
    for key, number, lowest in (
        ("tree.xi_sim", tree.xi_sim, 0),
        ("method.minimum_score", method.minimum_score, -1),
        ("method.minimum_gap", method.minimum_gap, 0),
    ):
        if not lowest <= number <= 1:
            raise UserError(f"{key}={number} is out of range: it must lie between {lowest} and 1")
    _choice("explore.score", explore.score, ("environment", "self"))
    if explore.rounds > explore.trajectories:
        raise UserError(
            f"explore.rounds={explore.rounds} rounds share explore.trajectories="
            f"{explore.trajectories}: set it to at most that"
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
    if method.beta <= 0:
        raise UserError(f"method.beta={method.beta} is out of range: it must be above 0")
    if config.evaluation.samples > 1 and config.evaluation.sampling.temperature == 0:
        raise UserError(
            f"evaluation.samples={config.evaluation.samples} greedy trajectories of a task would "
            "be the same: set evaluation.sampling.temperature above 0"
        )
    if not 0 <= method.label_smoothing < 0.5:
        raise UserError(
            f"method.label_smoothing={method.label_smoothing} is out of range: it must lie from 0 "
            "to below 0.5"
        )
    for name in ("train", *config.evaluation.splits):
        _choice("evaluation.splits", name, config.env.splits)
