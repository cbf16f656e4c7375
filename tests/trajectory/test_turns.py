"""Formatting and parsing of the agent's text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.trajectory.turns import format_turn, parse_turn

LABEL_FREE = st.text().filter(lambda text: "Action" not in text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thought: I see it.\nAction: take mug 1", ("I see it.", "take mug 1")),
        ("Thought : I see it . Action : take mug 1", ("I see it .", "take mug 1")),
        ("Action: look", ("", "look")),
        ("  \n Action:look \n", ("", "look")),
        ("I see it. Action: look", ("I see it.", "look")),
        ("look", ("", "look")),
        ("Thought: no label", ("", "Thought: no label")),
        ("Transaction: click[buy]", ("", "Transaction: click[buy]")),
        ("Thought: a\nAction: b\nAction: c", ("a", "b\nAction: c")),
        ("", ("", "")),
    ],
)
def test_parse(text, expected):
    assert parse_turn(text) == expected


def test_format_leaves_out_an_empty_thought():
    assert format_turn(" ", "look") == "Action: look"
    assert format_turn("So.", "look") == "Thought: So.\nAction: look"


@given(thought=LABEL_FREE, action=st.text())
def test_parsing_undoes_formatting(thought, action):
    assert parse_turn(format_turn(thought, action)) == (thought.strip(), action.strip())


@given(st.text())
def test_parsing_never_raises(text):
    thought, action = parse_turn(text)
    assert thought == thought.strip()
    assert action == action.strip()
