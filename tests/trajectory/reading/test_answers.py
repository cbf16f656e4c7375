"""Observations before or after actions, told from the texts."""

import pytest

from tratree.external_data import external_data
from tratree.trajectory.reading.answers import come_after
from tratree.trajectory.reading.goals import last_statement
from tratree.trajectory.reading.read import read_any

ROOM = "You are in the middle of a room. Looking quickly around you, you see a desk 1."
ACTIONS = ["go to desk 1", "take mug 1 from desk 1", "go to shelf 1"]
ANSWERS = [
    "On the desk 1, you see a mug 1.",
    "You pick up the mug 1 from the desk 1.",
    "On the shelf 1, you see nothing.",
]


@pytest.mark.parametrize(
    ("actions", "seen", "expected"),
    [
        (ACTIONS, ANSWERS, True),
        (ACTIONS, [ROOM, *ANSWERS[:2]], False),
        (["look", "go to desk 1"], [ROOM, ANSWERS[0]], True),
        (["go east", "sit"], ["Nothing happens.", "A chair."], True),
        (["sit"], ["Your task is to: sit."], False),
        (["search[cup]", "click[b01]"], ["[SEP] Back to Search [SEP] Page 1", "cup"], True),
        (["sit", "stand"], ["A hall with a bench.", "Fine."], None),
        ([], [], None),
    ],
)
def test_what_texts_tell(actions, seen, expected):
    assert come_after(actions, seen) is expected


@pytest.mark.parametrize("name", ["sciworld_agentgym_10.json", "webshop_agentgym_200.json"])
def test_published_episodes_in_either_order(name):
    path = external_data(f"trajectories/{name}")
    if path is None:
        pytest.skip("the external data have no trajectories (TRATREE_DATA)")
    told = read_any(path)
    assert len(told) >= 10
    for trajectory in told:
        actions = [step.action for step in trajectory.steps]
        seen = [step.observation for step in trajectory.steps]
        stated = last_statement(trajectory.first_observation)
        scene = trajectory.first_observation if stated is None else stated.before
        assert come_after(actions, seen) is True
        assert come_after(actions, [scene, *seen[:-1]]) is False
