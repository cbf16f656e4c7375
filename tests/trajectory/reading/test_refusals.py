"""Records that cannot be read: each is refused with a reason, and nothing breaks the reader."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trajectory.reading.chats import REAL, TASK, chat
from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.records import read_record

STEP = {"thought": "", "action": "look", "observation": ""}


OURS = {
    "task": {"task_id": "t", "split": "train", "task_type": "k", "instruction": "do"},
    "first_observation": "Hall.",
    "steps": [STEP],
    "score": 0.5,
    "success": False,
    "finished": True,
}


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (1, "it is 1, not an object"),
        (
            {"x": [{"input": "a", "output": "b"}, "c", {"input": "a", "output": "b"}]},
            "no conversations",
        ),
        ({"steps": [{"input": TASK, "output": "a"}, "a"]}, r"steps\[1\] is 'a', not a message"),
        ({}, "no conversations or messages"),
        ({"item_id": 1}, "no conversations or messages: it has item_id"),
        (chat(), "no conversations"),
        (chat(("human", TASK)), "no turn of an agent"),
        (chat(("human", TASK), ("gpt", "I give up.")), "no turn with an action"),
        (chat(("human", TASK), ("narrator", "x")), r"conversations\[1\] is from 'narrator'"),
        (chat(("human", TASK), ("gpt", 5)), r"conversations\[1\].value is 5, not text"),
        (
            chat(("human", TASK), {"from": "gpt", "value": "Action: a", "loss": "no"}),
            "loss is 'no'",
        ),
        (chat(("human", TASK), {"from": "gpt"}), r"conversations\[1\] has no text"),
        ({"steps": [{"observation": TASK, "action": ["a", "b"]}]}, "no turn with an action"),
        ({"messages": [[1]]}, r"messages\[0\] is list, not a message"),
        ({"first_observation": "", "task": {}, "steps": []}, "score is missing"),
        ({**OURS, "record": {"names": 5}}, "record.names is 5"),
        ({**OURS, "record": {"names": [5]}}, "record.names holds"),
        ({**OURS, "score": 7}, "score is not a number from 0 to 1 but 7"),
        ({**OURS, "score": float("nan")}, "JSON cannot"),
        ({**OURS, "success": {}}, "success is not true or false but dict"),
        ({**OURS, "steps": [{**STEP, "token_ids": [1.5]}]}, r"steps\[0\].token_ids is not a list"),
        ({**OURS, "steps": [{**STEP, "token_ids": [2**31]}]}, "token_ids is not a list"),
        (
            {**OURS, "steps": [{**STEP, "token_ids": [1], "inserted": [1]}]},
            "inserted are not rising",
        ),
        ({**OURS, "steps": [{**STEP, "token_ids": [1], "inserted": [0, 0]}]}, "inserted are not"),
        (
            {"goal": TASK, "steps": [{"action": "look", "shown": "A"}, {"action": "sit"}]},
            r"steps\[1\] acts, but nothing was seen after the last action",
        ),
        ({**OURS, "steps": [{**STEP, "action": 5}]}, r"steps\[0\].action is not text but 5"),
    ],
)
def test_what_is_no_conversation_is_said(record, said):
    with pytest.raises(RecordError, match=said):
        read_record(record)


def test_deep_nesting_is_said():
    deep: list = []
    for _ in range(100):
        deep = [deep]
    with pytest.raises(RecordError, match="nested more than 50 deep"):
        read_record(chat(*REAL, extra=deep))


NAMED = [
    "id",
    "item_id",
    "role",
    "from",
    "content",
    "value",
    "conversations",
    "messages",
    "reward",
    "success",
    "score",
    "loss",
]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["human", "gpt", "user", "tool", "Action: look", TASK, "sciworld_1"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMED) | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=20,
)


@given(VALUES)
def test_any_value_is_read_or_refused(value):
    with suppress(RecordError):
        assert all(0 <= t.score <= 1 for t in read_record(value))


@given(st.sampled_from(NAMED), VALUES, st.sampled_from(["record", "message"]))
def test_any_field_of_a_wrong_type_is_read_or_refused(name, value, where):
    record = chat(*REAL, id="1", reward=1)
    (record if where == "record" else record["conversations"][1])[name] = value
    with suppress(RecordError):
        told = read_record(record)
        assert all(isinstance(t.task.task_id, str) and 0 <= t.score <= 1 for t in told)
