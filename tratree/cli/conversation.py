"""``tratree conversation``: an episode as the model reads it, prompt and control tokens too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from rich.console import Console
from rich.text import Text

from tratree.cli.arguments import ArgumentParser, add_overrides, add_task
from tratree.large_imports import large_imports
from tratree.stages.settings import Role
from tratree.words import counted

if TYPE_CHECKING:
    from tratree.policy.chat import ChatFormat
    from tratree.policy.encoding import EncodedTrajectory


def main(arguments: Sequence[str]) -> None:
    """Let the expert play a task, and print the conversation as a model is trained on it."""
    parser = ArgumentParser(
        prog="tratree conversation",
        description="Print an expert's episode as the model reads it; bold: what it is trained on.",
    )
    add_overrides(parser)
    add_task(parser)
    parser.add_argument(
        "--model",
        choices=get_args(Role),
        default="strong",
        help="which reads (default: %(default)s)",
    )
    chosen = parser.parse_intermixed_args(arguments)

    # Heavy imports wait until the arguments are known to be right.
    from tratree.cli.play import find_task
    from tratree.composition import compose_config
    from tratree.envs.base import play_expert
    from tratree.policy.encoding import encode_trajectory
    from tratree.stages.environment import opened, tasks_of
    from tratree.stages.training_settings import chat_settings

    config = compose_config(chosen.overrides)
    with large_imports():
        from tratree.stages.training import load_chat

        chat = load_chat({"chat": chat_settings(config, getattr(config.model, chosen.model))})
    with opened(config) as env:
        task = find_task(tasks_of(env, config, chosen.split), chosen.task)
        encoded = encode_trajectory(chat, play_expert(env, task))
    console = Console(highlight=False)
    console.print(conversation(chat, encoded), soft_wrap=True)
    shown = len(encoded.token_ids) - sum(encoded.agent_mask) - len(chat.prefix)
    console.print(
        f"{counted(len(chat.prefix), 'token')} of the prompt, {shown} shown, "
        f"{sum(encoded.agent_mask)} said; context {config.model.context}",
        style="dim",
    )


def conversation(chat: ChatFormat, encoded: EncodedTrajectory) -> Text:
    """Return the text of the token ids, control tokens spelled out, and the agent's own in bold."""
    text = Text()
    start = 0
    for end in range(1, len(encoded.token_ids) + 1):
        own = encoded.agent_mask[start]
        if end == len(encoded.token_ids) or encoded.agent_mask[end] != own:
            part = chat.tokenizer.decode(
                list(encoded.token_ids[start:end]), clean_up_tokenization_spaces=False
            )
            text.append(str(part), style="bold" if own else "")
            start = end
    return text
