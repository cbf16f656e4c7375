"""The forms of turns: each reads what it writes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.trajectory.turn_parsing import parse_turn
from tratree.trajectory.turns import TURN_FORMS, format_turn, parse_plain

LABEL_FREE = st.text().filter(lambda text: "Action" not in text)
WORDS = st.text("abc xyz019[]/,.'-", max_size=20).map(str.strip)


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
def test_the_plain_form(text, expected):
    assert parse_plain(text) == expected


def test_format_leaves_out_an_empty_thought():
    assert format_turn(" ", "look") == "Action: look"
    assert format_turn("So.", "look") == "Thought: So.\nAction: look"


@given(thought=LABEL_FREE, action=st.text())
def test_plain_parsing_undoes_formatting(thought, action):
    assert parse_plain(format_turn(thought, action)) == (thought.strip(), action.strip())


@given(
    st.sampled_from(sorted(TURN_FORMS)),
    WORDS,
    st.sampled_from(["look", "go to desk 1", "put mug 1 in/on desk 2", 'search[12" tv, white]']),
)
def test_each_form_reads_what_it_writes(name, thought, action):
    form = TURN_FORMS[name]
    text = form.format(thought, action)
    assert form.parse(text) == (thought, action)
    assert form.has_label(text)
    assert form.is_whole(text + "\n")
    assert not form.is_whole(text.partition(form.label)[0] + form.label)


def test_a_label_in_a_thought_does_not_end_a_turn():
    for name in ("react", "tags"):
        form = TURN_FORMS[name]
        thinking = "<think>Shall I say\nAction: look\nor something else?"
        assert not form.has_label(thinking)
        assert not form.is_whole(thinking + "\n")
        said = f"{thinking}</think>\n{form.format('', 'go')}"
        assert form.has_label(said)
        assert form.is_whole(said + "\n")
        assert form.parse(said)[1] == "go"


@pytest.mark.parametrize("said", ["```\nlook\n```", '{\n"name": "act",\n"arguments": "look"}'])
def test_an_action_of_several_lines_ends_where_it_can_be_read(said):
    form = TURN_FORMS["react"]
    lines = f"Action:\n{said}\n".splitlines(keepends=True)
    starts = ["".join(lines[:number]) for number in range(1, len(lines) + 1)]
    whole = next(start for start in starts if form.is_whole(start))
    assert form.parse(whole)[1] == "look"


@given(st.text())
def test_parsing_never_raises(text):
    for parse in (parse_plain, parse_turn):
        thought, action = parse(text)
        assert thought == thought.strip()
        assert action == action.strip()
        assert parse is parse_plain or "\n" not in action
