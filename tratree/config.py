"""The configuration of a run: the settings of every room, composed.

A setting is declared in the room that uses it (`tratree.settings`). ``conf/`` has what differs from
the defaults. Nothing heavy is imported here, so that composing a configuration takes a moment.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, fields
from typing import Any, Literal

from tratree.combinations import check_combinations
from tratree.envs.settings import EnvSettings
from tratree.evaluation.settings import EvaluationSettings
from tratree.models.settings import ChatSettings, Dtype, LoadSettings, LoraSettings
from tratree.modules.settings import HardwareSettings, OptimizationSettings
from tratree.policy.machine_settings import EngineSettings, ServerSettings, WorkerSettings
from tratree.policy.prompt import read_prompt
from tratree.policy.rollout_settings import RolloutSettings, TurnLimits
from tratree.settings import Count, Seed, Text, plain, settings
from tratree.stages.settings import ExpertSettings, ExploreSettings, MethodSettings, TreeSettings
from tratree.tracking.settings import LoggerSettings


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
        check_combinations(self)


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
