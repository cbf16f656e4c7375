"""Demonstrations in words that a model's tokenizer lacks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.stages.sft import check_actions
from tratree.stages.training import load_chat
from tratree.stages.training_settings import chat_settings
from tratree.trajectory import Step, Task, Trajectory

KNOWN, UNKNOWN = "go to desk 1", "press lever 1"


@pytest.fixture(scope="module")
def chat() -> ChatFormat:
    config = compose_config([])
    return load_chat({"chat": chat_settings(config, config.model.weak)})


def shown(*actions: str) -> list[Trajectory]:
    steps = tuple(Step("", action, "Nothing happens.") for action in actions)
    return [Trajectory(Task("a", "train", "pick", "b"), "c", steps, 1.0, True, True)]


def test_a_model_that_knows_all_words_is_not_spoken_of(chat: ChatFormat) -> None:
    assert check_actions(chat, shown(KNOWN, ""), "tiny") is None


def test_some_lost_actions_are_counted_once_each(chat: ChatFormat) -> None:
    said = check_actions(chat, shown(KNOWN, UNKNOWN, UNKNOWN), "tiny")
    assert said is not None
    assert said.startswith("the tokenizer of tiny lacks words of 1 of 2 ")
    assert repr(UNKNOWN) in said


def test_a_model_that_can_write_no_action_is_refused(chat: ChatFormat) -> None:
    with pytest.raises(UserError, match=r"lacks words of 1 of 1 .*press lever 1.*choose a model"):
        check_actions(chat, shown(UNKNOWN), "tiny")


def test_a_turn_that_is_no_target_is_not_counted(chat: ChatFormat) -> None:
    (trajectory,) = shown(KNOWN, UNKNOWN)
    steps = trajectory.steps[0], replace(trajectory.steps[1], trained=False)
    assert check_actions(chat, [replace(trajectory, steps=steps)], "tiny") is None
