"""Requests and their answers, calls of tools, and pairs of completions."""

import json

import pytest

from tests.trajectory.reading.chats import CALL, TASK, actions
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.records import read_record

ASKED = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TASK}]}


REASONED = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I see."}]}


CALLED = {"type": "function_call", "call_id": "1", "name": "act", "arguments": '{"action": "look"}'}


CALLED_2 = {**CALLED, "call_id": "2", "arguments": '{"action": "go"}'}


ANSWERED = {"type": "function_call_output", "call_id": "1", "output": "A desk."}


SPOKEN = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "output_text", "text": "I see."}],
}


@pytest.mark.parametrize(
    "record",
    [
        {"input": [ASKED, REASONED, CALLED, ANSWERED, CALLED_2]},
        {"input": TASK, "output": [SPOKEN, CALLED, ANSWERED, CALLED_2]},
        {"input": [ASKED, SPOKEN, CALLED, ANSWERED], "output": [CALLED_2], "instructions": "Act."},
        {"input": json.dumps([ASKED, REASONED, CALLED, ANSWERED, CALLED_2])},
        {"input": [ASKED, SPOKEN, CALLED, CALLED_2, {**ANSWERED, "call_id": "2"}, ANSWERED]},
        {"messages": [ASKED, REASONED, CALLED, ANSWERED, CALLED_2]},
        {"items": [ASKED, REASONED, CALLED, ANSWERED, CALLED_2]},
        {
            "request": {"body": {"input": [ASKED, SPOKEN, CALLED, ANSWERED]}},
            "response": {"body": {"output": [CALLED_2]}},
        },
        {
            "request": {
                "messages": [
                    {"role": "user", "content": TASK},
                    {"role": "assistant", "content": "I see.", "tool_calls": [CALL]},
                    {"role": "tool", "content": {"observation": "A desk."}},
                ]
            },
            "response": {"choices": [{"message": {"role": "assistant", "content": "> go"}}]},
        },
    ],
)
def test_responses_and_logged_requests_are_read(record):
    (told,) = read_record(record)
    assert told.first_observation == TASK
    assert actions(told) == ["look", "go"]
    assert (told.steps[0].thought, told.steps[0].observation) == ("I see.", "A desk.")


def test_a_text_asked_and_a_text_answered_are_a_conversation():
    (told,) = read_record({"input": TASK, "output": "Action: look"})
    assert (told.first_observation, actions(told)) == (TASK, ["look"])


def test_several_answered_calls_of_a_message_are_as_many_turns():
    def call(number, action):
        return {"id": f"c{number}", "function": {"name": "act", "arguments": {"action": action}}}

    def answer(number, text):
        return {"role": "tool", "tool_call_id": f"c{number}", "content": text}

    asked = {"role": "assistant", "content": "Two.", "tool_calls": [call(1, "look"), call(2, "go")]}
    front = [{"role": "user", "content": TASK}, asked]
    (told,) = read_record({"messages": [*front, answer(2, "You go."), answer(1, "A desk.")]})
    assert [(s.thought, s.action, s.observation) for s in told.steps] == [
        ("Two.", "look", "A desk."),
        ("", "go", "You go."),
    ]
    with pytest.raises(RecordError, match="no turn with an action"):
        read_record({"messages": [*front, answer(1, "A desk.")]})
    masked = [front[0], {**asked, "loss": False}, answer(1, "A desk."), answer(2, "You go.")]
    (told,) = read_record({"messages": masked})
    assert [s.trained for s in told.steps] == [False, False]


def test_an_unwanted_completion_is_as_a_rejected_one():
    told = [
        read_record({"prompt": TASK, "completion": "Action: look", "label": label})[0]
        for label in (True, False)
    ]
    assert [t.record.get("part") for t in told] == [None, "rejected"]
    assert [(t.scored, t.success) for t in told] == [(True, True), (True, False)]


def test_preference_pairs_tell_two_trajectories():
    prompt = [
        {"from": "human", "value": TASK},
        {"from": "gpt", "value": "Action: look"},
        {"from": "human", "value": "A desk."},
    ]
    record = {
        "conversations": prompt,
        "chosen": {"from": "gpt", "value": "Action: open desk 1"},
        "rejected": {"from": "gpt", "value": "Action: sit"},
        "score_chosen": 0.9,
        "score_rejected": 0.1,
    }
    chosen, rejected = read_record(record)
    assert actions(chosen) == ["look", "open desk 1"]
    assert actions(rejected) == ["look", "sit"]
    assert [s.trained for s in chosen.steps] == [False, True]
    assert (chosen.score, rejected.score, rejected.record["part"]) == (0.9, 0.1, "rejected")


def test_a_pair_may_hold_whole_conversations():
    said = [{"role": "user", "content": TASK}, {"role": "assistant", "content": "Action: look"}]
    chosen, _ = read_record({"prompt": TASK, "chosen": said, "rejected": said})
    assert actions(chosen) == ["look"]
    assert chosen.steps[0].trained


def test_a_rejected_answer_beside_the_messages():
    said = [{"role": "user", "content": TASK}, {"role": "assistant", "content": "Action: look"}]
    chosen, rejected = read_record({"messages": said, "rejected_response": "Action: sit"})
    assert (actions(chosen), actions(rejected)) == (["look"], ["sit"])
    assert rejected.record["part"] == "rejected"


def test_a_conversation_may_be_unwanted():
    said = [{"role": "user", "content": TASK}, {"role": "assistant", "content": "Action: look"}]
    (told,) = read_record({"messages": said, "kto_tag": False})
    assert (told.scored, told.success) == (True, False)


def test_sampled_answers_are_logged_with_their_prompts():
    asked = [{"role": "user", "content": TASK}]
    (told,) = read_record({"run_id": "r", "data": {"prompt": asked, "sampled": ["Action: look"]}})
    assert (told.first_observation, actions(told)) == (TASK, ["look"])
