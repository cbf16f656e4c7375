"""Check of both base models before anything is computed: all that shows without their values."""

from __future__ import annotations

from dataclasses import replace

from tratree.config import BaseModelSettings, Config
from tratree.errors import UserError
from tratree.models.architecture import (
    check_architecture,
    check_context,
    check_vocabulary,
    playing_attention,
)
from tratree.models.loading import check_weights, empty_model, load_config
from tratree.models.lora import add_lora
from tratree.models.names import check_model, hub_commit
from tratree.policy.rollout_settings import RolloutLimits
from tratree.stages.playing import rollout_settings
from tratree.stages.training import load_chat
from tratree.stages.training_settings import chat_settings


def check_bases(config: Config) -> None:
    """Check what both models are, their files, chat templates, and that adapters fit them.

    Raises:
        UserError: If one does not fit, naming the model.
    """
    for role, base in (("weak", config.model.weak), ("strong", config.model.strong)):
        try:
            _check(config, base)
        except UserError as error:
            raise UserError(f"model.{role} ({base.name}): {error}") from error


def _check(config: Config, base: BaseModelSettings) -> None:
    check_model(base.name, base.revision)
    commit = hub_commit(base.name, base.revision)
    architecture = load_config(base.name, commit)
    for attention in (
        config.model.attention,
        playing_attention(architecture, config.model.attention),
    ):
        check_architecture(architecture, attention)
    check_context(architecture, config.model.context)
    chat = load_chat({"chat": chat_settings(config, base)})
    check_vocabulary(architecture, len(chat.tokenizer))
    check_weights(base.name, commit)
    if config.model.lora is not None:
        small = replace(config.model.lora, rank=1)  # where it goes does not depend on its size
        add_lora(empty_model(architecture), small, config.seed)
    limits = RolloutLimits(**rollout_settings(config))
    limits.check_label(chat)
    limits.check_prompt(chat)
