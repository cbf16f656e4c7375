"""Stage ``explorer``: an explorer for a later round, other than those before it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tratree.config import Config
from tratree.stages.demonstrations import DEMONSTRATIONS, demonstrations_stage
from tratree.stages.training_settings import RESUMED, on_devices
from tratree.store.stage import Job, Stage
from tratree.trajectory.jsonl import iterate_trajectories


def explorer_stage(config: Config, explorers: Sequence[Stage]) -> Stage:
    """Fine-tune the first of `explorers` away from all of them (L_explore, section 3.1).

    It is trained like the first one, a stage ``sft``, and starts from its adapter.
    """
    settings = {**explorers[0].settings, "kl_weight": config.explore.kl_weight}
    inputs = {"demonstrations": demonstrations_stage(config), "start": explorers[0]}
    inputs |= {f"earlier_{number}": stage for number, stage in enumerate(explorers)}
    label = f"round {len(explorers) + 1}"
    return Stage("explorer", settings, on_devices(_train), inputs, label=label, resumes=RESUMED)


def _train(job: Job) -> None:
    from tratree.data.episodes import EpisodeDataModule
    from tratree.modules.explorer import ExplorerModule
    from tratree.policy.encoding import encode_trajectory
    from tratree.stages.training import load_chat, load_policy, train

    settings = job.settings
    chat = load_chat(settings)
    demonstrations = iterate_trajectories(job.inputs["demonstrations"] / DEMONSTRATIONS)
    data = EpisodeDataModule(
        (encode_trajectory(chat, t).compact() for t in demonstrations), settings["context"]
    )
    earlier = [
        load_policy(folder, settings["base"]["dtype"])[0]
        for name, folder in sorted(job.inputs.items())
        if name.startswith("earlier_")
    ]
    make_module = partial(ExplorerModule, earlier=earlier, kl_weight=settings["kl_weight"])
    train(job, make_module, data)
