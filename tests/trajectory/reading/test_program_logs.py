"""Logs of agent programs: requests, spans, columns, steps with numbered fields."""

import json

import pytest

from tests.trajectory.reading.episode import (
    ACTIONS,
    ANSWERS,
    OPENING,
    ROWS,
    TURNS,
    chat,
    expect,
)
from tratree.trajectory.reading.read import read_trajectory_files


def called(n):
    return {"name": "act", "arguments": json.dumps({"action": ACTIONS[n]})}


def spans():
    for n in (1, 3):
        told = [{f"message.{k}": v for k, v in m.items()} for m in chat()[: n + 1]]
        said = {"llm.input_messages": told[:-1], "llm.output_messages": told[-1:]}
        yield {"name": "ChatCompletion", "attributes": said, "status": {"status_code": "OK"}}


def flat(span):
    fields = {}
    for side, messages in span["attributes"].items():
        for n, message in enumerate(messages):
            fields |= {f"{side}.{n}.{key}": value for key, value in message.items()}
    return {**span, "attributes": fields}


PARTS = [{"role": m["role"].replace("assistant", "model"), "parts": [{"text": m["content"]}]}
         for m in chat()]  # fmt: skip
RENDERED = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in chat()]
PLAIN = [f"{m['role']}\n{m['content']}\n" for m in chat()]
FORMS = {
    "spans": list(spans()),
    "flat spans": [flat(span) for span in spans()],
    "Weave": {
        "op_name": "run",
        "output": {"trajectory": [{"obs": o, "thought": t, "action": a} for o, t, a, _ in ROWS]},
        "summary": {"weave": {"status": "success"}},
    },
    "RLDS": {
        "steps": [
            *({"observation": {"text": o}, "reason": t, "action": a} for o, t, a, _ in ROWS),
            {"observation": {"text": ANSWERS[1]}, "action": "", "is_last": True},
        ]
    },
    "AgentLab": {
        "steps": [
            {"obs": {"text": o, "image": None}, "action": a, "agent_info": {"think": t}}
            for o, t, a, _ in ROWS
        ]
    },
    "DSPy": {
        "question": OPENING,
        "trajectory": {
            f"{name}_{n}": value
            for n, (_, t, a, b) in enumerate(ROWS)
            for name, value in (
                ("thought", t),
                ("tool_name", "act"),
                ("tool_args", {"action": a}),
                ("observation", b),
            )
        },
    },
    "numbered fields": {
        "task": OPENING,
        **{f"Thought {n}": row[1] for n, row in enumerate(ROWS)},
        **{f"Action {n}": row[2] for n, row in enumerate(ROWS)},
        **{f"Observation {n}": row[3] for n, row in enumerate(ROWS)},
    },
    "SWE-agent": {
        "history": [
            m if m["role"] == "user" else {**m, "content": f"{t}\n```\n{a}\n```", "thought": t}
            for m, (_, t, a, _) in zip(chat(), [r for r in ROWS for _ in "ab"], strict=True)
        ]
    },
    "Gemini": {
        "request": {"contents": PARTS[:-1]},
        "response": {"candidates": [{"content": PARTS[-1]}]},
    },
    "Anthropic": {
        "params": {"system": "Act.", "messages": chat()[:-1]},
        "result": {"type": "succeeded", "message": {"type": "message", **chat()[-1]}},
    },
    "a rendered prompt": {
        "input": f"{RENDERED[0]}<|im_start|>assistant\n",
        "output": TURNS[0] + "<|im_end|>\n" + "".join(RENDERED[2:]),
    },
    "a prompt without its tokens": {
        "input": f"{PLAIN[0]}assistant\n",
        "output": f"{TURNS[0]}\n" + "".join(PLAIN[2:]),
    },
    "steps by environment": {
        "env_0": [{"obs": o, "action": turn} for (o, *_), turn in zip(ROWS, TURNS, strict=True)]
    },
    "ART": {
        "messages_and_choices": [
            m if m["role"] == "user" else {"index": 0, "message": m} for m in chat()
        ]
    },
    "AutoGen": {
        "messages": [
            {"source": "user", "content": OPENING},
            *(
                {"source": "assistant", "content": said}
                for n, (_, t, _, b) in enumerate(ROWS)
                for said in (t, [{"id": "c", **called(n)}], [{"content": b, "call_id": "c"}])
            ),
        ]
    },
    "lines of a session": [{"type": "summary"}]
    + [{"type": m["role"], "sessionId": "s", "message": m} for m in chat()],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_log_is_the_episode(form, tmp_path):
    expect(FORMS[form], tmp_path)


def test_fields_after_the_sign_of_a_prompt(tmp_path):
    said = "> goal: a pen\nlocation: here\nthought: {}\naction: {}\n\n{}\n"
    text = OPENING + "\n" + "".join(said.format(t, a, b) for _, t, a, b in ROWS)
    (tmp_path / "log.txt").write_text(text)
    [told] = read_trajectory_files(tmp_path / "log.txt").trajectories
    assert [(step.action, step.observation) for step in told.steps] == list(
        zip(ACTIONS, ANSWERS, strict=True)
    )


def test_records_that_the_next_one_goes_on_with_are_counted(tmp_path):
    file = tmp_path / "log.jsonl"
    file.write_text("\n".join(json.dumps(span) for span in spans()))
    reading = read_trajectory_files(file)
    assert [reason for _, reason in reading.skipped] == [
        "it is only the beginning of the next record"
    ]
    scored = [{"messages": chat()[: n + 1], "reward": 0} for n in (1, 3)]
    file.write_text("\n".join(map(json.dumps, scored)))
    assert len(read_trajectory_files(file).trajectories) == 2


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"reward": 0.0, "status": "success"}, (0.0, False)),
        ({"reward": 1.0, "status": "failed"}, (1.0, False)),
        ({"status": "success", "latency": 3}, (0.0, False)),
        ({"status": "success"}, (1.0, True)),
        ({"run_type": "chain", "status": "success", "outputs": {"reward": 1}}, (1.0, True)),
    ],
)
def test_a_program_that_ended_well_solved_nothing(fields, outcome, tmp_path):
    (tmp_path / "log.json").write_text(json.dumps({"messages": chat(), **fields}))
    [told] = read_trajectory_files(tmp_path / "log.json").trajectories
    assert (told.score, told.success) == outcome


def test_a_tool_that_ended_well_solved_nothing(tmp_path):
    answer = {"role": "tool", "content": ANSWERS[1], "status": "success"}
    (tmp_path / "log.json").write_text(json.dumps({"messages": [*chat(), answer]}))
    [told] = read_trajectory_files(tmp_path / "log.json").trajectories
    assert not told.scored


def test_the_reward_of_a_last_observation_counts(tmp_path):
    steps = [{"observation": o, "action": a, "reward": 0} for o, _, a, _ in ROWS]
    steps.append({"observation": ANSWERS[1], "action": None, "reward": 1})
    (tmp_path / "log.json").write_text(json.dumps({"steps": steps}))
    [told] = read_trajectory_files(tmp_path / "log.json").trajectories
    assert (told.score, told.success) == (1.0, True)
