"""Conversation files of others: read, written again, and told in each other's format."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.errors import UserError
from tratree.external_data import external_data
from tratree.trajectory.conversations import (
    FORMATS,
    to_record,
    write_conversations,
)
from tratree.trajectory.jsonl import read_trajectories, write_trajectories
from tratree.trajectory.reading.read import read_any, read_trajectory_files
from tratree.trajectory.reading.records import read_record
from tratree.trajectory.turn_parsing import parse_turn
from tratree.trajectory.types import Step, Task, Trajectory

TURNS = [
    ("human", "You are in a kitchen. Your task is to: look around."),
    ("gpt", "Thought:\nI see a door. \n\nAction: \nopen door "),
    ("human", "Observation: The door is open."),
    ("gpt", "Action: look"),
]
OPENING = [("human", "Answer with Thought and Action."), ("gpt", "Ok.")]


def from_record(record: Any) -> Trajectory:
    return read_record(record)[0]


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


def write(folder, *records):
    path = folder / "records.json"
    path.write_text(json.dumps(records))
    return path


@pytest.mark.parametrize("record", [AGENTGYM, ETO, TRL])
def test_what_a_conversation_tells(tmp_path, record):
    (told,) = read_any(write(tmp_path, record))
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
    told = read_any(path)
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
    told = read_any(write(tmp_path, record, record))
    assert [t.sample for t in told] == [0, 1]
    again = tmp_path / f"again{suffix}"
    write_conversations(again, told, format_name(record))
    lines = again.read_text()
    found = json.loads(lines) if suffix == ".json" else list(map(json.loads, lines.splitlines()))
    assert found == [record, record]
    assert read_any(again) == told


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


FORM_NAMES = list(FORMATS)
LOSS = {
    "item_id": "webshop_7",
    "reward": None,
    "note": {"by": "a person"},
    "conversations": [
        {"from": "human", "loss": None, "value": "Rules."},
        {"from": "gpt", "loss": False, "value": "Ok."},
        {"from": "human", "loss": None, "value": TURNS[0][1]},
        {"from": "gpt", "loss": False, "value": "I think."},
        {"from": "human", "loss": None, "value": "Error."},
        {"from": "gpt", "loss": True, "value": "Thought:\n\nso \n\nAction: \nlook "},
    ],
}
MESSAGES = {"trl": "messages"}


@pytest.mark.parametrize("there", FORM_NAMES)
@pytest.mark.parametrize("record", [AGENTGYM, ETO, TRL, LOSS])
def test_nothing_is_lost_on_the_way_to_another_format_and_back(record, there):
    home = FORMATS["agentgym" if record is LOSS else format_name(record)]
    away = json.loads(json.dumps(to_record(from_record(record), FORMATS[there])))
    said = [m[FORMATS[there].text] for m in away[MESSAGES.get(there, "conversations")]]
    key = "messages" if record is TRL else "conversations"
    assert said == [m.get("value", m.get("content")) for m in record[key]]
    assert away.get("reward") == record.get("reward")
    assert to_record(from_record(away), home) == record


def test_flags_go_with_the_messages():
    away = to_record(from_record(LOSS), FORMATS["trl"])
    assert to_record(replace(from_record(away)), FORMATS["agentgym"]) == LOSS
    fresh = to_record(from_record(TRL), FORMATS["agentgym"])["conversations"]
    assert [m["loss"] for m in fresh] == [None, None, True, None, True, None]


def test_an_edited_message_counts_and_its_token_ids_go():
    task = Task("t", "train", "k", "do")
    steps = (Step("a", "look", "b", (1, 2)), Step("c", "go", "d", (3, 4)))
    own = Trajectory(task, "Hall.", steps, 0.5, False, True, 3, "explore")
    record = to_record(own, FORMATS["trl"])
    assert from_record(record) == own
    record["messages"][1]["content"] = "Thought: a\nAction: sit"
    edited = from_record(record)
    assert [(s.action, s.token_ids) for s in edited.steps] == [("sit", ()), ("go", (3, 4))]
    assert (edited.task, edited.score, edited.sample) == (task, 0.5, 3)


def test_a_changed_trajectory_is_written_as_it_is_now():
    told = from_record(AGENTGYM)
    steps = (replace(told.steps[0], action="open window"), *told.steps[1:])
    record = to_record(replace(told, steps=steps), FORMATS["agentgym"])
    assert [m["value"] for m in record["conversations"]][:4] == [
        *(text for _, text in OPENING),
        TURNS[0][1],
        "Thought: I see a door.\nAction: open window",
    ]


def test_record_errors_are_said_and_others_taken(tmp_path):
    reading = read_trajectory_files(
        write(tmp_path, AGENTGYM, conversation(OPENING), {**ETO, "reward": "much"})
    )
    assert len(reading.trajectories) == 1
    reasons = [reason for _, reason in reading.skipped]
    assert reasons == [
        "no turn with an action that can be read",
        "reward is 'much', not a number",
    ]


def test_formats_are_named(tmp_path):
    with pytest.raises(UserError, match="use one of agentgym, eto, trl"):
        write_conversations(tmp_path / "a.json", [], "alpaca")
