"""Conversation files of others: read, written again, and told in each other's format."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.trajectory.conversations import (
    FORMATS,
    from_record,
    to_record,
    write_conversations,
)
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.reading.read import read_trajectory_files
from tratree.trajectory.turns import parse_turn
from tratree.trajectory.types import Step, Task, Trajectory

TURNS = [
    ("human", "You are in a kitchen. Your task is to: look around."),
    ("gpt", "Thought:\nI see a door. \n\nAction: \nopen door "),
    ("human", "Observation: The door is open."),
    ("gpt", "Action: look"),
]
OPENING = [("human", "Answer with Thought and Action."), ("gpt", "Ok.")]


def conversation(turns, **fields):
    return {**fields, "conversations": [{"from": who, "value": said} for who, said in turns]}


AGENTGYM = conversation([*OPENING, *TURNS], item_id="alfworld_7")
ETO = conversation([*OPENING, *TURNS], id=12, game_file="train/pick/trial", reward=0.75)
TRL = {
    "id": "a",
    "messages": [
        {"role": "system", "content": "Act."},
        *({"role": {"human": "user", "gpt": "assistant"}[w], "content": s} for w, s in TURNS),
        {"role": "user", "content": "You look."},
    ],
    "tools": [],
}


def format_name(record):
    return ("agentgym", "eto", "trl")[[AGENTGYM, ETO, TRL].index(record)]


def read_conversations(path):
    return read_trajectory_files(path).trajectories


def write(folder, *records):
    path = folder / "records.json"
    path.write_text(json.dumps(records))
    return path


@pytest.mark.parametrize("record", [AGENTGYM, ETO, TRL])
def test_what_a_conversation_tells(tmp_path, record):
    (told,) = read_conversations(write(tmp_path, record))
    assert told.first_observation == TURNS[0][1]
    last = "You look." if record is TRL else ""
    assert told.steps == (
        Step("I see a door.", "open door", "The door is open."),
        Step("", "look", last),
    )
    names = {"agentgym": "alfworld_7", "eto": "train/pick/trial", "trl": "a"}
    assert told.task.task_id == names[format_name(record)]
    outcome = told.score, told.success, told.scored
    assert outcome == ((0.75, False, True) if record is ETO else (0.0, False, False))
    assert told.source == "import"


@pytest.mark.parametrize("name", ["webshop_agentgym_200", "sciworld_agentgym_10"])
def test_published_files_are_written_again_byte_by_byte(tmp_path, name):
    path = external_data(f"trajectories/{name}.json")
    if path is None:
        pytest.skip("the external data have no trajectories (TRATREE_DATA)")
    told = read_conversations(path)
    assert len(told) == int(name.rpartition("_")[2])
    assert all(step.thought and step.action and step.valid for t in told for step in t.steps)
    assert not any(t.scored for t in told)
    assert all(step.observation for t in told for step in t.steps[:-1])
    write_conversations(tmp_path / "theirs.json", told, "agentgym")
    assert (tmp_path / "theirs.json").read_bytes() == path.read_bytes()
    write_trajectories(tmp_path / "ours.jsonl", told)
    kept = read_trajectories(tmp_path / "ours.jsonl")
    assert kept == told
    write_conversations(tmp_path / "theirs.json", kept, "agentgym")  # fields are in another order
    assert json.loads((tmp_path / "theirs.json").read_text()) == json.loads(path.read_text())


@pytest.mark.parametrize("record", [AGENTGYM, ETO, TRL])
@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_records_are_written_again(tmp_path, record, suffix):
    told = read_conversations(write(tmp_path, record, record))
    assert [t.sample for t in told] == [0, 1]
    again = tmp_path / f"again{suffix}"
    write_conversations(again, told, format_name(record))
    lines = again.read_text()
    found = json.loads(lines) if suffix == ".json" else list(map(json.loads, lines.splitlines()))
    assert found == [record, record]
    assert read_conversations(again) == told


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_tells_the_others_what_was_said(name):
    told = from_record(AGENTGYM)
    translated = from_record(to_record(told, FORMATS[name]))
    assert translated.steps == told.steps
    assert translated.first_observation == told.first_observation
    assert translated.task == told.task


WORDS = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]), max_size=12)
SAID = st.builds(lambda a, b: parse_turn(f"Thought: {a}\nAction: {b}"), WORDS, WORDS)
OWN = st.builds(
    lambda first, turns, **rest: Trajectory(
        first_observation=first, steps=tuple(Step(*t, o, i) for t, o, i in turns), **rest
    ),
    WORDS,
    st.lists(
        st.tuples(
            SAID,
            st.sampled_from(["Nothing happens.", "Observation: \u2028"]),
            st.lists(st.integers(0, 9)).map(tuple),
        ),
        min_size=1,
        max_size=3,
    ),
    task=st.builds(Task, WORDS, WORDS, WORDS, WORDS),
    score=st.floats(0, 1),
    success=st.booleans(),
    finished=st.booleans(),
    sample=st.integers(0, 9),
    source=WORDS,
)


@given(OWN, st.sampled_from(list(FORMATS)))
def test_our_trajectories_come_back_from_every_format(trajectory, name):
    record = json.loads(json.dumps(to_record(trajectory, FORMATS[name])))
    assert from_record(record) == trajectory


def test_agentgym_says_what_is_trained_on():
    (*_, last) = to_record(replace(from_record(TRL), record={}), FORMATS["agentgym"])[
        "conversations"
    ]
    assert last == {"from": "human", "loss": None, "value": "You look."}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "has no records"),
        ("[]", "has no records"),
        ('[{"conversations"', "neither a JSON list nor one JSON record a line"),
        ("\x00\xff", "neither a JSON list"),
        ("[1]", "record 1 of .* is not a conversation"),
        ('[{"item_id": 1}]', "no list of conversations or messages"),
        (json.dumps([AGENTGYM, conversation(OPENING)]), "record 2 .* no turn with an Action:"),
        (json.dumps([conversation([*TURNS, TURNS[3]])]), "message 5 is from 'gpt' out of turn"),
        (
            json.dumps([conversation([*TURNS, ("human", None)])]),
            "record 1 of .*(Type|Attribute)Error",
        ),
        (json.dumps([{**ETO, "reward": "much"}]), "record 1 of .*ValueError"),
    ],
)
def test_bad_files_are_named_in_one_line(tmp_path, content, said):
    path = tmp_path / "bad.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=said) as error:
        read_conversations(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_missing_files_and_formats_are_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*none\.json"):
        read_conversations(tmp_path / "none.json")
    with pytest.raises(UserError, match="use one of agentgym, eto, trl"):
        write_conversations(tmp_path / "a.json", [], "alpaca")
