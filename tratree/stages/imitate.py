"""Stage ``imitate``: the strong model learns from paths of trees, or from trajectories."""

from __future__ import annotations

from collections.abc import Iterator

from tratree.config import Config
from tratree.stages.paths import PATHS
from tratree.stages.settings import Role
from tratree.stages.sft import sft_stage
from tratree.stages.states import with_refused_masked
from tratree.stages.training_settings import (
    PREFIX_PACKS,
    RESUMED,
    chat_settings,
    on_devices,
    prefix_settings,
    training_settings,
    tree_pack_tokens,
)
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import iterate_trajectories
from tratree.trajectory.types import Trajectory


def imitate_stage(config: Config, paths: Stage, *, explorer: Role | None = None) -> Stage:
    """Minimise L_MCTS over the paths (section 3.3 of the paper).

    `paths` holds trajectories in its file `PATHS` (`tratree.stages.paths`).

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
        settings["pack_tokens"] = tree_pack_tokens(config, "method.whole_trees=false")
    inputs = {"paths": paths}
    if config.method.start != "base":
        inputs["start"] = sft_stage(config, "strong")
    return Stage("imitate", settings, on_devices(_train), inputs, resumes=RESUMED)


def _train(job: Job) -> None:
    from tratree.data.episodes import EpisodeDataModule
    from tratree.modules.imitation import MCTSImitationModule
    from tratree.policy.encoding import encode_trajectory, without_token_ids
    from tratree.stages.training import load_chat, train

    chat = load_chat(job.settings)
    same_ids = chat.reads_like(load_chat(job.settings["sampled_by"]))

    def paths() -> Iterator[Trajectory]:
        found: Iterator[Trajectory] = iterate_trajectories(job.inputs["paths"] / PATHS)
        if not same_ids:
            found = map(without_token_ids, found)
        if job.settings.get("refused", True):
            return found
        return (t for t in map(with_refused_masked, found) if any(s.trained for s in t.steps))

    pack_tokens = job.settings.get("pack_tokens")  # of whole trees
    data = EpisodeDataModule(
        (encode_trajectory(chat, t).compact() for t in paths()),
        job.settings["context"],
        pack_tokens=pack_tokens or job.settings.get(PREFIX_PACKS),
        groups=(t.task.task_id for t in paths()) if pack_tokens else None,
    )
    train(job, MCTSImitationModule, data)
