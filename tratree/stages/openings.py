"""Check that episodes with listed actions can begin, before models play or learn."""

from __future__ import annotations

from contextlib import closing

from tratree.config import Config
from tratree.envs.base import TextEnv
from tratree.envs.shown_actions import LABEL
from tratree.errors import UserError
from tratree.stages.environment import games_stage, open_env
from tratree.stages.training import load_chat
from tratree.stages.training_settings import chat_settings
from tratree.store.store import Store

SUGGESTED = 10


def check_openings(config: Config, store: Store) -> None:
    """Check that both models can read the first observation of each split with its actions.

    Raises:
        UserError: If one has more tokens than the context holds.
    """
    if not config.env.show_admissible:
        return
    with closing(open_env(store.ensure(games_stage(config)), store.resources.cache)) as env:
        for split in ("train", *config.evaluation.splits):
            if tasks := env.tasks(config.env.splits[split]):
                observation = env.reset(tasks[0]).observation
                _check(config, env, tasks[0].task_id, observation)


def _check(config: Config, env: TextEnv, task: str, observation: str) -> None:
    for base in (config.model.weak, config.model.strong):
        chat = load_chat({"chat": chat_settings(config, base)})
        needed = len(chat.first_turn(observation)) + config.model.max_new_tokens
        if needed <= config.model.context:
            continue
        count = len(env.admissible())
        listed = len(chat.first_turn(observation)) - len(
            chat.first_turn(observation.partition(LABEL)[0])
        )
        most = min(config.env.show_at_most or count, count)
        fewer = max(1, min(SUGGESTED, most // 2))
        raise UserError(
            f"the first turn of task {task} needs {needed} tokens, {listed} of them for the {most} "
            f"actions that env.show_admissible lists, and model.context is {config.model.context}: "
            f"set env.show_at_most={fewer}, or a higher model.context where the model allows it"
        )
