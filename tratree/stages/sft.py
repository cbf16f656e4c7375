"""Stage ``sft``: a base model learns from the demonstrations."""

from __future__ import annotations

from tratree.config import Config
from tratree.stages.demonstrations import DEMONSTRATIONS, demonstrations_stage
from tratree.stages.settings import Role
from tratree.stages.training_settings import (
    PREFIX_PACKS,
    RESUMED,
    on_devices,
    prefix_settings,
    training_settings,
)
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import iterate_trajectories


def sft_stage(
    config: Config,
    role: Role,
    label: str = "",
    demonstrations: Stage | None = None,
) -> Stage:
    """Fine-tune the weak or the strong base model on demonstrations, by default the run's.

    `label` tells apart fine-tunings of one model.
    """
    base = config.model.weak if role == "weak" else config.model.strong
    inputs = {"demonstrations": demonstrations or demonstrations_stage(config)}
    settings = {**training_settings(config, base, base.sft), **prefix_settings(config)}
    name = f"{role} {label}".strip()
    return Stage("sft", settings, on_devices(_train), inputs, label=name, resumes=RESUMED)


def _train(job: Job) -> None:
    from tratree.data.episodes import EpisodeDataModule
    from tratree.modules.imitation import SFTModule
    from tratree.policy.encoding import encode_trajectory
    from tratree.stages.training import load_chat, train

    chat = load_chat(job.settings)
    demonstrations = iterate_trajectories(job.inputs["demonstrations"] / DEMONSTRATIONS)
    data = EpisodeDataModule(
        (encode_trajectory(chat, t).compact() for t in demonstrations),
        job.settings["context"],
        pack_tokens=job.settings.get(PREFIX_PACKS),
    )
    train(job, SFTModule, data)
