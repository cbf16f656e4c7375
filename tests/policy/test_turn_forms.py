"""Published forms of a turn in rollouts: written, stopped and read back."""

from __future__ import annotations

from functools import cache

import pytest

from tests.policy.small_tokenizers import FAMILIES, template_of, tokenizer_of
from tratree.composition import compose_config
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.rollout_settings import RolloutLimits
from tratree.policy.turn import Turn
from tratree.stages.training import load_chat
from tratree.stages.training_settings import chat_settings
from tratree.trajectory.turns import TURN_FORMS

FORMS = [name for name in TURN_FORMS if name != "plain"]
BYTES = [family for family in FAMILIES if family not in ("tiny", "llama2")]  # all characters


@cache
def chat_format(family: str, form: str) -> ChatFormat:
    return ChatFormat(tokenizer_of(family), template_of(family), turn_form=form)


@pytest.mark.parametrize("form", TURN_FORMS)
@pytest.mark.parametrize("family", BYTES)
def test_a_turn_is_read_as_it_was_written(family, form):
    chat = chat_format(family, form)
    for thought in ("", "now I take it."):
        ids = chat.agent_turn(thought, "take mug 1 from countertop 1")
        assert ids[-1] == chat.stop_id
        assert chat.parse(ids) == (thought, "take mug 1 from countertop 1")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", BYTES)
def test_what_follows_an_action_is_not_kept(family, form):
    chat = chat_format(family, form)
    said = [*chat.agent_turn("so", "go to cabinet 1")[:-1]]
    more = chat._encode("\nObservation: You are in the middle of a room.\nThought: I")
    turn = Turn(chat, RolloutLimits(max_steps=9, max_new_tokens=200, max_context=999), list)
    for token in [*said, *more]:
        if turn.over:
            break
        turn.add(token)
    assert turn.over
    assert turn.token_ids[-1] == chat.stop_id
    assert "Observation" not in chat.decode(turn.token_ids)
    assert chat.parse(turn.token_ids) == ("so", "go to cabinet 1")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", BYTES)
def test_a_long_thought_is_followed_by_the_label_of_its_form(family, form):
    chat = chat_format(family, form)
    turn = Turn(
        chat,
        RolloutLimits(max_steps=9, max_new_tokens=200, max_context=999, max_thought_tokens=4),
        list,
    )
    for token in chat._encode("I should look for a mug first now"):
        if turn.inserted:
            break
        turn.add(token)
    assert [turn.token_ids[i] for i in turn.inserted] == list(chat.action_label)
    assert chat.turn_form.has_label(chat.decode(turn.token_ids))


@pytest.mark.parametrize("form", FORMS)
def test_admissible_actions_end_their_form(form):
    chat = chat_format("chatml", form)
    ids = chat.action_ids("go to cabinet 1")
    assert ids is not None
    assert ids[-1] == chat.stop_id
    whole = [*chat.agent_turn("", "go to cabinet 1")]
    assert whole[-len(ids) :] == list(ids)


def test_forms_read_differently():
    plain, tags = chat_format("chatml", "plain"), chat_format("chatml", "tags")
    assert not plain.reads_like(tags)
    assert tags.reads_like(chat_format("chatml", "tags"))
    with pytest.raises(UserError, match="choose one of plain, react, tags, tool_call"):
        chat_format("chatml", "poem")


def test_only_another_form_changes_what_a_model_depends_on():
    base = compose_config([])
    assert "turn_form" not in chat_settings(base, base.model.weak)
    other = compose_config(["model.turn_form=react"])
    assert chat_settings(other, other.model.strong)["turn_form"] == "react"
    assert (
        load_chat({"chat": chat_settings(other, other.model.strong)}).turn_form
        is TURN_FORMS["react"]
    )
    with pytest.raises(UserError, match=r"model\.turn_form=poem"):
        compose_config(["model.turn_form=poem"])
