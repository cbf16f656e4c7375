"""Episodes that others recorded with the original, played again on the same catalogue."""

import json
import re
from dataclasses import replace

import pytest

from tests.envs.webshop.shops import open_shop
from tratree.envs.webshop.catalogue import read_products
from tratree.envs.webshop.goals import synthetic_goals
from tratree.envs.webshop.pages import SEPARATOR
from tratree.external_data import external_data

BOUND = re.compile(r"price lower than ([\d.]+) dollars$")


@pytest.fixture(scope="module")
def recorded():
    path = external_data("trajectories/webshop_agentgym_200.json")
    if path is None:
        pytest.skip("the external data have no recorded episodes (TRATREE_DATA)")
    return json.loads(path.read_text())


def spaced(text):
    return " ".join(text.split())


def test_recorded_episodes_give_the_same_pages_and_full_reward(recorded, official):
    goals = synthetic_goals(read_products(official, 1000), seed=0)
    for episode in recorded:  # the price bounds were drawn without a seed
        number = int(episode["item_id"].removeprefix("webshop_"))
        instruction = episode["conversations"][2]["value"].split(SEPARATOR)[2]
        without_bound = instruction.partition(", and price lower")[0]
        assert goals[number].instruction.partition(", and price lower")[0] == without_bound
        bound = float(BOUND.search(instruction)[1])
        goals[number] = replace(goals[number], instruction=instruction, price_bound=bound)
    env = open_shop(official, goals=goals)
    tasks = {task.task_id: task for task in env.tasks("all")}

    pages = []
    for episode in recorded:
        turns = [turn["value"] for turn in episode["conversations"][2:]]
        result = env.reset(tasks[episode["item_id"]])
        for page, answer in zip(turns[::2], turns[1::2], strict=True):
            pages.append((spaced(result.observation), spaced(page)))
            result = env.step(answer.rpartition("Action:")[2].strip())
            assert result.valid
        assert result.success
    assert len(pages) == 1003
    assert [ours for ours, theirs in pages if ours != theirs] == []
