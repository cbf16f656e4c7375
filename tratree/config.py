"""The configuration of a run: the settings of every room, composed; and what must go together.

A setting is declared in the room that uses it (`tratree.settings`). ``conf/`` has what differs from
the defaults. Nothing heavy is imported here, so that composing a configuration takes a moment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import KW_ONLY, fields
from types import MappingProxyType
from typing import Any, Literal

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tratree.composition_checks import check_compositions
from tratree.envs.registry import ENVIRONMENTS, reference_of
from tratree.envs.settings import EnvSettings
from tratree.errors import UserError
from tratree.evaluation.settings import EvaluationSettings
from tratree.method_plugins import METHODS
from tratree.models.settings import ChatSettings, Dtype, LoadSettings, LoraSettings
from tratree.modules.settings import HardwareSettings, OptimizationSettings, TrainingSettings
from tratree.plugins import PluginGroup
from tratree.policy.machine_settings import EngineSettings, ServerSettings, WorkerSettings
from tratree.policy.prompt import read_prompt
from tratree.policy.rollout_settings import RolloutSettings, TurnLimits
from tratree.policy.server_address import address_fault
from tratree.settings import (
    Count,
    Seed,
    Setting,
    Text,
    declared_settings,
    defaults,
    nearest,
    plain,
    read_settings,
    settings,
)
from tratree.stages.settings import ExpertSettings, ExploreSettings, MethodSettings, TreeSettings
from tratree.tracking.settings import LoggerSettings

RENAMED: Mapping[str, str] = MappingProxyType({"method.exploration": "method.ucb_constant"})
"""Old names of settings, which are refused with the new one."""


@settings
class BaseModelSettings(ChatSettings):
    """One base model and its own fine-tuning on demonstrations."""

    _: KW_ONLY

    name: Text
    """Hub id, local folder, or package:FOLDER for what is inside the tratree package."""

    revision: Text | None = None
    """Branch, tag or commit of a Hub id; null: main. Results are known by the commit it means."""

    sft: OptimizationSettings
    """Fine-tuning on the demonstrations."""


@settings
class FamilySettings(ChatSettings, TurnLimits, LoadSettings):
    """``model=…``: a family of a weak and a strong model."""

    _: KW_ONLY

    name: str
    """The family."""

    weak: BaseModelSettings
    """The model that explores."""

    strong: BaseModelSettings
    """The model that learns from it."""

    lora: LoraSettings | None = LoraSettings()
    """The adapter; null: all weights are trained, without one."""

    imitation: OptimizationSettings
    """Strong model on paths and trajectories (method=mcts and others)."""

    preference: OptimizationSettings
    """Strong model on pairs (method=tree_dpo and others)."""

    context: Count
    """Longest episode in tokens."""

    rollout_dtype: Dtype = "float64"
    """Number type of the weights in playing. float64 makes episodes independent of batch size and
    workers; below it, the last bits of an episode depend on the batch it was played in."""


@settings
class TrainerSettings(HardwareSettings):
    """``trainer=…``: the hardware of the fine-tunings."""

    profiler: Literal["simple", "advanced"] | None = None
    """Lightning's profile of each fine-tuning goes to folder `profile` of the run; null: none."""


@settings
class Config:
    """The whole configuration of one run."""

    _: KW_ONLY

    seed: Seed = 0
    """Everything random draws from it; one seed gives one result, bit for bit on one machine."""

    store: Text
    """Folder of finished stages. Any number of runs may share it, at the same time too."""

    changed_code: Literal["warn", "refuse"] = "warn"
    """Reaction to code that has changed since a finished stage was stored: warn says so and reuses
    the stage; refuse ends the run before anything is computed. Either way it says what to
    remove."""

    env: EnvSettings
    method: MethodSettings
    model: FamilySettings
    expert: ExpertSettings = ExpertSettings()
    explore: ExploreSettings
    tree: TreeSettings = TreeSettings()
    trainer: TrainerSettings = TrainerSettings()
    rollout: RolloutSettings = RolloutSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    logger: LoggerSettings

    def __post_init__(self) -> None:
        """Check what must go together."""
        _check_combinations(self)
        _check_trainings(self)


def at_least(low: int, value: int | None) -> int:
    """Return the larger one: ``${at_least:…}`` in a configuration file; null counts as none."""
    return low if value is None else max(low, value)


def equal(value: Any, other: Any) -> bool:
    """Return whether two values are equal: ``${equal:…}`` in a configuration file."""
    return bool(value == other)


# At import, because a job on a cluster gets its configuration composed.
OmegaConf.register_new_resolver("at_least", at_least, replace=True)
OmegaConf.register_new_resolver("process_id", os.getpid, replace=True, use_cache=True)
OmegaConf.register_new_resolver("equal", equal, replace=True)


def register_defaults() -> None:
    """Make the defaults of all settings known to Hydra; ``conf/`` starts from them.

    What is composed of them is checked from now on.
    """
    check_compositions()
    store = ConfigStore.instance()
    # An environment has its own defaults; all that is known before one is chosen:
    shared = {**defaults(Config), "env": {"target": None}}
    store.store(name="defaults_of_settings", node=shared)
    for group in (ENVIRONMENTS, METHODS):
        for plugin in group.installed():
            store.store(group=group.key, name=f"_{plugin.name}", node=defaults(plugin.settings))


def read_config(composed: DictConfig, choices: Mapping[str, Any] | None = None) -> Config:
    """Turn what Hydra composed into checked settings.

    Args:
        composed: The composed configuration.
        choices: The option that was chosen of each group, as Hydra knows it.

    Raises:
        UserError: If a key is unknown or missing, or a value is not possible.
    """
    try:
        own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
        values: Any = OmegaConf.to_container(own, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(f"configuration: {' '.join(str(error).split())}") from error
    values = _without_missing(values)
    for group in (ENVIRONMENTS, METHODS):
        values[group.key] = _plugin_settings(group, values.get(group.key), choices or {})
    return read_settings(Config, values, "")


def _plugin_settings(group: PluginGroup[Any], values: Any, choices: Mapping[str, Any]) -> Any:
    """Return the settings of the plug-in that they name, with its own name among them."""
    key = group.key
    if not isinstance(values, dict):
        raise UserError(f"{key}={values} is no group of keys: set {key}.KEY=VALUE")
    target, name, chosen = values.get("target"), values.get("name"), choices.get(key)
    reference = target or name
    if not isinstance(reference, str):
        raise UserError(f"{key}.name={reference} is not possible: it must be text")
    plugin = group.find(reference)
    if group is ENVIRONMENTS:
        group.check_extra(reference, plugin.extra)
    if target:
        values["name"] = plugin.name
        if group is ENVIRONMENTS and chosen != plugin.name and chosen in group.names():
            raise UserError(
                f"{key}.target={target} does not go with {key}={chosen}, whose values were read: "
                f"say {key}=outside, too"
            )
    elif chosen != name and chosen in group.names():
        raise UserError(
            f"{key}.name={name} does not go with {key}={chosen}, whose values were read: say "
            f"{key}={name}"
        )
    known = [setting.name for setting in fields(plugin.settings)]
    unknown = [name for name in values if name not in known]
    if unknown and target:
        raise UserError(
            f"{key}.{unknown[0]} is no setting of {target}: set {key}=outside, which has no values "
            f"of its own, or correct the key; it has {', '.join(sorted(known))}"
        )
    return read_settings(plugin.settings, values, key)


def known_settings() -> dict[str, Setting]:
    """Return every setting that there is, by its dotted key."""
    found = {setting.key: setting for setting in declared_settings(Config)}
    for group in (ENVIRONMENTS, METHODS):
        for plugin in group.installed():
            settings_of_it = declared_settings(plugin.settings, f"{group.key}.")
            found |= {setting.key: setting for setting in settings_of_it}
    return found


def unknown_key(key: str) -> str:
    """Say that there is no such setting, and which one may be meant."""
    if key in RENAMED:
        return f"{key} is called {RENAMED[key]} now"
    known = list(known_settings())
    if key in known:
        group = key.partition(".")[0]
        return (
            f"{key} is a setting of another {group}: choose that one, or say +{key} for what "
            f"{group}.target names"
        )
    names = known if "." in key else {name.split(".")[0] for name in known}
    return f"there is no setting {key}{nearest(key, names) or '; `tratree settings` lists them'}"


def result_settings(config: Config) -> dict[str, Any]:
    """Return the part of a configuration that results depend on, as JSON data.

    Where things are stored and told, and how the machine is used without changing a result, is left
    out.
    """
    found = plain(config)
    del found["store"], found["changed_code"], found["logger"]
    files = config.env.prompt
    prompt = read_prompt(files.rules, files.examples, files.count)
    del found["env"]["prompt"]
    if prompt is not None:  # known by its content, wherever the files are
        found["env"]["prompt"] = prompt.digest
    for name in ("checkpoint_every_steps", "profiler"):
        del found["trainer"][name]
    for machine in (EngineSettings, WorkerSettings, ServerSettings):
        for declared in fields(machine):
            del found["rollout"][declared.name]
    if not config.rollout.batch_invariant:  # as before there was such a setting
        del found["rollout"]["batch_invariant"]
    return found


def _without_missing(values: Any) -> Any:
    """Leave out what has no value, which Hydra marks with ``???``."""
    if not isinstance(values, dict):
        return values
    return {key: _without_missing(v) for key, v in values.items() if v != "???"}


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


def _check_prompt(env: EnvSettings) -> None:
    missing = [key for key in ("rules", "examples") if getattr(env.prompt, key) is None]
    if env.prompt.required and missing:
        name = {"scienceworld": "sciworld"}.get(env.name, env.name)
        raise ValueError(
            f"this setting needs {' and '.join(f'env.prompt.{key}' for key in missing)}: set "
            f"env.prompt.rules=…/{name}_inst.txt env.prompt.examples=…/{name}_icl.json, which are "
            "in eval_agent/prompt of github.com/Yifan-Song793/ETO, or env.prompt.required=false"
        )


IMITATION = ("mcts", "advantage", "success_only", "rejection", "naive_w2s")
"""Methods of this package whose last training is an imitation."""


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


def _check_combinations(config: Config) -> None:
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
