"""Trials of what a base model, its tokenizer and its chat template must be like."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

from tratree.data.padding import collate
from tratree.errors import UserError
from tratree.models.loading import load_base, load_tokenizer
from tratree.models.lora import add_lora, load_policy_model, save_adapter
from tratree.models.settings import ChatSettings, LoraSettings, ModelSettings
from tratree.modules.attention_check import check_batches, check_packs, check_rollouts
from tratree.modules.log_probabilities import token_log_probs
from tratree.policy.chat import ChatFormat
from tratree.policy.encoding import EncodedTrajectory, encode_trajectory
from tratree.trajectory.types import Step, Task, Trajectory

TOLERANCES = {"float64": 1e-8, "float32": 1e-3, "bfloat16": 0.5, "float16": 0.1}
"""Most that two log-probabilities of one token may differ, by the coarser number type."""

ADAPTER_SCALE = 0.02
"""Standard deviation of the weights of the adapter that is tried: far from those of a new one."""


@dataclass(frozen=True)
class Subject:
    """A model of a family, and how it is used.

    Attributes:
        base: The model, as it is trained.
        chat: Its chat format.
        lora: Its adapter; None if all of its weights are trained.
        rollout_dtype: Number type in which it plays.
        texts: Texts of a trial: an observation, a thought, an action. A closed
            vocabulary has to know them.
    """

    base: ModelSettings
    chat: ChatSettings
    lora: LoraSettings | None
    rollout_dtype: str
    texts: tuple[str, str, str]


@dataclass(frozen=True)
class Finding:
    """The outcome of one trial.

    Attributes:
        trial: Name of the trial.
        right: Whether it is as it must be.
        said: Figures, or what is wrong.
    """

    trial: str
    right: bool
    said: str


def check_model(subject: Subject) -> list[Finding]:
    """Try a model; without a chat format nothing else is tried.

    Raises:
        UserError: If the model or its tokenizer cannot be loaded.
    """
    tokenizer = load_tokenizer(subject.base.name, subject.base.revision)
    chat_settings = subject.chat
    try:
        chat = ChatFormat(
            tokenizer,
            chat_settings.chat_template,
            chat_settings.system_prompt,
            turn_form=chat_settings.turn_form,
        )
    except UserError as error:
        return [Finding("template", False, str(error))]
    said = "earlier turns stay as they are when later ones follow"
    short, long = (_episode(subject.texts, steps) for steps in (2, 3))
    findings = [
        Finding("template", True, said),
        _try("masks", lambda: _masks(chat, long)),
        _try("stop tokens", lambda: _stop_tokens(chat, long)),
    ]
    samples = [encode_trajectory(chat, episode) for episode in (short, long)]
    trained, played = _as_trained_and_played(subject)
    most = max(TOLERANCES[name] for name in (subject.base.dtype, subject.rollout_dtype))
    return [
        *findings,
        _compare("adapter", _log_probs(trained, samples), _log_probs(played, samples), most),
        _try("rollout", lambda: _equal(check_rollouts, played)),
        _try("batches", lambda: _equal(check_batches, trained)),
        _try("packs", lambda: _equal(check_packs, trained)),
    ]


def _as_trained_and_played(subject: Subject) -> tuple[Any, PreTrainedModel]:
    """Return the model with an adapter that says something, as it is trained and as it plays."""
    dtype = getattr(torch, subject.rollout_dtype)
    base = load_base(subject.base)
    if subject.lora is None:
        return base, load_policy_model(subject.base, None, dtype)
    trained = add_lora(base, subject.lora, seed=0)
    _fill(trained)
    with tempfile.TemporaryDirectory() as folder:
        save_adapter(trained, Path(folder))
        return trained, load_policy_model(subject.base, Path(folder), dtype)


def _episode(texts: tuple[str, str, str], count: int) -> Trajectory:
    observation, thought, action = texts
    steps = tuple(Step(thought if n else "", action, observation) for n in range(count))
    return Trajectory(Task("check", "", "", ""), observation, steps, 0.0, False, False)


def _masks(chat: ChatFormat, episode: Trajectory) -> str:
    """Check that the masked tokens of each turn are that turn."""
    encoded = encode_trajectory(chat, episode)
    ends = [*encoded.turn_starts[1:], len(encoded.token_ids)]
    for step, start, end in zip(episode.steps, encoded.turn_starts, ends, strict=True):
        own = list(compress(encoded.token_ids[start:end], encoded.agent_mask[start:end]))
        if chat.parse(own) != (step.thought, step.action):
            raise UserError(
                f"the agent's tokens read {chat.decode(own)!r}, not what it said "
                f"({step.thought!r}, {step.action!r}): say other --texts, or use another tokenizer"
            )
    return f"{sum(encoded.agent_mask)} of {len(encoded.agent_mask)} tokens are the agent's"


def _stop_tokens(chat: ChatFormat, episode: Trajectory) -> str:
    for step in episode.steps:
        turn = chat.agent_turn(step.thought, step.action)
        if turn[-1] != chat.stop_id or set(turn[:-1]) & chat.stop_ids:
            raise UserError(
                f"a turn ends with token {turn[-1]}, not with the stop token {chat.stop_id} alone: "
                "use another chat template"
            )
    text = chat.tokenizer.convert_ids_to_tokens(chat.stop_id)
    return f"{text} ends a turn, and is in none before its end"


def _fill(model: PeftModel) -> None:
    """Give the adapter weights that change what the model says."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                noise = torch.randn(weights.shape, generator=generator) * ADAPTER_SCALE
                weights.copy_(noise.to(weights))
    model.eval()


@torch.inference_mode()
def _log_probs(model: Any, samples: list[EncodedTrajectory]) -> Tensor:
    """Return the log-probabilities of the agent's tokens, each episode in a pass of its own."""
    return torch.cat([token_log_probs(model, collate([sample])) for sample in samples])


def _equal(check: Callable[[Any], None], model: Any) -> str:
    check(model)
    return "logits equal those of one plain pass for each episode"


def _compare(trial: str, one: Tensor, other: Tensor, most: float) -> Finding:
    difference = (one.double() - other.double()).abs().max().item()
    right = difference <= most  # not so for NaN
    return Finding(trial, right, f"log-probabilities differ by up to {difference:.1e} of {most:g}")


def _try(trial: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(trial, True, check())
    except UserError as error:
        return Finding(trial, False, str(error))
