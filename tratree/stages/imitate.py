"""Stage ``imitate``: the strong model learns from paths of trees, or from trajectories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tratree.config import Config
from tratree.errors import UserError
from tratree.stages.paths import PATHS
from tratree.stages.sft import sft_stage
from tratree.stages.states import with_refused_masked
from tratree.stages.training_settings import (
    PREFIX_PACKS,
    RESUMED,
    chat_settings,
    on_devices,
    prefix_settings,
    training_settings,
)
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import read_trajectories

if TYPE_CHECKING:
    from tratree.data.data_module import StepDataModule


def imitate_stage(
    config: Config, paths: Stage, *, explorer: Literal["weak", "strong"] | None = None
) -> Stage:
    """Minimise L_MCTS over the paths (section 3.3 of the paper).

    A strong model that reads token ids as the explorer does (``explore.explorer``) learns
    from the ids that were sampled; another one from their texts.
    """
    explorer = explorer or config.explore.explorer
    sampler = config.model.weak if explorer == "weak" else config.model.strong
    settings = {
        **training_settings(config, config.model.strong, config.model.imitation),
        "sampled_by": {"chat": chat_settings(config, sampler)},
        **prefix_settings(config),
    }
    if not config.method.imitate_refused:
        settings["refused"] = False
    if config.method.whole_trees:
        if config.model.attention == "flash_attention_2":
            raise UserError(
                "model.attention=flash_attention_2 takes no mask, so it cannot train a tree in one "
                "pass: use model.attention=sdpa, or method.whole_trees=false"
            )
        settings["pack_tokens"] = config.method.pack_tokens
    inputs = {"paths": paths}
    if config.method.start != "base":
        inputs["start"] = sft_stage(config, "strong")
    return Stage("imitate", settings, on_devices(_train), inputs, resumes=RESUMED)


def _train(job: Job) -> None:
    from tratree.data.episode_trees import EpisodeTreeDataModule, TreeEpisode
    from tratree.data.episodes import EpisodeDataModule
    from tratree.modules.imitation import MCTSImitationModule
    from tratree.policy.encoding import encode_trajectory, without_token_ids
    from tratree.stages.training import load_chat, load_start, read_training_settings, train

    chat = load_chat(job.settings)
    paths = read_trajectories(job.inputs["paths"] / PATHS)
    if not chat.reads_like(load_chat(job.settings["sampled_by"])):
        paths = [without_token_ids(t) for t in paths]
    if not job.settings.get("refused", True):
        paths = [t for t in map(with_refused_masked, paths) if any(s.trained for s in t.steps)]
    episodes = [encode_trajectory(chat, t).compact() for t in paths]
    context, pack_tokens = job.settings["context"], job.settings.get("pack_tokens")
    data: StepDataModule[Any, Any]
    if pack_tokens is None:
        data = EpisodeDataModule(episodes, context, pack_tokens=job.settings.get(PREFIX_PACKS))
    else:
        trees = [TreeEpisode(e, t.task.task_id) for e, t in zip(episodes, paths, strict=True)]
        data = EpisodeTreeDataModule(trees, context, pack_tokens=pack_tokens)
    train(job, MCTSImitationModule(load_start(job), read_training_settings(job)), data)
