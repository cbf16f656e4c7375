"""Texts that WebShop's rule calls the same action show the same page."""

from __future__ import annotations

import random

import pytest

from tests.envs.webshop.shops import open_shop
from tratree.envs.webshop.actions import action_key, forgiving_key, read_action


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("search[red running shoes]", "Search[shoes  Red, running]"),
        ("search[shoes for running]", "search[run shoe]"),
        ("click[Buy Now]", "click [buy  now]"),
        ("click[Buy Now]", "click[buy now] please"),
        ("click[Buy Now]", "click[buy\nnow]"),
        ("click[Buy Now]", "click[Buy Now]\nObservation: [SEP]"),
        ("buy  it", "Buy it"),
        ("click[weiß]", "click[WEISS]"),
    ],
)
def test_same(one: str, other: str) -> None:
    assert action_key(one) == action_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("search[red shoes]", "search[red red shoes]"),
        ("click[red shoes]", "click[shoes red]"),
        ("search[buy now]", "click[buy now]"),
        ("click[ ]", "click[red]"),
        ("search[the]", "search[]"),
    ],
)
def test_not_the_same(one: str, other: str) -> None:
    assert action_key(one) != action_key(other)


@pytest.mark.parametrize("action", ["", "search[]", "click[ ]", "buy", "search shoes"])
def test_neither_a_search_nor_a_click(action: str) -> None:
    assert read_action(action)[1] == ""


@pytest.mark.parametrize("typed", ["click[the blue one.]", "Click[Blue one]", "click[blue one .]!"])
def test_read_forgivingly(typed: str) -> None:
    assert forgiving_key(typed) == "click[blue one]"


def test_same_searches_find_the_same_page(generated) -> None:
    env = open_shop(generated)
    rng = random.Random(0)
    for task in rng.sample(env.tasks("all"), 40):
        words = task.instruction.split()
        shuffled = [rng.choice([str.upper, str])(word) for word in rng.sample(words, len(words))]
        one, other = f"search[{task.instruction}]", f"Search[{'  '.join(shuffled)}]"
        assert action_key(one) == action_key(other)
        env.reset(task)
        expected = env.step(one)
        env.reset(task)
        assert env.step(other) == expected
        assert expected.valid
