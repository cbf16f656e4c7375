"""Lists compared without their order."""

from __future__ import annotations

import pytest

from tratree.envs.listed import unordered
from tratree.envs.scienceworld.published import harmless

ROOM = """This room is called the kitchen. In it, you see: 
\ta counter. On the counter is: a drawer, a bowl (containing an orange, a box (containing a, b)).
\ta bed. On the bed is: a mattress. On the mattress is: a white pillow..
\ta table. On the table is: a red light bulb, which is off, a switch, which is on, a wire.
\ta thermometer, currently reading a temperature of 10 degrees celsius
You also see:
\tA door to the hallway (that is open)
\tA door to the outside (that is open)"""
SAME = """This room is called the kitchen. In it, you see:
\ta table. On the table is: a switch, which is on, a wire, a red light bulb, which is off.
\ta thermometer, currently reading a temperature of 10 degrees celsius

\ta bed. On the bed is: a mattress. On the mattress is: a white pillow..
\ta counter. On the counter is: a bowl (containing a box (containing b, a), an orange), a drawer.
You also see:
\tA door to the outside (that is open)
\tA door to the hallway (that is open)
"""


def test_order_is_no_difference():
    assert unordered(ROOM) == unordered(SAME)
    assert harmless(ROOM, SAME) == "in another order"
    unindented = [text.replace("\t", "") for text in (ROOM, SAME)]
    assert unordered(unindented[0]) == unordered(unindented[1])
    shelf = "You arrive at shelf 1. On the shelf 1, you see {}."
    told = [shelf.format(things) for things in ("a mug 1, and a pen 2", "a pen 2, and a mug 1")]
    assert unordered(told[0]) == unordered(told[1])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("bulb, which is off, a switch, which is on", "bulb, which is on, a switch, which is off"),
        ("an orange", "an apple"),
        ("a drawer, ", ""),
        ("a drawer, ", "a drawer, a drawer, "),
        ("On the mattress", "On the table"),
        ("drawer, a bowl (containing an orange", "bowl (containing a drawer, an orange"),
        ("\tA door to the hallway (that is open)\n", ""),
        ("the hallway (that is open)", "the hallway (that is closed)"),
        ("\ta bed", "\n\ta stove\n\ta bed"),
        ("kitchen", "workshop"),
    ],
)
def test_what_has_changed_is_a_difference(old, new):
    assert old in ROOM
    assert unordered(ROOM.replace(old, new)) != unordered(ROOM)
    assert harmless(ROOM.replace(old, new), SAME) == ""


def test_other_enumerations_keep_their_order():
    for one, other in (
        ("Your task is to: take a, then b", "Your task is to: take then b, a"),
        ("0: go to a\n1: go to b", "0: go to b\n1: go to a"),
        ("Choose:\n0: go to a\n1: go to b", "Choose:\n0: go to b\n1: go to a"),
    ):
        assert unordered(one) != unordered(other)


def test_a_few_degrees_are_told_from_others():
    said = "the thermometer measures a temperature of {} degrees celsius"
    assert harmless(said.format(-20), said.format(-18)) == "with up to 5 degrees more or less"
    assert harmless(said.format(-20), said.format(-14)) == ""
    assert harmless(said.format("-50.0"), said.format("-51.0")) == ""
    assert harmless(ROOM.replace("10 deg", "12 deg"), SAME) == "with up to 5 degrees more or less"
