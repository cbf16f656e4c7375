"""A turn's rules: where it ends, what may come next."""

from __future__ import annotations

import pytest
import torch
from small_tokenizers import word_level

from tratree.errors import UserError
from tratree.policy.chat import ChatFormat
from tratree.policy.turn import Turn, TurnRules
from tratree.trajectory.turns import parse_turn

ACTIONS = ["go to shelf 1", "go to desk 1", "look"]


TOKENIZER = word_level(["Thought: Action: so", *ACTIONS, "I see a mug"])


@pytest.fixture(scope="module")
def chat() -> ChatFormat:
    return ChatFormat(TOKENIZER, "tiny")


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
    turn = Turn(chat, TurnRules(6), list)
    say(turn, [*ids(chat, "look"), chat.stop_id, 1, 1])
    assert turn.token_ids == [*ids(chat, "look"), chat.stop_id]
    turn = Turn(chat, TurnRules(4), list)
    say(turn, ids(chat, "go to shelf 1"))
    assert turn.token_ids == [*ids(chat, "go to shelf"), chat.stop_id]


def test_a_long_thought_is_cut_and_its_action_follows(chat):
    rules = TurnRules(12, max_thought_tokens=3)
    turn = Turn(chat, rules, list)
    say(turn, [*ids(chat, "so I see"), *ids(chat, "look"), chat.stop_id])
    assert parse_turn(chat.decode(turn.token_ids)) == ("so I see", "look")
    short = Turn(chat, TurnRules(12, max_thought_tokens=5), list)
    said = chat.agent_turn("so", "go to shelf 1")
    assert say(short, list(said)) == list(said)


def test_a_turn_that_repeats_itself_is_cut(chat):
    turn = Turn(chat, TurnRules(50, max_repeats=3), list)
    say(turn, [*ids(chat, "I see a"), *ids(chat, "go to") * 20])
    assert turn.token_ids == [*ids(chat, "I see a"), *ids(chat, "go to") * 3, chat.stop_id]
    free = Turn(chat, TurnRules(50), list)
    say(free, ids(chat, "go to") * 20)
    assert not free.over


class LineTokenizer:
    """Stands in for a format whose tokens hold line breaks: one letter a token."""

    stop_id, stop_ids, action_label = 0, frozenset({0}), tuple(map(ord, "\nAction:"))

    def decode(self, token_ids):
        return "".join(chr(i) for i in token_ids if i).strip()

    def breaks_line(self, token_id):
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
    turn = Turn(LineTokenizer(), TurnRules(100), list)
    say(turn, list(map(ord, text)))
    assert "".join(map(chr, turn.token_ids)).rstrip("\0") == kept
    assert turn.over == text.startswith(("Thought", "Action: "))


def greedy_turn(chat: ChatFormat, rules: TurnRules, seed: int) -> str:
    generator = torch.Generator().manual_seed(seed)
    turn = Turn(chat, rules, lambda: ACTIONS)
    while not turn.over:
        logits = torch.randn(len(TOKENIZER), generator=generator)
        turn.restrict(logits)
        turn.add(int(logits.argmax()))
    assert len(turn.token_ids) <= rules.max_new_tokens
    assert turn.token_ids[-1] in chat.stop_ids
    return parse_turn(chat.decode(turn.token_ids))[1]


@pytest.mark.parametrize("seed", range(20))
def test_a_constraint_holds_whatever_the_model_says(chat, seed):
    assert greedy_turn(chat, TurnRules(16, constraint="admissible"), seed) in ACTIONS
    assert greedy_turn(chat, TurnRules(16, constraint="well_formed"), seed)


def test_an_admissible_action_that_does_not_fit_is_never_begun(chat):
    rules = TurnRules(8, max_thought_tokens=4, constraint="admissible")
    assert {greedy_turn(chat, rules, seed) for seed in range(20)} == {"look"}
    turn = Turn(chat, rules, lambda: ["go to shelf 1"])
    with pytest.raises(UserError, match="no admissible action fits"):
        say(turn, ids(chat, "so I see a"))


@pytest.mark.parametrize(
    "values",
    [
        {"max_new_tokens": 1},
        {"max_thought_tokens": 0},
        {"max_repeats": 1},
        {"constraint": "polite"},
    ],
)
def test_bad_rules_are_user_errors(values):
    with pytest.raises(UserError):
        TurnRules(**{"max_new_tokens": 8, **values})


def test_a_thought_without_room_for_an_action_is_a_user_error(chat):
    with pytest.raises(UserError, match="no room for an action"):
        TurnRules(8, max_thought_tokens=7).check_label(chat)
