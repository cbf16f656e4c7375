"""Messages as other libraries write them: their speakers, parts, calls and order."""

import csv
import io
import json

import pytest

from tests.trajectory.reading.episode import ACTIONS, ANSWERS, OPENING, ROWS, TURNS, chat, expect

CALLS = [{"name": "act", "arguments": json.dumps({"action": action})} for action in ACTIONS]
PARSED = [{"action": action} for action in ACTIONS]


def turns(first, *makers):
    """Return a message, and what each maker makes of a step's (number, thought, answer)."""
    steps = [(n, t, b) for n, (_, t, _, b) in enumerate(ROWS)]
    return [first, *(make(*step) for step in steps for make in makers)]


FORMS = {
    "speakers in objects": {
        "messages": [
            {
                "role": {"label": m["role"]},
                "items": [{"$type": "Text", "text": m["content"]}],
            }
            for m in chat()
        ]
    },
    "speakers beside messages": {
        "records": [
            {"role_at_backend": m["role"], "message": {"role_name": "x", "content": m["content"]}}
            for m in chat()
        ]
    },
    "fields with underscores": {
        "messages": turns(
            {"_role": "user", "_content": [{"text": OPENING}]},
            lambda n, t, b: {
                "_role": "assistant",
                "_content": [
                    {"text": t},
                    {"tool_call": {"tool_name": "act", "arguments": PARSED[n]}},
                ],
            },
            lambda n, t, b: {"_role": "tool", "_content": [{"tool_call_result": {"result": b}}]},
        )
    },
    "answers of the system": {
        "content": turns(
            {"role": "user", "content": OPENING},
            lambda n, t, b: {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": t},
                    {"type": "server_tool_use", "name": "act", "input": PARSED[n]},
                ],
            },
            lambda n, t, b: {
                "role": "system",
                "content": [{"type": "tool_result", "output": [{"type": "text", "text": b}]}],
            },
        )
    },
    "types with dots": {
        "entries": turns(
            {"type": "message.input", "role": "user", "content": OPENING},
            lambda n, t, b: {"type": "message.output", "role": "assistant", "content": t},
            lambda n, t, b: {"type": "function.call", **CALLS[n]},
            lambda n, t, b: {"type": "function.result", "result": b},
        )
    },
    "plans and documents": {
        "messages": turns(
            {"role": "user", "content": OPENING},
            lambda n, t, b: {
                "role": "assistant",
                "tool_plan": t,
                "tool_calls": [{"function": CALLS[n]}],
            },
            lambda n, t, b: {
                "role": "tool",
                "content": [{"type": "document", "document": {"data": b}}],
            },
        )
    },
    "authors of contents": {
        "events": turns(
            {"author": "user", "content": {"role": "user", "parts": [{"text": OPENING}]}},
            lambda n, t, b: {
                "author": "agent",
                "content": {
                    "role": "model",
                    "parts": [{"text": t}, {"functionCall": {"name": "act", "args": PARSED[n]}}],
                },
            },
            lambda n, t, b: {
                "author": "agent",
                "content": {
                    "role": "user",
                    "parts": [{"functionResponse": {"response": {"result": b}}}],
                },
            },
        )
    },
    "the last one first": {
        "data": [{**m, "created_at": 100 + n} for n, m in enumerate(chat())][::-1]
    },
    "inputs of actions": {
        "task": OPENING,
        "current_reasoning": [
            half
            for n, (_, t, _, b) in enumerate(ROWS)
            for half in (
                {"thought": t, "action": "act", "action_input": PARSED[n]},
                {"observation": b},
            )
        ],
    },
    "a request's body": {
        "body": {"messages": chat()[:-1]},
        "response": {"body": {"choices": [{"message": chat()[-1]}]}},
    },
    "chats that grow": {"query": OPENING, "train_messages": [chat()[:2], chat()]},
    "texts with their speakers": {
        "memory": [
            f"{speaker}: {text}"
            for o, t, a, _ in ROWS
            for speaker, text in (("OBS", o), ("THOUGHT", t), ("ACT", a))
        ]
    },
    "triples": {"turns": [[n, m["role"], m["content"]] for n, m in enumerate(chat())]},
    "lists side by side": {"user": [o for o, *_ in ROWS], "assistant": TURNS},
    "players": {
        "turns": [
            {"player": "env" if m["role"] == "user" else "agent", "move": m["content"]}
            for m in chat()
        ]
    },
    "speakers in Chinese": {
        "conversations": [
            {"role": "用户" if m["role"] == "user" else "助手", "content": m["content"]}
            for m in chat()
        ]
    },
    "texts in turn": {"trajectory": [m["content"] for m in chat()]},
    "a request in other words": {
        "request_body": {"messages": chat()[:-1]},
        "response_body": {"choices": [{"message": chat()[-1], "finish_reason": "stop"}]},
    },
    "inputs and outputs": {
        "inputs": {"messages": chat()[:-1]},
        "outputs": {"message": chat()[-1]},
    },
    "kinds of data": {
        "events": [
            {"kind": kind, "data": text}
            for row in ROWS
            for kind, text in zip(("obs", "thought", "act"), row[:3], strict=True)
        ]
    },
    "rows of a session": [
        {"type": "session.created"},
        *({"type": "conversation.item.created", "item": message} for message in chat()),
    ],
    "numbered prompts and answers": [
        {"conversation_id": "x", "turn": n, "prompt": row[0], "response": turn}
        for n, (row, turn) in enumerate(zip(ROWS, TURNS, strict=True))
    ],
    "types of messages": {
        "messages": turns(
            {"message_type": "user_message", "content": OPENING},
            lambda n, t, b: {"message_type": "reasoning_message", "reasoning": t},
            lambda n, t, b: {"message_type": "tool_call_message", "tool_call": CALLS[n]},
            lambda n, t, b: {"message_type": "tool_return_message", "tool_return": b},
        )
    },
    "calls that Python has printed": {
        "messages": turns(
            {"role": "user", "content": OPENING},
            lambda n, t, b: {"role": "assistant", "content": f"<think>{t}</think>"},
            lambda n, t, b: {
                "role": "tool-call",
                "content": f"Calling tools:\n{[{'id': 'c', 'function': dict(CALLS[n])}]}",
            },
            lambda n, t, b: {"role": "tool-response", "content": f"Observation:\n{b}"},
        )
    },
    "payloads": [
        {"type": "session_meta", "payload": {"id": "s"}},
        *(
            {"type": "response_item", "payload": payload}
            for payload in turns(
                {"type": "message", "role": "user", "content": [{"text": OPENING}]},
                lambda n, t, b: {"type": "reasoning", "summary": [{"text": t}]},
                lambda n, t, b: {"type": "function_call", **CALLS[n], "call_id": n},
                lambda n, t, b: {"type": "function_call_output", "call_id": n, "output": b},
            )
        ),
    ],
    "calls with their answers": {
        "task": OPENING,
        "messages": [
            {
                "role": "assistant",
                "content": t,
                "tool_calls": [{"function": CALLS[n], "result": b}],
            }
            for n, (_, t, _, b) in enumerate(ROWS)
        ],
    },
    "messages of each side": {
        "user_messages": [o for o, *_ in ROWS],
        "agent_messages": TURNS,
    },
    "an object in a text": {"data": json.dumps({"messages": chat()})},
    "parameters of a request": {
        "responses_create_params": {"input": [{"role": "user", "content": OPENING}]},
        "response": {"status": "completed", "output": chat()[1:]},
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_messages_are_read(form, tmp_path):
    expect(FORMS[form], tmp_path)


def test_other_names_of_a_prompt_and_its_answer(tmp_path):
    said = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in chat()]
    prompt = f"{said[0]}<|im_start|>assistant\n"
    rest = f"{TURNS[0]}<|im_end|>\n" + "".join(said[2:])
    record = {"input_prompt": prompt, "output_response": rest, "score": 0.0}
    expect(record, tmp_path, score=0.0)
    expect({"sequence": prompt + rest, "score": 0.0}, tmp_path, score=0.0)


def test_a_completed_text_is_no_part_of_its_prompt(tmp_path):
    said = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in chat()]
    prompt = "".join(said[:3]) + "<|im_start|>assistant\n"
    expect({"prompt": prompt, "choices": [{"text": TURNS[1], "finish_reason": "stop"}]}, tmp_path)


def test_messages_in_the_cells_of_a_table(tmp_path):
    told = [{f"message.{k}": v for k, v in m.items()} for m in chat()]
    table = io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["attributes.llm.input_messages", "attributes.llm.output_messages"])
    rows.writerow([json.dumps(told[:-1]), json.dumps(told[-1:])])
    expect(table.getvalue(), tmp_path, name="log.csv")


def test_code_and_turns_with_attributes(tmp_path):
    code = [f"<think>{t}</think>\n```python\nenv.step('{a}')\n```" for _, t, a, _ in ROWS]
    said = [(o, c) for (o, *_), c in zip(ROWS, code, strict=True)]
    turn = '<turn role="user">{}</turn>\n<turn role="assistant">{}</turn>\n'
    text = "<trajectory id='t1'>\n" + "".join(turn.format(*pair) for pair in said)
    expect(f"{text}</trajectory>", tmp_path, name="log.txt")


def test_metrics_with_their_results_state_the_score(tmp_path):
    metrics = [{"metric": "success", "result": False}, {"metric": "steps", "result": 2}]
    expect({"messages": chat(), "evaluations": metrics}, tmp_path, score=0.0)


def test_several_actions_of_a_step(tmp_path):
    plan = {"subgoal": "a pen", "actions": ACTIONS, "observations": ANSWERS}
    expect({"task": OPENING, "steps": [plan]}, tmp_path, thoughts=False)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_numbered_steps_in_any_order(order, tmp_path):
    steps = [{"step": n, "observation": o, "thought": t, "action": a}
             for n, (o, t, a, _) in enumerate(ROWS)]  # fmt: skip
    told = [steps[n] for n in order]
    expect({"steps": told}, tmp_path)
    expect([{"episode": 1, **step} for step in told], tmp_path, name="log.jsonl")
