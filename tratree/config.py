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

from tratree.config_checks import check, choice
from tratree.errors import UserError


@dataclass
class PromptConfig:
    """Rules and worked examples before every task of an environment."""

    rules: str | None = MISSING
    examples: str | None = MISSING
    count: int = MISSING
    required: bool = MISSING


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
    prompt: PromptConfig = field(default_factory=PromptConfig)


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
    prompt: PromptConfig = field(default_factory=PromptConfig)


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
    prompt: PromptConfig = field(default_factory=PromptConfig)


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
    untouched: list[SamplingConfig] = field(default_factory=list)
    rounds: int = 1
    kl_weight: float = 0.0
    score: str = "environment"


@dataclass
class TreeConfig:
    """``tree=…``: how trajectories are merged."""

    similarity: str = MISSING
    compares: str = MISSING
    encoder: str = MISSING
    xi_sim: float = MISSING
    action_match: str = MISSING
    width: int | None = MISSING


@dataclass
class MethodConfig:
    """``method=…``: one schema for all, so that a sweep can cross methods with any axis."""

    name: str = MISSING
    start: str = MISSING
    reference: str = MISSING
    iterations: int = MISSING
    exploration: float = MISSING
    minimum_score: float = MISSING
    beta: float = MISSING
    label_smoothing: float = MISSING
    length_normalised: bool = MISSING
    packing: str = MISSING
    pack_tokens: int = MISSING
    aggregate: str = MISSING
    pairs: str = MISSING
    minimum_gap: float = MISSING
    continuation: str = MISSING
    pairs_per_divergence: int | None = MISSING
    pairs_per_task: int | None = MISSING
    example_in_pairs: bool = MISSING
    trajectories_per_task: int | None = MISSING
    whole_trees: bool = MISSING
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


def at_least(low: int, value: int | None) -> int:
    """Return the larger one: ``${at_least:…}`` in a configuration file; null counts as none."""
    return low if value is None else max(low, value)


# At import, because a job on a cluster gets its configuration composed.
OmegaConf.register_new_resolver("at_least", at_least, replace=True)


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
        env_type = choice("env.name", plain["env"].get("name"), ENVIRONMENTS)
        environment = OmegaConf.merge(OmegaConf.structured(ENVIRONMENTS[env_type]), plain["env"])
        merged = OmegaConf.merge(OmegaConf.structured(Config), {**plain, "env": environment})
        config: Any = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        raise UserError(f"configuration: {' '.join(str(error).split())}") from error
    check(config)
    return config
