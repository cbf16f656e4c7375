"""Tool calls as actions."""

import pytest

from tratree.trajectory.tool_calls import call_in_text, call_to_action


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("act", {"action": "look"}, "look"),
        ("env.step", '{"action": "look"}', "look"),
        ("take_action", "go to desk 1", "go to desk 1"),
        ("take_action", '{"action": "go to', None),
        ("anything", {"action": "look"}, "look"),
        ("search", {"query": "red cup"}, "search[red cup]"),
        ("click", "buy now", "click[buy now]"),
        ("search", {"keywords": "search[red cup]"}, "search[red cup]"),
        ("go", {"location": '"shelf 1"'}, "go to shelf 1"),
        ("take", {"item": "mug 1", "source": "shelf 2"}, "take mug 1 from shelf 2"),
        ("put", {"item": "mug 1", "target": "shelf 2"}, "put mug 1 in/on shelf 2"),
        ("move", {"item": "mug 1", "target": "shelf 2"}, "move mug 1 to shelf 2"),
        ("heat", {"item": "mug 1", "tool": "microwave 1"}, "heat mug 1 with microwave 1"),
        ("look_around", {}, "look around"),
        ("inventory", None, "inventory"),
        ("act", {}, None),
        ("search", {}, None),
        ("act", {"action": ["look"]}, None),
        ("act", [1], None),
        (None, {}, None),
    ],
)
def test_calls(name, arguments, action):
    assert call_to_action(name, arguments) == action


def test_a_call_counts_only_at_the_end_of_a_text():
    assert call_in_text('It says {"action": "look"} on the wall, I read.') is None
    assert call_in_text('So {"a": 1}: {"action": "look"}') == ('So {"a": 1}:', "look")
    assert call_in_text('{"foo": 1}') is None
    assert call_in_text("{" * 3000) is None
