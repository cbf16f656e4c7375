"""Steps under the names and in the objects that publishers put them."""

import json

import pytest

from tratree.trajectory.reading.bare_actions import BARE
from tratree.trajectory.reading.records import read_record
from tratree.trajectory.reading.step_fields import is_step, plain_step
from tratree.trajectory.tool_calls import THOUGHTS

OPENING = "You are in the middle of a room.\nYour task is to: put a pen in drawer."
THOUGHT = ["It may be on the desk.", "There it is."]
ACTIONS = ["go to desk 1", "take pen 1 from desk 1"]
ANSWERS = ["On the desk 1, you see a pen 1.", "You pick up the pen 1 from the desk 1."]
VERBS, OBJECTS = ["go to", "take"], ["desk 1", "pen 1 from desk 1"]
BEFORE = [OPENING, ANSWERS[0]]


def told(record):
    (trajectory,) = read_record(record)
    assert trajectory.first_observation == OPENING
    assert [step.action for step in trajectory.steps] == ACTIONS
    assert trajectory.steps[0].observation == ANSWERS[0]
    assert trajectory.steps[1].observation in (ANSWERS[1], "")
    return trajectory


def thoughts(record):
    return [step.thought for step in told(record).steps]


@pytest.mark.parametrize("name", THOUGHTS)
def test_a_thought_stands_beside_a_bare_action(name):
    rows = list(zip(THOUGHT, ACTIONS, ANSWERS, strict=True))
    seen = list(zip(BEFORE, THOUGHT, ACTIONS, strict=True))
    user = [{"role": "user", "content": text} for text in BEFORE]
    for steps in (
        [{name: t, "action": a, "observation": o} for t, a, o in rows],
        [{"agent": {name: t, "action": a}, "env": {"observation": o}} for t, a, o in rows],
        [{"response": {name: t, "action": a}, "observation": o} for t, a, o in rows],
        [{"action": {name: t, "action": a}, "observation": {"text": o}} for t, a, o in rows],
        [{name: t, "command": a, "result": {"observation": o, "reward": 0}} for t, a, o in rows],
    ):
        assert thoughts({"task": OPENING, "steps": steps}) == THOUGHT
    for agent in (
        [{"role": "assistant", name: t, "content": a} for _, t, a in seen],
        [{"role": "assistant", name: t, "action": a} for _, t, a in seen],
        [{"role": "assistant", "content": t, "action": a} for _, t, a in seen],
    ):
        messages = [m for pair in zip(user, agent, strict=True) for m in pair]
        assert thoughts({"messages": messages}) == THOUGHT


@pytest.mark.parametrize("name", ["data", "interactions"])
def test_inputs_and_outputs_are_turns(name):
    said = [f"Thought: {t}\nAction: {a}" for t, a in zip(THOUGHT, ACTIONS, strict=True)]
    turns = [{"input": o, "output": a} for o, a in zip(BEFORE, said, strict=True)]
    assert thoughts({"id": "x", name: turns}) == THOUGHT
    assert thoughts({"id": "x", "episode": {name: turns}}) == THOUGHT
    bare = [{"input": o, "output": a} for o, a in zip(BEFORE, ACTIONS, strict=True)]
    assert told({name: bare}).record["doubt"] == BARE


def test_a_whole_call_is_the_tool_of_a_log():
    for name in ("tool", "call"):
        log = [{name: a, "result": o} for a, o in zip(ACTIONS, ANSWERS, strict=True)]
        told({"task": OPENING, "log": log})
        log = [{name: f'step("{a}")', "result": o} for a, o in zip(ACTIONS, ANSWERS, strict=True)]
        told({"task": OPENING, "log": log})


def test_what_is_only_seen_tells_the_order():
    rows = [{"action": a, "observation": o} for a, o in zip(ACTIONS, ANSWERS, strict=True)]
    for first in ({"observation": OPENING}, {"action": "reset", "observation": OPENING}):
        told({"steps": [first, *rows]})
    before = [{"action": a, "observation": o} for a, o in zip(ACTIONS, BEFORE, strict=True)]
    told({"steps": [*before, {"observation": ANSWERS[1], "action": None}]})


def test_raw_outputs_hold_the_thoughts_of_bare_actions():
    raw = [f"<think>{t}</think><action>{a}</action>" for t, a in zip(THOUGHT, ACTIONS, strict=True)]
    steps = [
        {"prompt": "...", "response": r, "action": a, "observation": o}
        for r, a, o in zip(raw, ACTIONS, ANSWERS, strict=True)
    ]
    assert thoughts({"task": OPENING, "steps": steps}) == THOUGHT


def test_plain_steps_are_plain_again():
    step = {"agent": {"plan": "t", "act": "a"}, "prompt": "p", "obs": "o", "state": "{}", "n": 1}
    plain = {"thought": "t", "action": "a", "observation": "o", "n": 1}
    assert plain_step(step) == plain_step(plain) == plain


@pytest.mark.parametrize(
    "record",
    [
        {"actions": ["a"], "observations": ["o"]},
        {"action": "a"},
        {"observation": "o"},
        {"result": "o", "output": "a"},
    ],
)
def test_records_and_parts_are_no_steps(record):
    assert not is_step(record)


def test_lines_are_actions_only_where_no_turn_has_a_label():
    def chat(*said):
        texts = zip(BEFORE, said, strict=True)
        return {"conversations": [t for pair in texts for t in pair]}

    bare = told(chat(*ACTIONS))
    assert bare.record["doubt"] == BARE
    (mixed,) = read_record(chat("Action: look", ACTIONS[1]))
    assert [step.action for step in mixed.steps] == ["look", ""]
    assert json.dumps(mixed.record["record"]).count(ACTIONS[1]) == 1


@pytest.mark.parametrize(
    "steps",
    [
        [
            {"source": "user", "message": OPENING},
            *(
                {
                    "source": "agent",
                    "message": t,
                    "tool_calls": [{"function_name": "act", "arguments": {"action": a}}],
                    "observation": {"results": [{"source_call_id": "c", "content": b}]},
                }
                for t, a, b in zip(THOUGHT, ACTIONS, ANSWERS, strict=True)
            ),
        ],
        [
            {"anchor_obs": o, "text_actions": f"<think>{t}</think><action>{a}</action>"}
            for o, t, a in zip(BEFORE, THOUGHT, ACTIONS, strict=True)
        ],
        [
            {
                "state": {"obs": o, "valid_actions": ["look"]},
                "thinking": t,
                "action": {"type": verb, "value": what},
            }
            for o, t, verb, what in zip(BEFORE, THOUGHT, VERBS, OBJECTS, strict=True)
        ],
        [
            {"event": kind, "text": text}
            for row in zip(BEFORE, THOUGHT, ACTIONS, strict=True)
            for kind, text in zip(("observation", "thought", "action"), row, strict=True)
        ],
        [
            {"obs": o.split("\n"), "thought": t, "options": ["look", a], "action": 1}
            for o, t, a in zip(BEFORE, THOUGHT, ACTIONS, strict=True)
        ],
        [
            {"env_state": {"text": o}, "agent_step": {"reasoning": t, "action": a}}
            for o, t, a in zip(BEFORE, THOUGHT, ACTIONS, strict=True)
        ],
        {
            f"turn_{n}": {"user": o, "assistant": f"Thought: {t}\nAction: {a}"}
            for n, (o, t, a) in enumerate(zip(BEFORE, THOUGHT, ACTIONS, strict=True))
        },
    ],
    ids=[
        "observations of messages",
        "other names",
        "verbs",
        "events",
        "numbers of actions",
        "states",
        "numbered turns",
    ],
)
def test_steps_of_other_publishers(steps):
    assert thoughts({"score": 0, **steps} if isinstance(steps, dict) else {"x": steps}) == THOUGHT


def test_what_is_seen_at_the_end_may_stand_beside_the_steps():
    steps = [{"obs": o, "act": a} for o, a in zip(BEFORE, ACTIONS, strict=True)]
    last = told({"steps": steps, "final_obs": ANSWERS[1]}).steps[1]
    assert last.observation == ANSWERS[1]
