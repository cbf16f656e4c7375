"""Check of both base models before anything is computed: all that shows without their weights."""

from __future__ import annotations

from tratree.config import BaseModelSettings, Config
from tratree.errors import UserError
from tratree.models.architecture import (
    check_architecture,
    check_context,
    check_vocabulary,
    playing_attention,
)
from tratree.models.loading import load_config
from tratree.models.names import hub_commit
from tratree.policy.rollout_settings import RolloutLimits
from tratree.stages.playing import rollout_settings
from tratree.stages.training import chat_settings, load_chat


def check_bases(config: Config) -> None:
    """Check architecture, attention, context, tokenizer and chat template of both models.

    Raises:
        UserError: If one does not fit, naming the model.
    """
    for role, base in (("weak", config.model.weak), ("strong", config.model.strong)):
        try:
            _check(config, base)
        except UserError as error:
            raise UserError(f"model.{role} ({base.name}): {error}") from error


def _check(config: Config, base: BaseModelSettings) -> None:
    architecture = load_config(base.name, hub_commit(base.name, base.revision))
    for attention in (
        config.model.attention,
        playing_attention(architecture, config.model.attention),
    ):
        check_architecture(architecture, attention)
    check_context(architecture, config.model.context)
    chat = load_chat({"chat": chat_settings(config, base)})
    check_vocabulary(architecture, len(chat.tokenizer))
    limits = RolloutLimits(**rollout_settings(config))
    limits.check_label(chat)
    limits.check_prompt(chat)
