"""Reading a turn in any form."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tratree.external_data import external_data
from tratree.trajectory.turn_parsing import parse_turn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thought: I see it.\nAction: take mug 1", ("I see it.", "take mug 1")),
        ("Thought : I see it . Action : take mug 1", ("I see it .", "take mug 1")),
        ("I see it. Action: look", ("I see it.", "look")),
        ("THOUGHT: near.\n ACTION: go to desk 1", ("near.", "go to desk 1")),
        ("💭 Thought: near.\n=> Action: > look", ("near.", "look")),
        (
            '<invoke name="act"><parameter name="action">look</parameter></invoke>',
            ("", "look"),
        ),
        ("Thought: x\nAction: [look]", ("x", "look")),
        ("Thought: x\nAction: <look>", ("x", "look")),
        ("<think>a</think>\n<answer>look</answer>", ("a", "look")),
        ("<thought>a</thought><answer>Action: look</answer>", ("a", "look")),
        ('{"thought": "x", "action": "look"}', ("x", "look")),
        ('```json\n{"thought": "x", "action": "look"}\n```', ("x", "look")),
        ("<|begin_of_text|><think>t</think>Action: look<|endoftext|>", ("t", "look")),
        ("◁think▷t◁/think▷Action: look", ("t", "look")),
        ("Thought: x\nCommand: look", ("x", "look")),
        ("Thought: x\nActions: look", ("x", "look")),
        ("Thought: x\nAction: - look", ("x", "look")),
        ("Thought: x\nAction:\n1. look", ("x", "look")),
        ('Thought: x\nAction: act\nAction Input: {"action": "look"}', ("x", "look")),
        (
            "<|channel|>analysis<|message|>I think<|end|>"
            "<|start|>assistant<|channel|>final<|message|>Action: look<|return|>",
            ("I think", "look"),
        ),
        ("<think>x</think>\n\n```\nlook\n```", ("x", "look")),
        ('[TOOL_CALLS] [{"name": "act", "arguments": {"action": "look"}}]', ("", "look")),
        ('<|python_tag|>{"name": "act", "parameters": {"action": "look"}}', ("", "look")),
        ("Thought: x\nAction (3): look", ("x", "look")),
        ("Thought: x\nAction[3]: look", ("x", "look")),
        ('<thought>x</thought>\n<action name="go">look</action>', ("x", "look")),
        ("<action><action>look</action></action>", ("", "look")),
        ("Thought: x\nAction: look<END>", ("x", "look")),
        ("**Thought:** open\n**Action:** open drawer 2", ("open", "open drawer 2")),
        ("<b>Thought:</b> open<br><b>Action:</b> open drawer 2", ("open", "open drawer 2")),
        ("Thought - open\nACTION - open drawer 2", ("open", "open drawer 2")),
        ("AI: Thought: a\nAction: look", ("a", "look")),
        ("### Thinking:\na\n\n### The action:\nlook\0", ("a", "look")),
        ("Thought: a\n> look", ("a", "look")),
        (
            "Thought: I answer with <action> and then the command.",
            ("Thought: I answer with <action> and then the command.", ""),
        ),
        ("I see it. <action>look", ("I see it.", "look")),
        ("Thought: Thought: near\nAction: Action: look", ("near", "look")),
        ("Step 1: Thought: a\nStep 1: Action: look", ("a", "look")),
        ("Thought: a.Action: look</answer>", ("a.", "look")),
        ("===Thought===\na\n===Action===\nlook", ("a", "look")),
        ("<|thought|>a<|action|>look", ("a", "look")),
        ("<think>a</think>\nThought: b\n<actions>look</actions>", ("a\nb", "look")),
        ("Thought: a\nAction: <code>look</code>", ("a", "look")),
        ("<answer>Thought: c\nAction: look</answer>", ("c", "look")),
        ('{"thoughts": {"text": "a"}, "command": {"name": "look", "args": {}}}', ("a", "look")),
        (
            'a\n{"tool_calls": [{"function": {"name": "act", "arguments": {"action": "look"}}}]}',
            ("a", "look"),
        ),
        ('Thought: a\nAction: ```json\n{"action": "look"}\n```', ("a", "look")),
        ("Thought: a\n\n```\nAction: look\n```", ("a", "look")),
        ("I will go.\nACTION\ngo to desk 1", ("I will go.", "go to desk 1")),
        ("Thought: a\nAction: 'look'.", ("a", "look")),
        ("`Action: look`", ("", "look")),
        ("Assistant: Thought: a Action: look", ("a", "look")),
        ("### Thought\nopen\n### Action\nopen drawer 2", ("open", "open drawer 2")),
        ("**Action: look**", ("", "look")),
        ("Thought：a\nAction： search[red cup]", ("a", "search[red cup]")),
        ("Thought 1: a\nAction 1: look\nObservation 1: b\nAction 2: go", ("a", "look")),
        ("Thought: a\nAct: look", ("a", "look")),
        ("Thought: a\nNext action: look", ("a", "look")),
        ("Thought: the Action: label\nAction: look", ("the Action: label", "look")),
        ("Thought: a\nAction: Action: look", ("a", "look")),
        ("Thought: a\nAction: b\nAction: c", ("a", "c")),
        ("Thought: a\nAction: look\nAction:", ("a", "look")),
        ("Thought: a\nAction: look\n\nNow I wait for the result.", ("a", "look")),
        ("Thought:\na\n\nAction: \nclick[large] \n\nNext.", ("a", "click[large]")),
        ("Action:\n```\ngo to shelf 1\n```", ("", "go to shelf 1")),
        ("Action: `look`", ("", "look")),
        ('Action: "look"', ("", "look")),
        ("Action: look</s>", ("", "look")),
        ("Action: look<|im_end|>\n<|im_start|>user\nA desk.", ("", "look")),
        ("<|im_start|>assistant\nThought: a\nAction: look<|im_end|>", ("a", "look")),
        ("<think>Maybe Action: look.</think>\nAction: go", ("Maybe Action: look.", "go")),
        ("Maybe so.</think>\nAction: go", ("Maybe so.", "go")),
        ("<thinking>a</thinking>Thought: b\nAction: go", ("a\nb", "go")),
        ("<think>a</think><action>take pen 1</action>", ("a", "take pen 1")),
        ("<think>a</think>\n<action>take pen 1", ("a", "take pen 1")),
        ("a\n<ACTION> look </ACTION>", ("a", "look")),
        ("<action>Action: look</action>", ("", "look")),
        ('{"thought": "a", "action": "look"}', ("a", "look")),
        ('Thought: a\nAction: {"name": "act", "arguments": {"action": "look"}}', ("a", "look")),
        ('a\n```json\n{"action": "look"}\n```', ("a", "look")),
        (
            'a\n<tool_call>\n{"name": "act", "arguments": {"action": "go"}}\n</tool_call>',
            ("a", "go"),
        ),
        ("a\n<function=act>\n<parameter=action>look</parameter>\n</function>", ("a", "look")),
        ("Thought: a\nAction: act\nAction Input: go to desk 1", ("a", "go to desk 1")),
        ('Action: search\nAction Input: {"query": "red cup"}', ("", "search[red cup]")),
        ("search[red cup]", ("", "search[red cup]")),
        ("Thought: buy it.\nclick[buy now]", ("buy it.", "click[buy now]")),
        ("> go to desk 1", ("", "go to desk 1")),
        ("Thought: a\nAction: look Observation: You see a desk.", ("a", "look")),
        ("Action: ```look```", ("", "look")),
        ('Action: look\nObservation: {"action": "go"}', ("", "look")),
        ("<action>look</action>\nObservation: a\n<action>go</action>", ("", "look")),
        ("<think>a</think><action>look</action><action>go</action>", ("a", "look")),
        (
            '<tool_call>{"name": "look", "arguments": {}}</tool_call>\n<tool_response>go',
            ("", "look"),
        ),
        ("```\nThought: a\nAction: look\n```", ("a", "look")),
        ('{"Thought": "a", "Action": "look"}', ("a", "look")),
        ("Action: go to desk 1\nAction Input: None", ("", "go to desk 1")),
        ("Action: take\nAction Input: mug 1 from shelf 1", ("", "take mug 1 from shelf 1")),
        ('Action: act("look")', ("", "look")),
        ("Action: click[large (a)]", ("", "click[large (a)]")),
        ("1. Thought: a\n2. Action: look", ("a", "look")),
        ("[Thought] a\n[Action] look", ("a", "look")),
        ("【Thought】：a\n【Action】：look", ("a", "look")),
        ("Thought: a\nAction: <action>look</action>", ("a", "look")),
        ("(Thought) a\n(Action) look", ("a", "look")),
        ("Chosen action: look", ("", "look")),
        ("**(Action)** look", ("", "look")),
        ("Thought: a\nAction to take: look", ("a", "look")),
        ('<function=act>{"action": "look"}</function>', ("", "look")),
        ("Thought: a\n（动作）look", ("a", "look")),
        ("Thought: a\nAction: `go to desk 1`.", ("a", "go to desk 1")),
        ("Thought: a\nAction (step 3): look", ("a", "look")),
        ("Thought: a\nAction :: look", ("a", "look")),
        ("[Thought] a\n[ACTION]look[/ACTION]", ("a", "look")),
        ("<think>a</think>\\boxed{go to desk 1}", ("a", "go to desk 1")),
        ("So it is $\\boxed{\\text{look}}$.", ("So it is $", "look")),
        ("{'thought': 'a', 'action': 'look'}", ("a", "look")),
        ("Action: act({'action': 'look'})", ("", "look")),
        ("```tool_code\nact(action='look')\n```", ("", "look")),
        (
            'Action: ```json\n[\n {"tool_name": "act", "parameters": {"action": "look"}}\n]\n```',
            ("", "look"),
        ),
        (
            "a<tool_call>act\n<arg_key>action</arg_key>\n<arg_value>look</arg_value>\n</tool_call>",
            ("a", "look"),
        ),
        (
            '<tool_call><name>act</name><arguments>{"action": "look"}</arguments></tool_call>',
            ("", "look"),
        ),
        (
            "a<|tool_calls_section_begin|><|tool_call_begin|>functions.act:0"
            '<|tool_call_argument_begin|>{"action": "look"}<|tool_call_end|>'
            "<|tool_calls_section_end|>",
            ("a", "look"),
        ),
        (
            "<think>a</think><｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>act\n"
            '```json\n{"action": "look"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
            ("a", "look"),
        ),
        (
            'a<|action_start|><|plugin|>{"name": "act", "parameters": {"action": "look"}}'
            "<|action_end|>",
            ("a", "look"),
        ),
        (
            '<|tool_call|>[{"name": "act", "arguments": {"action": "look"}}]<|/tool_call|>',
            ("", "look"),
        ),
        ("\ufeffThought: a\n\u200bAction:\u00a0go\u00a0on\u200b", ("a", "go on")),
    ],
)
def test_every_form_is_read(text, expected):
    assert parse_turn(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "I would like to look around.",
        "",
        "Sorry, I cannot help with that.",
        "Thought: no label",
        "look",
        "Transaction: click[buy]",
        "Action:",
        "I will take action: look.",
        "Previous action: look",
        "Available actions: look",
        "<think>never ends. Action: look",
        '{"foo": 1}',
        "> think: where is it?",
        "<tool_call>{broken</tool_call>",
    ],
)
def test_what_cannot_be_read_is_no_action(text):
    assert parse_turn(text) == (text.strip(), "")


def test_published_cases():
    path = external_data("cases/turns.json")
    if path is None:
        pytest.skip("the external data have no cases (TRATREE_DATA)")
    cases = json.loads(path.read_text())
    assert [(t, *parse_turn(t)) for t, _, _ in cases["turns"]] == [tuple(c) for c in cases["turns"]]
    assert [parse_turn(text)[1] for text in cases["unreadable"]] == [""] * len(cases["unreadable"])


PIECES = st.sampled_from(
    [
        "Thought:",
        "Action:",
        "ACTION：",
        "<think>",
        "</think>",
        "<action>",
        "</action>",
        "```",
        "\n",
        "Observation:",
        "{",
        "}",
        '{"action": "',
        '"}',
        "<tool_call>",
        "</s>",
        "**",
        " ",
        "look",
        "1",
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_is_read_is_in_the_text(text):
    thought, action = parse_turn(text)
    assert action in text.replace("\\", "")
    assert "\n" not in action
    assert action or thought in text
