"""Steps of an episode in the forms and orders that files have them."""

import json

import pytest

from tratree.trajectory.reading.record_error import RecordError
from tratree.trajectory.reading.records import read_record
from tratree.trajectory.reading.steps import ASSUMED

GOAL = "put a mug on the shelf"
ROOM = "You are in the middle of a room. Looking quickly around you, you see a desk 1."
ACTIONS = ["go to desk 1", "take mug 1 from desk 1"]
ANSWERS = ["On the desk 1, you see a mug 1.", "You pick up the mug 1 from the desk 1."]
BEFORE = [ROOM, ANSWERS[0]]


def stepwise(seen, **fields):
    return [
        {"observation": o, "action": a, "reward": 0, **fields}
        for a, o in zip(ACTIONS, seen, strict=True)
    ]


def sorted_by_name(record):
    return json.loads(json.dumps(record, sort_keys=True))


def told(record):
    (trajectory,) = read_record(record)
    assert [step.action for step in trajectory.steps] == ACTIONS
    return trajectory.first_observation, [step.observation for step in trajectory.steps]


@pytest.mark.parametrize("fields", [{}, {"thought": "x"}, {"done": False}])
@pytest.mark.parametrize("changed", [lambda record: record, sorted_by_name])
def test_texts_tell_the_order_of_steps(fields, changed):
    before = changed({"goal": GOAL, "steps": stepwise(BEFORE, **fields)})
    assert told(before) == (f"Task: {GOAL}\n{ROOM}", [ANSWERS[0], ""])
    after = changed({"goal": GOAL, "steps": stepwise(ANSWERS, **fields)})
    assert told(after) == (f"Task: {GOAL}", ANSWERS)
    assert told(changed({"steps": stepwise(ANSWERS, **fields)})) == ("", ANSWERS)


def test_both_observations_of_a_step_are_named():
    steps = stepwise(BEFORE)
    for step, answer in zip(steps, ANSWERS, strict=True):
        step["next_observation"] = answer
    assert told(sorted_by_name({"steps": steps})) == (ROOM, ANSWERS)


def test_lists_side_by_side():
    assert told({"goal": GOAL, "actions": ACTIONS, "observations": ANSWERS})[1] == ANSWERS
    assert told({"goal": GOAL, "actions": ACTIONS, "observations": BEFORE})[1] == [ANSWERS[0], ""]
    every = [ROOM, *ANSWERS]
    assert told({"goal": GOAL, "actions": ACTIONS, "observations": every})[1] == ANSWERS


def test_pairs_in_either_order():
    expected = (f"Task: {GOAL}", ANSWERS)
    answered = [list(pair) for pair in zip(ACTIONS, ANSWERS, strict=True)]
    assert told({"goal": GOAL, "trajectory": answered}) == expected
    labelled = [[f"Thought: x\nAction: {action}", seen] for action, seen in answered]
    assert told({"goal": GOAL, "history": labelled}) == expected
    seen_first = [list(pair) for pair in zip(BEFORE, ACTIONS, strict=True)]
    expected = (f"Task: {GOAL}\n{ROOM}", [ANSWERS[0], ""])
    assert told({"goal": GOAL, "trajectory": seen_first}) == expected


STILL = [
    {"action": "sit", "observation": "A hall with a bench."},
    {"action": "stand", "observation": "Fine."},
]


def test_the_order_of_names_counts_where_it_was_chosen():
    def answers(record):
        return [step.observation for step in read_record(record)[0].steps]

    assert answers({"steps": STILL}) == ["A hall with a bench.", "Fine."]
    assert answers({"steps": [dict(reversed(step.items())) for step in STILL]}) == ["Fine.", ""]
    thought = [{"thought": "x", **step} for step in STILL]
    assert answers({"steps": thought}) == ["A hall with a bench.", "Fine."]
    sorted_steps = [{**step, "thought": "x"} for step in STILL]
    assert answers({"steps": sorted_steps}) == ["A hall with a bench.", "Fine."]
    assert ASSUMED in read_record({"steps": sorted_steps})[0].record["doubt"]
    opened = {"initial_observation": "A hall.", "steps": sorted_steps}
    assert answers(opened) == ["A hall with a bench.", "Fine."]
    assert "doubt" not in read_record(opened)[0].record


def test_thoughts_in_the_place_of_actions_are_thoughts():
    steps = [
        {"action": "think: I need a mug.", "observation": "OK."},
        {"action": ACTIONS[0], "observation": ANSWERS[0]},
        {"action": ACTIONS[1], "observation": ANSWERS[1]},
    ]
    assert told({"goal": GOAL, "steps": steps}) == (f"Task: {GOAL}", ANSWERS)
    (trajectory,) = read_record({"goal": GOAL, "steps": steps})
    assert trajectory.steps[0].thought == "I need a mug."


def test_steps_that_repeat_the_chat_before_them():
    asked, said = {"role": "user", "content": ROOM}, {"role": "assistant", "content": "Act: sit"}
    seen = {"role": "user", "content": "You sit."}
    first = {"prompt": [asked], "response": "Act: sit"}
    second = {"prompt": [asked, said, seen], "response": "Act: stand"}
    (trajectory,) = read_record({"steps": [first, second]})
    assert [(s.action, s.observation) for s in trajectory.steps] == [
        ("sit", "You sit."),
        ("stand", ""),
    ]
    with pytest.raises(RecordError, match="the chat before step 1 does not begin"):
        read_record({"steps": [first, {**second, "prompt": [said, seen]}]})


@pytest.mark.parametrize(
    "names",
    [("agentAction", "nextObs"), ("agent-action", "next-observation"), ("agent", "env")],
)
def test_names_in_other_spellings(names):
    steps = [{names[0]: f"Action: {a}", names[1]: o} for a, o in zip(ACTIONS, ANSWERS, strict=True)]
    assert told({"goal": GOAL, "steps": steps}) == (f"Task: {GOAL}", ANSWERS)
    by_number = {f"step_{n}": step for n, step in enumerate(steps)}
    assert told({"goal": GOAL, "steps": by_number}) == (f"Task: {GOAL}", ANSWERS)


def test_speakers_within_texts():
    said = [f"User: {ROOM}", "Agent: Action: go to desk 1", f"User: {ANSWERS[0]}"]
    (trajectory,) = read_record({"dialogue": said})
    assert (trajectory.first_observation, trajectory.steps[0].observation) == (ROOM, ANSWERS[0])


def test_steps_with_only_the_new_messages():
    def step(n, role, seen):
        call = {"function": {"name": "act", "arguments": {"action": ACTIONS[n]}}}
        return {
            "observation": [{"role": role, "content": seen}],
            "action": {"value": {"role": "assistant", "content": "x", "tool_calls": [call]}},
            "next_observation": [{"role": "tool", "content": ANSWERS[n]}],
            "reward": 0.5,
        }

    steps = [step(0, "user", ROOM), step(1, "tool", ANSWERS[0])]
    assert told({"steps": steps}) == (ROOM, ANSWERS)
    assert read_record({"steps": steps})[0].score == 0.5


def test_a_step_with_a_text_among_those_with_messages():
    steps = [
        {"prompt": [{"role": "user", "content": ROOM}], "act": ACTIONS[0]},
        {"prompt": [ANSWERS[0]], "act": ACTIONS[1]},
    ]
    assert told({"steps": steps}) == (ROOM, [ANSWERS[0], ""])


def test_columns_with_what_was_seen_after():
    columns = {"obs": BEFORE, "act": ACTIONS, "obs_next": ANSWERS, "rews": [0, 1.0]}
    assert told(columns) == (ROOM, ANSWERS)
    assert read_record(columns)[0].success


def test_pairs_that_python_has_printed():
    pairs = list(zip(ACTIONS, ANSWERS, strict=True))
    assert told({"goal": GOAL, "traj": str(pairs)}) == (f"Task: {GOAL}", ANSWERS)


def test_columns_of_objects_and_flat_fields():
    columns = {"states": [{"text": o} for o in BEFORE], "actions": [{"text": a} for a in ACTIONS]}
    assert told(columns) == (ROOM, [ANSWERS[0], ""])
    flat = {"s0": ROOM, "a0": ACTIONS[0], "s1": ANSWERS[0], "a1": ACTIONS[1], "s2": ANSWERS[1]}
    assert told(flat) == (ROOM, ANSWERS)
    calls = [{"cmd": a, "out": o, "code": 0} for a, o in zip(ACTIONS, ANSWERS, strict=True)]
    assert told({"goal": GOAL, "calls": calls}) == (f"Task: {GOAL}", ANSWERS)


def test_thoughts_of_rows_are_no_observations():
    rows = [[o, "I think.", a] for o, a in zip(BEFORE, ACTIONS, strict=True)]
    with pytest.raises(RecordError):
        read_record({"transitions": rows})


def test_commands_and_what_they_gave():
    columns = {"objective": GOAL, "walkthrough": ACTIONS, "feedbacks": ANSWERS, "ret": 0.25}
    assert told(columns) == (f"Task: {GOAL}", ANSWERS)
    assert read_record(columns)[0].score == 0.25
    steps = [{"command": a, "feedback": o} for a, o in zip(ACTIONS, ANSWERS, strict=True)]
    for name in ("intro", "context"):
        assert told({name: ROOM, "steps": steps}) == (ROOM, ANSWERS)


@pytest.mark.parametrize("word", ["blue", "ghost"])
def test_a_first_action_may_be_answered_with_the_page_that_opened(word):
    goal = f"Find me a {word} shirt for men, and price lower than 40.00 dollars"
    page = f"WebShop [SEP] Instruction: [SEP] {goal} [SEP] Search"
    seen = [page, f"Instruction: [SEP] {goal} [SEP] Page 1"]
    steps = [
        {"thought": "So.", "action": a, "observation": o}
        for a, o in zip(["click[]", "search[blue shirt]"], seen, strict=True)
    ]
    opening = page.replace(word, "blue")
    (trajectory,) = read_record({"initial_observation": opening, "steps": steps})
    assert trajectory.first_observation == opening
    assert [step.observation for step in trajectory.steps] == seen
