"""A turn's limits: where it ends, what may come next."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.policy.small_tokenizers import word_level
from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.rollout_settings import RolloutLimits
from tratree.policy.turn import Turn
from tratree.trajectory.turns import TURN_FORMS

ACTIONS = ["go to shelf 1", "go to desk 1", "look"]


TOKENIZER = word_level(["Thought: Action: so", *ACTIONS, "I see a mug"])


@pytest.fixture(scope="module")
def chat() -> ChatFormat:
    return ChatFormat(TOKENIZER, "tiny")


def limits(max_new_tokens: int, **others: Any) -> RolloutLimits:
    return RolloutLimits(max_steps=99, max_new_tokens=max_new_tokens, max_context=9999, **others)


def ids(chat: ChatFormat, text: str) -> list[int]:
    return list(chat.agent_turn("", text))[len(chat.action_label) : -1]


def say(turn: Turn, tokens: list[int]) -> list[int]:
    """Add tokens until the turn is over; return all that was put into it."""
    added: list[int] = []
    for token in tokens:
        if turn.over:
            break
        added += turn.add(token)
    assert added == turn.token_ids
    return added


def test_a_turn_ends_with_its_stop_token_or_its_last_token(chat):
    turn = Turn(chat, limits(6), list)
    say(turn, [*ids(chat, "look"), chat.stop_id, 1, 1])
    assert turn.token_ids == [*ids(chat, "look"), chat.stop_id]
    assert turn.inserted == []
    turn = Turn(chat, limits(4), list)
    say(turn, ids(chat, "go to shelf 1"))
    assert turn.token_ids == [*ids(chat, "go to shelf"), chat.stop_id]
    assert turn.inserted == [3]


def test_a_long_thought_is_cut_and_its_action_follows(chat):
    turn_limits = limits(12, max_thought_tokens=3)
    turn = Turn(chat, turn_limits, list)
    say(turn, [*ids(chat, "so I see"), *ids(chat, "look"), chat.stop_id])
    assert chat.parse(turn.token_ids) == ("so I see", "look")
    assert [turn.token_ids[i] for i in turn.inserted] == list(chat.action_label)
    short = Turn(chat, limits(12, max_thought_tokens=5), list)
    said = chat.agent_turn("so", "go to shelf 1")
    assert say(short, list(said)) == list(said)
    assert short.inserted == []


def test_a_turn_that_repeats_itself_is_cut(chat):
    turn = Turn(chat, limits(50, max_repeats=3), list)
    say(turn, [*ids(chat, "I see a"), *ids(chat, "go to") * 20])
    assert turn.token_ids == [*ids(chat, "I see a"), *ids(chat, "go to") * 3, chat.stop_id]
    assert turn.inserted == [len(turn.token_ids) - 1]
    free = Turn(chat, limits(50), list)
    say(free, ids(chat, "go to") * 20)
    assert not free.over


class LineTokenizer:
    """Replaces a format whose tokens hold line breaks: one letter a token."""

    stop_id, stop_ids, action_label = 0, frozenset({0}), tuple(map(ord, "\nAction:"))

    def decode(self, token_ids):
        return "".join(chr(i) for i in token_ids if i).strip()

    turn_form = TURN_FORMS["plain"]

    def may_complete(self, token_id):
        return chr(token_id) == "\n"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Thought: a\nAction: look\nObservation: a mug", "Thought: a\nAction: look\n"),
        ("Action:\nlook", "Action:\nlook"),
        ("a\n\nb", "a\n\nb"),
        ("Action: look\n", "Action: look\n"),
    ],
)
def test_what_follows_the_line_of_the_action_is_not_kept(text, kept):
    turn = Turn(LineTokenizer(), limits(100), list)
    say(turn, list(map(ord, text)))
    assert "".join(map(chr, turn.token_ids)).rstrip("\0") == kept
    assert turn.over == text.startswith(("Thought", "Action: "))


def greedy_turn(chat: ChatFormat, turn_limits: RolloutLimits, seed: int) -> str:
    generator = torch.Generator().manual_seed(seed)
    turn = Turn(chat, turn_limits, lambda: ACTIONS)
    while not turn.over:
        logits = torch.randn(len(TOKENIZER), generator=generator)
        turn.restrict(logits)
        turn.add(int(logits.argmax()))
    assert len(turn.token_ids) <= turn_limits.max_new_tokens
    assert turn.token_ids[-1] in chat.stop_ids
    return chat.parse(turn.token_ids)[1]


@pytest.mark.parametrize("seed", range(20))
def test_a_constraint_holds_whatever_the_model_says(chat, seed):
    assert greedy_turn(chat, limits(16, constraint="admissible"), seed) in ACTIONS
    assert greedy_turn(chat, limits(16, constraint="well_formed"), seed)


def test_an_admissible_action_that_does_not_fit_is_never_begun(chat):
    turn_limits = limits(8, max_thought_tokens=4, constraint="admissible")
    assert {greedy_turn(chat, turn_limits, seed) for seed in range(20)} == {"look"}
    turn = Turn(chat, turn_limits, lambda: ["go to shelf 1"])
    with pytest.raises(UserError, match="no admissible action can be said"):
        say(turn, ids(chat, "so I see a"))


def test_an_admissible_action_with_unknown_words_is_never_begun(chat):
    assert chat.action_ids("go to fridge 1") is None
    turn = Turn(chat, limits(9, constraint="admissible"), lambda: ["go to fridge 1", "look"])
    say(turn, chat.agent_turn("", "look")[: -len(ids(chat, "look")) - 1])
    logits = torch.zeros(len(TOKENIZER))
    turn.restrict(logits)
    assert logits.isfinite().nonzero()[:, 0].tolist() == ids(chat, "look")


@pytest.mark.parametrize(
    "values",
    [
        {"max_new_tokens": 1},
        {"max_thought_tokens": 0},
        {"max_repeats": 1},
        {"constraint": "polite"},
    ],
)
def test_bad_limits_of_a_turn_are_user_errors(values):
    with pytest.raises(UserError):
        limits(**{"max_new_tokens": 8, **values})


def test_a_thought_without_room_for_an_action_is_a_user_error(chat):
    with pytest.raises(UserError, match="no room for an action"):
        limits(8, max_thought_tokens=7).check_label(chat)
