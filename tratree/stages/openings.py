"""Checks on a run's tasks before models play or learn: how many there are, how they begin."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from tratree.config import Config
from tratree.envs.base import TextEnv
from tratree.envs.shown_actions import LABEL
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.stages.environment import games_stage, open_env
from tratree.stages.tasks import check_counts
from tratree.stages.training import load_chat
from tratree.stages.training_settings import chat_settings
from tratree.store.stage import Stage
from tratree.store.store import Store

SUGGESTED = 10


def check_openings(config: Config, store: Store, missing: Iterable[Stage]) -> None:
    """Check that there are as many tasks as the `missing` stages take, and that they can begin.

    Both models must be able to read the first observation of each split and answer it.

    Raises:
        UserError: If there are fewer tasks, or a first turn needs more tokens than the context has.
    """
    models = config.model.weak, config.model.strong
    chats = [load_chat({"chat": chat_settings(config, base)}) for base in models]
    with closing(open_env(store.ensure(games_stage(config)), store.resources.cache)) as env:
        for stage in missing:
            check_counts(stage, lambda split: len(env.tasks(split)))
        for split in ("train", *config.evaluation.splits):
            if tasks := env.tasks(config.env.splits[split]):
                observation = env.reset(tasks[0]).observation
                for chat in chats:
                    _check_context(config, env, chat, tasks[0].task_id, observation)


def _check_context(
    config: Config, env: TextEnv, chat: ChatFormat, task: str, observation: str
) -> None:
    needed = len(chat.first_turn(observation)) + config.model.max_new_tokens
    if needed <= config.model.context:
        return
    said = f"the first turn of task {task} needs {needed} tokens"
    if not config.env.show_admissible:
        raise UserError(
            f"{said}, {config.model.max_new_tokens} of them for the answer "
            f"(model.max_new_tokens): set model.context to more than {config.model.context} where "
            "the model allows it, or shorten what opens it (env.prompt)"
        )
    count = len(env.admissible())
    listed = len(chat.first_turn(observation)) - len(
        chat.first_turn(observation.partition(LABEL)[0])
    )
    most = min(config.env.show_at_most or count, count)
    fewer = max(1, min(SUGGESTED, most // 2))
    raise UserError(
        f"{said}, {listed} of them for the {most} actions that env.show_admissible lists, and "
        f"model.context is {config.model.context}: set env.show_at_most={fewer}, or a higher "
        "model.context where the model allows it"
    )
