"""Texts that ScienceWorld's rule calls the same action are the same to the simulator."""

from __future__ import annotations

import random

import pytest

from tratree.envs.scienceworld.actions import action_key, printable
from tratree.envs.scienceworld.gold import GoldPaths
from tratree.envs.scienceworld.simulator import Simulator


def test_same() -> None:
    assert action_key("Look at  the picture") == action_key("look at a PICTURE\n") != ""
    assert action_key("pick up an orange") == "pick up orange"
    assert action_key("take\x00mug") == "take mug"


def test_not_the_same() -> None:
    assert action_key("look at picture") != action_key("look in picture")
    assert action_key("focus on theatre") == "focus on theatre"


@pytest.mark.parametrize("name", ["find-plant", "lifespan-longest-lived"])
def test_same_actions_lead_to_the_same_outcomes(
    simulator: Simulator, gold: GoldPaths, name: str
) -> None:
    def play(actions: list[str]) -> list:
        simulator.load(name, 0)
        return [simulator.step(printable(action)) for action in actions]

    rng = random.Random(0)
    plan = gold.path(name, 0)
    typed = [
        " ".join(
            rng.choice(["", "the ", "A ", "an "]) + rng.choice([str.upper, str])(word)
            for word in action.split()
        )
        for action in plan
    ]
    assert list(map(action_key, typed)) == list(map(action_key, plan))
    assert play(typed) == play(plan) == play([action_key(action) for action in typed])
