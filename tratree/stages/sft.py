"""Stage ``sft``: a base model learns from the demonstrations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tratree.config import Config
from tratree.errors import UserError
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
from tratree.trajectory.types import Trajectory
from tratree.words import counted

if TYPE_CHECKING:
    from tratree.policy.chat import ChatFormat


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
    demonstrations = job.inputs["demonstrations"] / DEMONSTRATIONS
    name = job.settings["base"]["name"]
    if said := check_actions(chat, iterate_trajectories(demonstrations), name):
        job.progress.message(f"  {said}")
    data = EpisodeDataModule(
        (encode_trajectory(chat, t).compact() for t in iterate_trajectories(demonstrations)),
        job.settings["context"],
        pack_tokens=job.settings.get(PREFIX_PACKS),
    )
    train(job, SFTModule, data)


def check_actions(chat: ChatFormat, demonstrations: Iterable[Trajectory], model: str) -> str | None:
    """Say how many demonstrated actions the tokens of a model cannot write; None if they can all.

    Raises:
        UserError: If they can write none, so that the model could do nothing of what it is shown.
    """
    steps = (step for trajectory in demonstrations for step in trajectory.steps if step.trained)
    actions = dict.fromkeys(step.action for step in steps if step.action)
    written = {action: chat.parse(chat.agent_turn("", action))[1] for action in actions}
    lost = [action for action in actions if _letters(written[action]) != _letters(action)]
    if not lost:
        return None
    said = (
        f"the tokenizer of {model} lacks words of {len(lost)} of "
        f"{counted(len(actions), 'demonstrated action')}, such as {lost[0]!r}, which becomes "
        f"{written[lost[0]]!r}"
    )
    if len(lost) == len(actions):
        raise UserError(f"{said}: choose a model that knows them (model=…)")
    return said


def _letters(text: str) -> str:
    return "".join(text.casefold().split())
